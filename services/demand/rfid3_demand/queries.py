"""Which rows does demand read, and how? Every SQL statement of this service; results are frames or plain values."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, extract, func, inspect, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.db import Seconds
from rfid3_shared.errors import InsufficientData
from rfid3_shared.external.coverage import USED_TYPES
from rfid3_shared.external.values import load_daily
from rfid3_shared.source.tables import (
    default_mappings,
    external_factors,
    items,
    pos_contracts,
    pos_equipment,
    pos_lines,
    scans,
    seed_classes,
    stores,
    user_mappings,
)  # fmt: skip
from rfid3_shared.source.vocabulary import NOT_LEFT_WORDS, OUT_SCAN_TYPES

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Span:
    """First and last business day that the source knows anything about."""

    first: date
    last: date


async def missing_tables(connection: AsyncConnection) -> list[str]:
    """Names of the tables of RFID3 that demand reads and the source does not have."""
    read = (
        items,
        scans,
        user_mappings,
        default_mappings,
        seed_classes,
        stores,
        pos_equipment,
        pos_contracts,
        pos_lines,
        external_factors,
    )
    there = set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))
    return [table.name for table in read if table.name not in there]


async def known_span(connection: AsyncConnection, today: date) -> Span:
    """The span the source knows anything about.

    Raises InsufficientData, naming what is missing, when it holds nothing about units leaving the shop.
    """
    if missing := await missing_tables(connection):
        raise InsufficientData("The source is not RFID3's database: it lacks some of its tables.", missing=missing)
    if (span := await source_span(connection, today)) is None:
        raise InsufficientData(
            "The source holds no unit leaving the shop: no scan of type Rental or Delivery, no POS contract line.",
            found_weeks=0, needed_weeks=8,
            missing="id_transactions with scan_type Rental or Delivery, or pos_transaction_items",
        )  # fmt: skip
    return span


async def source_span(connection: AsyncConnection, today: date) -> Span | None:
    """The span of out scans and of POS contracts up to today; None when there is neither.

    The last day is that of the last scan of any type where there are scans: a quiet day still was a day.
    """
    end = datetime.combine(today, time.max)
    out = select(func.min(scans.c.scan_date)).where(scans.c.scan_type.in_(OUT_SCAN_TYPES), scans.c.scan_date <= end)
    last_scan = select(func.max(scans.c.scan_date)).where(scans.c.scan_date <= end)
    left = left_at()
    posted = select(func.min(left), func.max(left)).where(left <= end, counted())
    first_out, last_seen = (await connection.execute(out)).scalar(), (await connection.execute(last_scan)).scalar()
    first_posted, last_posted = (await connection.execute(posted)).one()
    firsts = [_day(at) for at in (first_out, first_posted) if at is not None]
    lasts = [_day(at) for at in ((last_seen,) if first_out is not None else (last_posted,)) if at is not None]
    return Span(min(firsts), max(lasts)) if firsts and lasts else None


def _day(at: datetime | str) -> date:
    return date.fromisoformat(at[:10]) if isinstance(at, str) else at.date()


def left_at() -> Any:
    """When a POS contract's goods left: delivered, else promised, else the contract's own date."""
    c = pos_contracts.c
    return func.coalesce(c.actual_delivery_date, c.promised_delivery_date, c.contract_date)


def counted() -> Any:
    """Contracts whose goods leave the shop."""
    return or_(pos_contracts.c.status.is_(None), pos_contracts.c.status.not_in(NOT_LEFT_WORDS))


def posted_units(since: datetime, until: datetime) -> Select[Any]:
    """Units on POS lines per item, store code and day: rental_class, contract_store, day, units."""
    lines, contracts = pos_lines.c, pos_contracts.c
    day = func.date(left_at()).label("day")
    keys = (func.trim(lines.item_num).label("rental_class"), contracts.store_no.label("contract_store"), day)
    return (
        select(*keys, func.sum(func.coalesce(lines.qty, 1)).label("units"))
        .join(pos_contracts, contracts.contract_no == lines.contract_no)
        .where(left_at() >= since, left_at() < until, counted(), lines.item_num.is_not(None))
        .group_by(*keys)
    )


async def load_posted(connection: AsyncConnection, since: datetime, until: datetime) -> "pl.DataFrame":
    """Units on POS lines. Columns: rental_class, contract_store (as POS writes it), day (date), units."""
    import polars as pl

    rows = [(cls, str(store), date.fromisoformat(str(day)), int(units))
            for cls, store, day, units in await connection.execute(posted_units(since, until))]  # fmt: skip
    schema = {"rental_class": pl.String, "contract_store": pl.String, "day": pl.Date, "units": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


async def load_first_seen(connection: AsyncConnection) -> dict[str, date]:
    """First scan of any type per rental class: its first sign of life."""
    cls = func.trim(scans.c.rental_class_num)
    query = select(cls, func.min(scans.c.scan_date)).where(cls != "", scans.c.scan_date.is_not(None)).group_by(cls)
    return {name: _day(at) for name, at in await connection.execute(query)}


async def load_classes(connection: AsyncConnection) -> list[dict[str, str | None]]:
    """Every class of the mapping: rental_class, name, category, subcategory; the user's mapping goes before the default one."""
    found: dict[str, dict[str, str | None]] = {}
    names: dict[str, str] = {
        row[0]: row[1] for row in await connection.execute(select(seed_classes.c.rental_class_id, seed_classes.c.common_name))
    }
    posted: dict[str, str] = {
        row[0]: row[1] for row in await connection.execute(select(pos_equipment.c.item_num, pos_equipment.c.name))
    }
    for table in (default_mappings, user_mappings):
        for row in (await connection.execute(select(table))).mappings():
            number = row["rental_class_id"].strip()
            short = row["short_common_name"] if row["short_common_name"] not in (None, "", "N/A") else None
            found[number] = {
                "rental_class": number, "name": short or names.get(number) or posted.get(number) or number,
                "category": row["category"], "subcategory": row["subcategory"],
            }  # fmt: skip
    return list(found.values())


async def load_rates(connection: AsyncConnection) -> dict[str, dict[str, Any]]:
    """Rental rates by POS item number as RFID3 keeps them: period hours → price, both text."""
    query = select(items.c.item_num, items.c.rental_rates).where(
        items.c.item_num.is_not(None), items.c.rental_rates.is_not(None)
    )
    return {str(number): rates for number, rates in await connection.execute(query) if isinstance(rates, dict)}


async def load_line_prices(connection: AsyncConnection) -> dict[str, float]:
    """Mean dollars per unit and item, where POS lines carry prices; a line's price is for its whole quantity."""
    lines = pos_lines.c
    mean = func.sum(lines.price) / func.sum(func.coalesce(lines.qty, 1))
    query = select(func.trim(lines.item_num), mean).where(lines.price > 0).group_by(func.trim(lines.item_num))
    return {number: float(price) for number, price in await connection.execute(query) if number and price}


async def load_external(
    source: AsyncConnection, store: AsyncConnection | None, first: date, last: date, until: date
) -> "pl.DataFrame":
    """Daily outside series that a model may use, RFID3's first, the suite's where RFID3 has none; forecasts after `last` only.

    Columns: date, factor_type, factor_name, value, is_forecast; from `first` to `until`, sorted by type, name and date.
    """
    import polars as pl

    factors = await load_daily(store, source, first, until, last, USED_TYPES)
    rows = [
        (day, factor.factor_type, factor.factor_name, value, day in factor.forecast)
        for factor in factors for day, value in sorted(factor.values.items())
    ]  # fmt: skip
    schema = {
        "date": pl.Date,
        "factor_type": pl.String,
        "factor_name": pl.String,
        "value": pl.Float64,
        "is_forecast": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


async def load_stores(connection: AsyncConnection) -> list[tuple[str, str, str]]:
    """POS code, RFID3 id and name of each store."""
    query = select(stores.c.pos_store_code, stores.c.store_id, stores.c.store_name)
    return [(row[0], row[1], row[2] or row[1]) for row in await connection.execute(query)]


async def load_gaps_days(connection: AsyncConnection, since: datetime, most: int = 200_000) -> list[float]:
    """Days from an out scan to the tag's next scan of any type, for tags that were seen again; at most `most` of the latest."""
    s = scans.c
    tag = func.trim(s.tag_id)
    following = func.lead(s.scan_date, type_=Seconds).over(partition_by=tag, order_by=(s.scan_date, s.id)).label("next_at")
    moves = select(s.scan_type, s.scan_date, following).where(s.scan_date >= since, tag != "").subquery("moves").c
    query = (
        select(moves.scan_date, moves.next_at)
        .where(moves.scan_type.in_(OUT_SCAN_TYPES), moves.next_at > moves.scan_date)
        .order_by(moves.scan_date.desc())
        .limit(most)
    )
    # a scan of the same hour is the same departure seen twice, not a return
    return [gap for left, seen in await connection.execute(query) if (gap := (seen - left).total_seconds() / 86_400) > 1 / 24]


async def load_hour_counts(connection: AsyncConnection, since: datetime, until: datetime) -> dict[int, int]:
    """Out scans by hour of the shop's day, from `since` up to but without `until`; stamps without a time of day left out."""
    s = scans.c
    hour = extract("hour", s.scan_date)
    query = (
        select(hour, func.count())
        .where(s.scan_date >= since, s.scan_date < until, s.scan_type.in_(OUT_SCAN_TYPES), func.time(s.scan_date) != "00:00:00")
        .group_by(hour)
    )
    return {int(at): int(count) for at, count in await connection.execute(query)}
