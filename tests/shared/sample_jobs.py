"""Work for the tests of jobs: each function is run in a process of its own, found by `sample_jobs:<name>`."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from rfid3_shared.errors import InsufficientData, StoreUnavailable
from rfid3_shared.jobs import Progress
from rfid3_shared.settings import Settings


def _note(arguments: dict[str, Any], text: object) -> int:
    """Add a line to the test's file; how many lines it has now."""
    path = Path(arguments["notes"])
    with path.open("a") as file:
        file.write(f"{text}\n")
    return len(path.read_text().splitlines())


async def add(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Adds two numbers."""
    return {"sum": arguments["a"] + arguments["b"], "job_id": arguments["job_id"], "home": str(settings.home)}


async def noisy(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Prints, from Python and from a child, where the protocol's lines go."""
    print('{"result": {"forged": true}}', flush=True)
    subprocess.run([sys.executable, "-c", "print('{\"error\": {}}')"], check=True)
    return {"forged": False}


async def wait_for_file(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Notes its process id, reports progress, and ends when the file `go` is there."""
    run = _note(arguments, os.getpid())
    while not Path(arguments["go"]).exists():
        progress.report("waiting", 1, 2)
        await asyncio.sleep(0.02)
    return {"run": run}


async def with_child(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Starts a process that would outlive it, notes both ids, and never ends."""
    child = subprocess.Popen(["sleep", "300"])
    _note(arguments, os.getpid())
    _note(arguments, child.pid)
    await asyncio.sleep(300)
    return {}


async def store_down_once(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Meets a fault that passes, the first time."""
    if _note(arguments, "try") == 1:
        raise StoreUnavailable("The database cannot be reached now.")
    return {"tries": 2}


async def too_little(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Meets a fault that trying again cannot mend."""
    _note(arguments, "try")
    raise InsufficientData("There are 12 days of history, 30 are needed.", found_days=12, needed_days=30)


async def bug(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Fails with text that is nobody's business."""
    raise RuntimeError("password=hunter2")


async def dies(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Is ended as the kernel does when memory runs out."""
    _note(arguments, "try")
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


async def hog(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Touches 400 MiB in two processes, 200 in each, and never ends."""
    code = "import time; held = bytearray(200 * 2**20); held[::4096] = b'x' * len(held[::4096]); time.sleep(300)"
    subprocess.Popen([sys.executable, "-c", code])
    held = bytearray(200 * 2**20)
    held[::4096] = b"x" * len(held[::4096])
    await asyncio.sleep(300)
    return {}


async def leaves_child(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Ends well and leaves a process behind."""
    child = subprocess.Popen(["sleep", "300"])
    child.returncode = 0  # nobody here waits for it
    return {"process": os.getpid(), "group": os.getpgrp(), "parent": os.getppid(), "left": child.pid}


async def circumstances(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """What a job finds around itself: its open files, the thread settings of its environment, threads, and priority."""
    links = {name: os.readlink(f"/proc/self/fd/{name}") for name in os.listdir("/proc/self/fd") if _is_open(int(name))}
    return {
        "open": links, "environment": {name: os.environ.get(name) for name in arguments["variables"]},
        "niceness": os.nice(0), "oom": int(Path("/proc/self/oom_score_adj").read_text()), "name": psutil.Process().name(),
    }  # fmt: skip


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


async def kills_nursery(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Ends the process it was forked from, waits until it is gone, and leaves a process behind."""
    nursery, child = os.getppid(), subprocess.Popen(["sleep", "300"])
    child.returncode = 0
    os.kill(nursery, signal.SIGKILL)
    while os.getppid() == nursery:
        await asyncio.sleep(0.01)
    return {"nursery": nursery, "left": child.pid}


async def kills_worker(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Ends the worker that runs it, every time."""
    _note(arguments, "try")
    ancestors = psutil.Process().parents()
    worker = next(each for each in ancestors if any(part.endswith("worker_process.py") for part in each.cmdline()))
    # the nursery, when it was forked from the worker, is called the same
    worker = next((each for each in worker.parents() if each.cmdline() == worker.cmdline()), worker)
    worker.kill()
    await asyncio.sleep(300)
    return {}
