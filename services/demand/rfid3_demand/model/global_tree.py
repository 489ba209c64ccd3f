"""What do all series together teach about each one? One LightGBM over every series, origin and step.

The tree corrects a seasonal level: for counts with a Poisson loss and the level as offset (log link, so corrections multiply),
otherwise with an absolute loss on errors in units of the series' own spread. Deterministic: fixed seed, two threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rfid3_demand.model import tree_paths
from rfid3_demand.model.engine import LOCAL, Engine, TrainingRows
from rfid3_demand.model.tree_features import CAUSES, Origin, TreeData, at_origin, cause_of, rows
from rfid3_shared.lean_lightgbm import lightgbm_here

ROW_BUDGET = 100_000
LEAST_ROWS = 300
FIRST_ORIGIN = 4
MOST_ORIGINS = 150
FEWEST_ORIGINS = 10
"""Where all series at so many origins would be more than ROW_BUDGET, each origin takes a share of the series: one origin, or a few,
would teach the tree one season's weeks only."""
NODES_AT_ONCE = 10_000
ROUNDS = 160
PARAMETERS: dict[str, Any] = {
    "learning_rate": 0.05, "num_leaves": 31, "lambda_l2": 2.0, "feature_fraction": 0.7, "bagging_fraction": 0.7, "bagging_freq": 1,
    "seed": 11, "deterministic": True, "force_row_wise": True, "num_threads": 2, "verbosity": -1, "max_bin": 63, "cat_smooth": 20.0,
}  # fmt: skip
CANDIDATE_SETTINGS: tuple[dict[str, Any], ...] = (
    {},
    {"num_leaves": 15, "lambda_l2": 10.0},
    {"num_leaves": 63, "learning_rate": 0.03},
)
"""Settings that tuning chooses from; the first are the defaults."""


@dataclass(frozen=True)
class Tree:
    """A trained booster and the columns it expects."""

    booster: Any
    names: list[str]


def tuned(data: TreeData, cuts: list[int], steps: int, engine: Engine = LOCAL) -> dict[str, Any]:
    """Of CANDIDATE_SETTINGS the one with the least squared error over the first origin's steps; {} where none can be told."""
    if not cuts:
        return {}
    outcome = data.y[:, cuts[0] : cuts[0] + steps]
    errors = []
    for settings in CANDIDATE_SETTINGS:
        tree = train(data, cuts[0], steps, settings, engine=engine)
        if tree is None:
            return {}
        off = (outcome - predict(tree, data, cuts[0], steps)) ** 2
        # a node's error counts in units of its own size, or the few largest would choose for all
        known = np.isfinite(data.y[:, : cuts[0]])
        size = np.nan_to_num(np.abs(data.y[:, : cuts[0]])).sum(axis=1, keepdims=True) / np.maximum(
            known.sum(axis=1, keepdims=True), 1
        )
        errors.append(float(np.nanmean(off / (size + 1.0))))
    return CANDIDATE_SETTINGS[int(np.argmin(errors))]


def train(
    data: TreeData, cut: int, horizon: int, settings: dict[str, Any] | None = None, rounds: int = ROUNDS,
    engine: Engine = LOCAL,
) -> Tree | None:  # fmt: skip
    """A tree that has seen columns < cut only; None when there is too little to learn from. `settings` go before PARAMETERS."""
    blocks = list(_training_blocks(data, cut, horizon))
    if not blocks or sum(len(b[1]) for b in blocks) < LEAST_ROWS:
        return None
    names = max((b[4] for b in blocks), key=len)
    x = np.vstack([_align(b[0], b[4], names) for b in blocks])
    y, expected, unit = (np.concatenate([b[k] for b in blocks]) for k in (1, 2, 3))
    parameters = PARAMETERS | {"min_data_in_leaf": int(np.clip(len(y) // 1500, 10, 200))} | (settings or {})
    categorical = [k for k, name in enumerate(names) if name.startswith("static_")]
    if data.counts:
        # quasi-likelihood weights of an overdispersed count: without them the few large series would decide every split
        learned = TrainingRows(x, y, names, categorical, 1.0 / (1.0 + 0.3 * expected), np.log(expected))
        return Tree(engine.boost(parameters | {"objective": "poisson"}, learned, rounds), names)
    z = np.clip((y - expected) / unit, -20, 20)
    return Tree(engine.boost(parameters | {"objective": "l1"}, TrainingRows(x, z, names, categorical), rounds), names)


def restored(text: str, names: Sequence[str]) -> Tree:
    """The tree that a booster's text describes."""
    return Tree(lightgbm_here().Booster(model_str=text), list(names))


def predict(tree: Tree, data: TreeData, cut: int, horizon: int) -> np.ndarray:
    """Forecast at an origin, (nodes, H); NaN for nodes that had not begun."""
    origin, value = at_origin(data, cut), np.empty((len(data.y), horizon))
    for start in range(0, len(data.y), NODES_AT_ONCE):
        at = slice(start, start + NODES_AT_ONCE)
        x, expected, unit = serving_rows(tree, data.rows(at), origin.rows(at), np.arange(1, horizon + 1))
        raw = tree.booster.predict(x, raw_score=True, num_threads=2)
        said = expected * np.exp(np.clip(raw, -5, 3)) if data.counts else expected + raw * unit
        value[at] = said.reshape(-1, horizon)
    begun = np.isfinite(data.y[:, :cut]).any(axis=1)[:, None]
    return np.where(begun, value, np.nan)


def causes(
    tree: Tree, data: TreeData, cut: int, steps: np.ndarray, keep: np.ndarray, exact: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Contributions (rows, causes + 1) to the raw answer for the nodes in `keep`, with each row's expected value and unit.

    Columns in the order of CAUSES, then what the trees say of nobody in particular; rows ordered node, step. exact: SHAP values,
    otherwise moves along decision paths, which cost a hundredth.
    """
    x, expected, unit = serving_rows(tree, data.rows(np.flatnonzero(keep)), at_origin(data, cut).rows(keep), steps)
    of_column = [CAUSES.index(cause_of(feature)) for feature in tree.names]
    if not exact:
        return tree_paths.along_paths(tree.booster, x, of_column, len(CAUSES)), expected, unit
    values = np.asarray(tree.booster.predict(x, pred_contrib=True, num_threads=2))
    whole = np.zeros((len(x), len(CAUSES) + 1))
    for k, cause in enumerate([*of_column, len(CAUSES)]):
        whole[:, cause] += values[:, k]
    return whole, expected, unit


def serving_rows(tree: Tree, data: TreeData, origin: Origin, ahead: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The tree's columns (nodes*K, F) for the steps ahead at an origin, with expected values and units of correction."""
    x, names, expected, unit = rows(data, origin, np.tile(ahead, (len(data.y), 1)))
    expected = np.maximum(expected, 1e-6) if data.counts else expected
    return _align(x, names, tree.names), expected, unit


def _training_blocks(data: TreeData, cut: int, horizon: int) -> Any:
    """Rows per origin: each series (of very many, every so manieth) takes a few steps, another few at the next origin, so that all
    are covered within the budget."""
    origins = np.arange(max(FIRST_ORIGIN, min(cut // 4, 60)), cut)
    most = max(FEWEST_ORIGINS, ROW_BUDGET // max(len(data.y), 1))
    apart = -(-len(data.y) * FEWEST_ORIGINS // ROW_BUDGET)
    if len(origins) > most:
        origins = origins[np.unique(np.linspace(0, len(origins) - 1, most).round().astype(int))]
    if len(origins) > MOST_ORIGINS:
        origins = origins[np.unique(np.linspace(0, len(origins) - 1, MOST_ORIGINS).round().astype(int))]
    per_origin = max(1, min(horizon, ROW_BUDGET // max(len(data.y) * len(origins), 1)))
    for turn, c in enumerate(origins):
        series = np.arange(turn % apart, len(data.y), apart)
        some = data.rows(series) if apart > 1 else data
        reach = min(horizon, cut - int(c))
        k = min(per_origin, reach)
        steps = 1 + (series[:, None] * 7 + int(c) * 5 + (np.arange(k) * reach) // k) % reach
        origin = at_origin(some, int(c))
        x, names, expected, unit = rows(some, origin, steps)
        y = np.take_along_axis(some.y, int(c) - 1 + steps, axis=1).ravel()
        ok = np.isfinite(y) & np.repeat(np.isfinite(some.y[:, :c]).any(axis=1), k)
        if ok.any():
            yield x[ok], y[ok], np.maximum(expected[ok], 1e-6) if data.counts else expected[ok], unit[ok], names


def _align(x: np.ndarray, names: list[str], wanted: list[str]) -> np.ndarray:
    """Columns in the wanted order; those this origin cannot know yet are NaN."""
    if names == wanted:
        return x
    place = {name: k for k, name in enumerate(names)}
    return np.stack([x[:, place[name]] if name in place else np.full(len(x), np.nan, np.float32) for name in wanted], axis=1)
