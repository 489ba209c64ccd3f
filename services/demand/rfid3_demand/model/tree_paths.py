"""How much did each cause move a tree's answer, cheaply? Contributions along decision paths, for more rows than SHAP has time for.

Every node of a tree stands for the mean of the training rows below it; walking from the root to a row's leaf, each split moves
that mean, and the move is booked to the cause of the feature split on (Saabas 2014). The moves and the root add up to the raw
answer exactly, as SHAP values do; unlike those they depend on the order of splits, so this is for large panels only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

ROWS_AT_ONCE = 100_000


def leaf_tables(booster: Any, cause_of_column: list[int], causes: int) -> list[np.ndarray]:
    """Per tree (leaves, causes + 1): what reaching a leaf adds per cause; the last column is the tree's mean over its rows.

    booster: a LightGBM booster. cause_of_column: index of the cause of each of its columns.
    """
    return [_leaf_table(tree, cause_of_column, causes) for tree in booster.dump_model()["tree_info"]]


def along_paths(booster: Any, x: np.ndarray, cause_of_column: list[int], causes: int) -> np.ndarray:
    """Contributions (rows, causes + 1) to the raw answer for rows x (rows, F); the last column is what the trees say of nobody."""
    tables = leaf_tables(booster, cause_of_column, causes)
    result = np.zeros((len(x), causes + 1))
    for start in range(0, len(x), ROWS_AT_ONCE):
        part = slice(start, start + ROWS_AT_ONCE)
        leaves = np.asarray(booster.predict(x[part], pred_leaf=True, num_threads=2)).reshape(-1, len(tables))
        for k, table in enumerate(tables):
            result[part] += table[leaves[:, k]]
    return result


def _leaf_table(tree: dict[str, Any], cause_of_column: list[int], causes: int) -> np.ndarray:
    table = np.zeros((tree["num_leaves"], causes + 1))
    if tree["num_leaves"] == 1:
        table[0, causes] = tree["tree_structure"]["leaf_value"]
        return table
    means: dict[int, tuple[float, float]] = {}
    _mean(tree["tree_structure"], means)
    waiting = [(tree["tree_structure"], np.zeros(causes + 1))]
    waiting[0][1][causes] = means[id(tree["tree_structure"])][0]
    while waiting:
        node, moved = waiting.pop()
        if "leaf_index" in node:
            table[node["leaf_index"]] = moved
            continue
        for child in (node["left_child"], node["right_child"]):
            step = moved.copy()
            step[cause_of_column[node["split_feature"]]] += means[id(child)][0] - means[id(node)][0]
            waiting.append((child, step))
    return table


def _mean(node: dict[str, Any], means: dict[int, tuple[float, float]]) -> tuple[float, float]:
    """Mean and number of training rows of a node and of all below it, by identity; as SHAP's expected values are made."""
    if "leaf_index" in node:
        found = (float(node["leaf_value"]), float(max(node["leaf_count"], 1)))
    else:
        left, right = _mean(node["left_child"], means), _mean(node["right_child"], means)
        rows = left[1] + right[1]
        found = ((left[0] * left[1] + right[0] * right[1]) / rows, rows)
    means[id(node)] = found
    return found
