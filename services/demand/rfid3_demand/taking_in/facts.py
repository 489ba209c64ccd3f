"""What has left, come back, stands in the shop and is booked, dated and in its store? The facts features are computed from. Pure.

An entity is a class in a store (`present.definitions.entity`). Units are placed as `movements` places them: by the tag's own store,
else the contract's, else the class's. From the week of its first scan on a class is counted by scans; before, and where it is never
scanned, by its POS lines, as `features.weekly_units` counts what training learns from.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from rfid3_demand.taking_in import fleet, joining
from rfid3_demand.taking_in.shapes import CONTRACTS, EVENT_LINES, LINES, SCANS, TAGS, Rows, day_end, frame
from rfid3_shared.clock import week_start
from rfid3_shared.source.departures import departures, returns
from rfid3_shared.source.stores import UNASSIGNED, place, with_store_ids
from rfid3_shared.source.vocabulary import CANCELLED_WORDS, NOT_LEFT_WORDS

KEYS = ["rental_class", "store"]
CODES = ["current_store", "home_store"]


@dataclass(frozen=True)
class Reference:
    """What changes rarely: codes (POS code → store id), class_stores (class → store of its POS item), tests (classes typed in to try the
    system), scanned (classes with out scans before the weeks that are read), classes (every class the source names)."""

    codes: Mapping[str, str]
    class_stores: Mapping[str, str]
    tests: frozenset[str]
    scanned: frozenset[str]
    classes: frozenset[str]


@dataclass(frozen=True)
class Dated:
    """Facts of each kind, by name: frames of rental_class, store, at, amount; no frame where nothing can be known."""

    moment: datetime
    kinds: Mapping[str, pl.DataFrame]


def dated_facts(rows: Rows, known: Reference, moment: datetime, classes: frozenset[str] | None = None) -> Dated:
    """The facts of these classes (of all without any named) as they are known at `moment` (naive shop time)."""
    scans, new = frame(rows.scans, SCANS), joining.new_scans(frame(rows.scans, SCANS), frame(rows.event_scans, SCANS))
    tags, event_lines = frame(rows.tags, TAGS), frame(rows.event_lines, EVENT_LINES)
    contracts = joining.all_contracts(frame(rows.contracts, CONTRACTS), event_lines)
    lines = joining.all_lines(frame(rows.lines, LINES), event_lines).join(contracts, on="contract_no")
    stores = joining.contract_stores(contracts)
    every = pl.concat([scans, new])
    left, back = (_in_stores(_of_tags(rule(every), tags), stores, known) for rule in (departures, returns))
    left, back = (moved.filter(~pl.col("rental_class").is_in(known.tests)) for moved in (left, back))
    there = _in_stores(fleet.units(tags, scans, new).rename({"last_contract": "contract_number"}), stores, known)
    kinds = {
        "departures": _by_origin(left, _posted(lines, known), known, moment), "returns": _counted(back),
        "fleet": _at(there.group_by(KEYS).agg(amount=pl.len().cast(pl.Float64)), moment),
        "unavailable": _at(there.group_by(KEYS).agg(amount=pl.col("busy").sum().cast(pl.Float64)), moment),
    }  # fmt: skip
    if rows.booked_ahead or _any_ahead(contracts, moment):
        kinds["booked"] = _at(_booked(lines, known, moment), moment)
    if classes is not None:
        kinds = {name: each.filter(pl.col("rental_class").is_in(classes)) for name, each in kinds.items()}
    return Dated(moment, kinds)


def _of_tags(scans: pl.DataFrame, tags: pl.DataFrame) -> pl.DataFrame:
    """Scans with class and store codes: their own class, else the tag's; of the tag as it is written, else with a blank before it."""
    own = tags.select("tag_id", _class="rental_class", **{name: pl.col(name) for name in CODES}).unique("tag_id", keep="any")
    blank = own.filter(pl.col("tag_id").str.starts_with(" ")).with_columns(pl.col("tag_id").str.slice(1))
    joined = scans.join(own, on="tag_id", how="left").join(blank, on="tag_id", how="left", suffix="_blank")
    return joined.select(
        "tag_id", "scan_date", "contract_number", rental_class=pl.coalesce("rental_class", "_class", "_class_blank"),
        **{name: pl.coalesce(name, f"{name}_blank") for name in CODES},
    ).filter(pl.col("rental_class").is_not_null())  # fmt: skip


def _in_stores(units: pl.DataFrame, contract_stores: pl.DataFrame, known: Reference) -> pl.DataFrame:
    joined = units.join(contract_stores, left_on="contract_number", right_on="contract_no", how="left")
    return place(joined, known.class_stores, known.codes)


def _counted(moved: pl.DataFrame) -> pl.DataFrame:
    return moved.select(*KEYS, at="scan_date", amount=pl.lit(1.0))


def _at(amounts: pl.DataFrame, moment: datetime) -> pl.DataFrame:
    """Amounts of the moment, as facts that were found at it."""
    return amounts.select(*KEYS, at=pl.lit(moment, pl.Datetime("us")), amount="amount")


def _in_pos_stores(lines: pl.DataFrame, known: Reference) -> pl.DataFrame:
    """POS lines with RFID3's store id; `000` where the POS's code is none."""
    placed = with_store_ids(lines, ["store_no"], known.codes)
    return placed.with_columns(store=pl.col("store_no").fill_null(UNASSIGNED))


def _posted(lines: pl.DataFrame, known: Reference) -> pl.DataFrame:
    """Units on lines of contracts whose goods left: delivered, else promised, else on the contract's own date."""
    out = lines.filter(
        pl.col("status").is_null() | ~pl.col("status").is_in(NOT_LEFT_WORDS), pl.col("rental_class").is_not_null(),
        ~pl.col("rental_class").is_in(known.tests),
    ).with_columns(at=pl.coalesce("delivered", "promised", "contract_date"))  # fmt: skip
    placed = _in_pos_stores(out.filter(pl.col("at").is_not_null()), known)
    return placed.select(*KEYS, "at", amount=pl.col("qty").fill_null(1).cast(pl.Float64))


def _by_origin(left: pl.DataFrame, posted: pl.DataFrame, known: Reference, moment: datetime) -> pl.DataFrame:
    """Scans, and POS lines of the weeks before the class's first scan."""
    by_scan = _counted(left)
    week = pl.col("at").dt.truncate("1w")
    first = by_scan.filter(pl.col("at") <= moment).group_by("rental_class").agg(week.min().alias("_scanned_from"))
    before = (
        posted.filter(~pl.col("rental_class").is_in(known.scanned))
        .join(first, on="rental_class", how="left")
        .filter(pl.col("_scanned_from").is_null() | (week < pl.col("_scanned_from")))
        .drop("_scanned_from")
    )
    return pl.concat([by_scan, before])


def _booked(lines: pl.DataFrame, known: Reference, moment: datetime) -> pl.DataFrame:
    """Units on contracts written by the end of the moment's day and promised for its week; neither cancelled nor a quote."""
    monday = datetime.combine(week_start(moment.date()), datetime.min.time())
    promised = lines.filter(
        pl.col("promised") >= monday, pl.col("promised") < monday + timedelta(days=7), pl.col("contract_date") <= day_end(moment),
        _binding(),
        pl.col("rental_class").is_not_null(),
    )  # fmt: skip
    return _in_pos_stores(promised, known).group_by(KEYS).agg(amount=pl.col("qty").fill_null(1).sum().cast(pl.Float64))


def _binding() -> pl.Expr:
    return pl.col("status").is_null() | ~pl.col("status").is_in((*CANCELLED_WORDS, "Quote"))


def _any_ahead(contracts: pl.DataFrame, moment: datetime) -> bool:
    """Whether anything is booked for after the moment's day; where nothing is, bookings tell nothing."""
    known_at = day_end(moment)
    ahead = contracts.filter(pl.col("promised") > known_at, pl.col("contract_date") <= known_at, _binding())
    return not ahead.is_empty()
