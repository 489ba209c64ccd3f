"""How wide must the intervals of sizes be? A Student distribution of errors in units of each node's scale; pure.

Errors may grow with what is forecast (a summer's are wider than a winter's): of a few powers of the mean the likeliest is taken.
Beyond the steps that rolling origins have checked, spread goes on growing as fast as it did over the later checked ones.
"""

import numpy as np
from scipy.special import gammaln, stdtr, stdtrit

from rfid3_demand.model.corrected_levels import buckets_of, growth_of, share_below

DEGREES = 5.0
PRIOR_STEPS = 40.0
"""A node's spread is its kind's as if that had been seen for this many steps."""
POWERS = (0.0, 0.5, 1.0)
"""Of the mean, in the standard error."""
LEAST_SHARE = 0.1
"""A mean below this share of the node's usual one counts as this share: an error is never without spread."""
FEW_NODES = 5
"""Up to so many nodes, how much errors of one origin have in common is measured instead of assumed."""
MOST_GROWTH = 10.0
"""Times the squared spread at the last checked step, for all steps beyond."""


def calibrate(
    y: np.ndarray, mean: np.ndarray, kind: np.ndarray, scale: np.ndarray, horizon: int, independent: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Spread (n, 3), growth of its square with the step (H,), bucket (n,), corrected levels (buckets, grid).

    Spread: standard error in units at the node's usual mean, the power it grows with, and that usual mean.
    independent: how many origins do not overlap. All series share the fortunes of those few periods, so spreads are widened
    by the variance of a mean of so many (1 + 1/independent).
    """
    ok = np.isfinite(y) & np.isfinite(mean)
    usual = np.divide(
        np.where(ok, mean, 0.0).sum(axis=(1, 2)), ok.sum(axis=(1, 2)), out=np.ones(len(y)), where=ok.any(axis=(1, 2))
    )
    mean = np.where(ok, mean, usual[:, None, None])
    error = np.where(ok, y - mean, 0.0) / scale[:, None, None]
    weight = ok.astype(float)
    bucket = buckets_of(np.where(ok, mean, np.nan), kind, ok, False)
    best: tuple[float, float, np.ndarray, np.ndarray, np.ndarray] | None = None
    for power in POWERS if (usual[ok.any(axis=(1, 2))] > 0).all() else POWERS[:1]:
        factor = _factor(mean.reshape(len(y), -1), usual, power).reshape(mean.shape)
        term = (error / factor) ** 2
        growth = growth_of(term, weight, horizon)
        growth = _continued(growth, min(y.shape[2], horizon))
        term = term / growth[: y.shape[2]]
        spread = _spread(term, weight, bucket)
        width = spread[:, None, None] * np.sqrt(growth[: y.shape[2]]) * factor
        likelihood = float((_log_density(error / width) - np.log(width))[ok].sum())
        if best is None or likelihood > best[0]:
            best = likelihood, power, growth, spread, error / width
    assert best is not None
    _, power, growth, spread, standard = best
    at = stdtr(DEGREES, standard)
    corrected = np.stack([share_below(at, at, ok & (bucket == b)[:, None, None]) for b in range(bucket.max() + 1)])
    widened = spread * scale * np.sqrt(1.0 + 1.0 / _told_apart(standard, ok, independent))
    return np.stack([widened, np.full(len(y), power), usual], axis=1), growth, bucket, corrected


def quantiles(mean: np.ndarray, spread: np.ndarray, growth: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Quantiles (n, H, levels) of means (n, H); spread (n, 3) as `calibrate` gives it."""
    power = float(spread[0, 1]) if len(spread) else 0.0
    width = spread[:, :1] * np.sqrt(growth) * _factor(mean, spread[:, 2], power)
    return np.asarray(mean[:, :, None] + width[:, :, None] * stdtrit(DEGREES, levels))


def _factor(mean: np.ndarray, usual: np.ndarray, power: float) -> np.ndarray:
    """Standard error at these means (n, k) in units of that at the usual one."""
    if power == 0.0:
        return np.ones(mean.shape)
    return np.asarray(np.maximum(mean / usual[:, None], LEAST_SHARE) ** power)


def _spread(term: np.ndarray, weight: np.ndarray, bucket: np.ndarray) -> np.ndarray:
    """Standard error per node in units of its scale, shrunk to its bucket's."""
    total, mass = (term * weight).sum(axis=(1, 2)), weight.sum(axis=(1, 2))
    prior = np.empty(len(term))
    for code in np.unique(bucket):
        rows = bucket == code
        each = total[rows][mass[rows] > 0] / mass[rows][mass[rows] > 0]
        prior[rows] = np.median(each) if len(each) else 1.0
    prior = np.maximum(prior, 1e-6)
    return np.asarray(np.sqrt((np.maximum(total, 0.0) + PRIOR_STEPS * prior) / (mass + PRIOR_STEPS)))


def _continued(growth: np.ndarray, seen: int) -> np.ndarray:
    """Growth beyond the `seen` steps: as a power of the step, at the rate of the later two thirds, between flat and a random walk."""
    if seen >= len(growth) or seen < 6:
        return growth
    steps = np.arange(1, len(growth) + 1)
    later = slice(seen // 3, seen)
    x = np.log(steps[later])
    x = x - x.mean()
    rate = float(np.clip(x @ np.log(growth[later]) / (x @ x), 0.0, 1.0))
    ahead = np.clip((steps[seen:] / seen) ** rate, 1.0, MOST_GROWTH)
    return np.concatenate([growth[:seen], growth[seen - 1] * ahead])


def _told_apart(standard: np.ndarray, ok: np.ndarray, independent: float) -> float:
    """How many independent errors the spread rests on.

    Of many series no more than there are origins that do not overlap. Of a few, more if the steps of an origin do not err
    alike: steps / (1 + what they have in common), the design effect of a mean of clusters (Kish 1965).
    """
    if len(standard) > FEW_NODES or not np.isfinite(independent) or not ok.any():
        return independent
    count = ok.sum(axis=2)
    total = np.where(ok, standard, 0.0).sum(axis=2)
    square = float(np.where(ok, standard, 0.0).ravel() @ np.where(ok, standard, 0.0).ravel()) / ok.sum()
    together = float((total**2 / np.maximum(count, 1))[count > 0].mean()) / max(square, 1e-12)
    return float(max(independent, independent * count.max() / max(together, 1.0)))


def _log_density(standard: np.ndarray) -> np.ndarray:
    constant = gammaln((DEGREES + 1) / 2) - gammaln(DEGREES / 2) - 0.5 * np.log(DEGREES * np.pi)
    return np.asarray(constant - (DEGREES + 1) / 2 * np.log1p(standard**2 / DEGREES))
