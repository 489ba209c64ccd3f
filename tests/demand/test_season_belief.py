"""When a season of counts is believed: against loops, and on panels whose truth is known."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rfid3_demand.model import season_belief, seasonal

NAN = float("nan")
MONTHS = 12


def own_seasons(series: int, spread: float) -> np.ndarray:
    """Seasons that have nothing in common, (series, MONTHS), each averaging 1."""
    shape = np.exp(np.random.default_rng(5).normal(0.0, spread, (series, MONTHS)))
    return np.asarray(shape / shape.mean(axis=1, keepdims=True))


def months(rate: np.ndarray, count: int, seed: int = 6) -> np.ndarray:
    """Poisson counts of `count` months up to the end of a cycle; rate: (series, MONTHS)."""
    return np.random.default_rng(seed).poisson(rate[:, np.arange(-count, 0) % MONTHS]).astype(float)


class TestStray:
    def test_equals_loops_over_pairs_of_cycles(self) -> None:
        """Products of relative departures, pair by pair, weighted by what each series can tell, less their standard error."""
        y = months(np.array([[4.0], [9.0], [2.0]]) * own_seasons(3, 0.9), 28)
        y[0, :7] = NAN
        prior, noise = np.ones((3, MONTHS)), np.array([0.3, 0.1, 0.5])
        mean, steps = np.zeros(3), np.zeros(3)
        for i in range(3):
            top = bottom = 0.0
            for start in (-36, -24):
                pairs = [(y[i, k], y[i, k + 12]) for k in range(start, start + 12) if k >= -28 and np.isfinite(y[i, k])]
                early, late = np.mean(pairs, axis=0) if pairs else (0.0, 0.0)
                top += sum((a - early) * (b - late) for a, b in pairs)
                bottom += early * late * len(pairs)
                steps[i] += len(pairs)
            mean[i] = top / bottom
        found = 0.0
        for _ in range(60):
            weight = steps / (noise + max(found, 0.0)) ** 2
            found = float((weight * mean).sum() / weight.sum())
        expected = found - weight.sum() ** -0.5
        assert expected > 0.05
        assert season_belief.stray(y, MONTHS, prior, noise) == pytest.approx(expected, rel=1e-6)

    def test_recovers_a_planted_variance(self) -> None:
        """Seasons with a known variance around the prior are found to have about that, from two years of few units."""
        truth = own_seasons(1500, 0.5)
        found = season_belief.stray(months(1.5 * truth, 24), MONTHS, np.ones_like(truth), np.full(1500, 1 / 1.5))
        assert found == pytest.approx(truth.var(axis=1).mean(), rel=0.25)

    def test_series_that_die_out_show_no_season(self) -> None:
        """A level that falls in one year and stays down does not come again."""
        falling = np.repeat([1.5, 0.2], [10, 14])[None, :] * np.ones((800, 1))
        y = np.random.default_rng(7).poisson(falling).astype(float)
        assert season_belief.stray(y, MONTHS, np.ones((800, MONTHS)), np.full(800, 1.5)) < 0.02


class TestProfileOfCounts:
    @given(arrays(np.float64, (4, 30), elements=st.sampled_from([0.0, 0.0, 1.0, 2.0, 9.0, NAN])))
    @settings(max_examples=30, deadline=None)
    def test_factors_are_positive_and_average_one(self, y: np.ndarray) -> None:
        """Whatever the counts."""
        said = seasonal.profile(y, (MONTHS,), True, np.zeros(4), counts=True)
        assert (said > 0).all()
        assert said.mean(axis=1) == pytest.approx(np.ones(4))

    @pytest.mark.parametrize("dispersion", [0.02, 3.0])
    def test_finds_none_where_there_is_none(self, dispersion: float) -> None:
        """Two years of sparse counts, even or lumpy: the profile is flat though every series has its high months."""
        rate = np.random.default_rng(8).gamma(1.0, 0.5, (1000, 1))
        y = np.random.default_rng(9).poisson(rate * np.random.default_rng(10).gamma(1 / dispersion, dispersion, (1000, 24)))
        said = seasonal.profile(y.astype(float), (MONTHS,), True, counts=True)
        assert np.abs(said - 1.0).mean() < 0.01

    def test_keeps_a_strong_one_near_the_best_possible(self) -> None:
        """Own seasons of a panel are nearer to the truth than flat or raw ones, and near the best shrinkage there is."""
        truth = own_seasons(600, 0.6)
        y = months(3.0 * truth, 36)
        said = seasonal.profile(y, (MONTHS,), True, counts=True)
        raw = y.reshape(600, 3, MONTHS).sum(axis=1)
        raw = raw / raw.mean(axis=1, keepdims=True)
        best = min(((1 + share * (raw - 1) - truth) ** 2).mean() for share in np.linspace(0, 1, 51))
        assert ((said - truth) ** 2).mean() < min(1.1 * best, 0.5 * ((1 - truth) ** 2).mean())

    def test_a_dense_series_alone_keeps_its_season(self) -> None:
        """Hundreds of units a month over three years need no relatives to be believed."""
        truth = 1 + 0.5 * np.cos(2 * np.pi * np.arange(MONTHS) / MONTHS)
        said = seasonal.profile(months(300.0 * truth[None, :], 36), (MONTHS,), True, np.zeros(1), counts=True)
        assert np.abs(said[0] - truth).max() < 0.1

    def test_agreement_by_chance_earns_no_belief(self) -> None:
        """Of equal series without a season, one whose two years happen to agree is not believed more than the others."""
        y = np.random.default_rng(11).poisson(0.5, (300, 24)).astype(float)
        y[0] = np.tile(np.eye(MONTHS)[3] * 6.0, 2)
        assert np.abs(seasonal.profile(y, (MONTHS,), True, counts=True)[0] - 1.0).max() < 0.2


class TestDispersion:
    def test_recovers_a_line(self) -> None:
        """Variance over mean of 1.4 + 0.5 x mean, from noisy squares of many series."""
        mean = np.random.default_rng(12).gamma(1.0, 2.0, 3000)
        free = np.full(3000, 12.0)
        squares = (1.4 + 0.5 * mean) * np.random.default_rng(13).chisquare(12, 3000)
        assert season_belief._dispersion(squares, free, mean) == pytest.approx(1.4 + 0.5 * mean, rel=0.05)

    def test_is_never_below_poisson(self) -> None:
        """Squares smaller than those of Poisson counts are luck."""
        assert season_belief._dispersion(np.full(9, 0.1), np.ones(9), np.arange(9.0)).min() == 1.0
