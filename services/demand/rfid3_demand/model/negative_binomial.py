"""What whole numbers does a mean with a given spread allow? Negative binomial probabilities and quantiles for large arrays.

Variance = mean + dispersion * mean². A table over (dispersion, mean) answers means up to 40 exactly to the grid (1.5 % in the
mean, 15 % in the
dispersion); above that a gamma distribution with continuity correction, which differs by less than rounding.
"""

from functools import lru_cache

import numpy as np
from scipy.special import gammainc, gammaincinv

DISPERSIONS = np.geomspace(0.005, 12.0, 28)
MEANS = np.concatenate([[0.0], np.geomspace(0.002, 40.0, 300)])
MOST_UNITS = 450
LARGEST_TABLED = 38.0
OUTCOMES_AT_ONCE = 500_000


@lru_cache(maxsize=1)
def _table() -> np.ndarray:
    """P(units <= k), (dispersions, means, MOST_UNITS) float32."""
    size = 1.0 / DISPERSIONS[:, None]
    mean = MEANS[None, :]
    success = mean / (size + mean)
    mass = np.exp(-size * np.log1p(mean / size))
    table = np.empty((len(DISPERSIONS), len(MEANS), MOST_UNITS), dtype=np.float32)
    total = mass.copy()
    table[:, :, 0] = total
    for k in range(1, MOST_UNITS):
        mass = mass * success * (size + k - 1) / k
        total += mass
        table[:, :, k] = total
    return np.minimum(table, 1.0, out=table)


def _cells(mean: np.ndarray, dispersion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    row = np.rint(np.interp(np.log(np.clip(dispersion, 0.005, 12.0)), np.log(DISPERSIONS), np.arange(len(DISPERSIONS))))
    column = np.rint(np.interp(np.log(np.maximum(mean, 1e-9)), np.log(MEANS[1:]), np.arange(1, len(MEANS)), left=0))
    return row.astype(int), column.astype(int)


def probability(units: np.ndarray, mean: np.ndarray, dispersion: np.ndarray) -> np.ndarray:
    """P(demand <= units), elementwise after broadcasting; 0 for negative units."""
    mean, dispersion = np.broadcast_arrays(mean, dispersion)
    row, column = _cells(mean, dispersion)  # not of the units: many of them may be asked of one mean
    units = np.nan_to_num(units)
    negative = units < 0
    place = (row * len(MEANS) + column) * MOST_UNITS + np.clip(units, 0, MOST_UNITS - 1).astype(int)
    result = _table().reshape(-1)[place].astype(float)
    large = np.broadcast_to(mean > LARGEST_TABLED, result.shape)
    if large.any():
        units, mean, dispersion = (np.broadcast_to(each, result.shape)[large] for each in (units, mean, dispersion))
        shape = 1.0 / (dispersion + 1.0 / mean)
        result[large] = gammainc(shape, shape * np.maximum(units + 0.5, 0.0) / mean)
    return np.where(negative, 0.0, result)


def below_and_at(units: np.ndarray, mean: np.ndarray, dispersion: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P(demand < units) and P(demand <= units), (n,) each; a part at a time, because there may be millions."""
    result = np.empty((2, len(units)))
    for start in range(0, len(units), OUTCOMES_AT_ONCE):
        at = slice(start, start + OUTCOMES_AT_ONCE)
        result[:, at] = probability(np.stack([units[at] - 1, units[at]]), mean[at], dispersion[at])
    return result[0], result[1]


def quantiles(mean: np.ndarray, dispersion: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Smallest whole numbers with at least the given probabilities, (..., levels); mean and dispersion of one shape."""
    table = _table().reshape(-1, MOST_UNITS)
    row, column = _cells(mean, dispersion)
    cell = row * len(MEANS) + column
    # only the cells that occur are searched: a bucket of like nodes has a few hundred of the 8,000
    lookup = np.zeros((len(table), len(levels)), dtype=np.float32)
    for at in np.flatnonzero(np.bincount(cell.ravel(), minlength=len(table))):
        lookup[at] = table[at].searchsorted(levels)
    result = lookup[cell]
    large = mean > LARGEST_TABLED
    if large.any():
        shapes = np.geomspace(0.05, 400.0, 200)
        curve = gammaincinv(shapes[:, None], levels[None, :]) / shapes[:, None]
        wanted = 1.0 / (dispersion[large] + 1.0 / mean[large])
        position = np.interp(np.log(np.clip(wanted, 0.05, 400.0)), np.log(shapes), np.arange(len(shapes)))
        low = np.clip(position.astype(int), 0, len(shapes) - 2)
        share = (position - low)[:, None]
        ratio = curve[low] * (1 - share) + curve[low + 1] * share
        result[large] = np.maximum(np.rint(mean[large][:, None] * ratio), 0.0)
    return np.asarray(result)
