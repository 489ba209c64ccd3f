"""What did each counting series look like at every origin, before its outcomes were known?"""

import numpy as np

from rfid3_demand.model.count_types import MEAN_OF_TYPE, Seen
from rfid3_demand.model.nodes import peers_of
from rfid3_demand.model.past import Past
from rfid3_demand.model.tree_features import TreeData
from rfid3_shared import evaluate


def seen_from(data: TreeData, levels: np.ndarray, cuts: list[int]) -> Seen:
    """From each of the cuts: only columns before it are looked at. levels: (nodes,) of the hierarchy."""
    kinds = np.concatenate([evaluate.classify_all(data.y[:, :cut]) for cut in cuts])
    code = peers_of(np.tile(levels, len(cuts)), kinds).reshape(len(cuts), -1).T
    chances = np.empty((len(data.y), len(cuts), len(MEAN_OF_TYPE)), dtype=np.float32)
    for k, cut in enumerate(cuts):
        chances[:, k] = Past(data, cut, 1).chances
    return Seen(chances, code)
