"""Which grade had each unit when, and what happened between two readings? Pure.

A grade stands on nearly every scan, mostly copied from the one before. Readings of a day that repeat the grade are one. A grade that is
better than the one before is never dropped: a repair, washing or service lies between, or somebody graded the unit anew, and that is said.
"""

from datetime import datetime

import polars as pl

from rfid3_shared.item_life.life import Life

DAY_S = 86_400.0


def readings(scans: pl.DataFrame, inspections: pl.DataFrame, master: pl.DataFrame, data_to: datetime) -> pl.DataFrame:
    """Readings as `Life.grades`.

    master: tag_id, grade of the item master, which holds as of data_to and counts where it says something else than the last scan.
    """
    scanned = scans.filter(pl.col("grade").is_not_null()).select("tag_id", "at", "grade", source=pl.lit("scan"))
    looked = inspections.filter(pl.col("grade").is_not_null()).select("tag_id", "at", "grade", source=pl.lit("report"))
    both = pl.concat([scanned, looked]).sort("tag_id", "at", maintain_order=True)
    # a look at the unit is a reading even when it finds the same grade
    copied = (
        (pl.col("source") == "scan")
        & (pl.col("grade") == pl.col("grade").shift(1).over("tag_id"))
        & (pl.col("at").dt.date() == pl.col("at").shift(1).over("tag_id").dt.date())
    ).fill_null(False)  # fmt: skip
    last = both.group_by("tag_id").agg(known=pl.col("grade").last(), known_at=pl.col("at").last())
    other = master.filter(pl.col("grade").is_not_null()).join(last, on="tag_id", how="left").filter(
        pl.col("known").is_null() | ((pl.col("known") != pl.col("grade")) & (pl.col("known_at") < data_to))
    )  # fmt: skip
    told = other.select("tag_id", pl.lit(data_to, pl.Datetime("us")).alias("at"), "grade", source=pl.lit("item"))
    return pl.concat([both.filter(~copied), told]).sort("tag_id", "at", maintain_order=True)


def grade_steps(life: Life) -> pl.DataFrame:
    """From each reading to the next one of the unit.

    Columns: tag_id, from_at, to_at, from_grade, to_grade, to_source, turns (rentals that left in between), days, repaired (a repair or
    service was done in between), regraded (the grade rose although nothing was done).
    """
    following = {name: pl.col(name).shift(-1).over("tag_id") for name in ("at", "grade", "source")}
    steps = life.grades.select(
        "tag_id", from_at="at", to_at=following["at"], from_grade="grade", to_grade=following["grade"], to_source=following["source"]
    ).filter(pl.col("to_at").is_not_null())  # fmt: skip
    mended = pl.concat(
        [life.services.select("tag_id", "at"), life.steps.filter(pl.col("kind") == "repair").select("tag_id", at="begun_at")]
    )
    steps = between(between(steps, life.stays.select("tag_id", at="begun_at"), "turns"), mended, "_mended")
    rose = pl.col("to_grade") > pl.col("from_grade")
    return steps.with_columns(
        days=(pl.col("to_at") - pl.col("from_at")).dt.total_seconds() / DAY_S,
        repaired=pl.col("_mended") > 0,
        regraded=rose & (pl.col("_mended") == 0),
    ).drop("_mended")


def between(spans: pl.DataFrame, facts: pl.DataFrame, name: str) -> pl.DataFrame:
    """The spans (tag_id, from_at, to_at) with a count of the unit's facts (tag_id, at) after from_at and up to to_at."""
    counted = facts.sort("tag_id", "at").with_columns(_n=pl.int_range(1, pl.len() + 1).over("tag_id")).sort("at")
    spans = spans.with_row_index("_row")
    for edge in ("from_at", "to_at"):
        found = spans.select("_row", "tag_id", edge).sort(edge).join_asof(
            counted, left_on=edge, right_on="at", by="tag_id", check_sortedness=False, coalesce=False
        )  # fmt: skip
        spans = spans.with_columns(found.sort("_row")["_n"].fill_null(0).cast(pl.Int64).alias(f"_{edge}"))
    return spans.with_columns((pl.col("_to_at") - pl.col("_from_at")).alias(name)).drop("_row", "_from_at", "_to_at")
