"""Tests of the window regression: linear recursions it must continue, double seasons it must recover, units that must not matter."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfid3_demand.model import candidates, window_regression
from rfid3_demand.model.nodes import node_data
from rfid3_demand.model.panel import Panel, flat_hierarchy
from rfid3_shared.series import parse_frequency


def two_seasons(series: int, hours: int, seed: int) -> np.ndarray:
    """Hourly series whose daily shape differs at weekends, without noise."""
    generator = np.random.default_rng(seed)
    hour, weekend = np.arange(hours) % 24, (np.arange(hours) // 24 % 7) >= 5
    phase, size = generator.uniform(0, 24, (series, 1)), generator.uniform(2, 6, (series, 1))
    work = np.sin(2 * np.pi * (hour + phase) / 24)
    rest = 0.4 * np.sin(4 * np.pi * (hour + phase) / 24)
    return np.asarray(20 + size * np.where(weekend, rest, work))


class TestLookBack:
    def test_two_weeks_of_hours_three_years_of_months(self) -> None:
        """Two of the longest season, three of a short one."""
        assert window_regression.look_back((24, 168), 900, 48) == 336
        assert window_regression.look_back((12,), 200, 24) == 36

    def test_none_without_a_season_or_a_past(self) -> None:
        """Without a season there is no window to choose; a short history has no room for one."""
        assert window_regression.look_back((), 900, 48) == 0
        assert window_regression.look_back((12,), 60, 24) == 0


class TestForecasts:
    def test_recovers_hours_and_weekends_together(self) -> None:
        """A pattern by hour and day of week that no series' last day shows is continued to a few parts in a hundred."""
        y = two_seasons(12, 41 * 24, 1)  # ends with a day at the weekend
        said = window_regression.forecasts(y[:, :-48], 48, (24, 168), False)
        assert said is not None
        miss = np.abs(said[1] - y[:, -48:]).mean()
        yesterday = np.abs(np.tile(y[:, -72:-48], 2) - y[:, -48:]).mean()
        assert miss <= 0.1 * yesterday

    def test_own_coefficients_follow_a_series_unlike_the_others(self) -> None:
        """Where one series obeys another law than the rest, its own correction comes nearer than the pooled answer."""
        y = np.random.default_rng(2).normal(size=(40, 500))
        law = np.where(np.arange(40) < 6, -0.9, 0.9)
        for t in range(1, 500):
            y[:, t] += law * y[:, t - 1]
        missed = np.zeros(2)
        for cut in range(440, 500, 5):
            said = window_regression.forecasts(y[:, :cut], 2, (12,), False)
            assert said is not None
            missed += [np.abs(part[:6] - y[:6, cut : cut + 2]).mean() for part in said]
        assert missed[1] < 0.97 * missed[0]

    def test_the_kernel_form_is_the_ridge_regression(self) -> None:
        """A series' correction equals the closed form (X'X + k I)^-1 X'(Y - XB) of a Gaussian prior around the pooled B."""
        generator = np.random.default_rng(3)
        y = np.cumsum(generator.normal(size=(5, 90)), axis=1)
        look, horizon, near = 12, 3, 4
        pooled = window_regression._pooled(y, look, horizon, near)
        assert pooled is not None
        last = window_regression._normalised(y[:, None, -look:], near, look)[0][:, 0]
        added = window_regression._own_correction(y, last, pooled, look, horizon, near)
        x, target = window_regression._blocks(y, look, horizon, near, window_regression.MOST_OWN_WINDOWS)
        for k in range(5):
            gram = x[k].T @ x[k] + window_regression.OWN_PENALTY * np.eye(look + 1)
            assert np.allclose(added[k], last[k] @ np.linalg.solve(gram, x[k].T @ (target[k] - x[k] @ pooled)))

    @given(scale=st.floats(0.01, 1e4), seed=st.integers(0, 20))
    @settings(max_examples=15, deadline=None)
    def test_units_do_not_matter(self, scale: float, seed: int) -> None:
        """A forecast of the series in other units is the forecast in those units."""
        y = 5.0 + np.abs(np.random.default_rng(seed).normal(size=(4, 120)))
        for positive in (True, False):
            one = window_regression.forecasts(y, 6, (12,), positive)
            other = window_regression.forecasts(scale * y, 6, (12,), positive)
            assert one is not None
            assert other is not None
            assert np.allclose(other[0], scale * one[0], rtol=1e-6)
            assert np.allclose(other[1], scale * one[1], rtol=1e-6)

    def test_short_flat_and_broken_series_do_no_harm(self) -> None:
        """A series shorter than a window is silent, a constant stays, an outlier leaves the others where they were."""
        generator = np.random.default_rng(4)
        y = 10 + generator.normal(size=(20, 150))
        y[0, :130] = np.nan
        y[1] = 4.0
        y[2, 100] = 1e9
        said = window_regression.forecasts(y, 6, (12,), False)
        assert said is not None
        for part in said:
            assert np.isnan(part[0]).all()
            assert np.allclose(part[1], 4.0)
            assert np.isfinite(part[2:]).all()
            assert np.abs(part[3:] - 10).max() < 4

    def test_a_positive_series_stays_positive(self) -> None:
        """On logarithms nothing is forecast below zero, zeros in the past included."""
        y = np.abs(np.random.default_rng(5).normal(size=(10, 150))) * 3
        y[:, ::9] = 0.0
        said = window_regression.forecasts(y, 12, (12,), True)
        assert said is not None
        assert all((part > 0).all() for part in said)

    @pytest.mark.parametrize("rows", [0, 1])
    def test_too_few_windows_give_no_answer(self, rows: int) -> None:
        """Below a hundred windows there is nothing to learn from."""
        assert window_regression.forecasts(np.ones((rows, 70)), 6, (12,), False) is None


class TestAsMethods:
    @pytest.mark.parametrize(("counts", "speaks"), [(False, True), (True, False)])
    def test_speaks_for_sizes_and_not_for_counts(self, counts: bool, speaks: bool) -> None:
        """Sizes get both regressions, the same twice over; a panel of counts gets neither."""
        y = np.round(two_seasons(6, 30 * 24, 3))
        panel = Panel(tuple("abcdef"), tuple(range(720)), y, parse_frequency("h"), 24, counts=counts)
        data = node_data(panel, flat_hierarchy(panel.ids).summing, 24)
        said = candidates.statistical(data, 696, 24)
        assert ({"pooled_regression", "own_regression"} <= set(said)) == speaks
        if speaks:
            again = candidates.statistical(data, 696, 24)
            assert said["own_regression"].tobytes() == again["own_regression"].tobytes()

    def test_reads_nothing_after_the_origin(self) -> None:
        """Values after the origin do not move the forecast."""
        y = two_seasons(4, 30 * 24, 4)
        other = y.copy()
        other[:, 648:] += 50.0
        said = []
        for values in (y, other):
            panel = Panel(tuple("abcd"), tuple(range(720)), values, parse_frequency("h"), 24, counts=False)
            data = node_data(panel, flat_hierarchy(panel.ids).summing, 24)
            said.append(candidates.statistical(data, 648, 24)["own_regression"])
        assert np.array_equal(said[0], said[1])
