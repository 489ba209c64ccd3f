"""Do events and RFID3's own rows lead to the same present, whichever of the two brings what, and when?"""

import asyncio
import random
import shutil
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tworoads
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tworoads import Line, Scan

from rfid3_demand.taking_in.facts import dated_facts
from rfid3_demand.taking_in.reading import read_rows
from rfid3_demand.taking_in.reference import read_moment, read_reference
from rfid3_shared.db import create_tables, open_engine, store_metadata

TODAY = (tworoads.START + timedelta(days=12)).date()
Known = dict[str, Any]


async def known_by(source_dsn: str, store_dsn: str, classes: frozenset[str] | None = None) -> Known:
    """Moment and facts of each kind, in order."""
    source, store = open_engine(source_dsn), open_engine(store_dsn)
    async with source.connect() as reading, store.connect() as events:
        moment = await read_moment(reading, events, TODAY, datetime.min) or datetime.min
        known = await read_reference(reading, moment, 400)
        rows = await read_rows(reading, events, moment, datetime.min, classes)
        for each in vars(rows).values():
            if isinstance(each, list):  # in which order a database gives its rows is its own affair
                random.Random(len(each)).shuffle(each)
        facts = dated_facts(rows, known, moment, classes)
    for engine in (source, store):
        await engine.dispose()
    return {
        "moment": moment,
        **{kind: sorted(row for row in each.rows() if row[2] <= moment) for kind, each in facts.kinds.items()},
    }


async def by_rfid3(dsn: str, scans: Sequence[Scan], lines: Sequence[Line], every: Sequence[Line]) -> None:
    engine = open_engine(dsn)
    async with engine.begin() as connection:
        await tworoads.write_scans(connection, scans)
        await tworoads.write_lines(connection, lines, every)
    await engine.dispose()


async def by_events(dsn: str, happened: Sequence[Scan | Line], seed: int) -> None:
    engine = open_engine(dsn)
    async with engine.begin() as connection:
        await tworoads.post(connection, happened, seed)
    await engine.dispose()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the source before anything happened, and a store without events."""
    folder = tmp_path_factory.mktemp("roads")

    async def made() -> None:
        source, store = (open_engine(f"sqlite:///{folder / name}") for name in ("source.db", "store.db"))
        await tworoads.found(source, past=True)
        await create_tables(store, store_metadata)
        for engine in (source, store):
            await engine.dispose()

    asyncio.run(made())
    return folder


@given(tworoads.scan_list, tworoads.line_list, st.integers(0, 2**20), st.data())
@settings(max_examples=20, phases=[Phase.generate])
def test_either_road_leads_to_the_same_facts(empty, scans, lines, seed, data) -> None:
    """Posted out of order and twice, written by RFID3, or both: the facts are those of RFID3 having written everything."""
    roads = st.sampled_from(["event", "rfid3", "both"])
    of_scans = [data.draw(roads) for _ in scans]
    last = tworoads.latest(lines)
    of_lines = {(line.contract, line.number): data.draw(roads) for line in last}
    written = [scan for scan, road in zip(scans, of_scans, strict=True) if road != "event"]
    written_lines = [line for line in last if of_lines[line.contract, line.number] != "event"]
    posted: list[Scan | Line] = [scan for scan, road in zip(scans, of_scans, strict=True) if road != "rfid3"]
    posted += [line for line in lines if of_lines[line.contract, line.number] != "rfid3"]
    with tempfile.TemporaryDirectory() as folder:
        for name in ("source.db", "store.db"):
            shutil.copy(empty / name, Path(folder) / name)
            shutil.copy(empty / name, Path(folder) / f"own_{name}")
        dsn = {name: f"sqlite:///{folder}/{name}.db" for name in ("source", "store", "own_source", "own_store")}

        async def both() -> tuple[Known, Known, Known, Known]:
            await by_rfid3(dsn["own_source"], scans, last, lines)
            await by_rfid3(dsn["source"], written, written_lines, lines)
            await by_events(dsn["store"], posted, seed)
            some = frozenset({"10", "30"})
            return (
                await known_by(dsn["own_source"], dsn["own_store"]), await known_by(dsn["source"], dsn["store"]),
                await known_by(dsn["own_source"], dsn["own_store"], some), await known_by(dsn["source"], dsn["store"], some),
            )  # fmt: skip

        own, mixed, own_some, mixed_some = asyncio.run(both())
    assert mixed == own
    assert mixed_some == own_some
    for kind, rows in own.items():
        if kind != "moment":
            assert own_some[kind] == [row for row in rows if row[0] in {"10", "30"}], kind
