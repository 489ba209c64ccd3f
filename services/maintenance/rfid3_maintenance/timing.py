"""When is each item best serviced, the season kept out of it? Calendar curves in, calendar days out; decided in busy days. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np

from rfid3_maintenance.decisions.busy_time import busy_days, calendar_days, in_busy_days
from rfid3_maintenance.decisions.costs import Costs
from rfid3_maintenance.decisions.curve import median_days
from rfid3_maintenance.decisions.doubts import Curves, Known, ends
from rfid3_maintenance.decisions.service_moment import HORIZON_DAYS, Moment, avoided_by_day_usd, avoided_on_day_usd, best_moment

FRESH_DAYS = 14
"""Data no older than this are spoken of as of today; older ones as of their own end, as an export of last year is."""


def first_day(as_of: date, today: date) -> date:
    """The day on which plans begin, and before which nothing is advised. as_of: the data's last day."""
    return today if 0 <= (today - as_of).days <= FRESH_DAYS else as_of


def best_in_season(
    known: Known, cuts_days: Sequence[float], costs: Costs, even: np.ndarray, *, horizon_days: float = HORIZON_DAYS
) -> Moment:  # fmt: skip
    """The best moment of each item, with the interval of what it avoids. even: (rows, cuts) of `busy_time.even_days`."""
    wear, renewed = known.curves()
    found = best_moment(
        in_busy_days(wear, even, cuts_days), in_busy_days(renewed, even, cuts_days), cuts_days, costs, horizon_days=horizon_days
    )  # fmt: skip
    paying = np.flatnonzero(found.avoided_usd > 0)
    lower, upper = found.avoided_usd.copy(), found.avoided_usd.copy()
    days, horizon = found.day_days[paying], found.horizon_days
    below, above = _off_by(known.of(paying), days, cuts_days, costs.of(paying), even[paying], horizon)
    lower[paying], upper[paying] = lower[paying] - below, upper[paying] + above
    failing = median_days(wear, cuts_days)
    return replace(
        found, day_days=calendar_days(found.day_days, even, cuts_days), avoided_lower_usd=lower, avoided_upper_usd=upper,
        failure_days=np.where(failing <= horizon, failing, np.nan),
    )  # fmt: skip


def _off_by(
    known: Known, days: np.ndarray, cuts_days: Sequence[float], costs: Costs, even: np.ndarray, horizon_days: float
) -> tuple[np.ndarray, np.ndarray]:
    """(rows,) dollars by which a service on its busy day may avoid less, and more, at the ends of an 80 % interval; 0 or more."""

    def avoided(curves: Curves) -> np.ndarray:
        wear, renewed = (in_busy_days(one, even, cuts_days) for one in curves)
        return avoided_on_day_usd(days, wear, renewed, cuts_days, costs, horizon_days=horizon_days)

    middle = avoided(known.curves())
    below, above = np.zeros(len(days)), np.zeros(len(days))
    for pair in ends(known):
        off = np.stack([avoided(curves) - middle for curves in pair])
        below += np.maximum(-off.min(axis=0), 0.0) ** 2
        above += np.maximum(off.max(axis=0), 0.0) ** 2
    return np.sqrt(below), np.sqrt(above)


def avoided_on_days(
    wear: np.ndarray, renewed: np.ndarray, cuts_days: Sequence[float], costs: Costs, days: int, even: np.ndarray
) -> np.ndarray:
    """(rows, days) what a service on calendar day 0, 1, … avoids over a year: the crew's input."""
    passed = busy_days(np.arange(days, dtype=float), even, cuts_days)
    most = int(np.ceil(passed.max(initial=0.0))) + 2
    by_day = avoided_by_day_usd(
        in_busy_days(wear, even, cuts_days), in_busy_days(renewed, even, cuts_days), cuts_days, costs, most
    )
    below = passed.astype(int)
    low, high = (np.take_along_axis(by_day, at, axis=1) for at in (below, below + 1))
    return np.asarray(low + (passed - below) * (high - low))
