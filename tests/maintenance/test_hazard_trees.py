"""Trees speak where they are better, are calibrated on units they never saw, and say how sure they are."""

import numpy as np
import pytest

from rfid3_maintenance.model import Hazard, Landmarks, NothingToLearn, fit_hazard
from rfid3_maintenance.model.scoring import Told, calibration
from rfid3_maintenance.model.trees import Trees

CUTS = np.array([30.0, 90.0, 180.0])


def simulated(units: int, seed: int, crossed: float) -> tuple[Landmarks, np.ndarray]:
    """Proportional hazards with a step of `crossed` where two features agree, two landmarks a unit; and the true log-hazard per day."""
    rng = np.random.default_rng(seed)
    rows = 2 * units
    x = rng.normal(size=(rows, 4)).astype(np.float32)
    risk = 0.6 * x[:, 0] + crossed * (x[:, 1] * x[:, 2] > 0) - 5.5
    life, lost = rng.exponential(np.exp(-risk)), rng.uniform(20.0, 400.0, rows)
    x[rng.random(rows) < 0.05, 3] = np.nan
    given = Landmarks(
        x, ("a", "b", "c", "d"), rng.integers(0, 3, rows).astype(np.int32), np.repeat(np.arange(units), 2).astype(np.int32),
        np.full(rows, np.nan), np.minimum(life, lost), life <= lost,
    )  # fmt: skip
    return given, risk


@pytest.fixture(scope="module")
def fitted() -> Hazard:
    """A hazard whose truth has a crossing that no line can follow."""
    return fit_hazard(simulated(2200, 1, 1.5)[0], CUTS, group_names=["x", "y", "z"])


@pytest.fixture(scope="module")
def unseen() -> tuple[Landmarks, np.ndarray]:
    """Units the hazard never saw, with more than 2,000 events."""
    given, risk = simulated(3000, 2, 1.5)
    assert given.within(CUTS)[1].sum() > 2000
    return given, risk


class TestChoice:
    def test_takes_trees_where_they_are_better(self, fitted: Hazard) -> None:
        """A crossing makes trees win on held-out units, and the basis says so with both losses."""
        assert fitted.basis["form"] == "tree"
        assert fitted.basis["log_loss_tree"] < fitted.basis["log_loss_pooled"]
        assert all(score["model"] < score["kaplan_meier"] for score in fitted.basis["brier"])

    def test_keeps_the_line_where_the_truth_is_one(self) -> None:
        """Where effects are log-linear, trees do not win."""
        basis = fit_hazard(simulated(400, 3, 0.0)[0], CUTS).basis

        assert basis["form"] == "pooled"
        assert "did not" in basis["why"]

    def test_refuses_trees_of_a_handful(self) -> None:
        """Trees cannot be cross-fitted over a few units, and the message says how many are needed."""
        with pytest.raises(NothingToLearn, match="20 units"):
            fit_hazard(simulated(5, 7, 0.0)[0], CUTS, form="tree")


class TestChances:
    def test_are_calibrated_on_units_never_seen(self, fitted: Hazard, unseen: tuple[Landmarks, np.ndarray]) -> None:
        """More than 2,000 new events: slope between 0.9 and 1.1, as the basis foretold."""
        given, _ = unseen
        days, event = given.within(CUTS)

        told = Told.of(-np.log(fitted.survival(given.x, given.group)), CUTS, days, event, np.ones(len(given)))

        intercept, slope = calibration(told)
        assert 0.9 <= slope <= 1.1
        assert abs(intercept) < 0.1
        assert 0.9 <= fitted.basis["calibration"]["slope"] <= 1.1

    def test_never_fall_with_time(self, fitted: Hazard, unseen: tuple[Landmarks, np.ndarray]) -> None:
        """Survival stays within 0 and 1 and never rises; bands never cross and hold the chance."""
        given, _ = unseen
        survival = fitted.survival(given.x, given.group)

        lower, upper = fitted.band(given.x, given.group)

        assert np.all((survival >= 0) & (survival <= 1))
        assert np.all(np.diff(survival, axis=1) <= 0)
        assert np.all((lower <= 1.0 - survival + 1e-12) & (1.0 - survival <= upper + 1e-12))
        assert np.all(np.diff(lower, axis=1) >= 0)
        assert np.all(np.diff(upper, axis=1) >= 0)

    def test_lie_within_their_bands_about_as_often_as_said(self, fitted: Hazard, unseen: tuple[Landmarks, np.ndarray]) -> None:
        """The true chance is known here: the 80 % band holds it for at least two thirds, and is no blanket."""
        given, risk = unseen
        truth = 1.0 - np.exp(-np.exp(risk)[:, None] * CUTS)

        lower, upper = fitted.band(given.x, given.group)

        covered = (truth >= lower) & (truth <= upper)
        assert 0.66 <= covered.mean() <= 0.97
        assert np.median(upper[:, 0] - lower[:, 0]) < 0.3

    def test_of_no_rows_have_shape(self, fitted: Hazard) -> None:
        """Nothing asked, nothing said."""
        assert fitted.survival(np.zeros((0, 4), np.float32), np.zeros(0, int)).shape == (0, 3)

    def test_of_other_features_are_refused(self, fitted: Hazard) -> None:
        """The message names what is expected."""
        with pytest.raises(ValueError, match="a, b, c, d"):
            fitted.survival(np.zeros((1, 3), np.float32), np.zeros(1, int))


def test_contributions_sum_to_the_log_hazards_difference() -> None:
    """With one interval, features' parts differ between two units as their log cumulative hazards do."""
    given, _ = simulated(400, 4, 1.5)
    found = fit_hazard(given, [180.0], form="tree")
    none = np.full(50, -1)

    parts, survival = found.contributions(given.x[:50], none), found.survival(given.x[:50], none)

    log_hazard = np.log(-np.log(survival[:, 0]))
    assert np.diff(parts.sum(axis=1)) == pytest.approx(np.diff(log_hazard), abs=1e-5)
    assert np.abs(parts[:, :3]).mean() > 3 * np.abs(parts[:, 3]).mean()


class TestAgain:
    def test_same_input_same_trees(self) -> None:
        """Twice the same fit grows the same trees and says the same, to the last digit."""
        given, _ = simulated(150, 5, 1.5)

        one, two = (fit_hazard(given, CUTS, form="tree") for _ in range(2))

        assert isinstance(one.form, Trees)
        assert isinstance(two.form, Trees)
        assert one.form.text == two.form.text
        assert one.basis == two.basis
        assert np.array_equal(one.band(given.x, given.group), two.band(given.x, given.group))
