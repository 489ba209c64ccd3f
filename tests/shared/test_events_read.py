"""Do readers of events get exactly those that they ask for, and only those that still count?"""

from datetime import datetime, timedelta
from typing import Any

import pytest
from eventlife import NOON, after, line, noon, scan
from redis.asyncio import Redis
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import transaction
from rfid3_shared.events.event import ShopEvent
from rfid3_shared.events.intake import take_in
from rfid3_shared.events.listing import MOST_COUNTED, count_events, list_events, similar_classes
from rfid3_shared.events.position import hold, save
from rfid3_shared.events.read import newest_seq
from rfid3_shared.events.retention import EVENT_RETENTION, delete_old_events
from rfid3_shared.events.standing import standing
from rfid3_shared.events.tables import shop_events
from rfid3_shared.jobs.duties import Held
from rfid3_shared.settings import Settings

BEGUN = datetime(2026, 5, 8, 8, 0)
NOWHERE = Redis(port=1)


def made() -> list[dict[str, Any]]:
    """Scans and lines of three classes, backwards in time; every seventh scan does not name its class."""
    found = []
    for n in range(60):
        at = (BEGUN + timedelta(minutes=60 - n)).isoformat()
        if n % 3:
            found.append(scan(n, occurred_at=at, tag_id=f"T{n % 10}", rental_class=f"c{n % 3}" if n % 7 else None))
        else:
            found.append(line(n, occurred_at=at, contract_no=f"k{n % 4}", item_num=f"c{n % 2}"))
    return found


@pytest.fixture
async def store(engine: AsyncEngine) -> AsyncEngine:
    """A store in which all of them are."""
    receipt = await take_in(engine, None, NOWHERE, noon(), made(), "http")
    assert receipt.accepted == 60
    return engine


async def everything(engine: AsyncEngine) -> list[ShopEvent]:
    async with engine.connect() as connection:
        return await after(connection, 0)


class TestAsEvent:
    async def test_tells_what_was_sent(self, store: AsyncEngine) -> None:
        """Each event once, in order of arrival, numbered up to the newest."""
        found = await everything(store)
        async with store.connect() as connection:
            newest = await newest_seq(connection)

        assert [event.event_id for event in found] == [row["event_id"] for row in made()]
        assert newest == found[-1].seq
        assert found[1].facts == {"scan_type": "Rental"}
        assert (found[0].received_at, found[0].origin) == (NOON.replace(tzinfo=None), "http")

    async def test_nothing_yet(self, engine: AsyncEngine) -> None:
        """The number before the first one is 0."""
        async with engine.connect() as connection:
            assert await newest_seq(connection) == 0


class TestListing:
    async def test_newest_first_by_what_is_asked_for(self, store: AsyncEngine) -> None:
        """Every filter, alone and together, gives what a look at all of them gives; counts agree."""
        every = (await everything(store))[::-1]
        at = BEGUN + timedelta(minutes=30)
        filters: dict[str, tuple[Any, Any]] = {
            "kind": ("line", lambda one: one.kind == "line"), "tag_id": ("T4", lambda one: one.tag_id == "T4"),
            "rental_class": ("c1", lambda one: one.rental_class == "c1"), "origin": ("mqtt", lambda one: one.origin == "mqtt"),
            "since": (at, lambda one: one.occurred_at >= at), "until": (at, lambda one: one.occurred_at <= at),
        }  # fmt: skip
        async with store.connect() as connection:
            for names in ([], *([name] for name in filters), ["since", "until"], ["kind", "rental_class", "until"]):
                wanted = {name: filters[name][0] for name in names}
                expected = [one for one in every if all(filters[name][1](one) for name in names)]

                found = await list_events(connection, limit=1_000, **wanted)

                assert found == expected, names
                assert await count_events(connection, **wanted) == len(expected) < MOST_COUNTED

    async def test_pages_by_number_do_not_move(self, store: AsyncEngine) -> None:
        """What arrives between two pages neither doubles nor hides one."""
        async with store.connect() as connection:
            first = await list_events(connection, limit=20)
        await take_in(store, None, NOWHERE, noon(), [scan(900)], "mqtt")
        async with store.connect() as connection:
            second = await list_events(connection, limit=20, before_seq=first[-1].seq)
            third = await list_events(connection, limit=20, offset=41)

        assert [one.event_id for one in (*first, *second, *third)] == [row["event_id"] for row in made()][::-1]

    async def test_a_class_that_is_spelt_alike(self, store: AsyncEngine) -> None:
        """For one of which there is no event."""
        async with store.connect() as connection:
            assert await similar_classes(connection, "c9") == ["c2", "c1", "c0"]
            assert await similar_classes(connection, "c1") == []
            assert await similar_classes(connection, "tents") == []


class TestStanding:
    async def test_tells_what_came_in_and_who_is_behind(self, store: AsyncEngine) -> None:
        """By kind and origin, in the last hour and day; readers by the number they have come to; writers' turns are no reader."""
        clock = FixedClock(NOON + timedelta(minutes=70))
        await take_in(store, None, NOWHERE, FixedClock(NOON + timedelta(minutes=60)), [scan(901), scan(902)], "mqtt")
        every = await everything(store)
        async with transaction(store) as connection:
            await hold(connection, "demand/live", "worker-1", clock, 30)
            await save(connection, "demand/live", "worker-1", {"seq": every[57].seq}, clock)
            await hold(connection, "mqtt", "worker-2", FixedClock(NOON), 30)

        async with store.connect() as connection:
            told = await standing(connection, clock)

        arrived = {(one.kind, one.origin): (one.last_hour, one.last_day) for one in told.arrived}
        assert arrived == {("scan", "http"): (0, 40), ("line", "http"): (0, 20), ("scan", "mqtt"): (2, 2)}
        assert (told.last_seq, told.last_received_at) == (every[-1].seq, NOON + timedelta(minutes=60))
        demand, mqtt = told.readers
        assert (demand.consumer, demand.lag_events, demand.lag_s, demand.held_by) == ("demand/live", 4, 70 * 60.0, "worker-1")
        assert (mqtt.consumer, mqtt.lag_events, mqtt.lag_s, mqtt.held_by, mqtt.held_until) == ("mqtt", None, None, None, None)

    async def test_before_anything_happened(self, engine: AsyncEngine) -> None:
        """An empty store says so."""
        async with engine.connect() as connection:
            told = await standing(connection, noon())

        assert told.as_dict() == {"last_seq": 0, "last_received_at": None, "arrived": [], "readers": []}


class TestRetention:
    async def test_old_events_go_batch_by_batch_and_the_newest_stays(self, engine: AsyncEngine) -> None:
        """After events_keep_days; numbers never begin anew, not even when every event is old."""
        await take_in(engine, None, NOWHERE, noon(), [scan(n) for n in range(620)], "http")
        later = FixedClock(NOON + timedelta(days=180, seconds=1))
        last = (await everything(engine))[-1]
        async with transaction(engine) as connection:
            assert await delete_old_events(connection, timedelta(days=180), FixedClock(NOON + timedelta(days=180))) == 0
            assert await delete_old_events(connection, timedelta(days=180), later) == 500

        await EVENT_RETENTION.run(Held(engine, NOWHERE, later, Settings()))

        assert await everything(engine) == [last]
        receipt = await take_in(engine, None, NOWHERE, later, [scan(1, occurred_at="2026-11-01T10:00:00")], "http")
        assert receipt.last_seq > last.seq

    async def test_what_could_still_be_sent_is_not_forgotten(self, store: AsyncEngine) -> None:
        """With a shorter time to keep than events may be old: forgetting one would let it in again."""
        settings = Settings(events_keep_days=1, events_oldest_days=30)
        async with transaction(store) as connection:
            await connection.execute(update(shop_events).values(received_at=NOON.replace(tzinfo=None) - timedelta(days=1)))

        for days, left in ((30, 60), (30.1, 1)):
            await EVENT_RETENTION.run(Held(store, NOWHERE, FixedClock(NOON + timedelta(days=days)), settings))
            async with store.connect() as connection:
                assert (await connection.execute(select(func.count()).select_from(shop_events))).scalar() == left, days
