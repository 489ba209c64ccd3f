"""Is the process that holds a lease still there? Said only where it can be known for certain.

A name tells machine, boot and process namespace, then the process and when it began; so a process on this very machine that is gone,
or whose number another one has by now, is told from one that only cannot be seen from here (another host, another container).
"""

import os
import socket
import uuid
from functools import cache
from pathlib import Path

LONGEST_HOST = 40
PROC = Path("/proc")


def own_name() -> str:
    """A name for this process, never given twice."""
    return (
        f"{_machine() or socket.gethostname()[:LONGEST_HOST]}:{os.getpid()}:{_begun(os.getpid()) or 0}:{uuid.uuid4().hex[:8]}"
    )


def is_gone(name: str) -> bool:
    """Whether the process of that name has certainly ended; False where nobody here can tell."""
    machine, *numbers = name.rsplit(":", 3)
    if len(numbers) != 3 or not _machine() or machine != _machine() or not (numbers[0].isdigit() and numbers[1].isdigit()):
        return False
    return _begun(int(numbers[0])) != int(numbers[1])


@cache
def _machine() -> str | None:
    """This host, its boot and the process namespace; None where the kernel does not tell."""
    try:
        boot = (PROC / "sys/kernel/random/boot_id").read_text()[:8]
        namespace = (PROC / "self/ns/pid").stat().st_ino
    except OSError:
        return None
    return f"{socket.gethostname()[:LONGEST_HOST]}/{boot}/{namespace}"


def _begun(pid: int) -> int | None:
    """When a process began, in ticks since the boot; None when there is none, or only what is left of one that ended."""
    try:
        state, *fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if state in "ZX" else int(fields[18])
