"""How far is the work? What a work function reports to, in a worker's child process and at a terminal."""

import threading
from types import TracebackType
from typing import Any, Protocol, Self

from rfid3_shared.clock import Clock

LEAST_INTERVAL_S = 0.2


class Progress(Protocol):
    """Something that is told how far the work is; may be called from any thread, as often as one likes."""

    def report(self, stage: str, done: int, total: int) -> None:
        """`stage` in a word or two; `done` of `total` steps, of the stage or of the whole as the work prefers."""


def fraction(done: int, total: int) -> float:
    """How much is done, from 0 to 1; nothing to do counts as done."""
    return min(1.0, max(0.0, done / total)) if total > 0 else 1.0


class LineProgress:
    """Progress as JSON objects {stage, progress} given to `write`, at most five a second."""

    def __init__(self, write: "Any", clock: Clock) -> None:
        self._write, self._clock = write, clock
        self._lock = threading.Lock()
        self._last = ("", -LEAST_INTERVAL_S)

    def report(self, stage: str, done: int, total: int) -> None:
        """Write it, unless something was written less than 0.2 s ago in the same stage."""
        with self._lock:
            now = self._clock.monotonic()
            last_stage, last_at = self._last
            if stage == last_stage and now - last_at < LEAST_INTERVAL_S:
                return
            self._last = (stage, now)
            self._write({"stage": stage, "progress": round(fraction(done, total), 4)})


class TerminalProgress:
    """A bar at the terminal, one line a stage; a context manager."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"), TimeElapsedColumn())
        self._bars = Bars(*columns, console=Console(stderr=True))
        self._lines: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._bars.stop()

    def report(self, stage: str, done: int, total: int) -> None:
        """Move the stage's bar."""
        if stage not in self._lines:
            self._lines[stage] = self._bars.add_task(stage, total=1.0)
        self._bars.update(self._lines[stage], completed=fraction(done, total))
