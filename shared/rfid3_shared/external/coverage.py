"""Does an outside factor cover enough days to be used, and which? Pure rules over days, and the question asked of the stores.

A factor known for past and horizon may speak of the week that is forecast. One known for the past only may speak of what has just
been: the model looks back on it, or forecasts it with its errors. One with holes is refused, with its coverage.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.external.values import DailyFactor, load_daily

USED_TYPES = ("weather", "economic", "market", "events")
"""Kinds of factors a model may use; holidays and seasons it takes from its own calendar."""
NEEDED_RATIO = 0.9
"""Share of the days that must have a value."""
HABIT_RATIO = 0.5
"""A weekday on which a factor has a value at least so often is one on which it is published."""
Use = Literal["past and horizon", "past only", "refused"]


@dataclass(frozen=True)
class Span:
    """The days that count: history from `first` to `last`, then the horizon up to `horizon_last`."""

    first: date
    last: date
    horizon_last: date


@dataclass(frozen=True)
class Coverage:
    """How much of history and horizon one factor covers, and what follows."""

    factor_type: str
    factor_name: str
    history_ratio: float
    """Share of the history's days with a value; for a factor published on certain weekdays, of those days."""
    horizon_ratio: float
    forecast_days: int
    """Days of the horizon whose value is a forecast."""
    weekdays: tuple[int, ...]
    """Weekdays on which it is published, Monday 0."""
    use: Use
    why: str


async def coverage(
    store_connection: AsyncConnection | None, source_connection: AsyncConnection | None, span: Span, needed_ratio: float = NEEDED_RATIO,
    types: Iterable[str] = USED_TYPES,
) -> list[Coverage]:  # fmt: skip
    """Every factor of these types over the span, by type and name."""
    factors = await load_daily(store_connection, source_connection, span.first, span.horizon_last, span.last, types)
    return [judge(factor, span, needed_ratio) for factor in factors]


def judge(factor: DailyFactor, span: Span, needed_ratio: float = NEEDED_RATIO) -> Coverage:
    """What share of history and horizon a factor covers, and whether it is used.

    A factor that is published on certain weekdays only (weekly figures, exchange prices) is held against those days, so that a
    value speaks for the week around it; one published more seldom than weekly has a value on few of the days, and is refused.
    """
    days = sorted(factor.values)
    weekdays = told_on(days)
    past = _ratio(days, span.first, span.last, weekdays)
    ahead = _ratio(days, span.last + timedelta(days=1), span.horizon_last, weekdays)
    use: Use = "refused" if past < needed_ratio else "past and horizon" if ahead >= needed_ratio else "past only"
    forecast = sum(day > span.last for day in factor.forecast)
    return Coverage(
        factor.factor_type, factor.factor_name, round(past, 4), round(ahead, 4), forecast, weekdays, use,
        _why(use, past, ahead, needed_ratio, forecast),
    )  # fmt: skip


def told_on(days: list[date]) -> tuple[int, ...]:
    """Weekdays on which a factor has a value at least every other week, of its sorted days; all seven when there is none such."""
    every = tuple(range(7))
    if not days:
        return every
    count = [0] * 7
    for day in days:
        count[day.weekday()] += 1
    possible = [_weekday_count(days[0], days[-1], (k,)) for k in every]
    habits = tuple(k for k in every if count[k] and count[k] >= HABIT_RATIO * possible[k])
    return habits if habits and len(days) > 1 else every


def _weekday_count(first: date, last: date, weekdays: tuple[int, ...]) -> int:
    """How many days from first to last fall on these weekdays."""
    whole, rest = divmod((last - first).days + 1, 7)
    return whole * len(weekdays) + sum((first.weekday() + k) % 7 in weekdays for k in range(rest))


def _ratio(days: list[date], first: date, last: date, weekdays: tuple[int, ...]) -> float:
    expected = _weekday_count(first, last, weekdays) if last >= first else 0
    if not expected:
        return 0.0
    return sum(first <= day <= last and day.weekday() in weekdays for day in days) / expected


def _why(use: Use, past: float, ahead: float, needed: float, forecast_days: int) -> str:
    if use == "refused":
        return f"known for {past:.0%} of the history's days, needed {needed:.0%}"
    if use == "past only":
        return f"known for {past:.0%} of the history and {ahead:.0%} of the horizon, needed {needed:.0%}: only its past is used"
    marked = f", {forecast_days} of its days as a forecast" if forecast_days else ""
    return f"known for {past:.0%} of the history and {ahead:.0%} of the horizon{marked}"
