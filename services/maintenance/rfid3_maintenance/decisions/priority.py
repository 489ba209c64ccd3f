"""How urgent is a service? By the dollars it avoids and the days left; the healthiest item never ranks highest."""

from typing import Literal

import numpy as np

from rfid3_maintenance.decisions.service_moment import Moment

Priority = Literal["low", "medium", "high", "critical"]
PRIORITIES: tuple[Priority, ...] = ("low", "medium", "high", "critical")
BOUNDS: tuple[tuple[float, float], ...] = ((50.0, 90.0), (250.0, 30.0), (1000.0, 7.0))
"""For medium, high and critical: at least so many dollars avoided, and the best day at most so many days away. The days are the suite's
horizons; $1,000 is the amount from which a person must approve. Each bound lies inside the one before: more dollars or less time
never lower a priority."""


def priorities(moment: Moment, bounds: tuple[tuple[float, float], ...] = BOUNDS) -> np.ndarray:
    """Positions in PRIORITIES, (rows,) int8; low where no service pays."""
    days = np.where(np.isnan(moment.day_days), np.inf, moment.day_days)
    found = np.zeros(len(days), np.int8)
    for usd, most in bounds:
        found += (moment.avoided_usd >= usd) & (days <= most)
    return found


def ranked(moment: Moment) -> np.ndarray:
    """Row numbers, first things first: priority, then dollars avoided, then dollars at stake, then days left, then row."""
    days = np.where(np.isnan(moment.day_days), np.inf, moment.day_days)
    return np.lexsort((days, -moment.at_stake_usd, -moment.avoided_usd, -priorities(moment)))
