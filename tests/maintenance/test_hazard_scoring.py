"""Scores under censoring agree with textbook values and with sums by hand."""

import numpy as np
import pytest

from rfid3_maintenance.model.scoring import Told, brier, calibration, kaplan_meier

# Freireich et al. 1963, weeks of remission under 6-MP (Cox & Oakes 1984, table 1.1); False = censored
WEEKS = np.array([6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35], dtype=float)
RELAPSED = np.arange(21) < 9


def test_kaplan_meier_is_the_textbook_curve() -> None:
    """The published survival of the 6-MP arm."""
    found = kaplan_meier(WEEKS, RELAPSED, np.ones(21), np.array([5.0, 6.0, 7.0, 10.0, 13.0, 16.0, 22.0, 23.0, 35.0]))

    assert found == pytest.approx([1.0, 0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448, 0.448], abs=5e-4)


def test_brier_without_censoring_is_the_mean_square() -> None:
    """Nobody lost: every row counts alike."""
    days, chance = np.array([1.0, 2.0, 5.0, 9.0]), np.array([0.9, 0.2, 0.4, 0.1])

    assert brier(chance, 4.0, days, np.ones(4, bool), np.ones(4)) == pytest.approx((0.01 + 0.64 + 0.16 + 0.01) / 4)


def test_brier_under_censoring_is_near_that_of_the_whole() -> None:
    """Weights make up for those lost: the score is near the one with nobody lost."""
    rng = np.random.default_rng(5)
    risk = rng.uniform(0.2, 2.0, 20_000)
    days, lost = rng.exponential(1.0 / risk), rng.exponential(2.0, 20_000)
    chance, ones = 1.0 - np.exp(-risk), np.ones(20_000)

    whole = brier(chance, 1.0, days, np.ones(20_000, bool), ones)

    assert brier(chance, 1.0, np.minimum(days, lost), days <= lost, ones) == pytest.approx(whole, rel=0.02)


def test_losses_are_the_likelihood_by_hand() -> None:
    """An event counts as inside its interval, a censored row by its share of it."""
    cumulative = np.array([[0.1, 0.5], [0.1, 0.5], [0.2, 0.3]])

    told = Told.of(cumulative, np.array([10.0, 20.0]), np.array([15.0, 15.0, 10.0]), np.array([True, False, True]), np.ones(3))

    by_hand = [0.1 - np.log(1.0 - np.exp(-0.4)), 0.1 + 0.5 * 0.4, -np.log(1.0 - np.exp(-0.2))]
    assert told.losses() == pytest.approx(by_hand)
    assert told.expected() == pytest.approx([0.3, 0.3, 0.2])


def test_calibration_finds_what_was_distorted() -> None:
    """Hazards that say exp(-1) * H**0.5 of the truth H are found to need intercept 2 and slope 2."""
    rng = np.random.default_rng(7)
    truth = np.exp(rng.normal(-1.0, 1.0, 30_000))
    event = rng.random(30_000) < 1.0 - np.exp(-truth)
    said = np.exp(-1.0) * np.sqrt(truth)

    told = Told.of(said[:, None], np.array([1.0]), np.ones(30_000), event, np.ones(30_000))

    assert calibration(told) == pytest.approx((2.0, 2.0), abs=0.12)
