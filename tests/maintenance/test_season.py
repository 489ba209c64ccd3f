"""Busy days: a year of them is a year, what was not seen for a year has no season, and nothing later than a moment moves them."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest

from rfid3_maintenance.kinds import CUTS_DAYS
from rfid3_maintenance.season import Season, season_of

BEGIN, END = datetime(2024, 1, 1), datetime(2026, 1, 1)
NAMES = ("Tents", "Unmapped")


def turns(months: dict[int, int], category: str = "Tents", years: tuple[int, ...] = (2024, 2025)) -> pl.DataFrame:
    """So many rentals that end on each of a month's first days."""
    at = [
        datetime(year, month, 5) + timedelta(seconds=k)
        for year in years
        for month, count in months.items()
        for k in range(count)
    ]
    return pl.DataFrame({"category": [category] * len(at), "left_at": [one - timedelta(days=4) for one in at], "at": at})


def ahead(season: Season, at: datetime, category: int = 0) -> np.ndarray:
    day = np.array([np.datetime64(at, "us").astype(np.int64) / 86_400_000_000])
    return season.ahead(np.array([category]), day)[0]


class TestSeason:
    def test_a_year_has_as_many_busy_days_as_days(self) -> None:
        """Wherever it begins, and for a category of its own as for all."""
        season = season_of(turns({6: 300, 7: 600, 1: 5}), NAMES, BEGIN, END)
        for category in (0, 1, -1):
            for month in (1, 6, 11):
                of_year = ahead(season, datetime(2025, month, 15), category)[CUTS_DAYS.index(365.0)]
                assert of_year == pytest.approx(365.0, rel=0.01)

    def test_a_month_counts_by_what_ended_in_it(self) -> None:
        """Twice as many rentals in a month of the same length: twice as many busy days, but for what the company's season is worth."""
        season = season_of(turns({5: 20_000, 7: 40_000}), NAMES, BEGIN, END)
        may, july, winter = (ahead(season, datetime(2025, month, 1))[CUTS_DAYS.index(30.0)] for month in (5, 7, 12))
        assert july == pytest.approx(2 * may, rel=0.02)
        assert winter < may / 20

    def test_less_than_a_year_has_no_season(self) -> None:
        """Every day counts one."""
        season = season_of(turns({6: 300, 7: 600}), NAMES, BEGIN, BEGIN + timedelta(days=364))
        assert ahead(season, datetime(2024, 6, 1)) == pytest.approx(CUTS_DAYS)

    def test_what_is_not_known_yet_moves_nothing(self) -> None:
        """Rentals that end later than the moment asked from are not in it."""
        known = turns({6: 300, 7: 600}, years=(2024,))
        later = pl.concat([known, turns({2: 5000}, years=(2025,))])
        until = datetime(2025, 1, 15)
        assert np.array_equal(season_of(known, NAMES, BEGIN, until).passed, season_of(later, NAMES, BEGIN, until).passed)

    def test_a_small_category_keeps_to_the_company(self) -> None:
        """Three rentals do not make a season."""
        both = pl.concat([turns({6: 3000, 1: 3000}), turns({1: 1}, "Unmapped")])
        season = season_of(both, NAMES, BEGIN, END)
        own, all_ = (ahead(season, datetime(2025, 6, 1), category)[CUTS_DAYS.index(30.0)] for category in (1, -1))
        assert own == pytest.approx(all_, rel=0.05)
