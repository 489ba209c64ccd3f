"""Into which intervals is the time after a landmark cut, and how much of each was a row under sight?"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MOST_CUTS = 60


def checked_cuts(cuts_days: Sequence[float] | np.ndarray) -> np.ndarray:
    """Ascending positive ends of intervals, in days; the first interval begins at 0. ValueError otherwise, or beyond MOST_CUTS."""
    cuts = np.asarray(cuts_days, dtype=float)
    if cuts.ndim != 1 or not len(cuts) or len(cuts) > MOST_CUTS:
        raise ValueError(f"between 1 and {MOST_CUTS} cuts are needed")
    if not (np.all(np.isfinite(cuts)) and cuts[0] > 0 and np.all(np.diff(cuts) > 0)):
        raise ValueError("cuts must be positive, finite and ascending")
    return cuts


def exposure(days: np.ndarray, cuts_days: np.ndarray) -> np.ndarray:
    """(rows, cuts) days under sight in each interval, for rows seen `days` from the landmark on."""
    begin = np.r_[0.0, cuts_days[:-1]]
    return np.asarray(np.clip(days[:, None] - begin, 0.0, np.diff(np.r_[0.0, cuts_days])))


def interval_of(days: np.ndarray, cuts_days: np.ndarray) -> np.ndarray:
    """(rows,) the interval (begin, end] in which `days` lies; days beyond the last cut count into the last."""
    return np.asarray(np.minimum(np.searchsorted(cuts_days, days, side="left"), len(cuts_days) - 1))
