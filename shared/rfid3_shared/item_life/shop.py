"""When was each unit in the shop's hands, what for, and when was it ready again? Readiness is an interval. Pure.

A stay in the shop (visit) runs from the first sighting with a status of waiting, washing or repair to the first scan that says Ready to
Rent or takes the unit out. Work of one kind inside it is a step. RFID3 mostly sets Ready to Rent without a scan: then the unit became
ready between its last sighting in the shop and the first one that tells so. A scan at home that says Ready to Rent is what makes it so.
"""

from datetime import timedelta

import polars as pl

from rfid3_shared.source.vocabulary import Condition, Movement

BROUGHT_IN = timedelta(days=1)
"""A unit that comes to the shop within a day of its return was brought in by it; later it stood on the shelf in between."""
GRAVITY = ("inspect", "wet", "wash", "repair")
"""Kinds of work, the gravest last: a unit that was inspected and then repaired was there for a repair."""


def steps(scans: pl.DataFrame) -> pl.DataFrame:
    """Kinds of work one after the other: tag_id, visit (number within the tag), kind, begun_at, last_at, ended_at (first ready; null), said
    (whether that was a scan at home that says Ready to Rent, which is what makes it so; else it was seen going out)."""
    ready = (pl.col("move") == Movement.OUT.value) | pl.col("condition").is_in([Condition.AVAILABLE.value, Condition.OUT.value])
    told = scans.filter(ready.fill_null(False) | pl.col("shop").is_not_null()).select(
        "tag_id", "at", kind=pl.when(pl.col("move") != Movement.OUT.value).then("shop"),
        said=(pl.col("move") != Movement.OUT.value) & (pl.col("condition") == Condition.AVAILABLE.value).fill_null(False),
    ).with_columns(busy=pl.col("kind").is_not_null())  # fmt: skip
    told = told.with_columns(
        visit=pl.col("busy").rle_id().over("tag_id"),
        step=pl.col("kind").rle_id().over("tag_id"),
        # the first ready scan after each: all busy ones of a visit share it
        ended_at=pl.when(~pl.col("busy")).then("at").backward_fill().over("tag_id"),
        said=pl.when(~pl.col("busy")).then("said").backward_fill().over("tag_id"),
    )
    return told.filter("busy").group_by("tag_id", "visit", "step", maintain_order=True).agg(
        pl.col("kind").first(), begun_at=pl.col("at").first(), last_at=pl.col("at").last(), ended_at=pl.col("ended_at").first(),
        said=pl.col("said").first().fill_null(False),
    ).drop("step")  # fmt: skip


def visits(steps: pl.DataFrame, master: pl.DataFrame, ended: pl.DataFrame, data_to: pl.Expr) -> pl.DataFrame:
    """One row a stay in the shop, as `Life.visits`.

    master: tag_id, condition: an open visit of a unit that the item master has ready was over by the end of the data. ended: tag_id,
    known_at of rentals, from which returned_at is told.
    """
    rank = pl.col("kind").replace_strict(list(GRAVITY), list(range(len(GRAVITY))), return_dtype=pl.Int64)
    rows = steps.group_by("tag_id", "visit", maintain_order=True).agg(
        rank.max().alias("rank"), pl.col("begun_at").min(), pl.col("last_at").max().alias("ready_lower"), pl.col("ended_at").first(),
        pl.col("said").first().alias("said_ready"),
    ).join(master.select("tag_id", "condition"), on="tag_id", how="left", maintain_order="left")  # fmt: skip
    home = pl.when(pl.col("condition") == Condition.AVAILABLE.value).then(data_to)
    rows = rows.with_columns(
        kind=pl.col("rank").replace_strict(list(range(len(GRAVITY))), list(GRAVITY), return_dtype=pl.String),
        ready_upper=pl.coalesce("ended_at", home),
        seen_ready=pl.col("ended_at").is_not_null(),
    )
    before = ended.select("tag_id", returned_at="known_at").drop_nulls().sort("returned_at")
    found = rows.sort("begun_at").join_asof(
        before, left_on="begun_at", right_on="returned_at", by="tag_id", check_sortedness=False, coalesce=False
    )
    just = pl.col("begun_at") - pl.col("returned_at") <= BROUGHT_IN
    return found.with_columns(returned_at=pl.when(just).then("returned_at")).select(
        "tag_id", "kind", "begun_at", "ready_lower", "ready_upper", "seen_ready", "said_ready", "returned_at"
    ).sort("tag_id", "begun_at")  # fmt: skip


def services(visits: pl.DataFrame, events: pl.DataFrame) -> pl.DataFrame:
    """Units repaired or serviced: tag_id, at, kind. The first scan that shows a repaired unit ready, or a report of a service."""
    over = visits.filter((pl.col("kind") == "repair") & pl.col("seen_ready")).select("tag_id", at="ready_upper", kind="kind")
    told = events.filter(pl.col("event") == "serviced").select("tag_id", "at", "kind")
    return pl.concat([over, told]).sort("tag_id", "at")
