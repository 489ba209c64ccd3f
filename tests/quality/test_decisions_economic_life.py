"""Do the costs of years, the paths of scores and the chances agree with textbooks and brute force?"""

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_quality.decisions.chances import chance_above_zero
from rfid3_quality.decisions.economic_life import equivalent_annual_cost, exceeding_moment, flow_at_year_end, flows_at_ends
from rfid3_quality.decisions.score_path import pace_a_day, scores_on


class TestEquivalentAnnualCost:
    def test_known_loan(self) -> None:
        """$10,000 at 10 % over five years without anything else is the loan of every textbook: $2,637.97 a year."""
        years = np.arange(1.0, 6.0)
        cost = equivalent_annual_cost(np.array([10_000.0]), np.zeros((1, 5)), np.zeros((1, 5)), years, 0.10)
        assert cost[0, 4] == pytest.approx(2637.97, abs=0.005)

    def test_machine_worked_by_hand(self) -> None:
        """$10,000 new, sold for $6,500, 4,000, 2,000; running $1,000, 1,500, 2,500; 10 %: each year's cost term by term, as on paper."""
        resale, running = [6500.0, 4000.0, 2000.0], [1000.0, 1500.0, 2500.0]
        found = equivalent_annual_cost(np.array([10_000.0]), np.array([running]), np.array([resale]), np.arange(1.0, 4.0), 0.1)[
            0
        ]
        for n in (1, 2, 3):
            recovery = 0.1 * 1.1**n / (1.1**n - 1)
            sinking = 0.1 / (1.1**n - 1)
            yearly = 10_000 * recovery - resale[n - 1] * sinking + sum(running[k] / 1.1 ** (k + 1) for k in range(n)) * recovery
            assert found[n - 1] == pytest.approx(yearly)
        assert found[0] == pytest.approx(5500.0)  # 11,000 back to the bank, 1,000 to run it, 6,500 from its sale

    def test_without_interest_it_is_the_mean(self) -> None:
        """No interest: what was spent, a year."""
        found = equivalent_annual_cost(np.array([900.0]), np.full((1, 3), 100.0), np.zeros((1, 3)), np.arange(1.0, 4.0), 0.0)[0]
        assert found == pytest.approx([1000.0, 550.0, 400.0])

    @given(st.floats(0.0, 0.5), st.floats(1.0, 500.0))
    def test_a_constant_flow_costs_itself(self, discount: float, rate: float) -> None:
        """A thing that costs nothing to buy and a constant flow to run costs that flow a year, over any periods."""
        ends = np.array([0.25, 0.5, 2.0, 7.0])
        starts = np.array([0.0, 0.25, 0.5, 2.0])
        paid = flows_at_ends(np.full((1, 4), rate), starts, ends, discount)
        cost = equivalent_annual_cost(np.zeros(1), paid, np.zeros((1, 4)), ends, discount)
        assert cost / flow_at_year_end(discount) == pytest.approx(rate)


class TestExceedingMoment:
    @given(st.lists(st.floats(0, 5), min_size=5, max_size=5), st.floats(-1, 26))
    def test_equals_looking_everywhere(self, steps: list[float], limit: float) -> None:
        """The first moment, of thousands tried, at which the rate lies above the limit."""
        at = np.array([0.0, 10.0, 20.0, 50.0, 100.0])
        rate = np.cumsum(steps)
        found = exceeding_moment(rate[None], np.array([limit]), at)[0]
        tried = np.linspace(0, 100, 20_001)
        above = np.interp(tried, at, rate) > limit
        assert found == pytest.approx(tried[above][0], abs=0.0051) if above.any() else math.isinf(found) or found > 99.99

    def test_unknown_stays_unknown(self) -> None:
        """No limit, no moment: NaN, not never."""
        found = exceeding_moment(np.array([[1.0, 2.0], [1.0, np.nan]]), np.array([np.nan, 5.0]), np.array([0.0, 1.0]))
        assert np.isnan(found).all()


class TestScoresOn:
    def test_between_and_beyond(self) -> None:
        """Straight between known days, on at the pace given after them, never below 0, and never rising."""
        days, asked = np.array([0.0, 100.0, 200.0]), np.array([0.0, 50.0, 150.0, 200.0, 300.0, 1000.0])
        path = np.array([[0.8, 0.7, 0.4], [0.5, 0.6, 0.5]])
        found = scores_on(days, path, asked, np.array([[0.002], [0.0]]))
        assert found[0] == pytest.approx([0.8, 0.75, 0.55, 0.4, 0.2, 0.0])
        assert found[1] == pytest.approx([0.5] * 6)

    def test_pace(self) -> None:
        """The mean fall a day; one reading says nothing of it, and the score stays."""
        assert pace_a_day(np.array([0.0, 50.0]), np.array([[0.6, 0.5]])) == pytest.approx(np.array([[0.002]]))
        day, score = np.array([30.0]), np.array([[0.6]])
        found = scores_on(day, score, np.array([0.0, 30.0, 900.0]), pace_a_day(day, score))
        assert found == pytest.approx(np.full((1, 3), 0.6))


class TestChanceAboveZero:
    @given(st.floats(-50, 50), st.floats(0.1, 50), st.floats(0.1, 50))
    def test_is_the_normal_share(self, value: float, below: float, above: float) -> None:
        """The side towards 0 is a normal whose 80 % half-width is given."""
        found = chance_above_zero(np.array([value]), np.array([below]), np.array([above]))[0]
        spread = (below if value > 0 else above) / NormalDist().inv_cdf(0.9)
        assert found == pytest.approx(NormalDist(0, spread).cdf(value), abs=1e-9)

    def test_known_exactly(self) -> None:
        """Without spread it is certain; at 0 it is even."""
        nothing = np.zeros(3)
        assert list(chance_above_zero(np.array([5.0, -5.0, 0.0]), nothing, nothing)) == [1.0, 0.0, 0.5]
