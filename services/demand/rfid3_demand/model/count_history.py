"""What did each counting series look like at every origin, before its outcomes were known?"""

from collections.abc import Sequence

import numpy as np

from rfid3_demand.model.count_types import Seen
from rfid3_demand.model.nodes import peers_of
from rfid3_demand.model.tree_features import TreeData
from rfid3_shared import evaluate


def seen_from(data: TreeData, levels: np.ndarray, cuts: list[int], chances: Sequence[np.ndarray]) -> Seen:
    """From each of the cuts: only columns before it are looked at. levels: (nodes,) of the hierarchy; chances: as `Past` has them."""
    kinds = np.concatenate([evaluate.classify_all(data.y[:, :cut]) for cut in cuts])
    code = peers_of(np.tile(levels, len(cuts)), kinds).reshape(len(cuts), -1).T
    return Seen(tuple(chances), code)
