"""Error measures against textbook values worked out by hand."""

import math

import numpy as np
import polars as pl
import pytest

from rfid3_shared import evaluate


class TestCutoffs:
    def test_the_last_origin_leaves_exactly_one_horizon(self) -> None:
        """Each origin leaves `horizon` steps; they are `gap` apart, ascending."""
        assert evaluate.cutoffs(100, 10, 3, gap=5) == [80, 85, 90]

    def test_origins_with_too_little_past_are_left_out(self) -> None:
        """No origin has fewer than `minimum` steps to learn from."""
        assert evaluate.cutoffs(20, 5, 10, gap=3, minimum=9) == [9, 12, 15]


class TestPointErrors:
    def test_textbook_values(self) -> None:
        """MAE, RMSE and WAPE of errors 1, 2, 3 on outcomes 10, 20, 30."""
        y, said = [10, 20, 30], [11, 18, 33]
        assert evaluate.mae(y, said) == 2.0
        assert evaluate.rmse(y, said) == pytest.approx(math.sqrt(14 / 3))
        assert evaluate.wape(y, said) == pytest.approx(6 / 60)

    def test_missing_pairs_are_left_out(self) -> None:
        """NaN on either side drops the pair, and nothing at all gives NaN."""
        assert evaluate.mae([1, float("nan"), 3], [2, 5, float("nan")]) == 1.0
        assert math.isnan(evaluate.wape([0, 0], [1, 1]))


class TestMase:
    def test_the_seasonal_naive_in_sample_scores_one(self) -> None:
        """A forecast with errors as large as the in-sample seasonal naive's has MASE 1."""
        history = [1, 5, 3, 7, 5, 9]  # season 2: every step differs by 2
        assert evaluate.mase_scale(history, 2) == 2.0
        assert evaluate.mase([10, 10], [12, 8], history, 2) == 1.0

    def test_a_flat_history_has_no_scale(self) -> None:
        """Series whose naive error is zero are left out of the average."""
        y, said = np.array([[1.0, 1.0], [10.0, 10.0]]), np.array([[2.0, 2.0], [12.0, 12.0]])
        assert evaluate.mase(y, said, np.array([[3.0, 3, 3], [1.0, 2, 3]]), 1) == 2.0


class TestCompetitionMeasures:
    def test_smape_of_m4_by_hand(self) -> None:
        """200 |y - f| / (|y| + |f|): 200*10/190, 200*20/220 and, where both are zero, 0."""
        assert evaluate.smape([100, 100, 0], [90, 120, 0]) == pytest.approx((200 * 10 / 190 + 200 * 20 / 220 + 0) / 3)
        assert evaluate.smape([5, 7], [0, 0]) == 200.0

    def test_mase_of_m4_by_hand(self) -> None:
        """Scale: mean absolute seasonal difference in sample, |30-10|, |50-20|, |20-30|, |60-50| = 17.5; errors 5 and 10."""
        assert evaluate.mase([25, 70], [20, 60], [10, 20, 30, 50, 20, 60], 2) == pytest.approx(7.5 / 17.5)

    def test_mase_of_the_tourism_competition_by_hand(self) -> None:
        """Part one (yearly): scaled by differences of neighbours; part two: by seasonal differences. Plain loops agree."""
        history, y, said = [3.0, 8.0, 4.0, 9.0, 2.0], [5.0, 7.0, 6.0], [4.0, 9.0, 6.0]
        for season in (1, 2):
            steps = [abs(history[k] - history[k - season]) for k in range(season, len(history))]
            error = sum(abs(a - b) for a, b in zip(y, said, strict=True)) / len(y)
            expected = error * (len(history) - season) / sum(steps)
            assert evaluate.mase(y, said, history, season) == pytest.approx(expected)

    def test_owa_is_the_mean_of_two_ratios_and_naive_two_scores_one(self) -> None:
        """(sMAPE over Naive2's + MASE over Naive2's) / 2; nothing to compare with gives NaN."""
        assert evaluate.owa(9.0, 0.8, 12.0, 1.0) == pytest.approx((0.75 + 0.8) / 2)
        assert evaluate.owa(12.0, 1.1, 12.0, 1.1) == 1.0
        assert math.isnan(evaluate.owa(1.0, 1.0, 0.0, 1.0))

    def test_an_independent_library_gives_the_same(self) -> None:
        """utilsforecast's sMAPE (0 to 1 there) and MASE of three random series."""
        from utilsforecast import losses

        rng = np.random.default_rng(3)
        past, y, said = rng.uniform(1, 9, (3, 20)), rng.uniform(1, 9, (3, 5)), rng.uniform(1, 9, (3, 5))
        frame = pl.DataFrame({"unique_id": np.repeat([0, 1, 2], 5), "y": y.ravel(), "m": said.ravel()})
        train = pl.DataFrame({"unique_id": np.repeat([0, 1, 2], 20), "y": past.ravel()})

        assert evaluate.smape(y, said) == pytest.approx(200 * losses.smape(frame, ["m"])["m"].mean())
        assert evaluate.mase(y, said, past, 4) == pytest.approx(losses.mase(frame, ["m"], 4, train)["m"].mean())

    def test_all_zero_on_sparse_demand(self) -> None:
        """Its quantile loss over the deciles is 1 exactly, its sMAPE 200 times the share of demand, its MASE mean |y| / scale."""
        y, past = np.array([[0.0, 3, 0, 0, 1]]), np.array([[0.0, 0, 2, 0, 0, 4, 0]])
        zero = np.zeros_like(y)

        assert evaluate.weighted_quantile_loss(y, np.zeros((1, 5, 9)), np.arange(1, 10) / 10) == pytest.approx(1.0, abs=1e-12)
        assert evaluate.smape(y, zero) == 200 * 2 / 5
        assert evaluate.mase(y, zero, past) == pytest.approx(np.abs(y).mean() / (12 / 6))


class TestQuantileLoss:
    def test_pinball_of_one_miss(self) -> None:
        """Too low by 10 at level 0.9 costs 9; too high costs 1."""
        assert evaluate.pinball([20], [10], 0.9) == pytest.approx(9.0)
        assert evaluate.pinball([10], [20], 0.9) == pytest.approx(1.0)

    def test_the_median_alone_equals_wape(self) -> None:
        """Twice the pinball loss at 0.5 is the absolute error."""
        y, median = np.array([3.0, 0.0, 7.0]), np.array([2.0, 1.0, 9.0])
        assert evaluate.weighted_quantile_loss(y, median[:, None], [0.5]) == pytest.approx(evaluate.wape(y, median))

    def test_all_zero_quantiles_score_one_at_the_deciles(self) -> None:
        """For a zero forecast the loss at level q is 2q, which averages 1 over the deciles."""
        y = np.array([0.0, 4.0, 1.0])
        deciles = np.arange(1, 10) / 10
        assert evaluate.weighted_quantile_loss(y, np.zeros((3, 9)), deciles) == pytest.approx(1.0)


class TestCoverage:
    def test_ends_are_inside(self) -> None:
        """The interval is closed."""
        assert evaluate.coverage([1, 2, 3, 9], [1, 0, 4, 0], [1, 5, 5, 9]) == 0.75

    def test_a_calibrated_count_quantile_lies_in_its_band(self) -> None:
        """The true 0.9 quantile of a Poisson(1) is 2: P(<2) = 0.736, P(<=2) = 0.920."""
        y = np.random.default_rng(0).poisson(1.0, 20_000)
        below, at = evaluate.calibration_band(y, np.full(len(y), 2))
        assert below == pytest.approx(0.736, abs=0.01)
        assert at == pytest.approx(0.920, abs=0.01)


class TestClassify:
    @pytest.mark.parametrize(
        ("history", "kind"),
        [
            ([5, 6, 5, 6, 5, 6], "smooth"),
            ([1, 30, 1, 1, 1, 30], "erratic"),
            ([0, 5, 0, 5, 0, 5], "intermittent"),
            ([0, 1, 0, 30, 0, 1], "lumpy"),
            ([0, 0, 0], "none"),
        ],
    )
    def test_the_four_corners(self, history: list[float], kind: str) -> None:
        """Interval 1.32 and squared variation 0.49 part the four kinds (Syntetos, Boylan and Croston 2005)."""
        assert evaluate.classify(history) == kind

    def test_steps_before_the_beginning_do_not_count(self) -> None:
        """NaN is not a period without demand."""
        assert evaluate.classify([float("nan")] * 9 + [5, 6, 5]) == "smooth"

    def test_a_long_frame_gives_one_kind_a_series(self) -> None:
        """The frame's answer equals the array's, series by series."""
        frame = pl.DataFrame({"unique_id": ["b"] * 3 + ["a"] * 4, "y": [5, 6, 5, 0, 4, 0, 4]})
        assert evaluate.demand_kinds(frame).rows() == [("a", "intermittent"), ("b", "smooth")]
