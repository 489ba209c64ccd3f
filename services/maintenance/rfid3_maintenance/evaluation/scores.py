"""What do everybody's answers score? One row a contender, measure and horizon."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import polars as pl

from rfid3_maintenance.evaluation import brier, calibration, concordance, discrimination, remaining_life
from rfid3_maintenance.evaluation.cross_validation import Race, Result
from rfid3_maintenance.unit_history.alerts import known_by

COLUMNS = {"contender": pl.String, "role": pl.String, "measure": pl.String, "horizon": pl.Float64, "value": pl.Float64}


def table(race: Race) -> pl.DataFrame:
    """Columns as in COLUMNS; horizon is null where a measure has none. A contender that failed has its seconds only."""
    rows = [
        (each.contender.name, each.contender.role, measure, horizon, None if np.isnan(value) else value)
        for each in race.results
        for measure, horizon, value in _scores(race, each)
    ]
    return pl.DataFrame(rows, schema=COLUMNS, orient="row")


def value(scores: pl.DataFrame, contender: str, measure: str, horizon: float | None = None) -> float | None:
    """One figure; None where it was not told."""
    rows = scores.filter((pl.col("contender") == contender) & (pl.col("measure") == measure))
    rows = rows if horizon is None else rows.filter(pl.col("horizon") == horizon)
    return None if rows.is_empty() else rows["value"][0]


def _scores(race: Race, each: Result) -> Iterator[tuple[str, float | None, float]]:
    yield "seconds", None, each.seconds
    if each.fault:
        return
    after, event, survival = race.given.after_days, race.given.event, each.survival
    grid = np.array(race.grid)
    for horizon in race.horizons:
        chance = 1.0 - survival[:, int(np.flatnonzero(grid == horizon)[0])]
        yield "brier", horizon, brier.score(1.0 - chance, after, event, horizon)
        known, failed = known_by(after, event, horizon)
        found = calibration.fit(chance, failed, brier.weights(after, event, horizon))
        yield "calibration_slope", horizon, found.slope
        yield "calibration_intercept", horizon, found.intercept
        yield "told", horizon, found.expected
        yield "happened", horizon, found.happened
        yield "auc", horizon, discrimination.auc(chance[known], failed[known])
    if race.reading == "single":
        yield "f1", race.horizons[0], discrimination.f1(each.alert, event)
        return
    within = grid <= max(race.horizons)
    yield "integrated_brier", max(race.horizons), brier.integrated(survival[:, within], after, event, grid[within])
    yield "c_index", None, concordance.index(each.expected, after, event)
    rul = remaining_life.judge(each.rul, each.expected, after, event, race.cap)
    yield "rul_rmse", race.cap, rul.rmse_mean
    yield "rul_rmse_median", race.cap, rul.rmse_median
    if not each.no_interval:
        yield "rul_coverage_80", None, rul.coverage_80
        yield "rul_width_80", None, rul.width_80
