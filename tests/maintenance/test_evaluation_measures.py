"""Do the measures say what the textbooks say? Against brute force, lifelines' own, and worked examples."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_maintenance.evaluation import (
    brier,
    calibration,
    concordance,
    discrimination,
    kaplan_meier,
    mean_cumulative,
    remaining_life,
)

DATA = Path(os.environ.get("RFID3_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))
ROWS = st.lists(st.tuples(st.integers(1, 8), st.booleans(), st.integers(0, 4)), min_size=3, max_size=40)


def columns(rows: list[tuple[int, bool, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(after, event, third) of drawn rows; ties are meant to be frequent."""
    after, event, third = zip(*rows, strict=True)
    return np.array(after, dtype=float), np.array(event), np.array(third, dtype=float)


class TestConcordance:
    @given(ROWS)
    def test_agrees_with_lifelines_ties_and_all(self, rows: list[tuple[int, bool, int]]) -> None:
        """Harrell's C with tied times, tied predictions and censoring is lifelines' concordance_index."""
        from lifelines.utils import concordance_index

        after, event, told = columns(rows)
        found = concordance.index(told, after, event)

        if np.isnan(found):
            with pytest.raises(ZeroDivisionError):
                concordance_index(after, told, event)
        else:
            assert found == pytest.approx(concordance_index(after, told, event))

    def test_perfect_and_reversed(self) -> None:
        """1 when the order is right, 0 when it is the other way round."""
        after, event = np.array([1.0, 2.0, 3.0]), np.ones(3, dtype=bool)

        assert concordance.index(after, after, event) == 1.0
        assert concordance.index(-after, after, event) == 0.0


class TestKaplanMeier:
    @given(ROWS)
    def test_agrees_with_lifelines_for_late_entry(self, rows: list[tuple[int, bool, int]]) -> None:
        """The curve is lifelines' at every moment, as long as somebody is at risk."""
        from lifelines import KaplanMeierFitter

        after, event, entry = columns(rows)
        entry = np.minimum(entry, after - 1)
        entry[0], after[0] = 0.0, 9.0  # one is at risk from the first to the last: lifelines warns without

        ours = kaplan_meier.estimate(after, event, entry)
        theirs = KaplanMeierFitter().fit(after, event, entry=entry)

        moments = np.arange(0.0, 9.0)
        assert ours.at(moments) == pytest.approx(theirs.survival_function_at_times(moments).to_numpy())

    def test_a_worked_example(self) -> None:
        """Kaplan and Meier's arithmetic by hand: 1, 2+, 3, 4+ gives 3/4 and 3/8."""
        curve = kaplan_meier.estimate(np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, False, True, False]))

        assert curve.at(np.array([0.5, 1.0, 2.5, 3.0])).tolist() == [1.0, 0.75, 0.75, 0.375]


class TestBrier:
    @given(ROWS)
    def test_is_the_mean_square_where_nobody_is_lost(self, rows: list[tuple[int, bool, int]]) -> None:
        """Without censoring every weight is 1."""
        after, _, third = columns(rows)
        told = third / 4

        found = brier.score(told, after, np.ones(len(after), dtype=bool), 4.0)

        assert found == pytest.approx(np.mean((told - (after > 4.0)) ** 2))

    def test_censoring_is_weighed_as_graf_says(self) -> None:
        """A worked example: of four, one is lost at 2 between two failures; those seen later weigh 3/2."""
        after, event = np.array([1.0, 2.0, 3.0, 5.0]), np.array([True, False, True, False])

        assert brier.weights(after, event, 4.0) == pytest.approx([1.0, 0.0, 1.5, 1.5])

    def test_the_true_chance_scores_best_under_censoring(self) -> None:
        """With exponential failures and censoring, the weighted score of the truth is that without censoring, and least."""
        rng = np.random.default_rng(4)
        life, sight = rng.exponential(10, 20_000), rng.exponential(12, 20_000)
        after, event, truth = np.minimum(life, sight), life <= sight, np.exp(-0.5)

        scores = [brier.score(np.full(20_000, told), after, event, 5.0) for told in (truth, truth - 0.1, truth + 0.1)]

        assert scores[0] == pytest.approx(truth * (1 - truth), abs=0.01)
        assert scores[0] < min(scores[1:])

    def test_integrated_is_the_mean_over_time(self) -> None:
        """Saying one half always scores a quarter at each moment and so on average, nobody being lost."""
        after, event, grid = np.arange(1.0, 9.0), np.ones(8, dtype=bool), np.array([2.0, 3.0, 7.0])

        assert brier.integrated(np.full((8, 3), 0.5), after, event, grid) == pytest.approx(0.25)


class TestCalibration:
    def test_recovers_a_known_distortion(self) -> None:
        """Log-odds doubled: the slope is one half; shifted by one: the intercept is minus one."""
        rng = np.random.default_rng(5)
        odds = rng.normal(-1, 1.2, 40_000)
        failed = rng.random(40_000) < 1 / (1 + np.exp(-odds))

        assert calibration.fit(1 / (1 + np.exp(-odds)), failed).slope == pytest.approx(1.0, abs=0.04)
        assert calibration.fit(1 / (1 + np.exp(-2 * odds)), failed).slope == pytest.approx(0.5, abs=0.02)
        assert calibration.fit(1 / (1 + np.exp(-odds - 1)), failed).intercept == pytest.approx(-1.0, abs=0.05)

    def test_chances_of_almost_0_and_1_are_no_trouble(self) -> None:
        """Newton's steps are held back: overconfident chances get a slope far below 1, not the start value."""
        rng = np.random.default_rng(6)
        odds = rng.normal(0, 1, 2_000)
        failed = rng.random(2_000) < 1 / (1 + np.exp(-odds))

        assert calibration.fit(1 / (1 + np.exp(-12 * odds)), failed).slope == pytest.approx(1 / 12, abs=0.03)

    def test_nothing_is_said_with_one_outcome_only(self) -> None:
        """No slope without failures, but what was told and what happened."""
        found = calibration.fit(np.array([0.2, 0.4]), np.array([False, False]))

        assert np.isnan(found.slope)
        assert (found.expected, found.happened) == (pytest.approx(0.3), 0.0)


class TestDiscrimination:
    @given(ROWS)
    def test_auc_is_the_share_of_pairs(self, rows: list[tuple[int, bool, int]]) -> None:
        """Of all pairs of a failed and a sound row, ties one half."""
        _, failed, told = columns(rows)
        pairs = [float(a > b) + 0.5 * (a == b) for a in told[failed] for b in told[~failed]]

        found = discrimination.auc(told, failed)

        assert (np.isnan(found) and not pairs) or found == pytest.approx(np.mean(pairs))

    def test_f1_is_the_harmonic_mean(self) -> None:
        """Precision 1/2 and recall 1/3: F1 is 0.4."""
        alert, failed = np.array([1, 1, 0, 0, 0], dtype=bool), np.array([1, 0, 1, 1, 0], dtype=bool)

        assert discrimination.f1(alert, failed) == pytest.approx(0.4)


class TestRemainingLife:
    def test_the_cap_cuts_truth_and_forecast(self) -> None:
        """Beyond the cap nothing is an error; rows whose end was not seen count for nothing."""
        rul = np.array([[50.0, 150.0, 400.0], [10.0, 30.0, 35.0], [0.0, 0.0, 0.0]])
        after, event = np.array([300.0, 40.0, 77.0]), np.array([True, True, False])

        found = remaining_life.judge(rul, rul[:, 1], after, event, 125.0)

        assert found.rmse_median == pytest.approx(np.sqrt(10**2 / 2))
        assert (found.rows, found.coverage_80) == (2, 0.5)


class TestMeanCumulative:
    def test_a_worked_example(self) -> None:
        """Three machines, one leaves before the second repair: 1/3, then 1/3 + 1/2."""
        found = mean_cumulative.estimate(
            np.array([1, 2]), np.array([5.0, 9.0]), np.array([1, 2, 3]), np.array([7.0, 12.0, 12.0])
        )

        assert found.mean.tolist() == pytest.approx([1 / 3, 1 / 3 + 1 / 2])
        assert found.at(4.0) == (0.0, 0.0, 0.0)

    def test_late_entry_is_not_at_risk_before(self) -> None:
        """A machine seen from 6 on does not thin the repairs at 5."""
        found = mean_cumulative.estimate(
            np.array([1]), np.array([5.0]), np.array([1, 2]), np.array([9.0, 9.0]), np.array([0.0, 6.0])
        )

        assert found.mean.tolist() == [1.0]

    def test_the_interval_covers_what_independent_machines_do(self) -> None:
        """Of 200 fleets of 30 Poisson machines, about 95 % of the intervals hold the true mean."""
        rng, held = np.random.default_rng(8), 0
        for _ in range(200):
            counts = rng.poisson(2.0, 30)
            unit, age = np.repeat(np.arange(30), counts), rng.random(counts.sum()) * 10
            _, low, high = mean_cumulative.estimate(unit, age, np.arange(30), np.full(30, 10.0)).at(10.0)
            held += low <= 2.0 <= high

        assert 180 <= held <= 199

    def test_valve_seats_are_reproduced(self) -> None:
        """Nelson's diesel engines: 0.81 replacements an engine at 500 days, 1.54 at 653."""
        file = DATA / "smrd_given" / "valveseat.csv"
        if not file.is_file():
            pytest.skip(f"needs {file.name} of the data folder")
        rows = pl.read_csv(file)
        events, ends = rows.filter(pl.col("event") == "replacement"), rows.filter(pl.col("event") == "end")

        found = mean_cumulative.estimate(
            events["engine"].to_numpy(), events["days"].to_numpy(), ends["engine"].to_numpy(), ends["days"].to_numpy()
        )

        assert (round(found.at(500)[0], 2), round(found.at(653)[0], 2)) == (0.81, 1.54)
