"""What does a curve of the calendar say in busy days, so that a season is not taken for wear? And back. Pure.

A service makes an item younger, not the summer shorter. Read in calendar days, a curve that begins in winter grows steeper towards
summer whatever is done to the item, and a service in spring would seem to set the year back to winter. When to service is therefore
decided in busy days, in which the season is even, and said in calendar days.
"""

from collections.abc import Sequence

import numpy as np

from rfid3_maintenance.decisions.curve import at_days


def even_days(passed: np.ndarray, cuts_days: Sequence[float]) -> np.ndarray:
    """(rows, cuts) the calendar day on which as many busy days have passed as each cut says.

    passed: (rows, cuts) busy days passed at each cut of the calendar, ascending. Beyond the last one busy day passes a day.
    """
    cuts = np.asarray(cuts_days, float)
    found = [np.interp(cuts, [0.0, *row], [0.0, *cuts]) + np.maximum(cuts - row[-1], 0.0) for row in np.asarray(passed, float)]
    return np.asarray(found).reshape(-1, len(cuts))


def in_busy_days(survival: np.ndarray, even: np.ndarray, cuts_days: Sequence[float]) -> np.ndarray:
    """(rows, cuts) the chance to get beyond each cut in busy days, of a curve (rows, cuts) in calendar days; even: (rows, cuts)."""
    return np.asarray(np.exp(-at_days(survival, cuts_days, even)))


def calendar_days(busy: np.ndarray, even: np.ndarray, cuts_days: Sequence[float]) -> np.ndarray:
    """(rows,) the calendar day on which so many busy days (rows,) have passed; NaN stays NaN."""
    cuts = np.asarray(cuts_days, float)
    return np.array([_interpolated(value, cuts, row) for value, row in zip(busy.tolist(), even, strict=True)], float)


def busy_days(days: np.ndarray, even: np.ndarray, cuts_days: Sequence[float]) -> np.ndarray:
    """(rows, days) busy days that have passed on calendar days (days,)."""
    cuts = np.asarray(cuts_days, float)
    rows, of = np.unique(even, axis=0, return_inverse=True)
    return np.array([np.interp(days, [0.0, *row], [0.0, *cuts]) for row in rows]).reshape(-1, len(days))[of.ravel()]


def _interpolated(value: float, cuts: np.ndarray, even: np.ndarray) -> float:
    return float("nan") if np.isnan(value) else float(np.interp(value, [0.0, *cuts], [0.0, *even]))
