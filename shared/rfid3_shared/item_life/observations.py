"""What do models of turnaround and of prices learn from? Stays in the shop as intervals; rentals with price and grade. Pure."""

import polars as pl

from rfid3_shared.item_life.life import Life

DAY_S = 86_400.0
CARRIED = ("rental_class", "category", "subcategory", "store")


def turnaround_observations(life: Life) -> pl.DataFrame:
    """One row a stay in the shop: tag_id, kind, begun_at, returned_at, lower_days, upper_days, seen_ready, and what the unit is (CARRIED).

    Days run from the return that brought the unit in, within a day, else from its first sighting in the shop.
    It was not ready after lower_days, and ready after upper_days (null = not ready at the end of the data); both are the same where a scan
    at home said Ready to Rent, for that is what made it so.
    """
    start = pl.coalesce("returned_at", "begun_at")
    days = {f"{name}_days": (pl.col(f"ready_{name}") - start).dt.total_seconds().clip(0) / DAY_S for name in ("lower", "upper")}
    days["lower_days"] = pl.when("said_ready").then(days["upper_days"]).otherwise(days["lower_days"])
    found = life.visits.join(life.units.select("tag_id", *CARRIED), on="tag_id", how="left", maintain_order="left")
    return found.with_columns(**days).select(
        "tag_id", "kind", "begun_at", "returned_at", "lower_days", "upper_days", "seen_ready", *CARRIED
    )  # fmt: skip


def price_observations(life: Life) -> pl.DataFrame:
    """One row a priced POS line whose units were scanned: what a unit brought a day, and in which grade the units were.

    Columns: contract, rental_class, category, at (first of its units' departures), units (of the line), scanned (units scanned on it), days
    (from the line's hours, else until it was due), usd_per_day (line price over units and days), day_rate_usd (the card's today), grade
    (mean over the scanned units that had been graded when they left), graded. Lines without days are left out.
    """
    left = life.stays.filter(pl.col("contract").is_not_null()).sort("left_at")
    graded = left.join_asof(
        life.grades.filter(pl.col("source") != "item").select("tag_id", "at", "grade").sort("at"), left_on="left_at", right_on="at",
        by="tag_id", check_sortedness=False, coalesce=False,
    )  # fmt: skip
    rented = graded.group_by("contract", "rental_class").agg(
        at=pl.col("left_at").min(), scanned=pl.len().cast(pl.Int64), grade=pl.col("grade").mean(),
        graded=pl.col("grade").count().cast(pl.Int64),
    )  # fmt: skip
    lines = life.lines.group_by("contract", "rental_class").agg(
        pl.col("units", "price_usd").sum(), pl.col("hours").max(), pl.col("due_at").max()
    )
    cards = life.units.group_by("rental_class").agg(pl.col("category", "day_rate_usd").first())
    told = lines.join(rented, on=["contract", "rental_class"]).join(cards, on="rental_class", how="left")
    until_due = (pl.col("due_at") - pl.col("at")).dt.total_seconds() / DAY_S
    days = pl.when(pl.col("hours") > 0).then(pl.col("hours") / 24).when(until_due > 0).then(until_due)
    return told.with_columns(days=days).filter(pl.col("days") > 0).select(
        "contract", "rental_class", "category", "at", "units", "scanned", "days",
        (pl.col("price_usd") / pl.col("units") / pl.col("days")).alias("usd_per_day"), "day_rate_usd", "grade", "graded",
    ).sort("at", "contract", "rental_class")  # fmt: skip
