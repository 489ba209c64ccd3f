"""Does the departure rule on frames find what the same rule finds in SQL?"""

import asyncio
import tempfile
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from rfid3_shared.db import create_tables, insert_rows, open_engine
from rfid3_shared.source import movements
from rfid3_shared.source.departures import departures, returns
from rfid3_shared.source.tables import scans, source_metadata

Scan = tuple[int, str | None, str, str, datetime]
"""id, contract, tag, scan type, time"""
COLUMNS = ("id", "contract_number", "tag_id", "scan_type", "scan_date")
TYPES = ("Rental", "Delivery", "Return", "Pickup", "Touch Scan", "a word nobody knows")
START = datetime(2025, 5, 5, 8)
HISTORIES = st.lists(
    st.tuples(
        st.sampled_from(["A", "B", "", None]), st.sampled_from(["T1", "T2", " T1", ""]), st.sampled_from(TYPES), st.integers(0, 14)
    ),
    max_size=16,
)  # fmt: skip


def frame_of(rows: Sequence[Scan]) -> pl.DataFrame:
    """The scans as the rule wants them."""
    schema = {
        "arrival": pl.Int64,
        "contract_number": pl.String,
        "tag_id": pl.String,
        "scan_type": pl.String,
        "scan_date": pl.Datetime("us"),
    }
    return pl.DataFrame(rows, schema=schema, orient="row").with_columns(pl.col("tag_id").str.strip_chars())


def scans_of(drawn: Sequence[tuple[Any, ...]]) -> list[Scan]:
    """Scans eight hours apart at least, or in one second."""
    return [(n, contract, tag, kind, START + timedelta(hours=8 * at)) for n, (contract, tag, kind, at) in enumerate(drawn)]


async def by_sql(rows: Sequence[Scan], file: Path) -> list[tuple[Any, ...]]:
    engine = open_engine(f"sqlite:///{file}")
    await create_tables(engine, source_metadata)
    async with engine.begin() as connection:
        await insert_rows(connection, scans, COLUMNS, [(*row[:4], str(row[4])) for row in rows])
        frame = await movements.load_departures(connection)
    await engine.dispose()
    return frame.select("tag_id", "contract", "left_at").rows()


@given(HISTORIES, st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_agrees_with_sql(drawn, random) -> None:
    """On any history of a few tags, in whatever order its scans are handed over, frame and SQL name the same departures."""
    rows = scans_of(drawn)
    shuffled = random.sample(rows, len(rows))
    with tempfile.TemporaryDirectory() as folder:
        told = asyncio.run(by_sql(rows, Path(folder) / "source.db"))

    found = departures(frame_of(shuffled)).select("tag_id", "contract_number", "scan_date").rows()

    assert sorted(found, key=str) == sorted(told, key=str)


@given(HISTORIES)
def test_earlier_scans_may_be_missing(drawn) -> None:
    """Departures from a day on are the same whether or not what came before is known."""
    rows, since = scans_of(drawn), START + timedelta(days=2)
    every = departures(frame_of(rows)).filter(pl.col("scan_date") >= since)

    assert departures(frame_of([row for row in rows if row[4] >= since])).rows() == every.rows()


@given(HISTORIES)
def test_a_tag_comes_back_once_a_day(drawn) -> None:
    """Days on which a tag was scanned back count once each, at the last of the day's back scans."""
    rows = scans_of(drawn)
    last: dict[tuple[Any, ...], datetime] = {}
    for _, _, tag, kind, at in rows:
        if kind in ("Return", "Pickup") and tag.strip():
            key = (tag.strip(), at.date())
            last[key] = max(last.get(key, at), at)

    found = returns(frame_of(rows)).select("tag_id", "scan_date").rows()

    assert sorted(found) == sorted((tag, at) for (tag, _), at in last.items())
