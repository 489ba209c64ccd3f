"""What does quality do to price, within a class? Log price on score with a fixed effect for every class; pure.

Classes differ in price for a hundred reasons; only units of one class at several grades and several prices tell what the grade does.
Prices rise from year to year while units wear, which looks as if worse units were dearer: so every period (month) has an effect of
its own, too. The slope is estimated inside classes and periods, its error is clustered by class (units of one class share what was
left out), and categories are pooled (`slopes`): each is drawn towards the mean of all as far as its own error is large beside the
spread between categories.
Source: Wooldridge, Econometric Analysis of Cross Section and Panel Data, ch. 10 (within estimator, errors clustered by unit).
"""

from dataclasses import dataclass, field

import numpy as np

from rfid3_quality.decisions.slopes import Slope, pool, with_ends

ROUNDS, SETTLED, LEAST_SPREAD = 200, 1e-10, 1e-9
LEAST_CLASSES = 3
"""Clusters below which no error can be told."""


@dataclass(frozen=True)
class PriceEffect:
    """The effect overall and by category; or what is missing."""

    overall: Slope | None
    by_category: dict[str, Slope] = field(default_factory=dict)
    between: float = 0.0
    """Standard deviation of true slopes between categories, as far as it can be told."""
    missing: list[str] = field(default_factory=list)
    """Why nothing is said; empty when something is."""


@dataclass(frozen=True)
class _Within:
    """Deviations from the class's means of the units that tell anything, and whose they are."""

    x: np.ndarray
    y: np.ndarray
    rental_class: np.ndarray
    category: np.ndarray


def price_effect(
    rental_class: np.ndarray, category: np.ndarray, score: np.ndarray, price_usd: np.ndarray, period: np.ndarray | None = None
) -> PriceEffect:
    """The effect of the score, 0–1, on log price, from units (rows): their class, category, score, price and period (None: all one).

    Rows without a score or a price above 0 are left out. Abstains when fewer than LEAST_CLASSES classes have both several prices
    and several grades.
    """
    told, several = _within(rental_class, category, score, price_usd, period)
    classes = len(np.unique(told.rental_class))
    if classes < LEAST_CLASSES:
        found = f"{several[2]} (several prices: {several[0]}, several grades: {several[1]} of {several[3]} priced and graded)"
        return PriceEffect(None, missing=[f"classes with several prices at several grades: {found}; needed: {LEAST_CLASSES}"])
    if float(told.x @ told.x) < LEAST_SPREAD:
        return PriceEffect(None, missing=["grades that differ inside a class at one time: here they move with time alone"])
    overall = _slope(told, np.ones(len(told.x), dtype=bool))
    names = [str(name) for name in np.unique(told.category)]
    rows = {name: told.category == name for name in names}
    own = {name: _slope(told, rows[name]) for name in names if _tells(told, rows[name])}
    weight = [float(told.x[rows[name]] @ told.x[rows[name]]) for name in own]
    pooled = pool(list(own.values()) or [overall], weight or [1.0])
    by_category = {}
    for name in names:
        place = list(own).index(name) if name in own else -1
        value, error, freedom = pooled.of(place)
        count = len(np.unique(told.rental_class[rows[name]])), int(rows[name].sum())
        by_category[name] = with_ends(value, error, *count, freedom)
    return PriceEffect(overall, by_category, pooled.between)


def _within(
    rental_class: np.ndarray, category: np.ndarray, score: np.ndarray, price_usd: np.ndarray, period: np.ndarray | None
) -> tuple[_Within, tuple[int, int, int, int]]:
    """What the classes with several prices and grades tell; classes with several prices, several grades, both, and all."""
    score, price_usd = np.asarray(score, dtype=float), np.asarray(price_usd, dtype=float)
    use = np.isfinite(score) & np.isfinite(price_usd) & (price_usd > 0)
    names, code = np.unique(np.asarray(rental_class)[use].astype(str), return_inverse=True)
    x, y, group = score[use], np.log(price_usd[use]), np.asarray(category)[use].astype(str)
    if not len(names):
        return _Within(x, y, code, group), (0, 0, 0, 0)
    varies = [_range(values, code, len(names)) > 1e-12 for values in (y, x)]
    both = varies[0] & varies[1]
    keep = both[code]
    x, y, code, group = x[keep], y[keep], code[keep], group[keep]
    when = np.zeros(len(x), np.int64) if period is None else np.unique(np.asarray(period)[use][keep], return_inverse=True)[1]
    x, y = (_without(v, code, when) for v in (x, y))
    counts = (int(varies[0].sum()), int(varies[1].sum()), int(both.sum()), len(names))
    return _Within(x, y, code, group), counts


def _tells(told: _Within, rows: np.ndarray) -> bool:
    """Whether these rows alone have a slope and an error."""
    return len(np.unique(told.rental_class[rows])) >= LEAST_CLASSES and float(told.x[rows] @ told.x[rows]) >= LEAST_SPREAD


def _without(values: np.ndarray, code: np.ndarray, when: np.ndarray) -> np.ndarray:
    """Values less the means of their class and of their period, by turns until nothing moves (Frisch & Waugh; alternating projections)."""
    left, of = values, [(each, np.maximum(np.bincount(each), 1)) for each in (when, code)]
    for _ in range(ROUNDS):
        before = left
        for each, count in of:
            left = left - (np.bincount(each, left) / count)[each]
        if not len(left) or np.abs(left - before).max() < SETTLED:
            break
    return left


def _range(values: np.ndarray, code: np.ndarray, groups: int) -> np.ndarray:
    low, high = np.full(groups, np.inf), np.full(groups, -np.inf)
    np.minimum.at(low, code, values)
    np.maximum.at(high, code, values)
    return np.asarray(high - low)


def _slope(told: _Within, rows: np.ndarray) -> Slope:
    """Within estimate of some rows, error clustered by class, unbiased for few clusters (Bell & McCaffrey 2002, CR2).

    Degrees of freedom: the effective number of clusters less one (Carter, Schnepel & Steigerwald 2017).
    """
    x, y, cluster = told.x[rows], told.y[rows], np.unique(told.rental_class[rows], return_inverse=True)[1]
    value = float(x @ y / (x @ x))
    score = np.bincount(cluster, x * (y - value * x))
    # a class draws the slope to itself by its share of all variation, and looks closer to it than it is
    share = np.bincount(cluster, x * x) / (x @ x)
    error = float(np.sqrt((score**2 / (1.0 - share)).sum()) / (x @ x))
    # classes of unequal weight count as fewer equal ones
    return with_ends(value, error, len(score), len(x), max(1.0 / (share @ share) - 1.0, 1.0))
