"""What is a contender asked, and what may it answer? Whoever takes part gives a `Contender`; `contenders` chooses among them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rfid3_maintenance.model import Landmarks
from rfid3_maintenance.unit_history.landmarks import Reading


@dataclass(frozen=True)
class Question:
    """One fold: what may be learned from, what is asked about, and when."""

    train: Landmarks
    test: Landmarks
    reading: Reading
    grid: tuple[float, ...]
    """Moments after each landmark at which survival is wanted; the horizons are among them."""
    horizons: tuple[float, ...]
    cap: float | None


@dataclass(frozen=True)
class Told:
    """An answer on the test rows."""

    survival: np.ndarray
    """(rows, grid)."""
    rul: np.ndarray | None = None
    """(rows, 3) 10 %, 50 % and 90 % of the remaining time; None = read off the curve."""
    expected: np.ndarray | None = None
    """(rows,) expected remaining time up to the cap; None = the area below the curve."""
    no_interval: bool = False
    """The method has points only: its interval is not judged."""
    basis: str = ""
    held: np.ndarray | None = None
    """(train rows,) chance within the first horizon told of each training row while its unit was held out inside the training part."""


@dataclass(frozen=True)
class Contender:
    """A name, a role (ours or peer), a way to answer, and the import it needs."""

    name: str
    role: str
    answer: Callable[[Question], Told]
    needs: str | None = None
    readings: tuple[Reading, ...] = ("course", "lives", "single")
