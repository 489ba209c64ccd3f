"""Why this number? Units per cause, from the tree's SHAP values, adding up to the forecast and over the hierarchy.

With a log link SHAP values add up in logarithms; the logarithmic mean (LMDI, Ang 2004) turns them into units without a
remainder. The parts are then scaled to the reconciled ensemble at the bottom and summed upwards.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rfid3_demand.model import global_tree, seasonal, yearly_shape
from rfid3_demand.model.summing import bottom_rows
from rfid3_demand.model.tree_features import CAUSES, TreeData, at_origin

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

CORE_CAUSES = ("level", "season", "holidays", "weather", "trend")
MOST_ROWS = 1_500
"""SHAP costs 0.9 ms a row on one core: beyond this, steps are explained at intervals and interpolated between."""
MOST_PATH_ROWS = 60_000
"""The same for contributions along paths, which cost 20 µs a row."""


def explain(tree: global_tree.Tree | None, data: TreeData, summing: csr_matrix, mean: np.ndarray) -> dict[str, np.ndarray]:
    """Units per cause, (nodes, H) each; data and mean are per node, the last axis of mean is the horizon."""
    node_of = bottom_rows(summing)
    bottom_mean = np.nan_to_num(mean[node_of])
    parts = {name: np.zeros_like(bottom_mean) for name in CAUSES}
    if tree is None:
        parts["level"], parts["season"] = _by_season(data, node_of, bottom_mean)
    else:
        keep = np.zeros(len(data.y), dtype=bool)
        keep[node_of[(bottom_mean > 0).any(axis=1) | (not data.counts)]] = True
        for name, values in _by_tree(tree, data, keep, mean).items():
            parts[name] = values[node_of]
    if (believed := yearly_shape.laid(data, data.y.shape[1], data.y.shape[1], mean.shape[1])) is not None:
        # a year nobody has seen yet: what the believed shape adds beside the factor of the last known quarter
        usual = believed[0][node_of][:, -13:].mean(axis=1, keepdims=True)
        parts["season"] = parts["season"] + bottom_mean * (1.0 - usual / believed[1][node_of])
    # what rounding and clipping left over belongs to the level
    parts["level"] = parts["level"] + bottom_mean - sum(parts.values())
    used = {name: values for name, values in parts.items() if name in CORE_CAUSES or values.any()}
    return {name: np.asarray(summing @ values).astype(np.float32) for name, values in used.items()}


def _by_season(data: TreeData, node_of: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    profile = seasonal.profile(data.y, data.seasons, data.multiplicative, data.relatives, counts=data.counts)[node_of]
    _, future = seasonal.factors(profile, 1, mean.shape[1])
    season = mean - mean / future if data.multiplicative else future
    return mean - season, season


def _by_tree(tree: global_tree.Tree, data: TreeData, keep: np.ndarray, mean: np.ndarray) -> dict[str, np.ndarray]:
    horizon, cut = mean.shape[1], data.y.shape[1]
    exact = keep.sum() * min(horizon, 2) <= MOST_ROWS  # first and last step at least
    stride = max(1, int(np.ceil(keep.sum() * horizon / (MOST_ROWS if exact else MOST_PATH_ROWS))))
    steps = np.unique(np.concatenate([np.arange(0, horizon, stride), [horizon - 1]]))
    values, expected, unit = global_tree.causes(tree, data, cut, steps + 1, keep, exact)
    shape = (int(keep.sum()), len(steps))
    grouped = {name: values[:, k].reshape(shape) for k, name in enumerate(CAUSES)}
    grouped["level"] = grouped["level"] + values[:, -1].reshape(shape)
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
        filled[keep] = part if stride == 1 else _between(part, steps, horizon)
        result[name] = filled
    return result


def _between(part: np.ndarray, steps: np.ndarray, horizon: int) -> np.ndarray:
    """Values at `steps` (rows, K) interpolated to every step (rows, H)."""
    to = np.arange(horizon)
    right = np.clip(np.searchsorted(steps, to), 1, len(steps) - 1)
    share = (to - steps[right - 1]) / (steps[right] - steps[right - 1])
    return np.asarray(part[:, right - 1] * (1.0 - share) + part[:, right] * share)
