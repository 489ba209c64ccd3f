"""What was found of the targets that were projected? The newest inspection after the projection; or a category's mean. Pure.

Only inspections count: a scan copies the grade before it, and one that says something else is seen only because it does, so that its
error says nothing of how projections err.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import polars as pl

from rfid3_quality.snapshot import WITHIN_DAYS
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.snapshot import UNMAPPED
from rfid3_shared.ledger import Outcome, Target

LATE_DAYS = 14
"""A grade that is found so long after the day still counts for it."""
MOSTLY = 0.5
"""A category's mean is known when so many of its units were inspected."""


def restated_since(last_day: date) -> date:
    """The first day whose outcome may still change."""
    return last_day - timedelta(days=LATE_DAYS + 7)


def of_targets(life: Life, targets: Sequence[Target]) -> list[Outcome]:
    """The outcome of each target that is known: scores, 0 to 1.

    An item: its newest inspection after the projection was made and up to LATE_DAYS after its day. A category: the mean of those over its
    units for rent, where at least MOSTLY of them were inspected.
    """
    found: list[Outcome] = []
    for day in sorted({one.prediction_date for one in targets}):
        read = readings(life, day)
        scores = dict(read.select("tag_id", "score").iter_rows())
        means = _means(life, read)
        for one in (target for target in targets if target.prediction_date == day):
            value = scores.get(one.target_item_id) if one.target_item_id else means.get(one.target_category)
            if value is not None:
                found.append(Outcome(one, value))
    return found


def readings(life: Life, day: date) -> pl.DataFrame:
    """tag_id, score: what inspections found of each unit after the day on which a projection for `day` was made."""
    made, late = (datetime.combine(day + timedelta(days=days), time.max) for days in (-WITHIN_DAYS, LATE_DAYS))
    seen = life.grades.filter((pl.col("source") == "report") & (pl.col("at") > made) & (pl.col("at") <= late))
    last = seen.sort("tag_id", "at", maintain_order=True).group_by("tag_id", maintain_order=True).last()
    return last.select("tag_id", score=pl.col("grade") / 10.0)


def _means(life: Life, read: pl.DataFrame) -> dict[str, float]:
    fleet = life.units.filter(pl.col("gone").is_null() & ~pl.col("for_sale") & pl.col("grade").is_not_null())
    placed = fleet.select("tag_id", category=pl.col("category").fill_null(UNMAPPED)).join(read, on="tag_id", how="left")
    known = placed.group_by("category").agg(mean=pl.col("score").mean(), share=pl.col("score").count() / pl.len())
    return dict(known.filter((pl.col("share") >= MOSTLY) & pl.col("mean").is_not_null()).select("category", "mean").iter_rows())
