"""How wide must the intervals be so that they hold? Calibration on out-of-sample errors of the reconciled forecast.

Two steps, learned from rolling origins: a spread per node (its own errors, shrunk to its kind; never narrower further ahead),
then a correction of every quantile level so that, among nodes of its kind and size, outcomes fall below it as often as it
says (probability integral transform; Mondrian split-conformal prediction). Counts get a negative binomial and whole numbers,
others a Student distribution of scaled errors.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr, stdtrit

from rfid3_demand.model import negative_binomial

DEGREES = 5.0
PRIOR_STEPS = 40.0
"""A node's spread is its kind's as if that had been seen for this many steps."""
MOST_TERM = 4.0
"""Most squared relative error that counts for the spread while no season has been seen twice: a ramp is not noise."""
LEAST_OUTCOMES = 150
SIZE_EDGES = (0.5, 3.0, 15.0, 60.0)
"""Units per step that part small nodes from large ones: the noise of few units and that of many have little in common."""
STEP_EDGES = (1, 3, 6, 10, 14, 20, 27, 40, 54)
_GRID = np.concatenate([[0.0], 1 / (1 + np.exp(-np.linspace(-9, 9, 361))), [1.0]])


@dataclass(frozen=True)
class Calibration:
    """Spread per node, its growth with the step, and corrected levels per bucket."""

    counts: bool
    spread: np.ndarray
    """(n,) dispersion of counts, or standard error in units."""
    growth: np.ndarray
    """(H,) factor of the spread per step, never falling."""
    bucket: np.ndarray
    """(n,) index into corrected."""
    corrected: np.ndarray
    """(buckets, grid) share of outcomes at or below each point of the probability grid."""


def calibrate(
    y: np.ndarray,
    mean: np.ndarray,
    kind: np.ndarray,
    scale: np.ndarray,
    horizon: int,
    counts: bool,
    independent: float = np.inf,
    first_season: bool = False,
) -> Calibration:
    """Learn from outcomes y and forecasts mean, both (n, origins, steps), NaN where unknown; kind: (n,) codes; scale: (n,)
    units.

    independent: how many origins do not overlap. All series share the fortunes of those few periods, so spreads of sizes are
    widened by
    the variance of a mean of so many (1 + 1/independent); for counts a node's own noise outweighs that.
    first_season: no season has been seen twice, so growth cannot be told from season and its skew is half believed for counts too.
    """
    ok = np.isfinite(y) & np.isfinite(mean)
    mean_safe = np.where(ok, np.maximum(mean, 1e-3) if counts else mean, 1.0)
    error = np.where(ok, y - mean_safe, 0.0)
    if counts:
        # each term has expectation `dispersion`, weighted by how much it tells about it
        weight = np.where(ok, mean_safe**2 / (1.0 + mean_safe) ** 2, 0.0)
        # an outcome many times its forecast then tells of the tail, which the corrected levels hold, not of the spread
        term = np.minimum((error**2 - mean_safe) / mean_safe**2, MOST_TERM if first_season else np.inf)
    else:
        weight = ok.astype(float)
        term = (error / scale[:, None, None]) ** 2
    growth = _growth(term, weight, horizon)
    term = term / growth[: y.shape[2]]
    total, mass = (term * weight).sum(axis=(1, 2)), weight.sum(axis=(1, 2))
    bucket = _buckets(np.where(ok, mean_safe, np.nan), kind, ok, counts)
    prior = np.empty(len(y))
    for code in np.unique(bucket):
        rows = bucket == code
        if counts:
            prior[rows] = total[rows].sum() / max(mass[rows].sum(), 1e-9) if mass[rows].sum() > 0 else 1.0
        else:
            each = total[rows][mass[rows] > 0] / mass[rows][mass[rows] > 0]
            prior[rows] = np.median(each) if len(each) else 1.0
    prior = np.maximum(prior, 0.005 if counts else 1e-6)
    average = np.divide(mass, ok.sum(axis=(1, 2)), out=np.ones(len(y)), where=ok.sum(axis=(1, 2)) > 0)
    strength = PRIOR_STEPS * (np.maximum(average, 0.02) if counts else 1.0)
    spread = (np.maximum(total, 0.0) + strength * prior) / (mass + strength)
    spread = np.clip(spread, 0.005, 12.0) if counts else np.sqrt(spread) * scale
    low, high = _positions(y, mean_safe, spread[:, None, None], growth[: y.shape[2]], counts)
    corrected = np.stack([_share_below(low, high, ok & (bucket == b)[:, None, None]) for b in range(bucket.max() + 1)])
    if not counts or first_season:
        # half of the skew is believed: a common shift in a few past periods says little about the next one
        corrected = 0.75 * corrected + 0.25 * (1.0 - corrected[:, ::-1])
    if not counts:
        spread = spread * np.sqrt(1.0 + 1.0 / independent)
    return Calibration(counts, spread, growth, bucket, corrected)


def quantiles(calibration: Calibration, mean: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Calibrated quantiles (n, H, levels) float32 around mean (n, H); never crossing, never negative for counts."""
    result = np.full((*mean.shape, len(levels)), np.nan, dtype=np.float32)
    for b in range(len(calibration.corrected)):
        rows = np.flatnonzero((calibration.bucket == b) & np.isfinite(mean).all(axis=1))
        if not len(rows):
            continue
        wanted = np.clip(np.interp(levels, calibration.corrected[b], _GRID), 1e-6, 1 - 1e-6)
        centre = mean[rows]
        growth = calibration.growth[: mean.shape[1]]
        if calibration.counts:
            values = negative_binomial.quantiles(centre, calibration.spread[rows][:, None] * growth, wanted)
        else:
            width = calibration.spread[rows][:, None] * np.sqrt(growth)
            values = centre[:, :, None] + width[:, :, None] * stdtrit(DEGREES, wanted)
        result[rows] = values
    return np.sort(result, axis=2)


def _growth(term: np.ndarray, weight: np.ndarray, horizon: int) -> np.ndarray:
    """Factor of the squared spread per step: pooled by ranges of steps, never falling, held beyond what was seen."""
    seen = term.shape[2]
    value = np.ones(horizon)
    whole = (np.clip(term, None, 1e4) * weight).sum() / max(weight.sum(), 1e-9)
    if whole <= 0:
        return value
    steps = np.arange(1, horizon + 1)
    for low, high in zip(STEP_EDGES, (*STEP_EDGES[1:], 10**9), strict=True):
        inside = (steps >= low) & (steps < high)
        usable = np.flatnonzero(inside[:seen])
        if len(usable):
            part = (np.clip(term[:, :, usable], None, 1e4) * weight[:, :, usable]).sum()
            value[inside] = max(part / max(weight[:, :, usable].sum(), 1e-9) / whole, 0.3)
        else:
            value[inside] = np.nan
    known = np.isfinite(value)
    value = np.maximum.accumulate(np.where(known, value, -np.inf))
    return np.clip(value, 0.3, 10.0)


def _buckets(mean: np.ndarray, kind: np.ndarray, ok: np.ndarray, counts: bool) -> np.ndarray:
    """Bucket per node: its kind and size where those have enough outcomes, else its size alone, else everything together."""
    outcomes = ok.sum(axis=(1, 2))
    average = np.divide(np.nansum(mean, axis=(1, 2)), outcomes, out=np.zeros(len(mean)), where=outcomes > 0)
    size = np.digitize(average, SIZE_EDGES) if counts else np.zeros(len(mean), dtype=int)
    label = np.zeros(len(mean), dtype=int)
    for k, groups in enumerate((size, np.unique(kind, return_inverse=True)[1] * (len(SIZE_EDGES) + 1) + size)):
        for group in np.unique(groups):
            rows = groups == group
            if outcomes[rows].sum() >= LEAST_OUTCOMES:
                label[rows] = 1 + group + 1000 * k
    return np.asarray(np.unique(label, return_inverse=True)[1], dtype=int)


def _positions(
    y: np.ndarray, mean: np.ndarray, spread: np.ndarray, growth: np.ndarray, counts: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Probability just below and at each outcome."""
    value = np.nan_to_num(y)
    if counts:
        dispersion = np.broadcast_to(spread * growth, value.shape)
        return negative_binomial.probability(value - 1, mean, dispersion), negative_binomial.probability(
            value, mean, dispersion
        )
    at = stdtr(DEGREES, (value - mean) / (spread * np.sqrt(growth)))
    return at, at


def _share_below(low: np.ndarray, high: np.ndarray, ok: np.ndarray) -> np.ndarray:
    """Share of outcomes below each grid point, a discrete outcome counting in proportion (Czado et al. 2009); increasing from
    0 to 1."""
    keep = ok if ok.any() else np.isfinite(low)
    if not keep.any():
        return _GRID.copy()
    # mean of clip((u - low) / (high - low), 0, 1) without an (outcomes x grid) array: five points inside each step
    step = np.maximum(high[keep] - low[keep], 1e-4)
    inner = np.concatenate([low[keep] + step * part for part in (0.1, 0.3, 0.5, 0.7, 0.9)])
    share = np.searchsorted(np.sort(inner), _GRID, side="right") / len(inner)
    # as if twenty more outcomes had fallen as the uncorrected spread says: small buckets keep some tail
    n = ok.sum()
    share = (share * n + _GRID * 20.0) / (n + 20.0)
    share[0], share[-1] = 0.0, 1.0
    return np.asarray(np.maximum.accumulate(share) + np.arange(len(_GRID)) * 1e-12)
