"""What does each scan tell, in words the suite knows? What it does not know is left out and counted. Pure."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import polars as pl

from rfid3_shared.item_life.sources import Sources
from rfid3_shared.source.vocabulary import (
    EMPTY_WORDS,
    Condition,
    Movement,
    condition,
    grade_score,
    is_test_category,
    movement,
)

EARLIEST = datetime.fromisoformat("1990-01-01")
"""No shop scanned tags before: a time before it is a clock that was never set."""
SHOP_KINDS = {"Needs to be Inspected": "inspect", "Wet": "wet", "Wash": "wash", "Repair": "repair"}
"""What is done with a unit of each status of vocabulary.TURNAROUND_STATUSES."""
SAME = ("tag_id", "scan_type", "at", "contract_number", "status", "quality", "flags")
_DROPPED = ("no_tag", "no_time", "time_in_the_future", "time_before_1990", "unknown_scan_type", "test_rows", "unknown_tag")


def translated(column: pl.Expr, words: pl.Series, meaning: Callable[[str | None], Any], dtype: Any) -> pl.Expr:
    """The column with every word replaced by what it means; `words` are those that occur."""
    table = {word: meaning(word) for word in words.drop_nulls().unique().to_list()}
    return column.replace_strict(list(table), list(table.values()), default=None, return_dtype=dtype)


def bare(column: pl.Expr) -> pl.Expr:
    """Text without blanks around it; null where it says nothing."""
    text = column.str.strip_chars()
    return pl.when(~text.is_in(sorted(EMPTY_WORDS))).then(text)


def test_classes(sources: Sources) -> list[str]:
    """Rental classes that were typed in to try the system."""
    rows = sources.classes.select("rental_class", "category").iter_rows()
    return [number for number, category in rows if is_test_category(category)]


def sightings(sources: Sources, listed: pl.Series) -> tuple[pl.DataFrame, dict[str, int]]:
    """The scans that can be believed, by tag, time and arrival; and what was read and left out.

    listed: tags of the item master. A tag that is not listed counts when one of its scans names a class that RFID3 knows; otherwise
    nobody knows what it is. Columns: tag_id, at, arrival, scan_type, move (out, back or seen), condition, status, shop (kind of work, or
    null), grade, contract_number, rental_class, flags. Unknown statuses and grades are null; equal scans of one second are one.
    """
    raw = sources.scans.select(
        pl.col("tag_id").str.strip_chars(),
        *(bare(pl.col(name)) for name in ("scan_type", "status", "quality", "contract_number", "rental_class")),
        at="scan_date",
        arrival="id",
        flags=pl.col("flags").fill_null(0),
    )
    scans = raw.with_columns(
        move=translated(pl.col("scan_type"), raw["scan_type"], lambda word: _value(movement(word)), pl.String),
        condition=translated(pl.col("status"), raw["status"], lambda word: _value(condition(word)), pl.String),
        grade=translated(pl.col("quality"), raw["quality"], grade_score, pl.Int64),
    )
    classed = scans.filter(pl.col("rental_class").is_in(sources.classes["rental_class"].implode()))["tag_id"].unique()
    why = _why(sources.until, test_classes(sources), pl.concat([listed, classed]).unique())
    scans = scans.with_columns(why=why)
    kept = scans.filter(pl.col("why").is_null()).drop("why")
    # the last of a second counts, as in the rule of departures
    single = kept.unique(SAME, keep="last", maintain_order=True)
    told = scans["why"].value_counts()
    counts = {"scans": len(raw)} | dict.fromkeys(_DROPPED, 0) | {str(word): int(n) for word, n in told.iter_rows() if word}
    counts["repeated_in_one_second"] = len(kept) - len(single)
    unknown = single["condition"] == Condition.UNKNOWN.value
    counts["unknown_status"] = int(unknown.fill_null(False).sum())
    counts["unknown_grade"] = int((single["quality"].is_not_null() & single["grade"].is_null()).sum())
    strange = pl.col("condition") == Condition.UNKNOWN.value
    known = single.with_columns(pl.when(~strange).then(name).alias(name) for name in ("status", "condition")).with_columns(
        shop=pl.col("status").replace_strict(SHOP_KINDS, default=None, return_dtype=pl.String)
    )
    return known.drop("quality").sort("tag_id", "at", "arrival"), counts


def reported(sources: Sources, known: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, int]]:
    """Reported events and inspections of units that are known, and how many were left out.

    Columns: those of `sources`, the inspection's grade as 0 … 10. known: tags that have a life.
    """
    kept: list[pl.DataFrame] = []
    counts: dict[str, int] = {}
    for name, frame in (("reports", sources.events), ("inspections", sources.inspections)):
        bared = frame.with_columns(pl.col("tag_id").str.strip_chars())
        mine = bared.filter(pl.col("tag_id").is_in(known.implode()) & pl.col("at").is_between(EARLIEST, sources.until))
        counts |= {name: len(frame), f"{name}_left_out": len(frame) - len(mine)}
        kept.append(mine.sort("tag_id", "at"))
    inspected = kept[1].with_columns(grade=translated(pl.col("grade"), kept[1]["grade"], grade_score, pl.Int64))
    return kept[0], inspected, counts


def _why(until: datetime, tests: list[str], known: pl.Series) -> pl.Expr:
    """Why a scan is left out; null for one that is believed."""
    return (
        pl.when(pl.col("tag_id").fill_null("") == "").then(pl.lit("no_tag"))
        .when(pl.col("at").is_null()).then(pl.lit("no_time"))
        .when(pl.col("at") > until).then(pl.lit("time_in_the_future"))
        .when(pl.col("at") < EARLIEST).then(pl.lit("time_before_1990"))
        .when(pl.col("move").is_null() | (pl.col("move") == Movement.UNKNOWN.value)).then(pl.lit("unknown_scan_type"))
        .when(pl.col("rental_class").is_in(tests)).then(pl.lit("test_rows"))
        .when(~pl.col("tag_id").is_in(known.implode())).then(pl.lit("unknown_tag"))
    )  # fmt: skip


def _value(word: Movement | Condition | None) -> str | None:
    return None if word is None else word.value
