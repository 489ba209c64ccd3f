"""What survival curves say at other moments holds against integration, inversion and the rules of probability."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_maintenance.model import expected, joint, remaining, timeline

CUTS = [7.0, 30.0, 90.0, 365.0]
curves = st.lists(st.floats(0.0, 3.0), min_size=4, max_size=4).map(lambda steps: np.exp(-np.cumsum([steps], axis=1)))
horizons = st.lists(st.floats(0.0, 800.0), min_size=1, max_size=6).map(sorted)


class TestTimeline:
    @given(curves, horizons)
    def test_never_decreases(self, survival: np.ndarray, asked: list[float]) -> None:
        """A longer horizon never has a smaller chance, and chances stay within 0 and 1."""
        found = timeline(survival, CUTS, asked)

        assert np.all(np.diff(found, axis=1) >= 0)
        assert np.all((found >= 0) & (found <= 1))

    @given(curves)
    def test_is_the_curve_at_its_cuts(self, survival: np.ndarray) -> None:
        """At a cut nothing is interpolated."""
        assert np.array_equal(timeline(survival, CUTS, CUTS), 1.0 - survival)

    def test_carries_the_last_hazard_on(self) -> None:
        """Beyond the last cut the last interval's hazard goes on; an exponential curve stays exponential."""
        survival = np.exp(-np.array([CUTS]) / 100.0)

        assert timeline(survival, CUTS, [0.0, 50.0, 1000.0])[0] == pytest.approx(1.0 - np.exp([0.0, -0.5, -10.0]))

    def test_refuses_a_negative_horizon(self) -> None:
        """Nothing is said about the past."""
        with pytest.raises(ValueError, match="negative"):
            timeline(np.ones((1, 4)), CUTS, [-1.0])


class TestRemaining:
    @given(curves)
    def test_inverts_the_timeline(self, survival: np.ndarray) -> None:
        """By the day given, the event has happened with the level asked; levels are ordered."""
        days = remaining(survival, CUTS)

        assert np.all(np.diff(np.where(np.isinf(days), 1e9, days)) >= 0)
        for level, day in zip((0.1, 0.5, 0.9), days[0], strict=True):
            if np.isinf(day):
                assert 1.0 - survival[0, -1] < level + 1e-9
            else:
                assert timeline(survival, CUTS, [day])[0, 0] == pytest.approx(level, abs=1e-6)

    def test_is_infinite_beyond_the_last_cut(self) -> None:
        """Where half never fail within the cuts, the median is not made up."""
        assert np.isinf(remaining(np.array([[0.95, 0.9, 0.85, 0.8]]), CUTS)[0, 1])


class TestExpected:
    @given(curves, st.floats(1.0, 500.0))
    def test_is_the_integral_of_survival(self, survival: np.ndarray, cap: float) -> None:
        """E[min(T, cap)] equals a fine sum over S."""
        grid = np.linspace(0.0, cap, 20_001)
        fine = 1.0 - timeline(survival, CUTS, (grid[1:] + grid[:-1]) / 2.0)[0]

        assert expected(survival, CUTS, cap)[0] == pytest.approx(float(fine.mean() * cap), rel=1e-3, abs=0.02)


class TestJoint:
    @given(curves, curves)
    def test_multiplies_survivals(self, one: np.ndarray, other: np.ndarray) -> None:
        """With competing kinds hazards add: nothing survives better than its worst kind."""
        both = joint({"repair": one, "retirement": other})

        assert both == pytest.approx(one * other)
        assert np.all(both <= np.minimum(one, other) + 1e-15)

    def test_refuses_nothing(self) -> None:
        """Survival of no kinds at all has no shape."""
        with pytest.raises(ValueError, match="no failure kind"):
            joint({})


@pytest.mark.parametrize("cuts", [[], [0.0, 1.0], [2.0, 1.0], [1.0, np.inf], list(range(1, 62))])
def test_cuts_must_ascend(cuts: list[float]) -> None:
    """Cuts are positive, finite, ascending, and not more than sixty."""
    with pytest.raises(ValueError, match="cuts"):
        timeline(np.ones((1, len(cuts))), cuts, [1.0])
