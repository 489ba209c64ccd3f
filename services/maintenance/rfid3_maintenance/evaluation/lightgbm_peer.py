"""What does LightGBM with its defaults say: a classifier for each horizon, a regression for the remaining time?

As is usual, rows lost from sight before a horizon are left out of its classifier, and units that did not fail out of the regression.
"""

from __future__ import annotations

import numpy as np

from rfid3_maintenance.evaluation.contender import Contender, Question, Told
from rfid3_maintenance.model import timeline
from rfid3_maintenance.unit_history.alerts import known_by
from rfid3_shared.lean_lightgbm import lightgbm_here

NAME = "LightGBM"
PLAIN = {"num_threads": 2, "verbosity": -1, "deterministic": True}


def _answer(asked: Question) -> Told:
    chances = np.column_stack([_chance(asked, horizon) for horizon in asked.horizons])
    chances = np.maximum.accumulate(np.clip(chances, 0.0, 1.0 - 1e-9), axis=1)
    survival = 1.0 - timeline(1.0 - chances, asked.horizons, asked.grid)
    if asked.reading == "single":
        return Told(survival)
    days = _remaining(asked)
    return Told(survival, None if days is None else np.column_stack([days] * 3), days, no_interval=True)


def _chance(asked: Question, horizon: float) -> np.ndarray:
    lightgbm = lightgbm_here()
    known, failed = known_by(asked.train.after_days, asked.train.event, horizon)
    y = failed[known].astype(float)
    if not 0 < y.sum() < len(y):
        return np.full(len(asked.test), float(y.mean()) if len(y) else 0.0)
    data = lightgbm.Dataset(asked.train.x[known], y)
    return np.asarray(lightgbm.train({**PLAIN, "objective": "binary"}, data).predict(asked.test.x))


def _remaining(asked: Question) -> np.ndarray | None:
    lightgbm = lightgbm_here()
    rows = asked.train.event
    if not rows.any():
        return None
    limit = np.inf if asked.cap is None else asked.cap
    data = lightgbm.Dataset(asked.train.x[rows], np.minimum(asked.train.after_days[rows], limit))
    told = lightgbm.train({**PLAIN, "objective": "l2"}, data).predict(asked.test.x)
    return np.asarray(np.maximum(told, 0.0))


LIGHTGBM = Contender(NAME, "peer", _answer, needs="lightgbm")
