"""Forecasts of a hierarchy add up: weights learned from the past, never negative, quantiles of one joint distribution."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import lsq_linear
from scipy.sparse import csr_matrix
from scipy.stats import norm

from rfid3_demand.model import LEVELS, drift_ratio
from rfid3_demand.model.error_models import error_model, learn
from rfid3_demand.model.reconcile import ErrorModel, reconcile
from rfid3_demand.model.scenarios import coherent_quantiles

TREE = csr_matrix(np.vstack([np.eye(4), [1, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]]))
NAMES = np.array(["bottom"] * 4 + ["middle"] * 2 + ["all"])
GRID = np.array(LEVELS)


def said(shape: tuple[int, ...], low: float, high: float) -> st.SearchStrategy[np.ndarray]:
    """Arrays of forecasts in a range."""
    return arrays(float, shape, elements=st.floats(low, high, allow_nan=False))


class TestReconcile:
    @given(base=said((7, 2), -50, 50), variance=said((7,), 0.1, 10))
    def test_is_the_weighted_least_squares_of_the_textbook(self, base: np.ndarray, variance: np.ndarray) -> None:
        """(S'W⁻¹S)⁻¹ S'W⁻¹ base, solved densely, gives the same bottom and the same sums."""
        s, w = TREE.toarray(), np.diag(1 / variance)
        bottom = np.linalg.solve(s.T @ w @ s, s.T @ w @ base)

        found = reconcile(TREE, base, ErrorModel("weighted", variance), nonnegative=False)

        np.testing.assert_allclose(found, s @ bottom, atol=1e-2)

    @given(base=said((7, 1), -20, 50), variance=said((7,), 0.1, 10))
    def test_is_as_close_as_never_negative_forecasts_can_be(self, base: np.ndarray, variance: np.ndarray) -> None:
        """The bounded least squares solver of scipy finds no coherent forecast >= 0 that is clearly closer."""
        s, root = TREE.toarray(), 1 / np.sqrt(variance)
        best = lsq_linear(root[:, None] * s, root * base[:, 0], bounds=(0, np.inf)).cost

        found = reconcile(TREE, base, ErrorModel("weighted", variance), nonnegative=True)

        cost = 0.5 * float(((root[:, None] * (found - base)) ** 2).sum())
        assert found.min() >= 0
        assert cost <= best * 1.05 + 1.0

    @given(base=said((7, 3), -50, 50))
    def test_every_level_adds_up(self, base: np.ndarray) -> None:
        """Parents are the sums of their children to the last digit that sums keep."""
        for errors in (ErrorModel("weighted", np.ones(7)), ErrorModel("bottom-up", np.ones(7))):
            found = reconcile(TREE, base, errors, nonnegative=True)
            np.testing.assert_allclose(found[4:], TREE[4:] @ found[:4], rtol=1e-12, atol=1e-12)

    def test_bottom_up_listens_to_the_bottom_alone(self) -> None:
        """What upper nodes say does not matter."""
        base = np.array([[1.0], [2], [3], [4], [100], [100], [100]])
        found = reconcile(TREE, base, ErrorModel("bottom-up", np.ones(7)), nonnegative=True)
        np.testing.assert_allclose(found[:, 0], [1, 2, 3, 4, 3, 7, 10])

    def test_a_parent_of_one_child_is_not_taken_for_the_child(self) -> None:
        """Bottom-up starts from the child's own forecast."""
        tree = csr_matrix(np.array([[1.0, 0], [0, 1], [1, 0], [1, 1]]))
        found = reconcile(tree, np.array([[5.0], [2], [50], [60]]), ErrorModel("bottom-up", np.ones(4)), nonnegative=True)
        np.testing.assert_allclose(found[:, 0], [5, 2, 5, 7])


class TestLearn:
    def past(self, seed: int, spoilt: slice) -> tuple[np.ndarray, np.ndarray]:
        """Outcomes that add up, and forecasts of them, those of some nodes far off in a way that changes sides."""
        rng = np.random.default_rng(seed)
        outcomes = np.einsum("nb,boh->noh", TREE.toarray(), rng.uniform(5, 15, (4, 6, 5)))
        forecasts = outcomes + rng.normal(0, 1, outcomes.shape)
        forecasts[spoilt] += rng.choice([-1, 1], (1, 6, 1)) * 40
        return outcomes, forecasts

    def test_upper_nodes_that_err_widely_have_little_say(self) -> None:
        """Spoilt upper forecasts move the reconciled ones by a small part of their error."""
        outcomes, forecasts = self.past(1, slice(4, 7))
        errors = learn(TREE, outcomes, forecasts, np.ones(7), NAMES, True)
        found = reconcile(TREE, forecasts[:, 0], errors, nonnegative=True)
        assert np.abs(found[:4] - outcomes[:4, 0]).mean() < 2.5

    def test_bottom_series_that_err_widely_are_set_right_by_their_parents(self) -> None:
        """The sum keeps to what the top said when the top was right."""
        outcomes, forecasts = self.past(2, slice(0, 4))
        errors = learn(TREE, outcomes, forecasts, np.ones(7), NAMES, False)
        found = reconcile(TREE, forecasts[:, 0], errors, nonnegative=False)
        assert np.abs(found[6] - outcomes[6, 0]).mean() < 10 < np.abs(forecasts[:4, 0].sum(axis=0) - outcomes[6, 0]).mean()

    def test_without_time_it_is_bottom_up(self) -> None:
        """No second to choose in: the bottom series alone decide, and that is said."""
        outcomes, forecasts = self.past(3, slice(0, 0))
        assert learn(TREE, outcomes, forecasts, np.ones(7), NAMES, True, limit_s=0.0).name == "bottom-up"

    def test_out_of_time_what_was_compared_decides(self) -> None:
        """A clock that jumps stops the comparison after the first option."""
        outcomes, forecasts = self.past(4, slice(4, 7))
        ticks = iter(range(0, 1000, 10))
        errors = learn(TREE, outcomes, forecasts, np.ones(7), NAMES, True, limit_s=5.0, clock=lambda: float(next(ticks)))
        assert (errors.name, errors.power) == ("weighted", 0.75)

    @pytest.mark.parametrize(("lucky", "independent", "expected"), [(1, np.inf, 0.75), (6, np.inf, 0.0), (6, 1.0, 0.75)])
    def test_another_power_must_be_surely_better(self, lucky: int, independent: float, expected: float) -> None:
        """Upper nodes that err as their own errors say: seen at one origin, or at origins that are one story, it is luck."""
        rng = np.random.default_rng(5)
        outcomes = np.einsum("nb,boh->noh", TREE.toarray(), rng.uniform(5, 15, (4, 6, 40)))
        forecasts = outcomes + rng.normal(0, 0.02, outcomes.shape)
        forecasts[:4, :lucky] += rng.normal(0, 3.0, (4, lucky, 40))
        forecasts[4:, :lucky] += rng.normal(0, 6.0, (3, lucky, 40))
        found = learn(TREE, outcomes, forecasts, np.ones(7), NAMES, False, independent)
        assert (found.name, found.power) == ("weighted", expected)

    def test_few_errors_count_as_the_scale_says(self) -> None:
        """A node without errors has its scale's variance; one with many has theirs."""
        error = np.full((2, 1000, 10), np.nan)
        error[1] = 3.0
        variance = error_model(error, np.array([2.0, 2.0]), np.ones(2)).variance
        assert variance == pytest.approx([4.0, 9.0], rel=0.01)


class TestCoherentQuantiles:
    def normal(self, spread: np.ndarray, mean: float = 100.0) -> np.ndarray:
        """Quantiles (nodes, 1, grid) of normal distributions around what the tree's sums say."""
        centre = mean * TREE.toarray().sum(axis=1)
        return np.asarray((centre[:, None] + spread[:, None] * norm.ppf(GRID)[None, :])[:, None, :])

    def quantiles(self, spread: np.ndarray) -> np.ndarray:
        """Coherent quantiles of such nodes at the same levels."""
        found = coherent_quantiles(TREE, NAMES, self.normal(spread), GRID, GRID, whole=False)
        assert found is not None
        return found

    def test_independent_series_stay_independent(self) -> None:
        """Where upper nodes spread as the root of the sum of squares, so do the sums."""
        spread = np.array([10, 10, 10, 10, np.sqrt(200), np.sqrt(200), 20])
        found = self.quantiles(spread)
        high, low = (np.flatnonzero(level == GRID)[0] for level in (0.9, 0.1))
        assert (found[6, 0, high] - found[6, 0, low]) / 2 == pytest.approx(20 * norm.ppf(0.9), rel=0.1)

    def test_series_that_go_together_spread_together(self) -> None:
        """Where the top spreads nearly as the sum of its parts, so do the sums."""
        spread = np.array([10, 10, 10, 10, 19, 19, 37.0])
        found = self.quantiles(spread)
        high, low = (np.flatnonzero(level == GRID)[0] for level in (0.9, 0.1))
        assert (found[6, 0, high] - found[6, 0, low]) / 2 == pytest.approx(37 * norm.ppf(0.9), rel=0.12)

    def test_bottom_series_keep_their_own(self) -> None:
        """The distribution of a bottom series is what it was calibrated to be."""
        spread = np.array([10, 20, 5, 1, 25, 6, 30.0])
        np.testing.assert_allclose(self.quantiles(spread)[:4, 0, 2:-2], self.normal(spread)[:4, 0, 2:-2], atol=0.6)

    @given(arrays(float, (7,), elements=st.floats(1, 30)))
    def test_never_cross_and_parents_reach_their_children(self, spread: np.ndarray) -> None:
        """Quantiles rise with the level; a sum of counts lies nowhere below one of its parts."""
        quantiles = np.maximum(np.rint(self.normal(spread, mean=20)), 0)
        found = coherent_quantiles(TREE, NAMES, quantiles, GRID, GRID, whole=True)
        assert found is not None
        assert (np.diff(found, axis=2) >= 0).all()
        assert (found == np.rint(found)).all()
        assert (found[4] >= found[:2]).all()
        assert (found[6] >= found[4:6]).all()

    def test_the_same_twice(self) -> None:
        """Scenarios are fixed points."""
        spread = np.arange(7) + 1.0
        assert (self.quantiles(spread) == self.quantiles(spread)).all()

    def test_out_of_time_there_are_none(self) -> None:
        """Nothing half joined is given out."""
        ticks = iter(range(0, 1000, 10))
        quantiles = self.normal(np.ones(7))
        assert coherent_quantiles(TREE, NAMES, quantiles, GRID, GRID, False, None, 5.0, lambda: float(next(ticks))) is None

    def test_nothing_to_join_in_a_flat_panel(self) -> None:
        """Every series its own node: their quantiles stand."""
        flat = csr_matrix(np.eye(3))
        quantiles = self.normal(np.ones(7))[:3]
        assert coherent_quantiles(flat, np.array(["series"] * 3), quantiles, GRID, GRID, whole=False) is None

    def test_the_sum_keeps_the_forecasts_mean(self) -> None:
        """Skewed parts do not lift their sum: scenarios are moved to the mean that was forecast, in whole numbers still."""
        quantiles = np.maximum(np.rint(self.normal(np.full(7, 15.0), mean=10)), 0)
        mean = 10.0 * TREE.toarray().sum(axis=1)[:, None]
        found = coherent_quantiles(TREE, NAMES, quantiles, GRID, GRID, whole=True, mean=mean)
        assert found is not None
        assert (found == np.rint(found)).all()
        assert found[6, 0, np.flatnonzero(GRID == 0.5)[0]] == pytest.approx(40, abs=6)


class TestDriftRatio:
    def test_a_shop_forecast_too_low_by_a_fifth_is_lifted_as_far_as_time_tells(self) -> None:
        """Outcomes 1.2 times the forecast: the whole ratio from many stretches of time, its square root from one."""
        outcomes, said = np.full((5, 4, 6), 12.0), np.full((5, 4, 6), 10.0)
        assert drift_ratio.ratios(outcomes, said, np.inf, 8) == pytest.approx(np.full(8, 1.2))
        assert drift_ratio.ratios(outcomes, said, 1.0, 8) == pytest.approx(np.full(8, np.sqrt(1.2)))

    def test_each_range_of_steps_has_its_own_and_the_last_holds_on(self) -> None:
        """Near steps that were right stay; later ones are corrected, also beyond what was checked."""
        outcomes = np.full((3, 2, 5), 10.0)
        said = np.concatenate([outcomes[:, :, :2], outcomes[:, :, 2:] / 1.1], axis=2)
        assert drift_ratio.ratios(outcomes, said, np.inf, 7) == pytest.approx([1, 1, 1.1, 1.1, 1.1, 1.1, 1.1])

    def test_nothing_known_changes_nothing(self) -> None:
        """No outcome, no ratio; and none beyond the stated most."""
        nothing = np.full((2, 2, 3), np.nan)
        assert (drift_ratio.ratios(nothing, nothing, 3.0, 4) == 1).all()
        assert drift_ratio.ratios(np.full((2, 2, 3), 50.0), np.ones((2, 2, 3)), np.inf, 3) == pytest.approx([1.25] * 3)
