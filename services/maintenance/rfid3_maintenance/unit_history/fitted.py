"""What is learned from one history, and what does it say of other rows? One fit, its alert threshold, and its answers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from rfid3_maintenance.model import Hazard, Landmarks
from rfid3_maintenance.model.choice import fit_and_hold
from rfid3_maintenance.model.prior import ignorance
from rfid3_maintenance.unit_history import aged, alerts, landmarks, levels
from rfid3_maintenance.unit_history.alerts import Alert
from rfid3_maintenance.unit_history.landmarks import Asked, Reading
from rfid3_maintenance.unit_history.recipe import Recipe, learn
from rfid3_maintenance.unit_history.table import UnitTable
from rfid3_shared.errors import InsufficientData

ALERT_FOLDS = 3
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Foresight:
    """What is said of rows asked about."""

    probability: np.ndarray
    """(rows, horizons), never decreasing."""
    rul: np.ndarray
    """(rows, 3): lower, median, upper of the remaining time, 80 %; NaN where there is no course of time."""
    extended: np.ndarray
    """(rows, 3) bool: beyond the longest stretch ever seen; the last hazard is carried on."""
    alert: np.ndarray | None
    """(rows,) bool; None where no threshold could be chosen."""


@dataclass(frozen=True)
class Fitted:
    """A hazard with all that is needed to ask it."""

    recipe: Recipe
    reading: Reading
    hazard: Hazard
    cuts: tuple[float, ...]
    alert: Alert
    rows: int
    levels: tuple[float, float, float]
    """Of the told curve, at which lower, median and upper remaining time are read."""

    def foresee(self, table: UnitTable, rows: np.ndarray, horizons: Sequence[float]) -> Foresight:
        """Chances and remaining time of these rows of a table; the rows before them in their life are their past."""
        x = self.recipe.features(table)[rows]
        at, came = _asked_at(self.reading, table.t[rows])
        survival = self.hazard.survival(x, np.full(len(rows), -1, dtype=np.int32), at)
        chance = aged.chances(survival, self.cuts, came, horizons)
        at_alert = aged.chances(survival, self.cuts, came, [self.alert.horizon])[:, 0]
        told = None if self.alert.threshold is None else at_alert >= self.alert.threshold
        if self.reading == "single":
            nothing = np.full((len(rows), 3), np.nan)
            return Foresight(chance, nothing, np.zeros((len(rows), 3), dtype=bool), told)
        return Foresight(chance, *aged.remaining(survival, self.cuts, came, self.levels), told)


def _asked_at(reading: Reading, t: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(age at the landmark, how far beyond it): whole lives are told from their beginning, courses from the present row."""
    if reading == "lives":
        return np.zeros(len(t)), np.maximum(t, 0.0)
    return (np.full(len(t), np.nan) if reading == "single" else t), np.zeros(len(t))


def fit(
    history: UnitTable,
    horizons: Sequence[float],
    *,
    reading: Reading | None = None,
    rolling_past: bool = True,
    costs: tuple[float, float] | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """Learn from a history; the alert threshold for the shortest horizon is chosen on chances cross-fitted by unit.

    Raises InsufficientData where no unit is seen for any time.
    """
    kind = reading or landmarks.reading_of(history, horizons)
    recipe = learn(history, rolling_past=rolling_past and kind == "course", paired=kind == "single")
    given = landmarks.build(history, recipe, kind, landmarks.enough_for(history))
    if not len(given):
        raise InsufficientData(
            f"{history.source}: no unit is seen at two moments, so nothing is known of what came after any.",
            missing="units with at least two rows, or one row and t > 0",
        )
    asked = (landmarks.STEP,) if kind == "single" else tuple(horizons)
    return fit_landmarks(given, recipe, kind, asked, costs=costs, progress=progress)


def fit_landmarks(
    given: Landmarks,
    recipe: Recipe,
    kind: Reading,
    horizons: Sequence[float],
    *,
    costs: tuple[float, float] | None = None,
    progress: Progress | None = None,
) -> Fitted:
    """The same from moments that are already built."""
    tell = progress or (lambda stage, done, total: None)
    cuts = landmarks.cuts_for(given, horizons)
    tell("learning", 0, 1)
    hazard, held = hazard_of(given, cuts)
    asked = landmarks.asked_later(given, kind)
    if held is None:
        chance = _crossfitted(given, asked, horizons, tell)
    else:
        chance = aged.chances(held[asked.row], cuts, asked.age, [min(horizons)])[:, 0]
    tell("learning", 1, 1)
    known, failed = alerts.known_by(given.after_days[asked.row] - asked.age, given.event[asked.row], min(horizons))
    known &= np.isfinite(chance)
    alert = alerts.choose(chance[known], failed[known], min(horizons), costs)
    return Fitted(recipe, kind, hazard, cuts, alert, len(given), levels.of_held(held, cuts, given))


def _crossfitted(given: Landmarks, asked: Asked, horizons: Sequence[float], tell: Progress) -> np.ndarray:
    """(asked,) chances within the shortest horizon from fits that had not seen the unit; NaN where none could be made."""
    fold = landmarks.folds_of(given, ALERT_FOLDS)
    chance = np.full(len(asked.row), np.nan)
    enough = given.event.any() and len(np.unique(given.unit)) >= ALERT_FOLDS
    for k in range(ALERT_FOLDS if enough else 0):
        tell("choosing alerts", k, ALERT_FOLDS)
        inside, mine = given.take(fold != k), fold[asked.row] == k
        if inside.event.any():
            held = given.take(fold == k)
            cuts = landmarks.cuts_for(inside, horizons)
            survival = hazard_of(inside, cuts)[0].survival(held.x, held.group, held.at_days)
            place = (np.cumsum(fold == k) - 1)[asked.row[mine]]
            chance[mine] = aged.chances(survival[place], cuts, asked.age[mine], [min(horizons)])[:, 0]
    return chance


def hazard_of(given: Landmarks, cuts: Sequence[float]) -> tuple[Hazard, np.ndarray | None]:
    """A hazard from moments, and the survival told of each while its unit was held out (None where none was).

    Without any event, ignorance and the time under sight are all there is.
    """
    return fit_and_hold(given, cuts, prior=None if given.event.any() else ignorance())
