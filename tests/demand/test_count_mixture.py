"""Probabilities and quantiles of mixtures of negative binomials, against scipy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import nbinom

from rfid3_demand.model import count_mixture
from rfid3_demand.model.corrected_levels import buckets_seen, codes_of
from rfid3_demand.model.count_types import DISPERSION_OF_TYPE, MEAN_OF_TYPE

LEVELS = np.array([0.05, 0.1, 0.5, 0.9, 0.975, 0.995])


def two_types(first: int, second: int, share: float) -> np.ndarray:
    """Chances (1, types) of a series that is one of two types."""
    chances = np.zeros((1, len(MEAN_OF_TYPE)), dtype=np.float32)
    chances[0, first] += share
    chances[0, second] += 1 - share
    return chances


def exact(units: np.ndarray, chances: np.ndarray, scale: float) -> np.ndarray:
    """The mixture's cumulative probabilities by scipy."""
    size = 1 / DISPERSION_OF_TYPE
    return np.asarray(nbinom.cdf(units[:, None], size, size / (size + scale * MEAN_OF_TYPE)) @ chances[0])


class TestProbability:
    @pytest.mark.parametrize("scale", [1.0, np.exp(0.4), np.exp(-1.25)])
    def test_equals_scipy(self, scale: float) -> None:
        """On scalings that lie in the table, probabilities below and at small numbers are exact."""
        chances = two_types(102, 73, 0.3)
        mean = scale * count_mixture.mean_of(chances)
        units = np.arange(30.0)
        below, at = count_mixture.probability(units[None, :], np.repeat(mean[:, None], 30, axis=1), chances)
        assert np.allclose(at[0], exact(units, chances, scale), atol=1e-5)
        assert below[0, 0] == 0
        assert np.allclose(below[0, 1:], at[0, :-1], atol=1e-7)


class TestQuantiles:
    def test_equal_brute_force(self) -> None:
        """The smallest whole number with at least the probability."""
        chances = two_types(112, 90, 0.6)
        curve = count_mixture.distribution(count_mixture.mean_of(chances)[:, None], chances)
        table = exact(np.arange(400.0), chances, 1.0)
        assert count_mixture.quantiles(curve, LEVELS)[0, 0].tolist() == [int(np.argmax(table >= p)) for p in LEVELS]

    @given(st.integers(0, 169), st.integers(0, 169), st.floats(0.0, 1.0), st.floats(0.001, 300.0))
    @settings(max_examples=60, deadline=None)
    def test_are_whole_ordered_and_never_negative(self, first: int, second: int, share: float, mean: float) -> None:
        """Whatever the mixture and the mean."""
        q = count_mixture.quantiles(count_mixture.distribution(np.array([[mean]]), two_types(first, second, share)), LEVELS)[
            0, 0
        ]
        assert (q == np.round(q)).all()
        assert (q >= 0).all()
        assert (np.diff(q) >= 0).all()

    @given(st.integers(0, 169), st.floats(0.05, 5.0))
    @settings(max_examples=40, deadline=None)
    def test_grow_with_the_mean(self, kind: int, mean: float) -> None:
        """Twice the mean never has smaller quantiles."""
        one = two_types(kind, kind, 1.0)
        q = count_mixture.quantiles(count_mixture.distribution(np.array([[mean, 2 * mean]]), one), LEVELS)[0]
        assert (q[1] >= q[0]).all()


class TestBuckets:
    @pytest.mark.parametrize(("rare", "alone"), [(3, False), (60, True)])
    def test_a_kind_new_at_its_size_gets_what_is_like_it(self, rare: int, alone: bool) -> None:
        """Of 400 nodes of one kind and 3 or 60 each of three more: what the finer buckets leave over, where that is 150 outcomes or
        more; else all of that size, for a few outcomes of rare kinds would speak for it."""
        kind = np.repeat([[0], [1], [2], [3]], [400, rare, rare, rare], axis=0)
        mean = np.full((len(kind), 1, 2), 0.3)
        known = np.full((len(kind), 1), 2)
        buckets = buckets_seen(kind, mean, np.ones(mean.shape, dtype=bool))
        new = int(buckets.of(np.array([7]), np.array([[0.3, 0.3]]))[0])
        assert buckets.known[new] not in (0, *buckets.known[buckets.of(kind[:400, 0], mean[:400, 0])])
        learns = buckets.teach(new, codes_of(kind, mean), known)[:, 0]
        assert learns.tolist() == [not alone] * 400 + [True] * 3 * rare
        assert not buckets.teach(new, codes_of(kind, np.full(mean.shape, 40.0)), known).any()
        assert buckets.teach(0, codes_of(kind, mean), known).all()
        own = int(buckets.of(kind[:1, 0], mean[:1, 0])[0])
        assert buckets.teach(own, codes_of(kind, mean), known)[:, 0].tolist() == [True] * 400 + [False] * 3 * rare
