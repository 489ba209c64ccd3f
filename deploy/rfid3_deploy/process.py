"""How does one process of the suite begin and end? Forked from the preloaded parent, with a name, a log and a sure death."""

import gc
import os
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from rfid3_deploy.kernel import die_with_parent, name_process

WATCHED = (signal.SIGCHLD, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals the parent waits for with sigtimedwait and therefore keeps blocked; a child unblocks them."""


@dataclass(frozen=True)
class Process:
    """One process of the suite: `run` is called in the fork and returns its exit code."""

    name: str
    run: Callable[[], int | None]
    log: Path | None = None
    """File for standard output and error; None leaves them on the terminal."""
    keeps: Sequence[socket] = ()
    """Of the parent's sockets, those this process uses."""


def fork(process: Process, sockets: Sequence[socket], log_fd: int | None = None) -> int:
    """Start the process; returns its pid. In the child this never returns.

    The child leads a process group of its own: Ctrl-C reaches the parent alone, which then stops the others in order.
    """
    parent_pid = os.getpid()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        _settle(process, parent_pid, sockets, log_fd)
        code = process.run() or 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 1
    except BaseException:  # noqa: BLE001 - nothing may climb back into the parent's stack
        traceback.print_exc()
    finally:
        _flush()
        os._exit(code)


def _settle(process: Process, parent_pid: int, sockets: Sequence[socket], log_fd: int | None) -> None:
    os.setpgid(0, 0)
    for number in WATCHED:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
    die_with_parent(parent_pid)
    name_process(f"rfid3-{process.name}")
    if log_fd is not None:
        os.dup2(log_fd, 1)
        os.dup2(log_fd, 2)
        os.close(log_fd)
    for sock in sockets:
        if sock not in process.keeps:
            sock.close()
    gc.enable()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
