"""Where was each unit between its departures? From scans: out on a day, surely home again by another, and from which shelf next.

A spell is the time from one departure of a tag to its next one (the first spell of a tag has no departure before it, the last none
after it). A unit stands on the shelf it next leaves from; after its last departure on the one it left from.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from rfid3_shared.source.vocabulary import OUT_STATUSES

NEVER = -1
HOUR_S = 3600


@dataclass(frozen=True)
class Sources:
    """What the source tells about units.

    departures: tag_id, rental_class, store, contract, left_at. sightings: tag_id, seen_at, back (whether the scan is a return),
    status. tags: tag_id, rental_class, store, gone (sold or missing), for_sale (leaves for good), since (date the unit was entered,
    or null).
    """

    departures: pl.DataFrame
    sightings: pl.DataFrame
    tags: pl.DataFrame


@dataclass(frozen=True)
class Spells:
    """One row a spell; days count from the first day of the span.

    series: of the shelf on which the unit stands at the spell's end. out_day: when it left before, NEVER for a first spell.
    out_weekday, contract: of that departure. known_day: first day on which it is known to be home (its next departure, or a scan),
    `days` when it never is. returned: known_day is that of a return scan. touched: of another sighting. left_day: next departure,
    `days` when there is none. gone: sold or missing, and this its last spell: it left the shelf nobody knows when, and counts as not there.
    """

    series: np.ndarray
    out_day: np.ndarray
    contract: np.ndarray
    known_day: np.ndarray
    returned: np.ndarray
    touched: np.ndarray
    left_day: np.ndarray
    gone: np.ndarray


def series_of(sources: Sources) -> pl.DataFrame:
    """The shelves: rental_class, store, series (0, 1, …), sorted; those of rented goods from which anything ever left.

    Classes mostly for sale are left out: their shelves are filled up from outside, and nobody scans when.
    """
    sold = sources.tags.group_by("rental_class").agg(pl.col("for_sale").mean()).filter(pl.col("for_sale") >= 0.5)
    rented = sources.departures.filter(pl.col("rental_class").is_not_null()).join(sold, on="rental_class", how="anti")
    return rented.select("rental_class", "store").unique().sort("rental_class", "store").with_row_index("series")


def spells(sources: Sources, shelves: pl.DataFrame, first: date, days: int) -> Spells:
    """Every spell of every unit that belongs to one of the shelves."""
    left = _departures(sources.departures, shelves, first)
    after = _with_next_sighting(left, sources.sightings, first)
    start = _first_spells(left, sources, shelves, first)
    both = pl.concat([start, after], how="diagonal_relaxed").sort("tag_id", "out_day")
    gone = sources.tags.filter(pl.col("gone") | pl.col("for_sale")).select("tag_id", gone=pl.lit(True))
    both = both.join(gone, on="tag_id", how="left", maintain_order="left").with_columns(pl.col("gone").fill_null(False))
    at = {name: both[name].to_numpy() for name in ("out_day", "contract_code", "series")}
    left_day = both["left_day"].fill_null(days).to_numpy()
    seen_day = both["seen_day"].fill_null(days).to_numpy()
    known = np.minimum(np.minimum(left_day, seen_day), days)
    seen_first = (seen_day < days) & (seen_day <= left_day)
    returned = seen_first & both["back"].fill_null(False).to_numpy()
    return Spells(
        series=at["series"].astype(np.int64), out_day=at["out_day"].astype(np.int64), contract=at["contract_code"].astype(np.int64),
        known_day=known.astype(np.int64), returned=returned, touched=seen_first & ~returned, left_day=left_day.astype(np.int64),
        gone=both["gone"].to_numpy() & (left_day == days),
    )  # fmt: skip


def _day(column: str, first: date) -> pl.Expr:
    return (pl.col(column).dt.date() - pl.lit(first)).dt.total_days().cast(pl.Int64)


def _departures(departures: pl.DataFrame, shelves: pl.DataFrame, first: date) -> pl.DataFrame:
    """Departures in the order of tags and time, with the next one's day and shelf."""
    placed = departures.join(shelves.cast({"series": pl.Int64}), on=["rental_class", "store"]).sort("tag_id", "left_at")
    return placed.select(
        "tag_id", "left_at", out_day=_day("left_at", first),
        # a departure without a contract has no company
        contract_code=pl.coalesce("contract", pl.concat_str("tag_id", pl.col("left_at").cast(pl.String))).rank("dense").cast(pl.Int64),
        left_day=_day("left_at", first).shift(-1).over("tag_id"),
        left_next=pl.col("left_at").shift(-1).over("tag_id"),
        own=pl.col("series"),
        series=pl.coalesce(pl.col("series").shift(-1).over("tag_id"), pl.col("series")),
    )  # fmt: skip


def _with_next_sighting(left: pl.DataFrame, sightings: pl.DataFrame, first: date) -> pl.DataFrame:
    """The first scan that shows the unit home after each departure: a return, or a sighting an hour or more later."""
    home = sightings.filter(~pl.col("status").is_in(OUT_STATUSES).fill_null(False)).sort("seen_at")
    found = []
    for back, wait_s in ((True, 0), (False, HOUR_S)):
        kind = home.filter(pl.col("back") == back).select("tag_id", "seen_at")
        asked = left.select("tag_id", "left_at", looked_at=pl.col("left_at") + pl.duration(seconds=wait_s)).sort("looked_at")
        found.append(
            asked.join_asof(
                kind, left_on="looked_at", right_on="seen_at", by="tag_id", strategy="forward", allow_exact_matches=False,
                check_sortedness=False,
            ).select("tag_id", "left_at", pl.col("seen_at").alias("back_at" if back else "touch_at"))
        )  # fmt: skip
    both = left.join(found[0], on=["tag_id", "left_at"], how="left").join(found[1], on=["tag_id", "left_at"], how="left")
    seen = both.with_columns(seen_at=pl.min_horizontal("back_at", "touch_at"))
    seen = seen.with_columns(
        seen_at=pl.when(pl.col("left_next").is_null() | (pl.col("seen_at") <= pl.col("left_next"))).then("seen_at")
    )
    return seen.select(
        "tag_id", "out_day", "contract_code", "left_day", "series", seen_day=_day("seen_at", first),
        back=(pl.col("seen_at") == pl.col("back_at")).fill_null(False),
    )  # fmt: skip


def _first_spells(left: pl.DataFrame, sources: Sources, shelves: pl.DataFrame, first: date) -> pl.DataFrame:
    """From the unit's first day in the company to its first departure: home all the time.

    Where nobody wrote down when a unit came, it was there from the beginning: a shelf is rather taken for fuller than it was.
    """
    since = sources.tags.select("tag_id", "since")
    begun = (
        left.group_by("tag_id").agg(left_day=pl.col("out_day").min(), series=pl.col("own").sort_by("left_at").first())
        .join(since, on="tag_id", how="left")
    )  # fmt: skip
    idle = (
        sources.tags.filter(~pl.col("gone") & ~pl.col("for_sale")).join(left.select("tag_id").unique(), on="tag_id", how="anti")
        .join(shelves.cast({"series": pl.Int64}), on=["rental_class", "store"])
        .select("tag_id", "series", "since", left_day=pl.lit(None, pl.Int64))
    )  # fmt: skip
    came = (pl.col("since") - pl.lit(first)).dt.total_days().cast(pl.Int64).fill_null(0).clip(0)
    return pl.concat([begun, idle], how="diagonal_relaxed").select(
        "tag_id", "series", "left_day", seen_day=pl.min_horizontal(came, "left_day"), back=pl.lit(True),
        out_day=pl.lit(NEVER, pl.Int64), contract_code=pl.lit(NEVER, pl.Int64),
    )  # fmt: skip
