"""Which rows of RFID3's tables and of our store tell of single units? Every SQL statement about lives; results are frames.

Values come as the driver gives them (SQLite: text for times; MySQL: datetime) and become columns page by page, so that millions of scans
never stand in memory as Python objects. Tables that an export lacks are empty.
"""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from sqlalchemy import ColumnElement, Integer, Select, String, case, func, inspect, select, type_coerce
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.external.values import load_daily
from rfid3_shared.item_life.sources import CLASSES, CONTRACTS, EVENTS, INSPECTIONS, LINES, RAIN, SCANS, TAGS, TIME, Sources
from rfid3_shared.item_reports.read import load_events, load_inspections
from rfid3_shared.source.business_day import business_day
from rfid3_shared.source.movements import load_class_stores, load_store_codes
from rfid3_shared.source.rate_card import rate_card_usd
from rfid3_shared.source.tables import (
    DEFECT_COLUMNS,
    default_mappings,
    items,
    pos_contracts,
    pos_equipment,
    pos_lines,
    scans,
    seed_classes,
    user_mappings,
)
from rfid3_shared.source.vocabulary import CANCELLED_WORDS, EMPTY_WORDS, NOT_RENTED_BINS

_PAGE = 50_000
RAIN_FACTOR = "precipitation_in"
DAY_HOURS = 24
Schema = Mapping[str, pl.DataType | type[pl.DataType]]


async def read_sources(source: AsyncConnection, clock: Clock, *, store: AsyncConnection | None = None) -> Sources:
    """Everything a life is rebuilt from; without the store nothing that was reported, and RFID3's own weather only."""
    last_day = await business_day(source, clock)
    until = datetime.combine(last_day, time.max).replace(microsecond=0)
    there = set(await source.run_sync(lambda sync: inspect(sync).get_table_names()))
    has_pos = {pos_contracts.name, pos_lines.name} <= there
    codes = await load_store_codes(source)
    return Sources(
        scans=await _fetch(source, select_scans(), SCANS), until=until, tags=await _fetch(source, select_tags(), TAGS),
        classes=await load_classes(source),
        contracts=await _fetch(source, select_contracts(), CONTRACTS) if has_pos else pl.DataFrame(schema=dict(CONTRACTS)),
        lines=await _fetch(source, select_lines(), LINES) if has_pos else pl.DataFrame(schema=dict(LINES)),
        rain=await load_rain(source, store, last_day), **await _reports(store, clock.zone),
        class_stores=await load_class_stores(source, codes), store_codes=codes,
    )  # fmt: skip


def select_scans() -> Select[Any]:
    """Every scan; the defects as bits of one number (`sources.SCANS`)."""
    s = scans.c
    place = case((func.trim(func.coalesce(s.location_of_repair, "")).in_(sorted(EMPTY_WORDS)), 0), else_=1)
    flags: ColumnElement[int] = place * (1 << (len(DEFECT_COLUMNS) + 1))
    for at, name in enumerate((*DEFECT_COLUMNS, "service_required")):
        flags = flags + func.coalesce(type_coerce(s[name], Integer), 0) * (1 << at)
    return select(
        s.id, s.tag_id, s.scan_type, _raw(s.scan_date), s.status, s.quality, s.contract_number, s.rental_class_num, flags.label("flags")
    )  # fmt: skip


def select_tags() -> Select[Any]:
    """The item master's scanned units (`sources.TAGS`)."""
    i = items.c
    return select(
        i.tag_id, i.rental_class_num, i.common_name, i.quality, i.bin_location, i.status, i.last_contract_num, _raw(i.date_last_scanned),
        _raw(i.date_created), i.current_store, i.home_store, i.repair_cost_ltd,
    ).where(i.rental_class_num.is_not(None))  # fmt: skip


def select_contracts() -> Select[Any]:
    """Contracts of the POS by number, with their store (null when two use the number) and when they were promised back."""
    c = pos_contracts.c
    store = case((func.min(c.store_no) == func.max(c.store_no), func.min(c.store_no)))
    promised = case((func.min(c.store_no) == func.max(c.store_no), func.max(c.promised_pickup_date)))
    return select(func.trim(c.contract_no), store, _raw(promised)).group_by(func.trim(c.contract_no))


def select_lines() -> Select[Any]:
    """Lines of contracts that were not withdrawn (`sources.LINES`)."""
    l, c = pos_lines.c, pos_contracts.c  # noqa: E741
    withdrawn = select(c.contract_no).where(c.contract_no == l.contract_no, c.status.in_(CANCELLED_WORDS)).exists()
    return select(
        l.contract_no, l.item_num, l.qty, l.hours, _raw(l.due_date), l.price, l.daily_amt, l.meter_out, l.meter_in
    ).where(l.item_num.is_not(None), ~withdrawn)  # fmt: skip


async def load_classes(source: AsyncConnection) -> pl.DataFrame:
    """Rental classes with category and worth, CLASSES; the user's mapping goes before the default one, and the POS has the prices."""
    known: dict[str, dict[str, Any]] = {}
    for number, name, place in await source.execute(
        select(seed_classes.c.rental_class_id, seed_classes.c.common_name, seed_classes.c.bin_location)
    ):
        known.setdefault(number.strip(), {}).update(class_name=name, resale=(place or "").strip() in NOT_RENTED_BINS or None)
    for table in (default_mappings, user_mappings):
        c = table.c
        for number, category, sub in await source.execute(select(c.rental_class_id, c.category, c.subcategory)):
            known.setdefault(number.strip(), {}).update(category=category, subcategory=sub)
    e, i = pos_equipment.c, items.c
    for number, name, sell in await source.execute(select(e.item_num, e.name, e.sell_price)):
        entry = known.setdefault(number.strip(), {})
        entry.setdefault("class_name", name)
        entry["purchase_usd"] = _positive(sell)
    priced = select(i.item_num, i.sell_price, i.retail_price, i.rental_rates).where(i.item_num.is_not(None))
    for item_num, sell, retail, rates in await source.execute(priced):
        entry = known.setdefault(str(item_num), {})
        entry["purchase_usd"] = _positive(retail) or _positive(sell) or entry.get("purchase_usd")
        if isinstance(rates, dict):
            entry |= {"day_rate_usd": _day_rate(rates), "rental_usd": rate_card_usd(rates)}
    rows = [(number, *(entry.get(name) for name in list(CLASSES)[1:])) for number, entry in known.items()]
    return pl.DataFrame(rows, schema=dict(CLASSES), orient="row")


async def load_rain(source: AsyncConnection, store: AsyncConnection | None, last_day: date) -> pl.DataFrame:
    """Rain or melted snow of every measured day up to today, RAIN: RFID3's own figures first, ours where it has none."""
    factors = await load_daily(store, source, date(1990, 1, 1), last_day, last_day, ("weather",))
    fell = next((factor for factor in factors if factor.factor_name == RAIN_FACTOR), None)
    rows = [] if fell is None else [(day, value) for day, value in sorted(fell.values.items()) if day not in fell.forecast]
    return pl.DataFrame(rows, schema=dict(RAIN), orient="row")


async def _reports(store: AsyncConnection | None, zone: ZoneInfo) -> dict[str, pl.DataFrame]:
    """What people reported, in shop time."""
    if store is None:
        return {}
    events, inspections = await load_events(store), await load_inspections(store)
    told = [(e.item_id, e.occurred_at, e.event, e.kind, e.cost_usd) for e in events]
    looked = [(i.item_id, i.inspected_at, i.grade, list(i.defects)) for i in inspections]
    return {
        "events": _in_shop_time(pl.DataFrame(told, schema=_aware(EVENTS), orient="row"), zone),
        "inspections": _in_shop_time(pl.DataFrame(looked, schema=_aware(INSPECTIONS), orient="row"), zone),
    }


def _aware(schema: Schema) -> dict[str, Any]:
    return {name: pl.Datetime("us", "UTC") if kind == TIME else kind for name, kind in schema.items()}


def _in_shop_time(frame: pl.DataFrame, zone: ZoneInfo) -> pl.DataFrame:
    return frame.with_columns(pl.col("at").dt.convert_time_zone(zone.key).dt.replace_time_zone(None).dt.truncate("1s"))


def _raw(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column as the driver gives it: parsing times one by one in Python would cost more than reading them."""
    return type_coerce(column, String)


def _positive(usd: float | None) -> float | None:
    return float(usd) if usd is not None and float(usd) > 0 else None


def _day_rate(rates: dict[str, Any]) -> float | None:
    """Price of a day by the card; None when it has none."""
    return rate_card_usd({hours: price for hours, price in rates.items() if hours == str(DAY_HOURS)})


async def _fetch(connection: AsyncConnection, query: Select[Any], schema: Schema) -> pl.DataFrame:
    """The rows of a query as a frame with these columns, whatever the query calls them."""
    pages = []
    result = await connection.stream(query.execution_options(yield_per=_PAGE))
    async for page in result.partitions(_PAGE):
        columns = zip(schema.items(), zip(*page, strict=True), strict=True)
        pages.append(pl.DataFrame([_column(name, values, kind) for (name, kind), values in columns]))
    return pl.concat(pages) if pages else pl.DataFrame(schema=dict(schema))


def _column(name: str, values: tuple[Any, ...], kind: Any) -> pl.Series:
    if kind != TIME:
        return pl.Series(name, values, dtype=kind, strict=False)
    said = next((value for value in values if value is not None), None)
    if not isinstance(said, str):
        return pl.Series(name, values, dtype=TIME)
    # SQLite keeps text: whole seconds, sometimes followed by a fraction
    return (
        pl.Series(name, values, dtype=pl.String)
        .str.slice(0, 19)
        .str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
    )
