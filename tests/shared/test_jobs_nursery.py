"""Warm starts: what a nursery forks behaves as what was started cold, and every death is survived."""

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from joblife import gone, lives, numbers

from rfid3_shared.fork_safety import ONE_THREAD, NotForkSafe, importing_starts_no_threads, refuse_threads
from rfid3_shared.jobs import nursery as nurseries
from rfid3_shared.jobs.nursery import Nursery
from rfid3_shared.jobs.process import run_work
from rfid3_shared.settings import Settings

pytestmark = [
    pytest.mark.skipif(not nurseries.AVAILABLE, reason="jobs start cold on this system"), pytest.mark.usefixtures("importable_work"),
]  # fmt: skip


@pytest.fixture
async def nursery() -> AsyncIterator[Nursery]:
    """A nursery that is ready."""
    spawned = Nursery.spawn()
    await run("add", spawned, a=0, b=0)
    yield spawned
    await spawned.aclose()


async def run(kind: str, nursery: Nursery, settings: Settings | None = None, **arguments: object) -> dict[str, Any]:
    """The last word of a job."""
    answer = await run_work(
        f"sample_jobs:{kind}", settings or Settings(), {"job_id": "x", **arguments}, lambda stage, progress: None, nursery
    )
    return dict(answer.get("result") or answer["error"])


class TestChild:
    async def test_the_result_is_what_the_function_returned(self, nursery: Nursery) -> None:
        """Arguments and settings reach a forked child; its result comes back."""
        settings = Settings(home=Path("/elsewhere"), store_url="mysql://user:secret@host/name")

        assert await run("add", nursery, settings, a=2, b=3) == {"sum": 5, "job_id": "x", "home": "/elsewhere"}

    async def test_a_request_of_any_size_passes(self, nursery: Nursery) -> None:
        """Requests and results longer than a pipe's buffer arrive whole."""
        text = "0123456789" * 300_000

        assert (await run("add", nursery, a=text, b="!"))["sum"] == text + "!"

    async def test_what_it_leaves_behind_is_ended(self, nursery: Nursery) -> None:
        """A child is the nursery's, leads its own group, and the group ends with the job."""
        found = await run("leaves_child", nursery)

        assert found["parent"] == nursery.pid
        assert found["group"] == found["process"] != nursery.pid
        await gone(found["process"], found["left"])

    async def test_it_inherits_nothing_but_the_logs_place(self, nursery: Nursery) -> None:
        """Beside its own event loop and its two ends of the protocol a child holds standard error only."""
        found = await run("circumstances", nursery, variables=[*ONE_THREAD])

        held = {int(name): link for name, link in found["open"].items()}
        assert held[2] == os.readlink("/proc/self/fd/2")
        assert held[1] == held[2]
        others = [link for number, link in held.items() if number > 2]
        assert [link for link in others if not link.startswith(("anon_inode:[eventpoll]", "socket:"))] == []
        # the real standard output, and the pair by which an event loop is woken
        assert len([link for link in others if link.startswith("socket:")]) == 3

    async def test_it_yields_to_others(self, nursery: Nursery) -> None:
        """A forked child is as nice, and as first to go when memory ends, as one that was started cold."""
        warm, cold = [await run("circumstances", source, variables=[*ONE_THREAD]) for source in (nursery, Nursery())]

        for name in ("niceness", "oom", "environment"):
            assert warm[name] == cold[name]
        assert warm["oom"] == 500
        assert warm["name"] == "rfid3-job"

    async def test_cancelling_ends_the_group(self, nursery: Nursery, tmp_path: Path) -> None:
        """A job that is called off ends with what it started; the nursery serves the next."""
        job = asyncio.create_task(run("with_child", nursery, notes=str(tmp_path / "notes")))
        processes = await numbers(tmp_path / "notes", 2)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

        await gone(*processes)
        assert (await run("leaves_child", nursery))["parent"] == nursery.pid

    async def test_several_run_at_once(self, nursery: Nursery, tmp_path: Path) -> None:
        """Children of one nursery do not keep each other's ends open: each is noticed when it dies."""
        notes = [tmp_path / f"notes{number}" for number in range(4)]
        jobs = [asyncio.create_task(run("with_child", nursery, notes=str(path))) for path in notes]
        processes = [await numbers(path, 2) for path in notes]

        for (leader, child), job in zip(processes, jobs, strict=True):
            os.kill(leader, signal.SIGKILL)
            assert (await job)["code"] == "WORK_DIED"
            await gone(leader, child)
            assert all(lives(other) for pair in processes[processes.index([leader, child]) + 1 :] for other in pair)


class TestLeaks:
    async def test_a_hundred_jobs_leave_nothing(self, nursery: Nursery) -> None:
        """Neither worker nor nursery keeps a descriptor or a process of a job that is over, however it ended."""
        process = psutil.Process(nursery.pid)
        gc.collect()  # what earlier tests left to the collector is not this one's
        before = (psutil.Process().num_fds(), process.num_fds())
        for _ in range(5):
            await asyncio.gather(*(run("add", nursery, a=1, b=1) for _ in range(17)))
            codes = await asyncio.gather(*(run("dies", nursery, notes=os.devnull) for _ in range(2)))
            assert [answer["code"] for answer in codes] == ["WORK_DIED"] * 2
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(run("hog", nursery, Settings(job_memory_mb=4096)), 0.05)

        async with asyncio.timeout(20):
            while process.children(recursive=True):
                await asyncio.sleep(0.02)
        assert psutil.Process().num_fds() <= before[0]
        assert process.num_fds() == before[1]


class TestNurseryLost:
    async def test_a_running_job_goes_on_and_a_new_nursery_comes(self, nursery: Nursery) -> None:
        """kill -9 of the nursery costs the job it ran nothing, what that leaves behind is ended, and a new one forks the next."""
        found = await run("kills_nursery", nursery)

        assert found["nursery"] != nursery.pid
        await gone(found["nursery"], found["left"])
        assert (await run("leaves_child", nursery))["parent"] == nursery.pid

    async def test_a_job_of_a_lost_nursery_can_be_called_off(self, nursery: Nursery, tmp_path: Path) -> None:
        """Without the nursery the worker ends the group itself."""
        job = asyncio.create_task(run("with_child", nursery, notes=str(tmp_path / "notes")))
        processes = await numbers(tmp_path / "notes", 2)
        os.kill(nursery.pid or 0, signal.SIGKILL)
        await asyncio.sleep(0.1)
        assert all(lives(process) for process in processes)
        job.cancel()
        await asyncio.gather(job, return_exceptions=True)

        await gone(*processes)

    async def test_while_there_is_none_jobs_start_cold(self, nursery: Nursery) -> None:
        """A nursery that dies again at once is not replaced at once; no job fails for it."""
        await run("kills_nursery", nursery)
        second = nursery.pid
        await run("kills_nursery", nursery)

        assert nursery.pid is None
        found = await run("leaves_child", nursery)
        assert found["parent"] == os.getpid() != second
        await gone(found["left"])

    async def test_one_that_died_while_nothing_ran_is_noticed(self, nursery: Nursery) -> None:
        """The next job runs all the same."""
        os.kill(nursery.pid or 0, signal.SIGKILL)

        assert (await run("add", nursery, a=1, b=1))["sum"] == 2

    async def test_one_that_does_not_answer_is_given_up(self, nursery: Nursery, monkeypatch: pytest.MonkeyPatch) -> None:
        """A nursery that hangs is ended, and its job starts cold."""
        monkeypatch.setattr(nurseries, "PATIENCE_S", 0.3)
        hanging = nursery.pid or 0
        os.kill(hanging, signal.SIGSTOP)

        assert (await run("add", nursery, a=1, b=1))["sum"] == 2
        assert not psutil.pid_exists(hanging)

    async def test_one_that_cannot_start_costs_nothing_but_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """When the interpreter cannot even be spawned as a nursery, jobs start cold."""
        monkeypatch.setattr(nurseries.nursery_process, "__name__", "rfid3_shared.no_such_module")
        broken = Nursery.spawn()

        assert (await run("add", broken, a=1, b=1))["sum"] == 2
        await broken.aclose()

    async def test_closing_ends_what_it_runs(self, nursery: Nursery, tmp_path: Path) -> None:
        """A worker that lets go of its nursery leaves no process of either."""
        job = asyncio.create_task(run("with_child", nursery, notes=str(tmp_path / "notes")))
        processes = await numbers(tmp_path / "notes", 2)
        pid = nursery.pid or 0

        await nursery.aclose()

        assert not psutil.pid_exists(pid)
        assert (await job)["code"] == "WORK_DIED"
        await gone(*processes)


class TestForkSafety:
    def test_a_process_with_threads_is_refused(self) -> None:
        """A lock held by a thread that the fork does not have would be held for ever."""
        wait = threading.Event()
        thread = threading.Thread(target=wait.wait)
        thread.start()
        try:
            with pytest.raises(NotForkSafe):
                refuse_threads()
            with pytest.raises(NotForkSafe):
                Nursery.fork()
        finally:
            wait.set()
            thread.join()

    def test_what_it_imports_starts_no_thread_and_is_light(self) -> None:
        """A nursery imports no model library, and everything a job opens first."""
        code = (
            "import os, sys; from rfid3_shared.fork_safety import running_threads; from rfid3_shared.jobs.nursery_process import preload\n"
            "preload(['rfid3_demand.settings', 'numpy', 'no.such.module'])\n"
            "heavy = {'polars', 'lightgbm', 'pandas', 'scipy', 'arq'} & set(sys.modules)\n"
            "print(running_threads(), sorted(heavy), 'rfid3_shared.resources' in sys.modules, 'numpy' in sys.modules)"
        )
        process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

        assert process.stdout.strip() == "1 [] True True"
        assert process.stderr.strip() == "not preloaded: no.such.module"

    def test_importing_leaves_the_environment_as_it_was(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Training gets the threads that the environment gives it."""
        first, second, *_ = ONE_THREAD
        monkeypatch.setenv(first, "7")
        monkeypatch.delenv(second, raising=False)
        with importing_starts_no_threads():
            assert (os.environ[first], os.environ[second]) == ("1", "1")

        assert (os.environ[first], os.environ.get(second)) == ("7", None)
