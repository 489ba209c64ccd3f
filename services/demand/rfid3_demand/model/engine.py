"""Who computes what one series' past alone can tell? The seam between the method and where it runs: here, or on many machines.

Methods that look at each series by itself run over blocks of series: blocks fit a processor's cache, keep memory bounded and can
be sent away. What pools over series is computed once, by the caller, and goes along with each block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from rfid3_shared.lean_lightgbm import lightgbm_here

if TYPE_CHECKING:
    from rfid3_demand.model.method import Method
    from rfid3_demand.model.past import Past

BLOCK_SERIES = 1_000
Answers = dict[str, np.ndarray]
"""Method name → forecast (nodes of the block, H)."""


class Engine(Protocol):
    """A place where blocks are answered and the global tree is grown."""

    def answer(self, blocks: Sequence[Past], methods: Sequence[Method]) -> list[Answers]:
        """What the methods say of each block, in the blocks' order; methods that do not apply to a block are absent there."""

    def boost(self, parameters: dict[str, Any], rows: TrainingRows, rounds: int) -> Any:
        """A LightGBM booster trained on the rows."""


@dataclass(frozen=True)
class TrainingRows:
    """What a global tree learns from."""

    x: np.ndarray
    """(rows, F) float32."""
    y: np.ndarray
    names: list[str]
    categorical: list[int]
    """Columns that hold codes."""
    weight: np.ndarray | None = None
    offset: np.ndarray | None = None
    """What each row's answer starts from, on the scale of the raw answer."""


class Local:
    """This process: one block after the other, LightGBM with two threads."""

    def answer(self, blocks: Sequence[Past], methods: Sequence[Method]) -> list[Answers]:
        """One block after the other."""
        return [answered(block, methods) for block in blocks]

    def boost(self, parameters: dict[str, Any], rows: TrainingRows, rounds: int) -> Any:
        """LightGBM in this process."""
        lightgbm = lightgbm_here()
        dataset = lightgbm.Dataset(
            rows.x,
            rows.y,
            weight=rows.weight,
            init_score=rows.offset,
            feature_name=rows.names,
            categorical_feature=rows.categorical,
        )
        return lightgbm.train(parameters, dataset, num_boost_round=rounds)


LOCAL = Local()


def answered(block: Past, methods: Sequence[Method]) -> Answers:
    """What the methods say of one block."""
    said = {method.name: method.forecast(block) for method in methods}
    return {name: values for name, values in said.items() if values is not None}
