"""How does a person see that a start is getting on? One line a stage; at a terminal a bar while it runs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rfid3_shared.clock import Clock

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID

TITLES = ("settings", "redis", "source data", "tables and key", "first training", "processes")
"""What happens between the command and `ready`, in this order."""


class Stage:
    """One stage under way; `report` makes it a `rfid3_shared.jobs.Progress`."""

    def __init__(self, label: str, bar: "tuple[Bars, TaskID] | None") -> None:
        self._label, self._bar = label, bar
        self._step = ""
        self.outcome = "done"
        """Said when the stage is over; set it to what came of it."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Show how far the step `stage` is: a bar at a terminal, elsewhere one line a step."""
        if self._bar:
            bars, task = self._bar
            bars.update(task, description=f"{self._label}: {stage}", completed=done, total=max(total, 1))
        elif stage != self._step:
            say(f"{self._label}: {stage}")
        self._step = stage


@contextmanager
def stage(title: str, *, bar: bool = True) -> Iterator[Stage]:
    """Show a stage from its beginning to its end; what it raises goes on.

    A bar is drawn by a thread: a process that is going to fork asks for none.
    """
    label = f"[{TITLES.index(title) + 1}/{len(TITLES)}] {title}" if title in TITLES else title
    clock = Clock()
    started = clock.monotonic()
    if bar and sys.stderr.isatty():
        with _bars() as bars:
            current = Stage(label, (bars, bars.add_task(label, total=None)))
            yield current
    else:
        current = Stage(label, None)
        yield current
    say(f"{label}: {current.outcome} ({clock.monotonic() - started:.1f} s)")


def say(words: str) -> None:
    """One line for the person at the terminal; standard output is kept for what programs read."""
    print(words, file=sys.stderr, flush=True)


def _bars() -> "Bars":
    # here and not on top: only the short-lived child that shows bars needs rich, the parent of all processes does not
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True), transient=True)
