"""Rooms of the daily regression: calendar columns, regressors and their futures, errors with a memory, events."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfid3_demand.model import Panel, calendar_terms, candidates, interventions, regression, regressor_paths, whitening
from rfid3_demand.model.nodes import node_data
from rfid3_demand.model.panel import flat_hierarchy
from rfid3_demand.model.past import Past
from rfid3_demand.model.tree_features import TreeData
from rfid3_demand.model.whitening import Design, Fit
from rfid3_shared.series import parse_frequency

HORIZON = 28
FIRST = date(2021, 1, 1)


def daily(y: np.ndarray, horizon: int = HORIZON, **more: object) -> TreeData:
    """One or more daily series as the methods see them."""
    values = np.atleast_2d(y)
    days = tuple(FIRST + timedelta(days=k) for k in range(values.shape[1]))
    ids = tuple(f"s{k}" for k in range(len(values)))
    panel = Panel(ids, days, values, parse_frequency("D"), 7, counts=False, **more)  # type: ignore[arg-type]
    return node_data(panel, flat_hierarchy(ids).summing, horizon)


def said(data: TreeData, horizon: int = HORIZON) -> np.ndarray:
    """The regression's forecast at the last date."""
    result = regression.forecast(Past(data, data.y.shape[1], horizon))
    assert result is not None
    return result


def seasonal(length: int, noise: float = 0.03, seed: int = 0) -> np.ndarray:
    """Weekday, year and noise that multiply around 1000."""
    k = np.arange(length)
    week = np.array([0.0, 0.1, 0.1, 0.1, 0.2, -0.2, -0.3])[k % 7]
    year = 0.4 * np.sin(2 * np.pi * k / 365.25)
    return 1000.0 * np.exp(week + year + np.random.default_rng(seed).normal(0, noise, length))


BOUNDED = ("holt_winters", "pooled_regression", "own_regression", "regression")


class TestTerms:
    def test_weekday_columns_repeat_every_seven_days_and_sum_to_nothing(self) -> None:
        """A week shifts no level: each row of the weekday block sums to 0."""
        terms = calendar_terms.terms(daily(np.ones(400)), 0, 0, 400)
        week = terms.columns[:, [k for k, name in enumerate(terms.block) if name == "week"]]
        assert week.sum(axis=1) == pytest.approx(0.0)
        np.testing.assert_array_equal(week[7:], week[:-7])

    def test_a_series_that_ends_early_has_its_own_calendar(self) -> None:
        """Its last step is its own last date, not that of the panel."""
        data = daily(np.ones((2, 100)), offset=np.array([0, 3]))
        days = [calendar_terms.ordinal_days(data, node, 10, 100) for node in (0, 1)]
        np.testing.assert_array_equal(days[1], days[0] - 3)


class TestForecastTerms:
    def test_the_square_is_forecast_as_a_square(self) -> None:
        """A regressor that flips between -1 and 1 has mean 0 but its square stays 1: no Jensen gap."""
        values = np.tile([-1.0, -0.99, -1.01, 0.99, 1.0, 1.01, 0.98], 40)
        terms = regressor_paths.forecast_terms(values, np.empty((len(values) + 10, 0)))
        future, past = terms.columns[-10:], terms.columns[: len(values)]
        assert future[-1, 1] == pytest.approx(past[:, 1].mean(), abs=0.02)

    def test_a_deviation_dies_away(self) -> None:
        """An AR(1) ends at its mean, monotonically."""
        rng = np.random.default_rng(3)
        x = np.zeros(600)
        for k in range(1, 600):
            x[k] = 0.9 * x[k - 1] + rng.normal()
        x[-1] += 8.0
        path = regressor_paths.forecast_terms(x, np.empty((660, 0))).columns[600:, 0]
        assert (np.diff(np.abs(path)) <= 1e-12).all()
        assert abs(path[-1]) < 0.1 * abs(path[0])

    def test_knows_nothing_after_its_past(self) -> None:
        """Values standardised on the past alone: the future cannot move the past's columns."""
        values = np.random.default_rng(0).normal(size=120)
        other = values.copy()
        other[100:] += 50.0
        np.testing.assert_array_equal(
            regressor_paths.known_terms(values, 100).columns[:100], regressor_paths.known_terms(other, 100).columns[:100]
        )


class TestWhitening:
    @settings(max_examples=30, deadline=None)
    @given(
        f=st.floats(0, 0.8), d=st.sampled_from([1.0, 0.98, 0.5]), t=st.floats(0, 0.95), seed=st.integers(0, 99)
    )  # fmt: skip
    def test_filtering_is_the_inverse_of_the_error_model(self, f: float, d: float, t: float, seed: int) -> None:
        """Errors built from innovations by the recursion give those innovations back."""
        e = np.random.default_rng(seed).normal(size=60)
        n = np.zeros(60)
        for k in range(60):
            one, two = n[k - 1] if k else 0.0, n[k - 2] if k > 1 else 0.0
            n[k] = (f + d) * one - f * d * two + e[k] - t * (e[k - 1] if k else 0.0)
        np.testing.assert_allclose(whitening.whiten(n, (f, d, t)), e, atol=1e-8)

    def test_extrapolates_as_exponential_smoothing_does(self) -> None:
        """With f = 0, d = 1 the path is the level smoothed at rate 1 - t (Hyndman et al. 2008)."""
        y = np.random.default_rng(1).normal(size=200)
        rate, level = 0.3, 0.0
        for value in y:
            level += rate * (value - level)
        memory = (0.0, 1.0, 1.0 - rate)
        path = whitening.extrapolate(y, whitening.whiten(y, memory), memory, 5)
        np.testing.assert_allclose(path, level, atol=1e-9)

    def test_coefficients_are_those_of_generalised_least_squares(self) -> None:
        """Against the textbook formula with the full covariance of AR(1) errors."""
        rng = np.random.default_rng(2)
        n, f = 80, 0.6
        x, z = rng.normal(size=(n, 3)), rng.normal(size=n)
        design = Design(z, x, ("free",) * 3, np.ones(3))
        fit = whitening.solve(design, Fit((f, 0.0, 0.0), {}))
        inverse = np.linalg.inv(np.array([[f ** (i - j) if i >= j else 0.0 for j in range(n)] for i in range(n)]))
        precision = inverse.T @ inverse
        expected = np.linalg.solve(x.T @ precision @ x, x.T @ precision @ z)
        np.testing.assert_allclose(fit.coefficients, expected, atol=1e-5)


class TestInterventions:
    @pytest.mark.parametrize("kind", ["shift", "pulse"])
    def test_finds_what_was_planted(self, kind: str) -> None:
        """Kind and step of one event in a series with a local level."""
        rng = np.random.default_rng(4)
        memory = (0.0, 1.0, 0.9)
        e = rng.normal(size=300)
        size = 12.0 if kind == "pulse" else 6.0
        seen = e + size * whitening.whiten(interventions.column(kind, 150, 300), memory)
        found, step, value = interventions.strongest(seen, memory)
        assert (found, step) == (kind, 150)
        assert value > interventions.SHIFT_FROM

    @pytest.mark.parametrize("kind", ["shift", "pulse"])
    def test_t_values_are_those_of_a_regression_on_the_event(self, kind: str) -> None:
        """Against projecting on each event's whitened column."""
        memory = (0.3, 1.0, 0.8)
        e = np.random.default_rng(5).normal(size=40)
        columns = np.stack([whitening.whiten(interventions.column(kind, k, 40), memory) for k in range(40)])
        expected = columns @ e / np.sqrt((columns**2).sum(axis=1))
        np.testing.assert_allclose(interventions.t_values(e, memory, kind, 1.0), expected, atol=1e-9)

    def test_a_date_that_stands_out_every_year_is_found(self) -> None:
        """Day 100 in four years."""
        e = np.random.default_rng(6).normal(size=4 * 365)
        day = np.tile(np.arange(1, 366), 4)
        e[day == 100] -= 3.5
        assert interventions.yearly(e, (0.0, 0.0, 0.0), day)[0] == 100


class TestForecast:
    def test_continues_week_and_year(self) -> None:
        """Three years of a known shape: the next 28 days within three noises."""
        y = seasonal(3 * 365 + HORIZON)
        path = said(daily(y[:-HORIZON]))[0]
        assert np.abs(np.log(path / seasonal(len(y), 0.0)[-HORIZON:])).max() < 0.09

    def test_a_stop_poisons_neither_season_nor_level(self) -> None:
        """Seven weeks at nothing a year ago, a new level since: the next month is forecast at the new level."""
        y = seasonal(3 * 365 + HORIZON)
        y[700:750] = 0.0
        y[750:] *= 0.7
        path = said(daily(y[:-HORIZON]))[0]
        assert np.abs(np.log(path / (0.7 * seasonal(len(y), 0.0)[-HORIZON:]))).max() < 0.12

    def test_a_curved_effect_of_known_weather_is_used(self) -> None:
        """Demand falls on both sides of mild weather; known future weather tells the days apart."""
        rng = np.random.default_rng(7)
        weather = rng.normal(size=700 + HORIZON)
        y = 500.0 * np.exp(-0.3 * weather**2 + rng.normal(0, 0.05, len(weather)))
        data = daily(y[:700], known={"temperature": weather})
        path = said(data)[0]
        assert np.corrcoef(np.log(path), np.log(y[700:]))[0, 1] > 0.95

    def test_weather_known_for_the_past_only_helps_the_level(self) -> None:
        """A hot fortnight at the end (demand e^0.5 times its level) is weather, not a new level."""
        rng = np.random.default_rng(8)
        weather = rng.normal(size=500)
        weather[-14:] = 2.5
        y = 500.0 * np.exp(0.2 * weather + rng.normal(0, 0.03, 500))
        later = slice(HORIZON // 2, None)
        assert np.log(said(daily(y, past={"temperature": weather}))[0][later].mean() / 500.0) == pytest.approx(0.0, abs=0.1)

    def test_reads_nothing_after_the_origin(self) -> None:
        """Later outcomes do not move an earlier forecast."""
        y = seasonal(500)
        other = y.copy()
        other[400:] *= 9.0
        first, second = (regression.forecast(Past(daily(values), 400, 10)) for values in (y, other))
        np.testing.assert_array_equal(first, second)

    @pytest.mark.parametrize("y", [np.zeros(200), np.full(200, 7.0), np.arange(30.0)])
    def test_says_nothing_about_constants_and_short_series(self, y: np.ndarray) -> None:
        """Other methods answer for those."""
        result = regression.forecast(Past(daily(y), len(y), 5))
        assert result is None or np.isnan(result).all()

    def test_says_nothing_about_many_series(self) -> None:
        """One at a time would take too long for thousands."""
        assert regression.forecast(Past(daily(np.ones((regression.MOST_SERIES + 1, 100))), 100, 5)) is None

    def test_a_year_ahead_stays_within_what_was_seen(self) -> None:
        """365 steps: near the shape, neither exploding nor fading."""
        y = seasonal(4 * 365)
        path = said(daily(y[: 3 * 365], horizon=365), 365)[0]
        assert np.median(np.abs(np.log(path / seasonal(4 * 365, 0.0)[3 * 365 :]))) < 0.15
        assert path.max() < 1.5 * y.max()

    def test_what_follows_a_stop_stays_within_reach(self) -> None:
        """What multiplies or takes logarithms says no more than one range beyond what was seen, on whichever day of a stop it looks."""
        y = seasonal(500)
        y[380:430] = np.where(np.arange(50) % 7 < 2, 0.0, 1.0)  # a few still come, but not on two days of the week
        for cut in (400, 436, 444):
            answers = candidates.statistical(daily(y[:cut]), cut, HORIZON)

            highest = max(float(np.nanmax(answers[name])) for name in BOUNDED)

            assert highest <= 2 * y[:cut].max() - y[:cut].min(), cut

    def test_negative_series_are_taken_as_they_are(self) -> None:
        """No logarithm of what can be below zero."""
        y = seasonal(500) - 1000.0
        assert np.isfinite(said(daily(y))).all()
