"""How does anybody's long table become a panel, and which dates come after each of its series? Frames in, arrays out; no files.

Every time stamp gets a period number (hours, days, weeks, months, quarters or years since a fixed start, or the number
itself), so gaps
and double entries show, and series that end at different dates are aligned at their own last observation.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from rfid3_demand.model import own_checks, own_regressors
from rfid3_demand.model.own_checks import PERIOD
from rfid3_demand.model.panel import Panel
from rfid3_shared.errors import InvalidParameters
from rfid3_shared.series import KEY, TARGET, TIME, Frequency, future_dates

COUNT_MEAN_LIMIT = 50.0
"""Whole numbers above this on average are modelled as sizes: their rounding no longer matters."""
MOST_STEPS = 10_000
"""Of longer series the last so many steps are used: older ones no longer move a forecast, but cost time and memory."""
FEW_OTHERS = 0.2
"""Share of series without whole numbers up to which the others are still forecast as counts."""
_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


@dataclass(frozen=True)
class OwnSeries:
    """A panel with what is needed to write its forecast back."""

    panel: Panel
    last: tuple[Any, ...]
    """Each series' own last time stamp."""
    whole: bool
    """Every observation is a whole number >= 0: quantiles are written as whole numbers."""
    filled: int
    """Steps that were missing inside series."""
    refused: dict[str, str] = field(default_factory=dict)
    """Series that were left out, and why, in words for their owner."""
    notes: tuple[str, ...] = ()
    """What was assumed about the rest."""


def build(
    frame: pl.DataFrame, frequency: Frequency, season: int, horizon: int, fill: str | None, future: pl.DataFrame | None = None,
    *, most_steps: int = MOST_STEPS,
) -> OwnSeries:  # fmt: skip
    """The panel of a long frame.

    frame: unique_id, ds (date, datetime or int), y (null or NaN = missing) and numeric regressors, in any order; future:
    unique_id, ds and regressors that are known ahead. fill: zero | interpolate | error | None (zero for counts, else
    interpolate). Of each series the last `most_steps` steps are used. A faulty series is left out with its reason in `refused`.
    Time zones: hours count in UTC, days and longer steps by the date on the wall.
    Raises InvalidParameters for a horizon beyond MOST_HORIZON, or when no series is left (with the first one's reason).
    """
    own_checks.horizon_within_reason(horizon)
    frame, converted = own_checks.naive(frame, frequency)
    future = None if future is None else own_checks.naive(future, frequency)[0]
    frame = frame.sort(KEY, TIME)
    frame = frame.with_columns(
        pl.Series(PERIOD, periods(frame[TIME], frequency)), pl.col(TARGET).cast(pl.Float64).fill_nan(None)
    )
    refused = own_checks.refused_series(frame, horizon, fill == "error")
    frame = frame.filter(~pl.col(KEY).is_in(list(refused)))
    series, notes, lacking = _assembled(frame, frequency, season, horizon, fill, future, most_steps, refused)
    if lacking:
        # what one series lacks must not take a regressor from all others
        frame, refused = frame.filter(~pl.col(KEY).is_in(list(lacking))), refused | lacking
        series, notes, _ = _assembled(frame, frequency, season, horizon, fill, future, most_steps, refused)
    notes = ([f"time stamps with a zone were taken as {converted}"] if converted else []) + notes
    return replace(series, refused={str(name): reason for name, reason in refused.items()}, notes=tuple(notes))


def build_parts(
    frame: pl.DataFrame, frequency: Frequency, season: int, horizon: int, fill: str | None, future: pl.DataFrame | None = None,
    *, most_steps: int = MOST_STEPS,
) -> list[OwnSeries]:  # fmt: skip
    """Like `build`, but a few series with negative or fractional values do not keep the others from being counts.

    One element, or two (counts first) where at most FEW_OTHERS of the series are no counts; `refused` and `notes` per part.
    """
    value = pl.col(TARGET).cast(pl.Float64).fill_nan(None)
    kinds = frame.group_by(KEY).agg(((value < 0) | (value != value.round())).any().alias("size"))
    sizes = kinds.filter("size")[KEY]
    if not 0 < len(sizes) <= FEW_OTHERS * len(kinds):
        return [build(frame, frequency, season, horizon, fill, future, most_steps=most_steps)]
    parts: list[OwnSeries] = []
    reasons: dict[str, str] = {}
    fault: InvalidParameters | None = None
    for rows in (~pl.col(KEY).is_in(sizes.implode()), pl.col(KEY).is_in(sizes.implode())):
        try:
            ahead = None if future is None else future.filter(rows)
            parts.append(build(frame.filter(rows), frequency, season, horizon, fill, ahead, most_steps=most_steps))
        except InvalidParameters as error:
            fault, reasons = error, reasons | dict((error.details or {}).get("refused", {}))
    if not parts:
        raise fault or InvalidParameters("There is no series.", column=TARGET)
    parts[0] = replace(parts[0], refused=parts[0].refused | reasons)
    return parts


def _assembled(
    frame: pl.DataFrame, frequency: Frequency, season: int, horizon: int, fill: str | None, future: pl.DataFrame | None,
    most_steps: int, refused: dict[Any, str],
) -> tuple[OwnSeries, list[str], dict[Any, str]]:  # fmt: skip
    """Panel, notes, and the series that lack future values other series have."""
    observed = frame.filter(pl.col(TARGET).is_not_null())
    if observed.is_empty():
        reason = next(iter(refused.values()), "There is no row with a value in y.")
        raise InvalidParameters(reason, column=TARGET, refused={str(name): why for name, why in refused.items()})
    spans = observed.group_by(KEY, maintain_order=True).agg(
        pl.col(PERIOD).min().alias("first"), pl.col(PERIOD).max().alias("last"), pl.col(TIME).last().alias("stamp")
    )
    place = {name: k for k, name in enumerate(spans[KEY].to_list())}
    last, first = spans["last"].to_numpy(), spans["first"].to_numpy()
    whole_length = int((last - first).max()) + 1
    length = min(whole_length, most_steps)
    notes = []
    if length < whole_length:
        many = int(((last - first) >= length).sum())
        notes.append(f"of {many} series only the last {length:,} steps are used (the longest has {whole_length:,})")
    rows, columns = own_regressors.cells(observed, place, last, length)
    values = observed[TARGET].to_numpy()
    y = np.full((len(place), length), np.nan)
    y[rows[columns >= 0], columns[columns >= 0]] = values[columns >= 0]
    whole = bool((values >= 0).all() and (values == np.round(values)).all())
    seen = np.isfinite(y).sum(axis=1)
    filled = _fill(y, fill or ("zero" if whole else "interpolate"))
    if (holey := int((seen < 0.5 * np.isfinite(y).sum(axis=1)).sum())) and not whole:
        notes.append(f"{holey} series lack more than half of their dates: is the frequency right?")
    known, past, said, lacking = own_regressors.regressors(
        frame, future, place, last, length, horizon, lambda stamps: periods(stamps, frequency)
    )
    latest = int(np.argmax(last))
    panel = Panel(
        ids=tuple(str(name) for name in place),
        dates=_timeline(spans["stamp"][latest], frequency, length),
        y=y,
        frequency=frequency,
        season=season,
        known=known,
        past=past,
        counts=whole and float(np.median(np.nanmean(y, axis=1))) < COUNT_MEAN_LIMIT,
        offset=last.max() - last if len(np.unique(last)) > 1 and not frame[TIME].dtype.is_integer() else None,
    )
    return OwnSeries(panel, tuple(spans["stamp"].to_list()), whole, filled), notes + said, lacking


def periods(stamps: pl.Series, frequency: Frequency) -> np.ndarray:
    """The number of the period each time stamp lies in; consecutive periods differ by 1."""
    if stamps.dtype.is_integer():
        return stamps.to_numpy().astype(np.int64)
    step = frequency.step
    year, month = stamps.dt.year().cast(pl.Int64).to_numpy(), stamps.dt.month().cast(pl.Int64).to_numpy()
    if step in ("1h", "1d", "1w"):
        days = stamps.cast(pl.Date).cast(pl.Int32).cast(pl.Int64).to_numpy()
        if step == "1h":
            hour = stamps.dt.hour().cast(pl.Int64).to_numpy() if stamps.dtype != pl.Date else 0
            return np.asarray(days * 24 + hour)
        return days if step == "1d" else np.asarray((days + 3) // 7)  # weeks from Monday: 1970-01-01 was a Thursday
    return np.asarray({"1mo": year * 12 + month - 1, "1q": year * 4 + (month - 1) // 3, "1y": year}[step])


def next_stamps(last: Any, frequency: Frequency, horizon: int) -> list[Any]:
    """The time stamps after `last` as statsforecast continues them: on the frequency's anchor (W = Sundays, MS = firsts of
    months).

    A last stamp off the anchor moves to the next anchor first, which is pandas' rule.
    """
    stem, _, anchor = frequency.name.strip().upper().partition("-")
    if isinstance(last, int) or frequency.step in ("1h", "1d"):
        return future_dates(last, frequency, horizon)
    if frequency.step == "1w":
        ahead = (_WEEKDAYS.index(anchor or "SUN") - last.weekday() - 1) % 7 + 1
        return [last + timedelta(days=ahead + 7 * k) for k in range(horizon)]
    months = {"1mo": 1, "1q": 3, "1y": 12}[frequency.step]
    ends = stem in ("M", "Q", "Y")
    wanted = [k for k in range(12) if (k - (months - 1 if ends else 0)) % months == 0]
    start = last.year * 12 + last.month - 1
    first = next(k for k in range(start if ends else start + 1, start + 14) if k % 12 in wanted and _day(k, last, ends) > last)
    return [_day(first + months * k, last, ends) for k in range(horizon)]


def stamp_before(last: Any, frequency: Frequency, steps: int) -> Any:
    """The time stamp so many steps before `last`."""
    return _timeline(last, frequency, steps + 1)[0]


def _day(month: int, like: Any, ends: bool) -> Any:
    """First or last day of a month numbered from year 0, with the time of day of `like`."""
    year, index = divmod(month, 12)
    day = calendar.monthrange(year, index + 1)[1] if ends else 1
    return like.replace(year=year, month=index + 1, day=day)


def _fill(y: np.ndarray, how: str) -> int:
    """Fill holes after each series' first value in place; their number."""
    known = np.isfinite(y)
    hole = ~known & (np.maximum.accumulate(known, axis=1))
    if how == "zero":
        y[hole] = 0.0
    else:
        for row in np.flatnonzero(hole.any(axis=1)):
            seen = np.flatnonzero(known[row])
            y[row, hole[row]] = np.interp(np.flatnonzero(hole[row]), seen, y[row, seen])
    return int(hole.sum())


def _timeline(last: date | datetime | int, frequency: Frequency, length: int) -> tuple[Any, ...]:
    """`length` time stamps that end with `last`."""
    if isinstance(last, int):
        return tuple(range(last - length + 1, last + 1))
    count, unit = int(frequency.step[0]), frequency.step[1:]
    start = pl.Series([last])
    return tuple(start.dt.offset_by(f"-{count * k}{unit}").item() for k in range(length - 1, -1, -1))
