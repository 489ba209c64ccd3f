"""Whose is this folder? One suite at a time works in a home; the kernel lets go of the lock however that suite ends."""

import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path

from rfid3_shared.errors import Conflict

FOLDERS = ("log", "run", "registry", "spill")
PATIENCE_S = 6.0


class HomeInUse(Conflict):
    """Another suite runs in the same home."""

    code = "ALREADY_RUNNING"


@dataclass(frozen=True)
class Home:
    """A home this process holds the lock of."""

    path: Path
    lock_fd: int

    def log(self, process: str) -> Path:
        """The log file of a process."""
        return self.path / "log" / f"{process}.log"

    @property
    def ports_file(self) -> Path:
        """Where the TCP ports in use are written, one per service, as JSON."""
        return self.path / "run" / "ports.json"


def take_home(path: Path) -> Home:
    """Make the folders and take the lock.

    Raises HomeInUse. A suite that was killed a moment ago may still be on its way out: that is waited for.
    """
    for folder in (path, *(path / name for name in FOLDERS)):
        folder.mkdir(parents=True, exist_ok=True)
    lock = os.open(path / "run" / "lock", os.O_RDWR | os.O_CREAT, 0o640)
    until = time.monotonic() + PATIENCE_S
    while not _locked(lock):
        owner = os.pread(lock, 20, 0).decode().strip()
        if _alive(owner) or time.monotonic() > until:
            os.close(lock)
            raise HomeInUse(
                f"The suite is already running here (process {owner or 'unknown'}).", home=str(path),
                stop_it=f"kill {owner}", or_use_another="RFID3_HOME=DIR RFID3_PORT=PORT",
            )  # fmt: skip
        time.sleep(0.1)
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return Home(path, lock)


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _alive(owner: str) -> bool:
    if not owner.isdigit():
        return False
    try:
        os.kill(int(owner), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True
