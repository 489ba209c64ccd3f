"""With few events a parametric hazard tells what theory says it should, from units that entered late and left early."""

from dataclasses import replace
from math import exp, gamma
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from rfid3_maintenance.model import Hazard, Landmarks, NothingToLearn, default_prior, fit_hazard
from rfid3_maintenance.model.baseline import Weibull
from rfid3_maintenance.model.likelihood import Rows, posterior
from rfid3_maintenance.model.pooled import Pooled
from rfid3_maintenance.model.pooling import pooled


def landmarks(after: np.ndarray, event: np.ndarray, at: np.ndarray | None = None, x: np.ndarray | None = None) -> Landmarks:
    """One row a unit, without groups; ages unknown where not given."""
    count = len(after)
    values = np.zeros((count, 0), np.float32) if x is None else x.astype(np.float32)
    return Landmarks(
        values, tuple(f"x{k}" for k in range(values.shape[1])), np.full(count, -1, np.int32), np.arange(count, dtype=np.int32),
        np.full(count, np.nan) if at is None else at, after, event,
    )  # fmt: skip


def form_of(found: Hazard) -> Pooled:
    """The pooled form of a hazard that has one."""
    assert isinstance(found.form, Pooled)
    return found.form


@pytest.fixture(scope="module")
def late() -> tuple[Landmarks, float]:
    """Weibull lives (shape 2) that are seen only from a random age on, and not to their end; and their mean life."""
    rng = np.random.default_rng(1)
    life, entry = 1000.0 * rng.weibull(2.0, 12_000), rng.uniform(0.0, 1500.0, 12_000)
    alive = life > entry
    life, entry = life[alive], entry[alive]
    lost = rng.uniform(100.0, 900.0, len(life))
    return landmarks(np.minimum(life - entry, lost), life - entry <= lost, entry), 1000.0 * np.sqrt(np.pi) / 2.0


class TestBaseline:
    def test_is_events_over_exposure_by_hand(self) -> None:
        """Without features, groups and ages the hazard of one interval is events per day seen."""
        after = np.array([5.0, 10.0, 12.0, 30.0, 30.0])
        event = np.array([True, True, False, False, True])

        found = fit_hazard(landmarks(after, event), [30.0], form="pooled")

        rate = 3.0 / 87.0
        assert found.survival(np.zeros((1, 0)), np.array([-1]))[0, 0] == pytest.approx(np.exp(-30.0 * rate), rel=1e-6)

    def test_likelihood_is_scipys(self) -> None:
        """Events add the log density, lost ones the log survival, both less the log survival at entry."""
        rng = np.random.default_rng(2)
        age, days, event = rng.uniform(1, 50, 40), rng.uniform(1, 90, 40), rng.random(40) < 0.5
        rows = Rows(np.zeros((40, 0)), age, days, event.astype(float), np.ones(40), np.zeros(40))
        level, shape = -0.4, 1.7

        found = posterior(np.array([np.log(shape), level]), rows, Weibull(1.0, 60.0), 1.0, (0.0, 0.0))[0]

        life = stats.weibull_min(shape, scale=60.0 * np.exp(-level / shape))
        by_scipy = np.where(event, life.logpdf(age + days), life.logsf(age + days)) - life.logsf(age)
        assert found + np.log(shape) ** 2 / (2 * 0.7**2) == pytest.approx(by_scipy.sum())

    def test_derivatives_are_those_of_the_likelihood(self) -> None:
        """Gradient and curvature agree with differences."""
        rng = np.random.default_rng(3)
        z, age, days = rng.normal(size=(60, 2)), rng.uniform(0, 50, 60), rng.uniform(1, 90, 60)
        rows = Rows(z, age, days, (rng.random(60) < 0.5).astype(float), np.ones(60), rng.normal(0, 0.2, 60))
        theta, baseline = np.array([0.3, -0.5, 0.2, -0.1]), Weibull(1.0, 60.0)

        _, gradient, curvature = posterior(theta, rows, baseline, 0.5, (1.0, 2.0))

        for k, step in enumerate(np.eye(4) * 1e-5):
            up, down = (posterior(theta + sign * step, rows, baseline, 0.5, (1.0, 2.0)) for sign in (1, -1))
            assert gradient[k] == pytest.approx((up[0] - down[0]) / 2e-5, rel=1e-4, abs=1e-4)
            assert -curvature[k] == pytest.approx((up[1] - down[1]) / 2e-5, rel=1e-3, abs=1e-3)

    def test_recovers_the_mean_life_of_late_entrants(self, late: tuple[Landmarks, float]) -> None:
        """Delayed entry and censoring move the mean life by less than 3 %; who takes entry for birth is far off."""
        given, mean_life = late

        honest, naive = (
            form_of(fit_hazard(each, [4000.0], form="pooled")).fit
            for each in (given, replace(given, after_days=given.at_days + given.after_days, at_days=np.zeros(len(given))))
        )

        def mean_life_days(fit: Any) -> float:
            """From age 0 when the cumulative hazard is exp(level) * clock: scale * Gamma(1 + 1/shape)."""
            assert isinstance(fit.baseline, Weibull)
            shape = fit.baseline.shape
            return float(fit.baseline.unit_days * exp(-fit.level / shape) * gamma(1.0 + 1.0 / shape))

        assert mean_life_days(honest) == pytest.approx(mean_life, rel=0.03)
        assert abs(mean_life_days(naive) / mean_life - 1.0) > 0.15

    def test_ages_by_the_age_given_or_the_feature_that_is_it(self, late: tuple[Landmarks, float]) -> None:
        """An older unit fails sooner; where the age is a feature it need not be given again."""
        given, _ = late
        aged = replace(given, x=given.at_days[:, None].astype(np.float32), names=("age_days",))
        found = fit_hazard(aged, [90.0, 365.0], form="pooled")
        x, none = np.array([[10.0], [1200.0]], np.float32), np.full(2, -1)

        young, old = found.survival(x, none)

        assert np.all(old < young)
        assert found.survival(x, none, x[:, 0].astype(float)) == pytest.approx(np.stack([young, old]))


class TestPooled:
    @given(st.integers(0, 60))
    def test_contributions_sum_to_the_log_hazards_difference(self, row: int) -> None:
        """What features add is the whole difference between a unit and the average one."""
        found = WITH_FEATURES.form
        assert isinstance(found, Pooled)
        x, none = FEATURES[[row]], np.array([-1])
        average = found.scale.mean[None, :].astype(np.float32)

        difference = np.log(found.cumulative(x, none)) - np.log(found.cumulative(average, none))

        assert found.contributions(x, none).sum() == pytest.approx(difference[0, 0], abs=1e-5)

    def test_unknown_and_constant_features_say_nothing(self) -> None:
        """A feature nobody knows, or that never varies, has no effect; an unknown value counts as average."""
        found = WITH_FEATURES.contributions(FEATURES, np.full(len(FEATURES), -1))

        assert not found[:, 2:].any()
        assert np.isfinite(WITH_FEATURES.survival(np.full((1, 4), np.nan, np.float32), np.array([-1]))).all()

    @given(st.integers(0, 60), st.floats(0.3, 0.99))
    def test_bands_are_ordered_and_hold_the_chance(self, row: int, level: float) -> None:
        """Lower, chance and upper never cross, and none falls with time."""
        x, none = FEATURES[[row]], np.array([-1])
        chance = 1.0 - WITH_FEATURES.survival(x, none)

        lower, upper = WITH_FEATURES.band(x, none, level)

        assert np.all((lower >= 0) & (lower <= chance + 1e-12) & (chance <= upper + 1e-12) & (upper <= 1))
        assert all(np.all(np.diff(each, axis=1) >= 0) for each in (lower, chance, upper))

    def test_rows_that_repeat_events_do_not_narrow_the_band(self) -> None:
        """Each row five times over is the same evidence, not five times as much."""
        rng = np.random.default_rng(4)
        once = landmarks(rng.exponential(100.0, 80), np.ones(80, bool))
        often = once.take(np.repeat(np.arange(80), 5))
        x, none = np.zeros((1, 0)), np.array([-1])

        (low, high), (low_often, high_often) = (fit_hazard(each, [60.0], form="pooled").band(x, none) for each in (once, often))

        assert (low_often[0, 0], high_often[0, 0]) == pytest.approx((low[0, 0], high[0, 0]), rel=1e-6)

    def test_with_few_events_leans_on_the_prior(self) -> None:
        """One event in two unit-years, believed to be one in five: between both."""
        given = landmarks(np.full(2, 365.25), np.array([True, False]))

        found = fit_hazard(given, [365.25], prior=default_prior("repair"), form="pooled")

        rate = -np.log(found.survival(np.zeros((1, 0)), np.array([-1]))[0, 0])
        assert rate == pytest.approx(2.0 / 7.0, rel=0.01)

    def test_survives_all_events_and_none(self) -> None:
        """When all fail chances are high and in bounds; when none fails and nothing is believed, it says so."""
        after = np.linspace(1.0, 10.0, 30)

        found = fit_hazard(landmarks(after, np.ones(30, bool)), [5.0, 10.0, 20.0], form="pooled")

        assert np.all(np.diff(found.survival(np.zeros((1, 0)), np.array([-1])), axis=1) < 0)
        with pytest.raises(NothingToLearn):
            fit_hazard(landmarks(after, np.zeros(30, bool)), [5.0], form="pooled")

    def test_same_input_same_answer(self) -> None:
        """Twice the same fit says the same, to the last digit."""
        again, none = fit_hazard(GIVEN, [10.0, 30.0, 90.0], form="pooled"), np.full(len(FEATURES), -1)

        assert again.basis == WITH_FEATURES.basis
        assert np.array_equal(again.survival(FEATURES, none), WITH_FEATURES.survival(FEATURES, none))


class TestGroups:
    def test_alike_are_not_told_apart(self) -> None:
        """Groups that differ no more than chance have factor 1."""
        events = np.random.default_rng(5).poisson(10.0, 40).astype(float)

        assert pooled(events, np.full(40, events.mean())).value == pytest.approx(1.0, abs=0.15)

    def test_pooling_beats_both_extremes(self) -> None:
        """Many small groups that do differ: pooled factors are nearer to the truth than the groups' own, and than none."""
        rng = np.random.default_rng(6)
        truth = rng.gamma(2.0, 0.5, 300)
        expected = np.full(300, 3.0)
        events = rng.poisson(truth * expected).astype(float)

        found = pooled(events, expected)

        error = np.mean((found.value - truth) ** 2)
        assert error < 0.75 * np.mean((events / expected - truth) ** 2)
        assert error < 0.75 * np.mean((1.0 - truth) ** 2)
        assert found.strength == pytest.approx(2.0, rel=0.5)

    def test_one_group_is_all(self) -> None:
        """A single group has nothing to be compared with; an unknown one is average."""
        given = replace(GIVEN, group=np.zeros(len(GIVEN), np.int32))

        found = fit_hazard(given, [10.0, 30.0], form="pooled", group_names=["tents"])

        survival = found.survival(FEATURES[:3], np.array([0, -1, 7]))
        assert np.array_equal(survival, found.survival(FEATURES[:3], np.zeros(3, int)))

    def test_without_a_name_is_refused(self) -> None:
        """Every group that occurs has a name where names are given."""
        with pytest.raises(ValueError, match="no name"):
            fit_hazard(replace(GIVEN, group=np.ones(len(GIVEN), np.int32)), [10.0], group_names=["tents"])


def _given() -> Landmarks:
    rng = np.random.default_rng(8)
    x = np.column_stack([rng.normal(size=(400, 2)), np.full(400, np.nan), np.full(400, 3.0)])
    life = rng.exponential(60.0 * np.exp(-0.8 * x[:, 0]))
    return landmarks(np.minimum(life, 80.0), life <= 80.0, x=x)


GIVEN = _given()
FEATURES = GIVEN.x
WITH_FEATURES = fit_hazard(GIVEN, [10.0, 30.0, 90.0], form="pooled")
