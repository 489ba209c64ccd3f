"""Do the facts of the present say what training reads from the same source?"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import polars as pl
import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_demand import contract_queries, history
from rfid3_demand.taking_in.facts import Dated, dated_facts
from rfid3_demand.taking_in.reading import read_rows
from rfid3_demand.taking_in.reference import read_moment, read_reference
from rfid3_shared.clock import FixedClock, week_start
from rfid3_shared.db import create_tables, open_engine, store_metadata
from rfid3_shared.source import movements, stores
from rfid3_shared.twin.build import create

LAST_DAY = date(2026, 8, 27)
"""A Thursday: the week in progress has begun."""
YEARS = 1095
CLOCK = FixedClock(datetime.combine(LAST_DAY, time(23), UTC))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> str:
    """DSN of a small company's source, with POS contracts and reservations."""
    import asyncio

    folder = tmp_path_factory.mktemp("company")
    dsn = f"sqlite:///{folder / 'source.db'}"

    async def found() -> None:
        engine = open_engine(dsn)
        await create(engine, folder / "truth.db", items=600, months=3, seed=7, end=LAST_DAY)
        await engine.dispose()

    asyncio.run(found())
    return dsn


@asynccontextmanager
async def opened(dsn: str, folder: Path) -> AsyncIterator[tuple[AsyncConnection, AsyncConnection]]:
    source, store = open_engine(dsn), open_engine(f"sqlite:///{folder / 'events.db'}")
    await create_tables(store, store_metadata)
    async with source.connect() as reading, store.connect() as events:
        yield reading, events
    for engine in (source, store):
        await engine.dispose()


async def facts_of(
    source: AsyncConnection, store: AsyncConnection, moment: datetime, classes: frozenset[str] | None = None
) -> Dated:
    known = await read_reference(source, moment, YEARS)
    return dated_facts(await read_rows(source, store, moment, datetime.min, classes), known, moment, classes)


def totals(facts: Dated, kind: str, begin: datetime | None = None) -> dict[tuple[str, str], float]:
    """Amounts by class and store, of the facts from `begin` up to the moment."""
    frame = facts.kinds[kind].filter(pl.col("at") <= facts.moment, pl.col("at") >= (begin or datetime.min))
    return {
        (cls, store): amount
        for cls, store, amount in frame.group_by("rental_class", "store").agg(pl.col("amount").sum()).rows()
    }


def monday_of(moment: datetime) -> datetime:
    return datetime.combine(week_start(moment.date()), time())


async def test_units_of_the_week_are_those_training_counts(company, tmp_path) -> None:
    """Without events the week in progress holds, for every class and store, what weekly history counts in it; of the two weeks
    before as well."""
    moment = datetime.combine(LAST_DAY, time(23, 59, 59))
    async with opened(company, tmp_path) as (source, store):
        facts = await facts_of(source, store, moment)
        weekly = await history.weekly(source, CLOCK, YEARS)

    origins: set[str] = set()
    for weeks_ago in range(3):
        monday = monday_of(moment) - timedelta(weeks=weeks_ago)
        told = weekly.units.filter(pl.col("week") == monday.date())
        expected = {(row["rental_class"], row["store"]): row["units"] for row in told.iter_rows(named=True)}
        counted = totals(facts, "departures", monday)
        later = totals(facts, "departures", monday + timedelta(days=7))
        assert {key: n - later.get(key, 0) for key, n in counted.items() if n > later.get(key, 0)} == expected
        assert len(expected) > 8
        origins |= set(told["origin"])
    assert origins == {"scan", "pos"}


async def test_fleet_is_that_of_the_item_master(company, tmp_path) -> None:
    """Without events units in service and units unavailable are those of the item master, in the same stores."""
    async with opened(company, tmp_path) as (source, store):
        facts = await facts_of(source, store, datetime.combine(LAST_DAY, time(12)))
        fleet = (await movements.load_fleet(source)).group_by("rental_class", "store").agg(pl.col("units", "unavailable").sum())

    assert totals(facts, "fleet") == {(row[0], row[1]): row[2] for row in fleet.iter_rows()}
    assert totals(facts, "unavailable") == {(row[0], row[1]): row[3] for row in fleet.iter_rows()}
    assert fleet["unavailable"].sum() > 0


async def test_booked_units_are_those_of_the_week(company, tmp_path) -> None:
    """Units booked are those of contracts promised for the moment's week that were neither cancelled nor mere quotes."""
    moment = datetime.combine(LAST_DAY, time(12))
    async with opened(company, tmp_path) as (source, store):
        facts = await facts_of(source, store, moment)
        booked = await contract_queries.load_booked(source, monday_of(moment), moment)
        codes = await movements.load_store_codes(source)

    placed = stores.with_store_ids(booked, ["contract_store"], codes).with_columns(pl.col("contract_store").fill_null("000"))
    this_week = placed.filter(~pl.col("cancelled"), pl.col("leaves") < monday_of(moment).date() + timedelta(days=7))
    expected = this_week.group_by("rental_class", "contract_store").agg(pl.col("units").sum())
    assert totals(facts, "booked") == {(row[0], row[1]): row[2] for row in expected.iter_rows()}
    assert len(expected) > 8


async def test_a_few_classes_are_read_as_among_all(company, tmp_path) -> None:
    """The facts of a class are the same whether it is read alone, with others or with all."""
    moment = datetime.combine(LAST_DAY, time(12))
    async with opened(company, tmp_path) as (source, store):
        every = await facts_of(source, store, moment)
        names = (
            sorted(every.kinds["fleet"]["rental_class"].unique())[:5]
            + sorted(every.kinds["booked"]["rental_class"].unique())[-3:]
        )
        some = await facts_of(source, store, moment, frozenset(names))

    order = ["rental_class", "store", "at", "amount"]
    for kind, facts in every.kinds.items():
        assert some.kinds[kind].sort(order).rows() == facts.filter(pl.col("rental_class").is_in(names)).sort(order).rows(), kind


class TestReadMoment:
    async def test_a_day_that_is_over_ends_at_its_last_second(self, company, tmp_path) -> None:
        """On the data's own day the moment is its last scan; on a later day that day is over."""
        async with opened(company, tmp_path) as (source, store):
            today, next_day = [
                await read_moment(source, store, LAST_DAY + timedelta(days=days), datetime.min) for days in (0, 1)
            ]
            earlier = await read_moment(source, store, LAST_DAY - timedelta(days=1), datetime.min)
            last = (await source.exec_driver_sql("SELECT max(scan_date) FROM id_transactions")).scalar()
            before = (
                await source.exec_driver_sql(f"SELECT max(scan_date) FROM id_transactions WHERE scan_date < '{LAST_DAY}'")
            ).scalar()

        assert str(today) == last
        assert next_day == datetime.combine(LAST_DAY, time(23, 59, 59))
        assert str(earlier) == before

    async def test_nothing_known_has_no_moment(self, engines) -> None:
        """An empty source and no events: nothing is known up to any moment."""
        source, store = engines
        async with source.connect() as reading, store.connect() as events:
            assert await read_moment(reading, events, LAST_DAY, datetime.min) is None


@pytest.fixture
async def engines(tmp_path: Path) -> AsyncIterator[tuple[AsyncEngine, AsyncEngine]]:
    """An empty source and an empty store."""
    from rfid3_shared.source.tables import source_metadata

    source, store = (open_engine(f"sqlite:///{tmp_path / name}.db") for name in ("source", "store"))
    await create_tables(source, source_metadata)
    await create_tables(store, store_metadata)
    yield source, store
    for engine in (source, store):
        await engine.dispose()
