"""Which outside series does the demand model learn from, and why not the others? By week; pure.

A series must cover enough of the history's days. One that covers the horizon too is known for the weeks that are forecast (a weather
forecast among it is marked: the back-test, which knows what the weather was, is a little too good for it). One that ends with the
data speaks of the past only: the model looks back on it or forecasts it, and its errors are in the intervals.
"""

from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from rfid3_shared.external.coverage import Coverage, Span, judge
from rfid3_shared.external.values import DailyFactor


@dataclass(frozen=True)
class Regressors:
    """Outside series by week."""

    past: dict[str, np.ndarray]
    """(T,) each: known up to the last complete week."""
    known: dict[str, np.ndarray]
    """(T + horizon,) each: known for past and horizon."""
    judged: list[Coverage]
    """Every series there is, those that are refused too."""

    def notes(self) -> list[dict[str, Any]]:
        """What became of each series, for whoever reads the forecast."""
        return [{**asdict(each), "weekdays": list(each.weekdays)} for each in self.judged]


NONE = Regressors({}, {}, [])


def weekly(factors: pl.DataFrame, weeks: list[date], horizon: int, coverage_ratio: float) -> Regressors:
    """Weekly means of the daily series that cover at least `coverage_ratio` of the days on which they are told.

    Columns in: date, factor_type, factor_name, value, is_forecast. A week without a value takes the series' last one before it.
    """
    span = Span(weeks[0], weeks[-1] + timedelta(days=6), weeks[-1] + timedelta(days=6 + 7 * horizon))
    past: dict[str, np.ndarray] = {}
    known: dict[str, np.ndarray] = {}
    judged = []
    rows = factors.filter(pl.col("value").is_not_null()).sort("factor_type", "factor_name", "date")
    for (kind, name), days in rows.group_by("factor_type", "factor_name", maintain_order=True):
        said = judge(_factor(str(kind), str(name), days), span, coverage_ratio)
        steps = len(weeks) + (horizon if said.use == "past and horizon" else 0)
        if said.use != "refused":
            values = _by_week(days, weeks[0], steps)
            if np.ptp(values[: len(weeks)]) == 0:
                said = replace(said, use="refused", why="the same in every week of the history")
            else:
                free = str(name) not in past and str(name) not in known
                (past if said.use == "past only" else known)[str(name) if free else f"{kind}_{name}"] = values
        judged.append(said)
    return Regressors(past, known, judged)


def _factor(kind: str, name: str, days: pl.DataFrame) -> DailyFactor:
    values = dict(days.select("date", "value").iter_rows())
    return DailyFactor(kind, name, values=values, forecast=set(days.filter("is_forecast")["date"]))


def _by_week(days: pl.DataFrame, first: date, steps: int) -> np.ndarray:
    """(steps,) means by week from the Monday `first` on."""
    by_week = days.group_by(pl.col("date").dt.truncate("1w").alias("week")).agg(pl.col("value").mean())
    every = pl.DataFrame({"week": [first + timedelta(days=7 * k) for k in range(steps)]})
    whole = every.join(by_week, on="week", how="left", maintain_order="left")
    return whole["value"].forward_fill().backward_fill().to_numpy().astype(float)
