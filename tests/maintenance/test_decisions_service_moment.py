"""Is the best day the cheapest, does a worse item never rank lower, and does every dollar know where it comes from?"""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_maintenance.decisions.costs import ORIGINS, Costs, best_known, group_medians
from rfid3_maintenance.decisions.curve import at_days, cumulative_hazard, median_days
from rfid3_maintenance.decisions.priority import BOUNDS, PRIORITIES, priorities, ranked
from rfid3_maintenance.decisions.service_moment import (
    age_replacement_rate,
    avoided_by_day_usd,
    best_moment,
    lowest_rate_usd_per_day,
)

CUTS = np.array([7.0, 14, 30, 60, 90, 120, 180, 270, 365])
DAILY = np.arange(1.0, 731.0)


def costs(rows: int, planned: float = 100.0, unplanned: float = 600.0) -> Costs:
    """The same dollars for every row; no emergency share and half of a breakdown in lost rentals."""
    one = np.ones(rows)
    codes = {"planned_usd": np.zeros(rows, np.int8), "repair_usd": np.full(rows, 3, np.int8)}
    return Costs(planned * one, unplanned / 2 * one, 5 * one, unplanned / 5 * one, one / 2, codes, emergency_ratio=0.0)


def curves(hazards: np.ndarray, cuts: np.ndarray = CUTS) -> np.ndarray:
    """Survival on the cuts from failures a day between them, (rows, cuts)."""
    return np.exp(-np.cumsum(hazards * np.diff(cuts, prepend=0.0), axis=1))


def weibull(scale: float, shape: float, cuts: np.ndarray = DAILY) -> np.ndarray:
    return np.exp(-((cuts / scale) ** shape))[None]


hazards = st.lists(st.floats(0.0, 0.03), min_size=9, max_size=9).map(np.array)
factors = st.lists(st.floats(1.0, 5.0), min_size=9, max_size=9).map(np.array)


class TestCurve:
    @given(hazards, st.floats(0.0, 800.0))
    def test_adds_up_the_hazard_day_by_day(self, hazard: np.ndarray, day: float) -> None:
        """Expected failures are the hazard's integral; beyond the last cut its last value is held."""
        edges = np.concatenate([[0.0], CUTS[:-1], [np.inf]])
        slow = sum(h * (min(day, high) - low) for h, (low, high) in zip(hazard, pairwise(edges), strict=True) if day > low)

        assert at_days(curves(hazard[None]), CUTS, np.array([day]))[0] == pytest.approx(slow, abs=1e-9)

    def test_median_is_where_half_have_failed_or_unknown(self) -> None:
        """Exponential: log 2 over the rate; a curve that stays above one half says nothing."""
        found = median_days(np.exp(-CUTS * np.array([[0.01], [0.001]])), CUTS)

        assert found[0] == pytest.approx(np.log(2) / 0.01)
        assert np.isnan(found[1])

    def test_refuses_cuts_that_do_not_ascend(self) -> None:
        """A curve without ascending cuts is a mistake of the caller's, not a number."""
        with pytest.raises(ValueError, match="ascend"):
            cumulative_hazard(np.ones((1, 2)), [3.0, 3.0])


class TestLongRunCost:
    @pytest.mark.parametrize(("shape", "ratio"), [(2.0, 5.0), (3.0, 10.0), (1.5, 4.0)])
    def test_is_the_textbook_one_of_a_weibull(self, shape: float, ratio: float) -> None:
        """Barlow & Hunter, policy II: T = scale × (planned / (unplanned × (shape − 1)))^(1/shape), and its cost a day."""
        scale, money = 300.0, costs(1, 100.0, 100.0 * ratio)
        best = scale * (1 / (ratio * (shape - 1))) ** (1 / shape)
        truth = (100.0 + 100.0 * ratio * (best / scale) ** shape) / best

        rate, never = lowest_rate_usd_per_day(weibull(scale, shape), DAILY, money)
        found = best_moment(weibull(scale, shape), weibull(scale, shape), DAILY, money, horizon_days=730)

        assert rate[0] == pytest.approx(truth, rel=1e-3)
        assert not never[0]
        assert found.day_days[0] == pytest.approx(best, abs=1.0)

    def test_age_replacement_equals_slow_sums(self) -> None:
        """Policy I's rate against its integral on a fine grid."""
        fine, money = np.linspace(0, 365, 200_001), costs(1)
        alive = np.exp(-((fine / 300) ** 2))
        lived = np.concatenate([[0.0], np.cumsum((alive[1:] + alive[:-1]) / 2 * np.diff(fine))])

        found = age_replacement_rate(weibull(300, 2), DAILY, money)[0]

        for day in (30, 120, 365):
            survive, mean = np.interp([day], fine, alive)[0], np.interp([day], fine, lived)[0]
            assert found[day - 1] == pytest.approx((100 * survive + 600 * (1 - survive)) / mean, rel=1e-4)


class TestBestMoment:
    @given(hazards, hazards, st.floats(1.0, 300.0))
    def test_no_day_is_cheaper(self, hazard: np.ndarray, serviced: np.ndarray, planned: float) -> None:
        """Against every day tried one by one; without and with service differ by what is avoided, which is never negative."""
        money, renewed = costs(1, planned), curves(serviced[None])
        found = best_moment(curves(hazard[None]), renewed, CUTS, money)
        every = avoided_by_day_usd(curves(hazard[None]), renewed, CUTS, money, 366)[0]

        assert every.max() <= found.avoided_usd[0] + 1e-6 or every.max() <= 0
        assert found.without_usd[0] - found.with_usd[0] == pytest.approx(found.avoided_usd[0])
        assert found.avoided_usd[0] >= 0
        assert np.isnan(found.day_days[0]) == (found.avoided_usd[0] == 0)
        if not np.isnan(found.day_days[0]):
            assert every[int(found.day_days[0])] == pytest.approx(found.avoided_usd[0])

    @given(st.floats(0.0001, 0.05), st.lists(st.floats(0.0, 0.01), min_size=9, max_size=9))
    def test_runs_to_failure_when_the_hazard_does_not_rise(self, level: float, drops: list[float]) -> None:
        """A service that starts a constant or falling hazard anew buys nothing: no date, nothing avoided, and it is said."""
        falling = level + np.cumsum(drops)[::-1]
        curve = curves(np.stack([np.full(9, level), falling]))

        found = best_moment(curve, curve, CUTS, costs(2))

        assert np.isnan(found.day_days).all()
        assert (found.avoided_usd == 0).all()
        assert found.advice == ["run to failure"] * 2

    @given(hazards, hazards, factors)
    def test_a_higher_hazard_is_never_later_nor_avoids_less(
        self, hazard: np.ndarray, serviced: np.ndarray, worse: np.ndarray
    ) -> None:
        """mission.md T-66: a hazard higher anywhere, by any amount, never gives a later day, less avoided, less at stake, less priority."""
        curve = curves(np.stack([hazard, hazard * worse + 1e-6 * (worse - 1)]))

        found = best_moment(curve, curves(serviced[None])[0], CUTS, costs(2))

        day = np.where(np.isnan(found.day_days), np.inf, found.day_days)
        level = priorities(found)
        assert day[1] <= day[0]
        assert found.avoided_usd[1] >= found.avoided_usd[0] - 1e-7
        assert found.at_stake_usd[1] >= found.at_stake_usd[0] - 1e-7
        assert level[1] >= level[0] or found.avoided_usd[1] == pytest.approx(found.avoided_usd[0])

    @given(hazards, st.lists(factors, min_size=2, max_size=6))
    def test_the_healthiest_never_ranks_highest(self, hazard: np.ndarray, worse: list[np.ndarray]) -> None:
        """Of items that differ in health alone, the healthiest is first only where service pays for none of them, or for all alike."""
        rows = np.stack([hazard, *(hazard * one + 1e-4 for one in worse)])

        found = best_moment(curves(rows), curves(0.3 * hazard[None])[0], CUTS, costs(len(rows)))

        assert ranked(found)[0] != 0 or found.avoided_usd.max() <= found.avoided_usd[0] + 1e-7

    def test_a_curve_that_ages_is_serviced_sooner(self) -> None:
        """The same Weibull item, 0 to 200 days old: the older, the sooner and the more is avoided."""
        ages = np.array([0.0, 50, 100, 200])
        total = ((ages[:, None] + DAILY) / 300) ** 3 - ((ages / 300) ** 3)[:, None]

        found = best_moment(np.exp(-total), weibull(300, 3)[0], DAILY, costs(4), horizon_days=365)

        assert (np.diff(found.day_days) <= 0).all()
        assert found.day_days[0] - found.day_days[1] == pytest.approx(50, abs=1)
        assert (np.diff(found.avoided_usd) > 0).all()

    def test_failure_day_is_unknown_beyond_the_horizon(self) -> None:
        """A median later than the horizon is not made up."""
        found = best_moment(weibull(400, 2), weibull(400, 2), DAILY, costs(1), horizon_days=100)

        assert np.isnan(found.failure_days[0])

    def test_priority_bounds_lie_inside_one_another(self) -> None:
        """More dollars or less time never lower a priority."""
        assert all(a[0] < b[0] and a[1] > b[1] for a, b in pairwise(BOUNDS))
        assert len(PRIORITIES) == len(BOUNDS) + 1


class TestCosts:
    def test_a_breakdown_is_repair_emergency_and_lost_days(self) -> None:
        """Repair 300 dearer by a quarter, 5 days × $120 × one half."""
        money = costs(1)

        assert money.unplanned_usd[0] == 600
        assert Costs(*(getattr(money, name) for name in (
            "planned_usd", "repair_usd", "downtime_days", "revenue_usd_per_day", "booked_ratio", "origin",
        )), emergency_ratio=0.25).unplanned_usd[0] == 300 * 1.25 + 300  # fmt: skip
        assert money.origins(0) == {"planned_usd": "measured", "repair_usd": "stated default"}

    def test_the_best_known_number_wins_and_says_so(self) -> None:
        """Measured before class, category and default; negative and missing ones are unknown."""
        nan = np.nan
        value, origin = best_known(np.array([5, nan, -1, nan]), np.array([9, 6, nan, nan]), np.array([9, 9, 7, nan]), 8.0)

        assert value.tolist() == [5, 6, 7, 8]
        assert [ORIGINS[one] for one in origin] == list(ORIGINS)

    def test_medians_need_a_few_values(self) -> None:
        """Two values are no median of a class; a row without a class has none."""
        found = group_medians(np.array([1.0, 3, 8, np.nan, 5, 6, 7]), np.array([0, 0, 0, 0, 1, 1, -1]))

        assert found[:4].tolist() == [3, 3, 3, 3]
        assert np.isnan(found[4:]).all()
