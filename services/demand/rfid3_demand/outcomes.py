"""What happened in the weeks that were predicted? Units asked for per target, counted as training counts them; pure.

A forecast is of what is asked for. In a week in which a shelf was empty, what left is less than that, and a right forecast would
look too high; so the outcome of such a week holds the estimate of what met the empty shelf (`features.demand_units`). Left out of
the score altogether the busiest weeks would never be judged, and totals, in which some shelf always was empty, not at all.
`estimated` tells how many outcomes hold an estimate.
"""

from collections.abc import Iterable
from datetime import date, timedelta

import polars as pl

from rfid3_demand import features
from rfid3_demand.nodes import ALL
from rfid3_shared.ledger import Outcome, Target

RESTATED_WEEKS = 5
"""Scans come in late and are corrected: for so many weeks an outcome is looked at again."""


def restated_since(last_day: date) -> date:
    """The first week (its Monday) whose outcome may still change."""
    return last_day - timedelta(days=7 * RESTATED_WEEKS + last_day.weekday())


def of_targets(units: pl.DataFrame, classes: pl.DataFrame, weeks: list[date], targets: Iterable[Target]) -> list[Outcome]:
    """The outcome of each target whose week is complete and known; a target in which nothing left has outcome 0.

    units: rental_class, store, week (Monday), units. classes: rental_class, category, subcategory. weeks: the complete weeks.
    """
    placed = units.join(classes, on="rental_class", how="left").with_columns(
        pl.col("category").fill_null(features.UNMAPPED), pl.col("subcategory").fill_null(features.UNMAPPED)
    )
    within = pl.concat_str(["category", "subcategory"], separator=" / ")
    kinds = {
        "item": placed.with_columns(name="rental_class"), "subcategory": placed.with_columns(name=within),
        "category": placed.with_columns(name="category"), ALL: placed.with_columns(name=pl.lit(ALL)),
    }  # fmt: skip
    totals: dict[tuple[str, str, str, date], float] = {}
    for kind, frame in kinds.items():
        for store in (pl.col("store"), pl.lit(ALL)):
            sums = frame.with_columns(at=store).group_by("name", "at", "week").agg(pl.col("units").sum())
            totals |= {(kind, name, at, week): float(count) for name, at, week, count in sums.iter_rows()}
    known, categories = set(weeks), set(placed["category"].unique())
    return [
        Outcome(target, totals.get((*_named(target, categories), target.store or ALL, target.prediction_date), 0.0))
        for target in targets if target.prediction_date in known
    ]  # fmt: skip


def estimated(asked: list[Outcome], left: list[Outcome]) -> int:
    """How many outcomes hold units that met an empty shelf: those of what was asked for that are not those of what left."""
    return sum(one.actual_value != other.actual_value for one, other in zip(asked, left, strict=True))


def _named(target: Target, categories: set[str]) -> tuple[str, str]:
    """Kind and name of what a ledger row speaks of, as `ledger_rows` wrote it."""
    if target.target_item_id:
        return "item", target.target_item_id
    if target.target_category == ALL:
        return ALL, ALL
    is_sub = " / " in target.target_category and target.target_category not in categories
    return "subcategory" if is_sub else "category", target.target_category
