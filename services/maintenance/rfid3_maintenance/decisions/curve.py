"""What does a survival curve known on some days say about any other day? Log-survival, straight between the days.

Straight log-survival is a hazard that is constant between two cuts. Beyond the last cut its last hazard is held, and whoever reads
there says so (`reach_days`).
"""

from collections.abc import Sequence

import numpy as np

LEAST_SURVIVAL = 1e-9
"""A curve that reaches 0 is read as this: its logarithm stays finite."""


def cumulative_hazard(survival: np.ndarray, cuts_days: Sequence[float] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Days (0 and the cuts) and expected failures up to each, (rows, cuts + 1), never decreasing.

    survival: (rows, cuts) chance to get beyond each cut; cuts_days: ascending, above 0. Raises ValueError for other shapes.
    """
    cuts, curve = np.asarray(cuts_days, float), np.atleast_2d(np.asarray(survival, float))
    if cuts.ndim != 1 or not len(cuts) or cuts[0] <= 0 or (np.diff(cuts) <= 0).any() or curve.shape[1] != len(cuts):
        raise ValueError("a survival curve has a column for each cut, and cuts ascend from above 0")
    failures = -np.log(np.clip(curve, LEAST_SURVIVAL, 1.0))
    failures = np.maximum.accumulate(np.concatenate([np.zeros((len(curve), 1)), failures], axis=1), axis=1)
    return np.concatenate([[0.0], cuts]), failures


def at_days(survival: np.ndarray, cuts_days: Sequence[float] | np.ndarray, days: np.ndarray) -> np.ndarray:
    """Expected failures up to `days`, which is (rows,) or (rows, any): in the shape of `days`. Days below 0 count as 0."""
    knots, failures = cumulative_hazard(survival, cuts_days)
    asked = np.maximum(np.asarray(days, float), 0.0)
    flat = asked.reshape(len(failures), int(np.prod(asked.shape[1:])))
    left = np.clip(np.searchsorted(knots, flat, side="right") - 1, 0, len(knots) - 2)
    rows = np.arange(len(failures))[:, None]
    low, high = failures[rows, left], failures[rows, left + 1]
    slope = (high - low) / (knots[left + 1] - knots[left])
    found: np.ndarray = (low + slope * (flat - knots[left])).reshape(asked.shape)
    return found


def on_days(survival: np.ndarray, cuts_days: Sequence[float] | np.ndarray, days: np.ndarray) -> np.ndarray:
    """Expected failures of every row up to each of the same days (0 or later), (rows, days): the quick way for whole stores."""
    knots, failures = cumulative_hazard(survival, cuts_days)
    left = np.clip(np.searchsorted(knots, days, side="right") - 1, 0, len(knots) - 2)
    part = (days - knots[left]) / (knots[left + 1] - knots[left])
    found: np.ndarray = failures[:, left] * (1 - part) + failures[:, left + 1] * part
    return found


def median_days(survival: np.ndarray, cuts_days: Sequence[float] | np.ndarray) -> np.ndarray:
    """The day by which half of such items have failed, (rows,); NaN where the curve does not get there: nothing is extrapolated."""
    knots, failures = cumulative_hazard(survival, cuts_days)
    half = np.log(2.0)
    reached = failures[:, -1] >= half
    right = np.where(reached, np.argmax(failures >= half, axis=1), 1)
    rows = np.arange(len(failures))
    low, high = failures[rows, right - 1], failures[rows, right]
    part = (half - low) / np.where(high > low, high - low, 1.0)
    return np.where(reached, knots[right - 1] + part * (knots[right] - knots[right - 1]), np.nan)


def reach_days(cuts_days: Sequence[float] | np.ndarray) -> float:
    """The last day the curve itself speaks of."""
    return float(np.asarray(cuts_days, float)[-1])
