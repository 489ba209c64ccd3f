"""How many units does a contract take from one shelf? A rounded-up lognormal for each shelf, contracts cut short counted as such.

The contract that emptied a shelf may have wanted more; which of the day's contracts that was is not written down, so each counts as
cut short by how likely it is (`cut_short`). Centres are shrunk to what shelves of that size and class usually see, the spread is
one for all. What nobody can see in the data is how much more than the whole shelf people ask for: ASK_RATIO is a stated prior.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import log_ndtr, ndtr

CENTRES = np.linspace(-2.0, 5.5, 61)
SPREADS = np.arange(0.6, 1.31, 0.1)
"""Candidates for the location and the standard deviation of log units."""
SHELF_SPREAD = 0.35
"""Standard deviation of a shelf's centre around what its size and class lead one to expect."""
ASK_RATIO = 4 / 3
"""Nobody asks for more than this many times what the shelf holds at its fullest. Beyond a full shelf the data cannot tell: chosen
on demonstration companies (seeds 1 to 3) between 1.0 and 2.0."""
NEW_SHELF_CONTRACTS, NEW_CLASS_SHELVES = 5.0, 1.0
LEAST_LOG = -28.0


@dataclass(frozen=True)
class Contracts:
    """One row a contract and shelf: which shelf, how many units left, and on which shelf-day (any code)."""

    series: np.ndarray
    units: np.ndarray
    shelf_day: np.ndarray


def cut_short(contracts: Contracts, emptied: np.ndarray, sizes: np.ndarray | None) -> np.ndarray:
    """Chance of each contract that it wanted more than it got.

    emptied: chance that its shelf was empty after its day. sizes: of the last round; None = any of the day's contracts, equally.
    """
    _, day, of_day = np.unique(contracts.shelf_day, return_inverse=True, return_counts=True)
    day = day.ravel()
    if sizes is None:
        return np.asarray(emptied / of_day[day])
    own = sizes[contracts.series]
    row = np.arange(len(own))
    more = np.maximum(1 - np.cumsum(own, axis=1)[row, contracts.units], 0.0)
    odds = more / np.maximum(own[row, contracts.units], 1e-9) / of_day[day]
    # against: all of them got what they wanted, and the shelf was empty then
    return np.asarray(emptied * odds / (1 + np.bincount(day, odds)[day]))


def lump_sizes(contracts: Contracts, cut: np.ndarray, class_of: np.ndarray, fullest: np.ndarray) -> np.ndarray:
    """Chance of each size, (series, largest + 1); rows sum to 1, size 0 has none.

    cut: as `cut_short` gives it. class_of (series,) codes; fullest (series,) most units the shelf ever held.
    """
    count = len(class_of)
    cap = np.maximum(np.floor(ASK_RATIO * fullest + 0.5), 1).astype(np.int64)
    most = int(max(contracts.units.max(initial=1), cap.max(initial=1)))
    np.maximum.at(cap, contracts.series, contracts.units)
    exact, more = np.zeros((count, most + 1)), np.zeros((count, most + 1))
    np.add.at(exact, (contracts.series, contracts.units), 1 - cut)
    np.add.at(more, (contracts.series, contracts.units), cut)
    found = [_centres(exact, more, cap, spread, class_of, fullest) for spread in SPREADS]
    best = int(np.argmax([score for score, _ in found]))
    with np.errstate(divide="ignore"):
        below = ndtr((np.log(np.arange(most + 1.0)) - found[best][1][:, None]) / SPREADS[best])
    below[np.arange(most + 1) >= cap[:, None]] = 1.0
    return np.diff(below, axis=1, prepend=0.0)


def _centres(
    exact: np.ndarray, more: np.ndarray, cap: np.ndarray, spread: float, class_of: np.ndarray, fullest: np.ndarray
) -> tuple[float, np.ndarray]:  # fmt: skip
    """Log posterior and each shelf's most likely centre, for one spread."""
    log_chance, log_more = _tables(spread, exact.shape[1] - 1)
    count = len(exact)
    likelihood = exact @ log_chance + more @ log_more
    # at the cap a size stands for itself and everything beyond
    likelihood += exact[np.arange(count), cap][:, None] * (log_more[cap - 1] - log_chance[cap])
    seen = (exact + more).sum(axis=1)
    weight = seen / (seen + NEW_SHELF_CONTRACTS)
    design = np.stack([np.ones(count), np.log(np.maximum(fullest, 1.0))], axis=1)
    weighted = design * weight[:, None]
    usual = np.ones(count)
    for _ in range(6):
        posterior = likelihood - 0.5 * ((CENTRES - usual[:, None]) / SHELF_SPREAD) ** 2
        centre = CENTRES[posterior.argmax(axis=1)]
        line = design @ np.linalg.solve(weighted.T @ design + 1e-6 * np.eye(2), weighted.T @ centre)
        apart = np.bincount(class_of, (centre - line) * weight) / (np.bincount(class_of, weight) + NEW_CLASS_SHELVES)
        usual = line + apart[class_of]
    posterior = likelihood - 0.5 * ((CENTRES - usual[:, None]) / SHELF_SPREAD) ** 2
    return float(posterior.max(axis=1).sum()), CENTRES[posterior.argmax(axis=1)]


def _tables(spread: float, most: int) -> tuple[np.ndarray, np.ndarray]:
    """log P(size = q) and log P(size > q) for q = 0 … most at every candidate centre."""
    with np.errstate(divide="ignore"):
        z = (np.log(np.arange(most + 1.0))[:, None] - CENTRES) / spread
    chance = np.diff(ndtr(z), axis=0, prepend=0.0)
    return np.log(np.maximum(chance, 1e-12)), np.maximum(log_ndtr(-z), LEAST_LOG)
