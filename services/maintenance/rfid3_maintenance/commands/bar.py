"""How far is it? A bar on standard error for long work, told (stage, done, total)."""

from __future__ import annotations

from typing import Any


class Bar:
    """One line a stage; gone when the work is done."""

    def __init__(self, notes: Any) -> None:
        """notes: the rich console to draw on."""
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._bar = Progress(
            TextColumn("{task.description:<14}"), BarColumn(), TimeElapsedColumn(), console=notes, transient=True
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> Bar:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Move a stage's line, and begin it where there is none."""
        if stage not in self._tasks:
            self._tasks[stage] = self._bar.add_task(stage, total=total)
        self._bar.update(self._tasks[stage], completed=done, total=total)
