"""What everybody else forgot: lost leases, unsent jobs, and holders that come too late."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from redis.asyncio import Redis
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.jobs import enqueue, get_job, prediction_jobs
from rfid3_shared.jobs import lease as leases
from rfid3_shared.jobs.sweep import Sweeper
from rfid3_shared.migrate import ensure_schema


@pytest.fixture
async def engine(store_dsn: str) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(store_dsn)
    await ensure_schema(opened)
    yield opened
    await opened.dispose()


class TestSweep:
    NOON = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)

    @pytest.fixture
    async def dead_redis(self) -> AsyncIterator[Redis]:
        async with Redis.from_url("redis://127.0.0.1:1/0") as redis:
            yield redis

    async def leased(self, engine: AsyncEngine, clock: FixedClock) -> str:
        async with transaction(engine) as connection:
            job = await enqueue(connection, service="demand", kind="add", arguments={}, requested_by="test", clock=clock)
            await leases.take(connection, job.id, leases.Lease("somebody", 10.0, clock))
        return job.id

    @pytest.mark.parametrize("step_s", [0, -3600, 3600], ids=["true clock", "an hour back", "an hour ahead"])
    async def test_a_renewed_lease_is_never_taken(self, engine: AsyncEngine, dead_redis: Redis, step_s: int) -> None:
        """However this machine's clock is set, a holder that renews keeps its job, and one that stopped loses it."""
        clock = FixedClock(self.NOON)
        job_id = await self.leased(engine, clock)
        wrong = FixedClock(self.NOON + timedelta(seconds=step_s))
        sweeper = Sweeper(engine, dead_redis, wrong, service="demand", lease_s=10.0, start=lambda *_: False)

        states = []
        for second in range(40):
            if second < 20 and second % 3 == 0:
                async with transaction(engine) as connection:
                    await leases.renew(connection, job_id, leases.Lease("somebody", 10.0, clock), "busy", 0.5)
            await sweeper.sweep()
            async with transaction(engine) as connection:
                states.append((await get_job(connection, job_id)).state)
            for moved in (clock, wrong):
                moved.advance(seconds=1)

        assert states[:20] == ["running"] * 20
        assert states[-1] == "queued"
        assert 18 + 5 <= states.index("queued") <= 18 + 12

    async def test_two_sweepers_take_a_lost_job_once(self, engine: AsyncEngine, dead_redis: Redis) -> None:
        """Sweepers that see the same lapsed lease queue the job once, so no attempt of another holder is disturbed."""
        clock = FixedClock(self.NOON)
        job_id = await self.leased(engine, clock)
        async with transaction(engine) as connection:
            (seen,) = await leases.running(connection, "demand")

        async with transaction(engine) as connection:
            taken = [await leases.requeue(connection, seen, clock) for _ in range(2)]
            clock.advance(seconds=1)
            await leases.take(connection, job_id, leases.Lease("another", 10.0, clock))
            late = await leases.requeue(connection, seen, clock)

        assert (taken, late) == ([True, False], False)

    async def test_a_job_that_kills_its_workers_ends_as_failed(self, engine: AsyncEngine) -> None:
        """After its last attempt a lost job is failed, and makes room for another."""
        clock = FixedClock(self.NOON)
        job_id = await self.leased(engine, clock)
        async with transaction(engine) as connection:
            await connection.execute(text("UPDATE prediction_jobs SET attempts = max_attempts"))
            (seen,) = await leases.running(connection, "demand")
            await leases.requeue(connection, seen, clock)
            job = await get_job(connection, job_id)
            active = (await connection.execute(select(prediction_jobs.c.active_key))).scalar_one()

        assert (job.state, (job.error or {})["code"], active) == ("failed", "WORKER_LOST", None)

    async def test_a_clock_set_back_holds_no_job_up(self, engine: AsyncEngine, dead_redis: Redis) -> None:
        """A job queued before the clock was set back an hour is not left waiting for that hour."""
        clock, started = FixedClock(self.NOON), []
        async with transaction(engine) as connection:
            job = await enqueue(connection, service="demand", kind="add", arguments={}, requested_by="test", clock=clock)
        clock.advance(hours=-1)

        await Sweeper(
            engine, dead_redis, clock, service="demand", lease_s=10.0, start=lambda job_id, _: not started.append(job_id)
        ).sweep()  # fmt: skip

        assert started == [job.id]


class TestLateHolder:
    async def test_it_changes_nothing(self, engine: AsyncEngine) -> None:
        """A worker that lost its lease can neither finish, fail, retry nor give back what another one runs."""
        clock = FixedClock(TestSweep.NOON)
        late, holder = leases.Lease("late", 10.0, clock), leases.Lease("holder", 10.0, clock)
        async with transaction(engine) as connection:
            job = await enqueue(connection, service="demand", kind="add", arguments={}, requested_by="test", clock=clock)
            taken = await leases.take(connection, job.id, holder)
            assert taken is not None
            tried = [
                await leases.take(connection, job.id, late),
                await leases.renew(connection, job.id, late, "x", 0.1),
                await leases.succeed(connection, job.id, late, {}),
                await leases.fail(connection, job.id, late, {}),
                await leases.retry(connection, taken, late, {}),
                await leases.give_back(connection, job.id, late),
            ]
            assert await get_job(connection, job.id) == taken
            assert await leases.succeed(connection, job.id, holder, {"ok": True})

        assert tried == [None, False, False, False, False, False]
