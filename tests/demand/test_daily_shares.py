"""Shares that lean to methods which see calendar and regressors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_demand.model.prior_shares import PRIOR, leaning


class TestLeaning:
    @given(st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4))
    def test_shares_still_sum_to_one(self, raw: list[float]) -> None:
        """Whatever was learned."""
        part = np.array(raw) / sum(raw)
        moved = leaning({name: part[k : k + 1] for k, name in enumerate(("ets", "theta", "regression", "lightgbm"))})
        assert sum(float(share[0]) for share in moved.values()) == pytest.approx(1.0)
        assert moved["regression"][0] + moved["lightgbm"][0] >= PRIOR

    def test_nodes_without_a_regression_keep_theirs(self) -> None:
        """Two nodes, one with a regression: the other's shares are untouched."""
        shares = {"ets": np.array([0.6, 0.5]), "regression": np.array([0.0, 0.5]), "lightgbm": np.array([0.4, 0.0])}
        moved = leaning(shares)
        assert [moved[name][0] for name in shares] == [0.6, 0.0, 0.4]
        assert [moved[name][1] for name in shares] == [0.25, 0.75, 0.0]

    def test_without_a_regression_nothing_changes(self) -> None:
        """Many series: the method is absent."""
        shares = {"ets": np.array([0.6]), "lightgbm": np.array([0.4])}
        assert leaning(shares) is shares
