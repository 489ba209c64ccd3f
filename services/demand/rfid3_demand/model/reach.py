"""How far beyond what was seen may a forecast lie? A bound for methods that multiply or take logarithms; pure.

Near a stop's last days factors and logarithms can grow without end: on a real bicycle hire, Holt–Winters said 4e12 for the weeks
after the spring of 2020, and one such past origin makes every later interval as wide.
"""

import numpy as np

MOST_RANGES = 1.0


def within_reach(said: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Forecasts (n, H), no further beyond the extremes of y (n, T; NaN where unknown) than those lie apart; NaN where none is known."""
    low, high = np.fmin.reduce(y, axis=1)[:, None], np.fmax.reduce(y, axis=1)[:, None]
    return np.asarray(np.clip(said, low - MOST_RANGES * (high - low), high + MOST_RANGES * (high - low)))
