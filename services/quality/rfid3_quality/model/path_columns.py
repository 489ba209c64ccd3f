"""Which further columns of a history tell how fast its units wear? Chosen out of sample inside the history; what does not help is left out.

A column counts by its mean over a unit's known readings, standardised over units: b, the unit's pace, moves with it in a straight line.
A column is taken when later readings of units that were left out, foretold from their first readings and from half of their records, are
foretold better with it than without, by more than chance among so many columns would bring (5 %, one-sided, shared among the columns).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from rfid3_quality.model import path_population
from rfid3_quality.model.path_check import eligible, errors, folds, half
from rfid3_quality.model.path_forms import Form, forms

LEAST_UNITS = 8
"""Fewer units that can be asked say nothing of a column."""
MOST_COLUMNS, FARTHEST, CHANCE = 3, 3.0, 0.05
EARLY = 3
"""Readings after which a unit is asked for the first time."""


@dataclass(frozen=True)
class Columns:
    """Columns that are used, by place, and how their unit means are standardised; gain: log score a later reading is foretold better."""

    places: tuple[int, ...] = ()
    centre: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    gain: float = 0.0
    asked: int = 0
    """Units on which columns were tried; 0: too few."""

    def of(self, x: np.ndarray) -> np.ndarray:
        """(columns,) of a unit with readings (n, all columns): 0 is the mean unit, and one of which nothing is known."""
        off = (_mean(x)[list(self.places)] - np.array(self.centre)) / np.array(self.scale)
        return np.where(np.isfinite(off), np.clip(off, -FARTHEST, FARTHEST), 0.0)


NO_COLUMNS = Columns()
"""None given, or too few units to tell whether any helps."""


def standardised(places: tuple[int, ...], x: Sequence[np.ndarray], gain: float = 0.0, asked: int = 0) -> Columns:
    """These columns by the units given."""
    if not places:
        return Columns(gain=gain, asked=asked)
    means = np.array([_mean(part)[list(places)] for part in x])
    known = np.isfinite(means)
    count = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, means, 0.0).sum(axis=0) / count
    scale = np.sqrt(np.where(known, (means - centre) ** 2, 0.0).sum(axis=0) / count)
    return Columns(places, tuple(centre.tolist()), tuple(np.where(scale > 0, scale, 1.0).tolist()), gain, asked)


def chosen(name: str, s: Sequence[np.ndarray], y: Sequence[np.ndarray], x: Sequence[np.ndarray]) -> Columns:
    """The columns that help the form so named, most helpful first; none where there are none or too few units to tell."""
    count, asked = x[0].shape[1], len(eligible(y))
    if not count or asked < LEAST_UNITS:
        return NO_COLUMNS
    varied = [place for place in range(count) if len({mean for part in x if np.isfinite(mean := _mean(part)[place])}) > 1]
    level = NormalDist().inv_cdf(1 - CHANCE / max(len(varied), 1))
    used: tuple[int, ...] = ()
    before, gain = _scores(name, s, y, x, used), 0.0
    while varied and len(used) < MOST_COLUMNS:
        tried = {place: _scores(name, s, y, x, (*used, place)) for place in varied if place not in used}
        better = {place: after - before for place, after in tried.items()}
        sure = {place: _in_errors(each) for place, each in better.items()}
        best = max(sure, key=lambda place: sure[place], default=None)
        if best is None or sure[best] <= level:
            break
        used, before, gain = (*used, best), tried[best], gain + float(better[best].mean())
    return standardised(used, x, gain, asked)


def _scores(
    name: str, s: Sequence[np.ndarray], y: Sequence[np.ndarray], x: Sequence[np.ndarray], places: tuple[int, ...]
) -> np.ndarray:
    """(asked units,) mean log score of later readings, foretold with these columns from first readings and from half of the record."""
    found: dict[int, list[float]] = {}
    cuts: tuple[Callable[[np.ndarray], int], ...] = (half, lambda at: EARLY)
    for cut_at in cuts:
        for fold in folds(s, y, x, cut_at):
            columns = standardised(places, fold.x)
            z = [columns.of(part) for part in fold.x]
            population = path_population.fit(_form(name, fold.s, fold.y), fold.s, fold.y, z)
            for k in fold.asked:
                found.setdefault(k, []).append(float(np.mean(errors(population, s[k], y[k], fold.cut[k], z[k])[0])))
    return np.array([np.mean(found[k]) for k in sorted(found)])


def _form(name: str, s: Sequence[np.ndarray], y: Sequence[np.ndarray]) -> Form:
    """The form so named as these records tell it; a straight line where they tell of no such form."""
    known = forms(s, y)
    return next((form for form in known if form.name == name), known[0])


def _in_errors(better: np.ndarray) -> float:
    """The mean gain in standard errors."""
    error = float(better.std(ddof=1)) / np.sqrt(len(better))
    return float(better.mean()) / error if error > 0 else 0.0


def _mean(x: np.ndarray) -> np.ndarray:
    """(columns,) mean over the readings that are known; NaN where none is."""
    known = np.isfinite(x)
    count = known.sum(axis=0)
    return np.where(count > 0, np.where(known, x, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan)
