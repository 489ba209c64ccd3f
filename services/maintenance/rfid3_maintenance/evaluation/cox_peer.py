"""What does Cox's proportional hazards model say (lifelines, values that change in time)? Current values, carried forward.

pandas is allowed here and nowhere else in the service: lifelines speaks nothing else.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from rfid3_maintenance.evaluation.contender import Contender, Question, Told
from rfid3_maintenance.model import Landmarks

NAME = "Cox"
PENALTIES = (0.0, 0.01, 0.1, 1.0)
"""Tried in turn until Newton's method converges: collinear columns need some."""


def _answer(asked: Question) -> Told:
    columns = [k for k, name in enumerate(asked.train.names) if name != "t" and ":" not in name]
    middle = np.nanmedian(asked.train.x[:, columns], axis=0) if columns else np.zeros(0)
    train, test = (_filled(part.x[:, columns].astype(float), middle) for part in (asked.train, asked.test))
    centre, spread = train.mean(axis=0), train.std(axis=0)
    kept = spread > 1e-9
    train, test = ((part[:, kept] - centre[kept]) / spread[kept] for part in (train, test))
    fitter, penalty = _fit(train, asked.train)
    hazard = fitter.baseline_cumulative_hazard_
    times, total = hazard.index.to_numpy(dtype=float), hazard.iloc[:, 0].to_numpy(dtype=float)
    beta = fitter.params_.to_numpy(dtype=float)
    # lifelines centres at the means of its frame, which are 0 here
    risk = np.exp(np.clip(test @ beta, -30, 30))
    rows, grid = len(test), np.array(asked.grid)

    def at(ages: np.ndarray) -> np.ndarray:
        return np.concatenate([[0.0], total])[np.searchsorted(times, ages, side="right")]

    now = at(asked.test.at_days)[:, None]
    later = at((asked.test.at_days[:, None] + grid).ravel()).reshape(rows, -1)
    return Told(np.exp(-(later - now) * risk[:, None]), basis=f"{int(kept.sum())} columns, penalty {penalty:g}")


def _fit(x: np.ndarray, given: Landmarks) -> tuple[Any, float]:
    """The fitted model; each landmark's values hold until the unit's next one."""
    import pandas as pd
    from lifelines import CoxTimeVaryingFitter
    from lifelines.exceptions import ConvergenceError

    order = np.lexsort((given.at_days, given.unit))
    end = given.at_days + given.after_days
    unit, start, stop, event = given.unit[order], given.at_days[order], end[order], given.event[order].copy()
    goes_on = np.append((unit[1:] == unit[:-1]) & (np.abs(stop[1:] - stop[:-1]) < 1e-6), False)
    stop = np.where(goes_on, np.append(start[1:], 0.0), stop)
    event &= ~goes_on
    frame = pd.DataFrame(x[order], columns=[f"x{k}" for k in range(x.shape[1])])
    frame = frame.assign(id=unit, start=start, stop=stop, event=event)
    fault: Exception | None = None
    for penalty in PENALTIES:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                return CoxTimeVaryingFitter(penalizer=penalty).fit(
                    frame, id_col="id", event_col="event", start_col="start", stop_col="stop"
                ), penalty
        except (ConvergenceError, ValueError, np.linalg.LinAlgError) as error:
            fault = error
    raise ValueError(f"Cox did not converge: {fault}")


def _filled(x: np.ndarray, middle: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(x), x, np.where(np.isfinite(middle), middle, 0.0))


COX = Contender(NAME, "peer", _answer, needs="lifelines", readings=("course", "lives"))
