"""Which whole numbers does a series of uncertain type allow, when its mean is known? Probabilities of mixtures; pure.

The chances of `count_types` give the shape; every type's mean is scaled alike so that the whole has the wanted mean.
"""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from scipy.stats import nbinom

from rfid3_demand.model.count_types import DISPERSIONS, GRID_STEP, MEAN_OF_TYPE, MEANS, TYPE_STEPS

UNITS = np.unique(np.concatenate([np.arange(41), np.geomspace(41, 1500, 48).round()])).astype(int)
"""Every whole number up to 40, then steps of 8 %."""
MOST_SHIFT = 60
"""Scaled by e^±3 at most."""
ROWS_AT_ONCE = 4_000
"""Curves compared at a time, so that they stay in a processor's cache; the UNITS of a curve are few enough for a byte."""


@lru_cache(maxsize=1)
def _table() -> np.ndarray:
    """P(demand <= UNITS), (means, dispersions, UNITS) float32, means GRID_STEP apart."""
    mean = MEANS[0] * np.exp(GRID_STEP * np.arange(-MOST_SHIFT, TYPE_STEPS * (len(MEANS) - 1) + MOST_SHIFT + 1))
    size = 1.0 / DISPERSIONS
    success = 1.0 / (1.0 + DISPERSIONS * mean[:, None])
    return np.asarray(nbinom.cdf(UNITS, size[:, None], success[:, :, None]), dtype=np.float32)


def mean_of(chances: np.ndarray) -> np.ndarray:
    """Mean per step, (n,)."""
    return np.asarray(chances @ MEAN_OF_TYPE)


def distribution(mean: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """P(demand <= UNITS), (n, S, UNITS) float32, of means (n, S) and chances (n, types)."""
    result = np.empty((*mean.shape, len(UNITS)), dtype=np.float32)
    for node, step, curve, of in _curves(mean, chances):
        result[node, step] = curve[of]
    return result


def probability(units: np.ndarray, mean: np.ndarray, chances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """P(demand < units) and P(demand <= units), (n, S) each, of means (n, S) and chances (n, types)."""
    below, at = np.empty(mean.shape), np.empty(mean.shape)
    for node, step, curve, of in _curves(mean, chances):
        value = units[node, step]
        at[node, step] = _read(curve, of, value)
        below[node, step] = _read(curve, of, value - 1)
    return below, at


def quantiles(curve: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Smallest whole numbers with at least the given probabilities, (..., levels), of curves (..., UNITS)."""
    result = np.empty((*curve.shape[:-1], len(levels)), dtype=np.float32)
    flat = curve.reshape(-1, len(UNITS))
    rows = np.arange(len(flat))
    places = _places(flat, levels - 1e-7)
    for k, level in enumerate(levels):
        place = np.minimum(places[k], len(UNITS) - 1)
        before = np.maximum(place - 1, 0)
        low, high = flat[rows, before], flat[rows, place]
        share = np.clip(np.divide(level - low, high - low, out=np.ones(len(flat)), where=high > low), 0.0, 1.0)
        between = UNITS[before] + np.ceil(share * (UNITS[place] - UNITS[before]) - 1e-6)
        result[..., k] = np.where(place == 0, 0, between).reshape(curve.shape[:-1])
    return result


def _places(flat: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """How many points of each curve lie below each level, (levels, rows), of curves (rows, UNITS)."""
    result = np.empty((len(levels), len(flat)), dtype=np.intp)
    for start in range(0, len(flat), ROWS_AT_ONCE):
        part = np.ascontiguousarray(flat[start : start + ROWS_AT_ONCE].T)
        for k, level in enumerate(levels):
            result[k, start : start + ROWS_AT_ONCE] = (part < level).view(np.uint8).sum(axis=0, dtype=np.uint8)
    return result


def _curves(mean: np.ndarray, chances: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]]:
    """Nodes and steps (pairs,), curves (some, UNITS), and which of them each pair has: a node's steps of one scaling share one."""
    if not mean.size:
        return
    scale = np.maximum(mean, 1e-4) / mean_of(chances)[:, None]
    shift = np.clip(np.rint(np.log(scale) / GRID_STEP), -MOST_SHIFT, MOST_SHIFT).astype(int)
    table = _table()
    order = np.argsort(shift, axis=None, kind="stable")
    found, start = np.unique(shift.ravel()[order], return_index=True)
    for one, pairs in zip(found, np.split(order, start[1:]), strict=True):
        node, step = np.unravel_index(pairs, shift.shape)
        first = np.flatnonzero(np.diff(node, prepend=-1))
        of = np.repeat(np.arange(len(first)), np.diff(first, append=len(node)))
        at = one + MOST_SHIFT + TYPE_STEPS * np.arange(len(MEANS))
        curve = np.asarray(chances[node[first]], dtype=np.float32) @ table[at].reshape(-1, len(UNITS))
        yield node, step, np.minimum(curve, 1.0, out=curve), of


def _read(curve: np.ndarray, of: np.ndarray, value: np.ndarray) -> np.ndarray:
    """Curves at values, `of` saying at which curve each; straight between UNITS; 0 for negative values."""
    place = np.clip(np.searchsorted(UNITS, value), 0, len(UNITS) - 1)
    before = np.maximum(place - 1, 0)
    gap = np.maximum(UNITS[place] - UNITS[before], 1)
    share = np.clip((value - UNITS[before]) / gap, 0.0, 1.0)
    read = curve[of, before] + share * (curve[of, place] - curve[of, before])
    return np.asarray(np.where(value < 0, 0.0, read))
