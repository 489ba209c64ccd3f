"""Which units are there to rent, and which of them are out or being turned around? RFID3's item master and what was scanned since.

Pure. The rule of `movements.select_fleet`; a tag's status, bin and last contract are those of its latest scan that RFID3 has not
written yet, unless the item master has learned of a later one. A scan without a status says one all the same: what leaves is On Rent,
what comes back is Ready to Rent; a mere sighting changes nothing.
"""

import polars as pl

from rfid3_shared.source.vocabulary import (
    BACK_SCAN_TYPES,
    BUSY_STATUSES,
    GONE_STATUSES,
    NOT_RENTED_BINS,
    OUT_SCAN_TYPES,
)

SAID = {"status": "status", "bin_location": "bin_location", "last_contract": "contract_number"}
"""Column of the tag → column of the scan that changes it."""
BEFORE_ALL = pl.lit("0001-01-01").str.to_datetime(time_unit="us")


def units(tags: pl.DataFrame, scans: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """Units that can be rented, one row each: tag_id, rental_class, last_contract, current_store, home_store, busy (bool).

    tags: rows of the item master (TAGS). scans: RFID3's scans of the last weeks (SCANS), by which the item master's news are dated.
    new: scans that RFID3 has not written.
    """
    told, news = told_by(scans), told_by(new)
    one = _one_row_a_tag(tags)
    for name in SAID:
        one = _overlaid(one, told, news, name)
    kept = one.filter(
        pl.col("status").is_null() | ~pl.col("status").is_in(GONE_STATUSES),
        pl.col("bin_location").is_null() | ~pl.col("bin_location").is_in(NOT_RENTED_BINS),
    )
    return kept.select(
        "tag_id", "rental_class", "last_contract", "current_store", "home_store",
        busy=pl.col("status").is_in(BUSY_STATUSES).fill_null(False),
    )  # fmt: skip


def told_by(scans: pl.DataFrame) -> pl.DataFrame:
    """What each scan says of its unit: tag_id, scan_date, arrival, and the columns of SAID, null where it says nothing."""
    implied = (
        pl.when(pl.col("scan_type").is_in(OUT_SCAN_TYPES)).then(pl.lit("On Rent"))
        .when(pl.col("scan_type").is_in(BACK_SCAN_TYPES)).then(pl.lit("Ready to Rent"))
    )  # fmt: skip
    return scans.select(
        "tag_id", "scan_date", "arrival", status=pl.coalesce("status", implied), bin_location="bin_location",
        last_contract="contract_number",
    )  # fmt: skip


def _one_row_a_tag(tags: pl.DataFrame) -> pl.DataFrame:
    """The largest word of each column where a tag is written in two ways, as SQL says it; without those that have no class."""
    trimmed = tags.filter(pl.col("rental_class").is_not_null()).with_columns(
        pl.col("tag_id").str.strip_chars(" "), pl.col("rental_class").str.strip_chars(" ").replace("", None)
    )
    return trimmed.group_by("tag_id").agg(pl.all().max()).filter(pl.col("rental_class").is_not_null())


def _overlaid(tags: pl.DataFrame, told: pl.DataFrame, news: pl.DataFrame, name: str) -> pl.DataFrame:
    """The tags with one column as the latest of item master and new scans say it."""
    saying = pl.col(name).is_not_null()
    # the scan that the item master dates from may not have spoken of this column: then its word is older
    dated = told.group_by("tag_id").agg(
        pl.col("scan_date").filter(saying).max().alias("_said_at"), pl.col("scan_date").alias("_scans")
    )
    latest = news.filter(saying).sort("scan_date", "arrival").group_by("tag_id").agg(
        pl.col("scan_date").last().alias("_new_at"), pl.col(name).last().alias("_new")
    )  # fmt: skip
    joined = tags.join(dated, on="tag_id", how="left").join(latest, on="tag_id", how="left")
    seen_then = pl.col("_scans").list.contains(pl.col("date_last_scanned")).fill_null(False)
    known_at = pl.when(seen_then).then(pl.col("_said_at")).otherwise(pl.col("date_last_scanned"))
    newer = pl.col("_new_at") >= known_at.fill_null(BEFORE_ALL)
    changed = pl.when(newer.fill_null(False)).then(pl.col("_new")).otherwise(pl.col(name))
    return joined.with_columns(changed.alias(name)).drop("_said_at", "_scans", "_new_at", "_new")
