"""What does a worker hold of its nursery, and what if that dies?

`Nursery.fork()` before the event loop starts, `Nursery.spawn()` at any time; `start` gives a child that waits for its job. A
nursery that died is replaced; until then, and where there can be none, `start` raises NurseryLost and the caller starts the job
cold. Children of a nursery that died go on: what their worker holds of them is theirs alone.
"""

import asyncio
import contextlib
import itertools
import os
import signal
import socket
import sys
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import orjson

from rfid3_shared.fork_safety import refuse_threads
from rfid3_shared.jobs import nursery_process
from rfid3_shared.jobs.nursery_process import LARGEST_PACKET
from rfid3_shared.log import get_logger

LINE_LIMIT = 16 * 2**20
"""Bytes of the longest line a child may write."""
PATIENCE_S = 20.0
"""Longest wait for a child. A nursery that just started has half a second of imports before it, more on a busy machine."""
RESTART_PAUSE_S = 10.0
STOP_S = 3.0
AVAILABLE = hasattr(os, "waitid") and hasattr(socket, "SOCK_SEQPACKET") and sys.platform == "linux"
T = TypeVar("T")
_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]
log = get_logger("jobs.nursery")


class NurseryLost(Exception):
    """There is no nursery now, or it could not fork."""


class Child:
    """A process that waits on standard input for one job; it leads a process group."""

    def __init__(self, pid: int, stdin: socket.socket, out: "_Stream", end: Callable[[], None], ended: "asyncio.Future[bool]"):
        self.pid, self.stdout = pid, out[0]
        self._stdin, self._writer, self._end, self._ended = stdin, out[1], end, ended

    async def send(self, request: bytes) -> None:
        """Hand the job over. Raises ConnectionError when the child is gone."""
        await asyncio.get_running_loop().sock_sendall(self._stdin, request)

    async def end(self) -> None:
        """End its whole group, if it has not ended; on return none of it runs any more."""
        try:
            self._end()
            self._stdin.close()
            if not await self._ended:
                # nobody is there to keep the group's number from being used again, but that takes all other numbers first
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)
                with contextlib.suppress(OSError):  # a TimeoutError is one
                    async with asyncio.timeout(STOP_S):
                        while await self.stdout.read(LARGEST_PACKET):
                            pass
        finally:
            self._writer.close()


class Nursery:
    """A worker's source of warm child processes; `modules` are imported in it besides what every job needs."""

    def __init__(self, modules: Iterable[str] = ()) -> None:
        self._modules = tuple(modules)
        self._link: _Link | None = None
        self._restarted_s = -RESTART_PAUSE_S
        self._closed = False

    @classmethod
    def fork(cls, modules: Iterable[str] = ()) -> "Nursery":
        """A nursery that shares this process's memory. Raises NotForkSafe when this process has several threads."""
        nursery = cls(modules)
        if AVAILABLE:
            refuse_threads()
            nursery._link = _Link.fork()
        return nursery

    @classmethod
    def spawn(cls, modules: Iterable[str] = ()) -> "Nursery":
        """A nursery in a fresh process, ready within a second."""
        nursery = cls(modules)
        if AVAILABLE:
            nursery._link = _Link.spawn(nursery._modules)
        return nursery

    @property
    def pid(self) -> int | None:
        """The nursery's process; None when there is none now."""
        return self._link.pid if self._link and not self._link.lost else None

    async def start(self, path: str) -> Child:
        """A child that will run `module:function` once it was sent a request. Raises NurseryLost."""
        if self._link is None or (self._link.lost and not self._restart()):
            raise NurseryLost
        return await self._link.start(path, self._restart)

    async def aclose(self) -> None:
        """End the nursery and whatever it still runs."""
        self._closed = True
        if self._link:
            await self._link.aclose()

    def _restart(self) -> bool:
        """Replace a nursery that died; not at once again when the new one dies too."""
        if self._closed:
            return False
        log.warning("nursery_lost")
        now_s = asyncio.get_running_loop().time()
        if now_s - self._restarted_s < RESTART_PAUSE_S:
            return False
        self._restarted_s = now_s
        try:
            self._link = _Link.spawn(self._modules)
        except OSError as fault:
            log.warning("nursery_not_started", fault=type(fault).__name__)
            return False
        return True


class _Link:
    """One nursery process, and what it was asked for."""

    def __init__(self, control: socket.socket, pid: int) -> None:
        control.setblocking(False)
        self.pid, self._gone = pid, asyncio.Event()
        self._control, self._numbers, self._watched = control, itertools.count(1), False
        self._started: dict[int, asyncio.Future[int]] = {}  # number → the child's process, 0 when there will be none
        self._ended: dict[int, asyncio.Future[bool]] = {}  # number → whether the nursery saw to it

    @classmethod
    def fork(cls) -> "_Link":
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        sys.stderr.flush()
        if not (pid := os.fork()):
            try:
                nursery_process.serve(theirs)
            finally:  # nothing may climb into the worker's stack, which this process has too
                os._exit(1)
        theirs.close()
        return cls(ours, pid)

    @classmethod
    def spawn(cls, modules: Iterable[str]) -> "_Link":
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            theirs.set_inheritable(True)
            command = [sys.executable, "-m", nursery_process.__name__, str(theirs.fileno()), *modules]
            # not by subprocess: that and the event loop's watchers would both want to learn how it ended
            pid = os.posix_spawn(sys.executable, command, os.environ)
        return cls(ours, pid)

    @property
    def lost(self) -> bool:
        """Whether the nursery is known to have died."""
        return self._gone.is_set()

    async def start(self, path: str, on_lost: Callable[[], object]) -> Child:
        """A child; `on_lost` is called as soon as the nursery is known to have died."""
        loop, number = asyncio.get_running_loop(), next(self._numbers)
        self._watch(on_lost)
        stdin, its_stdin = socket.socketpair()
        stdout, its_stdout = socket.socketpair()
        started, ended = loop.create_future(), loop.create_future()
        self._started[number], self._ended[number] = started, ended
        try:
            with its_stdin, its_stdout:
                request = orjson.dumps({"start": number, "path": path})
                socket.send_fds(self._control, [request], [its_stdin.fileno(), its_stdout.fileno()])
            async with asyncio.timeout(PATIENCE_S):
                if not (pid := await started):
                    raise NurseryLost
            stdin.setblocking(False)
            out = await asyncio.open_unix_connection(sock=stdout, limit=LINE_LIMIT)
            return Child(pid, stdin, out, lambda: self._tell({"end": number}), ended)
        except BaseException as fault:
            self._tell({"end": number})
            stdin.close()
            stdout.close()
            if isinstance(fault, OSError):  # a TimeoutError is one: a nursery that does not answer is none
                self._lose()
                on_lost()
                raise NurseryLost from fault
            raise
        finally:
            del self._started[number]

    async def aclose(self) -> None:
        """Let the nursery end what it runs and then itself."""
        if self.lost:
            return
        self._watch(lambda: None)
        with contextlib.suppress(OSError, TimeoutError):
            self._control.shutdown(socket.SHUT_WR)
            async with asyncio.timeout(STOP_S):
                await self._gone.wait()
        self._lose()

    def _tell(self, message: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):
            self._control.send(orjson.dumps(message))

    def _watch(self, on_lost: Callable[[], object]) -> None:
        if not self._watched:
            self._watched = True
            asyncio.get_running_loop().add_reader(self._control, self._hear, on_lost)

    def _hear(self, on_lost: Callable[[], object]) -> None:
        try:
            packet = self._control.recv(LARGEST_PACKET)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet:
            self._lose()
            on_lost()
            return
        message = orjson.loads(packet)
        if "started" in message:
            _settle(self._started.get(message["started"]), message["pid"])
        elif "refused" in message:
            del self._ended[message["refused"]]
            _settle(self._started.get(message["refused"]), 0)
        elif "ended" in message:
            _settle(self._ended.pop(message["ended"], None), True)

    def _lose(self) -> None:
        """Make sure that it is dead, and tell whoever waits for word of it."""
        if self.lost:
            return
        self._gone.set()
        if self._watched:
            asyncio.get_running_loop().remove_reader(self._control)
        self._control.close()
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        for started in self._started.values():
            _settle(started, 0)
        for ended in self._ended.values():
            _settle(ended, False)


def _settle(waiting: "asyncio.Future[T] | None", outcome: T) -> None:
    """Give the outcome to whoever still waits for it."""
    if waiting is not None and not waiting.done():
        waiting.set_result(outcome)
