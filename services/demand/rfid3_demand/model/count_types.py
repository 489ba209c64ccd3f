"""What kind of counting series is each one, judging by all of them? Nonparametric empirical Bayes over rate and dispersion; pure.

A type is a negative binomial with a mean per step and a dispersion (variance = mean + dispersion * mean²). How common each
type is, is learned from the whole panel (the mixing distribution of greatest likelihood: Robbins 1956; Laird 1978), and every series gets
the chances of being of each type from its own counts. A short or single series keeps many types possible, so what it may
do next is as uncertain as its rate is. Old counts fade by a discount; how fast, the panel's latest steps decide (a pool of
discounts weighted by their log score, Hall & Mitchell 2007), so a thing that stopped moving is forecast to stay still.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

GRID_STEP = 0.05
"""Log-distance of neighbouring means in the table of `count_mixture`; types lie TYPE_STEPS of them apart."""
TYPE_STEPS = 5
MEANS = 0.01 * np.exp(GRID_STEP * TYPE_STEPS * np.arange(34))
DISPERSIONS = np.array([0.05, 0.4, 1.2, 3.0, 8.0])
BASE_DISPERSION = np.array([0.35, 0.3, 0.2, 0.1, 0.05])
"""How common each dispersion is held to be before any series was seen; means are then equally common on the log scale."""
MEAN_OF_TYPE = np.repeat(MEANS, len(DISPERSIONS))
DISPERSION_OF_TYPE = np.tile(DISPERSIONS, len(MEANS))
DISCOUNTS = np.array([0.6, 0.75, 0.88, 0.96, 1.0])
"""Weight of a count against that of the step after it."""
LARGEST_MEAN = 20.0
"""Series above this are no longer told apart by their small whole numbers."""
BASE_SERIES = 10.0
"""The base shares count as this many series."""
BASE_OUTCOMES = 4.0
"""Each discount counts as if it had been right about this many outcomes."""
MOST_LEARNT_FROM, MOST_SCORED, LONGEST_SCORED = 2000, 400, 12
SERIES_AT_ONCE = 5_000
ROUNDS = 40
PARTS = 8
"""Counts over a seasonal factor are looked up to an eighth."""


@dataclass(frozen=True)
class Seen:
    """What each counting series looked like from some points in time, judging by what came before each."""

    chances: tuple[np.ndarray, ...]
    """Per point (n, types) float32; NaN for series that small counts do not describe."""
    kind: np.ndarray
    """(n, points) code of the nodes it was like: a kind learned from the outcomes would give them away."""

    def at(self, points: list[int]) -> "Seen":
        """Some of the points."""
        return Seen(tuple(self.chances[k] for k in points), self.kind[:, points])


def chances(y: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Chance of each type per series, (n, types) float32, summing to 1; NaN where the mean is above LARGEST_MEAN or unseen.

    y: (n, T) counts, NaN before a series began. factor: (n, T) seasonal factors; a type's mean is that of a step with factor 1.
    """
    result = np.full((len(y), len(MEAN_OF_TYPE)), np.nan, dtype=np.float32)
    seen = np.isfinite(y)
    rate = np.where(seen, y, 0.0).sum(axis=1) / np.maximum(seen.sum(axis=1), 1)
    rows = np.flatnonzero(seen.any(axis=1) & (rate <= LARGEST_MEAN))
    if not len(rows):
        return result
    some = rows[_even_pick(len(rows), MOST_LEARNT_FROM)]
    known, laid = y[some], np.maximum(factor[some], 0.02)
    terms = _dispersion_terms(known, laid)
    trust = _trust_in_discounts(known, laid, terms)
    shares = [_shares(_likelihood(known, laid, terms, discount)) for discount in DISCOUNTS]
    for start in range(0, len(rows), SERIES_AT_ONCE):
        some = rows[start : start + SERIES_AT_ONCE]
        known, laid = y[some], np.maximum(factor[some], 0.02)
        terms = _dispersion_terms(known, laid)
        result[some] = sum(
            part * _posterior(_likelihood(known, laid, terms, discount), share)
            for part, discount, share in zip(trust, DISCOUNTS, shares, strict=True)
        )
    return result


def _dispersion_terms(y: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """The part of each count's log-likelihood that depends on the dispersion alone, (dispersions, n, T) float32."""
    place = np.rint(np.nan_to_num(y / factor) * PARTS).astype(np.int32)
    size = 1.0 / DISPERSIONS[:, None]
    table = gammaln(np.arange(place.max() + 1) / PARTS + size) - gammaln(size)
    return np.asarray(table.astype(np.float32)[:, place] * factor.astype(np.float32))


def _log_likelihood(y: np.ndarray, factor: np.ndarray, terms: np.ndarray, discount: float) -> np.ndarray:
    """Discounted log-likelihood per type, (n, types), up to what is the same for all of them.

    A step of factor f counts as f steps with y / f each: exact for Poisson, near it otherwise.
    """
    weight = discount ** np.arange(y.shape[1] - 1, -1, -1.0)
    exposure = (np.isfinite(y) * factor) @ weight
    total = np.nan_to_num(y) @ weight
    size, mean = 1.0 / DISPERSION_OF_TYPE, MEAN_OF_TYPE
    own = np.tile((terms @ weight.astype(np.float32)).T, (1, len(MEANS)))
    shared = np.stack([exposure, total], axis=1) @ np.stack([-size * np.log1p(mean / size), np.log(mean / (size + mean))])
    return np.asarray(own + shared)


def _likelihood(y: np.ndarray, factor: np.ndarray, terms: np.ndarray, discount: float) -> np.ndarray:
    """Discounted likelihood per type against that of the likeliest one, (n, types) float32."""
    logarithm = _log_likelihood(y, factor, terms, discount)
    return np.asarray(np.exp((logarithm - logarithm.max(axis=1, keepdims=True)).astype(np.float32)))


def _shares(likelihood: np.ndarray) -> np.ndarray:
    """Shares of types (types,) that make series of these likelihoods (n, types) most likely."""
    base = np.tile(BASE_DISPERSION / len(MEANS), len(MEANS)).astype(np.float32)
    share = base
    for _ in range(ROUNDS):
        found = likelihood @ share
        share = (share * ((1.0 / np.maximum(found, 1e-30)) @ likelihood) + BASE_SERIES * base) / (len(likelihood) + BASE_SERIES)
    return share


def _posterior(likelihood: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Chances per series (n, types) from likelihoods and the shares of types."""
    joint = likelihood * share
    return np.asarray(joint / joint.sum(axis=1, keepdims=True))


def _even_pick(length: int, most: int) -> np.ndarray:
    return np.unique(np.linspace(0, length - 1, min(length, most)).round().astype(int))


def _trust_in_discounts(y: np.ndarray, factor: np.ndarray, terms: np.ndarray) -> np.ndarray:
    """Weights of the discounts, summing to 1, by how likely each made the latest steps, seen from before them."""
    steps = min(LONGEST_SCORED, y.shape[1] // 3)
    equal = np.full(len(DISCOUNTS), 1.0 / len(DISCOUNTS))
    if steps < 1:
        return equal
    cut = y.shape[1] - steps
    pick = _even_pick(len(y), MOST_SCORED)
    outcome = y[pick, cut:]
    known = np.isfinite(outcome) & np.isfinite(y[pick, :cut]).any(axis=1, keepdims=True)
    if not known.any():
        return equal
    each = _mass(outcome, factor[pick, cut:])[known]
    rows = pick[np.nonzero(known)[0]]
    likely = np.empty((len(DISCOUNTS), len(each)))
    for k, discount in enumerate(DISCOUNTS):
        past = _likelihood(y[:, :cut], factor[:, :cut], terms[:, :, :cut], discount)
        likely[k] = (each * _posterior(past, _shares(past))[rows]).sum(axis=1)
    trust = equal
    for _ in range(ROUNDS):
        joint = trust[:, None] * np.maximum(likely, 1e-12)
        trust = (joint / joint.sum(axis=0)).sum(axis=1) + BASE_OUTCOMES
        trust = trust / trust.sum()
    return trust


def _mass(units: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """Probability of each outcome (n, S) under each type, (n, S, types)."""
    value = np.nan_to_num(units)[..., None]
    size, mean = 1.0 / DISPERSION_OF_TYPE, MEAN_OF_TYPE * factor[..., None]
    ways = gammaln(value + 1.0 / DISPERSIONS) - gammaln(1.0 / DISPERSIONS) - gammaln(value + 1.0)
    return np.asarray(np.exp(np.tile(ways, len(MEANS)) - size * np.log1p(mean / size) + value * np.log(mean / (size + mean))))
