"""What will each node of a hierarchy need, step by step, with what certainty and why? The whole method in reading order.

Candidates at rolling origins → weights → reconciliation → calibration of intervals on those same origins → the same at the
last date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np

from rfid3_demand.model import backtest, candidates, contributions, global_tree, pickup, probe, yearly_shape
from rfid3_demand.model.budget import LEAST_MEASURED_S, MEASURING_SHARE, Budget, Costs, Plan, affordable, least
from rfid3_demand.model.candidates import METHODS
from rfid3_demand.model.count_history import seen_from
from rfid3_demand.model.engine import LOCAL, Engine
from rfid3_demand.model.learned import Learned
from rfid3_demand.model.method import Method
from rfid3_demand.model.nodes import error_scale, mean_size, node_data, outcome_free, peers_of, worth_a_tree
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
from rfid3_demand.model.past import Past
from rfid3_demand.model.seasonal import naive_season
from rfid3_demand.model.tree_features import TreeData
from rfid3_demand.model.trust import trust_at_origins, trust_in
from rfid3_demand.model.variants import (
    RECONCILIATION_LIMIT_S,
    checked_quantiles,
    families_of,
    learned_variant,
    variant,
    with_coherent_quantiles,
)
from rfid3_shared import evaluate
from rfid3_shared.clock import Clock
from rfid3_shared.series import future_dates

MOST_BACKTEST_ROWS = 2_000_000
Progress = Callable[[str, int, int], None]


def fit_forecast(
    panel: Panel,
    horizon: int,
    *,
    hierarchy: Hierarchy | None = None,
    levels: tuple[float, ...] = LEVELS,
    progress: Progress | None = None,
    families: frozenset[str] | None = None,
    check_share: float = 0.0,
    tune: bool = False,
    tree_settings: dict[str, Any] | None = None,
    earlier_origins: Iterable[date] = (),
    ensemble_only: bool = False,
    budget_s: float | None = None,
    clock: Callable[[], float] | None = None,
    engine: Engine = LOCAL,
) -> Forecast:
    """Forecast every node `horizon` steps ahead, with calibrated quantiles, causes and the record of past performance.

    progress(stage, done, total) is called as work goes on. families: of statistical, lightgbm and average, those the
    ensemble is made of; None = all. check_share: least share of the history that rolling origins forecast. tune: choose the
    tree's settings by its error behind the first origin, else `tree_settings` hold. earlier_origins: last known dates of an
    earlier model's origins, which are checked as well. ensemble_only: no variant beside the ensemble.
    budget_s: seconds after which the answer is there, with a small constant for the least one; `notes` says what was left out.
    clock: seconds, monotonic. engine: where it is computed. Without a budget: same input, same bytes out, as long as choosing how to
    reconcile and joining quantiles stay within RECONCILIATION_LIMIT_S.
    """
    tell = progress or (lambda stage, done, total: None)
    budget = Budget(budget_s, clock or Clock().monotonic)
    tree_of = hierarchy or flat_hierarchy(panel.ids)
    data = node_data(panel, tree_of.summing, horizon)
    season = naive_season(data.seasons)
    kinds = evaluate.classify_all(data.y)
    scale = error_scale(data.y, panel.season)
    with_tree = worth_a_tree(data) and (families is None or "lightgbm" in families)
    cuts, steps = backtest.plan(data.y.shape[1], horizon, season, check_share, len(data.y))
    position = {day: at for at, day in enumerate(panel.dates)}
    earlier = [position[day] + 1 for day in earlier_origins if day in position]
    cuts, steps = backtest.with_earlier((cuts, steps), earlier, data.y.shape[1])
    plan, costs = _plan(budget, data, cuts, steps, horizon, season, with_tree, tune, 1 if ensemble_only else 4, levels)
    cuts = cuts[len(cuts) - plan.origins :]
    chosen = global_tree.tuned(data, cuts, steps, engine) if plan.tune else tree_settings or {}
    rounds = backtest.run(
        data, (cuts, steps), season, plan.tree, tell, chosen, methods=plan.methods, engine=engine,
        goes_on=_goes_on(budget, plan, costs) if budget.limited else None,
    )  # fmt: skip
    peers = peers_of(np.array(tree_of.levels), outcome_free(kinds) if panel.counts else kinds)
    trust = trust_in(data, rounds, peers, scale)
    tell("fit", 0, 2)
    said, now = said_now(data, horizon, plan.methods, engine)
    seen = None
    if now is not None:
        seen = seen_from(data, np.array(tree_of.levels), [*rounds.cutoffs, data.y.shape[1]], [*rounds.chances, now])
    tree = None
    if plan.tree and budget.allows(costs.tree + costs.tree_origin + costs.rest, "lightgbm"):
        tree = global_tree.train(data, data.y.shape[1], horizon, chosen, engine=engine)
    tell("fit", 1, 2)
    if tree is not None:
        said["lightgbm"] = global_tree.predict(tree, data, data.y.shape[1], horizon)
    tell("fit", 2, 2)
    held = None
    if panel.bookings is not None:
        held = pickup.on_hand(panel.bookings, tree_of.summing, data.y, data.relatives, rounds.cutoffs, rounds.steps)
    learned = Learned(
        nodes=tree_of.nodes, levels=tree_of.levels, kinds=tuple(str(kind) for kind in kinds), size=mean_size(data.y), trust=trust,
        variants={}, static=data.static, tree_names=None if tree is None else tuple(tree.names), counts=panel.counts,
        multiplicative=data.multiplicative, season=panel.season, horizon=horizon, steps=steps,
    )  # fmt: skip
    variants: dict[str, Variant] = {}
    past: dict[str, np.ndarray] = {}
    made_of = _made_of(said, families, ensemble_only)
    at_origins = trust_at_origins(data, rounds, peers, scale, trust)
    for k, (name, methods) in enumerate(made_of.items()):
        tell("intervals", k, len(made_of))
        learned.variants[name], past[name] = learned_variant(
            tree_of.summing, data, rounds, at_origins, methods, peers, scale, horizon, np.array(tree_of.levels), _limit_s(budget),
            held, seen,
        )  # fmt: skip
        variants[name] = variant(tree_of.summing, data, trust, said, learned.variants[name], np.array(levels), now, held)
    variants["ensemble"], notes = joined(tree_of, learned, variants["ensemble"], levels, held, _limit_s(budget))
    tell("intervals", len(made_of), len(made_of))
    checked = checked_quantiles(rounds, past["ensemble"], peers, scale, panel.counts, seen)
    keep = np.ones(len(data.y), dtype=bool)
    if rounds.outcomes.size > MOST_BACKTEST_ROWS:
        keep = np.asarray(tree_of.summing.sum(axis=1)).ravel() > 1
    table = backtest.table(rounds, tree_of.nodes, panel.dates, past, checked, keep)
    scores = backtest.scores(rounds, past["ensemble"], checked, np.array(tree_of.levels), kinds, scale)
    tell("explain", 0, 1)
    told = tree if tree is None or budget.allows(0.1 * costs.rest, "explanation by the tree") else None
    return finished(
        panel, tree_of, data, levels, variants, told, horizon, tell,
        backtest=table, scores=scores, booster_text=None if tree is None else tree.booster.model_to_string(),
        tree_settings=dict(chosen), notes={**notes, **budget.notes()}, learned=learned,
    )  # fmt: skip


def said_now(
    data: TreeData, horizon: int, methods: Sequence[Method], engine: Engine
) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
    """What the methods say after the last date, and the chances of types (nodes, types) of counts."""
    past = Past(data, data.y.shape[1], horizon)
    return candidates.from_past(past, methods, engine), past.chances if data.counts else None


def joined(
    tree_of: Hierarchy,
    learned: Learned,
    said: Variant,
    levels: tuple[float, ...],
    held: pickup.OnHand | None = None,
    limit_s: float = RECONCILIATION_LIMIT_S,
) -> tuple[Variant, dict[str, Any]]:
    """The ensemble with quantiles that add up as far as there is time, and notes on how the levels were brought together."""
    together, how = with_coherent_quantiles(
        tree_of.summing, np.array(tree_of.levels), said, np.array(levels), learned.counts, limit_s
    )
    upper = tree_of.summing.shape[1] < len(tree_of.nodes)
    notes = {"reconciliation": learned.variants["ensemble"].errors.name} if upper else {}
    if held is not None:
        together = replace(together, quantiles=pickup.above_floor(tree_of.summing, together.quantiles, held.floor))
        known = learned.variants["ensemble"].pickup is not None
        notes["bookings"] = "joined by lead time" if known else "as the least that will leave"
    return together, {**notes, "quantiles": how}


def _limit_s(budget: Budget) -> float:
    """Seconds for each part of reconciling: a quarter of what is left, where anything is limited."""
    return min(RECONCILIATION_LIMIT_S, max(0.25 * budget.left(), 0.0))


def finished(
    panel: Panel, tree_of: Hierarchy, data: TreeData, levels: tuple[float, ...], variants: dict[str, Variant],
    tree: global_tree.Tree | None, horizon: int, tell: Progress, **rest: Any,
) -> Forecast:  # fmt: skip
    """The forecast with its causes and with how much history each node has; `rest`: the other fields of Forecast."""
    causes = contributions.explain(tree, data, tree_of.summing, variants["ensemble"].mean.astype(float))
    count = np.minimum(observations(data.y), data.y.shape[1] - first_seen(tree_of.summing, panel))
    sufficiency = sufficiency_of(count, panel.season)
    tell("explain", 1, 1)
    return Forecast(
        nodes=tree_of.nodes,
        dates=tuple(future_dates(panel.dates[-1], panel.frequency, horizon)),
        levels=tuple(levels),
        variants=variants,
        contributions={name: np.where((count > 0)[:, None], part, np.nan).astype(np.float32) for name, part in causes.items()},
        sufficiency=sufficiency,
        max_horizon=honest_horizon(count, sufficiency, horizon),
        season_source=(season_source := yearly_shape.sources(data)),
        notes=rest.pop("notes") | _shape_told(data, season_source),
        **rest,
    )


def _plan(
    budget: Budget, data: TreeData, cuts: list[int], steps: int, horizon: int, season: int, with_tree: bool, tune: bool,
    families: int, levels: tuple[float, ...],
) -> tuple[Plan, Costs]:  # fmt: skip
    """Everything, or as much as there is time for; and what it costs where that was measured."""
    whole = Plan(METHODS, len(cuts), tune and with_tree, with_tree)
    if not budget.limited:
        return whole, Costs({})
    late = (1.0 - MEASURING_SHARE) * budget.left()
    costs = None
    if budget.left() >= LEAST_MEASURED_S:
        costs = probe.measured(
            data, cuts, steps, horizon, season, METHODS, with_tree, families, np.array(levels), budget.clock,
            lambda: budget.left() < late,
        )  # fmt: skip
    if costs is None:
        plan, costs = least(whole), Costs({})
    else:
        trees = backtest.TREES_OF_FEW if len(data.y) <= backtest.FEW_SERIES else backtest.TREES
        plan = affordable(whole, budget.left(), costs, trees, len(global_tree.CANDIDATE_SETTINGS))
    budget.leave_out(*plan.left_out)
    return plan, costs


def _goes_on(budget: Budget, plan: Plan, costs: Costs) -> Callable[[], bool]:
    """Whether there is time for one more origin and everything after the back-test."""
    one = sum(costs.methods.get(method.name, 0.0) for method in plan.methods) + costs.tree_origin * plan.tree
    return lambda: budget.allows(2 * one + costs.tree * plan.tree + costs.rest, "some of the older origins")


def _made_of(said: dict[str, np.ndarray], families: frozenset[str] | None, ensemble_only: bool) -> dict[str, list[str]]:
    """Variants and the methods each is made of, as far as those said anything."""
    made_of = families_of(said)
    joined = [name for family, names in made_of.items() if families is None or family in families for name in names]
    made_of = {"ensemble": list(dict.fromkeys(joined)) or list(said), **({} if ensemble_only else made_of)}
    return {
        name: [method for method in methods if method in said]
        for name, methods in made_of.items()
        if name != "lightgbm" or "lightgbm" in said
    }


def _shape_told(data: TreeData, season_source: tuple[str, ...]) -> dict[str, Any]:
    """What a reader should know: the yearly shape of the largest node."""
    largest = int(np.nansum(data.y, axis=1).argmax())
    return {} if season_source[largest] == "none" else {"yearly_shape": season_source[largest]}
