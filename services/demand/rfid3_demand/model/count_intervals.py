"""How wide must the intervals of counts be? Two views of each node, pooled as far as each was right about past outcomes; pure.

One view: a negative binomial around the forecast, its dispersion learned from past forecast errors. The other, for nodes of
small counts: the mixture of types that the node's own history allows (`count_types`), scaled to the forecast. Their linear
pool has the weights that make the outcomes most likely (Hall & Mitchell 2007), per bucket of nodes.
"""

from dataclasses import dataclass

import numpy as np

from rfid3_demand.model import count_mixture, negative_binomial
from rfid3_demand.model.corrected_levels import Buckets, buckets_seen, growth_of, share_below
from rfid3_demand.model.count_types import Seen

PRIOR_STEPS = 400.0
"""A node's dispersion is its bucket's as if that had been seen for this many steps: few outcomes, and overlapping ones, say little."""
MOST_TERM = 4.0
"""Most squared relative error that counts for the spread while no season has been seen twice: a ramp is not noise."""
BASE_OUTCOMES = 20.0
"""Both views count as if each had been right about so many outcomes."""
ROUNDS = 30
NODES_AT_ONCE = 4000


@dataclass(frozen=True)
class Spread:
    """What the two views need besides the forecast."""

    dispersion: np.ndarray
    """(n,) of the negative binomial."""
    growth: np.ndarray
    """(H,) factor of the dispersion per step, never falling."""
    share: np.ndarray
    """(buckets,) weight of the mixture of types, for nodes that have one."""


def calibrate(
    y: np.ndarray, mean: np.ndarray, seen: Seen, horizon: int, first_season: bool
) -> tuple[Spread, Buckets, np.ndarray]:
    """The spread, the buckets that were judged together, and their corrected levels (buckets, grid).

    y, mean: (n, origins, steps), NaN where unknown; seen: from each origin.
    """
    ok = np.isfinite(y) & np.isfinite(mean)
    mean = np.where(ok, np.maximum(mean, 1e-3), 1.0)
    buckets = buckets_seen(seen.kind, np.where(ok, mean, np.nan), ok)
    bucket = buckets.of(seen.kind, np.where(ok, mean, np.nan))
    dispersion, growth = _dispersion(y, mean, ok, bucket, horizon, first_season)
    below = negative_binomial.probability(y - 1, mean, dispersion[:, None, None] * growth[: y.shape[2]])
    at = negative_binomial.probability(y, mean, dispersion[:, None, None] * growth[: y.shape[2]])
    typed = ok & np.isfinite(seen.chances[:, :, :1])
    below_typed, at_typed = _typed(y, mean, typed, seen.chances)
    share, corrected = np.full(len(buckets.known), 0.5), []
    for b in range(len(buckets.known)):
        inside = ok & buckets.teach(b, seen.kind, np.where(ok, mean, np.nan))[:, :, None]
        use = inside & typed
        if use.any():
            share[b] = _weight((at - below)[use], (at_typed - below_typed)[use])
        part = np.where(use, share[b], 0.0)
        corrected.append(share_below(below + part * (below_typed - below), at + part * (at_typed - at), inside))
    return Spread(dispersion, growth, share), buckets, np.stack(corrected)


def quantiles(mean: np.ndarray, dispersion: np.ndarray, weight: float, levels: np.ndarray, chances: np.ndarray) -> np.ndarray:
    """Whole-number quantiles (n, H, levels) of means and dispersions (n, H); chances: (n, types), which have that weight."""
    result = negative_binomial.quantiles(mean, dispersion, levels)
    pooled = np.flatnonzero(np.isfinite(chances[:, 0]))
    for start in range(0, len(pooled), NODES_AT_ONCE):
        some = pooled[start : start + NODES_AT_ONCE]
        around = negative_binomial.probability(count_mixture.UNITS, mean[some][..., None], dispersion[some][..., None])
        curve = count_mixture.distribution(mean[some], chances[some])
        result[some] = count_mixture.quantiles(weight * curve + (1 - weight) * around.astype(np.float32), levels)
    return result


def _dispersion(
    y: np.ndarray, mean: np.ndarray, ok: np.ndarray, bucket: np.ndarray, horizon: int, first_season: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Dispersion per node (n,) shrunk to that of its latest bucket, and its growth with the step (H,)."""
    error = np.where(ok, y - mean, 0.0)
    # each term has expectation `dispersion`, weighted by how much it tells about it
    weight = np.where(ok, mean**2 / (1.0 + mean) ** 2, 0.0)
    # an outcome many times its forecast then tells of the tail, which the corrected levels hold, not of the spread
    term = np.minimum((error**2 - mean) / mean**2, MOST_TERM if first_season else np.inf)
    growth = growth_of(term, weight, horizon)
    term = term / growth[: y.shape[2]]
    total, mass = (term * weight).sum(axis=(1, 2)), weight.sum(axis=(1, 2))
    prior = np.empty(len(y))
    latest = bucket[:, -1] if bucket.shape[1] else np.zeros(len(y), dtype=int)
    for code in np.unique(latest):
        rows = latest == code
        prior[rows] = total[rows].sum() / max(mass[rows].sum(), 1e-9) if mass[rows].sum() > 0 else 1.0
    prior = np.maximum(prior, 0.005)
    average = np.divide(mass, ok.sum(axis=(1, 2)), out=np.ones(len(y)), where=ok.sum(axis=(1, 2)) > 0)
    strength = PRIOR_STEPS * np.maximum(average, 0.02)
    return np.clip((np.maximum(total, 0.0) + strength * prior) / (mass + strength), 0.005, 12.0), growth


def _typed(y: np.ndarray, mean: np.ndarray, typed: np.ndarray, chances: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Probability below and at each outcome according to the mixture of types; 0 where there is none."""
    below, at = np.zeros(y.shape), np.zeros(y.shape)
    for k in range(y.shape[1]):
        rows = np.flatnonzero(typed[:, k].any(axis=1))
        if len(rows):
            below[rows, k], at[rows, k] = count_mixture.probability(np.nan_to_num(y[rows, k]), mean[rows, k], chances[rows, k])
    return below, at


def _weight(first: np.ndarray, second: np.ndarray) -> float:
    """Weight of the second view: how likely each made the outcomes, expectation by maximisation."""
    first, second = np.maximum(first, 1e-9), np.maximum(second, 1e-9)
    share = 0.5
    for _ in range(ROUNDS):
        part = share * second / (share * second + (1 - share) * first)
        share = float((part.sum() + BASE_OUTCOMES) / (len(part) + 2 * BASE_OUTCOMES))
    return share
