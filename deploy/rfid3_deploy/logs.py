"""What have the processes written, which of it must a person see, and how large may it grow?"""

import json
import os
from pathlib import Path

MAX_BYTES = 5_000_000
LOUD = ("error", "critical")


class ProcessLog:
    """The log file of one process: appended to by it, watched and cut by the parent."""

    def __init__(self, path: Path, max_bytes: int = MAX_BYTES) -> None:
        self.path, self._max_bytes = path, max_bytes
        self._seen = path.stat().st_size if path.exists() else 0

    def open(self) -> int:
        """A file descriptor for appending, for the process's standard output and error."""
        return os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o640)

    def new_errors(self) -> list[str]:
        """What the process has written since the last call at level error or above, in short."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return []
        if size <= self._seen:
            self._seen = size
            return []
        with self.path.open("rb") as file:
            file.seek(self._seen)
            whole, _, _ = file.read(size - self._seen).rpartition(b"\n")
        self._seen += len(whole) + 1 if whole else 0
        return [words for line in whole.splitlines() if (words := in_short(line))]

    def cut(self) -> bool:
        """Keep what is there as `<name>.log.1` and begin again once the file is too large; whether it was."""
        if not self.path.exists() or self.path.stat().st_size <= self._max_bytes:
            return False
        # copied and emptied in place: the process goes on appending through the descriptor it holds
        self.path.with_suffix(".log.1").write_bytes(self.path.read_bytes())
        os.truncate(self.path, 0)
        self._seen = 0
        return True


def in_short(line: bytes) -> str | None:
    """A JSON log line of level error or above as a few words; None for all others."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if not isinstance(event, dict) or event.get("level") not in LOUD:
        return None
    facts = [f"{name}={event[name]}" for name in ("path", "fault", "request_id", "job_id") if name in event]
    return " ".join([str(event.get("event", "error")), *facts])
