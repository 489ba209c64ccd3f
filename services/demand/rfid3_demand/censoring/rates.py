"""How many contracts a day ask each shelf? Company's weeks × weekday × the category's weeks × the shelf's own level.

Each part is a ratio of contracts to what the wider parts lead one to expect, shrunk to them by their number (gamma–Poisson), so a
shelf that was empty all June still has the June of its category. Days whose shelf was empty from the morning on tell nothing and
are no exposure. Everything is kept by week; only the days in doubt are looked at one by one.
"""

from dataclasses import dataclass

import numpy as np

CATEGORY_WEIGHT, SERIES_WEIGHT, LOCAL_WEIGHT = 25.0, 3.0, 10.0
"""Contracts that the wider part is worth."""
CATEGORY_WEEKS, LOCAL_WEEKS = 1.0, 13.0
"""Reach of the smoothing over neighbouring weeks (standard deviation)."""


@dataclass(frozen=True)
class Days:
    """The days of all shelves, those in doubt apart: series, week, weekday of each of these.

    sure (series, weeks): contracts on the other days; sure_weekday (7,) the same by weekday. open_days (weeks, 7): days of the span.
    """

    series: np.ndarray
    week: np.ndarray
    weekday: np.ndarray
    sure: np.ndarray
    sure_weekday: np.ndarray
    open_days: np.ndarray

    def by_week(self, values: np.ndarray) -> np.ndarray:
        """Values of the days in doubt added up, (series, weeks)."""
        shape = self.sure.shape
        flat = np.bincount(self.series * shape[1] + self.week, values, shape[0] * shape[1])
        return flat.reshape(shape)


@dataclass(frozen=True)
class Rates:
    """Contracts a day: weekly (series, weeks) × usual (7,) by weekday."""

    weekly: np.ndarray
    usual: np.ndarray

    def on(self, days: Days) -> np.ndarray:
        """For each day in doubt."""
        return np.asarray(self.weekly[days.series, days.week] * self.usual[days.weekday])


def rates(days: Days, contracts: np.ndarray, lost: np.ndarray, category: np.ndarray) -> Rates:
    """Find them. contracts, lost: of each day in doubt, expected contracts and the share of it that is no exposure.

    category: (series,) codes.
    """
    seen = days.sure + days.by_week(contracts)
    usual = _by_weekday(days, seen, contracts, lost)
    offered = np.maximum(days.open_days @ usual - days.by_week(lost * usual[days.weekday]), 0.0)
    level = _level(seen, offered, category)
    company = np.ones(seen.shape[1])
    for _ in range(5):
        company = (seen.sum(axis=0) + 0.5) / (level @ offered + 0.5 / max(float(company.mean()), 1e-9))
        level = _level(seen, offered * company, category)
    expected = level[:, None] * offered * company
    ours = _category_weeks(seen, expected, category)[category]
    expected = expected * ours
    local = (smooth(seen, LOCAL_WEEKS) + LOCAL_WEIGHT) / (smooth(expected, LOCAL_WEEKS) + LOCAL_WEIGHT)
    return Rates(level[:, None] * company * ours * local, usual)


def smooth(values: np.ndarray, reach_weeks: float) -> np.ndarray:
    """Gaussian sums along the last axis, over the weeks there are."""
    steps = np.arange(values.shape[-1])
    kernel = np.exp(-0.5 * ((steps[:, None] - steps) / reach_weeks) ** 2)
    return np.asarray(values @ kernel)


def _by_weekday(days: Days, seen: np.ndarray, contracts: np.ndarray, lost: np.ndarray) -> np.ndarray:
    """Contracts by weekday relative to their mean; a lost day counts by the contracts its shelf usually has."""
    a_day = seen.sum(axis=1) / max(float(days.open_days.sum()), 1.0)
    total = days.sure_weekday + np.bincount(days.weekday, contracts, 7)
    offered = a_day.sum() * days.open_days.sum(axis=0) - np.bincount(days.weekday, lost * a_day[days.series], 7)
    share = (total + 0.01) / (np.maximum(offered, 0.0) + 1.0)
    return np.asarray(share / max(float(share.mean()), 1e-12))


def _level(seen: np.ndarray, offered: np.ndarray, category: np.ndarray) -> np.ndarray:
    """Contracts per unit of exposure of each shelf, shrunk to its category's."""
    found, exposed = seen.sum(axis=1), offered.sum(axis=1)
    mean = np.bincount(category, found) / np.maximum(np.bincount(category, exposed), 1e-9)
    mean = np.maximum(mean, 1e-6)[category]
    return np.asarray((found + SERIES_WEIGHT) / (exposed + SERIES_WEIGHT / mean))


def _category_weeks(seen: np.ndarray, expected: np.ndarray, category: np.ndarray) -> np.ndarray:
    count = int(category.max(initial=0)) + 1
    summed, wanted = np.zeros((count, seen.shape[1])), np.zeros((count, seen.shape[1]))
    np.add.at(summed, category, seen)
    np.add.at(wanted, category, expected)
    return np.asarray((smooth(summed, CATEGORY_WEEKS) + CATEGORY_WEIGHT) / (smooth(wanted, CATEGORY_WEEKS) + CATEGORY_WEIGHT))
