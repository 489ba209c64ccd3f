"""Which levels of the told curve hold 80 % of what happens? Chosen on curves told of units that were held out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rfid3_maintenance.model import Landmarks
from rfid3_maintenance.model.scoring import kaplan_meier
from rfid3_maintenance.unit_history import aged

RUL_LEVELS = (0.1, 0.5, 0.9)
LEAST_UNITS = 20
"""With fewer units that failed the told levels stand: a tenth of them would be one or two."""
GRID = np.linspace(0.01, 0.99, 99)
LOWER, UPPER = (0.02, 0.3), (0.7, 0.98)
"""How far a level may be moved: beyond, the curve itself would be wrong."""


def of_held(held: np.ndarray | None, cuts: Sequence[float], given: Landmarks) -> tuple[float, float, float]:
    """(lower, median, upper) levels at which to read a curve so that a tenth of the units end before and a tenth after.

    held: (rows, cuts) survival told of each row while its unit was held out; None leaves the levels as they are. What a curve had
    told by the moment of the event would be even in [0, 1] were it right; its distribution (Kaplan–Meier where sight ended first)
    says which told level is a tenth in truth. The median stays.
    """
    if held is None or len(np.unique(given.unit[given.event])) < LEAST_UNITS:
        return RUL_LEVELS
    last = float(cuts[-1])
    after, event = np.minimum(given.after_days, last), given.event & (given.after_days <= last)
    told = aged.told_by(held, cuts, after)
    share = 1.0 - kaplan_meier(told, event, given.weights(), GRID)
    lower = float(np.interp(RUL_LEVELS[0], share, GRID))
    upper = float(np.interp(RUL_LEVELS[2], share, GRID))
    return float(np.clip(lower, *LOWER)), RUL_LEVELS[1], float(np.clip(upper, *UPPER))
