"""Which processes run, which must be started again, and how do all of them end?

The parent sleeps in `sigtimedwait` and does three things: start what ended by itself, with growing pauses; pass on what went
wrong; and at the end stop everything, last started first.
"""

import os
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from socket import socket

from rfid3_deploy.logs import ProcessLog
from rfid3_deploy.process import WATCHED, Process, fork

TICK_S = 0.5
FIRST_PAUSE_S, LONGEST_PAUSE_S, SOUND_AFTER_S = 0.1, 10.0, 30.0
GRACE_S = 8.0
"""How long a process may take to stop; a service drains its connections within three seconds."""


@dataclass
class Child:
    """A process under supervision and how it has fared."""

    process: Process
    log: ProcessLog | None
    pid: int = 0
    started: float = 0.0
    failures: int = 0
    due: float = 0.0


class Stopped(Exception):
    """Somebody asked the suite to stop."""


class Supervisor:
    """Starts processes by forking this one, watches them, stops them. Call from a process with one thread only."""

    def __init__(self, sockets: Sequence[socket], tell: Callable[[str], None]) -> None:
        self._sockets, self._tell = sockets, tell
        self.children: list[Child] = []
        signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)

    def start(self, process: Process) -> Child:
        """Start a process and keep it running from now on."""
        child = Child(process, ProcessLog(process.log) if process.log else None)
        self.children.append(child)
        self._spawn(child)
        return child

    def run_once(self, process: Process) -> int:
        """Run a process to its end while watching the others; returns its exit code.

        Raises Stopped when the suite is asked to stop meanwhile; the process is then ended too.
        """
        child = Child(process, None)
        self._spawn(child)
        try:
            while True:
                if (ended := self.tick(child.pid)) is not None:
                    return ended
        except Stopped:
            _end([child], self._reap)
            raise

    def wait_until(self, holds: Callable[[], bool], patience_s: float) -> bool:
        """Watch until the condition holds; False when it does not in time. Raises Stopped."""
        until = time.monotonic() + patience_s
        while not holds():
            if time.monotonic() > until:
                return False
            self.tick(pause_s=0.02)
        return True

    def watch(self) -> None:
        """Keep everything running until somebody asks to stop."""
        try:
            while True:
                self.tick()
        except Stopped:
            return

    def tick(self, awaited_pid: int | None = None, pause_s: float = TICK_S) -> int | None:
        """Wait a moment, then see to the children; the exit code of the awaited process once it has ended.

        Raises Stopped on SIGINT, SIGTERM and SIGHUP.
        """
        heard = signal.sigtimedwait(WATCHED, pause_s)
        if heard is not None and heard.si_signo != signal.SIGCHLD:
            raise Stopped
        ended = dict(self._reap())
        for child in self.children:
            if child.pid in ended:
                self._note_end(child, ended[child.pid])
            if not child.pid and time.monotonic() >= child.due:
                self._spawn(child)
            if child.log:
                for words in child.log.new_errors():
                    self._tell(f"{child.process.name}: {words}")
                child.log.cut()
        return ended.get(awaited_pid) if awaited_pid else None

    def stop(self) -> None:
        """End every process, the last started first; whatever they started themselves ends too."""
        # the first started (Redis) outlives the rest, because they use it to the end
        for group in (self.children[1:], self.children[:1]):
            _end(group, self._reap)
        _kill_leftovers(self._reap)
        self.children.clear()

    def _spawn(self, child: Child) -> None:
        log_fd = child.log.open() if child.log else None
        try:
            child.pid = fork(child.process, self._sockets, log_fd)
        finally:
            if log_fd is not None:
                os.close(log_fd)
        child.started = time.monotonic()

    def _note_end(self, child: Child, code: int) -> None:
        now = time.monotonic()
        child.failures = 1 if now - child.started > SOUND_AFTER_S else child.failures + 1
        pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2 ** (child.failures - 1))
        child.pid, child.due = 0, now + pause_s
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
        where = f"; see {child.process.log}" if child.process.log else ""
        self._tell(f"{child.process.name} {how}; starting it again in {pause_s:.1f} s{where}")

    @staticmethod
    def _reap() -> list[tuple[int, int]]:
        ended: list[tuple[int, int]] = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return ended
            if not pid:
                return ended
            ended.append((pid, os.waitstatus_to_exitcode(status)))


def _end(children: Sequence[Child], reap: Callable[[], list[tuple[int, int]]]) -> None:
    """Ask the processes to stop; after the grace period, or at a second Ctrl-C, kill their groups."""
    alive = {child.pid for child in children if child.pid}
    for child in children:
        child.pid = 0
    _signal(alive, signal.SIGTERM, os.kill)
    until = time.monotonic() + GRACE_S
    while alive and time.monotonic() < until:
        heard = signal.sigtimedwait(WATCHED, 0.1)
        alive -= {pid for pid, _ in reap()}
        if heard is not None and heard.si_signo == signal.SIGINT:
            break
    _signal(alive, signal.SIGKILL, os.killpg)
    while alive:
        signal.sigtimedwait((signal.SIGCHLD,), 0.1)
        alive -= {pid for pid, _ in reap()}


def _kill_leftovers(reap: Callable[[], list[tuple[int, int]]]) -> None:
    import psutil  # only here: nothing else of the parent needs it

    left = psutil.Process().children(recursive=True)
    _signal({process.pid for process in left}, signal.SIGKILL, os.kill)
    while psutil.Process().children():
        reap()
        signal.sigtimedwait((signal.SIGCHLD,), 0.05)


def _signal(pids: set[int], number: signal.Signals, send: Callable[[int, int], None]) -> None:
    for pid in pids:
        try:
            send(pid, number)
        except ProcessLookupError:
            continue
