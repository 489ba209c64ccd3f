"""Tests of the learned combination: simplex, equal weights without evidence, the mixture that errs least, and its limits."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rfid3_demand.model import ensemble, stacking


class TestStacking:
    @given(
        seed=st.integers(0, 100), methods=st.integers(1, 5), series=st.integers(1, 12), seen=st.integers(0, 20),
        silent=st.floats(0.0, 0.6),
    )  # fmt: skip
    @settings(max_examples=40, deadline=None)
    def test_weights_are_shares(self, seed: int, methods: int, series: int, seen: int, silent: float) -> None:
        """Never negative, summing to 1 or to 0, and 0 for a method that said nothing of the node."""
        generator = np.random.default_rng(seed)
        errors = {f"m{k}": generator.normal(size=(series, seen)) for k in range(methods)}
        for values in errors.values():
            values[generator.random(series) < silent] = np.nan
        share = stacking.weights(errors, np.ones(series), generator.integers(0, 2, series))
        whole = np.sum(list(share.values()), axis=0)
        assert all((part >= 0).all() for part in share.values())
        assert np.all(np.isclose(whole, 1.0) | (whole == 0.0))
        for name, part in share.items():
            assert (part[~np.isfinite(errors[name]).any(axis=1)] == 0).all()

    def test_little_evidence_stays_near_equal(self) -> None:
        """Three errors of one series hardly move the weights, however much they differ."""
        share = stacking.weights({"good": np.full((1, 3), 0.1), "bad": np.full((1, 3), 3.0)}, np.ones(1), np.zeros(1))
        assert 0.5 < share["good"][0] < 0.55

    def test_opposite_errors_help_each_other(self) -> None:
        """Of two methods alike and one that errs the other way, the odd one out gets half: what sizes of errors cannot see."""
        noise = np.random.default_rng(1).normal(size=(200, 40))
        small = 0.1 * np.random.default_rng(2).normal(size=(3, 200, 40))
        share = stacking.weights(
            {"a": noise + small[0], "twin": noise + small[1], "odd": -noise + small[2]}, np.ones(200), np.zeros(200)
        )
        assert abs(share["odd"].mean() - 0.5) < 0.03

    def test_comes_near_the_closed_form(self) -> None:
        """With independent errors the best weights are inverse variances."""
        generator = np.random.default_rng(3)
        sizes = np.array([0.5, 1.0, 2.0])
        errors = {f"m{k}": size * generator.normal(size=(300, 60)) for k, size in enumerate(sizes)}
        share = stacking.weights(errors, np.ones(300), np.zeros(300))
        best = (1 / sizes**2) / (1 / sizes**2).sum()
        assert np.allclose([share[f"m{k}"].mean() for k in range(3)], best, atol=0.04)

    def test_a_series_own_errors_count_more_as_they_grow(self) -> None:
        """A series unlike its kind keeps to its own best method once it has shown enough."""
        generator = np.random.default_rng(4)
        few, many = 5, 2000
        parts = []
        for seen in (few, many):
            a, b = generator.normal(size=(40, seen)), 0.3 * generator.normal(size=(40, seen))
            a[0], b[0] = 0.3 * a[0], b[0] / 0.3
            parts.append(stacking.weights({"a": a, "b": b}, np.ones(40), np.zeros(40))["a"][0])
        assert parts[0] < 0.5 < parts[1]

    def test_units_of_a_series_do_not_matter(self) -> None:
        """A series a thousand times as large has the same say in its kind's weights."""
        generator = np.random.default_rng(5)
        errors = {"a": generator.normal(size=(10, 30)), "b": generator.normal(size=(10, 30))}
        size = np.where(np.arange(10) == 3, 1000.0, 1.0)
        one = stacking.weights(errors, np.ones(10), np.zeros(10))
        other = stacking.weights({name: e * size[:, None] for name, e in errors.items()}, size, np.zeros(10))
        assert np.allclose(one["a"], other["a"])


class TestHalved:
    def test_takes_half_of_each_and_all_of_the_one_that_knows(self) -> None:
        """Where one set of shares knows nothing of a node, the other has it alone."""
        one = {"a": np.array([1.0, 0.0, 0.6]), "b": np.array([0.0, 0.0, 0.4])}
        other = {"a": np.array([0.5, 0.3, 0.0]), "b": np.array([0.5, 0.7, 0.0])}
        share = ensemble.halved(one, other)
        assert np.allclose(share["a"], [0.75, 0.3, 0.6])
        assert np.allclose(share["b"], [0.25, 0.7, 0.4])
