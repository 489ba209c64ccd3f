"""How busy is each time of the year? Faults come with turns, so hazards run in busy days instead of days; pure.

A busy day is one of a year's average: a day of a month in which twice as many rentals end as usual counts two, a winter's day of a tent
next to none. A year has as many busy days as days, so only what is expected within a year moves. Learned from whole years alone: what
has been seen for less than one year has no season, and every day counts one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import polars as pl

from rfid3_maintenance.kinds import CUTS_DAYS

YEAR_DAYS = 365
MOST_YEARS = 5
WORTH_TURNS = 100.0
"""What the season of all counts beside a category's own, in rentals."""
LEAST = 0.02
"""No day stands wholly still, so that nothing is impossible in any month."""
BEYOND_DAYS = 366


@dataclass(frozen=True)
class Season:
    """Busy days passed since `first` (days since 1970), by category and day: (categories + 1, days + 1); the last row is of all."""

    first: int
    passed: np.ndarray

    def at(self, category: np.ndarray, day: np.ndarray) -> np.ndarray:
        """(rows, …) busy days passed at moments (days since 1970, (rows, …)); category (rows,) −1 = of all."""
        since = np.clip(day - self.first, 0.0, self.passed.shape[1] - 1.000001)
        below = since.astype(np.int64)
        row = np.asarray(category).reshape(-1, *(1,) * (since.ndim - 1))
        low, high = self.passed[row, below], self.passed[row, below + 1]
        return np.asarray(low + (since - below) * (high - low))

    def ahead(self, category: np.ndarray, at: np.ndarray) -> np.ndarray:
        """(rows, cuts) busy days from each moment to each of CUTS_DAYS after it."""
        return np.asarray(self.at(category, at[:, None] + np.array(CUTS_DAYS)) - self.at(category, at[:, None]))


def turns_of(stays: pl.DataFrame, units: pl.DataFrame, unmapped: str) -> pl.DataFrame:
    """The end of every rental, as far as known, with what was rented: category, at, left_at."""
    named = stays.select("tag_id", "left_at", at=pl.coalesce("back_at", "left_at"))
    return named.join(units.select("tag_id", pl.col("category").fill_null(unmapped)), on="tag_id", how="inner")


def season_of(turns: pl.DataFrame, categories: Sequence[str], begin: datetime, end: datetime) -> Season:
    """The season that rentals between two moments tell, for the time from `begin` until the last cut after `end`."""
    first = day_of(begin)
    days = first + np.arange(day_of(end) - first + int(CUTS_DAYS[-1]) + BEYOND_DAYS)
    month = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % 12
    pace = _paces(turns, categories, begin, end)
    passed = np.cumsum(pace[:, month], axis=1)
    return Season(first, np.concatenate([np.zeros((len(pace), 1)), passed], axis=1))


def day_of(at: datetime) -> int:
    """The day that holds a moment, in days since 1970."""
    return int(np.datetime64(at, "D").astype(np.int64))


def moments(at: pl.Series) -> np.ndarray:
    """(rows,) days since 1970, with their fraction."""
    return np.asarray(at.cast(pl.Datetime("us")).to_physical().to_numpy() / 86_400_000_000, float)


def _paces(turns: pl.DataFrame, categories: Sequence[str], begin: datetime, end: datetime) -> np.ndarray:
    """(categories + 1, 12) busy days of a day of each month; each row averages 1 over a year."""
    years = min((end - begin).days // YEAR_DAYS, MOST_YEARS)
    pace = np.ones((len(categories) + 1, 12))
    since = end - timedelta(days=YEAR_DAYS * years)
    some = turns.filter((pl.col("at") > since) & (pl.col("at") <= end) & (pl.col("left_at") <= end))
    if not years or not some.height:
        return pace
    place = {name: row for row, name in enumerate(categories)}
    row = some["category"].replace_strict(place, default=-1, return_dtype=pl.Int32).to_numpy()
    count = np.zeros_like(pace)
    np.add.at(count, (row, (some["at"].dt.month() - 1).to_numpy()), 1.0)
    length = np.array([31, 28.25, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]) / 365.25
    count[-1] = count.sum(axis=0)
    whole = np.maximum((count[-1] + 1.0) / (count[-1].sum() + 12.0) / length, LEAST)
    pace = (count + WORTH_TURNS * whole * length) / (count.sum(axis=1, keepdims=True) + WORTH_TURNS) / length
    pace = np.maximum(pace, LEAST)
    return np.asarray(pace / (pace * length).sum(axis=1, keepdims=True))
