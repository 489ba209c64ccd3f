"""Is each report kept once, in the caller's transaction, and read back as it was?"""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.item_reports.read import load_events, load_inspections
from rfid3_shared.item_reports.write import Inspection, ItemEvent, post_event, post_inspection

NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)
CLOCK = FixedClock(NOON + timedelta(days=1))
EVENT = ItemEvent("T1", "failure", "repair", NOON, cost_usd=42.5, reported_by="shop")
LOOK = Inspection("T1", "B+", NOON, ("stain", "rope", "stain"), "shop")


@pytest.fixture(params=["sqlite", "mariadb"])
async def store(request: pytest.FixtureRequest):
    """A store with its tables, on either database."""
    engine = open_engine(request.getfixturevalue("store_dsn" if request.param == "sqlite" else "mysql_dsn"))
    await create_tables(engine, store_metadata)
    yield engine
    await engine.dispose()


class TestPost:
    async def test_the_same_fact_is_one_report(self, store: AsyncEngine) -> None:
        """Sent again, in another zone, within the same second, with another cost: the first report stands, and its id is told again."""
        again = ItemEvent(
            "T1", "failure", "repair", NOON.astimezone(timezone(timedelta(hours=-5))) + timedelta(milliseconds=300), 99.0
        )
        async with transaction(store) as connection:
            first = await post_event(connection, EVENT, CLOCK)
            second = await post_event(connection, again, CLOCK)
            looks = [await post_inspection(connection, LOOK, CLOCK) for _ in range(2)]

        async with store.connect() as connection:
            (event,), (look,) = await load_events(connection), await load_inspections(connection)
        assert (first, second) == ((event.report_id, True), (event.report_id, False))
        assert (event.item_id, event.event, event.kind, event.occurred_at, event.cost_usd) == (
            "T1",
            "failure",
            "repair",
            NOON,
            42.5,
        )
        assert event.received_at == CLOCK.now()
        assert [new for _, new in looks] == [True, False]
        assert (look.grade, look.defects, look.inspected_at, look.reported_by) == ("B+", ("rope", "stain"), NOON, "shop")
        assert look.report_id not in (event.report_id, event.seq)

    async def test_another_fact_is_another_report(self, store: AsyncEngine) -> None:
        """Another item (also one spelt in small letters), event, kind or second."""
        others = [
            ItemEvent("t1", "failure", "repair", NOON), ItemEvent("T1", "serviced", "repair", NOON),
            ItemEvent("T1", "failure", "loss", NOON), ItemEvent("T1", "failure", "repair", NOON + timedelta(seconds=1)),
        ]  # fmt: skip
        async with transaction(store) as connection:
            told = [await post_event(connection, one, CLOCK) for one in (EVENT, *others)]

        assert [new for _, new in told] == [True] * 5
        assert len({report for report, _ in told}) == 5

    async def test_what_is_rolled_back_was_never_reported(self, store: AsyncEngine) -> None:
        """A report belongs to the caller's transaction: it comes and goes with it."""
        async with store.connect() as connection:
            await post_event(connection, EVENT, CLOCK)
            await connection.rollback()
        async with transaction(store) as connection:
            assert (await post_event(connection, EVENT, CLOCK))[1]

    async def test_a_moment_needs_its_zone(self, store: AsyncEngine) -> None:
        """Nobody guesses which zone a naive time is in."""
        async with store.connect() as connection:
            with pytest.raises(ValueError, match="zone"):
                await post_event(connection, ItemEvent("T1", "failure", "repair", NOON.replace(tzinfo=None)), CLOCK)


class TestRead:
    async def test_of_one_of_many_and_since(self, store: AsyncEngine) -> None:
        """Those of the items named, in order of item and time; and those kept after a row that a reader has come to."""
        async with transaction(store) as connection:
            for item, days in (("B", 2), ("A", 3), ("A", 1)):
                await post_event(connection, ItemEvent(item, "failure", "repair", NOON + timedelta(days=days)), CLOCK)
                await post_inspection(connection, Inspection(item, "C", NOON + timedelta(days=days)), CLOCK)

            every = await load_events(connection)
            one, many, none = [await load_inspections(connection, items) for items in (["B"], ["A", "B", "nobody"], [])]
            newest = await load_events(connection, received_after_seq=sorted(event.seq for event in every)[1])
        assert [(event.item_id, event.occurred_at.day) for event in every] == [("A", 5), ("A", 7), ("B", 6)]
        assert ([look.item_id for look in one], len(many), none) == (["B"], 3, [])
        assert [(event.item_id, event.occurred_at.day) for event in newest] == [("A", 5)]
