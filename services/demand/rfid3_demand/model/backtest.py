"""How well would this method have done? Rolling origins: candidates, outcomes, and the table of scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from rfid3_demand.model import candidates, global_tree, naive
from rfid3_demand.model.engine import LOCAL, Engine
from rfid3_demand.model.method import Method
from rfid3_demand.model.past import Past
from rfid3_demand.model.tree_features import TreeData
from rfid3_shared import evaluate

ORIGINS, MOST_ORIGINS, SHARED_ORIGINS = 5, 10, 5
LONGEST_CHECK = 26
TREES = 2
FEW_SERIES, ORIGINS_OF_FEW, TREES_OF_FEW = 40, 12, 4
"""A few series have little to learn spreads and weights from, and cost little to go back over more often."""
BACKTEST_LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
_COVERAGE_LEVELS = (0.025, 0.1, 0.9, 0.975)
CHECKED_LEVELS = tuple(sorted({*BACKTEST_LEVELS, *_COVERAGE_LEVELS, 0.2, 0.3, 0.4, 0.6, 0.7, 0.8}))


@dataclass(frozen=True)
class Rounds:
    """Forecasts and outcomes of every origin."""

    cutoffs: list[int]
    steps: int
    outcomes: np.ndarray
    """(nodes, origins, steps)."""
    forecasts: dict[str, np.ndarray]
    """method -> (nodes, origins, steps)."""
    naive: np.ndarray
    mean_4: np.ndarray
    first_season: bool
    """Whether the whole history is shorter than a season and a half."""
    chances: tuple[np.ndarray, ...] = ()
    """Of counts, per origin (nodes, types) as `Past` has them."""

    @property
    def independent(self) -> float:
        """Stretches of `steps` that the origins cover together: overlapping ones tell the same story."""
        return max(1.0, (self.cutoffs[-1] - self.cutoffs[0] + self.steps) / self.steps) if self.cutoffs else 1.0

    @property
    def apart(self) -> np.ndarray:
        """(origins, origins) True where two share no outcome, so that one may judge the other; for an origin that shares some with
        every other, all others."""
        cuts = np.array(self.cutoffs, dtype=int)
        apart = np.abs(cuts[:, None] - cuts) >= self.steps
        return np.where(apart.any(axis=1, keepdims=True), apart, ~np.eye(len(cuts), dtype=bool))

    def only(self, origins: np.ndarray) -> Rounds:
        """The same of some origins, (origins,) bool."""
        return replace(
            self,
            cutoffs=[cut for cut, kept in zip(self.cutoffs, origins, strict=True) if kept],
            outcomes=self.outcomes[:, origins],
            forecasts={name: said[:, origins] for name, said in self.forecasts.items()},
            naive=self.naive[:, origins],
            mean_4=self.mean_4[:, origins],
            chances=tuple(each for each, kept in zip(self.chances, origins, strict=False) if kept),
        )


def plan(length: int, horizon: int, season: int, share: float = 0.0, series: int = FEW_SERIES + 1) -> tuple[list[int], int]:
    """Cutoffs and steps to check: the horizon, but at most a third of the history and 26 steps (48 for hours).

    With history to spare every origin checks all steps. Without, later origins check the few steps that are left, so that
    the method is judged with nearly as much past as it will have: two seasons where there are that many. Further origins
    are put before those until at least `share` of the history is forecast, or MOST_ORIGINS are reached. A few `series` get
    more origins.
    """
    origins = ORIGINS_OF_FEW if series <= FEW_SERIES else ORIGINS
    least = max(4, min(2 * season, length * (80 if length >= 1.5 * season else 55) // 100))
    most = LONGEST_CHECK if season != 24 else 48
    steps = max(1, min(horizon, most, length // 3, max(length - least, 1)))
    # few series with history to spare: origins so far apart that no outcome counts twice, and that they see several seasons
    spare = series <= FEW_SERIES and length >= 3 * origins * steps
    widest = steps + 2 if spare else steps // 2 + 1
    gap = min(widest, (length - steps - least) // (origins - 1))
    if (origins - 1) * gap >= steps:
        return _reaching_back(evaluate.cutoffs(length, steps, origins, gap, 1), steps, length, share), steps
    latest = length - max(1, steps // 4)
    cuts = np.linspace(length - steps, latest, ORIGINS).round().astype(int)
    return _reaching_back(sorted({int(c) for c in cuts if c >= 2}), steps, length, share), steps


def _reaching_back(cuts: list[int], steps: int, length: int, share: float) -> list[int]:
    """The cutoffs and, before them, as many more as it takes to forecast the share; never with fewer than 8 steps of past."""
    gap = max(1, steps // 2)
    while cuts and len(cuts) < MOST_ORIGINS and cuts[0] > (1 - share) * length and cuts[0] - gap >= 8:
        cuts = [cuts[0] - gap, *cuts]
    return cuts


def with_earlier(planned: tuple[list[int], int], earlier: Iterable[int], length: int) -> tuple[list[int], int]:
    """The plan with an earlier plan's cutoffs besides, so that two models can be held against each other on the same origins.

    Of the earlier ones the SHARED_ORIGINS newest that lie within the planned span or after it.
    """
    cuts, steps = planned
    if not cuts:
        return planned
    useful = sorted({c for c in earlier if max(8, cuts[0] - steps) <= c < length} - set(cuts), reverse=True)
    return sorted([*cuts, *useful[:SHARED_ORIGINS]]), steps


def run(
    data: TreeData, planned: tuple[list[int], int], season: int, with_tree: bool, progress: Callable[[str, int, int], None],
    tree_settings: dict[str, Any] | None = None, *, methods: Sequence[Method] = candidates.METHODS, engine: Engine = LOCAL,
    goes_on: Callable[[], bool] | None = None,
) -> Rounds:  # fmt: skip
    """Forecast from every origin of the plan. Trees are trained on what came before the first of the origins they serve.

    goes_on: asked before each origin but the newest; the first "no" ends it with the newest origins done.
    """
    cuts, steps = planned
    trees = TREES_OF_FEW if len(data.y) <= FEW_SERIES else TREES
    served_by = [k * trees // len(cuts) for k in range(len(cuts))]
    said: dict[int, dict[str, np.ndarray]] = {}
    chances: dict[int, np.ndarray] = {}
    tree, served_from = None, -1
    # with a time limit the newest come first: they tell most about what comes next
    order = range(len(cuts)) if goes_on is None else reversed(range(len(cuts)))
    for done, k in enumerate(order):
        if done and goes_on is not None and not goes_on():
            break
        progress("backtest", done, len(cuts))
        past = Past(data, cuts[k], steps)
        said[k] = candidates.from_past(past, methods, engine)
        if data.counts:
            chances[k] = past.chances
        del past
        if with_tree:
            if served_by[k] != served_from:
                served_from = served_by[k]
                tree = global_tree.train(data, cuts[served_by.index(served_from)], steps, tree_settings, engine=engine)
            if tree is not None:
                said[k]["lightgbm"] = global_tree.predict(tree, data, cuts[k], steps)
    progress("backtest", len(cuts), len(cuts))
    done_cuts = [cuts[k] for k in sorted(said)]
    rounds = _rounds(data, done_cuts, steps, season, [said.pop(k) for k in sorted(said)], with_tree)
    return replace(rounds, chances=tuple(chances[k] for k in sorted(chances)))


def _rounds(
    data: TreeData, cuts: list[int], steps: int, season: int, said: list[dict[str, np.ndarray]], with_tree: bool
) -> Rounds:
    names = sorted({name for each in said for name in each} | ({"lightgbm"} if with_tree and cuts else set()))
    silent = np.full((len(data.y), steps), np.nan)

    def stacked(parts: list[np.ndarray]) -> np.ndarray:
        return np.stack(parts, axis=1) if parts else np.empty((len(data.y), 0, steps))

    later = np.hstack([data.y, np.full((len(data.y), steps), np.nan)])
    return Rounds(
        cuts,
        steps,
        stacked([later[:, c : c + steps] for c in cuts]),
        {name: stacked([each.pop(name, silent) for each in said]) for name in names},
        stacked([naive.seasonal_naive(data.y[:, :c], steps, season) for c in cuts]),
        stacked([naive.window_mean(data.y[:, :c], steps, 4) for c in cuts]),
        data.y.shape[1] < 1.5 * season,
    )


def table(
    rounds: Rounds, nodes: tuple[str, ...], dates: tuple[Any, ...], means: dict[str, np.ndarray], quantiles: np.ndarray,
    keep: np.ndarray,
) -> pl.DataFrame:  # fmt: skip
    """One row per kept node, origin and step.

    Columns node, cutoff, step, ds, y, mean (of the ensemble), mean_<variant> of the others, seasonal_naive, mean_4, q_0.05
    … q_0.95.
    """
    names = [nodes[i] for i in np.flatnonzero(keep)]
    per_node = len(rounds.cutoffs) * rounds.steps
    cutoff = [dates[c - 1] for c in rounds.cutoffs for _ in range(rounds.steps)]
    # steps after the last outcome have no date and are filtered out below
    ds = [dates[min(c + h, len(dates) - 1)] for c in rounds.cutoffs for h in range(rounds.steps)]
    step = list(range(1, rounds.steps + 1)) * len(rounds.cutoffs)
    columns: dict[str, Any] = {
        "node": pl.Series(names, dtype=pl.String).gather(np.repeat(np.arange(len(names)), per_node)),
        "cutoff": pl.Series(cutoff * 1).gather(np.tile(np.arange(per_node), len(names))) if cutoff else [],
        "step": np.tile(np.array(step, dtype=np.int32), len(names)),
        "ds": pl.Series(ds).gather(np.tile(np.arange(per_node), len(names))) if ds else [],
    }
    said = {"mean" if name == "ensemble" else f"mean_{name}": mean for name, mean in means.items()}
    for name, values in {"y": rounds.outcomes, **said, "seasonal_naive": rounds.naive, "mean_4": rounds.mean_4}.items():
        columns[name] = values[keep].astype(np.float32).ravel()
    for level in BACKTEST_LEVELS:
        columns[f"q_{level:g}"] = quantiles[keep][..., CHECKED_LEVELS.index(level)].ravel()
    return pl.DataFrame(columns).with_columns(pl.col(pl.Float32).fill_nan(None)).filter(pl.col("y").is_not_null())


def scores(
    rounds: Rounds, mean: np.ndarray, quantiles: np.ndarray, levels: np.ndarray, kinds: np.ndarray, scale: np.ndarray
) -> pl.DataFrame:
    """Columns level, kind, nodes, mae, wape, mase, wql, coverage_80, coverage_95, naive_wape, naive_mase, mean_4_wape, mean_4_mase.

    One row per level and kind of demand, and one per level with kind `all`.
    """
    found = []
    for level in np.unique(levels):
        for kind in [*np.unique(kinds[levels == level]), "all"]:
            rows = (levels == level) & ((kinds == kind) | (kind == "all"))
            found.append(
                {"level": str(level), "kind": str(kind), "nodes": int(rows.sum())}
                | _score(rounds, mean, quantiles, scale, rows)
            )
    return pl.DataFrame(found, infer_schema_length=None).with_columns(pl.col(pl.Float64).fill_nan(None))


def _score(rounds: Rounds, mean: np.ndarray, quantiles: np.ndarray, scale: np.ndarray, of: np.ndarray) -> dict[str, float]:
    rows = slice(None) if of.all() else of  # all of them are not copied
    y, said, q = rounds.outcomes[rows], mean[rows], quantiles[rows]
    ends = {level: q[..., CHECKED_LEVELS.index(level)] for level in _COVERAGE_LEVELS}
    deciles = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]
    result = {
        "mae": _mean_error(y, said),
        "wape": evaluate.wape(y, said),
        "mase": _scaled(y, said, scale[rows]),
        "wql": evaluate.weighted_quantile_loss(y, q[..., [CHECKED_LEVELS.index(d) for d in deciles]], deciles),
        "coverage_80": evaluate.coverage(y, ends[0.1], ends[0.9]),
        "coverage_95": evaluate.coverage(y, ends[0.025], ends[0.975]),
    }
    for name, other in (("naive", rounds.naive[rows]), ("mean_4", rounds.mean_4[rows])):
        result |= {f"{name}_wape": evaluate.wape(y, other), f"{name}_mase": _scaled(y, other, scale[rows])}
    return result


def _mean_error(y: np.ndarray, forecast: np.ndarray) -> float:
    error = np.abs(y - forecast)
    return float(error[np.isfinite(error)].mean()) if np.isfinite(error).any() else float("nan")


def _scaled(y: np.ndarray, forecast: np.ndarray, scale: np.ndarray) -> float:
    error = np.abs(y - forecast) / scale[:, None, None]
    return float(error[np.isfinite(error)].mean()) if np.isfinite(error).any() else float("nan")
