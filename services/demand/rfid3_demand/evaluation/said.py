"""What does a contender answer, and what is it told? The shapes that every contender shares."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rfid3_demand.evaluation.rolling import Window

LEVELS: tuple[float, ...] = (0.025, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.975)
"""Nine deciles for the quantile loss, and the ends of the 95 % interval."""
DECILES = LEVELS[1:10]


@dataclass(frozen=True)
class Said:
    """Forecasts of some series of one window, or why there are none."""

    contender: str
    window: int
    rows: np.ndarray
    """(r,) rows of the window's panel."""
    mean: np.ndarray | None
    """(r, H); None = it failed."""
    quantiles: np.ndarray | None = None
    """(r, H, LEVELS); None = points only."""
    seconds: float = 0.0
    fault: str = ""


@dataclass(frozen=True)
class Share:
    """Which part of the work a process does, and within what."""

    part: int
    parts: int
    season: int
    budget_s: float | None = None
    """Time budget handed to our own forecast, per window."""


Answer = Callable[[Sequence[Window], Share], Iterator[Said]]


@dataclass(frozen=True)
class Contender:
    """A name, a role (ours, member, peer or reference) and a way to answer."""

    name: str
    role: str
    answer: Answer
    processes: int = 1
    needs: str | None = None
    """The import it needs; None = nothing beyond the suite."""


def spread(count: int) -> list[int]:
    """0 … count-1 so that every beginning of the list is an even pick (bit reversal): what a time limit leaves is one too."""
    bits = max(1, (count - 1).bit_length())
    return sorted(range(count), key=lambda k: int(f"{k:0{bits}b}"[::-1], 2))


def series_in_turn(windows: Sequence[Window], share: Share) -> Iterator[tuple[int, int]]:
    """(window, row) of every series in an even order, each through all its windows; only this share's series."""
    names = sorted({name for window in windows for name in window.panel.ids})
    rows = [{name: row for row, name in enumerate(window.panel.ids)} for window in windows]
    for at in spread(len(names))[share.part :: share.parts]:
        for k, known in enumerate(rows):
            if names[at] in known:
                yield k, known[names[at]]


def observed(window: Window, row: int) -> np.ndarray:
    """A series' history without the steps before it began."""
    y = window.panel.y[row]
    return np.asarray(y[np.isfinite(y).argmax() :], dtype=float)


def exogenous(window: Window, row: int) -> np.ndarray | None:
    """Regressors known ahead, (T' + H, k) over the series' own history and the horizon; None without any that vary."""
    past = len(observed(window, row))
    columns = [values[row] if values.ndim == 2 else values for values in window.panel.known.values()]
    cut = [column[-(past + window.horizon) :] for column in columns]
    cut = [column for column in cut if np.ptp(column[:past]) > 0]
    return np.stack(cut, axis=1) if cut else None
