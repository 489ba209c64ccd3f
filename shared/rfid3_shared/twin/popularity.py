"""How large is each class, how often is it asked for, and how many units at a time?

Counted in a real shop of 468 classes: sizes lognormal (median 12, mean 26, at most 614); 5 classes make 34 % of rentals, 20
make 63 %, 100 make 94 %. Larger and smaller companies keep the shape.
"""

from statistics import NormalDist

import numpy as np

from rfid3_shared.twin.randomness import Array

MEDIAN_TAGS, MEAN_TAGS, MOST_TAGS = 12.0, 26.0, 614
RANK_KNOTS, SHARE_KNOTS = (0, 5, 20, 100), (0.0, 0.34, 0.63, 0.94)
RENTALS_PER_TAG_YEAR = 5.0
MOST_RENTALS_PER_TAG_YEAR = 10.5
"""No class is asked for more often than this: with six days out, ten a year is near full use in June."""
GROWTH_PER_YEAR = 0.05
"""Log growth of the whole company."""
QUANTITY_SPREAD = 0.95
"""Standard deviation of log units on a line."""
_GRID = np.array([NormalDist().inv_cdf((k + 0.5) / 100) for k in range(100)])


def class_sizes(items: int) -> Array:
    """Tags of each scanned class, in descending order; they sum to `items`."""
    count = max(8, round(items / MEAN_TAGS))
    most = min(MOST_TAGS, max(20, items // 8))
    spread = np.sqrt(2 * np.log(MEAN_TAGS / MEDIAN_TAGS))
    normal = NormalDist()
    ranks = np.array([normal.inv_cdf(1 - (k + 0.5) / count) for k in range(count)])
    sizes = np.clip(MEDIAN_TAGS * np.exp(spread * ranks), 1, most)
    sizes[0] = most
    for _ in range(30):  # stretch the upper half until the sum fits; the median stays where it is
        excess = items - sizes.sum()
        upper = sizes > MEDIAN_TAGS
        upper[0] = False
        sizes[upper] = np.clip(sizes[upper] * (1 + excess / sizes[upper].sum()), MEDIAN_TAGS, most)
    whole: Array = np.floor(sizes).astype(np.int64)
    gap = items - int(whole.sum())
    while gap > 0:
        fitting = np.flatnonzero(whole < most)[:gap]
        whole[fitting] += 1
        gap -= len(fitting)
    return whole


def rank_shares(count: int) -> Array:
    """Share of all rentals of the most asked-for class, the second, … (sums to 1)."""
    scale = max(1.0, count / 468) if count >= 150 else count / 150
    knots, shares = [k * scale for k in RANK_KNOTS] + [float(count)], [*SHARE_KNOTS, 1.0]
    total = np.interp(np.sqrt(np.arange(count + 1.0)), np.sqrt(knots), shares)
    steps: Array = np.diff(total)
    return steps


def yearly_units(stock: Array, scanned: Array, resale: Array, rng: np.random.Generator) -> Array:
    """Units of each class asked for in a usual year; bulk classes by their stock, goods for resale not at all."""
    units = np.zeros(len(stock))
    rented = np.flatnonzero(scanned & ~resale)
    appeal = np.log(stock[rented]) + rng.normal(0, 0.45, len(rented))
    order = rented[np.argsort(-appeal, kind="stable")]
    total = RENTALS_PER_TAG_YEAR * stock[rented].sum()
    units[order] = total * rank_shares(len(order))
    most = MOST_RENTALS_PER_TAG_YEAR * stock
    for _ in range(20):  # what a class cannot take goes to the others, in proportion to their room
        excess = np.maximum(units - most, 0)[rented].sum()
        units[rented] = np.minimum(units, most)[rented]
        room = (most - units)[rented]
        units[rented] += excess * room / room.sum()
    units[~scanned] = stock[~scanned] * rng.uniform(4, 9, int((~scanned).sum()))
    return units


def mean_quantity(stock: Array) -> Array:
    """Units asked for on one contract line, on average: one tent, a dozen linens, sixty chairs."""
    mean: Array = np.clip(0.50 * np.power(stock.astype(float), 0.62), 1.0, 60.0)
    return mean


def quantity_location(mean: Array, most: Array) -> Array:
    """Location of the lognormal whose whole part plus one, at most `most`, has this mean; found by bisection."""
    low, high = np.full(len(mean), -6.0), np.full(len(mean), 7.0)
    cap = most[:, None]
    for _ in range(20):
        middle = (low + high) / 2
        found = np.minimum(1 + np.floor(np.exp(middle[:, None] + QUANTITY_SPREAD * _GRID)), cap).mean(axis=1)
        low, high = np.where(found < mean, middle, low), np.where(found < mean, high, middle)
    location: Array = (low + high) / 2
    return location


def most_per_line(pool_stock: Array) -> Array:
    """Units a customer asks of one store at most: nobody expects to empty the whole shelf."""
    most: Array = np.maximum(1, np.ceil(0.5 * pool_stock)).astype(np.int64)
    return most
