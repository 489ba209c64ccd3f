"""From which moments is learned, and how long after each was the unit seen without failing?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rfid3_maintenance.model.landmarks import Landmarks
from rfid3_maintenance.unit_history.recipe import Recipe
from rfid3_maintenance.unit_history.table import UnitTable

Reading = Literal["course", "lives", "single"]
"""course: units told at several moments. lives: one row a unit, t is how long it lasted (or was seen), features hold from the
beginning. single: one row a unit without a course of time; the event is part of the observation, a horizon is one more such."""
AGES = (0.0, 0.2, 0.4, 0.6, 0.8)
"""Where one row tells a whole life: from these quantiles of the lives' lengths alerts are judged."""
STEP = 1.0
"""How long a single observation lasts."""
LEAST_MOMENTS, MOMENTS_A_UNIT = 8_000, 20
MOST_CUTS = 24
EVENTS_A_MOMENT, JUST_BEFORE = 5, 0.02
"""From so many events a moment on, moments are taken one by one; the interval before ends this share of their least distance earlier."""


def reading_of(table: UnitTable, horizons: Sequence[float]) -> Reading:
    """How the table is to be read; one row a unit whose t varies is a life, unless the only horizon is one step."""
    if not table.single:
        return "course"
    if not table.timed or np.ptp(table.t) == 0 or list(horizons) == [STEP]:
        return "single"
    return "lives"


def build(table: UnitTable, recipe: Recipe, reading: Reading, most: int | None = None) -> Landmarks:
    """Moments with what was known and what came after; the moment of the event itself teaches nothing and is left out.

    most: at most about so many, evenly picked within units (neighbouring rows of a unit tell nearly the same).
    """
    if reading == "single":
        rows = np.arange(len(table))
        return _landmarks(table, recipe, rows, np.full(len(table), np.nan), np.full(len(table), STEP), table.event)
    if reading == "lives":
        rows = np.flatnonzero(table.t > 0)
        return _landmarks(table, recipe, rows, np.zeros(len(table)), table.t, table.event)
    edges = table.life_starts()
    last = np.repeat(edges[1:] - 1, np.diff(edges))
    after = table.t[last] - table.t
    rows = np.flatnonzero(after > 0)
    if most is not None and len(rows) > most:
        stride = -(-len(rows) // most)
        place = np.arange(len(table)) - np.repeat(edges[:-1], np.diff(edges))
        rows = rows[(place[rows] + table.unit[rows]) % stride == 0]
    return _landmarks(table, recipe, rows, table.t, after, table.event[last])


def enough_for(table: UnitTable) -> int:
    """How many moments are learned from: beyond, neighbours of the same unit are left out, for they tell nearly the same."""
    return max(LEAST_MOMENTS, MOMENTS_A_UNIT * len(table.names))


def _landmarks(
    table: UnitTable, recipe: Recipe, rows: np.ndarray, at: np.ndarray, after: np.ndarray, event: np.ndarray
) -> Landmarks:
    x = recipe.features(table)[rows]
    none = np.full(len(rows), -1, dtype=np.int32)
    return Landmarks(x, recipe.names(), none, table.unit[rows].astype(np.int32), at[rows], after[rows], event[rows])


@dataclass(frozen=True)
class Asked:
    """Moments at which chances are judged: a landmark's row and how far beyond it."""

    row: np.ndarray
    age: np.ndarray


def asked_later(given: Landmarks, reading: Reading) -> Asked:
    """The landmarks themselves; of whole lives also later ages that they reached, for units asked about are of any age."""
    if reading != "lives":
        return Asked(np.arange(len(given)), np.zeros(len(given)))
    ages = np.unique([0.0, *np.quantile(given.after_days, AGES[1:])])
    row, place = np.nonzero(given.after_days[:, None] > ages[None, :])
    return Asked(row, ages[place])


def cuts_for(given: Landmarks, horizons: Sequence[float], most: int = MOST_CUTS) -> tuple[float, ...]:
    """Ends of the intervals in which chances are told: as many events in each, the horizons among them, none beyond what was seen.

    Where all events fall on few moments, an interval of its own holds each: between them nothing happens.
    """
    longest = float(given.after_days.max())
    told = given.after_days[given.event]
    longest = float(told.max()) if len(told) else longest
    asked = [h for h in horizons if h <= longest]
    moments = np.unique(told)
    if 1 < len(moments) <= most and len(told) >= EVENTS_A_MOMENT * len(moments):
        moment = JUST_BEFORE * float(np.diff(moments, prepend=0.0).min())
        return tuple(sorted({*moments.tolist(), *(moments - moment).tolist(), *asked, longest}))
    source = told if len(told) else given.after_days
    spread = np.unique(np.quantile(source, np.linspace(0, 1, most + 1)[1:], method="higher"))
    apart = [cut for cut in spread if not any(abs(cut - h) < 0.2 * h for h in asked)]
    return tuple(sorted({*apart, *asked, longest}))


def folds_of(given: Landmarks, folds: int) -> np.ndarray:
    """(rows,) fold of each row: units kept whole, those with an event and the long-lived dealt out evenly. No chance in it."""
    units, place = np.unique(given.unit, return_inverse=True)
    failed = np.zeros(len(units), dtype=bool)
    np.logical_or.at(failed, place, given.event)
    length = np.zeros(len(units))
    np.maximum.at(length, place, given.after_days)
    dealt = np.empty(len(units), dtype=np.int64)
    dealt[np.lexsort((units, length, failed))] = np.arange(len(units))
    return np.asarray((dealt % folds)[place])
