"""What does Kaplan–Meier say, that looks at nothing but age? The yardstick every covariate must beat."""

from __future__ import annotations

import numpy as np

from rfid3_maintenance.evaluation import kaplan_meier
from rfid3_maintenance.evaluation.contender import Contender, Question, Told
from rfid3_maintenance.model import Landmarks

NAME = "Kaplan–Meier"


def lives(given: Landmarks) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(entry, exit, event) of each life in ages: its first landmark, its end, and how it ended."""
    end = np.round(given.at_days + given.after_days, 6)
    _, place = np.unique(np.column_stack([given.unit.astype(float), end]), axis=0, return_inverse=True)
    place = place.ravel()
    count = int(place.max()) + 1
    entry, leave, event = np.full(count, np.inf), np.zeros(count), np.zeros(count, dtype=bool)
    np.minimum.at(entry, place, given.at_days)
    np.maximum.at(leave, place, end)
    np.logical_or.at(event, place, given.event)
    return entry, leave, event


def _answer(asked: Question) -> Told:
    rows, grid = len(asked.test), np.array(asked.grid)
    if asked.reading == "single":
        return Told(np.repeat(1.0 - np.full((1, 1), asked.train.event.mean()), rows, axis=0) ** grid)
    entry, leave, event = lives(asked.train)
    steps = kaplan_meier.estimate(leave, event, entry)
    now = steps.at(asked.test.at_days)[:, None]
    later = steps.at((asked.test.at_days[:, None] + grid[None, :]).ravel()).reshape(rows, -1)
    # beyond the age at which the last one failed nobody is known to run: the curve stays at 0
    return Told(np.divide(later, now, out=np.zeros_like(later), where=now > 0))


KAPLAN_MEIER = Contender(NAME, "peer", _answer)
