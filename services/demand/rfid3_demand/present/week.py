"""What is still to come of the week in progress? Shares, what has left, what is booked, and causes. Pure."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

import numpy as np

from rfid3_shared.clock import week_start

DAY_S = 86_400
Total = Callable[[np.ndarray], np.ndarray]
"""Sums values of class-in-store series, (n, …), over those below each node, (nodes, …)."""


def first_week(moment: datetime) -> tuple[date, bool]:
    """The Monday of the week that answers begin with at a moment (naive shop time), and whether that week has begun.

    A Sunday's last second closes its week: what is still to come begins with the next one.
    """
    monday = week_start((moment + timedelta(seconds=1)).date())
    return monday, monday <= moment.date()


def share_ahead(moment: datetime, weekday_shares: Sequence[float], hour_shares: Sequence[float]) -> float:
    """Share of a usual week's units that leave after the moment (naive shop time); within an hour evenly."""
    day, second = moment.weekday(), (moment - datetime.combine(moment.date(), datetime.min.time())).total_seconds()
    hour, passed = (24, 0.0) if second >= DAY_S - 1 else divmod(second, 3600)
    ahead = float(sum(hour_shares[int(hour) :]))
    if passed:
        ahead -= passed / 3600 * hour_shares[int(hour)]
    return float(sum(weekday_shares[day + 1 :])) + weekday_shares[day] * max(ahead, 0.0)


def days_ahead(moment: datetime) -> float:
    """Days from the moment (naive shop time) to the end of the week that answers begin with; 7 when that has not begun."""
    end = datetime.combine(first_week(moment)[0], datetime.min.time()) + timedelta(days=7)
    # a day that is over ends with its last second
    return min((end - moment - timedelta(seconds=1)) / timedelta(days=1), 7.0)


def split_week(
    units_so_far: np.ndarray, share_ahead: float, mean: np.ndarray, quantiles: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The week in progress: what has left already plus the share of the week still ahead.

    units_so_far (n,), mean (n,), quantiles (n, Q). The mean is linear, so hierarchies still add up. The spread shrinks with
    the square root of the share, as for independent arrivals; that is never narrower than a negative binomial's.
    """
    ahead = share_ahead * mean
    spread = np.sqrt(share_ahead) * (quantiles - mean[:, None])
    bounded = np.maximum(units_so_far[:, None], units_so_far[:, None] + ahead[:, None] + spread)
    return units_so_far + ahead, np.maximum.accumulate(bounded, axis=1)


def certain(booked: np.ndarray, lost_share: float) -> np.ndarray:
    """Whole units of those on contracts that will leave at least; 0 where nothing is known of contracts."""
    return np.asarray(np.floor(np.nan_to_num(booked) * (1.0 - lost_share) + 1e-9))


def short_of(floor: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Units that the mean of a class-in-store series lacks to reach its floor, (n,); 0 where there is no mean."""
    return np.asarray(np.maximum(floor - np.nan_to_num(mean), 0.0) * np.isfinite(mean))


def lifted(
    total: Total, mean: np.ndarray, quantiles: np.ndarray, short: np.ndarray, floor: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean (nodes,) and quantiles (nodes, Q) with what is certain; short, floor: of the class-in-store series, (n,)."""
    return mean + total(short), np.maximum(quantiles, total(floor)[:, None])


def told_apart(causes: np.ndarray, still_ahead: np.ndarray, level: int) -> np.ndarray:
    """Units by cause, (causes, nodes), that sum to the units still ahead, (nodes,), in the proportions they had.

    level: the cause that bears what no cause explains.
    """
    whole = causes.sum(axis=0)
    some = np.abs(whole) > 1e-9
    scaled = causes * np.where(some, still_ahead / np.where(some, whole, 1.0), 0.0)
    scaled[level] += np.where(some, 0.0, still_ahead)
    return np.asarray(scaled)
