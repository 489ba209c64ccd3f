"""Which share of its repairs does a shop write down, when the books hold the money of all of them? By category, with an interval.

The scans count the repairs that somebody wrote down; the POS sums what all repairs of a class cost, and tells no single price. A class
had N repairs, a negative binomial around its turns; each was written down with the category's share; each cost a share of a new unit's
price, lognormal around the category's. Money tells N three ways: classes without money had none, a class with little had one or two,
and one more repair written down goes with one more cost. N is summed over, rates, costs and shares are pooled over categories with
stated spreads, and the interval is Laplace's. Assumed: every repair is booked in the year it was made, and costs scale with the price.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rfid3_maintenance.kinds import KINDS, WEAR
from rfid3_shared.normal import Z_80

LEAST_CLASSES = 5
"""Classes with repair money, below which nothing is said."""
MOST_CLASSES, MOST_ROWS = 400, 200_000
"""Classes that are looked at, and numbers of repairs that are thought of for all of them together; of more classes, every n-th."""
MOST_UNBOOKED_RATIO = 0.2
"""Of the classes with a repair written down, the share without any money, from which on the books do not hold all repairs."""
LEAST_COST_RATIO, MOST_REPAIRS = 0.02, 5_000
"""A repair costs a fiftieth of a new unit at least, on average over a class: bounds how many are thought of."""
SHARE_SPREAD, COST_SPREAD, RATE_SPREAD = 0.3, 0.5, 1.0
"""Stated: standard deviations between categories of the share's logit and of the logs of a repair's cost and of repairs a turn."""
COST_RATIO, COST_RATIO_SPREAD = 0.3, 1.0
"""Stated: a repair as a share of a new unit's price (RFID3_MAINTENANCE_REPAIR_RATIO's default), and how unsure its log is."""
SHAPE, SHAPE_SPREAD, SCATTER, SCATTER_SPREAD = 3.0, 1.0, 0.3, 0.7
"""Stated: how alike classes of a category are (gamma shape), how far single costs scatter (squared coefficient of variation)."""
GLOBALS = 5
_STEP = 1e-4


@dataclass(frozen=True)
class Books:
    """One row a rental class. category: names. turns: rentals that ended; recorded: repairs written down; usd: what the POS booked for
    repairs, all of one span of time; price_usd: a new unit."""

    category: np.ndarray
    turns: np.ndarray
    recorded: np.ndarray
    usd: np.ndarray
    price_usd: np.ndarray


@dataclass(frozen=True)
class Share:
    """A share with its 80 % interval; all in (0, 1)."""

    median: float
    lower: float
    upper: float


@dataclass(frozen=True)
class Recorded:
    """What the books say: the share of all categories and of each, and the repairs expected of each class of `Books` (NaN = not told).

    missing: why nothing is said; then the rest is empty. classes: that told; with_money: of those; repairs: written down in them.
    """

    overall: Share | None = None
    categories: dict[str, Share] = field(default_factory=dict)
    repairs: np.ndarray = field(default_factory=lambda: np.zeros(0))
    classes: int = 0
    with_money: int = 0
    recorded: int = 0
    missing: str = ""


def recorded_share(books: Books) -> Recorded:
    """The share of repairs that is written down, or why it cannot be told."""
    known = (books.turns > 0) & (books.price_usd > 0) & np.isfinite(books.price_usd) & np.isfinite(books.usd)
    told, money = known & (books.recorded > 0), known & (books.usd > 0)
    if int(money.sum()) < LEAST_CLASSES:
        return Recorded(missing=f"cost of repairs in the POS of {LEAST_CLASSES} rental classes (found: {int(money.sum())})")
    unbooked = told & ~money
    if unbooked.sum() > MOST_UNBOOKED_RATIO * max(int(told.sum()), 1):
        return Recorded(missing=f"cost of every repair in the POS: {int(unbooked.sum())} of {int(told.sum())} classes with repairs "
                        "written down have none")  # fmt: skip
    rows = np.flatnonzero(known & ~unbooked)
    rows = rows[:: -(-len(rows) // MOST_CLASSES)]
    thought_of = np.minimum(books.usd[rows] / books.price_usd[rows] / LEAST_COST_RATIO, MOST_REPAIRS).sum()
    rows = rows[:: max(1, int(np.ceil(thought_of / MOST_ROWS)))]
    names, group = np.unique(books.category[rows].astype(str), return_inverse=True)
    likelihood = _Likelihood(
        group,
        len(names),
        books.turns[rows].astype(float),
        books.recorded[rows].astype(float),
        books.usd[rows] / books.price_usd[rows],
    )
    best, covariance = likelihood.fitted()
    repairs = np.full(len(books.usd), np.nan)
    repairs[rows] = likelihood.repairs(best)
    shares = {}
    for at, name in enumerate(names.tolist()):
        pair = [0, GLOBALS + at]
        shares[name] = _share(best[pair].sum(), covariance[np.ix_(pair, pair)].sum())
    return Recorded(
        _share(best[0], covariance[0, 0]), shares, repairs, len(rows), int((likelihood.money > 0).sum()),
        int(likelihood.recorded.sum()),
    )  # fmt: skip


def share_in(told: Mapping[str, Any], category: str) -> dict[str, float] | None:
    """The share of a category (median, lower, upper) in what `recording` tells; of all where it has none; None where nothing is known."""
    found: dict[str, float] | None = told.get("categories", {}).get(category, told.get("all"))
    return found


def repairs_per_recorded(told: Mapping[str, Any], categories: Sequence[str]) -> np.ndarray:
    """(categories, 3) repairs behind each that is written down: least, middle, most of its 80 % interval; 1 where nobody can tell."""
    shares = [share_in(told, name) for name in categories]
    ends = ("upper", "median", "lower")
    return np.array([[1.0 if one is None else 1.0 / one[end] for end in ends] for one in shares]).reshape(-1, len(ends))


def wear_of_all(survival: np.ndarray, per_recorded: np.ndarray) -> np.ndarray:
    """(rows, cuts) chance to get beyond each cut without any wear failure, written down or not.

    survival: (rows, kinds, cuts) of failures that are written down. per_recorded: (rows,) repairs behind each of those, 1 or more.
    """
    power = {"repair": per_recorded[:, None]}
    curves = [survival[:, KINDS.index(kind)].astype(float) ** power.get(kind, 1.0) for kind in WEAR]
    return np.asarray(np.prod(curves, axis=0))


def _share(logit: float, variance: float) -> Share:
    spread = Z_80 * np.sqrt(max(variance, 0.0))
    return Share(*(float(1 / (1 + np.exp(-(logit + side * spread)))) for side in (0, -1, 1)))


class _Likelihood:
    """The log-posterior of [logit share, log cost, log rate, log shape, log scatter, then each but the last two by category]."""

    def __init__(self, group: np.ndarray, groups: int, turns: np.ndarray, recorded: np.ndarray, money: np.ndarray) -> None:
        """group (classes,) positions; money: in prices of a new unit. Rows of the sum over N are one after the other, class by class."""
        self.group, self.groups, self.turns, self.recorded, self.money = group, groups, turns, recorded, money
        least = np.where(money > 0, np.maximum(recorded, 1), 0)
        most = np.where(money > 0, np.minimum(np.ceil(money / LEAST_COST_RATIO) + 3, MOST_REPAIRS) + recorded, 0)
        count = (most - least + 1).astype(int)
        self.starts = np.concatenate([[0], np.cumsum(count)[:-1]])
        self.of = np.repeat(np.arange(len(turns)), count)
        self.n = np.arange(len(self.of)) - self.starts[self.of] + least[self.of]
        from scipy.special import gammaln

        r = recorded[self.of]
        self.log_n_fact = gammaln(self.n + 1)
        self.log_ways = self.log_n_fact - gammaln(r + 1) - gammaln(self.n - r + 1)
        self.paid = money[self.of] > 0
        self.log_money = np.log(np.where(self.paid, money[self.of], 1.0))

    def fitted(self) -> tuple[np.ndarray, np.ndarray]:
        """The most likely parameters from several beginnings, and the covariance that the curvature there tells."""
        from scipy.optimize import minimize

        found = None
        for share, cost in ((0.2, 0.1), (0.9, 0.3)):
            begin = np.zeros(GLOBALS + 3 * self.groups)
            rate = (self.recorded.sum() + 1) / share / self.turns.sum()
            begin[:GLOBALS] = np.log([share / (1 - share), cost, rate, SHAPE, SCATTER])
            one = minimize(self.loss, begin, jac=True, method="L-BFGS-B", options={"maxiter": 500})
            found = one if found is None or one.fun < found.fun else found
        assert found is not None
        return np.asarray(found.x), np.linalg.inv(self._curvature(np.asarray(found.x)))

    def _curvature(self, at: np.ndarray) -> np.ndarray:
        """The loss's second derivatives. Categories touch each other through the common parameters alone: all are moved in one step."""
        size, groups = len(at), self.groups
        found = np.zeros((size, size))
        together = [np.arange(size) == one for one in range(GLOBALS)]
        together += [(np.arange(size) - GLOBALS) // groups == one for one in range(3)]
        for one, moved in enumerate(together):
            bent = (self.loss(at + _STEP * moved)[1] - self.loss(at - _STEP * moved)[1]) / (2 * _STEP)
            if one < GLOBALS:
                found[one] = found[:, one] = bent
            else:
                columns = GLOBALS + (one - GLOBALS) * groups + np.arange(groups)
                for row in range(3):
                    rows = GLOBALS + row * groups + np.arange(groups)
                    found[rows, columns] = bent[rows]
        return (found + found.T) / 2

    def repairs(self, at: np.ndarray) -> np.ndarray:
        """(classes,) repairs expected of each class, given what it shows."""
        return np.bincount(self.of, self._parts(at)[1] * self.n, len(self.turns))

    def loss(self, at: np.ndarray) -> tuple[float, np.ndarray]:
        """Minus the log-posterior and its gradient (Fisher's identity: the gradient is that of the complete data, expected over N)."""
        from scipy.special import digamma

        log_mass, weight, share, mean, shape, scatter, variance, off = self._parts(at)
        classes = len(self.turns)
        expected = np.bincount(self.of, weight * self.n, classes)
        by_share = self.recorded - expected * share
        by_rate = expected - (expected + shape) * mean / (shape + mean)
        by_cost = np.bincount(self.of, weight * off / variance, classes)
        steps = np.bincount(self.of, weight * digamma(self.n + shape), classes)
        by_shape = shape * (steps - digamma(shape) + np.log(shape / (shape + mean)) + 1 - (expected + shape) / (shape + mean))
        slope = scatter / (np.maximum(self.n, 1) + scatter) * self.paid
        by_scatter = (weight * slope * (-off / 2 / variance + 0.5 * off**2 / variance**2 - 0.5 / variance)).sum()
        prior, pull = self._prior(at)
        gradient = pull
        gradient[:GLOBALS] += [by_share.sum(), by_cost.sum(), by_rate.sum(), by_shape.sum(), by_scatter]
        parts = [np.bincount(self.group, one, self.groups) for one in (by_share, by_cost, by_rate)]
        gradient[GLOBALS:] += np.concatenate(parts)
        return -(float(log_mass.sum()) + prior), -gradient

    def _parts(self, at: np.ndarray) -> tuple[np.ndarray, ...]:
        """Log-likelihood by class, weights of N, and what the gradient needs: share, mean, shape, scatter, log variance, log offset."""
        from scipy.special import gammaln

        shape, scatter = np.exp(at[3:GLOBALS])
        own = at[GLOBALS:].reshape(3, self.groups)[:, self.group]
        logit, cost = at[0] + own[0], at[1] + own[1]
        mean = np.exp(at[2] + own[2]) * self.turns
        n, of, r = self.n, self.of, self.recorded[self.of]
        variance = np.log1p(scatter / np.maximum(n, 1))
        off = np.where(self.paid, self.log_money - (cost[of] + np.log(np.maximum(n, 1)) - variance / 2), 0.0)
        of_money = np.where(self.paid, -0.5 * off**2 / variance - 0.5 * np.log(2 * np.pi * variance), 0.0)
        of_count = gammaln(n + shape) - gammaln(shape) - self.log_n_fact
        of_count = of_count + (shape * np.log(shape / (shape + mean)))[of] + n * np.log(mean / (shape + mean))[of]
        of_noting = self.log_ways - r * np.logaddexp(0, -logit)[of] - (n - r) * np.logaddexp(0, logit)[of]
        each = of_money + of_count + of_noting
        top = np.maximum.reduceat(each, self.starts)
        scaled = np.exp(each - top[of])
        total = np.add.reduceat(scaled, self.starts)
        return top + np.log(total), scaled / total[of], 1 / (1 + np.exp(-logit)), mean, shape, scatter, variance, off

    def _prior(self, at: np.ndarray) -> tuple[float, np.ndarray]:
        """Log-prior (the share uniform in 0 … 1) and its gradient."""
        share = 1 / (1 + np.exp(-at[0]))
        middle = np.array([COST_RATIO, SHAPE, SCATTER])
        spread = np.array([COST_RATIO_SPREAD, SHAPE_SPREAD, SCATTER_SPREAD])
        off = (at[[1, 3, 4]] - np.log(middle)) / spread
        wide = np.repeat([SHARE_SPREAD, COST_SPREAD, RATE_SPREAD], self.groups)
        own = at[GLOBALS:] / wide
        pull = np.concatenate([[1 - 2 * share, -off[0] / spread[0], 0.0, *(-off[1:] / spread[1:])], -own / wide])
        return float(-np.logaddexp(0, -at[0]) - np.logaddexp(0, at[0]) - 0.5 * (off @ off + own @ own)), pull
