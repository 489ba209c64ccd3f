"""What was known of each unit at any moment? The features of `definitions.ITEM` from rebuilt lives, point in time. Pure."""

from collections.abc import Mapping
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from rfid3_shared.feature_store.compute import Facts
from rfid3_shared.feature_store.frames import frame
from rfid3_shared.item_life.definitions import ITEM
from rfid3_shared.item_life.life import Life

STATICS = ("rental_class", "category", "subcategory", "store", "name", "for_sale", "purchase_usd", "day_rate_usd", "rental_usd")
"""What a unit is, whatever has happened to it. (A store that RFID3 changes is that of today: RFID3 keeps no history of it.)"""


def facts_of(life: Life) -> Mapping[str, Facts]:
    """Dated facts of every kind that `ITEM` names; an absence counts from the moment on at which it was known to be over."""
    over, defects = life.absences, life.faults.select("tag_id", "defects_at").explode("defects_at").drop_nulls()
    made = pl.coalesce("created_at", "first_seen")
    return {
        "rentals": _facts(life.stays, "begun_at"),
        "absences": _facts(over, "known_at", "days"),
        "rain": _facts(over, "known_at", "rain_in"),
        "rain_unknown": _facts(over.filter(pl.col("rain_in").is_null()), "known_at"),
        "meters": _facts(over, "known_at", "meter_hours"),
        "washes": _facts(life.steps.filter(pl.col("kind") == "wash"), "begun_at"),
        "repairs": _facts(life.faults.filter(pl.col("kind") == "repair"), "at"),
        "cleanings": _facts(life.faults.filter(pl.col("kind") == "cleaning"), "at"),
        "inspections": _facts(life.inspections, "at"),
        "defects": _facts(defects, "defects_at"),
        "services": _facts(life.services, "at"),
        "grades": _facts(life.grades, "at", "grade"),
        "first_seen": _facts(life.units.select("tag_id", at=made), "at"),
        "sightings": _facts(life.sightings, "at"),
    }


def item_frame(
    life: Life, asked: pl.DataFrame, zone: ZoneInfo, *, facts: Mapping[str, Facts] | None = None
) -> pl.DataFrame:  # fmt: skip
    """One row for each row asked for, in its order: tag_id, at, the features of ITEM, and STATICS.

    asked: tag_id, at (naive shop time in `zone`). Nothing after a row's moment is in it. Null is what nobody knew: times since what never
    happened, rain where the weather of a day out is not known, hours of a unit whose meter was never read. A unit that nobody knows has
    counts of 0 and null otherwise. facts: those of `facts_of(life)`, where many frames are asked for one after the other.
    """
    if facts is None:
        facts = facts_of(life)
    found = frame(ITEM, facts, asked.select(entity="tag_id", at="at"), (), zone).rename({"entity": "tag_id"})
    found = found.with_columns(
        rain_in_total=pl.when(pl.col("rain_unknown_total") == 0).then("rain_in_total"),
        meter_hours_total=pl.when(pl.col("meters_total") > 0).then("meter_hours_total"),
    )
    return found.join(life.units.select("tag_id", *STATICS), on="tag_id", how="left", maintain_order="left")


def _facts(rows: pl.DataFrame, at: str, amount: str | None = None) -> Facts:
    """The rows with a time (and amount) as facts; an amount of 1 where none is named."""
    known = rows.filter(pl.col(at).is_not_null() & (pl.col(amount).is_not_null() if amount else pl.lit(True)))
    amounts = known[amount].cast(pl.Float64).to_numpy() if amount else np.ones(len(known))
    return Facts(known["tag_id"].to_numpy(), known[at].cast(pl.Datetime("ms")).to_numpy().astype("datetime64[s]"), amounts)
