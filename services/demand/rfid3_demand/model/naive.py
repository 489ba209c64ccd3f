"""What would one say without a model? Last season, the last few periods' mean, and relatives' level for newcomers.

All functions take y (n, T) with NaN before a series began and give (n, H).
"""

import numpy as np

from rfid3_demand.model.panel import observations


def seasonal_naive(y: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """The value one season earlier; the last value where there is no full season yet."""
    season = season if 1 <= season <= y.shape[1] else 1
    index = y.shape[1] - season + np.arange(horizon) % season
    last = y[:, -1:]
    return np.where(np.isfinite(y[:, index]), y[:, index], last)


def window_mean(y: np.ndarray, horizon: int, window: int) -> np.ndarray:
    """Mean of the last `window` observed steps, the same for every step ahead; NaN without any."""
    tail = y[:, -window:]
    count = observations(tail)
    mean = np.divide(np.nansum(tail, axis=1), count, out=np.full(len(y), np.nan), where=count > 0)
    return np.repeat(mean[:, None], horizon, axis=1)


def pooled_level(y: np.ndarray, horizon: int, groups: np.ndarray | None, prior_observations: float = 4.0) -> np.ndarray:
    """A newcomer's level: its own mean and its relatives' recent mean, as if those had been seen `prior_observations` times.

    Series never observed get NaN.
    """
    recent = y[:, -13:]
    count = observations(recent)
    total = np.nansum(recent, axis=1)
    codes, inverse = np.unique(np.zeros(len(y)) if groups is None else groups, return_inverse=True)
    sums = np.bincount(inverse, total, len(codes))
    counts = np.bincount(inverse, count, len(codes))
    relatives = np.divide(sums, counts, out=np.zeros(len(codes)), where=counts > 0)[inverse]
    level = (total + prior_observations * relatives) / (count + prior_observations)
    return np.repeat(np.where(observations(y) > 0, level, np.nan)[:, None], horizon, axis=1)
