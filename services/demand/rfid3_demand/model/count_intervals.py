"""How wide must the intervals of counts be? Two views of each node, pooled as far as each was right about past outcomes; pure.

One view: a negative binomial around the forecast, its dispersion learned from past forecast errors. The other, for nodes of
small counts: the mixture of types that the node's own history allows (`count_types`), scaled to the forecast. Their linear
pool has the weights that make the outcomes most likely (Hall & Mitchell 2007), per bucket of nodes.
"""

from dataclasses import dataclass

import numpy as np

from rfid3_demand.model import count_mixture, negative_binomial
from rfid3_demand.model.corrected_levels import Buckets, buckets_seen, codes_of, growth_of, share_below
from rfid3_demand.model.count_types import Seen

PRIOR_STEPS = 400.0
"""A node's dispersion is its bucket's as if that had been seen for this many steps: few outcomes, and overlapping ones, say little."""
MOST_TERM = 4.0
"""Most squared relative error that counts for the spread while no season has been seen twice: a ramp is not noise."""
BASE_OUTCOMES = 20.0
"""Both views count as if each had been right about so many outcomes."""
ROUNDS = 30
NODES_AT_ONCE = 4_000
"""Nodes whose curves are laid out at a time."""
TYPED_AT_ONCE = 20_000
"""Nodes whose outcomes are looked up at a time."""


@dataclass(frozen=True)
class Spread:
    """What the two views need besides the forecast."""

    dispersion: np.ndarray
    """(n,) of the negative binomial."""
    growth: np.ndarray
    """(H,) factor of the dispersion per step, never falling."""
    share: np.ndarray
    """(buckets,) weight of the mixture of types, for nodes that have one."""


@dataclass(frozen=True)
class Typed:
    """What the mixture of types said of each outcome, (n, origins, steps) each: of no use where an outcome is unknown."""

    known: np.ndarray
    """Whether the outcome, its forecast and the node's types are all known; the others are 0 elsewhere."""
    below: np.ndarray
    at: np.ndarray

    def of(self, origins: list[int]) -> "Typed":
        """The same of some origins."""
        return Typed(self.known[:, origins], self.below[:, origins], self.at[:, origins])


def typed(y: np.ndarray, mean: np.ndarray, seen: Seen) -> Typed:
    """Probability below and at each outcome; y, mean: (n, origins, steps), NaN where unknown; seen: from each origin."""
    ok, mean = _usable(y, mean)
    known, below, at = ok.copy(), np.zeros(y.shape), np.zeros(y.shape)
    for k in range(y.shape[1]):
        known[:, k] &= np.isfinite(seen.chances[k][:, :1])
        speaking = np.flatnonzero(known[:, k].any(axis=1))
        for start in range(0, len(speaking), TYPED_AT_ONCE):
            rows = speaking[start : start + TYPED_AT_ONCE]
            units = np.nan_to_num(y[rows, k])
            below[rows, k], at[rows, k] = count_mixture.probability(units, mean[rows, k], seen.chances[k][rows])
    return Typed(known, below, at)


def calibrate(
    y: np.ndarray, mean: np.ndarray, seen: Seen, horizon: int, first_season: bool, said: Typed | None = None
) -> tuple[Spread, Buckets, np.ndarray]:
    """The spread, the buckets that were judged together, and their corrected levels (buckets, grid).

    y, mean: (n, origins, steps), NaN where unknown; seen: from each origin. said: `typed` of the same, where it is known already.
    """
    said = said or typed(y, mean, seen)
    ok, mean = _usable(y, mean)
    buckets = buckets_seen(seen.kind, np.where(ok, mean, np.nan), ok)
    bucket = buckets.of(seen.kind, np.where(ok, mean, np.nan))
    dispersion, growth = _dispersion(y, mean, ok, bucket, horizon, first_season)
    # from here on outcomes lie in one row: most buckets hold few of them
    codes = codes_of(seen.kind, np.where(ok, mean, np.nan))
    width = (dispersion[:, None, None] * growth[: y.shape[2]] * np.ones((1, y.shape[1], 1)))[ok]
    below, at = negative_binomial.below_and_at(y[ok], mean[ok], width)
    known, below_typed, at_typed = said.known[ok], said.below[ok], said.at[ok]
    share, corrected = np.full(len(buckets.known), 0.5), []
    for b in range(len(buckets.known)):
        inside = np.broadcast_to(buckets.teach(b, codes, ok.sum(axis=2))[:, :, None], ok.shape)[ok]
        low, high, low_typed, high_typed = below[inside], at[inside], below_typed[inside], at_typed[inside]
        use = known[inside]
        if use.any():
            share[b] = _weight((high - low)[use], (high_typed - low_typed)[use])
        part = np.where(use, share[b], 0.0)
        low, high = low + part * (low_typed - low), high + part * (high_typed - high)
        corrected.append(share_below(low, high, np.ones(len(low), dtype=bool)))
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


def _usable(y: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which outcomes and forecasts are known, and the forecasts, 1 elsewhere and never nothing."""
    ok = np.isfinite(y) & np.isfinite(mean)
    return ok, np.where(ok, np.maximum(mean, 1e-3), 1.0)


def _weight(first: np.ndarray, second: np.ndarray) -> float:
    """Weight of the second view: how likely each made the outcomes, expectation by maximisation."""
    first, second = np.maximum(first, 1e-9), np.maximum(second, 1e-9)
    share = 0.5
    for _ in range(ROUNDS):
        part = share * second / (share * second + (1 - share) * first)
        share = float((part.sum() + BASE_OUTCOMES) / (len(part) + 2 * BASE_OUTCOMES))
    return share
