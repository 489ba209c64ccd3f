"""Jobs when things die: a worker, Redis, both; nothing is lost and nothing is done twice over."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from conftest import free_port, start_redis
from joblife import ask, below, done, gone, numbers, until
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.db import open_engine, transaction
from rfid3_shared.jobs import BATCH, INTERACTIVE, list_jobs
from rfid3_shared.migrate import ensure_schema

FOLDER = Path(__file__).parent


@pytest.fixture
async def engine(store_dsn: str) -> AsyncIterator[AsyncEngine]:
    opened = open_engine(store_dsn)
    await ensure_schema(opened)
    yield opened
    await opened.dispose()


StartWorker = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def start_worker(store_dsn: str, tmp_path: Path) -> Iterator[StartWorker]:
    """Start worker processes; those that still live are killed at the end."""
    with ExitStack() as stack:

        def start(redis_url: str, *command: str) -> subprocess.Popen[bytes]:
            environment = {
                **os.environ, "PYTHONPATH": with_work(), "RFID3_STORE_URL": store_dsn, "RFID3_REDIS_URL": redis_url,
                "RFID3_JOB_LEASE_S": "1", "RFID3_JOB_POLL_MS": "20", "RFID3_HOME": str(tmp_path),
            }  # fmt: skip
            arguments = list(command) or [sys.executable, str(FOLDER / "worker_process.py")]
            log = stack.enter_context((tmp_path / "worker.log").open("ab"))
            return stack.enter_context(ended(subprocess.Popen(arguments, env=environment, stdout=log, stderr=log)))

        yield start


def with_work() -> str:
    """Where a worker's processes look for modules: beside the tests, and where this process does."""
    return os.pathsep.join(filter(None, (str(FOLDER), os.environ.get("PYTHONPATH"))))


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Kill the process at the end of the block."""
    with process:
        try:
            yield process
        finally:
            process.kill()


WORKER = (sys.executable, str(FOLDER / "worker_process.py"))
BOTH_NURSERIES = pytest.mark.parametrize("command", [WORKER, (*WORKER, "fork")], ids=["spawned nursery", "forked nursery"])


class TestWorkerKilled:
    @BOTH_NURSERIES
    async def test_its_work_dies_with_it_and_the_job_runs_again(
        self, engine: AsyncEngine, redis_url: str, start_worker: StartWorker, tmp_path: Path, command: tuple[str, ...]
    ) -> None:
        """kill -9 of the worker ends nursery and work in both lanes; another worker takes the jobs over and each succeeds once."""
        go, notes = tmp_path / "go", {lane: tmp_path / lane for lane in (BATCH, INTERACTIVE)}
        first = start_worker(redis_url, *command)
        job_ids = [
            await ask(engine, redis_url, "wait_for_file", lane, alone=False, notes=str(path), go=str(go))
            for lane, path in notes.items()
        ]
        work = [(await numbers(path, 1))[0] for path in notes.values()]
        processes = below(first.pid)
        assert set(work) <= set(processes)
        os.kill(first.pid, signal.SIGKILL)
        await gone(*processes)

        start_worker(redis_url, *command)
        for path in notes.values():
            await numbers(path, 2)
        go.touch()
        jobs = [await done(engine, job_id) for job_id in job_ids]

        assert [(job.state, job.attempts, job.result) for job in jobs] == [("succeeded", 2, {"run": 2})] * 2

    async def test_what_the_work_started_dies_with_worker_and_nursery(
        self, engine: AsyncEngine, redis_url: str, start_worker: StartWorker, tmp_path: Path
    ) -> None:
        """A training process's own children do not outlive a killed worker, even when its nursery is killed with it."""
        worker = start_worker(redis_url)
        await ask(engine, redis_url, "with_child", notes=str(tmp_path / "notes"))
        processes = await numbers(tmp_path / "notes", 2)

        # the worker first, or it would replace its nursery; then only the work itself notices that nobody is left
        for process_id in (worker.pid, *below(worker.pid, but=processes)):
            os.kill(process_id, signal.SIGKILL)

        await gone(*processes)

    @BOTH_NURSERIES
    async def test_terminating_gives_the_job_back(
        self, engine: AsyncEngine, redis_url: str, start_worker: StartWorker, tmp_path: Path, command: tuple[str, ...]
    ) -> None:
        """SIGTERM ends worker, nursery and work within moments; the job is queued and its attempt does not count."""
        worker = start_worker(redis_url, *command)
        job_id = await ask(engine, redis_url, "with_child", notes=str(tmp_path / "notes"))
        processes = {*await numbers(tmp_path / "notes", 2), *below(worker.pid)}
        assert len(processes) == 3

        worker.terminate()

        assert await asyncio.to_thread(worker.wait, 10) == 0
        await gone(*processes)
        job = await until(engine, job_id, lambda job: True)
        assert (job.state, job.attempts) == ("queued", 0)


class TestNursery:
    async def test_a_forked_one_holds_nothing_of_its_worker(
        self, engine: AsyncEngine, redis_url: str, start_worker: StartWorker
    ) -> None:
        """Neither a file that the worker held before the fork nor its connections reach a job."""
        worker = start_worker(redis_url, *WORKER, "fork")
        job = await done(engine, await ask(engine, redis_url, "circumstances", variables=[]))

        held = {os.readlink(link) for link in Path(f"/proc/{worker.pid}/fd").iterdir()}
        assert job.result is not None
        found = {link for number, link in job.result["open"].items() if int(number) > 2}
        assert str(FOLDER / "worker_process.py") in held
        assert found & held <= {"anon_inode:[eventpoll]"}

    async def test_killed_while_a_job_runs_loses_nothing(
        self, engine: AsyncEngine, redis_url: str, start_worker: StartWorker, tmp_path: Path
    ) -> None:
        """kill -9 of the nursery: its job ends in its first attempt, and the next job is run."""
        notes, go = tmp_path / "notes", tmp_path / "go"
        worker = start_worker(redis_url)
        job_id = await ask(engine, redis_url, "wait_for_file", notes=str(notes), go=str(go))
        work = await numbers(notes, 1)
        (nursery,) = below(worker.pid, but=work)
        os.kill(nursery, signal.SIGKILL)
        await gone(nursery)
        go.touch()

        assert (await done(engine, job_id)).attempts == 1
        assert (await done(engine, await ask(engine, redis_url, "add", a=1, b=1))).attempts == 1

    async def test_a_jobs_log_is_the_workers(
        self, engine: AsyncEngine, redis_url: str, start_worker: StartWorker, tmp_path: Path
    ) -> None:
        """What went wrong in a job's process stands in its worker's log, under the job's id; what it refused, in one sentence."""
        start_worker(redis_url)
        job_id = await ask(engine, redis_url, "bug")
        refused = await ask(engine, redis_url, "too_little", notes=str(tmp_path / "notes"))
        for each in (job_id, refused):
            await done(engine, each)

        lines = [json.loads(line) for line in (tmp_path / "worker.log").read_text().splitlines() if line.startswith("{")]
        (failure,) = [line for line in lines if line["event"] == "job_failed"]
        assert (failure["job_id"], failure["process"]) == (job_id, "job sample_jobs:bug")
        assert "hunter2" in failure["exception"]
        (refusal,) = [line for line in lines if line["event"] == "job_refused"]
        assert (refusal["job_id"], refusal["reason"]) == (refused, "There are 12 days of history, 30 are needed.")
        assert "exception" not in refusal


class TestPoison:
    async def test_a_job_that_kills_every_worker_ends_visibly(
        self, engine: AsyncEngine, redis_url: str, start_worker: StartWorker, tmp_path: Path
    ) -> None:
        """After its attempts it is failed, says why, and stands in nobody's way; the worker after that lives on."""
        notes = tmp_path / "notes"
        job_id = await ask(engine, redis_url, "kills_worker", notes=str(notes))
        for _ in range(3):
            worker = start_worker(redis_url)
            assert await asyncio.to_thread(worker.wait, 30) == -signal.SIGKILL
        survivor = start_worker(redis_url)
        job = await done(engine, job_id)
        async with transaction(engine) as connection:
            quarantined = await list_jobs(connection, quarantined=True)
        after = await done(engine, await ask(engine, redis_url, "add", a=1, b=1))

        assert (job.state, job.attempts, (job.error or {})["code"]) == ("failed", 3, "WORKER_LOST")
        assert [each.id for each in quarantined] == [job_id]
        assert notes.read_text().splitlines() == ["try"] * 3
        assert (after.state, survivor.poll()) == ("succeeded", None)
        again = await ask(engine, redis_url, "kills_worker", notes=str(notes))
        assert again != job_id
        await asyncio.to_thread(survivor.wait, 30)


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
            await numbers(notes, 1)
            redis.kill()
        go.touch()
        assert (await done(engine, running)).result == {"run": 1}

        without = await ask(engine, redis_url, "add", a=1, b=2)
        assert (await done(engine, without)).state == "succeeded"

        with ended(start_redis(port)):
            async with Redis.from_url(redis_url) as client, asyncio.timeout(10):
                while not await client.exists("rfid3:jobs:demand:health-check"):
                    await asyncio.sleep(0.02)
            after = await ask(engine, redis_url, "add", a=2, b=2)
            assert (await done(engine, after)).attempts == 1

    async def test_worker_and_redis_killed_together(
        self, engine: AsyncEngine, start_worker: StartWorker, tmp_path: Path
    ) -> None:
        """Without worker, Redis and everything Redis knew, the row alone brings the job to its end."""
        port, notes, go = free_port(), tmp_path / "notes", tmp_path / "go"
        redis_url = f"redis://127.0.0.1:{port}/0"
        with ended(start_redis(port)) as redis:
            worker = start_worker(redis_url)
            job_id = await ask(engine, redis_url, "wait_for_file", notes=str(notes), go=str(go))
            await numbers(notes, 1)
            os.kill(worker.pid, signal.SIGKILL)
            redis.kill()
        go.touch()

        start_worker(redis_url)
        with ended(start_redis(port)):
            job = await done(engine, job_id)

        assert (job.state, job.attempts, job.result) == ("succeeded", 2, {"run": 2})


class TestArqCommand:
    async def test_the_class_runs_under_arqs_own_command(
        self, engine: AsyncEngine, redis_url: str, start_worker: StartWorker
    ) -> None:
        """`arq worker_process.Worker` runs jobs, delivered or found."""
        start_worker(redis_url, sys.executable, "-m", "arq", "worker_process.Worker")

        job = await done(engine, await ask(engine, redis_url, "add", a=20, b=22))

        assert job.result is not None
        assert job.result["sum"] == 42
