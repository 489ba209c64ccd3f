"""The model's rooms one by one, against textbook recursions and brute force."""

from datetime import date, timedelta

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.stats import nbinom

from rfid3_demand.model import (
    Panel,
    corrected_levels,
    ensemble,
    global_tree,
    intermittent,
    intervals,
    naive,
    negative_binomial,
    nodes,
    seasonal,
    smoothing,
)
from rfid3_demand.model.panel import flat_hierarchy
from rfid3_demand.model.reconcile import ErrorModel, reconcile
from rfid3_demand.model.summing import aggregate
from rfid3_shared.series import parse_frequency

NAN = float("nan")


class TestNaive:
    def test_repeats_the_last_season(self) -> None:
        """Step h is the value one season earlier."""
        assert naive.seasonal_naive(np.array([[9.0, 1, 2, 3]]), 5, 3).tolist() == [[1, 2, 3, 1, 2]]

    def test_a_newcomer_leans_on_its_relatives(self) -> None:
        """Two observations of 10 beside relatives at 1 give a level between, nearer to the relatives."""
        y = np.array([[NAN] * 11 + [10.0, 10.0], [1.0] * 13, [1.0] * 13])
        level = naive.pooled_level(y, 1, np.zeros(3))[0, 0]
        assert 1.0 < level < 6.0


class TestSmoothing:
    def test_a_constant_stays(self) -> None:
        """Smoothing, theta and Holt–Winters continue a constant series unchanged."""
        x = np.full((1, 30), 7.0)
        assert np.allclose(smoothing.ets(x, 4), 7.0)
        assert np.allclose(smoothing.theta(x, 4), 7.0)
        assert np.allclose(smoothing.holt_winters(x, 4, np.ones((1, 4)), True), 7.0)

    def test_simple_smoothing_is_the_textbook_recursion(self) -> None:
        """On noise without trend the level equals that of a loop with the same smoothing constant."""
        x = np.random.default_rng(1).normal(50, 5, 60)
        said = smoothing.ets(x[None, :], 1)[0, 0]
        loops = []
        for alpha in smoothing.LEVEL_GRID:
            level = x[:5].mean()
            for value in x:
                level += alpha * (value - level)
            loops.append(level)
        assert min(abs(said - level) for level in loops) < 1e-9

    def test_theta_follows_half_the_slope(self) -> None:
        """Beyond the level, the forecast rises by half the slope of the straight line (Hyndman & Billah 2003)."""
        x = np.arange(40.0)[None, :] * 3 + 10
        steps = np.diff(smoothing.theta(x, 5)[0])
        assert np.allclose(steps, 1.5)


class TestIntermittent:
    def test_croston_sba_on_a_regular_pattern(self) -> None:
        """Size 4 every second step: 4 / 2 with the correction 1 - 0.1 / 2."""
        x = np.array([[0.0, 4.0] * 20])
        assert intermittent.croston_sba(x, 2)[0].tolist() == pytest.approx([1.9, 1.9])

    def test_tsb_fades_when_nothing_moves(self) -> None:
        """After a long silence TSB's forecast is lower than Croston's, which never forgets."""
        x = np.array([[3.0] * 20 + [0.0] * 20] * 3)
        assert intermittent.tsb(x, 1)[0, 0] < intermittent.croston_sba(x, 1)[0, 0]

    def test_buckets_recover_the_rate(self) -> None:
        """One unit in every fourth step is a rate of 0.25."""
        x = np.array([[0.0, 0, 0, 1.0] * 12])
        adida, imapa = intermittent.adida_and_imapa(x, 1)
        assert adida[0, 0] == pytest.approx(0.25)
        assert imapa[0, 0] == pytest.approx(0.25, abs=0.1)


class TestSeasonal:
    def test_finds_a_season_that_is_there(self) -> None:
        """A strong multiplicative season is recovered within a few per cent, aligned to the steps ahead."""
        truth = np.array([0.5, 1.5, 1.2, 0.8])
        y = 100 * truth[np.arange(40) % 4][None, :]
        _, ahead = seasonal.factors(seasonal.profile(y, (4,), True), 40, 4)
        assert np.allclose(ahead[0], truth, rtol=0.03)

    def test_finds_none_in_noise(self) -> None:
        """Pure noise keeps a nearly flat profile."""
        y = np.random.default_rng(2).poisson(3, (50, 36)).astype(float)
        assert np.abs(seasonal.profile(y, (12,), True) - 1).mean() < 0.1

    def test_a_sparse_series_borrows_from_its_group(self) -> None:
        """A sparse series among many with a season gets that season, not its own chance pattern."""
        truth = 1 + 0.8 * np.cos(2 * np.pi * np.arange(36) / 12)
        y = np.random.default_rng(3).poisson(0.5 * truth, (200, 36)).astype(float)
        own = seasonal.profile(y, (12,), True, np.zeros(200))
        _, ahead = seasonal.factors(own, 36, 12)
        assert np.abs(ahead - truth[:12]).mean() < 0.12


class TestReconcile:
    SUMMING = csr_matrix(np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1]]))

    def test_equals_the_closed_form(self) -> None:
        """Conjugate gradients give S (S'WS)^-1 S'W y of the textbook."""
        base = np.array([[4.0], [5], [6], [12], [16]])
        variance = np.array([1.0, 2, 3, 4, 5])
        s, w = self.SUMMING.toarray(), np.diag(1 / variance)
        expected = s @ np.linalg.solve(s.T @ w @ s, s.T @ w @ base)
        assert np.allclose(reconcile(self.SUMMING, base, ErrorModel("weighted", variance), True), expected, atol=1e-5)

    def test_sums_and_signs_hold_for_any_input(self) -> None:
        """Levels add up exactly and nothing is negative, whatever contradiction goes in."""
        base = np.random.default_rng(4).normal(0, 10, (5, 7))
        said = reconcile(self.SUMMING, base, ErrorModel("weighted", np.ones(5)), True)
        assert (said >= 0).all()
        assert np.allclose(self.SUMMING @ said[:3], said, atol=1e-9)

    def test_what_is_unknown_stays_nothing(self) -> None:
        """A bottom series without a forecast stays 0, and its parents' surplus goes to the others."""
        base = np.array([[4.0], [NAN], [6], [12], [16]])
        said = reconcile(self.SUMMING, base, ErrorModel("weighted", np.ones(5)), True)
        assert said[1, 0] == 0
        assert said[3, 0] == said[0, 0]


class TestNegativeBinomial:
    @pytest.mark.parametrize("mean", [0.05, 0.7, 3.0, 20.0, 400.0])
    @pytest.mark.parametrize("dispersion", [0.02, 0.5, 3.0])
    def test_quantiles_equal_scipy(self, mean: float, dispersion: float) -> None:
        """Whole-number quantiles agree with scipy's up to the grid of the table."""
        levels = np.array([0.1, 0.5, 0.9, 0.975])
        mine = negative_binomial.quantiles(np.array([mean]), np.array([dispersion]), levels)[0]
        exact = nbinom.ppf(levels, 1 / dispersion, 1 / (1 + dispersion * mean))
        assert (np.abs(mine - exact) <= np.maximum(1.0, 0.08 * exact)).all()

    def test_probabilities_equal_scipy(self) -> None:
        """Cumulative probabilities agree with scipy's within two points."""
        units = np.arange(0, 30)
        mine = negative_binomial.probability(units, np.full(30, 6.0), np.full(30, 0.4))
        assert np.abs(mine - nbinom.cdf(units, 2.5, 2.5 / 8.5)).max() < 0.02


class TestEnsemble:
    def test_a_failed_method_gives_its_share_to_the_others(self) -> None:
        """NaN from one method leaves a weighted mean of the rest, with shares that sum to 1."""
        said = {"a": np.array([[2.0], [2.0]]), "b": np.array([[NAN], [4.0]])}
        mean, shares = ensemble.combine(said, {"a": np.array([0.5, 0.5]), "b": np.array([0.5, 0.5])})
        assert mean.tolist() == [[2.0], [3.0]]
        assert (shares["a"] + shares["b"]).tolist() == [1.0, 1.0]

    def test_trusts_the_better_method_more(self) -> None:
        """The method with half the error gets the larger share."""
        errors = {"good": np.full((3, 40), 1.0), "bad": np.full((3, 40), 2.0)}
        share = ensemble.weights(errors, np.ones(3), np.zeros(3))
        assert (share["good"] > 0.9).all()


class TestIntervals:
    def _held_out(self, counts: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Outcomes, true means, and quantiles calibrated on other outcomes of the same kind."""
        rng = np.random.default_rng(5)
        mean = rng.gamma(1.0, 3.0, (400, 1, 1)) * np.ones((1, 8, 6))
        sizes = mean + rng.standard_t(4, mean.shape) * 2
        y = rng.poisson(mean * rng.gamma(2.0, 0.5, mean.shape)).astype(float) if counts else sizes
        calibration = intervals.calibrate(y[:, :4], mean[:, :4], np.zeros(400, dtype=int), np.ones(400), 6, counts)
        levels = np.array([0.025, 0.1, 0.5, 0.9, 0.975])
        return y[:, 4:], mean, np.stack([intervals.quantiles(calibration, mean[:, k], levels) for k in range(4, 8)], axis=1)

    def test_sizes_are_covered_as_promised(self) -> None:
        """80 and 95 % intervals of held-out outcomes hold within two points."""
        y, _, q = self._held_out(counts=False)
        assert np.mean((y >= q[..., 1]) & (y <= q[..., 3])) == pytest.approx(0.80, abs=0.02)
        assert np.mean((y >= q[..., 0]) & (y <= q[..., 4])) == pytest.approx(0.95, abs=0.02)

    def test_every_count_level_lies_in_its_band(self) -> None:
        """For counts each level lies between the shares below and at-or-below its quantile, within two points."""
        y, _, q = self._held_out(counts=True)
        for k, level in enumerate((0.025, 0.1, 0.5, 0.9, 0.975)):
            assert np.mean(y < q[..., k]) <= level + 0.02
            assert np.mean(y <= q[..., k]) >= level - 0.02

    def test_count_quantiles_are_whole_and_ordered(self) -> None:
        """Whole numbers, never negative, never crossing."""
        _, _, q = self._held_out(counts=True)
        assert (q == np.round(q)).all()
        assert (q >= 0).all()
        assert (np.diff(q, axis=-1) >= 0).all()


class TestAggregate:
    def test_a_sum_begins_with_its_first_child(self) -> None:
        """Before any child began a node is unknown; afterwards children that have not begun count as nothing."""
        y = np.array([[NAN, 2.0, 3.0], [NAN, NAN, 4.0]])
        total = aggregate(csr_matrix(np.ones((1, 2))), y)
        assert np.isnan(total[0, 0])
        assert total[0, 1:].tolist() == [2.0, 7.0]


class TestShareBelow:
    def test_is_the_share_of_points_at_or_below(self) -> None:
        """Counted one by one: of five points within each outcome's step, as many lie below a grid point; twenty more as promised."""
        rng = np.random.default_rng(9)
        low = rng.uniform(0.0, 0.9, 40)
        high = low + rng.uniform(0.0, 0.1, 40)
        points = [
            at + max(to - at, 1e-4) * part for at, to in zip(low, high, strict=True) for part in (0.1, 0.3, 0.5, 0.7, 0.9)
        ]
        share = np.array([sum(point <= mark for point in points) / len(points) for mark in corrected_levels.GRID])
        expected = (40 * share + 20 * corrected_levels.GRID) / 60
        found = corrected_levels.share_below(low, high, np.ones(40, dtype=bool))
        assert np.allclose(found[1:-1], expected[1:-1], atol=1e-9)
        assert found[0] == 0.0


class TestTrainingRows:
    def test_very_many_series_still_teach_all_seasons(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where one origin alone would fill the budget, rows come from ten origins and from every series in turn."""
        monkeypatch.setattr(global_tree, "ROW_BUDGET", 60)
        y = np.random.default_rng(2).poisson(3.0, (60, 40)).astype(float)
        dates = tuple(date(2023, 1, 2) + timedelta(weeks=k) for k in range(40))
        panel = Panel(tuple(map(str, range(60))), dates, y, parse_frequency("W-MON"), 52)
        data = nodes.node_data(panel, flat_hierarchy(panel.ids).summing, 4)
        blocks = list(global_tree._training_blocks(data, 36, 4))
        assert len(blocks) == global_tree.FEWEST_ORIGINS
        assert [len(block[1]) for block in blocks] == [6] * len(blocks)
