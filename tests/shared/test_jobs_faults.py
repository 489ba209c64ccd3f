"""Jobs when things die: a worker, Redis, both; nothing is lost and nothing is done twice over."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest
from conftest import free_port, start_redis
from redis.asyncio import Redis
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock, FixedClock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.jobs import Job, Outbox, enqueue, get_job, prediction_jobs
from rfid3_shared.jobs import lease as leases
from rfid3_shared.jobs.sweep import Sweeper

FOLDER = Path(__file__).parent


@pytest.fixture
async def engine(store_dsn: str) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(store_dsn)
    await create_tables(opened, store_metadata)
    yield opened
    await opened.dispose()


StartWorker = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start_worker(store_dsn: str, tmp_path: Path) -> Iterator[StartWorker]:
    """Start worker processes; those that still live are killed at the end."""
    with ExitStack() as stack:

        def start(redis_url: str, *command: str) -> subprocess.Popen[bytes]:
            environment = {
                **os.environ, "PYTHONPATH": str(FOLDER), "RFID3_STORE_URL": store_dsn, "RFID3_REDIS_URL": redis_url,
                "RFID3_JOB_LEASE_S": "1", "RFID3_JOB_POLL_MS": "20", "RFID3_HOME": str(tmp_path),
            }  # fmt: skip
            arguments = list(command) or [sys.executable, str(FOLDER / "worker_process.py")]
            log = stack.enter_context((tmp_path / "worker.log").open("ab"))
            return stack.enter_context(ended(subprocess.Popen(arguments, env=environment, stdout=log, stderr=log)))

        yield start


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Kill the process at the end of the block."""
    with process:
        try:
            yield process
        finally:
            process.kill()


async def ask(engine: AsyncEngine, redis_url: str, kind: str, **arguments: object) -> str:
    async with Redis.from_url(redis_url) as redis:
        outbox = Outbox(redis)
        async with transaction(engine) as connection:
            job = await enqueue(
                connection, service="demand", kind=kind, arguments=arguments, requested_by="test", clock=Clock()
            )  # fmt: skip
            outbox.add(job.id, "demand")
        await outbox.send()
    return job.id


async def until(engine: AsyncEngine, job_id: str, holds: Callable[[Job], bool]) -> Job:
    async with asyncio.timeout(20):
        while True:
            async with transaction(engine) as connection:
                job = await get_job(connection, job_id)
            if holds(job):
                return job
            await asyncio.sleep(0.02)


async def lines(path: Path, count: int) -> list[int]:
    async with asyncio.timeout(20):
        while not path.exists() or len(path.read_text().splitlines()) < count:
            await asyncio.sleep(0.02)
    return [int(line) for line in path.read_text().splitlines()]


async def gone(*process_ids: int) -> None:
    async with asyncio.timeout(5):
        while any(psutil.pid_exists(number) and psutil.Process(number).status() != "zombie" for number in process_ids):
            await asyncio.sleep(0.02)


class TestWorkerKilled:
    async def test_its_work_dies_with_it_and_the_job_runs_again(
        self, engine: AsyncEngine, redis_url: str, start_worker: StartWorker, tmp_path: Path
    ) -> None:
        """kill -9 of the worker ends the work; another worker takes the job over and it succeeds once."""
        notes, go = tmp_path / "notes", tmp_path / "go"
        first = start_worker(redis_url)
        job_id = await ask(engine, redis_url, "wait_for_file", notes=str(notes), go=str(go))
        (work,) = await lines(notes, 1)
        os.kill(first.pid, signal.SIGKILL)
        await gone(work)

        start_worker(redis_url)
        await lines(notes, 2)
        go.touch()
        job = await until(engine, job_id, lambda job: job.finished)

        assert (job.state, job.attempts, job.result) == ("succeeded", 2, {"run": 2})

    async def test_what_the_work_started_dies_too(
        self, engine: AsyncEngine, redis_url: str, start_worker: StartWorker, tmp_path: Path
    ) -> None:
        """A training process's own children do not outlive a killed worker."""
        worker = start_worker(redis_url)
        await ask(engine, redis_url, "with_child", notes=str(tmp_path / "notes"))
        processes = await lines(tmp_path / "notes", 2)

        os.kill(worker.pid, signal.SIGKILL)

        await gone(*processes)

    async def test_terminating_gives_the_job_back(
        self, engine: AsyncEngine, redis_url: str, start_worker: StartWorker, tmp_path: Path
    ) -> None:
        """SIGTERM ends worker and work within moments; the job is queued and its attempt does not count."""
        worker = start_worker(redis_url)
        job_id = await ask(engine, redis_url, "with_child", notes=str(tmp_path / "notes"))
        processes = await lines(tmp_path / "notes", 2)

        worker.terminate()

        assert await asyncio.to_thread(worker.wait, 10) == 0
        await gone(*processes)
        job = await until(engine, job_id, lambda job: True)
        assert (job.state, job.attempts) == ("queued", 0)


class TestRedisKilled:
    async def test_a_running_job_and_new_ones_finish(
        self, engine: AsyncEngine, start_worker: StartWorker, tmp_path: Path
    ) -> None:
        """While Redis is dead the running job goes on and new ones are found; when it is back they are delivered again."""
        port, notes, go = free_port(), tmp_path / "notes", tmp_path / "go"
        redis_url = f"redis://127.0.0.1:{port}/0"
        with ended(start_redis(port)) as redis:
            start_worker(redis_url)
            running = await ask(engine, redis_url, "wait_for_file", notes=str(notes), go=str(go))
            await lines(notes, 1)
            redis.kill()
        go.touch()
        assert (await until(engine, running, lambda job: job.finished)).result == {"run": 1}

        without = await ask(engine, redis_url, "add", a=1, b=2)
        assert (await until(engine, without, lambda job: job.finished)).state == "succeeded"

        with ended(start_redis(port)):
            async with Redis.from_url(redis_url) as client, asyncio.timeout(10):
                while not await client.exists("rfid3:jobs:demand:health-check"):
                    await asyncio.sleep(0.02)
            after = await ask(engine, redis_url, "add", a=2, b=2)
            assert (await until(engine, after, lambda job: job.finished)).attempts == 1

    async def test_worker_and_redis_killed_together(
        self, engine: AsyncEngine, start_worker: StartWorker, tmp_path: Path
    ) -> None:
        """Without worker, Redis and everything Redis knew, the row alone brings the job to its end."""
        port, notes, go = free_port(), tmp_path / "notes", tmp_path / "go"
        redis_url = f"redis://127.0.0.1:{port}/0"
        with ended(start_redis(port)) as redis:
            worker = start_worker(redis_url)
            job_id = await ask(engine, redis_url, "wait_for_file", notes=str(notes), go=str(go))
            await lines(notes, 1)
            os.kill(worker.pid, signal.SIGKILL)
            redis.kill()
        go.touch()

        start_worker(redis_url)
        with ended(start_redis(port)):
            job = await until(engine, job_id, lambda job: job.finished)

        assert (job.state, job.attempts, job.result) == ("succeeded", 2, {"run": 2})


class TestArqCommand:
    async def test_the_class_runs_under_arqs_own_command(
        self, engine: AsyncEngine, redis_url: str, start_worker: StartWorker
    ) -> None:
        """`arq worker_process.Worker` runs jobs, delivered or found."""
        start_worker(redis_url, sys.executable, "-m", "arq", "worker_process.Worker")

        job = await until(engine, await ask(engine, redis_url, "add", a=20, b=22), lambda job: job.finished)

        assert job.result is not None
        assert job.result["sum"] == 42


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
        sweeper = Sweeper(engine, dead_redis, wrong, service="demand", lease_s=10.0, start=lambda job_id: False)

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
            engine, dead_redis, clock, service="demand", lease_s=10.0, start=lambda job_id: not started.append(job_id)
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
