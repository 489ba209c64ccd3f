"""How does anybody's long table become a panel, and which dates come after each of its series? Frames in, arrays out; no files.

Every time stamp gets a period number (hours, days, weeks, months, quarters or years since a fixed start, or the number
itself), so gaps
and double entries show, and series that end at different dates are aligned at their own last observation.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from rfid3_demand.model.panel import Panel
from rfid3_shared.errors import InvalidParameters
from rfid3_shared.series import KEY, TARGET, TIME, Frequency, future_dates

COUNT_MEAN_LIMIT = 50.0
"""Whole numbers above this on average are modelled as sizes: their rounding no longer matters."""
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


def build(
    frame: pl.DataFrame, frequency: Frequency, season: int, horizon: int, fill: str | None, future: pl.DataFrame | None = None
) -> OwnSeries:
    """The panel of a long frame.

    frame: unique_id, ds (date, datetime or int), y (null = missing) and numeric regressors; future: unique_id, ds and
    regressors that are
    known ahead. fill: zero | interpolate | error | None (zero for counts, else interpolate).
    Raises InvalidParameters for two rows in one period, for gaps when fill is `error`, and for missing rows of `future`.
    """
    frame = frame.sort(KEY, TIME).with_columns(pl.Series("_period", periods(frame.sort(KEY, TIME)[TIME], frequency)))
    twice = frame.filter(pl.struct(KEY, "_period").is_duplicated())
    if len(twice):
        raise InvalidParameters(f"Series {twice[KEY][0]!r} has two rows for the period of {twice[TIME][0]}.", column=TIME)
    observed = frame.filter(pl.col(TARGET).is_not_null())
    spans = observed.group_by(KEY, maintain_order=True).agg(
        pl.col("_period").min().alias("first"), pl.col("_period").max().alias("last"), pl.col(TIME).last().alias("stamp")
    )
    if spans.is_empty():
        raise InvalidParameters("There is no row with a value in y.", column=TARGET)
    ids = spans[KEY].to_list()
    place = {name: k for k, name in enumerate(ids)}
    last, first = spans["last"].to_numpy(), spans["first"].to_numpy()
    length = int((last - first).max()) + 1
    rows, columns = _cells(observed, place, last, length)
    y = np.full((len(ids), length), np.nan)
    y[rows, columns] = observed[TARGET].to_numpy()
    values = observed[TARGET].to_numpy()
    whole = bool((values >= 0).all() and (values == np.round(values)).all())
    filled = _fill(y, length - 1 - (last - first), fill or ("zero" if whole else "interpolate"), ids)
    known, past = _regressors(frame, future, place, last, length, horizon, frequency)
    latest = int(np.argmax(last))
    return OwnSeries(
        panel=Panel(
            ids=tuple(str(name) for name in ids),
            dates=_timeline(spans["stamp"][latest], frequency, length),
            y=y,
            frequency=frequency,
            season=season,
            known=known,
            past=past,
            counts=whole and float(np.median(np.nanmean(y, axis=1))) < COUNT_MEAN_LIMIT,
            offset=last.max() - last if len(np.unique(last)) > 1 and not frame[TIME].dtype.is_integer() else None,
        ),
        last=tuple(spans["stamp"].to_list()),
        whole=whole,
        filled=filled,
    )


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


def _day(month: int, like: Any, ends: bool) -> Any:
    """First or last day of a month numbered from year 0, with the time of day of `like`."""
    year, index = divmod(month, 12)
    day = calendar.monthrange(year, index + 1)[1] if ends else 1
    return like.replace(year=year, month=index + 1, day=day)


def _cells(frame: pl.DataFrame, place: dict[Any, int], last: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.array([place[name] for name in frame[KEY].to_list()], dtype=int)
    return rows, length - 1 - (last[rows] - frame["_period"].to_numpy())


def _fill(y: np.ndarray, begin: np.ndarray, how: str, ids: list[Any]) -> int:
    """Fill holes after each series' beginning in place; their number."""
    hole = ~np.isfinite(y) & (np.arange(y.shape[1])[None, :] >= begin[:, None])
    if hole.any() and how == "error":
        raise InvalidParameters(
            f"Series {ids[int(hole.any(axis=1).argmax())]!r} has missing dates inside it.", series=int(hole.any(axis=1).sum())
        )
    if how == "zero":
        y[hole] = 0.0
    else:
        for row in np.flatnonzero(hole.any(axis=1)):
            known = np.flatnonzero(np.isfinite(y[row]))
            y[row, hole[row]] = np.interp(np.flatnonzero(hole[row]), known, y[row, known])
    return int(hole.sum())


def _regressors(
    frame: pl.DataFrame,
    future: pl.DataFrame | None,
    place: dict[Any, int],
    last: np.ndarray,
    length: int,
    horizon: int,
    frequency: Frequency,
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Regressors known ahead (n, T+H) and those of the past only (n, T), holes carried forward."""
    names = [name for name in frame.columns if name not in (KEY, TIME, TARGET, "_period")]
    if not names:
        return {}, {}
    frame = frame.filter(pl.col(KEY).is_in(list(place)))
    rows, columns = _cells(frame, place, last, length)
    ahead = None
    if future is not None:
        future = future.with_columns(pl.Series("_period", periods(future[TIME], frequency))).filter(
            pl.col(KEY).is_in(list(place))
        )
        ahead = _cells(future, place, last, length)
    known, past = {}, {}
    for name in names:
        values = np.full((len(place), length + horizon), np.nan)
        inside = (columns >= 0) & (columns < length + horizon)
        values[rows[inside], columns[inside]] = frame[name].cast(pl.Float64).to_numpy()[inside]
        if ahead is not None and future is not None and name in future.columns:
            use = (ahead[1] >= length) & (ahead[1] < length + horizon)
            values[ahead[0][use], ahead[1][use]] = future[name].cast(pl.Float64).to_numpy()[use]
        missing = ~np.isfinite(values[:, length:]).all(axis=1)
        if not missing.any():
            known[name] = _carried(values)
        elif ahead is not None and future is not None and name in future.columns:
            series = list(place)[int(missing.argmax())]
            raise InvalidParameters(
                f"The future file lacks values of {name!r} for series {series!r}: {horizon} steps after its last date are needed.",
                column=name,
            )
        else:
            past[name] = _carried(values[:, :length])
    return known, past


def _carried(values: np.ndarray) -> np.ndarray:
    """Holes take the value before them, leading ones the first value, rows without any 0."""
    index = np.where(np.isfinite(values), np.arange(values.shape[1]), 0)
    carried = np.take_along_axis(values, np.maximum.accumulate(index, axis=1), axis=1)
    first = np.argmax(np.isfinite(values), axis=1)
    lead = values[np.arange(len(values)), first]
    return np.nan_to_num(np.where(np.isfinite(carried), carried, lead[:, None]))


def _timeline(last: date | datetime | int, frequency: Frequency, length: int) -> tuple[Any, ...]:
    """`length` time stamps that end with `last`."""
    if isinstance(last, int):
        return tuple(range(last - length + 1, last + 1))
    count, unit = int(frequency.step[0]), frequency.step[1:]
    start = pl.Series([last])
    return tuple(start.dt.offset_by(f"-{count * k}{unit}").item() for k in range(length - 1, -1, -1))
