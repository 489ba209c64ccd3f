"""Which units are gone, why, and since when? Loss is kept apart from wear. Pure.

Sold, or in the bin of what was sold or has burst, or reported as retired is `retirement`; Missing or reported as lost is `loss`. A unit is
also lost when, since its last departure, nobody has seen it, the item master still says it is out and was not written since, and it is
overdue by more than LATENESS of the returns that were scanned were, and by LEAST_DAYS at least. Without the item master's word a unit
that was not seen again is not called lost: a third of all returns leave no scan. A unit is lost with the departure from which it did not
come back; a unit sold or missing is gone with its last sighting, which is the earliest it can be.
"""

from datetime import datetime, timedelta

import polars as pl

from rfid3_shared.item_life.stays import USUAL_DAYS
from rfid3_shared.source.vocabulary import Condition

LATENESS = 0.995
"""Of 200 returns one comes later than this."""
LEAST_DAYS = 45.0
DAY_S = 86_400.0


def overdue_days(stays: pl.DataFrame) -> float:
    """Days beyond which a unit that is still out has not come back: LATENESS of scanned returns' lateness, LEAST_DAYS at least."""
    late = stays.filter("seen_back").select(((pl.col("back_at") - _expected()).dt.total_seconds() / DAY_S).alias("late"))[
        "late"
    ]
    found = late.quantile(LATENESS)
    return LEAST_DAYS if found is None else max(LEAST_DAYS, found)


def lost(stays: pl.DataFrame, master: pl.DataFrame, data_to: datetime) -> pl.DataFrame:
    """Units lost by the rule: tag_id, at (their last departure). master: tag_id, condition."""
    last = stays.sort("tag_id", "left_at").group_by("tag_id", maintain_order=True).last()
    open_ = last.filter(pl.col("back_upper").is_null()).join(master.select("tag_id", "condition"), on="tag_id")
    still_out = pl.col("condition") == Condition.OUT.value
    overdue = pl.lit(data_to) - _expected() > timedelta(days=overdue_days(stays))
    return open_.filter(still_out & overdue).select("tag_id", at="left_at")


def gone(units: pl.DataFrame, stays: pl.DataFrame, events: pl.DataFrame, data_to: datetime) -> pl.DataFrame:
    """One row a unit that is gone: tag_id, gone, gone_at (null = never seen).

    units: tag_id, status, condition, written_off, scanned_last, last_seen. events: reported events. What people reported goes before the
    item master's word, that before the rule. A unit that was seen an hour or more after it was reported to be gone is not.
    """
    said = events.filter((pl.col("event") == "failure") & pl.col("kind").is_in(["retirement", "loss"]))
    said = said.group_by("tag_id").agg(pl.col("at").max(), gone=pl.col("kind").sort_by("at").last())
    said = said.join(units.select("tag_id", "scanned_last"), on="tag_id", how="left")
    told = said.filter((pl.col("scanned_last") <= pl.col("at") + timedelta(hours=1)).fill_null(True)).select(
        "tag_id", "gone", gone_at="at"
    )
    written = units.filter((pl.col("condition") == Condition.GONE.value) | pl.col("written_off")).select(
        "tag_id", gone=pl.when(pl.col("status") == "Missing").then(pl.lit("loss")).otherwise(pl.lit("retirement")), gone_at="last_seen"
    )  # fmt: skip
    found = lost(stays, units, data_to).select("tag_id", gone=pl.lit("loss"), gone_at="at")
    return pl.concat([told, written, found]).unique("tag_id", keep="first", maintain_order=True)


def _expected() -> pl.Expr:
    return pl.coalesce("due_at", pl.col("left_at") + timedelta(days=USUAL_DAYS))
