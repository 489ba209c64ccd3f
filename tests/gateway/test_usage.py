"""Usage by the hour: every call of a known key counted once, by all gateways together, through outages and restarts."""

import asyncio
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from doorway import Door, Wire
from hypothesis import given
from hypothesis import strategies as some
from sqlalchemy import insert, select
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_gateway.usage import KEPT, Usage, from_cache, hour_of
from rfid3_gateway.usage_summary import Summary, summary
from rfid3_shared.clock import FixedClock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.usage_tables import api_uptime, api_usage

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
CALL = some.tuples(
    some.sampled_from(["demand", "packs", "gateway"]), some.sampled_from(["k1", "k2", "k3"]),
    some.sampled_from([200, 202, 304, 404, 429, 499, 500, 503]), some.integers(0, 5000), some.sampled_from([None, True, False]),
)  # fmt: skip


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def dsn(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("store_dsn" if request.param == "sqlite" else "mysql_dsn"))


@pytest.fixture
async def bare(dsn: str) -> AsyncIterator[AsyncEngine]:
    """A store without tables."""
    opened = open_engine(dsn)
    yield opened
    await opened.dispose()


@pytest.fixture
async def engine(bare: AsyncEngine) -> AsyncEngine:
    await create_tables(bare, store_metadata)
    return bare


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON + timedelta(minutes=30))


async def rows(engine: AsyncEngine) -> list[dict[str, Any]]:
    async with transaction(engine) as connection:
        order = (api_usage.c.hour, api_usage.c.service, api_usage.c.key_id)
        return [dict(row) for row in (await connection.execute(select(api_usage).order_by(*order))).mappings()]


async def total(engine: AsyncEngine) -> int:
    return sum(row["calls"] for row in await rows(engine))


async def told(engine: AsyncEngine, clock: FixedClock, hours: float = 24) -> Summary:
    async with transaction(engine) as connection:
        return await summary(connection, clock.now() - timedelta(hours=hours), clock.now())


class TestCount:
    async def test_adds_up_what_each_key_asked_of_each_service(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Calls, answers, their seconds, faults and what came from a cache, each under its hour, service and key."""
        usage = Usage(engine, clock)
        for call in (("demand", "k1", 200, 0.5, True), ("demand", "k1", 200, 0.25, False), ("demand", "k1", 503, 9.0),
                     ("demand", "k1", 404, 9.0), ("packs", "k2", 202, 1.0, None)):  # fmt: skip
            usage.count(*call)  # type: ignore[arg-type]

        assert await usage.flush()

        noon = NOON.replace(tzinfo=None)
        assert await rows(engine) == [
            {"hour": noon, "service": "demand", "key_id": "k1", "calls": 4, "answered": 2, "seconds": 0.75, "errors": 1,
             "cache_hits": 1, "cache_misses": 1},
            {"hour": noon, "service": "packs", "key_id": "k2", "calls": 1, "answered": 1, "seconds": 1.0, "errors": 0,
             "cache_hits": 0, "cache_misses": 0},
        ]  # fmt: skip

    @given(batches=some.lists(some.lists(CALL, max_size=8), max_size=6))
    def test_agrees_with_counting_one_by_one(self, batches: list[list[tuple[Any, ...]]]) -> None:
        """However calls fall into flushes and onto two gateways, the store holds what a plain loop counts."""

        async def run() -> list[dict[str, Any]]:
            with tempfile.TemporaryDirectory() as folder:
                engine, clock = open_engine(f"sqlite:///{folder}/store.db"), FixedClock(NOON)
                async with transaction(engine) as connection:
                    await connection.run_sync(lambda sync: store_metadata.create_all(sync, [api_usage, api_uptime]))
                gateways = Usage(engine, clock), Usage(engine, clock)
                for turn, batch in enumerate(batches):
                    for service, key_id, status, ms, cached in batch:
                        gateways[turn % 2].count(service, key_id, status, ms / 1000, cached)
                    assert await gateways[turn % 2].flush()
                found = await rows(engine)
                await engine.dispose()
            return found

        expected: Counter[tuple[str, str, str]] = Counter()
        for service, key_id, status, ms, cached in (call for batch in batches for call in batch):
            expected[service, key_id, "calls"] += 1
            expected[service, key_id, "errors"] += status in (500, 503)
            if status in (200, 202, 304):
                expected[service, key_id, "answered"] += 1
                expected[service, key_id, "seconds"] += ms
            if cached is not None:
                expected[service, key_id, "cache_hits" if cached else "cache_misses"] += 1

        found = asyncio.run(run())

        counted = {(row["service"], row["key_id"], name): value for row in found for name, value in row.items()}
        for (service, key_id, name), value in expected.items():
            assert counted[service, key_id, name] == (pytest.approx(value / 1000) if name == "seconds" else value)
        assert len(found) == len({key[:2] for key in expected})

    async def test_keeps_hours_apart(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """A call belongs to the hour in which it came, even when the next one has begun before it is written."""
        usage = Usage(engine, clock)
        usage.count("demand", "k1", 200, 0.1)
        clock.advance(minutes=45)
        await usage.flush()
        usage.count("demand", "k1", 200, 0.1)
        await usage.flush()

        assert [(row["hour"].hour, row["calls"]) for row in await rows(engine)] == [(12, 1), (13, 1)]

    async def test_gateways_that_write_at_once_lose_nothing(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Four gateways add to the same rows fifty times each, and every call is there."""
        gateways = [Usage(engine, clock) for _ in range(4)]

        async def work(usage: Usage) -> None:
            for _ in range(50):
                for key in ("k1", "k2", "k3"):
                    usage.count("demand", key, 200, 0.01)
                await usage.flush()

        await asyncio.gather(*map(work, gateways))
        for usage in gateways:
            await usage.aclose()

        assert await total(engine) == 4 * 50 * 3


class TestStoreAway:
    async def test_counts_wait_for_it(self, bare: AsyncEngine, clock: FixedClock) -> None:
        """With a store that takes nothing the counts stay in memory, and all are written once it does."""
        usage = Usage(bare, clock)
        for _ in range(3):
            usage.count("demand", "k1", 200, 0.1)
            assert not await usage.flush()
            clock.advance(hours=1)
            assert not await usage.flush()
        await create_tables(bare, store_metadata)

        assert await usage.flush()

        assert [(row["hour"].hour, row["calls"]) for row in await rows(bare)] == [(12, 1), (13, 1), (14, 1)]
        assert (await told(bare, clock)).uptime_ratio == pytest.approx(4 / 181)

    @pytest.mark.mariadb
    async def test_a_connection_that_breaks_costs_no_call(self, mysql_dsn: str, clock: FixedClock) -> None:
        """The wire to MariaDB is cut between flushes and mended; nothing is lost or counted twice."""
        url = make_url(mysql_dsn)
        wire = Wire(url.port or 3306)
        await wire.mend()
        engine = open_engine(url.set(host="127.0.0.1", port=wire.port).render_as_string(hide_password=False))
        await create_tables(engine, store_metadata)
        usage, written = Usage(engine, clock), []
        for number in range(6):
            usage.count("demand", "k1", 200, 0.1)
            await (wire.cut() if number % 2 else wire.mend() if number else asyncio.sleep(0))
            written.append(await usage.flush())
        await wire.mend()

        await usage.aclose()

        assert written == [True, False, True, False, True, False]
        assert await total(engine) == 6
        await engine.dispose()
        await wire.cut()

    async def test_what_waits_is_bounded(self, bare: AsyncEngine, clock: FixedClock) -> None:
        """Past the limit calls are still counted, but no longer who made them."""
        usage = Usage(bare, clock, limit=2)
        for number in range(10):
            usage.count("demand", f"k{number}", 200, 0.1)
        assert not await usage.flush()
        await create_tables(bare, store_metadata)

        await usage.flush()

        assert {row["key_id"]: row["calls"] for row in await rows(bare)} == {"": 8, "k0": 1, "k1": 1}
        assert (await told(bare, clock)).callers == 2


class TestLife:
    async def test_writes_by_itself_and_at_the_end(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Started, it writes every few seconds; closed, what is left is written."""
        usage = Usage(engine, clock, flush_s=0.02)
        await usage.start()
        usage.count("demand", "k1", 200, 0.1)
        for _ in range(200):
            if await total(engine):
                break
            await asyncio.sleep(0.02)
        written = await total(engine)
        usage.count("demand", "k1", 200, 0.1)
        await usage.aclose()

        assert (written, await total(engine)) == (1, 2)

    async def test_old_hours_are_deleted(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Five weeks are kept, of calls and of uptime."""
        now = hour_of(clock.now())
        values = {"service": "demand", "key_id": "k", "calls": 1, "answered": 1, "seconds": 0, "errors": 0,
                  "cache_hits": 0, "cache_misses": 0}  # fmt: skip
        async with transaction(engine) as connection:
            for age in (KEPT + timedelta(hours=1), KEPT):
                await connection.execute(insert(api_usage), {"hour": now - age, **values})
                await connection.execute(insert(api_uptime), {"hour": now - age, "minutes": 1})

        await Usage(engine, clock).flush()

        assert [row["hour"] for row in await rows(engine)] == [now - KEPT]
        async with transaction(engine) as connection:
            kept = (await connection.execute(select(api_uptime.c.hour).order_by(api_uptime.c.hour))).scalars().all()
        assert list(kept) == [now - KEPT, now]


class TestSummary:
    async def test_says_what_was_counted(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Figures worked out by hand; the gateway's own answers do not count as predictions' latency."""
        usage = Usage(engine, clock)
        for service, key, status, seconds, cached in (
            ("demand", "k1", 200, 0.010, True), ("demand", "k2", 200, 0.030, False), ("packs", "k1", 200, 0.050, False),
            ("packs", "k1", 500, 7.0, None), ("gateway", "k3", 200, 60.0, None), ("gateway", "k3", 200, 60.0, None),
            ("gateway", "k3", 200, 60.0, None), ("demand", "k1", 404, 5.0, None),
        ):  # fmt: skip
            usage.count(service, key, status, seconds, cached)
        await usage.flush()

        found = await told(engine, clock)

        assert found.calls_by_service == {"demand": 3, "gateway": 3, "packs": 2}
        assert (found.calls, found.errors, found.callers, found.busiest_service) == (8, 1, 3, "demand")
        assert found.error_ratio == pytest.approx(1 / 8)
        assert found.latency_ms == pytest.approx(30)
        assert found.cache_hit_ratio == pytest.approx(1 / 3)

    async def test_of_nothing_says_nothing(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Without a call there is no rate, no latency and no busiest service; but somebody is up to ask."""
        assert await told(engine, clock) == Summary({}, 0, 0, None, None, 1.0)

    async def test_looks_back_as_far_as_asked(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """An hour that the span touches counts, one before it does not."""
        usage = Usage(engine, clock)
        usage.count("demand", "k1", 200, 0.1)
        await usage.flush()

        clock.advance(hours=24)
        assert (await told(engine, clock)).calls == 1
        clock.advance(minutes=30)
        assert (await told(engine, clock)).calls == 0

    async def test_uptime_counts_minutes_since_the_first(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Up for 10 minutes, away for 30, up again: 10 + 1 of 41 minutes; another gateway fills a part of the gap."""
        usage = Usage(engine, clock)
        for _ in range(10):
            await usage.flush()
            clock.advance(minutes=1)
        clock.advance(minutes=30)
        await usage.flush()
        alone = (await told(engine, clock)).uptime_ratio
        clock.advance(minutes=-20)
        await Usage(engine, clock).flush()
        clock.advance(minutes=20)

        assert alone == pytest.approx(11 / 41)
        assert (await told(engine, clock)).uptime_ratio == pytest.approx(12 / 41)
        assert (await told(engine, clock, hours=5 / 60)).uptime_ratio == pytest.approx(1 / 6)


class TestFromCache:
    @pytest.mark.parametrize(
        ("headers", "said"),
        [([(b"x-cache", b"hit")], True), ([(b"a", b"b"), (b"x-cache", b"miss")], False), ([(b"age", b"3")], None), ([], None)],
    )
    def test_is_what_the_answer_says(self, headers: list[tuple[bytes, bytes]], said: bool | None) -> None:
        """hit, miss, or nothing said."""
        assert from_cache(headers) is said


class TestThroughTheGateway:
    async def test_calls_with_a_key_are_counted(self, door: Door) -> None:
        """Forwarded calls under their service, own ones under the gateway's name; probes, unknown paths and strangers not at all."""
        for _ in range(3):
            await door.get("forecast")
        await door.get("forecast?weeks=none")
        for path in ("/api/predictive/health", "/health", "/ready", "/nowhere"):
            await door.get(path)
        await door.client.get("/api/predictive/health", headers={"x-api-key": "rfid3_nobody"})
        parts = door.gateway.own.state.parts

        assert await parts.usage.flush()

        found = await rows(parts.store)
        assert [(row["service"], row["key_id"], row["calls"], row["answered"], row["errors"]) for row in found] == [
            ("demand", door.key_id, 4, 3, 0), ("gateway", door.key_id, 1, 1, 0),
        ]  # fmt: skip
        assert found[0]["seconds"] > 0
