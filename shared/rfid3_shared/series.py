"""What is a set of time series here, and which dates come next?

One long polars frame through every step, columns `unique_id, ds, y` (plus regressors), sorted by unique_id and ds. `ds` is a
date, a datetime or a whole number. Frequencies are spelt as statsforecast spells them. Pure; draws nothing at random.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from rfid3_shared.errors import InvalidParameters

KEY, TIME, TARGET = "unique_id", "ds", "y"


@dataclass(frozen=True)
class Frequency:
    """The step between two observations."""

    name: str
    """As written by the caller: h, D, W, W-MON, MS, QS, YS."""
    step: str
    """As polars' `offset_by` writes it: 1h, 1d, 1w, 1mo, 1q, 1y."""
    season: int
    """Observations in the dominant season of this frequency."""


_STEPS = {
    "H": ("1h", 24), "D": ("1d", 7), "W": ("1w", 52), "MS": ("1mo", 12), "M": ("1mo", 12), "QS": ("1q", 4),
    "Q": ("1q", 4), "YS": ("1y", 1), "Y": ("1y", 1),
}  # fmt: skip


def parse_frequency(name: str) -> Frequency:
    """The frequency behind a name such as `h`, `D`, `W-MON` or `MS`.

    Raises InvalidParameters for a name that is not known.
    """
    stem = re.sub(r"-[A-Z]{3}$", "", name.strip().upper())
    if stem not in _STEPS:
        raise InvalidParameters(
            f"Frequency {name!r} is not known.", parameter="freq", accepted=["h", "D", "W", "W-MON", "MS", "QS", "YS"]
        )
    step, season = _STEPS[stem]
    return Frequency(name, step, season)


def future_dates(last: date | datetime | int, frequency: Frequency, horizon: int) -> list[Any]:
    """The `horizon` time stamps after `last`; month steps keep the day of the month."""
    if isinstance(last, int):
        return [last + k for k in range(1, horizon + 1)]
    count, unit = re.match(r"(\d+)(\w+)", frequency.step).groups()  # type: ignore[union-attr]
    start = pl.Series([last])
    return [start.dt.offset_by(f"{int(count) * k}{unit}").item() for k in range(1, horizon + 1)]


def fill_gaps(frame: pl.DataFrame, frequency: Frequency) -> pl.DataFrame:
    """Every series on every step between its own first and last date; missing `y` becomes 0.

    For counts (no row = nothing left the shop). Columns in and out: unique_id, ds, y.
    """
    if frame.is_empty() or frame.schema[TIME].is_integer():
        return frame.sort(KEY, TIME)
    spans = frame.group_by(KEY).agg(pl.col(TIME).min().alias("first"), pl.col(TIME).max().alias("last"))
    ranges = pl.date_ranges if frame.schema[TIME] == pl.Date else pl.datetime_ranges
    grid = spans.select(KEY, ranges("first", "last", frequency.step).alias(TIME)).explode(TIME)
    return grid.join(frame, on=[KEY, TIME], how="left").with_columns(pl.col(TARGET).fill_null(0)).sort(KEY, TIME)
