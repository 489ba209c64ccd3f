"""Are values kept and published as the tables say, whatever comes twice, late, or while a server or a process is gone?"""

import asyncio
import random
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tworoads
from conftest import start_redis
from redis.asyncio import Redis
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncEngine
from tworoads import Line, Scan

from rfid3_demand.present.definitions import LIVE, entity, pack
from rfid3_demand.taking_in.looking import Looked, Looking, Pace
from rfid3_demand.taking_in.passes import CONSUMER, LEASE_S, Passes, Places
from rfid3_shared.clock import FixedClock
from rfid3_shared.db import open_engine
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.events.intake import Receipt, take_in
from rfid3_shared.events.tables import event_positions, shop_events
from rfid3_shared.feature_store import history
from rfid3_shared.feature_store.online import OnlineFeatures
from rfid3_shared.feature_store.tables import ml_feature_store
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.resources import open_redis
from rfid3_shared.source.tables import items, pos_contracts, scans

NOW = tworoads.START + timedelta(days=10, hours=8)
"""Thursday of the second week, 14:00 in the shop."""
AT = {name: place for place, name in enumerate(LIVE.names)}
NO_POLL = Pace(poll_s=1e9, full_s=1e9)
PACKS = [pack(name) for name in ("10", "20", "30", "31")]


@dataclass
class Shop:
    """A small shop with its servers, and one process that takes in what happens."""

    source: AsyncEngine
    store: AsyncEngine
    redis: Redis
    clock: FixedClock

    def __post_init__(self) -> None:
        self.looking = self.process("first")

    def process(self, name: str, pace: Pace = NO_POLL) -> Looking:
        """Another process that takes in."""
        places = Places(self.source, self.store, OnlineFeatures(self.redis, LIVE, self.clock), self.clock)
        self.passes = Passes(places, name)
        return Looking(places, self.passes, pace)

    async def look(self, looking: Looking | None = None) -> Looked:
        """A look, a second after the one before."""
        self.clock.advance(seconds=1)
        return await (looking or self.looking).look()

    async def sent(self, *scans: Scan, name: str = "e") -> Receipt:
        """Scans sent as events."""
        rows = [
            {"event_id": f"{name}{n}", "tag_id": each.tag, "scan_type": each.kind, "occurred_at": each.at.isoformat(),
             "contract_number": each.contract, "rental_class": each.rental_class, "status": each.status}
            for n, each in enumerate(scans)
        ]  # fmt: skip
        return await take_in(self.store, self.source, self.redis, self.clock, rows, "http")

    async def written(self, *scans: Scan) -> None:
        """Scans written by RFID3."""
        async with self.source.begin() as connection:
            await tworoads.write_scans(connection, scans)

    async def published(self) -> dict[str, tuple[float | None, ...]]:
        """What the serving path reads."""
        return dict((await OnlineFeatures(self.redis, LIVE, self.clock).read(PACKS)).values)

    async def value(self, feature: str, rental_class: str, store: str) -> float | None:
        """One value as the serving path reads it."""
        return (await self.published())[entity(rental_class, store)][AT[feature]]

    async def left(self) -> float | None:
        """Units of class 10 that left since Monday, in the store of tag T1."""
        return await self.value("units_left_week", "10", "3607")

    async def kept(self) -> list[tuple[Any, ...]]:
        """Every row of history."""
        async with self.store.connect() as connection:
            return [tuple(row) for row in await connection.execute(select(ml_feature_store).order_by(ml_feature_store.c.id))]

    async def keys(self) -> dict[bytes, bytes | None]:
        """What Redis holds of the packs, byte by byte."""
        return {key: await self.redis.get(key) async for key in self.redis.scan_iter(match="rfid3:features:*class:*")}

    async def position(self) -> dict[str, Any]:
        """How far published values have come."""
        async with self.store.connect() as connection:
            query = select(event_positions.c.position).where(event_positions.c.consumer == CONSUMER)
            return dict((await connection.execute(query)).scalar_one())


@asynccontextmanager
async def opened(folder: Path, redis_url: str, dsn: Callable[[str], str] | None = None) -> AsyncIterator[Shop]:
    async with AsyncExitStack() as stack:
        urls = [(dsn or (lambda name: f"sqlite:///{folder / name}.db"))(name) for name in ("source", "store")]
        source, store = (open_engine(url) for url in urls)
        for engine in (source, store):
            stack.push_async_callback(engine.dispose)
        await tworoads.found(source)
        await ensure_schema(store)
        redis = open_redis(redis_url)
        stack.push_async_callback(redis.aclose)
        zone = FixedClock(datetime(2025, 1, 1, tzinfo=UTC)).zone
        shop = Shop(source, store, redis, FixedClock(NOW.replace(tzinfo=zone).astimezone(UTC)))
        await shop.written(back("T1", -48), Scan(minutes(NOW) - 180, "T3", "Touch Scan", None, None, None, None))
        yield shop


@pytest.fixture
async def shop(tmp_path: Path, redis_url: str) -> AsyncIterator[Shop]:
    async with opened(tmp_path, redis_url) as made:
        yield made


def minutes(at: datetime) -> int:
    return int((at - tworoads.START).total_seconds() // 60)


def rental(tag: str = "T1", hours: float = -1, contract: str | None = "A") -> Scan:
    """A tag that leaves, so many hours from now."""
    return Scan(minutes(NOW + timedelta(hours=hours)), tag, "Rental", contract, None, None, None)


def back(tag: str = "T1", hours: float = -1) -> Scan:
    return Scan(minutes(NOW + timedelta(hours=hours)), tag, "Return", None, None, None, None)


def telling(values: dict[str, tuple[float | None, ...]]) -> dict[str, tuple[float | None, ...]]:
    """Without entities of which there is nothing to tell: one that something was said of for a while stays, with zeros."""
    return {name: row for name, row in values.items() if any(row)}


def busy_day(seed: int = 3) -> list[Scan]:
    """A day on which tags come and go."""
    drawn = random.Random(seed)
    start = minutes(NOW.replace(hour=6))
    return [
        Scan(start + 7 * n, drawn.choice(("T1", "T2", "T3", "T4")), drawn.choice((*tworoads.OUT, *tworoads.BACK)),
             drawn.choice(["A", "B", None]), None, None, None)
        for n in range(60)
    ]  # fmt: skip


class TestLook:
    async def test_an_event_moves_its_class(self, shop: Shop) -> None:
        """A unit that leaves counts at once, is unavailable, and moves no row of another class in the history."""
        assert (await shop.look()).full
        assert (await shop.left(), await shop.value("units_unavailable", "10", "3607")) == (0.0, 0.0)
        before = len(await shop.kept())
        await shop.sent(rental())

        looked = await shop.look()

        assert (looked.passed, looked.full) == (True, False)
        assert (await shop.left(), await shop.value("units_unavailable", "10", "3607")) == (1.0, 1.0)
        assert {row[3] for row in (await shop.kept())[before:]} == {entity("10", "3607")}
        assert (await shop.position())["seq"] == shop.passes.seq == 1

    async def test_nothing_new_costs_no_pass(self, shop: Shop) -> None:
        """Where nothing happened nothing is computed, and no row is kept."""
        await shop.look()
        before = await shop.kept()
        assert not (await shop.look()).passed
        assert await shop.kept() == before

    async def test_what_rfid3_writes_is_found_by_the_poll(self, shop: Shop) -> None:
        """Without any event: the poll names the class, and its values move."""
        looking = shop.process("polling", Pace(poll_s=0.5, full_s=1e9))
        await shop.look(looking)
        await shop.written(rental())

        looked = await shop.look(looking)

        assert (looked.passed, looked.full) == (True, False)
        assert await shop.left() == 1.0

    async def test_rfid3_writing_what_an_event_said_changes_nothing(self, shop: Shop) -> None:
        """The scan counts once whichever road it comes by, and by both."""
        looking = shop.process("polling", Pace(poll_s=0.5, full_s=1e9))
        await shop.look(looking)
        await shop.sent(rental())
        await shop.look(looking)
        before, published = await shop.kept(), await shop.keys()
        await shop.written(rental())

        assert (await shop.look(looking)).passed
        assert (await shop.kept(), await shop.keys()) == (before, published)

    async def test_a_vanished_row_is_looked_at_in_full(self, shop: Shop) -> None:
        """Ids that went down say that anything may have changed."""
        looking = shop.process("polling", Pace(poll_s=0.5, full_s=1e9))
        await shop.written(rental())
        await shop.look(looking)
        assert await shop.left() == 1.0
        async with shop.source.begin() as connection:
            await connection.execute(delete(scans).where(scans.c.scan_date > NOW - timedelta(days=2)))

        assert (await shop.look(looking)).full
        assert await shop.left() == 0.0

    async def test_what_leaves_no_trace_is_found_in_time(self, shop: Shop) -> None:
        """A status changed by hand: the next look at everything finds it."""
        looking = shop.process("slow", Pace(poll_s=0.5, full_s=60))
        await shop.look(looking)
        async with shop.source.begin() as connection:
            await connection.execute(update(items).where(items.c.tag_id == "T1").values(status="Repair"))
        assert not (await shop.look(looking)).passed

        shop.clock.advance(seconds=60)
        assert (await shop.look(looking)).full
        assert await shop.value("units_unavailable", "10", "3607") == 1.0

    async def test_an_hour_that_passes_takes_units_out_of_it(self, shop: Shop) -> None:
        """When another class's scan moves the moment on, what left more than an hour before it is in that hour no longer."""
        await shop.look()
        await shop.sent(rental("T1", -0.8), name="a")
        await shop.look()
        assert await shop.value("units_left_1_hour", "10", "3607") == 1.0

        await shop.sent(rental("T3", 0), name="b")
        shop.clock.advance(minutes=12)
        await shop.sent(rental("T3", 0.25), name="c")
        looked = await shop.look()

        assert not looked.full
        assert await shop.value("units_left_1_hour", "10", "3607") == 0.0
        assert await shop.left() == 1.0

    async def test_a_line_moves_what_is_booked(self, shop: Shop) -> None:
        """A POS line promised for this week is booked for it, while anything is booked ahead at all."""
        await shop.look()
        assert await shop.value("units_booked_week", "10", "3607") is None
        line = {
            "kind": "line", "event_id": "l1", "contract_no": "L", "line_number": 1, "item_num": "10", "qty": 4, "status": "Reservation",
            "store_no": "1", "occurred_at": NOW.isoformat(), "contract_date": NOW.isoformat(),
            "promised_delivery_date": (NOW + timedelta(days=1)).isoformat(),
        }  # fmt: skip
        await take_in(shop.store, shop.source, shop.redis, shop.clock, [line], "http")
        await shop.look()
        assert await shop.value("units_booked_week", "10", "3607") == 4.0

        cancelled = {**line, "event_id": "l2", "status": "Cancelled", "occurred_at": (NOW + timedelta(seconds=1)).isoformat()}
        other = {**line, "event_id": "l3", "contract_no": "M", "item_num": "20", "promised_delivery_date": "2025-08-01"}
        await take_in(shop.store, shop.source, shop.redis, shop.clock, [cancelled, other], "http")
        await shop.look()
        assert await shop.value("units_booked_week", "10", "3607") == 0.0


class TestReplay:
    async def test_a_whole_day_again_changes_nothing(self, shop: Shop) -> None:
        """Sent again under the same ids, under others, and in another order: neither values nor rows nor a published byte move."""
        await shop.look()
        day = busy_day()
        await shop.sent(*day)
        await shop.look()
        assert any(row[AT["units_left_week"]] for row in (await shop.published()).values())
        before = await shop.kept(), await shop.keys()

        again = await shop.sent(*day)
        others = await shop.sent(*random.Random(1).sample(day, len(day)), name="other")
        assert (again.accepted, others.accepted) == (0, 0)
        await shop.look()
        await shop.passes.take(None, shop.passes.seq)

        assert (await shop.kept(), await shop.keys()) == before

    async def test_any_order_ends_in_what_rfid3_would_say(self, tmp_path: Path, redis_url: str, shop: Shop) -> None:
        """A day in small shuffled batches with a look after each: the values are those of RFID3 having written it in order."""
        day = busy_day(5)
        shuffled = random.Random(2).sample(day, len(day))
        await shop.look()
        for at in range(0, len(shuffled), 7):
            await shop.sent(*shuffled[at : at + 7], name=f"b{at}-")
            await shop.look()
        sent = await shop.published()
        (tmp_path / "other").mkdir()
        async with opened(tmp_path / "other", redis_url) as other:
            await other.redis.flushall()
            await other.written(*day)
            await other.look()
            assert await other.published() == sent
        assert sum(row[AT["units_back_1_day"]] or 0 for row in sent.values()) > 0

    async def test_a_week_late_counts_in_its_own_week(self, shop: Shop) -> None:
        """A departure of the week before, told now, is none of this week's; and its unit is out."""
        await shop.look()
        await shop.sent(rental("T3", -24 * 7))
        await shop.look()

        assert await shop.value("units_left_week", "20", "6800") == 0.0
        assert await shop.value("units_unavailable", "20", "6800") == 1.0

    async def test_an_unknown_tag_moves_nothing(self, shop: Shop) -> None:
        """Of a tag that nobody knows no class is touched; where the scan names one, that class's departure counts, its fleet stays."""
        await shop.look()
        await shop.sent(rental("X9", -2), name="a")
        await shop.look()
        assert (await shop.published())[entity("10", "3607")][AT["units_left_week"]] == 0.0

        named = Scan(rental("X8").minute, "X8", "Rental", None, None, None, "20")
        await shop.sent(named, name="b")
        await shop.look()
        assert await shop.value("units_left_week", "20", "6800") == 1.0
        assert await shop.value("units_in_service", "20", "6800") == 1.0


class TestFaults:
    async def test_redis_lost_between_event_and_feature(
        self, tmp_path: Path, free_redis: tuple[str, subprocess.Popen[bytes]]
    ) -> None:
        """While Redis is gone values are kept and publishing is owed; back and empty it gets everything, from the tables."""
        url, process = free_redis
        async with opened(tmp_path, url) as shop:
            await shop.look()
            process.kill()
            process.wait(10)
            await shop.sent(rental())
            await shop.look()
            assert shop.passes.owed
            assert (await shop.position())["seq"] == 0
            async with shop.store.connect() as connection:
                kept = await history.newest(connection, LIVE)
            assert kept[entity("10", "3607")][AT["units_left_week"]] == 1.0

            again = start_redis(int(url.rsplit(":", 1)[1].split("/")[0]))
            try:
                await shop.look()
                assert await shop.left() == 1.0
                assert await shop.value("units_in_service", "20", "6800") == 1.0
                assert not shop.passes.owed
                assert (await shop.position())["seq"] == 1
            finally:
                again.kill()
                again.wait(10)

    async def test_a_redis_that_forgot_is_noticed(self, shop: Shop) -> None:
        """Emptied, it gets everything again with the next poll, and with the next pass over one class."""
        looking = shop.process("polling", Pace(poll_s=0.5, full_s=1e9))
        await shop.look(looking)
        whole = await shop.keys()
        await shop.redis.flushall()
        await shop.look(looking)
        assert await shop.keys() == whole

        await shop.redis.flushall()
        await shop.sent(rental())
        await shop.look(looking)
        assert (await shop.keys()).keys() == whole.keys()

    async def test_a_process_that_dies_within_a_pass_is_replaced(self, shop: Shop) -> None:
        """One dies with values kept and not published: another stands by until its hold lapses, then finishes."""
        await shop.look()
        await shop.sent(rental())
        dead = shop.passes

        async def dies(*_: object, **__: object) -> bool:
            raise asyncio.CancelledError

        dead._publish = dies  # type: ignore[method-assign]
        with pytest.raises(asyncio.CancelledError):
            await shop.look()
        second = shop.process("second")
        assert not (await shop.look(second)).working
        assert await shop.left() == 0.0

        shop.clock.advance(seconds=LEASE_S)
        assert (await shop.look(second)).full
        assert await shop.left() == 1.0
        assert len({row[1:5] for row in await shop.kept()}) == len(await shop.kept())

    async def test_one_that_wakes_up_late_keeps_nothing(self, shop: Shop) -> None:
        """A process that was stopped while another took over finds that out before it keeps anything."""
        first = shop.looking
        await shop.look(first)
        shop.clock.advance(seconds=LEASE_S + 1)
        second = shop.process("second")
        await shop.look(second)
        before = await shop.kept()
        await shop.sent(rental())

        assert not (await shop.look(first)).working
        assert await shop.kept() == before
        await shop.look(second)
        assert await shop.left() == 1.0

    async def test_a_hold_that_came_back_begins_anew(self, shop: Shop) -> None:
        """What another process kept meanwhile is read from the tables, not from memory."""
        first = shop.looking
        await shop.look(first)
        shop.clock.advance(seconds=LEASE_S + 1)
        second = shop.process("second")
        await shop.sent(rental())
        await shop.look(second)
        shop.clock.advance(seconds=LEASE_S + 1)

        assert (await shop.look(first)).full
        assert await shop.left() == 1.0

    async def test_a_source_that_is_gone_loses_nothing(self, shop: Shop, tmp_path: Path) -> None:
        """While RFID3's database is out of reach looks fail; the event is taken in when it is back."""
        await shop.look()
        await shop.sent(rental())
        async with shop.source.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE id_item_master RENAME TO away")
        with pytest.raises(StoreUnavailable):
            await shop.look()
        assert shop.passes.seq == 0
        async with shop.source.begin() as connection:
            await connection.exec_driver_sql("ALTER TABLE away RENAME TO id_item_master")

        await shop.look()
        assert await shop.left() == 1.0

    async def test_events_are_believed_for_a_while(self, shop: Shop) -> None:
        """What RFID3 has not written fourteen days after it came in does not keep a unit out for ever."""
        await shop.sent(rental())
        await shop.look()
        assert await shop.value("units_unavailable", "10", "3607") == 1.0
        async with shop.store.begin() as connection:
            await connection.execute(update(shop_events).values(received_at=shop_events.c.received_at - timedelta(days=15)))

        await shop.passes.take(None, shop.passes.seq)
        assert await shop.value("units_unavailable", "10", "3607") == 0.0


class TestPacks:
    async def test_every_class_has_one(self, shop: Shop) -> None:
        """Classes known by name alone have an empty pack: nothing of them is known, which is not the same as not looked at."""
        async with shop.source.begin() as connection:
            facts = {"contract_no": "Z", "store_no": "001", "contract_date": NOW}
            await connection.execute(insert(pos_contracts), facts)
        await shop.look()

        reading = await OnlineFeatures(shop.redis, LIVE, shop.clock).read([pack("99"), pack("never heard of")])
        assert reading.state == "FRESH"
        assert reading.absent == (pack("never heard of"),)

    async def test_published_is_what_is_kept(self, shop: Shop) -> None:
        """What the serving path reads is the newest row of history of each feature, after many passes as after one."""
        await shop.look()
        for n, scan in enumerate(busy_day()):
            await shop.sent(scan, name=f"d{n}")
            if n % 10 == 0:
                await shop.look()
        await shop.look()

        async with shop.store.connect() as connection:
            kept = await history.newest(connection, LIVE)
            stamps = (await connection.execute(select(func.count(ml_feature_store.c.feature_timestamp.distinct())))).scalar()
        published = await shop.published()
        assert published == {name: row for name, row in kept.items() if name in published}
        assert (stamps or 0) > 3
        alone = shop.process("alone")
        await shop.redis.flushall()
        shop.clock.advance(seconds=LEASE_S)
        await shop.look(alone)
        assert await shop.published() == published


async def test_on_mariadb_either_road_ends_alike(tmp_path: Path, redis_url: str, mariadb_server: str, mysql_dsn: str) -> None:
    """Some hundred scans and lines sent out of order, half of them written by RFID3 too: values as of RFID3 alone."""
    import pymysql
    from sqlalchemy.engine import make_url

    url = make_url(mariadb_server)
    drawn = random.Random(8)
    happened = busy_day(8) + busy_day(9)[::2]
    unique = list({scan.minute: scan for scan in happened}.values())
    lines = [Line(minutes(NOW) - n, "DEF"[n % 3], 1 + n % 2, "30", 1 + n, "Open") for n in range(6)]
    with pymysql.connect(
        host=url.host, port=url.port or 3306, user=url.username, password=url.password or "", autocommit=True
    ) as admin:
        name = mysql_dsn.rsplit("/", 1)[1]
        names = [f"{name}_{n}" for n in range(3)]
        with admin.cursor() as cursor:
            for each in names:
                cursor.execute(f"CREATE DATABASE {each} CHARACTER SET utf8mb4")
        try:
            dsns = dict(zip(("source", "store"), (f"{mariadb_server}/{each}" for each in names[:2]), strict=True))
            async with opened(tmp_path, redis_url, dsns.__getitem__) as shop:
                await shop.look()
                written = drawn.sample(unique, len(unique) // 2)
                await shop.written(*written[: len(written) // 2])
                async with shop.store.begin() as connection:
                    rest = [scan for scan in unique if scan not in written]
                    await tworoads.post(connection, [*rest, *written[5:], *lines], 4, received_at=NOW)
                await shop.look()
                await shop.written(*written[len(written) // 2 :])
                await shop.look(shop.process("first", Pace(0.1, 1e9)))
                mixed = await shop.published()
            other = {"source": f"{mariadb_server}/{names[2]}", "store": f"sqlite:///{tmp_path / 'other.db'}"}
            async with opened(tmp_path, redis_url, other.__getitem__) as alone:
                await alone.redis.flushall()
                await alone.written(*unique)
                async with alone.source.begin() as connection:
                    await tworoads.write_lines(connection, tworoads.latest(lines), lines)
                await alone.look()
                assert telling(await alone.published()) == telling(mixed)
        finally:
            with admin.cursor() as cursor:
                for each in names:
                    cursor.execute(f"DROP DATABASE {each}")
    assert any(row[AT["units_left_week"]] for row in mixed.values())
