"""Do the classes still behave as those the model learned from? Features of one week, and what they looked like before; pure.

A rental shop is seasonal: a quiet January says nothing about a model that learned from June. So what is normal is kept per
calendar month, from every year of the history, and a live week is held against its own month.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl

from rfid3_demand import features
from rfid3_demand.present.weekly import LONGEST_REST_WEEKS, WEEKLY
from rfid3_shared.feature_store.compute import Facts, compute
from rfid3_shared.monitor import drift, feature_spec

NAMES = WEEKLY.names
LAST_SECOND = np.timedelta64(7 * 86_400 - 1, "s")
"""From a Monday to the moment its week is complete."""


def by_class(units: pl.DataFrame, weeks: list[date]) -> tuple[list[str], dict[str, np.ndarray]]:
    """Classes, and per feature the values (classes, weeks); NaN before a class's first departure.

    units: rental_class, week (Monday), units. weeks: complete weeks, oldest first.
    """
    inside = units.filter(pl.col("week").is_in(weeks))
    names = sorted(inside["rental_class"].unique().to_list())
    left = inside.filter(pl.col("units") > 0)
    departures = Facts(left["rental_class"].to_numpy(), left["week"].to_numpy(), left["units"].to_numpy())
    # each week as it was known when it had just ended
    found = compute(WEEKLY, {"departures": departures}, names, np.array(weeks, "datetime64[s]") + LAST_SECOND)
    begun = np.isfinite(found[..., NAMES.index("weeks_since_departure")])
    return names, {name: np.where(begun, found[..., at], np.nan) for at, name in enumerate(NAMES)}


def live(units: pl.DataFrame, last_day: date) -> tuple[date | None, list[str], dict[str, np.ndarray]]:
    """The last complete week, the classes, and per feature their values in that week."""
    weeks = features.complete_weeks(last_day - timedelta(days=7 * (LONGEST_REST_WEEKS + 4)), last_day)
    if not weeks:
        return None, [], {}
    names, values = by_class(units, weeks)
    return weeks[-1], names, {name: matrix[:, -1] for name, matrix in values.items()}


def spec_of(units: pl.DataFrame, first_day: date, last_day: date) -> dict[str, Any]:
    """What the registry keeps: {"features": {"units_week@06": reference, …}}, one reference a feature and calendar month.

    units: rental_class, week (Monday), units.
    """
    weeks = features.complete_weeks(first_day, last_day)
    names, values = by_class(units, weeks)
    months = np.array([week.month for week in weeks])
    by_month = {
        _season(month): {
            # weeks of one class are alike: what is independent are the classes
            name: {**drift.reference(known[np.isfinite(known)]), "count": len(names)}
            for name, known in ((name, matrix[:, months == month]) for name, matrix in values.items())
            if np.isfinite(known).any()
        }
        for month in sorted(set(months.tolist()))
    }
    return feature_spec.spec_of(by_month)


def references_of(spec: dict[str, Any] | None, week: date) -> dict[str, Mapping[str, Any]]:
    """Feature name → its reference in the month of the week; features without one are left out."""
    kept = feature_spec.of_season(spec, _season(week.month))
    return {name: kept[name] for name in NAMES if name in kept}


def _season(month: int) -> str:
    return f"{month:02d}"
