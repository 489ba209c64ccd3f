"""What does the source say about the past? Reads everything training needs and puts it in the shapes of `features`.

I/O at the edge: queries in, one frozen `History` out; from there on training is pure.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_demand import censoring, contract_queries, events, features, queries, rates
from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.source import movements, stores, vocabulary
from rfid3_shared.source.business_day import business_day

EXTERNAL_AHEAD_DAYS = 7 * 61
"""Days beyond the data for which outside series are read: the longest horizon, and the week in progress."""


@dataclass(frozen=True)
class History:
    """The past as training sees it."""

    span: queries.Span
    units: pl.DataFrame
    """rental_class, store, week, units, origin; the week in progress included."""
    begun: pl.DataFrame
    """rental_class, first_week."""
    classes: pl.DataFrame
    """rental_class, name, category, subcategory."""
    categories: list[str]
    fleet: pl.DataFrame
    """rental_class, store, units, unavailable."""
    inferred: pl.DataFrame
    """rental_class, store, inferred: units whose store was inferred from their class."""
    gaps_days: list[float]
    unit_rates: dict[str, float]
    external: pl.DataFrame
    """Outside series by day: date, factor_type, factor_name, value, is_forecast; days to come where they are known."""
    booked: pl.DataFrame
    """Units on contracts by what was known when: rental_class, store, leaves, written, closed, cancelled, reserved, units."""
    contracts: pl.DataFrame
    """contract, store, day (of its first unit leaving), units, classes."""
    stores: dict[str, str]
    store_aliases: dict[str, str]
    weekday_shares: list[float]
    """Share of a week's units that leave on each weekday, Monday first."""
    hour_shares: list[float]
    """Share of a day's units that leave in each hour of the shop."""
    counts: dict[str, int]
    refused: pl.DataFrame
    """Estimated demand that met an empty shelf, as `censoring.Refused.weeks`; no rows where that is not wanted."""


@dataclass(frozen=True)
class Weekly:
    """What left the shop week by week, and what classes are called."""

    span: queries.Span
    units: pl.DataFrame
    """rental_class, store, week, units, origin; the week in progress included."""
    classes: pl.DataFrame
    """rental_class, name, category, subcategory."""
    daily: pl.DataFrame
    """Departures by scans: rental_class, store, store_rule, store_inferred, day, units."""
    posted: pl.DataFrame
    """Units on POS lines: rental_class, store, day, units."""
    codes: dict[str, str]
    """POS store code → RFID3 store id."""
    counts: dict[str, int]
    today: date
    """The shop's business day."""


async def weekly(connection: AsyncConnection, clock: Clock, history_days: int) -> Weekly:
    """Units by week over the last `history_days` days, counted as training and scoring both count them.

    Raises InsufficientData when the source says nothing about units leaving.
    """
    today = await business_day(connection, clock)
    span = await queries.known_span(connection, today)
    first = max(span.first, span.last - timedelta(days=history_days))
    since, until = (datetime.combine(day, datetime.min.time()) for day in (first, span.last + timedelta(days=1)))
    daily = await movements.load_daily_departures(connection, since, until)
    codes = await movements.load_store_codes(connection)
    posted = _placed(await queries.load_posted(connection, since, until), codes)
    classes, tests = _classes(await queries.load_classes(connection))
    unknown_class = int(daily.filter(pl.col("rental_class").is_null())["units"].sum())
    daily = daily.filter(pl.col("rental_class").is_not_null())
    daily, posted = (frame.join(tests, on="rental_class", how="anti") for frame in (daily, posted))
    units = features.weekly_units(_weekly(daily), _weekly(posted))
    by_origin = dict(units.group_by("origin").agg(pl.col("units").sum()).iter_rows())
    counts = {
        "units_by_scans": int(by_origin.get("scan", 0)), "units_by_pos_lines": int(by_origin.get("pos", 0)),
        "units_without_class": unknown_class, "test_classes": tests.height,
    }  # fmt: skip
    return Weekly(queries.Span(first, span.last), units, classes, daily, posted, codes, counts, today)


async def refused(connection: AsyncConnection, past: Weekly) -> pl.DataFrame:
    """Estimated demand that met an empty shelf: rental_class, store, week, units, error, empty; from scans alone.

    Classes without tags have no rows: of them nobody knows how many there were to leave.
    """
    since, until = (datetime.combine(day, datetime.min.time()) for day in (past.span.first, past.span.last + timedelta(days=1)))
    departures = await movements.load_departures(connection, since, until)
    sources = censoring.Sources(
        departures=departures.join(past.daily.select("rental_class").unique(), on="rental_class", how="semi"),
        sightings=await movements.load_sightings(connection, since, until), tags=await movements.load_tags(connection),
    )  # fmt: skip
    category = past.classes.filter(pl.col("category").is_not_null()).select("rental_class", "category")
    return censoring.refused_demand(sources, dict(category.iter_rows()), past.span.first, past.span.last).weeks


async def read(
    source: AsyncEngine, clock: Clock, history_days: int, *, uncensor: bool = True, store: AsyncEngine | None = None
) -> History:
    """Everything about the last `history_days` days.

    uncensor: whether to estimate the demand behind empty shelves. store: where the suite keeps outside factors of its own; without
    it RFID3's alone are read.

    Raises InsufficientData when the source says nothing about units leaving.
    """
    async with transaction(source) as connection:
        past = await weekly(connection, clock, history_days)
        since = datetime.combine(past.span.first, datetime.min.time())
        first_seen = await queries.load_first_seen(connection)
        fleet = await movements.load_fleet(connection)
        gaps_days = await queries.load_gaps_days(connection, since)
        hours = await queries.load_hour_counts(connection, since, datetime.combine(past.span.last, datetime.max.time()))
        unit_rates = rates.unit_rates(await queries.load_line_prices(connection), await queries.load_rates(connection))
        external = await _external(connection, store, past.span)
        contracts = await contracts_of(connection, past, since)
        booked = await contract_queries.load_booked(connection, since, datetime.combine(past.span.last, datetime.max.time()))
        missed = await refused(connection, past) if uncensor else pl.DataFrame(schema=censoring.SCHEMA)
        known = {number: name for _, number, name in await queries.load_stores(connection)}
    named = {number: known.get(number) or stores.STORE_NAMES.get(number, number) for number in past.codes.values()}
    inferred = past.daily.filter("store_inferred").group_by("rental_class", "store")
    return History(
        span=past.span, units=past.units, begun=_begun(past.units, first_seen), classes=past.classes,
        categories=sorted(past.classes["category"].drop_nulls().unique().to_list()),
        fleet=fleet.group_by("rental_class", "store").agg(pl.col("units", "unavailable").sum()),
        inferred=inferred.agg(pl.col("units").sum().alias("inferred")),
        gaps_days=gaps_days, unit_rates=unit_rates, external=external,
        booked=_in_stores(booked, past.codes), contracts=contracts, stores=named, store_aliases=_aliases(past.codes, named),
        weekday_shares=_weekday_shares(past.daily, past.posted), hour_shares=_hour_shares(hours), counts=past.counts, refused=missed,
    )  # fmt: skip


async def contracts_of(connection: AsyncConnection, past: Weekly, since: datetime) -> pl.DataFrame:
    """Contracts with their stores: the POS's own, for scanned ones that of one of their classes."""
    until = datetime.combine(past.span.last + timedelta(days=1), datetime.min.time())
    posted, scanned = await contract_queries.load_contracts(connection, since, until)
    homes = await movements.load_class_stores(connection, past.codes)
    placed = scanned.with_columns(
        store=pl.col("code").replace_strict(homes, default=stores.UNASSIGNED, return_dtype=pl.String)
    ).select("contract", "store", "day", "units", "classes")
    known = _in_stores(posted.rename({"code": "contract_store"}), past.codes).select(placed.columns)
    return events.one_row_a_contract(known, placed)


async def _external(source: AsyncConnection, store: AsyncEngine | None, span: queries.Span) -> pl.DataFrame:
    until = span.last + timedelta(days=EXTERNAL_AHEAD_DAYS)
    if store is None:
        return await queries.load_external(source, None, span.first, span.last, until)
    async with transaction(store) as own:
        return await queries.load_external(source, own, span.first, span.last, until)


def without_external(past: History) -> History:
    """The same past as if no external series were known."""
    return replace(past, external=past.external.clear())


def _weekly(daily: pl.DataFrame) -> pl.DataFrame:
    keys = ["rental_class", "store", "week"]
    return daily.with_columns(week=pl.col("day").dt.truncate("1w")).group_by(keys).agg(pl.col("units").sum()).sort(keys)


def _placed(posted: pl.DataFrame, codes: Any) -> pl.DataFrame:
    return _in_stores(posted, codes).group_by("rental_class", "store", "day").agg(pl.col("units").sum())


def _in_stores(lines: pl.DataFrame, codes: Any) -> pl.DataFrame:
    """POS lines with RFID3's store id; `000` where the POS's code is none."""
    placed = stores.with_store_ids(lines, ["contract_store"], codes)
    return placed.with_columns(store=pl.col("contract_store").fill_null(stores.UNASSIGNED)).drop("contract_store")


def _classes(mapping: list[dict[str, str | None]]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The mapping with repaired spelling, and the classes that were only typed in to try the system."""
    schema = dict.fromkeys(("rental_class", "name", "category", "subcategory"), pl.String)
    tests = [row["rental_class"] for row in mapping if vocabulary.is_test_category(row["category"])]
    kept = [
        {
            **row,
            "category": vocabulary.category_name(row["category"]),
            "subcategory": vocabulary.category_name(row["subcategory"]),
        }
        for row in mapping
        if not vocabulary.is_test_category(row["category"])
    ]
    return pl.DataFrame(kept, schema=schema), pl.DataFrame({"rental_class": tests}, schema={"rental_class": pl.String})


def _begun(weekly: pl.DataFrame, first_seen: dict[str, date]) -> pl.DataFrame:
    """First week of each class: its first scan of any type, or its first POS line."""
    by_units = dict(weekly.group_by("rental_class").agg(pl.col("week").min()).iter_rows())
    names = by_units.keys() | first_seen.keys()
    first = {name: min(filter(None, (by_units.get(name), first_seen.get(name)))) for name in names}
    rows = [(name, day - timedelta(days=day.weekday())) for name, day in sorted(first.items())]
    return pl.DataFrame(rows, schema={"rental_class": pl.String, "first_week": pl.Date}, orient="row")


def _aliases(codes: Any, named: dict[str, str]) -> dict[str, str]:
    """Every spelling of every store: its id, its POS code as 001, 1 and 1.0, and its name."""
    found: dict[str, str] = {}
    for code, number in codes.items():
        short = str(int(code))
        found |= dict.fromkeys((number, f"{number}.0", code, short, f"{short}.0", named[number]), number)
    return found


def _weekday_shares(daily: pl.DataFrame, posted: pl.DataFrame) -> list[float]:
    """From scans where there are any, else from POS lines."""
    frame = daily if daily.height else posted
    by_day = dict(frame.group_by(pl.col("day").dt.weekday().alias("weekday")).agg(pl.col("units").sum()).iter_rows())
    total = sum(by_day.values()) or 1
    return [by_day.get(k, 0) / total for k in range(1, 8)]


def _hour_shares(counts: dict[int, int]) -> list[float]:
    """By out scans; POS lines say no hour, so without scans every hour counts alike."""
    total = sum(counts.values())
    return [counts.get(hour, 0) / total if total else 1 / 24 for hour in range(24)]
