"""When does each unit's score cross a threshold? Paths of a population, carried on, with an interval that is checked on the past.

Forms are weighed by how well they foretold later readings from earlier ones inside the history given: each unit's record is cut
at half, the population is fitted to the halves of a third of the units and the whole of the others, and the log score of what
came later counts once a unit. The width of the intervals is scaled by the same errors. For each unit the forms are weighed once more, by
how likely they make its own record. Nothing after a unit's last reading is seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rfid3_quality.model import path_population
from rfid3_quality.model.path_check import eligible, errors, folds
from rfid3_quality.model.path_columns import NO_COLUMNS, Columns, chosen
from rfid3_quality.model.path_forms import forms
from rfid3_quality.model.path_population import Population

LEAST_WEIGHT = 0.03
STRENGTH = 4.0
ALIKE = 0.25
"""Units of one population are wrong alike: the log scores of U of them count as those of U to the power of 1 less this."""
NARROWEST, WIDEST = 1.0, 3.0
REACH = 5.0
GRID = 240


@dataclass(frozen=True)
class Record:
    """One unit's readings: t ascending, any unit of time, the score at each, and further columns (n, columns), NaN = not known."""

    unit: str
    t: np.ndarray
    y: np.ndarray
    x: np.ndarray | None = None

    @property
    def columns(self) -> np.ndarray:
        """(n, columns), none where none were given."""
        return np.zeros((len(self.t), 0)) if self.x is None else self.x


@dataclass(frozen=True)
class Degradation:
    """Fitted populations with weights adding up to one, the width's scale, and the units of time and score."""

    parts: tuple[tuple[float, Population], ...]
    sign: float
    widening: float
    span: float
    level: float
    size: float
    checked: int
    columns: Columns = NO_COLUMNS

    def ahead(self, record: Record, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """A unit's path at times t as a mixture of normals: weights (K,), means and deviations (K, times), in the score's unit."""
        s, y = (record.t - record.t[0]) / self.span, (record.y - self.level) / self.size
        at, z = (np.asarray(t, dtype=float) - record.t[0]) / self.span, self.columns.of(record.columns)
        paths = [part.ahead(s, y, at, z) for _, part in self.parts]
        # Bayes: what a form counts for this unit is its weight times how likely it makes the unit's own record
        evidence = np.array([path.log_evidence for path in paths])
        shares = np.array([weight for weight, _ in self.parts]) * np.exp(evidence - evidence.max())
        mixed = zip(shares / shares.sum(), paths, strict=True)
        found = [(share, path.widened(self.widening).by_slope(self.sign)) for share, path in mixed]
        weights = np.concatenate([share * weight for share, (weight, _, _) in found])
        means = np.concatenate([mean for _, (_, mean, _) in found])
        sds = np.concatenate([sd for _, (_, _, sd) in found])
        return weights, means * self.size + self.level, sds * self.size

    @property
    def weights(self) -> dict[str, float]:
        """What each form counts, heaviest first."""
        return {part.form.name: round(weight, 3) for weight, part in sorted(self.parts, key=lambda pair: -pair[0])}


def fit_degradation(records: Sequence[Record], sign: float = 0.0) -> Degradation:
    """The populations of these records; sign: −1 where wear lowers scores, 1 where it raises them, 0 unknown.

    Raises ValueError where there are none, or no unit has two readings.
    """
    usable = [record for record in records if len(record.t)]
    if all(len(record.t) < 2 for record in usable):
        raise ValueError("No unit has two readings at different times.")
    span = max(float(record.t[-1] - record.t[0]) for record in usable)
    level = float(np.median([record.y[0] for record in usable]))
    size = float(np.max(np.abs(np.concatenate([record.y - record.y[0] for record in usable])))) or 1.0
    s = [(record.t - record.t[0]) / span for record in usable]
    y = [(record.y - level) / size for record in usable]
    x = [record.columns for record in usable]
    scores, widening, checked = _weighed(s, y)
    columns = chosen(max(scores, key=lambda name: scores[name]), s, y, x) if scores else NO_COLUMNS
    z = [columns.of(part) for part in x]
    tried = [form for form in forms(s, y) if form.name in scores] if scores else forms(s, y)[:1]
    best = max(scores.values(), default=0.0)
    weights = np.array([form.prior * np.exp((scores.get(form.name, 0.0) - best) / max(checked, 1) ** ALIKE) for form in tried])
    weights = np.where(weights / weights.sum() >= LEAST_WEIGHT, weights, 0.0)
    parts = [
        (float(weight / weights.sum()), path_population.fit(form, s, y, z))
        for weight, form in zip(weights, tried, strict=True)
        if weight
    ]
    return Degradation(tuple(parts), sign, widening, span, level, size, checked, columns)


def _weighed(s: Sequence[np.ndarray], y: Sequence[np.ndarray]) -> tuple[dict[str, float], float, int]:
    """Log score of each form's forecasts inside the history, how much too narrow they were, and how many units were asked."""
    scores: dict[str, float] = {}
    squares: dict[str, list[float]] = {}
    for fold in folds(s, y, s):
        for form in forms(fold.s, fold.y):
            population = path_population.fit(form, fold.s, fold.y)
            for k in fold.asked:
                score, off = errors(population, s[k], y[k], fold.cut[k], path_population.NOTHING)
                scores[form.name] = scores.get(form.name, 0.0) + float(np.mean(score))
                squares.setdefault(form.name, []).append(float(np.mean(off**2)))
    asked = len(eligible(y))
    complete = {name: value for name, value in scores.items() if len(squares[name]) == asked}
    if not complete:
        return {}, 1.0, 0
    best = max(complete, key=lambda name: complete[name])
    squared = (STRENGTH + sum(squares[best])) / (STRENGTH + len(squares[best]))
    return complete, float(np.clip(np.sqrt(squared), NARROWEST, WIDEST)), asked
