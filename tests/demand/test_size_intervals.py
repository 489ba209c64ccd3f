"""Intervals of sizes: do they hold for one series when the truth is known, and what happens beyond the checked steps?"""

import numpy as np
import pytest

from rfid3_demand.model import backtest, intervals, size_intervals

HORIZON = 28
ENDS = np.array([0.025, 0.1, 0.9, 0.975])
KINDS = {"noise": (0.0, 0.0, 0.0), "remembered": (0.7, 0.0, 0.0), "local level": (0.0, 1.0, 0.9)}


def cumulated(kind: str) -> np.ndarray:
    """Weights with which each innovation enters later errors of this kind (the psi weights)."""
    f, d, t = KINDS[kind]
    weights = [1.0]
    for k in range(1, HORIZON):
        before = weights[-2] if k > 1 else 0.0
        weights.append((f + d) * weights[-1] - f * d * before - (t if k == 1 else 0.0))
    return np.array(weights)


def covered(length: int, kind: str, replications: int = 120) -> np.ndarray:
    """Share of the next HORIZON errors of a perfect forecast inside the 80 and 95 % intervals of one series."""
    rng, psi = np.random.default_rng(length), cumulated(kind)
    cuts, steps = backtest.plan(length, HORIZON, 7, series=1)
    independent = max(1.0, (cuts[-1] - cuts[0] + steps) / steps)
    found = []
    for _ in range(replications):
        e = rng.normal(size=length + HORIZON)

        def errors(cut: int, ahead: int, e: np.ndarray = e) -> np.ndarray:
            return np.array([psi[:k] @ e[cut : cut + k][::-1] for k in range(1, ahead + 1)])

        y = 100.0 + np.stack([np.where(c + np.arange(steps) < length, errors(c, steps), np.nan) for c in cuts])[None]
        learned = intervals.calibrate(y, np.full(y.shape, 100.0), np.zeros(1, int), np.ones(1), HORIZON, False, independent)
        q = intervals.quantiles(learned, np.full((1, HORIZON), 100.0), ENDS)[0]
        truth = 100.0 + errors(length, HORIZON)
        found.append([((truth >= q[:, 1]) & (truth <= q[:, 2])).mean(), ((truth >= q[:, 0]) & (truth <= q[:, 3])).mean()])
    return np.mean(found, axis=0)


class TestCoverage:
    @pytest.mark.parametrize("kind", list(KINDS))
    @pytest.mark.parametrize("length", [100, 1500])
    def test_holds_for_one_series_whose_truth_is_known(self, length: int, kind: str) -> None:
        """80 and 95 % within 2 points, and the simulation's own error (120 replications) of 1.5."""
        assert covered(length, kind) == pytest.approx([0.8, 0.95], abs=0.035)


class TestCalibrate:
    def test_spread_follows_the_mean_where_errors_do(self) -> None:
        """Errors in proportion to the mean: an interval at ten times the mean is ten times as wide."""
        rng = np.random.default_rng(0)
        mean = np.tile(np.array([10.0, 100.0]), (1, 12, 13))
        y = mean * (1.0 + rng.normal(0, 0.1, mean.shape))
        learned = intervals.calibrate(y, mean, np.zeros(1, int), np.ones(1), 26, False, 12.0)
        q = intervals.quantiles(learned, np.array([[20.0] * 26, [200.0] * 26])[:1], ENDS)[0]
        wide = intervals.quantiles(learned, np.full((1, 26), 200.0), ENDS)[0]
        assert (wide[:, 2] - wide[:, 1]).mean() == pytest.approx(10 * (q[:, 2] - q[:, 1]).mean(), rel=0.01)

    def test_spread_stays_where_errors_do(self) -> None:
        """Errors of one size at small and large means: no growth with the mean."""
        rng = np.random.default_rng(1)
        mean = np.tile(np.array([10.0, 100.0]), (1, 12, 13))
        learned = intervals.calibrate(
            mean + rng.normal(0, 2.0, mean.shape), mean, np.zeros(1, int), np.ones(1), 26, False, 12.0
        )
        assert learned.spread[0, 1] == 0.0

    @pytest.mark.parametrize(("walk", "low", "high"), [(False, 1.0, 2.5), (True, 3.0, 10.1)])
    def test_growth_goes_on_beyond_the_checked_steps(self, walk: bool, low: float, high: float) -> None:
        """A year ahead from 26 checked steps: a random walk's spread goes on growing, that of noise hardly; never falls."""
        rng = np.random.default_rng(2)
        e = rng.normal(size=(5, 12, 26))
        y = 100.0 + (np.cumsum(e, axis=2) if walk else e)
        learned = intervals.calibrate(y, np.full(y.shape, 100.0), np.zeros(5, int), np.ones(5), 365, False, 12.0)
        assert low <= learned.growth[-1] / learned.growth[25] <= high
        assert (np.diff(learned.growth) >= 0).all()

    def test_many_series_are_widened_for_what_they_share(self) -> None:
        """Series that all err alike tell of one period, and the spread of one error is that of a mean of one (1 + 1/1); those that
        err each for itself are widened less."""
        rng = np.random.default_rng(3)
        mean = np.full((50, 4, 6), 100.0)

        def widening(y: np.ndarray) -> float:
            one, many = (
                size_intervals.calibrate(y, mean, np.zeros(50, int), np.ones(50), 6, n)[0][:, 0] for n in (1.0, np.inf)
            )
            return float((one / many).mean())

        assert widening(np.broadcast_to(100.0 + np.array([-1.0, 2.0, 1.0, -2.0])[:, None], mean.shape)) == pytest.approx(2**0.5)
        assert 1.0 < widening(mean + rng.normal(size=mean.shape)) < 1.2

    def test_a_spread_from_few_errors_is_known_to_miss(self) -> None:
        """Every series' errors grow and shrink from one origin to the next: what its own past origins say is held to be as wrong
        as it is about a further one."""
        rng = np.random.default_rng(7)
        own, passing = np.exp(rng.normal(0, 1.0, (500, 1, 1))), np.exp(rng.normal(0, 0.8, (500, 6, 1)))
        y = 100.0 + own * passing * rng.normal(size=(500, 6, 12))
        mean = np.full(y.shape, 100.0)
        learned = intervals.calibrate(y[:, :4], mean[:, :4], np.zeros(500, int), np.ones(500), 12, False)
        q = intervals.quantiles(learned, mean[:, 0], ENDS)[:, None]
        assert np.mean((y[:, 4:] >= q[..., 1]) & (y[:, 4:] <= q[..., 2])) == pytest.approx(0.80, abs=0.02)
        assert np.mean((y[:, 4:] >= q[..., 0]) & (y[:, 4:] <= q[..., 3])) == pytest.approx(0.95, abs=0.02)

    def test_a_node_without_errors_is_as_wide_as_its_kind(self) -> None:
        """Where spread follows the mean, a node of which only the scale is known has the width of its kind at its usual mean."""
        rng = np.random.default_rng(8)
        mean = np.exp(rng.normal(6.0, 1.0, (30, 1, 1))) * np.exp(rng.normal(0, 0.5, (30, 4, 8)))
        y = mean * (1.0 + rng.normal(0, 0.1, mean.shape))
        y[0] = np.nan
        scale = mean.mean(axis=(1, 2))
        learned = intervals.calibrate(y, mean, np.zeros(30, int), scale, 8, False, 4.0)
        q = intervals.quantiles(learned, np.repeat(scale[:, None], 8, axis=1), ENDS)
        width = (q[:, :, 3] - q[:, :, 0]).mean(axis=1) / scale
        assert learned.spread[0, 1] > 0
        assert width[0] == pytest.approx(np.median(width[1:]), rel=0.15)

    def test_nodes_without_outcomes_are_answered(self) -> None:
        """NaN outcomes give the bucket's spread, not NaN."""
        y = np.full((2, 3, 4), np.nan)
        y[0] = 5.0 + np.random.default_rng(4).normal(size=(3, 4))
        learned = intervals.calibrate(y, np.full(y.shape, 5.0), np.zeros(2, int), np.ones(2), 4, False, 2.0)
        assert np.isfinite(intervals.quantiles(learned, np.full((2, 4), 5.0), ENDS)).all()
