"""What does the panel look like per node of the hierarchy, in which units are its errors judged, and with whom?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rfid3_demand.model import tree_features
from rfid3_demand.model.panel import Panel, observations
from rfid3_demand.model.seasonal import seasons_of
from rfid3_demand.model.summing import aggregate
from rfid3_demand.model.tree_features import TreeData
from rfid3_shared import evaluate
from rfid3_shared.series import future_dates

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

LEAST_PEERS = 5


def node_data(panel: Panel, summing: csr_matrix, horizon: int) -> TreeData:
    """The panel per node: sums of y, means of regressors, the code of a group where all children share it, else -1."""
    y = aggregate(summing, panel.y)
    children = np.asarray(summing.sum(axis=1)).ravel()

    def mean(values: np.ndarray) -> np.ndarray:
        return values if values.ndim == 1 else np.asarray(summing @ values) / children[:, None]

    def shared(codes: np.ndarray) -> np.ndarray:
        first, second = summing @ (codes + 1.0), summing @ (codes + 1.0) ** 2
        common = first / children
        return np.where(np.abs(second / children - common**2) < 1e-9, np.rint(common) - 1, -1)

    static = {name: shared(np.asarray(codes, dtype=float)) for name, codes in panel.groups.items()}
    if len(np.unique(children)) > 1:
        static["children"] = np.log1p(children).round()
    offset = np.zeros(panel.y.shape[0], dtype=int) if panel.offset is None else panel.offset
    relatives = next(iter(static.values())) if panel.groups else np.zeros(len(y))
    future = list(future_dates(panel.dates[-1], panel.frequency, horizon))
    return TreeData(
        y=y,
        seasons=seasons_of(panel.season, panel.frequency.step),
        counts=panel.counts,
        multiplicative=panel.counts or bool(np.nanmin(y, initial=0.0) >= 0),
        static=static,
        calendar=tree_features.calendar_of((*panel.dates, *future), panel.frequency.step),
        known={name: mean(values) for name, values in panel.known.items()},
        past={name: mean(values) for name, values in panel.past.items()},
        offset=offset if len(y) == len(offset) else np.zeros(len(y), dtype=int),
        relatives=relatives if panel.counts and not offset.any() else None,
        yearly=panel.yearly if panel.counts and not offset.any() else None,
    )


def worth_a_tree(data: TreeData) -> bool:
    """Whether there is enough to grow a tree from at all."""
    return bool(np.isfinite(data.y).sum() >= 60) and data.y.shape[1] >= 10


def error_scale(y: np.ndarray, season: int) -> np.ndarray:
    """Units in which errors of a node are judged: the seasonal naive's own error, or the mean size where it has none."""
    scale = np.asarray(evaluate.mase_scale(y, season))
    if y.shape[1] > 1:
        scale = np.where(np.isfinite(scale), scale, np.asarray(evaluate.mase_scale(y, 1)))
    size = mean_size(y)
    return np.where(np.isfinite(scale) & (scale > 0), scale, np.where(size > 0, size, 1.0))


def mean_size(y: np.ndarray) -> np.ndarray:
    """Mean of the absolute values that were observed, (n,); 0 without any."""
    return np.asarray(np.abs(np.nan_to_num(y)).sum(axis=1) / np.maximum(observations(y), 1))


def outcome_free(kinds: np.ndarray) -> np.ndarray:
    """Kinds told apart only as far as the latest outcomes of sparse counts hardly decide them: sparse or dense.

    A kind that the checked outcomes made (no demand at all, demand of one size) would be given the methods that happened to
    foresee it.
    """
    return np.where(np.isin(kinds, ["smooth", "erratic"]), "dense", "sparse")


def peers_of(levels: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Code of the nodes each one is judged with: its level and kind of demand, or its level alone where those are few."""
    names = np.array([f"{level}|{kind}" for level, kind in zip(levels, kinds, strict=True)])
    found, count = np.unique(names, return_counts=True)
    rare = np.isin(names, found[count < LEAST_PEERS])
    return np.asarray(np.unique(np.where(rare, levels.astype(str), names), return_inverse=True)[1])
