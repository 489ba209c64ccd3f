"""How well are later readings of units foretold from earlier ones, inside the history given? A third of the units is cut at a time."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rfid3_quality.model.path_population import Population

FOLDS = 3
CHECKS = 4
LEAST_TO_CHECK = 6
MOST_CHECKED = 60


@dataclass(frozen=True)
class Fold:
    """Units that are asked, where each is cut, and what is known: their records up to there and the others' whole ones."""

    asked: list[int]
    cut: dict[int, int]
    s: list[np.ndarray]
    y: list[np.ndarray]
    x: list[np.ndarray]


def eligible(y: Sequence[np.ndarray]) -> list[int]:
    """Units with readings enough to be cut, at most MOST_CHECKED, evenly picked."""
    enough = [k for k in range(len(y)) if len(y[k]) >= LEAST_TO_CHECK]
    spaced = np.linspace(0, len(enough) - 1, min(len(enough), MOST_CHECKED))
    return [enough[int(place)] for place in spaced]


def half(s: np.ndarray) -> int:
    """The first reading after half of a record's time, at least the fourth."""
    return max(int(np.searchsorted(s, s[-1] / 2, side="right")), 3)


def folds(
    s: Sequence[np.ndarray], y: Sequence[np.ndarray], x: Sequence[np.ndarray], cut_at: Callable[[np.ndarray], int] = half
) -> Iterator[Fold]:
    """Each third of the eligible units, cut at the reading so numbered."""
    some = eligible(y)
    for fold in range(min(FOLDS, len(some))):
        asked = some[fold::FOLDS]
        cut = {k: cut_at(s[k]) for k in asked}
        yield Fold(asked, cut, *([part[: cut[k]] if k in cut else part for k, part in enumerate(parts)] for parts in (s, y, x)))


def errors(population: Population, s: np.ndarray, y: np.ndarray, cut: int, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Log scores and standardised errors of some later readings, evenly picked, foretold from those before the cut."""
    asked = np.unique(np.linspace(cut, len(s) - 1, CHECKS).round().astype(int))
    ahead = population.ahead(s[:cut], y[:cut], s[asked], z)
    whole = np.sqrt(ahead.sd**2 + population.deviations[0] ** 2)
    off = (y[asked] - ahead.mean) / whole
    # A student's tail with four degrees of freedom: one reading far off does not decide between forms.
    return -2.5 * np.log1p(off**2 / 4) - np.log(whole), off
