"""Running jobs: in a process of its own, within limits, tried again when that may help."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from joblife import ask, done, gone, numbers, until
from redis.asyncio import Redis
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.jobs import Job, Schedule, cancel_job, enqueue, get_job, job_schedules, list_jobs
from rfid3_shared.jobs.duties import Duty, Held
from rfid3_shared.jobs.nursery import Nursery
from rfid3_shared.jobs.queue import send
from rfid3_shared.jobs.worker import JobWorker
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.settings import Settings

pytestmark = pytest.mark.usefixtures("importable_work")
WORK = ("add", "noisy", "wait_for_file", "with_child", "store_down_once", "too_little", "bug", "dies", "hog")
KINDS = {name: f"sample_jobs:{name}" for name in WORK}


@pytest.fixture
def settings(redis_url: str, store_dsn: str) -> Settings:
    return Settings(redis_url=redis_url, store_url=store_dsn, job_lease_s=1.0, job_poll_ms=20, job_timeout_s=30.0)


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(settings.store_dsn)
    await ensure_schema(opened)
    yield opened
    await opened.dispose()


@asynccontextmanager
async def working(settings: Settings, **changes: Any) -> AsyncIterator[JobWorker]:
    """A worker in this process, while the block lasts."""
    worker, stop = JobWorker(settings, service="demand", kinds=KINDS, **changes), asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        await task


@pytest.fixture(params=["warm", "cold"])
def nursery(request: pytest.FixtureRequest) -> Nursery | None:
    """What a worker is given: nothing, so that it starts a nursery of its own, or one that never forks."""
    return None if request.param == "warm" else Nursery()


class TestRunWork:
    async def test_the_result_is_what_the_function_returned(
        self, engine: AsyncEngine, settings: Settings, nursery: Nursery | None
    ) -> None:
        """Arguments, job id and the worker's own settings reach the function; its result reaches the row."""
        async with working(settings, nursery=nursery):
            job = await done(engine, job_id := await ask(engine, settings.redis_dsn, "add", a=2, b=3))

        assert job.result == {"sum": 5, "job_id": job_id, "home": str(settings.home)}
        assert (job.state, job.attempts, job.progress, job.error) == ("succeeded", 1, 1.0, None)
        assert job.created_at <= job.started_at <= job.finished_at
        assert 0 < job.seconds <= (job.finished_at - job.created_at).total_seconds()

    async def test_prints_of_libraries_do_not_forge_a_result(
        self, engine: AsyncEngine, settings: Settings, nursery: Nursery | None
    ) -> None:
        """Standard output belongs to the protocol; whatever prints is led to standard error."""
        async with working(settings, nursery=nursery):
            job = await done(engine, await ask(engine, settings.redis_dsn, "noisy"))

        assert job.result == {"forged": False}

    async def test_a_job_over_its_time_is_ended_with_its_children(
        self, engine: AsyncEngine, settings: Settings, tmp_path: Path, nursery: Nursery | None
    ) -> None:
        """The time limit ends every process of the job, and trying again would not help."""
        notes, started = tmp_path / "notes", []
        for limit_s in (3.0, 12.0, 48.0):  # a busy machine may not have begun the work when the shorter ones are over
            async with working(settings.model_copy(update={"job_timeout_s": limit_s}), nursery=nursery):
                job = await done(engine, await ask(engine, settings.redis_dsn, "with_child", notes=str(notes)))
            assert (job.state, job.attempts, job.error["code"]) == ("failed", 1, "TIMEOUT")
            started = notes.read_text().split() if notes.exists() else []
            if len(started) >= 2:
                break

        assert len(started) >= 2
        await gone(*map(int, started))

    async def test_memory_is_counted_over_the_whole_group(
        self, engine: AsyncEngine, settings: Settings, nursery: Nursery | None
    ) -> None:
        """Two processes of 200 MiB exceed 256 MiB although neither does alone."""
        async with working(settings.model_copy(update={"job_memory_mb": 256}), nursery=nursery):
            job = await done(engine, await ask(engine, settings.redis_dsn, "hog"))

        assert (job.state, job.error["code"]) == ("failed", "MEMORY_LIMIT")

    async def test_exception_text_stays_inside(self, engine: AsyncEngine, settings: Settings, nursery: Nursery | None) -> None:
        """A fault of ours is told blandly; the words of the exception are for the log alone."""
        async with working(settings, nursery=nursery):
            job = await done(engine, await ask(engine, settings.redis_dsn, "bug"))

        assert (job.state, job.attempts, job.error["code"]) == ("failed", 1, "SYSTEM_ERROR")
        assert "hunter2" not in str(job.as_dict())


class TestRetries:
    async def test_a_passing_fault_is_tried_again(self, engine: AsyncEngine, settings: Settings, tmp_path: Path) -> None:
        """A retryable error queues the job again after a while; the second attempt succeeds."""
        async with working(settings):
            job = await done(engine, await ask(engine, settings.redis_dsn, "store_down_once", notes=str(tmp_path / "notes")))

        assert (job.state, job.attempts, job.result) == ("succeeded", 2, {"tries": 2})
        # of the last attempt alone: the second's wait is none of its time
        assert 0 < job.seconds < (job.finished_at - job.started_at).total_seconds() + 1
        assert (job.started_at - job.created_at).total_seconds() >= 1

    async def test_a_lasting_fault_is_not(self, engine: AsyncEngine, settings: Settings, tmp_path: Path) -> None:
        """An error that trying again cannot mend fails at once, in its own words."""
        async with working(settings):
            job = await done(engine, await ask(engine, settings.redis_dsn, "too_little", notes=str(tmp_path / "notes")))

        assert (job.state, job.attempts) == ("failed", 1)
        assert job.seconds > 0
        assert job.error == {"code": "INSUFFICIENT_DATA", "message": "There are 12 days of history, 30 are needed."}

    async def test_attempts_are_bounded(self, engine: AsyncEngine, settings: Settings, tmp_path: Path) -> None:
        """Work whose process dies every time ends as failed, after as many attempts as it is allowed."""
        async with transaction(engine) as connection:
            job = await enqueue(
                connection, service="demand", kind="dies", arguments={"notes": str(tmp_path / "notes")}, requested_by="test",
                clock=Clock(), max_attempts=2,
            )  # fmt: skip
        async with working(settings):
            job = await done(engine, job.id)

        assert (job.state, job.attempts, job.error["code"]) == ("failed", 2, "WORK_DIED")
        assert len((tmp_path / "notes").read_text().splitlines()) == 2

    async def test_an_unknown_kind_fails(self, engine: AsyncEngine, settings: Settings) -> None:
        """A job nobody can run does not wait for ever."""
        async with working(settings):
            job = await done(engine, await ask(engine, settings.redis_dsn, "nonsense"))

        assert (job.state, job.error["code"]) == ("failed", "UNKNOWN_KIND")


class TestDelivery:
    async def test_duplicates_run_once(self, engine: AsyncEngine, settings: Settings, tmp_path: Path) -> None:
        """However often and to however many workers an id is delivered, the work is begun once."""
        notes, go = tmp_path / "notes", tmp_path / "go"
        two = settings.model_copy(update={"job_batch_slots": 2})
        async with working(two), working(two), Redis.from_url(settings.redis_dsn) as redis:
            job_id = await ask(engine, settings.redis_dsn, "wait_for_file", notes=str(notes), go=str(go))
            for attempt in range(5):
                await send(redis, "demand", job_id, attempt)
            await numbers(notes, 1)
            for attempt in range(5):
                await send(redis, "demand", job_id, attempt)
            await until(engine, job_id, lambda job: job.stage == "waiting")
            go.touch()
            job = await done(engine, job_id)
            async with asyncio.timeout(5):
                while await redis.zcard("rfid3:jobs:demand"):
                    await asyncio.sleep(0.02)

        assert (job.state, job.attempts, job.result) == ("succeeded", 1, {"run": 1})

    async def test_a_job_never_sent_is_found(self, engine: AsyncEngine, settings: Settings) -> None:
        """A row whose sender died before sending is run all the same."""
        async with transaction(engine) as connection:
            job = await enqueue(
                connection, service="demand", kind="add", arguments={"a": 1, "b": 1}, requested_by="test", clock=Clock()
            )
        async with working(settings):
            assert (await done(engine, job.id)).state == "succeeded"

    async def test_other_services_jobs_are_left_alone(self, engine: AsyncEngine, settings: Settings) -> None:
        """A worker runs its own service's jobs only, also when they reach it by the sweeper."""
        async with transaction(engine) as connection:
            other = await enqueue(connection, service="packs", kind="add", arguments={}, requested_by="test", clock=Clock())
        async with working(settings):
            await done(engine, await ask(engine, settings.redis_dsn, "add", a=1, b=1))

        async with transaction(engine) as connection:
            assert (await get_job(connection, other.id)).state == "queued"


class TestCancel:
    async def test_a_running_job_is_ended(self, engine: AsyncEngine, settings: Settings, tmp_path: Path) -> None:
        """Cancelling ends the processes and leaves the row cancelled, and the worker free."""
        notes = tmp_path / "notes"
        async with working(settings):
            job_id = await ask(engine, settings.redis_dsn, "with_child", notes=str(notes))
            processes = await numbers(notes, 2)
            async with transaction(engine) as connection:
                await cancel_job(connection, job_id, clock=Clock())
            await gone(*processes)
            other = await done(engine, await ask(engine, settings.redis_dsn, "add", a=1, b=1))

            assert other.state == "succeeded"
            cancelled = await until(engine, job_id, lambda job: job.seconds is not None)
            assert (cancelled.state, cancelled.lease_owner) == ("cancelled", None)


class TestStop:
    async def test_a_stopped_workers_job_is_queued_and_not_counted(
        self, engine: AsyncEngine, settings: Settings, tmp_path: Path
    ) -> None:
        """Stopping a worker ends its job's processes and queues the job; the next worker runs it to the end."""
        notes, go = tmp_path / "notes", tmp_path / "go"
        async with working(settings):
            job_id = await ask(engine, settings.redis_dsn, "wait_for_file", notes=str(notes), go=str(go))
            (process,) = await numbers(notes, 1)
        async with transaction(engine) as connection:
            between = await get_job(connection, job_id)
        await gone(process)
        go.touch()
        async with working(settings):
            job = await done(engine, job_id)

        assert (between.state, between.attempts, between.lease_owner) == ("queued", 0, None)
        assert (job.state, job.attempts, job.result) == ("succeeded", 1, {"run": 2})


class TestStore:
    @pytest.mark.mariadb
    async def test_jobs_run_on_mariadb(self, mysql_dsn: str, redis_url: str, tmp_path: Path) -> None:
        """Lease, progress, renewal, retry and result work on MariaDB as on SQLite."""
        settings = Settings(redis_url=redis_url, store_url=mysql_dsn, job_lease_s=1.0, job_poll_ms=20)
        engine = open_engine(mysql_dsn)
        await ensure_schema(engine)
        notes, go = tmp_path / "notes", tmp_path / "go"
        async with working(settings):
            job_id = await ask(engine, settings.redis_dsn, "wait_for_file", notes=str(notes), go=str(go))
            shown = await until(engine, job_id, lambda job: job.stage == "waiting")
            renewed = await until(engine, job_id, lambda job: job.lease_until > shown.lease_until)
            go.touch()
            job = await done(engine, job_id)
            again = await done(engine, await ask(engine, settings.redis_dsn, "store_down_once", notes=str(tmp_path / "other")))
        async with transaction(engine) as connection:
            counts = (await connection.execute(text("SELECT state, SUM(attempts) FROM prediction_jobs GROUP BY state"))).all()
        await engine.dispose()

        assert (shown.progress, renewed.state, job.state, job.attempts) == (0.5, "running", "succeeded", 1)
        assert again.attempts == 2
        assert [(state, int(total)) for state, total in counts] == [("succeeded", 3)]

    async def test_a_store_that_goes_away_meanwhile_gets_the_outcome_later(
        self, engine: AsyncEngine, settings: Settings, tmp_path: Path
    ) -> None:
        """While the store is out of reach the work goes on; its outcome is written when the store is back."""
        notes, go = tmp_path / "notes", tmp_path / "go"
        async with working(settings):
            job_id = await ask(engine, settings.redis_dsn, "wait_for_file", notes=str(notes), go=str(go))
            await until(engine, job_id, lambda job: job.stage == "waiting")
            async with transaction(engine) as connection:
                await connection.execute(text("ALTER TABLE prediction_jobs RENAME TO away"))
            go.touch()
            await gone(*(await numbers(notes, 1)))
            await asyncio.sleep(0.2)
            async with transaction(engine) as connection:
                await connection.execute(text("ALTER TABLE away RENAME TO prediction_jobs"))
            job = await done(engine, job_id)

        assert (job.state, job.attempts, job.result) == ("succeeded", 1, {"run": 1})


class TestDuties:
    async def test_they_are_seen_to_again_and_again(self, engine: AsyncEngine, settings: Settings) -> None:
        """A duty is given what the worker holds; a fault of it, or of another, ends neither it nor the worker's jobs."""
        seen: list[Held] = []

        async def faulty(held: Held) -> None:
            seen.append(held)
            raise RuntimeError("of no use")

        enough = asyncio.Event()

        async def counting(held: Held) -> None:
            async with transaction(held.engine) as connection:
                assert await list_jobs(connection) == []
            assert await held.redis.ping()
            if len(seen) > 3:
                enough.set()

        async with working(settings, duties=[Duty("faulty", 0.01, faulty), Duty("counting", 0.01, counting)]):
            async with asyncio.timeout(20):
                await enough.wait()
            job = await done(engine, await ask(engine, settings.redis_dsn, "add", a=1, b=1))

        assert job.state == "succeeded"
        assert seen[0].settings is settings

    async def test_one_that_blocks_is_alone_with_that(self, engine: AsyncEngine, settings: Settings) -> None:
        """A duty that never ends holds up neither jobs nor the worker's stop."""

        async def endless(held: Held) -> None:
            await asyncio.Event().wait()

        async with working(settings, duties=[Duty("endless", 0.01, endless)]):
            job = await done(engine, await ask(engine, settings.redis_dsn, "add", a=1, b=1))

        assert job.state == "succeeded"

    async def test_old_jobs_are_forgotten(self, engine: AsyncEngine, settings: Settings) -> None:
        """A worker clears the list of what finished long ago, and keeps the newest of each kind."""
        async with working(settings):
            ids = [(await done(engine, await ask(engine, settings.redis_dsn, "add", a=1, b=1))).id for _ in range(3)]
        async with transaction(engine) as connection:
            await connection.execute(text("UPDATE prediction_jobs SET finished_at = '2020-01-01 00:00:00.000000'"))
        async with working(settings), asyncio.timeout(20):
            left: list[str] = ids
            while len(left) > 1:
                await asyncio.sleep(0.02)
                async with transaction(engine) as connection:
                    left = [job.id for job in await list_jobs(connection)]

        assert left == ids[-1:]


class TestSchedules:
    CRON = "0 * * * *"

    async def missed(self, engine: AsyncEngine) -> None:
        """Note that the hourly job was last asked for long ago."""
        row = {"service": "demand", "kind": "noisy", "cron": self.CRON, "last_slot": datetime(2026, 1, 1, 6), "last_note": ""}
        async with transaction(engine) as connection:
            await connection.execute(insert(job_schedules), {**row, "updated_at": datetime(2026, 1, 1, 6)})

    async def test_what_is_due_is_run(self, engine: AsyncEngine, settings: Settings) -> None:
        """A worker asks for what its schedules make due, once, and runs it."""
        await self.missed(engine)
        async with working(settings, schedules=[Schedule("demand", "noisy", self.CRON)]), asyncio.timeout(20):
            jobs: list[Job] = []
            while not jobs or not jobs[0].finished:
                await asyncio.sleep(0.02)
                async with transaction(engine) as connection:
                    jobs = await list_jobs(connection)

        assert [(job.kind, job.state, job.requested_by, job.arguments) for job in jobs] == [
            ("noisy", "succeeded", "schedule", {})
        ]

    async def test_what_is_not_allowed_is_passed_over(self, engine: AsyncEngine, settings: Settings) -> None:
        """A schedule whose jobs are not wanted now notes why and asks for none."""
        await self.missed(engine)

        async def allowed(kind: str) -> str | None:
            return f"{kind} is switched off"

        schedules, note = [Schedule("demand", "noisy", self.CRON)], ""
        async with working(settings, schedules=schedules, allowed=allowed), asyncio.timeout(20):
            while not note:
                await asyncio.sleep(0.02)
                async with transaction(engine) as connection:
                    note = (await connection.execute(select(job_schedules.c.last_note))).scalar_one()

        async with transaction(engine) as connection:
            assert (note, await list_jobs(connection)) == ("noisy is switched off", [])


class TestWakingUp:
    async def test_a_job_is_not_left_to_the_next_poll(self, engine: AsyncEngine, settings: Settings) -> None:
        """A worker that polls once an hour, and whose sweeper is not to start anything yet, runs what is sent at once."""
        rarely = settings.model_copy(update={"job_poll_ms": 3_600_000, "job_lease_s": 60.0})
        async with working(rarely), Redis.from_url(settings.redis_dsn) as redis:
            async with asyncio.timeout(20):
                while not (await redis.pubsub_numsub("rfid3:jobs:demand"))[0][1]:
                    await asyncio.sleep(0.02)
            job = await done(engine, await ask(engine, settings.redis_dsn, "add", a=1, b=1))

        assert job.state == "succeeded"


class TestWorkerClass:
    async def test_the_parent_imports_no_model_library_and_no_work(self) -> None:
        """Importing jobs brings no arq; importing the worker brings arq but nothing heavy."""
        code = (
            "import sys, rfid3_shared.jobs, rfid3_shared.registry, rfid3_shared.ledger; light = set(sys.modules)\n"
            "import rfid3_shared.jobs.worker; both = set(sys.modules)\n"
            "print('arq' in light, 'arq' in both, sorted({'polars', 'numpy', 'lightgbm', 'pandas', 'fastapi'} & both))"
        )
        process = await asyncio.create_subprocess_exec(
            os.sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
        )  # fmt: skip
        out, _ = await process.communicate()

        assert out.decode().split("\n")[0] == "False True []"
