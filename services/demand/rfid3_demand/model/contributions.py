"""Why this number? Units per cause, from the tree's SHAP values, adding up to the forecast and over the hierarchy.

With a log link SHAP values add up in logarithms; the logarithmic mean (LMDI, Ang 2004) turns them into units without a
remainder. The parts are then scaled to the reconciled ensemble at the bottom and summed upwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rfid3_demand.model import global_tree, seasonal
from rfid3_demand.model.tree_features import CAUSES, TreeData, at_origin, cause_of

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

CORE_CAUSES = ("level", "season", "holidays", "weather", "trend")
MOST_ROWS = 6_000
"""SHAP costs 0.2 ms a row: beyond this, steps are explained at intervals and interpolated between."""


def explain(tree: global_tree.Tree | None, data: TreeData, summing: csr_matrix, mean: np.ndarray) -> dict[str, np.ndarray]:
    """Units per cause, (nodes, H) each; data and mean are per node, the last axis of mean is the horizon."""
    row_sums = np.asarray(summing.sum(axis=1)).ravel()
    own = summing[row_sums == 1]
    node_of = np.empty(summing.shape[1], dtype=int)
    node_of[own.indices] = np.flatnonzero(row_sums == 1)
    bottom_mean = np.nan_to_num(mean[node_of])
    parts = {name: np.zeros_like(bottom_mean) for name in CAUSES}
    if tree is None:
        parts["level"], parts["season"] = _by_season(data, node_of, bottom_mean)
    else:
        keep = np.zeros(len(data.y), dtype=bool)
        keep[node_of[(bottom_mean > 0).any(axis=1) | (not data.counts)]] = True
        for name, values in _by_tree(tree, data, keep, mean).items():
            parts[name] = values[node_of]
    # what rounding and clipping left over belongs to the level
    parts["level"] = parts["level"] + bottom_mean - sum(parts.values())
    used = {name: values for name, values in parts.items() if name in CORE_CAUSES or values.any()}
    return {name: np.asarray(summing @ values).astype(np.float32) for name, values in used.items()}


def _by_season(data: TreeData, node_of: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    profile = seasonal.profile(data.y, data.seasons, data.multiplicative, data.relatives)[node_of]
    _, future = seasonal.factors(profile, 1, mean.shape[1])
    season = mean - mean / future if data.multiplicative else future
    return mean - season, season


def _by_tree(tree: global_tree.Tree, data: TreeData, keep: np.ndarray, mean: np.ndarray) -> dict[str, np.ndarray]:
    horizon, cut = mean.shape[1], data.y.shape[1]
    stride = max(1, int(np.ceil(keep.sum() * horizon / MOST_ROWS)))
    steps = np.unique(np.concatenate([np.arange(0, horizon, stride), [horizon - 1]]))
    values, expected, unit = global_tree.shap(tree, data, cut, steps + 1, keep)
    shape = (int(keep.sum()), len(steps))
    grouped = {name: np.zeros(shape) for name in CAUSES}
    for k, feature in enumerate(tree.names):
        grouped[cause_of(feature)] += values[:, k].reshape(shape)
    grouped["level"] += values[:, -1].reshape(shape)
    level = at_origin(data, cut).base[keep][:, None]
    expected, unit = expected.reshape(shape), unit.reshape(shape)
    target = np.nan_to_num(mean[keep][:, steps])
    if data.counts:
        grouped["season"] += np.log(expected / level)
        whole = level * np.exp(sum(grouped.values()))
        total = whole - level
        logarithm = np.log(whole / level)
        rate = np.where(np.abs(logarithm) > 1e-9, total / np.where(np.abs(logarithm) > 1e-9, logarithm, 1.0), level)
        units = {name: rate * part for name, part in grouped.items()}
        units["level"] += level
        units = {name: part * target / np.maximum(whole, 1e-9) for name, part in units.items()}
    else:
        units = {name: part * unit for name, part in grouped.items()}
        units["season"] += expected - level
        units["level"] += target - sum(units.values())
    result = {}
    for name, part in units.items():
        # between explained steps the shares, not the units, are carried over: the level closes the sum
        filled = np.zeros(mean.shape)
        share = part if stride == 1 else np.stack([np.interp(np.arange(horizon), steps, row) for row in part])
        filled[keep] = share
        result[name] = filled
    return result
