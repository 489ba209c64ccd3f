"""Is what we know still young enough to speak from? Ages of data and of features.

A shop that is closed on Sundays has no new data on Mondays: that is no fault. The limit is therefore the set one or the longest gap
that this shop's data usually has, whichever is longer. Pure; days are business days of the shop's calendar.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Literal

State = Literal["FRESH", "STALE", "MISSING"]


@dataclass(frozen=True)
class Freshness:
    """State of something with its age and limit in days; `age_days` is None when there is nothing."""

    state: State
    age_days: int | None
    limit_days: float


def usual_gap(days: Iterable[date]) -> int:
    """How long the steps from one day with data to the next usually grow, in days: the second longest; 0 without two steps.

    The longest of all may be an accident, and is no reason to wait as long the next time.
    """
    seen = sorted(set(days))
    steps = sorted((later - earlier).days for earlier, later in pairwise(seen))
    return steps[-2] if len(steps) > 1 else 0


def of_data(newest: date | None, today: date, *, limit_days: float, usual_gap_days: int = 0) -> Freshness:
    """The state of data whose last day is `newest`; a day in the future is as fresh as today."""
    limit = max(limit_days, float(usual_gap_days))
    if newest is None:
        return Freshness("MISSING", None, limit)
    age = max((today - newest).days, 0)
    return Freshness("STALE" if age > limit else "FRESH", age, limit)


def of_feature(moment: datetime | None, now: datetime, max_age: timedelta) -> State:
    """The state of a value that speaks of `moment`."""
    if moment is None:
        return "MISSING"
    return "STALE" if now - moment > max_age else "FRESH"
