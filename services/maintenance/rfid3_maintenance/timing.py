"""When is each item best serviced, the season kept out of it? Calendar curves in, calendar days out; decided in busy days. Pure."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from rfid3_maintenance.decisions.busy_time import busy_days, calendar_days, in_busy_days
from rfid3_maintenance.decisions.costs import Costs
from rfid3_maintenance.decisions.curve import median_days
from rfid3_maintenance.decisions.service_moment import HORIZON_DAYS, Moment, avoided_by_day_usd, best_moment


def best_in_season(
    wear: np.ndarray, renewed: np.ndarray, cuts_days: Sequence[float], costs: Costs, even: np.ndarray, *,
    horizon_days: float = HORIZON_DAYS,
) -> Moment:  # fmt: skip
    """The best moment of each item. wear, renewed: (rows, cuts) in calendar days; even: (rows, cuts) of `busy_time.even_days`."""
    found = best_moment(
        in_busy_days(wear, even, cuts_days), in_busy_days(renewed, even, cuts_days), cuts_days, costs, horizon_days=horizon_days
    )  # fmt: skip
    failing = median_days(wear, cuts_days)
    return replace(
        found, day_days=calendar_days(found.day_days, even, cuts_days),
        failure_days=np.where(failing <= found.horizon_days, failing, np.nan),
    )  # fmt: skip


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
