"""What will each node of a hierarchy need, step by step, with what certainty and why? The whole method in reading order.

Candidates at rolling origins → weights → reconciliation → calibration of intervals on those same origins → the same at the last date.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from rfid3_demand.model import backtest, candidates, contributions, ensemble, global_tree, intervals, tree_features
from rfid3_demand.model.panel import (
    LEVELS, Forecast, Hierarchy, Panel, Variant, aggregate, flat_hierarchy, honest_horizon, observations, sufficiency_of,
)  # fmt: skip
from rfid3_demand.model.reconcile import reconcile
from rfid3_demand.model.seasonal import seasons_of
from rfid3_demand.model.tree_features import TreeData
from rfid3_shared import evaluate
from rfid3_shared.series import future_dates

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

BRIEF_STEPS, BRIEF_CELLS = 40, 20_000
"""With fewer steps and fewer observations than these, past errors tell little about which method is best."""
LEAST_PEERS = 5
MOST_BACKTEST_ROWS = 2_000_000
AVERAGE = ("moving_average_4", "moving_average_13", "pooled")


def fit_forecast(
    panel: Panel,
    horizon: int,
    *,
    hierarchy: Hierarchy | None = None,
    levels: tuple[float, ...] = LEVELS,
    progress: Callable[[str, int, int], None] | None = None,
    families: frozenset[str] | None = None,
    check_share: float = 0.0,
    tune: bool = False,
) -> Forecast:
    """Forecast every node `horizon` steps ahead, with calibrated quantiles, causes and the record of past performance.

    progress(stage, done, total) is called as work goes on. families: of statistical, lightgbm and average, those the ensemble is
    made of; None = all. check_share: least share of the history that rolling origins forecast. tune: choose the tree's settings by
    its error behind the first origin. Same input, same bytes out.
    """
    tell = progress or (lambda stage, done, total: None)
    tree_of = hierarchy or flat_hierarchy(panel.ids)
    data = node_data(panel, tree_of.summing)
    season = max(data.seasons, default=1)
    kinds = evaluate.classify_all(data.y)
    scale = _scale(data.y, panel.season)
    with_tree = _worth_a_tree(data) and (families is None or "lightgbm" in families)
    plan = backtest.plan(data.y.shape[1], horizon, season if season != 168 else 24, check_share, len(data.y))
    chosen = global_tree.tuned(data, plan[0], plan[1]) if tune and with_tree else {}
    rounds = backtest.run(data, plan, season if season != 168 else 24, with_tree, tell, chosen)
    peers = _peers(np.array(tree_of.levels), kinds)
    trust = _trust(data, rounds, peers, scale)
    tell("fit", 0, 2)
    said = candidates.statistical(data, data.y.shape[1], horizon)
    tree = global_tree.train(data, data.y.shape[1], horizon, chosen) if with_tree else None
    tell("fit", 1, 2)
    if tree is not None:
        said["lightgbm"] = global_tree.predict(tree, data, data.y.shape[1], horizon)
    tell("fit", 2, 2)
    variants: dict[str, Variant] = {}
    past: dict[str, np.ndarray] = {}
    made_of = _families(said)
    joined = [name for family, names in made_of.items() if families is None or family in families for name in names]
    made_of = {"ensemble": list(dict.fromkeys(joined)) or list(said), **made_of}
    for k, (name, methods) in enumerate(made_of.items()):
        tell("intervals", k, len(made_of))
        methods = [m for m in methods if m in said]
        if name == "lightgbm" and tree is None:
            continue
        variants[name], past[name] = _variant(tree_of.summing, data, rounds, trust, said, methods, peers, scale, horizon, np.array(levels))
    tell("intervals", len(made_of), len(made_of))
    checked = _checked_quantiles(rounds, past["ensemble"], peers, scale, panel.counts)
    tell("explain", 0, 1)
    causes = contributions.explain(tree, data, tree_of.summing, variants["ensemble"].mean.astype(float))
    count = observations(data.y)
    sufficiency = sufficiency_of(count, panel.season)
    keep = np.ones(len(count), dtype=bool)
    if rounds.outcomes.size > MOST_BACKTEST_ROWS:
        keep = np.asarray(tree_of.summing.sum(axis=1)).ravel() > 1
    tell("explain", 1, 1)
    return Forecast(
        nodes=tree_of.nodes,
        dates=tuple(future_dates(panel.dates[-1], panel.frequency, horizon)),
        levels=tuple(levels),
        variants=variants,
        contributions={name: np.where((count > 0)[:, None], part, np.nan).astype(np.float32) for name, part in causes.items()},
        sufficiency=sufficiency,
        max_horizon=honest_horizon(count, sufficiency, horizon),
        backtest=backtest.table(rounds, tree_of.nodes, panel.dates, past, checked, keep),
        scores=backtest.scores(rounds, past["ensemble"], checked, np.array(tree_of.levels), kinds, scale),
        booster_text=None if tree is None else tree.booster.model_to_string(),
    )


def node_data(panel: Panel, summing: csr_matrix) -> TreeData:
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
    future = list(future_dates(panel.dates[-1], panel.frequency, _known_steps(panel)))
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
    )


def _known_steps(panel: Panel) -> int:
    """Steps after the last one that the calendar must reach: a year of anything is enough, and cheap."""
    reach = [values.shape[-1] - panel.y.shape[1] for values in panel.known.values()]
    return max([*reach, 400])


def _families(said: dict[str, np.ndarray]) -> dict[str, list[str]]:
    """Methods of each family; `pooled` is in all, because nothing else speaks for a series without a history."""
    return {
        "statistical": [name for name in said if name != "lightgbm"],
        "lightgbm": ["lightgbm", "pooled"],
        "average": list(AVERAGE),
    }


def _worth_a_tree(data: TreeData) -> bool:
    return bool(np.isfinite(data.y).sum() >= 60) and data.y.shape[1] >= 10


def _scale(y: np.ndarray, season: int) -> np.ndarray:
    """Units in which errors of a node are judged: the seasonal naive's own error, or the mean size where it has none."""
    scale = np.asarray(evaluate.mase_scale(y, season))
    if y.shape[1] > 1:
        scale = np.where(np.isfinite(scale), scale, np.asarray(evaluate.mase_scale(y, 1)))
    size = np.abs(np.nan_to_num(y)).sum(axis=1) / np.maximum(observations(y), 1)
    return np.where(np.isfinite(scale) & (scale > 0), scale, np.where(size > 0, size, 1.0))


def _peers(levels: np.ndarray, kinds: np.ndarray) -> np.ndarray:
    """Code of the nodes each one is judged with: its level and kind of demand, or its level alone where those are under five."""
    names = np.array([f"{level}|{kind}" for level, kind in zip(levels, kinds, strict=True)])
    found, count = np.unique(names, return_counts=True)
    rare = np.isin(names, found[count < LEAST_PEERS])
    return np.asarray(np.unique(np.where(rare, levels.astype(str), names), return_inverse=True)[1])


def _trust(data: TreeData, rounds: backtest.Rounds, peers: np.ndarray, scale: np.ndarray) -> dict[str, np.ndarray]:
    """Weights per method and node: by deviance for counts, whose mean is wanted, by absolute errors otherwise."""
    loss = ensemble.deviance if data.counts else lambda y, said: np.abs(y - said)
    flat = {name: loss(rounds.outcomes, said).reshape(len(data.y), -1) for name, said in rounds.forecasts.items()}
    unit = np.maximum(1.0, scale) if data.counts else scale
    brief = data.y.shape[1] < BRIEF_STEPS and np.isfinite(data.y).sum() < BRIEF_CELLS
    if brief and len(flat) > 1:
        # a tree takes the ramp of a first half-year for a law: measured on the real export it doubles the error of what it joins
        flat["lightgbm"] = np.full_like(flat["ets"], np.nan)
    power = ensemble.BRIEF_SHARPNESS if brief else ensemble.COUNT_SHARPNESS if data.counts else ensemble.SHARPNESS
    return ensemble.weights(flat, unit, peers, power)


def _variant(
    summing: csr_matrix, data: TreeData, rounds: backtest.Rounds, trust: dict[str, np.ndarray], said: dict[str, np.ndarray],
    methods: list[str], kinds: np.ndarray, scale: np.ndarray, horizon: int, levels: np.ndarray,
) -> tuple[Variant, np.ndarray]:  # fmt: skip
    """A family of methods, weighted, reconciled and calibrated: its future and its past means (nodes, origins, steps)."""
    future, shares = ensemble.combine({m: said[m] for m in methods}, trust)
    blank = np.full(rounds.outcomes[:, 0].shape, np.nan) if rounds.cutoffs else None
    earlier = [
        ensemble.combine({m: rounds.forecasts[m][:, k] if m in rounds.forecasts else blank for m in methods}, trust)[0]  # type: ignore[misc]
        for k in range(len(rounds.cutoffs))
    ]
    stacked = np.stack(earlier, axis=1) if earlier else np.empty_like(rounds.outcomes)
    error = np.where(np.isfinite(rounds.outcomes - stacked), (rounds.outcomes - stacked) ** 2, np.nan)
    known = np.isfinite(error).sum(axis=(1, 2))
    prior = 10.0
    variance = (np.nansum(error, axis=(1, 2)) + prior * scale**2) / (known + prior)
    coherent = np.stack([reconcile(summing, part, variance, data.counts) for part in earlier], axis=1) if earlier else stacked
    coherent = np.where(np.isfinite(stacked), coherent, np.nan)
    mean = reconcile(summing, future, variance, data.counts)
    mean = np.where(np.isfinite(data.y).any(axis=1)[:, None], mean, np.nan)
    calibration = intervals.calibrate(rounds.outcomes, coherent, kinds, scale, horizon, data.counts, rounds.independent)
    quantiles = intervals.quantiles(calibration, mean, levels)
    if data.multiplicative:
        quantiles = np.maximum(quantiles, 0.0)  # what was never negative is not forecast to be
    return Variant(mean.astype(np.float32), quantiles, {m: s for m, s in shares.items() if s.any()}), coherent


def _checked_quantiles(rounds: backtest.Rounds, mean: np.ndarray, kinds: np.ndarray, scale: np.ndarray, counts: bool) -> np.ndarray:
    """Quantiles at past origins, each calibrated on the other origins only, (nodes, origins, steps, CHECKED_LEVELS)."""
    y, origins = rounds.outcomes, rounds.outcomes.shape[1]
    levels = np.array(backtest.CHECKED_LEVELS)
    result = np.full((*y.shape, len(levels)), np.nan, dtype=np.float32)
    for k in range(origins):
        others = [j for j in range(origins) if j != k] or [k]
        calibration = intervals.calibrate(y[:, others], mean[:, others], kinds, scale, y.shape[2], counts, rounds.independent)
        result[:, k] = intervals.quantiles(calibration, mean[:, k], levels)
    return result
