"""What do past readings say of wear? Steps from look to look → one fit, on all or on what was known at an earlier day. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from rfid3_quality import features
from rfid3_quality.model.wear import Wear
from rfid3_quality.model.wear_fit import fit_wear
from rfid3_quality.model.wear_steps import WearSteps
from rfid3_shared.feature_store.compute import Facts
from rfid3_shared.item_life.describing import categories_of, classes_of, places
from rfid3_shared.item_life.frames import facts_of, item_frame
from rfid3_shared.item_life.grades import grade_steps
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.snapshot import UNMAPPED

MOST_STEPS = 150_000
"""Steps that a fit looks at; of more, those of every n-th unit, whole lives."""


@dataclass(frozen=True)
class Past:
    """Steps from look to look of rented units, with what was known of the unit at the second: columns of `looks`, and unit.

    At a unit's first sight nothing is known yet of how it is used; at the step's end it is, as it is of an item that is projected.
    """

    frame: pl.DataFrame
    x: np.ndarray
    group: np.ndarray
    material: np.ndarray
    classes: tuple[str, ...]
    categories: tuple[str, ...]
    facts: Mapping[str, Facts]
    zone: ZoneInfo


def past_of(life: Life, zone: ZoneInfo) -> Past:
    """The steps of a life, at most MOST_STEPS of them; goods for sale leave for good and tell nothing of rented ones."""
    rented = life.units.filter(~pl.col("for_sale"))
    every = looks(grade_steps(life).join(rented.select("tag_id"), on="tag_id", how="semi").sort("tag_id", "from_at"))
    number = every["tag_id"].rank("dense").cast(pl.Int64) - 1 if every.height else pl.Series([], dtype=pl.Int64)
    step = -(-every.height // MOST_STEPS) or 1
    frame = every.with_columns(unit=number).filter(pl.col("unit") % step == 0)
    facts = facts_of(life)
    known = item_frame(life, frame.select("tag_id", at="to_at"), zone, facts=facts)
    classes, categories = classes_of(life), categories_of(life)
    return Past(
        frame, features.matrix(known), places(known["rental_class"], classes), places(known["category"].fill_null(UNMAPPED), categories),
        classes, categories, facts, zone,
    )  # fmt: skip


def looks(steps: pl.DataFrame) -> pl.DataFrame:
    """Steps from one look at a unit to the next: from a grade's first reading to the one that says something else, or to an inspection.

    A scan copies the grade of the scan before, so a copy says nothing: nobody may have looked for years. A grade that changes was
    written by somebody who looked; that looks which found no change leave no trace is what `told` says: such a step is known only because
    the grade changed. What comes after the last look is dropped. Columns in: those of `grade_steps`, sorted by unit and time; out: tag_id,
    from_at, from_grade, to_at, to_grade, turns, days, repaired, told.
    """
    reported = pl.col("to_source") == "report"
    ends = (pl.col("from_grade") != pl.col("to_grade")) | reported
    numbered = steps.with_columns(_run=ends.cast(pl.Int64).cum_sum().shift(1, fill_value=0).over("tag_id"), _end=ends)
    drawn = numbered.group_by("tag_id", "_run", maintain_order=True).agg(
        pl.col("from_at", "from_grade").first(), pl.col("to_at", "to_grade").last(), pl.col("turns", "days").sum(),
        pl.col("repaired").any(), pl.col("_end").last(), told=~reported.last(),
    )  # fmt: skip
    return drawn.filter("_end").drop("_run", "_end")


def fit(past: Past, until: datetime | None = None) -> Wear:
    """The wear that these steps tell. until: only looks up to then are learned from (naive shop time)."""
    known = past.frame.with_row_index("row")
    some = known if until is None else known.filter(pl.col("to_at") <= until)
    rows = some["row"].to_numpy()
    return fit_wear(WearSteps(
        unit=some["unit"].to_numpy().astype(np.int32), from_grade=some["from_grade"].to_numpy().astype(np.int64),
        to_grade=some["to_grade"].to_numpy().astype(np.int64), turns=some["turns"].to_numpy().astype(float),
        days=some["days"].to_numpy().astype(float), group=past.group[rows], material=past.material[rows],
        repaired=some["repaired"].to_numpy().astype(bool), x=past.x[rows], names=features.NAMES, group_names=past.classes,
        material_names=past.categories, told_by_change=some["told"].to_numpy().astype(bool),
    ))  # fmt: skip
