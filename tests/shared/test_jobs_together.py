"""The workers of several services in one process, as on a small host: each runs its own jobs, from one nursery."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from joblife import ask, done, gone, numbers, until
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.db import open_engine
from rfid3_shared.jobs.nursery import Nursery
from rfid3_shared.jobs.worker import JobWorker, run_workers
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.settings import Settings

pytestmark = pytest.mark.usefixtures("importable_work")
KINDS = {name: f"sample_jobs:{name}" for name in ("add", "wait_for_file")}
SERVICES = ("demand", "quality")


@pytest.fixture
def settings(redis_url: str, store_dsn: str) -> Settings:
    return Settings(redis_url=redis_url, store_url=store_dsn, job_lease_s=1.0, job_poll_ms=20, job_timeout_s=30.0)


@pytest.fixture
async def engine(settings: Settings) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(settings.store_dsn)
    await ensure_schema(opened)
    yield opened
    await opened.dispose()


@pytest.fixture
async def nursery() -> AsyncIterator[Nursery]:
    shared = Nursery.spawn()
    yield shared
    await shared.aclose()


class TestTogether:
    async def test_each_service_s_jobs_run_and_those_under_way_are_queued_again(
        self, engine: AsyncEngine, settings: Settings, nursery: Nursery, tmp_path: Path
    ) -> None:
        """Jobs of two services run side by side although each has one slot; asked to stop, both end and wait for the next worker,
        and the nursery that they shared is still there."""
        stop = asyncio.Event()
        workers = [JobWorker(settings, service=service, kinds=KINDS, nursery=nursery) for service in SERVICES]
        running = asyncio.create_task(run_workers(workers, stop))
        go, notes = str(tmp_path / "go"), tmp_path / "notes"

        sums = [
            await ask(engine, settings.redis_dsn, "add", service=service, a=1, b=number)
            for number, service in enumerate(SERVICES)
        ]
        results = [(await done(engine, job)).result["sum"] for job in sums]
        waiting = [
            await ask(engine, settings.redis_dsn, "wait_for_file", service=service, go=go, notes=str(notes))
            for service in SERVICES
        ]
        processes = await numbers(notes, 2)
        stop.set()
        await running

        assert results == [1, 2]
        await gone(*processes)
        for job in waiting:  # and their attempt does not count
            assert (await until(engine, job, lambda job: job.state == "queued")).attempts == 0
        assert nursery.pid is not None

    async def test_the_fault_of_one_ends_all(self, engine: AsyncEngine, settings: Settings, nursery: Nursery) -> None:
        """A worker that cannot go on takes the others with it and says why: whoever supervises the process starts all anew."""
        workers = [JobWorker(settings, service=service, kinds=KINDS, nursery=nursery) for service in SERVICES]

        fault = asyncio.Event()

        async def fails() -> None:
            await fault.wait()
            raise LookupError("sweeper")

        workers[1].watch_for_ever = fails  # type: ignore[method-assign]
        running = asyncio.create_task(run_workers(workers))
        for service in SERVICES:  # a worker that is called off while it connects leaves its connection to the collector
            await done(engine, await ask(engine, settings.redis_dsn, "add", service=service, a=1, b=1))
        fault.set()

        with pytest.raises(LookupError, match="sweeper"):
            async with asyncio.timeout(20):
                await running
