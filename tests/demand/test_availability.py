"""Is the chance of running short the one that counting gives?"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.sparse import csr_matrix

from rfid3_demand import availability, rates


class TestStillOut:
    def test_counts_units_seen_again_after_more_than_k_weeks(self) -> None:
        """Of gaps of 3, 8, 15 and 30 days, three are longer than one week and two longer than two."""
        assert availability.still_out(np.array([3, 8, 15, 30]), 3).tolist() == [1.0, 0.75, 0.5, 0.25]


class TestAtHand:
    def test_units_out_now_are_missed_as_long_as_they_stay_out(self) -> None:
        """Ten of a fleet of 30 are out; half of them are still out after a week, none after two."""
        units = availability.at_hand(np.array([30.0]), np.array([10.0]), np.zeros((1, 3)), np.array([1.0, 0.5, 0.0]))

        assert units.tolist() == [[25.0, 30.0, 30.0]]

    def test_who_left_this_morning_is_not_back_tonight(self) -> None:
        """With 3.5 days left of the week half of the week's returns come, and with none left nobody comes back in it."""
        out, staying = np.array([10.0]), np.array([1.0, 0.4, 0.0])

        units = [availability.at_hand(np.array([30.0]), out, np.zeros((1, 2)), staying, days)[0] for days in (7.0, 3.5, 0.0)]

        assert np.allclose(units, [[26.0, 30.0], [23.0, 28.0], [20.0, 26.0]])

    @given(st.integers(0, 50), st.lists(st.floats(0, 100), min_size=4, max_size=4))
    def test_is_never_negative_nor_more_than_the_fleet(self, fleet: int, means: list[float]) -> None:
        """Units at hand lie between nothing and the fleet."""
        units = availability.at_hand(
            np.array([float(fleet)]), np.array([fleet / 2]), np.array([means]), np.array([1, 0.6, 0.3])
        )

        assert (units >= 0).all()
        assert (units <= fleet).all()


class TestStockoutChance:
    def test_agrees_with_the_poisson_tail(self) -> None:
        """For Poisson demand of mean 20 the chance of more than 25 units is 1 − F(25)."""
        levels = np.linspace(0.005, 0.995, 199)
        quantiles = stats.poisson(20).ppf(levels)[None, None, :]

        chance = availability.stockout_chance(np.array([[25.0]]), quantiles, levels)

        assert chance[0, 0] == pytest.approx(1 - stats.poisson(20).cdf(25), abs=0.02)

    def test_is_unknown_without_a_fleet(self) -> None:
        """A class whose tags nobody knows has no chance of running short, and no zero either."""
        assert np.isnan(availability.stockout_chance(np.array([[np.nan]]), np.ones((1, 1, 2)), np.array([0.1, 0.9]))).all()


class TestOverNodes:
    def test_weights_classes_by_demand(self) -> None:
        """A node's chance is the mean over the units asked for; unknown classes do not count."""
        summing = csr_matrix(np.array([[1, 1, 1]]))
        chance, mean = np.array([[0.5], [0.0], [np.nan]]), np.array([[10.0], [30.0], [60.0]])

        assert availability.over_nodes(summing.__matmul__, chance, mean)[0, 0] == pytest.approx(0.125)


class TestRateCard:
    def test_takes_the_weekly_rate(self) -> None:
        """A rental of a few days is priced at one week."""
        assert rates.rate_card_usd({"24": "12.00", "168": "24.00", "672": "60.00"}) == 24.0

    def test_falls_back_to_what_the_card_has(self) -> None:
        """Without a weekly rate the longest shorter one counts, else the shortest longer one; nothing gives None."""
        assert rates.rate_card_usd({"4": "5", "24": "12"}) == 12.0
        assert rates.rate_card_usd({"672": "60"}) == 60.0
        assert rates.rate_card_usd({"24": "0.00", "x": "y"}) is None

    def test_what_contracts_charged_goes_before_the_card(self) -> None:
        """A mean line price is what a rental truly brought."""
        assert rates.unit_rates({"7": 9.5}, {"7": {"168": "24"}, "8": {"168": "3"}}) == {"7": 9.5, "8": 3.0}
