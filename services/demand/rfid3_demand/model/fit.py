"""What will each node of a hierarchy need, step by step, with what certainty and why? The whole method in reading order.

Candidates at rolling origins → weights → reconciliation → calibration of intervals on those same origins → the same at the
last date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

import numpy as np

from rfid3_demand.model import backtest, candidates, contributions, global_tree
from rfid3_demand.model.nodes import error_scale, node_data, peers_of, worth_a_tree
from rfid3_demand.model.panel import (
    LEVELS,
    Forecast,
    Hierarchy,
    Panel,
    Variant,
    first_seen,
    flat_hierarchy,
    honest_horizon,
    observations,
    sufficiency_of,
)  # fmt: skip
from rfid3_demand.model.variants import checked_quantiles, families_of, trust_in, variant
from rfid3_shared import evaluate
from rfid3_shared.series import future_dates

MOST_BACKTEST_ROWS = 2_000_000


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
    tree_settings: dict[str, Any] | None = None,
    earlier_origins: Iterable[date] = (),
) -> Forecast:
    """Forecast every node `horizon` steps ahead, with calibrated quantiles, causes and the record of past performance.

    progress(stage, done, total) is called as work goes on. families: of statistical, lightgbm and average, those the
    ensemble is made of; None = all. check_share: least share of the history that rolling origins forecast. tune: choose the
    tree's settings by its error behind the first origin, else `tree_settings` hold. earlier_origins: last known dates of an
    earlier model's origins, which are checked as well. Same input, same bytes out.
    """
    tell = progress or (lambda stage, done, total: None)
    tree_of = hierarchy or flat_hierarchy(panel.ids)
    data = node_data(panel, tree_of.summing, horizon)
    season = max(data.seasons, default=1)
    kinds = evaluate.classify_all(data.y)
    scale = error_scale(data.y, panel.season)
    with_tree = worth_a_tree(data) and (families is None or "lightgbm" in families)
    plan = backtest.plan(data.y.shape[1], horizon, season if season != 168 else 24, check_share, len(data.y))
    position = {day: at for at, day in enumerate(panel.dates)}
    plan = backtest.with_earlier(plan, [position[day] + 1 for day in earlier_origins if day in position], data.y.shape[1])
    chosen = global_tree.tuned(data, plan[0], plan[1]) if tune and with_tree else tree_settings or {}
    rounds = backtest.run(data, plan, season if season != 168 else 24, with_tree, tell, chosen)
    peers = peers_of(np.array(tree_of.levels), kinds)
    trust = trust_in(data, rounds, peers, scale)
    tell("fit", 0, 2)
    said = candidates.statistical(data, data.y.shape[1], horizon)
    tree = global_tree.train(data, data.y.shape[1], horizon, chosen) if with_tree else None
    tell("fit", 1, 2)
    if tree is not None:
        said["lightgbm"] = global_tree.predict(tree, data, data.y.shape[1], horizon)
    tell("fit", 2, 2)
    variants: dict[str, Variant] = {}
    past: dict[str, np.ndarray] = {}
    made_of = families_of(said)
    joined = [name for family, names in made_of.items() if families is None or family in families for name in names]
    made_of = {"ensemble": list(dict.fromkeys(joined)) or list(said), **made_of}
    for k, (name, methods) in enumerate(made_of.items()):
        tell("intervals", k, len(made_of))
        methods = [m for m in methods if m in said]
        if name == "lightgbm" and tree is None:
            continue
        variants[name], past[name] = variant(
            tree_of.summing, data, rounds, trust, said, methods, peers, scale, horizon, np.array(levels)
        )
    tell("intervals", len(made_of), len(made_of))
    checked = checked_quantiles(rounds, past["ensemble"], peers, scale, panel.counts)
    tell("explain", 0, 1)
    causes = contributions.explain(tree, data, tree_of.summing, variants["ensemble"].mean.astype(float))
    count = np.minimum(observations(data.y), data.y.shape[1] - first_seen(tree_of.summing, panel))
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
        tree_settings=dict(chosen),
    )
