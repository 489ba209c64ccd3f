"""How does a job's process start in a millisecond? It is forked from one that has imported everything light already.

The nursery: one thread, no connections, nothing but a socket to its worker. `python -m rfid3_shared.jobs.nursery_process FD MODULE…`
or a fork of a worker that has no event loop yet. Messages are JSON, one a packet:
in {start: number, path} with the child's standard input and output, {end: number}; out {started: number, pid}, {ended: number},
{refused: number}. The worker's going, however it went, ends every child and the nursery.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import sys
import traceback
from collections.abc import Iterable
from importlib import import_module
from typing import Any, NoReturn

import orjson

from rfid3_shared.fork_safety import importing_starts_no_threads, refuse_threads
from rfid3_shared.jobs import work

LIGHT = (
    "asyncio", "aiosqlite", "asyncmy", "sqlalchemy.dialects.sqlite.aiosqlite", "sqlalchemy.dialects.mysql.asyncmy",
    "rfid3_shared.resources",
)  # fmt: skip
"""What nearly every job imports. Not here: what only a training needs (polars, lightgbm), because it starts threads."""
LARGEST_PACKET = 65536
TOLD = 0
"""In place of the number of a child whose end the worker knows of."""


def serve(control: socket.socket) -> NoReturn:
    """Be the nursery until the other end of `control` closes. Raises NotForkSafe in a process with several threads."""
    refuse_threads()
    # a session of its own: a terminal's Ctrl-C is the worker's business, and nothing here reads from the terminal
    with contextlib.suppress(PermissionError):  # it leads one already
        os.setsid()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    close_all_but(control.fileno())
    _show_as("rfid3-nursery")
    gc.collect()
    # the collector of a child shall not touch, and thereby copy, the pages it shares with all others
    gc.freeze()
    gc.disable()
    _Nursery(control).run()
    os._exit(0)


class _Nursery:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._awake, self._alarm = socket.socketpair()
        for end in (self._awake, self._alarm):
            end.setblocking(False)
        self._happened = select.poll()
        for end in (self._control, self._awake):
            self._happened.register(end, select.POLLIN)
        self._numbers: dict[int, int] = {}  # pid → number of the request

    def run(self) -> None:
        signal.set_wakeup_fd(self._alarm.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with contextlib.suppress(ConnectionError):
            while self._hear():
                pass
        for pid in self._numbers:
            os.killpg(pid, signal.SIGKILL)
        while self._numbers:
            self._bury(os.waitpid(-1, 0)[0])

    def _hear(self) -> bool:
        """See to one round of what happened; False when the worker is gone."""
        happened = [descriptor for descriptor, _ in self._happened.poll()]
        if self._awake.fileno() in happened:
            self._awake.recv(LARGEST_PACKET)
            self._reap()
        if self._control.fileno() not in happened:
            return True
        packet, descriptors, _, _ = socket.recv_fds(self._control, LARGEST_PACKET, 2)
        if not packet:
            return False
        request: dict[str, Any] = orjson.loads(packet)
        if "start" in request:
            self._start(request["start"], request["path"], descriptors)
            # a copy kept here would keep the worker from seeing this child's end
            for descriptor in descriptors:
                os.close(descriptor)
        elif pid := next((pid for pid, number in self._numbers.items() if number == request["end"]), 0):
            os.killpg(pid, signal.SIGKILL)
            # none of it will run another instruction; until the kernel has cleared it away nobody needs to wait
            self._numbers[pid] = TOLD
            self._tell({"ended": request["end"]})
        return True

    def _start(self, number: int, path: str, descriptors: list[int]) -> None:
        sys.stderr.flush()
        try:
            stdin, stdout = descriptors  # fewer when this process may not open more
            pid = os.fork()
        except (OSError, ValueError):
            self._tell({"refused": number})
            return
        if not pid:
            _be_child(path, stdin, stdout)
        # both sides: whichever comes first, the group exists before anybody signals it
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        self._numbers[pid] = number
        self._tell({"started": number, "pid": pid})

    def _reap(self) -> None:
        """Bury the dead. First what they leave behind is ended: while a leader is not reaped its group's number stays its own."""
        while self._numbers and (dead := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)):
            if dead.si_pid in self._numbers:
                os.killpg(dead.si_pid, signal.SIGKILL)
            os.waitpid(dead.si_pid, 0)
            self._bury(dead.si_pid)

    def _bury(self, pid: int) -> None:
        if number := self._numbers.pop(pid, TOLD):
            with contextlib.suppress(ConnectionError):
                self._tell({"ended": number})

    def _tell(self, message: dict[str, Any]) -> None:
        self._control.send(orjson.dumps(message))


def _be_child(path: str, stdin: int, stdout: int) -> NoReturn:
    """In the fork: lead a process group, hold nothing of the nursery's, do one job."""
    code = 1
    try:
        os.setpgid(0, 0)
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.dup2(stdin, 0)
        os.dup2(stdout, 1)
        close_all_but()
        _show_as("rfid3-job")
        gc.enable()
        code = work.main(path)
    except BaseException:  # noqa: BLE001 - nothing may climb back into the nursery's stack
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


def close_all_but(*kept: int) -> None:
    """Close every descriptor above standard error that is not kept: connections belong to the process that opened them."""
    try:
        held = [int(name) for name in os.listdir("/proc/self/fd")]
    except FileNotFoundError:
        held = list(range(3, os.sysconf("SC_OPEN_MAX")))
    for descriptor in held:
        if descriptor > 2 and descriptor not in kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _show_as(name: str) -> None:
    """Appear under this name in ps and top, where the kernel has such names."""
    with contextlib.suppress(OSError), open("/proc/self/comm", "w") as comm:
        comm.write(name)


def preload(modules: Iterable[str]) -> None:
    """Import what children will need; a module that cannot be imported is left to the job that does, which says so."""
    gc.disable()
    with importing_starts_no_threads():
        for module in (*LIGHT, *modules):
            try:
                import_module(module)
            except Exception:  # noqa: BLE001 - any module's own fault; the job will meet and report it
                print(f"not preloaded: {module}", file=sys.stderr)


def main(control_fd: int, modules: Iterable[str]) -> NoReturn:
    """Be a nursery of a worker that could not fork one."""
    preload(modules)
    serve(socket.socket(fileno=control_fd))


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
