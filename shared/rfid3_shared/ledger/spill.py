"""Where do predictions wait while the store is out of reach? In files of one process each, a line a prediction.

A process holds a lock on the file it writes. A file without a holder was finished with, or left by a process that ended: any
process may take it. The lock decides, not the process id in the name, because ids are used again.
"""

import contextlib
import fcntl
import os
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path

from rfid3_shared.ledger.prediction import Prediction

PATTERN = "ledger-*.jsonl"


class Spill:
    """The spill files in a folder; together they hold at most about `limit_bytes`."""

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self._folder, self._limit_bytes = folder, limit_bytes
        self._descriptor: int | None = None
        self._bytes = 0

    def waiting(self) -> bool:
        """Whether there is any file, of whichever process."""
        return any(self._folder.glob(PATTERN))

    def append(self, rows: Sequence[Prediction]) -> int:
        """Write the rows to this process's file; how many of them, from the first on, there was room for.

        Raises OSError when the disk refuses.
        """
        if self._descriptor is None:
            self._descriptor = self._open()
        lines, room = [], self._limit_bytes - self._bytes
        for row in rows:
            line = row.as_line()
            room -= len(line)
            if room < 0:
                break
            lines.append(line)
        content = b"".join(lines)
        written = os.write(self._descriptor, content) if content else 0
        self._bytes += written
        # a full disk tears the last line: it is not counted here and skipped by readers
        return len(lines) if written == len(content) else content[:written].count(b"\n")

    def finish(self) -> None:
        """Leave this process's file to whoever replays it; the next rows go to a new one."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def take(self) -> Iterator[Path]:
        """Files that no process writes, one by one, locked while the caller has them; delete those that are done with."""
        for path in sorted(self._folder.glob(PATTERN)):
            with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    continue
                if path.exists():  # else the holder before us deleted it between our opening and our lock
                    yield path

    def _open(self) -> int:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._bytes = sum(path.stat().st_size for path in self._folder.glob(PATTERN))
        path = self._folder / f"ledger-{os.getpid()}-{uuid.uuid4().hex[:8]}.jsonl"
        descriptor = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND | os.O_EXCL, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor


def read(path: Path) -> Iterator[Prediction | None]:
    """The predictions of a file; None for a line that is torn or is none."""
    with path.open("rb") as file:
        for line in file:
            try:
                yield Prediction.from_line(line)
            except (ValueError, KeyError, TypeError):
                yield None
