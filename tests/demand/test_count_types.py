"""Chances of types of counting series, against brute force, textbook Bayes and simulated truth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom

from rfid3_demand.model import count_mixture, count_types
from rfid3_demand.model.count_types import DISPERSION_OF_TYPE, MEAN_OF_TYPE, chances

NAN = float("nan")
COUNTS = st.lists(st.lists(st.integers(0, 12), min_size=6, max_size=24), min_size=1, max_size=5)


def panel(rows: list[list[int]]) -> np.ndarray:
    """Rows aligned at their ends."""
    y = np.full((len(rows), max(map(len, rows))), NAN)
    for row, values in zip(y, rows, strict=True):
        row[len(row) - len(values) :] = values
    return y


class TestChances:
    @given(COUNTS)
    @settings(max_examples=25, deadline=None)
    def test_are_chances(self, rows: list[list[int]]) -> None:
        """Not negative, and of a series they sum to 1."""
        y = panel(rows)
        said = chances(y, np.ones_like(y))
        assert (said >= 0).all()
        assert np.allclose(said.sum(axis=1), 1.0, atol=1e-4)

    def test_likelihood_is_the_negative_binomial(self) -> None:
        """Undiscounted and without a season, differences between types are scipy's log-probabilities."""
        y = np.array([[0.0, 3, 1, 0, 7, 2, 0, 0]])
        ones = np.ones_like(y)
        mine = count_types._log_likelihood(y, ones, count_types._dispersion_terms(y, ones), 1.0)[0]
        size = 1 / DISPERSION_OF_TYPE
        exact = nbinom.logpmf(y[0][:, None], size, size / (size + MEAN_OF_TYPE)).sum(axis=0)
        assert np.allclose(mine - mine[0], exact - exact[0], atol=1e-3)

    def test_a_silent_series_among_busy_ones_may_still_move(self) -> None:
        """Nothing in ten steps does not mean never: its mean is small, not nothing."""
        y = np.random.default_rng(1).poisson(0.4, (300, 10)).astype(float)
        y[0] = 0.0
        mean = count_mixture.mean_of(chances(y, np.ones_like(y)))
        assert 0.05 < mean[0] < mean[1:].mean()

    def test_what_stopped_moving_is_forecast_to_stay_still(self) -> None:
        """Where series of the panel do die, one that has been silent lately has less to come than one that was silent early."""
        rng = np.random.default_rng(2)
        y = rng.poisson(2.0, (200, 40)).astype(float)
        for row, death in zip(y[:150], rng.integers(5, 40, 150), strict=True):
            row[death:] = 0.0
        y[-2], y[-1] = np.repeat([2.0, 0.0], 20), np.repeat([0.0, 2.0], 20)
        mean = count_mixture.mean_of(chances(y, np.ones_like(y)))
        assert mean[-2] < 0.2 * mean[-1]

    def test_season_is_taken_out(self) -> None:
        """Counts that follow the factors have the mean of a step with factor 1."""
        factor = np.tile([0.4, 1.6], 30)[None, :] * np.ones((100, 1))
        y = np.random.default_rng(3).poisson(3.0 * factor).astype(float)
        assert count_mixture.mean_of(chances(y, factor)).mean() == pytest.approx(3.0, rel=0.05)

    def test_blocks_give_what_the_whole_gives(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Series are answered a few at a time, with what was learned of all: the same chances however many at a time."""
        rng = np.random.default_rng(5)
        y, factor = rng.poisson(rng.gamma(1.0, 2.0, (50, 1)), (50, 30)).astype(float), rng.uniform(0.5, 1.5, (50, 30))
        whole = chances(y, factor)
        monkeypatch.setattr(count_types, "SERIES_AT_ONCE", 7)
        assert np.allclose(chances(y, factor), whole, rtol=1e-4, atol=1e-7)

    def test_large_or_unseen_series_have_none(self) -> None:
        """Means above the limit and series never observed are left to other rooms."""
        y = np.array([[200.0] * 10, [NAN] * 10, [1.0] * 10])
        assert np.isnan(chances(y, np.ones_like(y))[:, 0]).tolist() == [True, True, False]


class TestSimulatedTruth:
    @pytest.mark.parametrize(("series", "steps", "rate"), [(1, 30, 0.4), (1, 60, 3.0), (5, 30, 1.0), (20, 30, 0.3)])
    def test_levels_hold_for_few_and_short_series(self, series: int, steps: int, rate: float) -> None:
        """Over many panels of a known negative binomial, each upper level lies in its band within two and a half points."""
        rng = np.random.default_rng(4)
        levels = np.array([0.1, 0.5, 0.8, 0.9, 0.975])
        below, at = np.zeros(len(levels)), np.zeros(len(levels))
        panels = 200 // series
        for _ in range(panels):
            y = rng.poisson(rate * rng.gamma(1.5, 1 / 1.5, (series, steps + 20))).astype(float)
            said = chances(y[:, :steps], np.ones((series, steps)))
            curve = count_mixture.distribution(count_mixture.mean_of(said)[:, None], said)
            q = count_mixture.quantiles(curve, levels)
            below += (y[:, steps:, None] < q).mean(axis=(0, 1)) / panels
            at += (y[:, steps:, None] <= q).mean(axis=(0, 1)) / panels
        assert (below <= levels + 0.025).all()
        assert (at >= levels - 0.025).all()
