"""What past origins teach about a family of methods as a whole."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from rfid3_demand.model.backtest import Rounds
from rfid3_demand.model.tree_features import TreeData
from rfid3_demand.model.variants import learned_variant

IN_ONE_STORE = csr_matrix(np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 0, 1], [1, 1, 1]]))
"""A class in two stores, one in a single store, whose row over all stores is therefore that of the store again, and the total."""
LEVELS = np.array(["class/store"] * 3 + ["class/all"] * 2 + ["all/all"])


class TestLearnedVariant:
    def test_a_class_kept_in_one_store_counts_once_in_the_common_drift(self) -> None:
        """Outcomes of 12, 12 and 30 to forecasts of 20 each: 54 for 60, whatever further rows the third has."""
        origins, steps, horizon = 3, 2, 2
        one = np.array([12.0, 12.0, 30.0])
        outcomes = np.broadcast_to((IN_ONE_STORE @ one)[:, None, None], (6, origins, steps)).copy()
        said = np.broadcast_to((IN_ONE_STORE @ np.full(3, 20.0))[:, None, None], outcomes.shape).copy()
        y = np.repeat((IN_ONE_STORE @ one)[:, None], 20, axis=1)
        rounds = Rounds([14, 16, 18], steps, outcomes, {"theta": said}, said, said, first_season=False)
        data = TreeData(y, (), True, True, {}, {}, {}, {}, np.zeros(6, dtype=int), None)

        learned, _ = learned_variant(
            IN_ONE_STORE,
            data,
            rounds,
            [{"theta": np.ones(6)}] * origins,
            ["theta"],
            np.zeros(6, dtype=int),
            np.ones(6),
            horizon,
            LEVELS,
        )

        belief = rounds.independent / (rounds.independent + 1.0)
        assert learned.ratio == pytest.approx(np.full(horizon, 0.9**belief))
