"""Projections of grades: chances that add up, scores that never rise, beside the chain itself."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_quality.model.projection import Projection, Standing, project, quantiles
from rfid3_quality.model.wear_chain import lift, transition
from rfid3_quality.model.wear_fit import fit_wear
from rfid3_quality.model.wear_steps import WearSteps

HORIZONS = (30.0, 90.0, 180.0, 365.0)
NONE = np.zeros(0, dtype=int)
PRIOR = fit_wear(WearSteps(NONE, NONE, NONE, np.zeros(0), np.zeros(0), NONE, NONE, NONE.astype(bool)))
SURE = replace(PRIOR, pool=replace(PRIOR.pool, overall=0.0), spreads=(0.0, 0.0), log_idle=-60.0)
"""Nothing unknown of the pace, and no wear without turns."""


def standing(grade: int, rate: float, **more: float) -> Standing:
    """One item of no known class."""
    extra = {name: np.array([value]) for name, value in more.items()}
    return Standing(np.array([grade]), np.array([-1]), np.array([rate]), **extra)


def below(found: Projection, grade: int) -> np.ndarray:
    """The chance to be below a grade, (rows, horizons)."""
    return np.asarray(found.chance[:, :, :grade].sum(axis=2))


class TestProject:
    @given(
        grade=st.integers(0, 10), rate=st.floats(0, 2), cv=st.floats(0, 2), turns=st.floats(0, 200), days=st.floats(0, 2000),
        pace=st.floats(-8, 0), width=st.floats(0, 2),
    )  # fmt: skip
    def test_is_a_distribution_that_only_falls(
        self, grade: int, rate: float, cv: float, turns: float, days: float, pace: float, width: float
    ) -> None:
        """Chances add up to one, nothing lies above the reading, bands are in order, and nothing rises with the horizon."""
        wear = replace(PRIOR, log_pace=pace, unit_variance=width**2)
        found = project(wear, standing(grade, rate, turns_cv=cv, turns_since=turns, days_since=days), HORIZONS)

        assert found.chance.sum(axis=2) == pytest.approx(np.ones((1, 4)), abs=1e-5)
        assert (found.chance >= 0).all()
        assert found.chance[0, :, grade + 1 :].sum() == pytest.approx(0.0, abs=1e-5)
        assert (found.lower <= found.median).all()
        assert (found.median <= found.upper).all()
        for path in (found.mean, found.lower, found.median, found.upper):
            assert (np.diff(path, axis=1) <= 0).all()
        assert (np.diff(below(found, 7), axis=1) >= -1e-6).all()

    def test_without_doubt_is_the_chain(self) -> None:
        """Nothing unknown and many turns: the projection is P(τ) from the reading."""
        found = project(SURE, standing(9, 50.0), (10.0,))
        exact = transition(SURE.shape.chain, np.array([500 / 30.0]))[0, 9]

        assert found.chance[0, 0] == pytest.approx(exact, abs=0.01)

    def test_few_turns_wear_by_their_mean(self) -> None:
        """Where a turn is rare, the chance to have lost a grade is the number of turns expected times the pace."""
        found = project(SURE, standing(6, 0.001), (30.0,))

        assert below(found, 6)[0, 0] == pytest.approx(0.03 / 30.0, rel=0.05)

    def test_time_since_the_reading_counts(self) -> None:
        """A reading with twenty turns since stands where a fresh one stands after twenty turns."""
        old, fresh = project(SURE, standing(8, 0.0, turns_since=20.0), (0.0,)), project(SURE, standing(8, 1000.0), (0.02,))

        assert old.mean[0, 0] == pytest.approx(fresh.mean[0, 0], abs=0.02)
        assert old.mean[0, 0] < 0.8

    def test_a_new_reading_is_taken_as_the_truth(self) -> None:
        """At horizon zero, with nothing since, the item stands where it was read, and no further off than inside that grade."""
        found = project(PRIOR, standing(7, 0.3), (0.0,))

        assert found.mean[0, 0] == pytest.approx(0.7)
        assert (found.lower[0, 0], found.upper[0, 0]) == (pytest.approx(0.66), pytest.approx(0.74))

    @given(grade=st.integers(0, 10), rate=st.floats(0, 1))
    def test_a_repair_lifts(self, grade: int, rate: float) -> None:
        """After a repair every chance to be below a grade is as small or smaller."""
        before = project(PRIOR, standing(grade, rate), HORIZONS).chance[0]
        after = before @ lift(PRIOR.shape.lift_grades)

        assert after.sum(axis=1) == pytest.approx(np.ones(4), abs=1e-5)
        assert (np.cumsum(after, axis=1) <= np.cumsum(before, axis=1) + 1e-6).all()

    def test_items_do_not_disturb_each_other(self) -> None:
        """One item alone gets what it gets among many, chunks and all."""
        draw = np.random.default_rng(2)
        many = Standing(draw.integers(0, 11, 45_000), np.full(45_000, -1), draw.gamma(1, 0.02, 45_000))
        found = project(PRIOR, many, HORIZONS)
        one = project(PRIOR, Standing(many.grade[44_000:44_001], many.group[:1], many.turns_per_day[44_000:44_001]), HORIZONS)

        assert (found.chance[44_000] == one.chance[0]).all()

    def test_refuses_what_cannot_be(self) -> None:
        """Grades off the scale, unknown rates, horizons out of order."""
        with pytest.raises(ValueError, match="Grades"):
            standing(11, 0.1)
        with pytest.raises(ValueError, match="Turns per day"):
            standing(5, np.nan)
        with pytest.raises(ValueError, match="ascend"):
            project(PRIOR, standing(5, 0.1), (30.0, 7.0))


class TestQuantiles:
    def test_hold_what_they_promise(self) -> None:
        """Of conditions drawn from the chances, evenly inside each grade, 80 % lie between the ends; ends are in order at any level."""
        draw = np.random.default_rng(5)
        chance = draw.dirichlet(np.full(11, 0.7), 40)
        low, high = quantiles(chance, (0.1, 0.9))
        for row in range(40):
            drawn = draw.choice(11, 4000, p=chance[row]) + draw.uniform(-0.5, 0.5, 4000)
            inside = (drawn.clip(0, 10) >= 10 * low[row] - 1e-9) & (drawn.clip(0, 10) <= 10 * high[row] + 1e-9)
            # at the ends of the scale half a grade lies in one point, which cannot be cut
            assert inside.mean() >= 0.77
            assert low[row] in (0.0, 1.0) or high[row] in (0.0, 1.0) or inside.mean() <= 0.83

        assert (np.diff(quantiles(chance, np.linspace(0.01, 0.99, 25)), axis=0) >= 0).all()

    def test_worse_chances_never_lie_higher(self) -> None:
        """Where every chance to be below a grade is larger, every quantile is lower: so no interval rises along horizons."""
        far = project(PRIOR, standing(8, 0.3), (0.0, 1.0, 10.0, 100.0, 1000.0)).chance
        assert (np.diff(quantiles(far, (0.05, 0.1, 0.5, 0.9, 0.95)), axis=2) <= 1e-6).all()
