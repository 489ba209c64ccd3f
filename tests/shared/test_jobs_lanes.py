"""Lanes: what somebody waits for does not wait for long work, and whatever holds of a job holds in both lanes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from joblife import ask, done, gone, numbers
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.jobs import BATCH, INTERACTIVE, cancel_job, enqueue, get_job, rerun_job
from rfid3_shared.jobs import lease as leases
from rfid3_shared.jobs.lanes import Room
from rfid3_shared.jobs.metrics import RUNNABLE, RUNNING
from rfid3_shared.jobs.sweep import Sweeper
from rfid3_shared.jobs.worker import JobWorker
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.settings import Settings

pytestmark = pytest.mark.usefixtures("importable_work")
KINDS = {name: f"sample_jobs:{name}" for name in ("add", "circumstances")} | {
    f"hold_{k}": "sample_jobs:wait_for_file" for k in range(4)
}


@pytest.fixture
def settings(redis_url: str, store_dsn: str) -> Settings:
    return Settings(redis_url=redis_url, store_url=store_dsn, job_lease_s=1.0, job_poll_ms=20)


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(settings.store_dsn)
    await ensure_schema(opened)
    yield opened
    await opened.dispose()


@asynccontextmanager
async def working(settings: Settings) -> AsyncIterator[JobWorker]:
    """A worker in this process, while the block lasts."""
    worker, stop = JobWorker(settings, service="demand", kinds=KINDS), asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        yield worker
    finally:
        stop.set()
        await task


REQUEST: dict[str, Any] = {
    "service": "demand", "arguments": {"a": 1, "b": 1}, "requested_by": "test", "clock": Clock(), "alone": False,
}  # fmt: skip


class Held:
    """Jobs that end when a file is there, each with its own notes."""

    def __init__(self, engine: AsyncEngine, settings: Settings, folder: Path) -> None:
        self._engine, self._settings, self._folder = engine, settings, folder
        self.go = folder / "go"

    async def ask(self, number: int, lane: str = BATCH) -> str:
        """Ask for one; its id."""
        notes, kind = str(self.notes(number)), f"hold_{number}"
        return await ask(self._engine, self._settings.redis_dsn, kind, lane, notes=notes, go=str(self.go))

    def notes(self, number: int) -> Path:
        """Where each of its runs notes its process."""
        return self._folder / f"notes_{number}"

    async def process(self, number: int) -> int:
        """Its process, as soon as it runs."""
        return (await numbers(self.notes(number), 1))[-1]


@pytest.fixture
def held(engine: AsyncEngine, settings: Settings, tmp_path: Path) -> Held:
    return Held(engine, settings, tmp_path)


class TestSideBySide:
    @pytest.fixture
    def settings(self, redis_url: str, dsn: str) -> Settings:
        """On SQLite, then on MariaDB."""
        return Settings(redis_url=redis_url, store_url=dsn, job_lease_s=1.0, job_poll_ms=20)

    async def test_long_work_holds_up_nothing_that_somebody_waits_for(
        self, engine: AsyncEngine, settings: Settings, held: Held
    ) -> None:
        """While a batch job runs and others wait for it, interactive jobs asked for later are done; and the other way round."""
        async with working(settings):
            first = await held.ask(0)
            await held.process(0)
            others = [await held.ask(1), await held.ask(2)]
            for a in (1, 2):
                quick = await done(engine, await ask(engine, settings.redis_dsn, "add", INTERACTIVE, a=a, b=1))
                assert (quick.state, quick.result["sum"], quick.lane) == ("succeeded", a + 1, "interactive")
            async with transaction(engine) as connection:
                running = await get_job(connection, first)
                waiting = [(await get_job(connection, job_id)).state for job_id in others]
            held.go.touch()
            ended = [(await done(engine, job_id)).state for job_id in (first, *others)]

        assert (running.state, waiting, ended) == ("running", ["queued"] * 2, ["succeeded"] * 3)

    async def test_a_stop_gives_back_both(self, engine: AsyncEngine, settings: Settings, held: Held) -> None:
        """Stopping a worker waits until what ran in either lane is ended and queued again; the next worker runs both to the end."""
        async with working(settings):
            jobs = [await held.ask(0), await held.ask(1, INTERACTIVE)]
            processes = [await held.process(0), await held.process(1)]
        async with transaction(engine) as connection:
            between = [await get_job(connection, job_id) for job_id in jobs]
        await gone(*processes)
        held.go.touch()
        async with working(settings):
            ended = [await done(engine, job_id) for job_id in jobs]

        assert [(job.state, job.attempts, job.lease_owner) for job in between] == [("queued", 0, None)] * 2
        assert [(job.state, job.attempts, job.result) for job in ended] == [("succeeded", 1, {"run": 2})] * 2


class TestRoomOfAWorker:
    async def test_each_lane_runs_as_many_as_it_has_slots(self, engine: AsyncEngine, settings: Settings, held: Held) -> None:
        """One batch and one interactive job run; the second of each waits, in the metrics too."""
        async with working(settings):
            jobs = [await held.ask(0), await held.ask(1, INTERACTIVE)]
            await held.process(0)
            await held.process(1)
            second = [await held.ask(2), await held.ask(3, INTERACTIVE)]
            async with asyncio.timeout(20):
                while not all(
                    gauge.labels("demand", lane)._value.get() == 1
                    for gauge in (RUNNABLE, RUNNING)
                    for lane in (BATCH, INTERACTIVE)
                ):
                    await asyncio.sleep(0.02)
            async with transaction(engine) as connection:
                states = [(await get_job(connection, job_id)).state for job_id in second]
            held.go.touch()
            ended = [(await done(engine, job_id)).state for job_id in (*jobs, *second)]

        assert states == ["queued"] * 2
        assert ended == ["succeeded"] * 4

    async def test_cancelling_one_leaves_the_other(self, engine: AsyncEngine, settings: Settings, held: Held) -> None:
        """The processes of the cancelled job end, in its lane there is room again, and the other goes on."""
        async with working(settings):
            batch, interactive = await held.ask(0), await held.ask(1, INTERACTIVE)
            await held.process(0)
            process = await held.process(1)  # a job that is cancelled before it runs never notes one
            async with transaction(engine) as connection:
                await cancel_job(connection, interactive, clock=Clock())
            await gone(process)
            assert (
                await done(engine, await ask(engine, settings.redis_dsn, "add", INTERACTIVE, a=1, b=1))
            ).state == "succeeded"
            held.go.touch()
            assert (await done(engine, batch)).attempts == 1


class TestSharedSlot:
    async def test_without_slots_of_its_own_interactive_work_goes_first(
        self, engine: AsyncEngine, settings: Settings, held: Held
    ) -> None:
        """One job at a time whatever its lane; when the slot is free, the interactive job is taken although batch jobs came first."""
        async with working(settings.model_copy(update={"job_interactive_slots": 0})):
            first = await held.ask(0)
            await held.process(0)
            batch, interactive = await held.ask(1), await held.ask(2, INTERACTIVE)
            async with transaction(engine) as connection:
                states = [(await get_job(connection, job_id)).state for job_id in (batch, interactive)]
            held.go.touch()
            jobs = [await done(engine, job_id) for job_id in (first, interactive, batch)]

        assert states == ["queued", "queued"]
        assert [job.state for job in jobs] == ["succeeded"] * 3
        assert jobs[0].finished_at <= jobs[1].started_at <= jobs[1].finished_at <= jobs[2].started_at


class TestRows:
    async def test_a_rerun_is_of_the_same_lane(self, engine: AsyncEngine) -> None:
        """Running a job again does not make it wait for long work."""
        async with transaction(engine) as connection:
            job = await enqueue(connection, kind="add", lane=INTERACTIVE, **REQUEST)
            await cancel_job(connection, job.id, clock=Clock())
            again = await rerun_job(connection, job.id, requested_by="test", clock=Clock())

        assert (job.lane, again.lane, again.rerun_of) == ("interactive", "interactive", job.id)

    async def test_nobody_takes_a_job_in_another_lane_than_its_own(self, engine: AsyncEngine) -> None:
        """Whatever queue its id came from: a slot of the one lane is not spent on jobs of the other."""
        lease = leases.Lease("worker", 10.0, Clock())
        async with transaction(engine) as connection:
            job = await enqueue(connection, kind="add", lane=INTERACTIVE, **REQUEST)

            assert await leases.take(connection, job.id, lease, BATCH) is None
            assert (await leases.take(connection, job.id, lease, INTERACTIVE)).state == "running"

    async def test_however_many_wait_in_one_lane_the_other_is_seen_to(self, engine: AsyncEngine) -> None:
        """A sweeper finds interactive jobs behind more batch jobs than it looks at in one round, and while those have no room."""
        async with transaction(engine) as connection:
            for _ in range(101):
                await enqueue(connection, kind="add", **REQUEST)
            quick = await enqueue(connection, kind="add", lane=INTERACTIVE, **REQUEST)
        started: list[str] = []

        def start(job_id: str, lane: str) -> bool:
            if lane == INTERACTIVE:
                started.append(job_id)
            return lane == INTERACTIVE

        async with Redis.from_url("redis://127.0.0.1:1/0") as dead:
            await Sweeper(engine, dead, Clock(), service="demand", lease_s=10.0, start=start).sweep()

        assert started == [quick.id]


class TestNiceness:
    async def test_long_work_yields_to_what_somebody_waits_for(self, engine: AsyncEngine, settings: Settings) -> None:
        """Both yield to serving, batch more than interactive."""
        async with working(settings):
            both = [
                await ask(engine, settings.redis_dsn, "circumstances", lane, alone=False, variables=[])
                for lane in (BATCH, INTERACTIVE)
            ]
            found = [(await done(engine, job_id)).result["niceness"] for job_id in both]

        assert 0 < found[1] < found[0]


class TestRoom:
    def test_lanes_are_apart_or_share(self) -> None:
        """With slots of its own a lane is full by itself; without, both draw on the batch slots."""
        apart, shared = Room(batch=1, interactive=1), Room(batch=2, interactive=0)
        apart.enter(BATCH)
        shared.enter(INTERACTIVE)

        assert (apart.free(BATCH), apart.free(INTERACTIVE)) == (False, True)
        assert (shared.free(BATCH), shared.free(INTERACTIVE)) == (True, True)
        shared.enter(BATCH)
        assert (shared.free(BATCH), shared.free(INTERACTIVE)) == (False, False)
        shared.leave(INTERACTIVE)
        assert (shared.free(BATCH), shared.free(INTERACTIVE)) == (True, True)
