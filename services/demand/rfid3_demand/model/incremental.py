"""What does a week of new data change? A forecast from what a full run has learned, without learning it again; pure.

Kept: weights of methods, error variances, calibration, the tree, the record of past performance. Anew: what every method and the
tree say at the last date, reconciled and with intervals; causes; how much history there is. The forecast before this one joins the
record as one more origin, held against what has come in since.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from rfid3_demand.model import backtest, global_tree, naive, pickup
from rfid3_demand.model.candidates import METHODS
from rfid3_demand.model.engine import LOCAL, Engine
from rfid3_demand.model.fit import MOST_BACKTEST_ROWS, Progress, finished, joined, said_now
from rfid3_demand.model.learned import Learned, NeedsFullRun, same_codes
from rfid3_demand.model.nodes import mean_size, node_data
from rfid3_demand.model.panel import Forecast, Hierarchy, Panel, flat_hierarchy
from rfid3_demand.model.seasonal import naive_season
from rfid3_demand.model.tree_features import TreeData
from rfid3_demand.model.variants import variant
from rfid3_shared import evaluate
from rfid3_shared.series import future_dates

MOST_NEW_STEPS = 4
"""What was learned is believed for so many steps after the full run's last date."""


def refresh(
    panel: Panel, horizon: int, previous: Forecast, *, hierarchy: Hierarchy | None = None, progress: Progress | None = None,
    engine: Engine = LOCAL,
) -> Forecast:  # fmt: skip
    """The forecast after `panel`'s last date with what `previous` has learned; its levels and its variants.

    Scores are those of the run that learned. Raises NeedsFullRun when the data are of another kind, or too much newer.
    """
    tell = progress or (lambda stage, done, total: None)
    tree_of = hierarchy or flat_hierarchy(panel.ids)
    data = node_data(panel, tree_of.summing, horizon)
    learned, was_at = _fitting(previous, panel, data, horizon)
    data = _with_codes(data, learned, tree_of)
    kinds = evaluate.classify_all(data.y)
    now = learned.of(tree_of.nodes, tree_of.levels, kinds, mean_size(data.y))
    tell("fit", 0, 2)
    used = {method for each in now.variants.values() for method in each.methods}
    methods = [method for method in METHODS if method.name in used]
    said, chances = said_now(data, horizon, methods, engine)
    tree = None
    if previous.booster_text is not None and learned.tree_names is not None:
        tree = global_tree.restored(previous.booster_text, learned.tree_names)
        said["lightgbm"] = global_tree.predict(tree, data, data.y.shape[1], horizon)
    tell("fit", 2, 2)
    levels = np.array(previous.levels)
    held = None
    if panel.bookings is not None:
        held = pickup.on_hand(panel.bookings, tree_of.summing, data.y, data.relatives, [], learned.steps)
    variants = {
        name: variant(tree_of.summing, data, now.trust, said, each, levels, chances, held)
        for name, each in now.variants.items()
    }
    variants["ensemble"], notes = joined(tree_of, now, variants["ensemble"], previous.levels, held)
    tell("explain", 0, 1)
    since = {"last_full_run": previous.notes.get("last_full_run", str(panel.dates[was_at - 1]))}
    return finished(
        panel, tree_of, data, previous.levels, variants, tree, horizon, tell,
        backtest=_record(previous, learned, panel, tree_of, data, was_at), scores=previous.scores,
        booster_text=previous.booster_text, tree_settings=previous.tree_settings, notes={**previous.notes, **notes, **since}, learned=now,
    )  # fmt: skip


def _fitting(previous: Forecast, panel: Panel, data: TreeData, horizon: int) -> tuple[Learned, int]:
    """What was learned, and how many of the panel's steps were known then."""
    learned = previous.learned
    if learned is None:
        raise NeedsFullRun("the model before this one did not keep what it had learned")
    then = (learned.counts, learned.multiplicative, learned.season, learned.horizon)
    if then != (panel.counts, data.multiplicative, panel.season, horizon):
        raise NeedsFullRun("counts, signs, season or horizon are not those of the last full run")
    stamps = [*panel.dates, *future_dates(panel.dates[-1], panel.frequency, 1)]
    if previous.dates[0] not in stamps:
        raise NeedsFullRun("the data do not follow those of the model before this one")
    last_learned = previous.notes.get("last_full_run")
    words = [str(day) for day in panel.dates]
    was_at = stamps.index(previous.dates[0])
    learned_at = words.index(last_learned) + 1 if last_learned in words else was_at
    if (last_learned is not None and last_learned not in words) or len(panel.dates) - learned_at > MOST_NEW_STEPS:
        raise NeedsFullRun(f"the last full run lies more than {MOST_NEW_STEPS} steps back")
    return learned, was_at


def _with_codes(data: TreeData, learned: Learned, tree_of: Hierarchy) -> TreeData:
    # relatives keep today's codes: they only say who belongs together
    return replace(data, static=same_codes(learned, tree_of.nodes, data.static))


def _record(
    previous: Forecast, learned: Learned, panel: Panel, tree_of: Hierarchy, data: TreeData, was_at: int
) -> pl.DataFrame:
    """The back-test so far with today's outcomes, and what the forecast before this one said of the steps known since."""
    row_of = {node: at for at, node in enumerate(tree_of.nodes)}
    step_of = {day: at for at, day in enumerate(panel.dates)}
    old = previous.backtest.filter(pl.col("node").is_in(list(row_of)) & pl.col("ds").is_in(list(step_of)))
    rows = old["node"].replace_strict(row_of, return_dtype=pl.Int64).to_numpy()
    steps = old["ds"].replace_strict(step_of, return_dtype=pl.Int64).to_numpy()
    outcome = pl.Series("y", data.y[rows, steps].astype(np.float32)).fill_nan(None)
    old = old.with_columns(outcome).filter(pl.col("y").is_not_null())
    fresh = min(data.y.shape[1] - was_at, len(previous.dates), learned.steps)
    if fresh < 1:
        return old
    said_of = {node: at for at, node in enumerate(previous.nodes)}
    shared = [node for node in tree_of.nodes if node in said_of]
    if len(shared) * fresh + old.height > MOST_BACKTEST_ROWS:
        shared = [node for node in shared if tree_of.summing[row_of[node]].nnz > 1]
    new = _origin(previous, panel, data, was_at, fresh, [row_of[node] for node in shared], [said_of[node] for node in shared])
    new = new.with_columns(pl.Series("node", np.repeat(np.array(shared, dtype=object), fresh).tolist(), dtype=pl.String))
    new = new.select(old.columns).cast(old.schema) if old.columns else new
    return pl.concat([old, new.filter(pl.col("y").is_not_null())])


def _origin(
    previous: Forecast, panel: Panel, data: TreeData, was_at: int, fresh: int, rows: list[int], said: list[int]
) -> pl.DataFrame:
    """The steps since, in the columns of the back-test; rows: of the data, said: of the forecast before."""
    n, known = len(rows), data.y[rows]
    ones: dict[str, Any] = {"node": [""] * (n * fresh)}
    ones["cutoff"] = pl.Series([panel.dates[was_at - 1]] * (n * fresh))
    ones["step"] = np.tile(np.arange(1, fresh + 1, dtype=np.int32), n)
    ones["ds"] = pl.Series(list(panel.dates[was_at : was_at + fresh]) * n)
    values = {"y": known[:, was_at : was_at + fresh]}
    for name, each in previous.variants.items():
        values["mean" if name == "ensemble" else f"mean_{name}"] = each.mean[said, :fresh]
    values["seasonal_naive"] = naive.seasonal_naive(known[:, :was_at], fresh, naive_season(data.seasons))
    values["mean_4"] = naive.window_mean(known[:, :was_at], fresh, 4)
    quantiles = previous.variants["ensemble"].quantiles[said, :fresh]
    for level in backtest.BACKTEST_LEVELS:
        values[f"q_{level:g}"] = _at_level(quantiles, previous.levels, level)
    columns = {name: np.asarray(each, dtype=np.float32).ravel() for name, each in values.items()}
    return pl.DataFrame({**ones, **columns}).with_columns(pl.col(pl.Float32).fill_nan(None))


def _at_level(quantiles: np.ndarray, levels: tuple[float, ...], level: float) -> np.ndarray:
    """The quantile at a level, between its neighbours where it was not asked for."""
    right = int(np.clip(np.searchsorted(levels, level), 1, max(len(levels) - 1, 1)))
    if len(levels) == 1 or level in levels:
        return quantiles[..., levels.index(level) if level in levels else 0]
    share = np.clip((level - levels[right - 1]) / (levels[right] - levels[right - 1]), 0.0, 1.0)
    return np.asarray(quantiles[..., right - 1] * (1.0 - share) + quantiles[..., right] * share)
