"""Does the analysis find what is there, and nothing where nothing is? Against scipy, planted links, and series that share a season only."""

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from rfid3_shared.external.correlate import LONG_METHOD, SHORT_METHOD, analyse, benjamini_yekutieli, weekly_mean
from rfid3_shared.external.correlation import Correlation, NotEnough

SIMULATIONS = 40


def weeks(n: int) -> list[date]:
    return [date(2023, 1, 2) + timedelta(days=7 * k) for k in range(n)]


def wandering(rng: np.random.Generator, n: int, phi: float) -> np.ndarray:
    """An AR(1) series with innovations of variance 1."""
    noise = rng.normal(size=n + 50)
    series = np.zeros(n + 50)
    for t in range(1, n + 50):
        series[t] = phi * series[t - 1] + noise[t]
    return series[50:]


def season(n: int) -> np.ndarray:
    return np.sin(2 * np.pi * np.arange(n) / 52.18)


def independent(rng: np.random.Generator, n: int) -> dict[tuple[str, str], np.ndarray]:
    """Two factors that share nothing with demand but the season."""
    return {("weather", f"f{k}"): wandering(rng, n, phi) + 3 * season(n) for k, phi in enumerate((0.9, 0.4))}


def demand(rng: np.random.Generator, n: int, more: np.ndarray | float = 0.0) -> np.ndarray:
    return np.asarray(np.exp(6 + 0.15 * wandering(rng, n, 0.7) + 0.9 * season(n) + more))


class TestAnalyse:
    @pytest.mark.parametrize("n", [60, 150], ids=["short", "two years and more"])
    def test_finds_nothing_where_there_is_nothing(self, n: int) -> None:
        """Series with memory and the same season: at q 0.05 at most 5 % of analyses name anything, and p-values keep their level."""
        rng = np.random.default_rng(7)
        named, p_values = 0, []

        for _ in range(SIMULATIONS):
            found = analyse(weeks(n), {"units": demand(rng, n)}, independent(rng, n)).correlations
            named += any(one.significant for one in found)
            p_values += [one.p_value for one in found]

        assert named <= stats.binom.ppf(0.99, SIMULATIONS, 0.05)
        # lags of one pair depend on each other: the share has more spread than a binomial's
        assert np.mean(np.array(p_values) < 0.05) < 0.08
        naive = [
            stats.pearsonr(demand(rng, n), factor).pvalue < 0.05 for _ in range(10) for factor in independent(rng, n).values()
        ]
        assert np.mean(naive) > 0.5, "the example is one in which plain correlation is fooled"

    def test_finds_a_planted_lag_with_an_interval_that_holds_the_truth(self) -> None:
        """Demand follows the factor three weeks later: that lag is the surest, and 95 % intervals cover the true correlation."""
        rng = np.random.default_rng(11)
        n, phi, strength, noise = 140, 0.6, 0.12, 0.15
        # of the whitened series: b·ε(t-3) beside e(t) - φ·e(t-1)
        truth = strength / np.sqrt(strength**2 + noise**2 * (1 + phi**2))
        first, covered = [], 0

        for _ in range(SIMULATIONS):
            factor = wandering(rng, n, phi)
            y = np.exp(
                5 + strength * np.concatenate([rng.normal(size=3), factor[:-3]]) + noise * rng.normal(size=n) + 0.5 * season(n)
            )
            found = analyse(weeks(n), {"units": y}, {("economic", "x"): factor}).correlations
            surest = min(found, key=lambda one: one.q_value)
            first.append((surest.lag_weeks, surest.significant))
            at_three = found[3]
            covered += at_three.lower <= truth <= at_three.upper

        assert first.count((3, True)) >= 0.95 * SIMULATIONS
        assert covered >= stats.binom.ppf(0.01, SIMULATIONS, 0.95)

    def test_is_scipys_correlation_where_there_is_nothing_to_take_out(self) -> None:
        """White series without season: effect and interval are scipy's of the residuals, the regressors taken off the weeks."""
        rng = np.random.default_rng(3)
        n = 400
        factor, y = rng.normal(size=n), np.expm1(np.abs(rng.normal(6, 0.2, n)))

        found = analyse(weeks(n), {"units": y}, {("market", "x"): factor}, lags=(0,)).correlations[0]
        plain = stats.pearsonr(factor, np.log1p(y))

        assert found.effect == pytest.approx(plain.statistic, abs=0.03)
        assert found.p_value == pytest.approx(plain.pvalue, abs=0.1)
        low, high = plain.confidence_interval(0.95)
        assert (found.upper - found.lower) == pytest.approx(high - low, rel=0.05)

    def test_interval_and_p_value_are_fishers(self) -> None:
        """From the effect reported and the weeks that its interval implies, the p-value follows by scipy's normal distribution."""
        rng = np.random.default_rng(5)
        found = analyse(weeks(90), {"units": demand(rng, 90)}, independent(rng, 90)).correlations

        for one in found:
            error = (np.arctanh(one.upper) - np.arctanh(one.lower)) / (2 * stats.norm.ppf(0.975))
            assert np.arctanh(one.effect) == pytest.approx((np.arctanh(one.upper) + np.arctanh(one.lower)) / 2, abs=1e-4)
            assert one.p_value == pytest.approx(2 * stats.norm.sf(abs(np.arctanh(one.effect)) / error), rel=1e-2, abs=1e-4)
            assert 1 / error**2 + 3 <= 90

    def test_what_weather_does_to_holidays_is_not_a_link(self) -> None:
        """A factor that is high in weeks of holidays, and demand that is too: named without the calendar, not with it."""
        rng = np.random.default_rng(9)
        n = 156
        holiday = (rng.random(n) < 0.15).astype(float)
        factor, y = 2 * holiday + rng.normal(size=n), np.exp(5 + 0.8 * holiday + 0.1 * rng.normal(size=n))

        known = analyse(weeks(n), {"units": y}, {("market", "x"): factor}, holiday[:, None], lags=(0,)).correlations[0]
        unknown = analyse(weeks(n), {"units": y}, {("market", "x"): factor}, lags=(0,)).correlations[0]

        assert (unknown.significant, known.significant) == (True, False)

    @pytest.mark.parametrize(("known", "enough"), [(25, False), (26, True), (0, False)])
    def test_needs_half_a_year_together(self, known: int, enough: bool) -> None:
        """Fewer than 26 weeks beside demand: nothing is said but how many there are."""
        rng = np.random.default_rng(1)
        factor = np.where(np.arange(60) < known, rng.normal(size=60), np.nan)

        found = analyse(weeks(60), {"units": demand(rng, 60)}, {("weather", "x"): factor})

        assert bool(found.correlations) is enough
        assert found.not_enough == ([] if enough else [("weather", "x", known)])

    def test_says_how_season_was_taken_out(self) -> None:
        """Two years make the difference, for each factor by itself."""
        rng = np.random.default_rng(1)
        n = 120
        short = np.where(np.arange(n) >= 60, wandering(rng, n, 0.5), np.nan)

        found = analyse(
            weeks(n), {"units": demand(rng, n)}, {("weather", "a"): wandering(rng, n, 0.5), ("weather", "b"): short}
        )

        assert found.method == f"{SHORT_METHOD}; {LONG_METHOD}"
        assert {(one.factor_name, one.overlap_weeks) for one in found.correlations if not one.lag_weeks} == {
            ("a", 120),
            ("b", 60),
        }

    def test_a_factor_that_is_nothing_but_season_is_named_as_such(self) -> None:
        """A constant, and a pure yearly wave, leave nothing to compare; holes are no fault."""
        rng = np.random.default_rng(2)
        holes = np.where(np.arange(150) % 10 == 3, np.nan, wandering(rng, 150, 0.5))
        wave = np.sin(2 * np.pi * np.array([day.toordinal() for day in weeks(150)]) / 365.2425)

        found = analyse(
            weeks(150), {"units": demand(rng, 150)},
            {("weather", "flat"): np.ones(150), ("weather", "holes"): holes, ("weather", "wave"): wave},
        )  # fmt: skip

        assert found.unvarying == [("weather", "flat"), ("weather", "wave")]
        assert {one.overlap_weeks + one.lag_weeks for one in found.correlations} == {135}

    def test_the_same_input_gives_the_same_findings(self) -> None:
        """And in whichever order the factors come."""
        rng = np.random.default_rng(4)
        y, factors = {"units": demand(rng, 80)}, independent(rng, 80)

        assert analyse(weeks(80), y, factors) == analyse(weeks(80), y, dict(reversed(factors.items())))


class TestBenjaminiYekutieli:
    @given(hnp.arrays(float, st.integers(1, 40), elements=st.floats(0, 1)))
    def test_is_scipys(self, p: np.ndarray) -> None:
        """The same q-values as scipy.stats, for any p-values."""
        assert benjamini_yekutieli(p) == pytest.approx(stats.false_discovery_control(p, method="by"), abs=1e-12)

    def test_of_nothing(self) -> None:
        """Nothing was tried."""
        assert benjamini_yekutieli(np.empty(0)).size == 0


class TestWeeklyMean:
    def test_a_week_needs_half_of_its_days(self) -> None:
        """Four of seven days make a week, three do not; of a factor told on Saturdays one value does."""
        first = date(2025, 1, 6)
        days = {first + timedelta(days=k): float(k) for k in (*range(4), 7, 8, 9, 12)}

        every = weekly_mean(days, range(7), [first, first + timedelta(days=7), first + timedelta(days=14)])
        saturdays = weekly_mean({first + timedelta(days=12): 5.0}, (5,), [first, first + timedelta(days=7)])

        assert every.tolist() == pytest.approx([1.5, 9.0, np.nan], nan_ok=True)
        assert saturdays.tolist() == pytest.approx([np.nan, 5.0], nan_ok=True)


class TestSentence:
    def test_says_what_is_known_and_how_surely(self) -> None:
        """A link with its numbers; no link is called none."""
        link = Correlation("weather", "temperature_mean_f", "units", 2, 0.31, 0.12, 0.48, 0.001, 0.02, 104)
        none = Correlation("weather", "temperature_mean_f", "revenue", 0, -0.1, -0.3, 0.1, 0.4, 1.0, 104)

        assert link.sentence == (
            "Weeks with more temperature_mean_f than usual had higher units rented than usual 2 weeks later "
            "(r +0.31, 95 % interval +0.12 to +0.48, 104 weeks, q 0.020)."
        )
        assert none.sentence.startswith("No link shown between temperature_mean_f and revenue in the same week")
        assert NotEnough("snow", 3).sentence == "snow: not enough overlap: 3 weeks, needed 26."
