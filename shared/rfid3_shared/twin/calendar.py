"""How strong is each kind of occasion on each day: season of the year, day of the week, holidays?

Pure; a day's factor depends on its date only. The shape is a real shop's: goods leave on Tuesday 28 %, Friday 25,
Wednesday 20, Thursday 19, Monday 6, weekend 1; June brings ten times January.
"""

from datetime import date, timedelta
from functools import lru_cache

import holidays
import numpy as np

from rfid3_shared.twin.catalogue import EVENTS
from rfid3_shared.twin.randomness import Array

WEEKDAY_SHARES = (6.0, 28.0, 20.0, 19.0, 25.0, 0.5, 0.5)
"""Share of departures by weekday, Monday first, in percent."""

MONTHS = {
    "wedding": (0.08, 0.12, 0.20, 0.45, 1.3, 2.3, 1.9, 2.2, 2.2, 1.0, 0.2, 0.15),
    "party": (0.20, 0.25, 0.35, 0.7, 1.3, 2.0, 2.1, 1.7, 1.2, 0.8, 0.5, 0.6),
    "corporate": (0.40, 0.50, 0.70, 0.9, 1.3, 1.5, 1.1, 1.2, 1.5, 1.2, 0.9, 1.0),
    "festival": (0.10, 0.15, 0.30, 0.6, 1.2, 2.1, 2.2, 2.3, 1.6, 0.9, 0.3, 0.2),
    "cold": (1.90, 1.70, 1.30, 0.9, 0.5, 0.2, 0.1, 0.1, 0.4, 1.1, 1.6, 2.2),
}
"""Strength of an occasion in the middle of each month, before scaling to a yearly mean of 1."""

GRADUATION_PEAK_DAY, GRADUATION_SPREAD_DAYS = 153, 13.0
"""Open houses: around the first days of June, most within four weeks."""

LONG_WEEKENDS = ("Memorial Day", "Independence Day", "Labor Day")


@lru_cache(maxsize=1)
def yearly_shapes() -> Array:
    """Strength of each occasion on each day of a leap year; rows as EVENTS, 366 columns, mean 1."""
    middles = np.cumsum([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30]) + 15.0
    days = np.arange(366.0)
    rows = []
    for event in EVENTS:
        if event == "graduation":
            shape = 0.02 + np.exp(-0.5 * ((days - GRADUATION_PEAK_DAY) / GRADUATION_SPREAD_DAYS) ** 2)
        else:
            shape = np.interp(days, middles, np.array(MONTHS[event]), period=366)
        rows.append(shape / shape.mean())
    return np.array(rows)


@lru_cache(maxsize=8)
def public_holidays(first_year: int, last_year: int) -> dict[date, str]:
    """Public holidays in Minnesota by date."""
    found = holidays.country_holidays("US", subdiv="MN", years=range(first_year, last_year + 1))
    return dict(sorted(found.items()))


def is_closed(day: date) -> bool:
    """Whether the shop is shut: Sunday, or a public holiday other than the minor ones."""
    name = public_holidays(day.year - 1, day.year + 1).get(day, "")
    return day.weekday() == 6 or any(word in name for word in ("New Year", "Thanksgiving", "Christmas", *LONG_WEEKENDS))


def event_factors(day: date) -> Array:
    """Strength of each occasion on one day, in the order of EVENTS; the mean over a year is about 1."""
    weekday = 7 * WEEKDAY_SHARES[day.weekday()] / sum(WEEKDAY_SHARES)
    factors = yearly_shapes()[:, day.timetuple().tm_yday - 1] * weekday
    if is_closed(day) and day.weekday() < 5:
        return factors * 0.02
    ahead = [public_holidays(day.year - 1, day.year + 1).get(day + timedelta(days=k), "") for k in range(1, 6)]
    if any(name in LONG_WEEKENDS for name in ahead):
        factors = factors * np.array([1.0, 1.1, 1.6, 0.9, 1.5, 1.0])
    return factors


def season_flags(day: date) -> dict[str, float]:
    """The seasonal flags RFID3's `external_factors` would hold for this day."""
    position = (day.month, day.day)
    return {
        "wedding_season": float((5, 1) <= position <= (9, 30)),
        "graduation_season": float((5, 10) <= position <= (6, 20)),
        "school_year": float(not (6, 10) <= position <= (9, 1)),
    }


def next_open_days(start: date, count: int) -> Array:
    """For each of `count` days from `start`: days to wait until goods can be brought back (0 on an open weekday)."""
    waits = np.zeros(count + 8, np.int32)
    for k in range(count + 7, -1, -1):
        day = start + timedelta(days=k)
        if day.weekday() >= 5 or is_closed(day):
            waits[k] = waits[k + 1] + 1 if k + 1 < count + 8 else 1
    return waits[:count]
