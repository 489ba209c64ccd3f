"""Do the model's inputs still look like those it learned from? Population stability index (PSI) of each feature.

A reference holds bins and shares of the training values; PSI is the sum over bins of (live - reference) * ln(live / reference).
Without drift it is about (1/n + 1/m) times a chi-square of as many degrees as bins but one (n live values, m reference values):
few values differ by chance alone, so the threshold widens for them and is never below the practical one. The chance of a false
alarm is spent over all looks (6/pi^2/k^2 of it on the k-th) and evenly over features, which holds however looks and features hang
together. Within one look it takes values for independent: where neighbours repeat each other, give one value a week, or say which values
move together (units of one rental class do): they then weigh as the fewer independent ones that they are worth, the chi-square being
divided by its mean design effect. A feature with a season drifts with it: compare like seasons.

Pure. Sources: Yurdakul 2018, "Statistical properties of population stability index"; Laurent & Massart 2000, lemma 1, for the
chi-square's tail; Rao & Scott 1981, "The analysis of categorical data from complex sample surveys", for the design effect.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

BINS = 10
EMPTY = 0.5
"""Added to the count of every bin before shares are taken, so that an empty one has a logarithm (Jeffreys' prior)."""


@dataclass(frozen=True)
class Drift:
    """How far a feature's live values are from its reference; `threshold` is what PSI must exceed to be called drift."""

    psi: float
    threshold: float
    values: int

    @property
    def drifted(self) -> bool:
        """Whether they differ by more than chance and more than is tolerated."""
        return self.values > 0 and self.psi > self.threshold


def reference(values: ArrayLike, bins: int = BINS, *, clusters: ArrayLike | None = None) -> dict[str, Any]:
    """What to remember of training values, as JSON: {edges, shares, count}, and design_effect where clusters are given.

    clusters: which of the values move together, as whole numbers from 0.

    Between edges, the quantiles, lie bins closed on the left; a value that fills a whole bin gets one of its own. Shares: below the
    first edge and above the last (0 in the reference: nothing was seen there), the bins between, and missing values, which come last.
    Raises ValueError without any value.
    """
    given = np.asarray(values, dtype=float).ravel()
    known = given[np.isfinite(given)]
    if not len(known):
        raise ValueError("a reference needs at least one value")
    quantiles = np.quantile(known, np.linspace(0, 1, bins + 1), method="inverted_cdf")
    distinct, times = np.unique(quantiles, return_counts=True)
    own = distinct[times > 1]
    # the next number there is ends the bin of a single value, and the last bin, which must not shut out the largest value
    edges = np.unique([*distinct[:-1], *own, *np.nextafter([*own, distinct[-1]], np.inf)])
    counts = _counts(given, edges)
    found = {"edges": edges.tolist(), "shares": (counts / counts.sum()).tolist(), "count": len(given)}
    return found if clusters is None else found | {"design_effect": design_effect(_bins(given, edges), clusters)}


def design_effect(bins: ArrayLike, clusters: ArrayLike) -> float:
    """How many values weigh as one independent one, at least 1: the mean over the bins' shares of their variance between clusters over
    that of independent values. bins, clusters: (n,) whole numbers from 0. Values of a single cluster weigh as one altogether.
    """
    bin_of, cluster_of = np.asarray(bins, dtype=np.int64), np.unique(np.asarray(clusters), return_inverse=True)[1]
    many, width = int(cluster_of.max(initial=-1)) + 1, int(bin_of.max(initial=0)) + 1
    table = np.bincount(cluster_of * width + bin_of, minlength=many * width).reshape(many, width).astype(float)
    size, table = len(bin_of), table[:, table.sum(axis=0) > 0]
    if many < 2 or table.shape[1] < 2:
        return max(size / max(many, 1), 1.0)
    shares = table.sum(axis=0) / size
    apart = table - table.sum(axis=1, keepdims=True) * shares
    variances = many / (many - 1) * (apart**2).sum(axis=0) / size**2
    return max(float((variances * size / shares).sum() / (table.shape[1] - 1)), 1.0)


def compare(
    learned: Mapping[str, Any], live: ArrayLike, *, false_alarm_ratio: float, practical_threshold: float = 0.2
) -> Drift:
    """PSI of live values against a reference, and the threshold for one look at one feature.

    NaN is a missing value; infinities count as missing too.
    """
    given = np.asarray(live, dtype=float).ravel()
    if not len(given):
        return Drift(psi=0.0, threshold=practical_threshold, values=0)
    effect = learned.get("design_effect", 1.0)
    now = _counts(given, np.asarray(learned["edges"], dtype=float)) / effect
    then = np.asarray(learned["shares"], dtype=float) * learned["count"] / effect
    used = (now > 0) | (then > 0)
    found = psi(_smoothed(then[used]), _smoothed(now[used]))
    by_chance = effect * (1 / len(given) + 1 / learned["count"]) * chi_square_bound(int(used.sum()) - 1, false_alarm_ratio)
    return Drift(psi=found, threshold=max(practical_threshold, by_chance), values=len(given))


def psi(reference_shares: ArrayLike, live_shares: ArrayLike) -> float:
    """The index of two sets of shares, none of them 0."""
    then, now = np.asarray(reference_shares, dtype=float), np.asarray(live_shares, dtype=float)
    return float(np.sum((now - then) * np.log(now / then)))


def chi_square_bound(degrees: int, tail: float) -> float:
    """A value that a chi-square of these degrees exceeds with probability at most `tail`; somewhat more than its true quantile."""
    spent = math.log(1 / tail)
    return degrees + 2 * math.sqrt(degrees * spent) + 2 * spent


def spend(false_alarm_ratio: float, *, look: int, features: int) -> float:
    """The part of the false-alarm chance for one feature at the k-th look (from 1): all parts together are the whole."""
    return false_alarm_ratio * 6 / (math.pi * look) ** 2 / max(features, 1)


def compare_all(
    learned: Mapping[str, Mapping[str, Any]], live: Mapping[str, Sequence[float] | np.ndarray], *, look: int,
    false_alarm_ratio: float, practical_threshold: float = 0.2,
) -> dict[str, Drift]:  # fmt: skip
    """Every feature that has a reference, by name; one without live values has 0 values and no drift."""
    tail = spend(false_alarm_ratio, look=look, features=len(learned))
    return {
        name: compare(kept, live.get(name, ()), false_alarm_ratio=tail, practical_threshold=practical_threshold)
        for name, kept in sorted(learned.items())
    }


def _bins(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """(n,) which bin each value is in: 0 below the first edge, then between edges, from the last one on, and last the missing."""
    known = np.isfinite(values)
    return np.where(known, np.searchsorted(edges, np.where(known, values, 0.0), side="right"), len(edges) + 1)


def _counts(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Values below the first edge, in each bin, from the last edge on, and missing."""
    return np.bincount(_bins(values, edges), minlength=len(edges) + 2).astype(float)


def _smoothed(counts: np.ndarray) -> np.ndarray:
    return np.asarray((counts + EMPTY) / (counts.sum() + EMPTY * len(counts)))
