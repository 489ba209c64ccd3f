"""How do a day's contracts add up? The compound Poisson law of units asked for, conditional on at least so many.

Contracts arrive as a Poisson process and each takes a lump of units. Panjer's recursion gives the chances of each total; what
follows from them is kept for each shelf and each number of units that ever emptied it, on a grid of rates, and read off between
the grid's points. Source: Panjer 1981; the number of contracts given a total by Palm's formula.
"""

from dataclasses import dataclass

import numpy as np

GRID = np.geomspace(1e-4, 40.0, 36)
"""Contracts a day."""
TINY = 1e-280


@dataclass(frozen=True)
class Tails:
    """Per (shelf, units s) pair and grid point, (pairs, grid): what is known when at least s units were asked for."""

    log_ratio: np.ndarray
    """log of P(D ≥ s) / P(D = s)."""
    excess: np.ndarray
    """E[D | D ≥ s] − s."""
    variance: np.ndarray
    """Var[D | D ≥ s]."""
    arrivals: np.ndarray
    """E[contracts | D ≥ s]."""

    def read(self, pair: np.ndarray, rate: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The four at these rates (contracts a day), linear between grid points of the log rate."""
        where = np.interp(np.log(np.maximum(rate, GRID[0])), np.log(GRID), np.arange(len(GRID)))
        low = np.minimum(where.astype(np.int64), len(GRID) - 2)
        part = where - low
        log_ratio, excess, variance, arrivals = (
            table[pair, low] * (1 - part) + table[pair, low + 1] * part
            for table in (self.log_ratio, self.excess, self.variance, self.arrivals)
        )
        return log_ratio, excess, variance, arrivals


def tails(sizes: np.ndarray, series: np.ndarray, units: np.ndarray) -> Tails:
    """Tables for pairs sorted by series. sizes: as `lumps.lump_sizes` gives them."""
    shape = (len(series), len(GRID))
    kept = [np.zeros(shape) for _ in range(4)]
    for one in np.unique(series):
        rows = np.flatnonzero(series == one)
        for table, values in zip(kept, _of_series(sizes[one], units[rows]), strict=True):
            table[rows] = values
    return Tails(*kept)


def totals(sizes: np.ndarray, most: int) -> np.ndarray:
    """P(D = k) for k = 0 … most, (most + 1, grid), by Panjer's recursion."""
    chance = np.zeros((most + 1, len(GRID)))
    chance[0] = np.exp(-GRID)
    weighted = sizes * np.arange(len(sizes))
    for k in range(1, most + 1):
        reach = min(k, len(sizes) - 1)
        chance[k] = GRID / k * (weighted[1 : reach + 1] @ chance[k - 1 :: -1][:reach])
    return chance


def _of_series(sizes: np.ndarray, units: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    most = int(units.max())
    chance = totals(sizes, most)
    k = np.arange(most + 1)[:, None]
    zero = np.zeros((1, len(GRID)))
    # sums over totals below s, for s = 0 … most + 1
    below, below_units, below_squares = (
        np.concatenate([zero, np.cumsum(power * chance, axis=0)]) for power in (np.ones_like(k), k, k**2)
    )
    lump = np.arange(len(sizes))
    mean, square = GRID * (sizes @ lump), GRID * (sizes @ lump**2)
    at_least = np.maximum(1 - below[units], TINY)
    first = (mean - below_units[units]) / at_least
    second = (square + mean**2 - below_squares[units]) / at_least
    # contracts: one of them has a size q, the others make up the rest
    arrivals = np.empty((len(units), len(GRID)))
    for at, s in enumerate(units.tolist()):
        reach = min(s, len(sizes) - 1)
        partial = sizes[1 : reach + 1] @ (1 - below[s - 1 :: -1][:reach]) if s else 0.0
        arrivals[at] = GRID * (partial + sizes[reach + 1 :].sum()) / at_least[at]
    log_ratio = np.log(at_least) - np.log(np.maximum(chance[units], TINY))
    s = units[:, None]
    return np.maximum(log_ratio, 0.0), np.maximum(first - s, 0.0), np.maximum(second - first**2, 0.0), arrivals
