"""How is a job's work started, listened to, kept within memory and time, and ended with everything it started?"""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

import orjson
import psutil
from pydantic import SecretStr

from rfid3_shared.jobs.nursery import LINE_LIMIT, Child, Nursery, NurseryLost
from rfid3_shared.settings import Settings
from rfid3_shared.tasks import end_tasks

MEMORY_CHECK_S = 1.0
Report = Callable[[str, float], None]


def _error(code: str, message: str, retryable: bool) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "retryable": retryable}}


def request_line(settings: Settings, arguments: dict[str, Any], niceness: int = 0) -> bytes:
    """What the child reads: secrets travel in the pipe, never in arguments or environment that others can list."""
    kind = type(settings)

    def plain(value: Any) -> Any:
        return value.get_secret_value() if isinstance(value, SecretStr) else str(value)

    body = {
        "settings_class": f"{kind.__module__}:{kind.__qualname__}",
        "settings": settings.model_dump(),
        "arguments": arguments,
        "niceness": niceness,
    }
    return orjson.dumps(body, default=plain) + b"\n"


class ColdChild:
    """A process that waits for one job, started from nothing: half a second of imports."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self.pid, self.stdout = process.pid, process.stdout
        self._process, self._stdin = process, process.stdin

    @classmethod
    async def start(cls, path: str) -> "ColdChild":
        """Start it, in a process group of its own."""
        return cls(
            await asyncio.create_subprocess_exec(
                sys.executable, "-m", "rfid3_shared.jobs.work", path,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True, limit=LINE_LIMIT,
            )
        )  # fmt: skip

    async def send(self, request: bytes) -> None:
        """Hand the job over. Raises ConnectionError when the child is gone."""
        self._stdin.write(request)
        await self._stdin.drain()

    async def end(self) -> None:
        """End its whole group, if it has not ended, and return when it has."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        await self._process.wait()


async def run_work(
    path: str, settings: Settings, arguments: dict[str, Any], report: Report, nursery: Nursery | None = None, niceness: int = 0
) -> dict[str, Any]:
    """Run `module:function` in a process group of its own; {result} or {error: {code, message, retryable}}.

    `report(stage, progress)` is called as it goes. Cancelling this coroutine ends the group. More than `job_timeout_s`
    seconds or `job_memory_mb` MiB end it too. With a nursery the process is there at once, without (or when it died) it starts cold.
    """
    child = await _start(path, nursery)
    try:
        return await _listen_within_limits(child, request_line(settings, arguments, niceness), settings, report)
    finally:
        # also after a good end: a process the work left behind has nothing to do any more
        await child.end()


async def _start(path: str, nursery: Nursery | None) -> Child | ColdChild:
    if nursery is not None:
        with contextlib.suppress(NurseryLost):
            return await nursery.start(path)
    return await ColdChild.start(path)


async def _listen_within_limits(child: Child | ColdChild, request: bytes, settings: Settings, report: Report) -> dict[str, Any]:
    listening = asyncio.create_task(_listen(child, request, report))
    watching = asyncio.create_task(_exceeds_memory(child.pid, settings.job_memory_mb * 2**20))
    try:
        done, _ = await asyncio.wait({listening, watching}, timeout=settings.job_timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if listening in done:
            return listening.result()
        if watching in done:
            return _error("MEMORY_LIMIT", f"The job needed more than {settings.job_memory_mb} MiB and was ended.", False)
        return _error("TIMEOUT", f"The job took longer than {settings.job_timeout_s:g} s and was ended.", False)
    finally:
        await end_tasks((listening, watching))


async def _listen(child: Child | ColdChild, request: bytes, report: Report) -> dict[str, Any]:
    """Hand over the request, then read until the outcome; a child that ends without one has died."""
    # standard input stays open until the end: its closing tells the child that the worker is gone
    with contextlib.suppress(ConnectionError):
        await child.send(request)
    with contextlib.suppress(ValueError, ConnectionError):  # a line that is no JSON, or longer than the limit
        while line := await child.stdout.readline():
            message: dict[str, Any] = orjson.loads(line)
            if "stage" not in message:
                return message
            report(message["stage"], message["progress"])
    return _error("WORK_DIED", "The job's process ended before it was done.", True)


async def _exceeds_memory(group: int, limit_bytes: int) -> None:
    """Return when the processes of the group together use more than the limit."""
    while True:
        await asyncio.sleep(MEMORY_CHECK_S)
        if await asyncio.to_thread(group_bytes, group, limit_bytes) > limit_bytes:
            return


def group_bytes(group: int, enough: int = 0) -> int:
    """Memory of a process group: resident sizes, or, when they add up to more than `enough`, proportional ones.

    Proportional sizes count shared pages once, but reading them is slow.
    """
    members = []
    with contextlib.suppress(psutil.Error):
        leader = psutil.Process(group)
        members = [leader, *leader.children(recursive=True)]
    if (resident := sum(_bytes(member, "rss") for member in members)) <= enough:
        return resident
    return sum(_bytes(member, "pss") for member in members)


def _bytes(process: psutil.Process, measure: str) -> int:
    with contextlib.suppress(psutil.Error):
        info = process.memory_full_info() if measure == "pss" and psutil.LINUX else process.memory_info()
        return int(getattr(info, measure, info.rss))
    return 0
