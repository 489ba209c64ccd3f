"""What is each unit: its class, store, worth, state? From the item master, else from its own scans. Pure."""

import polars as pl

from rfid3_shared.item_life.sightings import bare, test_classes, translated
from rfid3_shared.item_life.sources import Sources
from rfid3_shared.source.stores import place
from rfid3_shared.source.vocabulary import (
    Bin,
    Condition,
    category_name,
    condition,
    grade_score,
)

WRITTEN_OFF = (Bin.SOLD.value, Bin.BURST.value)
"""Bins of units that are no longer there, whatever their status says."""


def master(sources: Sources) -> tuple[pl.DataFrame, dict[str, int]]:
    """The item master's scanned units, one row a trimmed tag, in words we know; and what was read and left out.

    Columns: those of TAGS with grade for quality, status and condition null where the word is unknown, and bin_location bared.
    """
    text = ("rental_class", "name", "quality", "bin_location", "status", "last_contract", "current_store", "home_store")
    tags = sources.tags.with_columns(pl.col("tag_id").str.strip_chars(), *(bare(pl.col(name)) for name in text))
    real = tags.filter((pl.col("tag_id") != "") & pl.col("rental_class").is_not_null())
    real = real.filter(~pl.col("rental_class").is_in(test_classes(sources)))
    single = real.unique("tag_id", keep="last", maintain_order=True)
    named = single.with_columns(
        condition=translated(pl.col("status"), single["status"], lambda word: _known(condition(word)), pl.String),
        grade=translated(pl.col("quality"), single["quality"], grade_score, pl.Int64),
    )
    counts = {
        "items": len(tags), "items_test_or_blank": len(tags) - len(real), "items_twice": len(real) - len(single),
        "items_unknown_status": int((named["status"].is_not_null() & named["condition"].is_null()).sum()),
        "items_unknown_grade": int((named["quality"].is_not_null() & named["grade"].is_null()).sum()),
    }  # fmt: skip
    return named.with_columns(status=pl.when(pl.col("condition").is_not_null()).then("status")).drop("quality"), counts


def units(master: pl.DataFrame, scans: pl.DataFrame, sources: Sources) -> pl.DataFrame:
    """Every unit that the item master lists or that was scanned under a class: `Life.units` without what its life tells.

    first_seen and scanned_last are those of scans; last_seen also counts the item master's own last scan. written_off: its bin
    says that it is no longer there.
    """
    seen = scans.group_by("tag_id").agg(
        first_seen=pl.col("at").min(), scanned_last=pl.col("at").max(), _class=pl.col("rental_class").drop_nulls().last()
    )  # fmt: skip
    every = master.with_columns(listed=pl.lit(True)).join(seen, on="tag_id", how="full", coalesce=True).with_columns(
        pl.col("listed").fill_null(False), rental_class=pl.coalesce("rental_class", "_class"),
        last_seen=pl.max_horizontal("scanned_last", "scanned_at"),
    ).drop("_class")  # fmt: skip
    every = every.join(sources.classes.unique("rental_class", keep="last"), on="rental_class", how="left")
    every = every.join(
        sources.contracts.unique("contract", keep="none"), left_on="last_contract", right_on="contract", how="left"
    )
    every = place(every, sources.class_stores, sources.store_codes).drop("store_rule", "promised_at")
    rack = pl.col("bin_location")
    # a unit of the fleet that stands on a rack is rented whatever its class is mostly kept for
    for_sale = (rack == Bin.RESALE.value).fill_null(False) | (
        pl.col("resale").fill_null(False) & (rack.is_null() | rack.is_in(WRITTEN_OFF))
    )
    return every.with_columns(
        name=pl.coalesce("class_name", "name"), for_sale=for_sale, pack=(rack == Bin.PACK.value).fill_null(False),
        written_off=rack.is_in(WRITTEN_OFF).fill_null(False),
        category=translated(pl.col("category"), every["category"], category_name, pl.String),
    ).drop("class_name", "resale", "bin_location").sort("tag_id")  # fmt: skip


def _known(word: Condition | None) -> str | None:
    return None if word in (None, Condition.UNKNOWN) else str(word)
