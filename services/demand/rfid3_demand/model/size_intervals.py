"""How wide must the intervals of sizes be? A Student distribution of errors in units of each node's scale; pure.

Errors may grow with what is forecast (a summer's are wider than a winter's): of a few powers of the mean the likeliest is taken.
Beyond the steps that rolling origins have checked, spread goes on growing as fast as it did over the later checked ones. Levels
are corrected by where outcomes fell in the distribution that the other origins give: a spread learned from few errors misses more
often than the errors it was learned from say.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import gammaln, stdtr, stdtrit

from rfid3_demand.model.corrected_levels import buckets_of, growth_of, share_below

DEGREES = 5.0
PRIOR_STEPS = 40.0
"""A node's spread is its kind's as if that had been seen for this many steps."""
POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Of the mean, in the standard error."""
LEAST_SHARE = 0.1
"""A mean below this share of the node's usual one counts as this share: an error is never without spread."""
ALIKE_ORIGINS = 0.5
"""What errors of one origin have in common counts as if, besides those seen, half an origin had erred wholly alike; chosen on earlier
years of five sets, where 0 to 1 differ by a point of coverage."""
MOST_GROWTH = 10.0
"""Times the squared spread at the last checked step, for all steps beyond."""


class _Fit(NamedTuple):
    """One power of the mean, and what follows from it."""

    likelihood: float
    power: float
    growth: np.ndarray
    """(H,)"""
    spread: np.ndarray
    """(n,)"""
    left_out: np.ndarray
    """(n, origins) the spread that the origins apart from each give."""
    standard: np.ndarray
    """(n, origins, steps) errors in units of their width."""


def calibrate(
    y: np.ndarray, mean: np.ndarray, kind: np.ndarray, scale: np.ndarray, horizon: int, independent: float,
    apart: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """Spread (n, 3), growth of its square with the step (H,), bucket (n,), corrected levels (buckets, grid).

    Spread: standard error in units at the node's usual mean, the power it grows with, and that usual mean, 0 where no error of the
    node is known. independent: how many origins do not overlap; the fewer, and the more their errors have in common, the wider.
    apart: (origins, origins) True where two origins may judge each other; by default any two.
    """
    ok = np.isfinite(y) & np.isfinite(mean)
    known = ok.any(axis=(1, 2))
    usual = np.divide(np.where(ok, mean, 0.0).sum(axis=(1, 2)), ok.sum(axis=(1, 2)), out=np.zeros(len(y)), where=known)
    mean = np.where(ok, mean, usual[:, None, None])
    error = np.where(ok, y - mean, 0.0) / scale[:, None, None]
    bucket = buckets_of(np.where(ok, mean, np.nan), kind, ok, False)
    apart = ~np.eye(y.shape[1], dtype=bool) if apart is None else apart
    powers = POWERS if (usual[known] > 0).all() else POWERS[:1]
    fits = [_fit(error, _factor(mean, usual, power), ok, bucket, horizon, apart, power) for power in powers]
    best = max(fits, key=lambda fit: fit.likelihood)
    at = stdtr(DEGREES, best.standard * (best.spread[:, None] / best.left_out)[:, :, None])
    corrected = np.stack([share_below(at, at, ok & (bucket == b)[:, None, None]) for b in range(bucket.max() + 1)])
    widened = best.spread * scale * np.sqrt(1.0 + 1.0 / _told_apart(best.standard, ok, independent))
    return np.stack([widened, np.full(len(y), best.power), usual], axis=1), best.growth, bucket, corrected


def quantiles(mean: np.ndarray, spread: np.ndarray, growth: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Quantiles (n, H, levels) of means (n, H); spread (n, 3) as `calibrate` gives it."""
    power = float(spread[0, 1]) if len(spread) else 0.0
    width = spread[:, :1] * np.sqrt(growth) * _factor(mean, spread[:, 2], power)
    return np.asarray(mean[:, :, None] + width[:, :, None] * stdtrit(DEGREES, levels))


def _factor(mean: np.ndarray, usual: np.ndarray, power: float) -> np.ndarray:
    """Standard error at these means (n, …) in units of that at the usual one (n,)."""
    usual = usual.reshape(len(usual), *[1] * (mean.ndim - 1))
    share = np.divide(mean, usual, out=np.ones(mean.shape), where=usual > 0)
    return np.asarray(np.maximum(share, LEAST_SHARE) ** power)


def _fit(
    error: np.ndarray, factor: np.ndarray, ok: np.ndarray, bucket: np.ndarray, horizon: int, apart: np.ndarray, power: float
) -> _Fit:
    seen, weight = error.shape[2], ok.astype(float)
    term = (error / factor) ** 2
    growth = _continued(growth_of(term, weight, horizon), min(seen, horizon))
    total, mass = (term / growth[:seen] * weight).sum(axis=2), weight.sum(axis=2)
    spread = _spread(total.sum(axis=1), mass.sum(axis=1), bucket)
    others = [_spread(total @ row, mass @ row, bucket) if row.any() else spread for row in apart.astype(float)]
    width = spread[:, None, None] * np.sqrt(growth[:seen]) * factor
    likelihood = float((_log_density(error / width) - np.log(width))[ok].sum())
    left_out = np.array(others).reshape(len(apart), len(spread)).T  # also where there is no origin at all
    return _Fit(likelihood, power, growth, spread, left_out, error / width)


def _spread(total: np.ndarray, mass: np.ndarray, bucket: np.ndarray) -> np.ndarray:
    """Standard error per node in units of its scale, shrunk to its bucket's; total (n,) of squared errors, mass (n,) of steps."""
    prior = np.empty(len(total))
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

    No fewer than there are origins that do not overlap, and more if the errors of an origin, of all series and steps, are not
    alike: errors / (1 + what they have in common), the design effect of a mean of clusters (Kish 1965). Few origins tell little
    about that: the fewer, the more alike they are taken to be.
    """
    if not np.isfinite(independent) or not ok.any():
        return independent
    count = ok.sum(axis=(0, 2))
    held = np.where(ok, standard, 0.0)
    square = float((held**2).sum()) / ok.sum()
    together = float((held.sum(axis=(0, 2)) ** 2 / np.maximum(count, 1))[count > 0].mean()) / max(square, 1e-12)
    together = (independent * together + ALIKE_ORIGINS * count.max()) / (independent + ALIKE_ORIGINS)
    return float(max(independent, independent * count.max() / max(together, 1.0)))


def _log_density(standard: np.ndarray) -> np.ndarray:
    constant = gammaln((DEGREES + 1) / 2) - gammaln(DEGREES / 2) - 0.5 * np.log(DEGREES * np.pi)
    return np.asarray(constant - (DEGREES + 1) / 2 * np.log1p(standard**2 / DEGREES))
