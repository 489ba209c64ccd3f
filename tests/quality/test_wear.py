"""Wear of grades: the chain beside enumeration and matrix exponentials, the fit beside simulated wear that is known."""

from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from scipy.linalg import expm

from rfid3_quality.model import grades
from rfid3_quality.model.wear import Wear
from rfid3_quality.model.wear_chain import Chain, lift, misread, transition
from rfid3_quality.model.wear_fit import fit_wear
from rfid3_quality.model.wear_likelihood import Shape, cells, log_likelihood
from rfid3_quality.model.wear_pooling import pool
from rfid3_quality.model.wear_steps import WearSteps

CLASSES, CATEGORIES, UNITS = 24, 4, 900
TURNS_PER_GRADE, IDLE_DAYS_PER_TURN, MISREAD, LIFT, RAIN = 25.0, 80.0, 0.06, 2.5, 0.3


@dataclass(frozen=True)
class Truth:
    """A simulated company: its steps, and the log pace of every class."""

    steps: WearSteps
    pace: np.ndarray


def no_steps(**more: object) -> WearSteps:
    """No reading at all."""
    none, whole = np.zeros(0), np.zeros(0, dtype=int)
    return replace(WearSteps(whole, whole, whole, none, none, whole, whole, whole.astype(bool)), **more)  # type: ignore[arg-type]


def simulated(seed: int) -> Truth:
    """Units read five times; paces by category and class; a feature; misread grades; repairs that lift."""
    draw = np.random.default_rng(seed)
    kind = np.arange(CLASSES) % CATEGORIES
    pace = -np.log(TURNS_PER_GRADE) + draw.normal(0, 0.3, CATEGORIES)[kind] + draw.normal(0, 0.3, CLASSES)
    chain, seen, up = Chain(0.4, 0.0, (0.8, 0.15, 0.05)), misread(MISREAD), lift(LIFT)
    group, rain = draw.integers(CLASSES, size=UNITS), draw.normal(size=UNITS)
    there = draw.integers(6, 11, size=UNITS)
    reading = picked(seen[there], draw)
    rows = []
    for _ in range(4):
        turns, days = draw.poisson(8, UNITS), draw.integers(20, 200, UNITS)
        repaired = draw.random(UNITS) < 0.1
        worn = transition(chain, np.exp(pace[group] + RAIN * rain) * (turns + days / IDLE_DAYS_PER_TURN))
        there = picked(worn[np.arange(UNITS), there], draw)
        there = np.where(repaired, picked(up[there], draw), there)
        after = picked(seen[there], draw)
        rows.append(np.stack([np.arange(UNITS), reading, after, turns, days, group, kind[group], repaired, rain]))
        reading = after
    table = np.concatenate(rows, axis=1)
    unit, first, last, _, _, of, category, _, _ = table.astype(int)
    steps = WearSteps(unit, first, last, table[3], table[4], of, category, table[7] > 0, table[8][:, None], ("rain",))
    return Truth(steps, pace)


def picked(chance: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """One column per row, by its chances."""
    return np.asarray((draw.random((len(chance), 1)) > np.cumsum(chance, axis=1)).sum(axis=1).clip(0, 10))


@pytest.fixture(scope="module")
def truth() -> Truth:
    """One company."""
    return simulated(1)


@pytest.fixture(scope="module")
def wear(truth: Truth) -> Wear:
    """What was learned of it."""
    return fit_wear(truth.steps)


class TestGrades:
    def test_score_is_a_tenth_of_the_number(self) -> None:
        """A+ is 1, F is 0, and every name leads back to its number."""
        assert (grades.score_of("A+"), grades.score_of("F"), grades.score_of("C-"), grades.score_of("dirty")) == (
            1.0,
            0.0,
            0.2,
            None,
        )
        assert [grades.score_of(grades.name_of(number)) for number in range(11)] == [number / 10 for number in range(11)]


class TestChain:
    def test_equals_the_enumeration_of_all_paths(self) -> None:
        """With jumps at Poisson times, P(τ) is the sum over every path of grades, weighed by the number of jumps."""
        chain, tau, jumps = Chain(0.3, -0.2, (0.7, 0.2, 0.1)), 0.4, 6
        fastest = -np.diag(chain.generator).min()
        one = np.eye(11) + chain.generator / fastest
        start, chance, found = 5, np.exp(-fastest * tau), np.zeros(11)
        for n in range(jumps + 1):
            for path in product(range(4), repeat=n):
                at, weight = start, 1.0
                for down in path:
                    after = at - down
                    weight *= one[at, after] if after >= 0 else 0.0
                    at = max(after, 0)
                found[at] += chance * weight
            chance *= fastest * tau / (n + 1)

        assert transition(chain, np.array([tau]))[0, start] == pytest.approx(found, abs=1e-4)

    @pytest.mark.parametrize("tilt", [-1.0, 0.0, 0.8])
    def test_equals_the_matrix_exponential(self, tilt: float) -> None:
        """At any wear time, from none to forty falls."""
        chain, times = Chain(tilt, 0.1, (0.8, 0.15, 0.05)), np.array([0.0, 1e-5, 3e-4, 0.01, 0.37, 1.9, 7.3, 40.0])

        assert transition(chain, times) == pytest.approx(np.array([expm(chain.generator * tau) for tau in times]), abs=1e-5)

    def test_single_steps_are_a_poisson_count(self) -> None:
        """Where every grade wears alike and by one step, the grades lost are Poisson distributed."""
        row = transition(Chain(0.0, 0.0, (1.0, 0.0, 0.0)), np.array([2.0]))[0, 10]

        assert row[10:7:-1] == pytest.approx([np.exp(-2), 2 * np.exp(-2), 2 * np.exp(-2)], abs=1e-5)

    def test_rows_add_up_and_repairs_never_lower(self) -> None:
        """Every kernel spreads each grade's chance of one; a lift never leads down."""
        assert np.allclose([misread(0.1).sum(axis=1), lift(2.0).sum(axis=1), lift(0.01).sum(axis=1)], 1.0)
        assert (np.tril(lift(2.0), k=-1) == 0).all()


class TestLikelihood:
    def test_second_readings_add_up_to_one(self) -> None:
        """For each first reading, wear and repair, the chances of all second readings are one."""
        first, second = (part.ravel() for part in np.meshgrid(np.arange(11), np.arange(11), indexing="ij"))
        shape = Shape(0.3, 0.0, (-1.5, -3.0), -2.0, 0.7)
        for tau, repaired in ((0.001, False), (0.8, False), (30.0, True)):
            value, _ = log_likelihood(shape, cells(first, second, np.full(121, repaired)), np.full(121, tau))

            assert np.exp(value).reshape(11, 11).sum(axis=1) == pytest.approx(np.ones(11), abs=1e-4)

    def test_slope_is_the_derivative(self) -> None:
        """The slope by log wear time agrees with differences."""
        shape, cell = (
            Shape(0.3, 0.0, (-1.5, -3.0), -2.0, 0.7),
            cells(np.array([9, 9, 4]), np.array([7, 9, 6]), np.array([False, False, True])),
        )
        tau = np.array([0.5, 0.02, 2.0])
        up, down = (log_likelihood(shape, cell, tau * np.exp(step))[0] for step in (1e-5, -1e-5))

        assert log_likelihood(shape, cell, tau)[1] == pytest.approx((up - down) / 2e-5, rel=1e-3, abs=1e-5)


class TestFit:
    def test_recovers_what_all_classes_share(self, wear: Wear) -> None:
        """Turns per grade, idle wear, misreading, lift and the feature come back near the truth they were drawn from."""
        assert np.exp(-wear.log_pace) == pytest.approx(TURNS_PER_GRADE, rel=0.35)
        assert 1 / wear.idle_turns_per_day == pytest.approx(IDLE_DAYS_PER_TURN, rel=0.5)
        assert wear.shape.misread_ratio == pytest.approx(MISREAD, abs=0.02)
        assert wear.shape.lift_grades == pytest.approx(LIFT, rel=0.2)
        assert wear.weights[0] / wear.scale[0] == pytest.approx(RAIN, abs=0.1)

    def test_paces_of_classes_are_right_within_what_is_claimed(self, wear: Wear, truth: Truth) -> None:
        """Little bias on average; about four fifths of classes inside their 80 %; and they go with the truth."""
        eta, variance = wear.pace(np.arange(CLASSES), np.zeros((CLASSES, 1)))
        z = (eta - truth.pace) / np.sqrt(variance - wear.unit_variance)

        assert abs(np.mean(eta - truth.pace)) < 0.12
        assert np.mean(np.abs(z) < 1.2816) >= 0.6
        assert np.corrcoef(eta, truth.pace)[0, 1] > 0.75

    def test_units_alike_show_no_spread(self, wear: Wear) -> None:
        """Where units of a class wear alike, next to nothing is put down to the unit."""
        assert wear.unit_variance < 0.15

    def test_same_steps_same_numbers(self) -> None:
        """A fit is deterministic, and a model read back is the model written."""
        few = simulated(3).steps
        part = np.arange(120)
        steps = replace(
            few, unit=few.unit[part], from_grade=few.from_grade[part], to_grade=few.to_grade[part], turns=few.turns[part],
            days=few.days[part], group=few.group[part], material=few.material[part], repaired=few.repaired[part], x=None, names=(),
        )  # fmt: skip
        one, again = fit_wear(steps), fit_wear(steps)

        assert (one.pace(steps.group)[0] == again.pace(steps.group)[0]).all()

    def test_what_is_read_is_what_was_written(self, wear: Wear, tmp_path: Path) -> None:
        """To the last digit, basis included."""
        wear.write(tmp_path)
        again = Wear.read(tmp_path)

        assert (np.array(again.pace(np.arange(-1, CLASSES))) == np.array(wear.pace(np.arange(-1, CLASSES)))).all()
        assert again.basis == wear.basis
        assert again.shape == wear.shape

    def test_without_readings_the_prior_speaks_and_says_so(self) -> None:
        """No pair of readings: the stated median pace, its width, and every number of the prior in the basis."""
        found = fit_wear(no_steps(group_names=("tent",)))
        eta, variance = found.pace(np.array([-1, 0]))

        assert np.exp(-eta) == pytest.approx([30.0, 30.0])
        assert (np.sqrt(variance) > np.log(4.0) / 1.2816).all()
        assert found.basis["form"] == "prior"
        assert (found.basis["turns_per_grade"], found.basis["lift_grades"]) == pytest.approx((30.0, 2.0))
        assert found.basis["prior"]["turns_per_grade"] == 30.0
        assert found.basis_of(0)["pooled_at"] == "prior"

    def test_basis_says_where_a_class_is_pooled(self, wear: Wear, truth: Truth) -> None:
        """A class with its own record rests on it; one never seen rests on all."""
        seen, unknown = wear.basis_of(0), wear.basis_of(-1)

        assert seen["steps"] == int((truth.steps.group == 0).sum())
        assert (seen["pooled_at"], unknown["pooled_at"]) == ("class", "all")
        assert wear.pace(np.array([-1]))[1][0] > wear.pace(np.array([0]))[1][0]

    def test_a_jump_up_without_repair_is_noise(self) -> None:
        """Readings that jump up lift nothing: they raise the share of misread grades, and pace stays finite."""
        rows = np.arange(60)
        grade = np.full(60, 6)
        after = np.where(rows % 4 == 0, 7, 6)
        group = np.zeros(60, dtype=int)
        found = fit_wear(
            WearSteps(rows, grade, after, np.full(60, 1.0), np.full(60, 5.0), group, group, np.zeros(60, dtype=bool))
        )

        assert found.shape.misread_ratio > 0.1
        assert np.exp(-found.pace(np.array([0]))[0][0]) > 10

    def test_refuses_what_cannot_be(self) -> None:
        """Grades off the scale, negative turns, and columns of unequal length."""
        one = np.zeros(1, dtype=int)
        for first, turns in ((11, 1.0), (5, -1.0), (5, np.nan)):
            with pytest.raises(ValueError, match="must"):
                WearSteps(one, one + first, one, np.array([turns]), np.ones(1), one, one, one.astype(bool))
        with pytest.raises(ValueError, match="length"):
            no_steps(turns=np.ones(2))


class TestPooling:
    def test_is_credibility_by_the_book(self) -> None:
        """One class under a known mean: Bühlmann's Z = I / (I + 1/s²) and variance s²(1 − Z)."""
        group = np.zeros(1, dtype=int)
        found = pool(np.array([50.0]), group, np.array([-1]), np.array([-1]), (1, 0), (0.3, 1e-9), 1e-12)
        z = 50.0 / (50.0 + 1 / 0.09)

        assert found.own_share[0] == pytest.approx(z, rel=1e-6)
        assert found.of_group[0] == pytest.approx(0.09 * (1 - z), rel=1e-6)

    def test_equals_the_joint_normal_posterior(self) -> None:
        """Nested variances are those of the full Gaussian model, solved as one system."""
        information, kind = np.array([5.0, 20.0, 0.0, 8.0]), np.array([0, 0, 1, 1])
        s_c, s_m, top = 0.3, 0.2, 1.1
        found = pool(information, np.arange(4), kind, kind, (4, 2), (s_c, s_m), top)
        # unknowns: all, two categories, four classes; data: one normal reading of each class's sum
        design = np.zeros((4, 7))
        design[:, 0] = 1
        design[np.arange(4), 1 + kind] = 1
        design[np.arange(4), 3 + np.arange(4)] = 1
        precision = np.diag(1 / np.array([top, s_m**2, s_m**2, *[s_c**2] * 4])) + design.T @ (information[:, None] * design)
        joint = design @ np.linalg.inv(precision) @ design.T

        assert np.linalg.inv(precision)[0, 0] == pytest.approx(found.overall, rel=1e-6)
        assert np.diag(joint) == pytest.approx(found.of_group, rel=1e-6)
