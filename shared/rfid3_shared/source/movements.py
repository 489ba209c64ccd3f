"""Which units left the shop, when and from where; and how many are there to leave?

SQL in SQLAlchemy Core (SQLite, MariaDB, MySQL 8), finished in polars where store codes are put in order. A scan is no departure
yet: the same tag is scanned twice in a second, a `Delivery` follows its `Rental`, and a wrong contract is corrected minutes
later (a real export: 4,788 out scans, 4,262 departures). The rule, in two sentences:

A tag leaves at most once a business day, and the last out scan of the day counts (it names the corrected contract, or is the
truck's). An out scan that names the same contract as the tag's next one, with no back scan between, is that same departure.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl
from sqlalchemy import ColumnElement, Label, Select, Subquery, and_, case, false, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.source.stores import class_stores, place, store_codes
from rfid3_shared.source.tables import items, pos_contracts, pos_equipment, scans, stores
from rfid3_shared.source.vocabulary import (
    BACK_SCAN_TYPES,
    BUSY_STATUSES,
    GONE_STATUSES,
    NOT_RENTED_BINS,
    OUT_SCAN_TYPES,
    SEEN_SCAN_TYPES,
)

Schema = Mapping[str, pl.DataType | type[pl.DataType]]
_STORE_SCHEMA: Schema = {"current_store": pl.String, "home_store": pl.String, "contract_store": pl.String}
_PAGE = 50_000


def select_departures(since: datetime | None = None, until: datetime | None = None) -> Select[Any]:
    """One row per unit leaving, in shop time from `since` up to but without `until`.

    Columns: tag_id (trimmed), rental_class (of the scan, else of the item), contract, left_at, and the codes from which
    `place` tells the store: current_store, home_store, contract_store.
    """
    s = scans.c
    tag = func.trim(s.tag_id)
    is_back = case((s.scan_type.in_(BACK_SCAN_TYPES), 1), else_=0)
    # a running count of back scans: equal on two out scans exactly when nothing came back between them
    # whether an out scan is a departure depends on what comes after it alone, so earlier scans need not be looked at
    later = () if since is None else (s.scan_date >= since,)
    moves = (
        select(
            tag.label("tag_id"), s.id, s.scan_date, s.contract_number, s.rental_class_num, is_back.label("is_back"),
            func.sum(is_back).over(partition_by=tag, order_by=(s.scan_date, s.id)).label("backs"),
        )
        .where(s.scan_type.in_(OUT_SCAN_TYPES + BACK_SCAN_TYPES), s.scan_date.is_not(None), tag != "", *later)
        .subquery("moves")
    )  # fmt: skip
    m = moves.c
    following: dict[str, Any] = {"partition_by": m.tag_id, "order_by": (m.scan_date, m.id)}
    outs = (
        select(
            m.tag_id, m.scan_date, m.contract_number, m.rental_class_num, m.backs,
            func.lead(m.scan_date).over(**following).label("next_date"),
            func.lead(m.contract_number).over(**following).label("next_contract"),
            func.lead(m.backs).over(**following).label("next_backs"),
        )
        .where(m.is_back == 0)
        .subquery("outs")
    )  # fmt: skip
    o = outs.c
    leaves_again = or_(
        o.next_date.is_(None),
        and_(
            func.date(o.next_date) != func.date(o.scan_date),
            or_(func.coalesce(o.next_contract == o.contract_number, false()).is_(False), o.next_backs != o.backs),
        ),
    )
    own, blank = items.alias("own"), items.alias("blank")
    rows = (
        select(
            o.tag_id,
            func.coalesce(func.nullif(func.trim(o.rental_class_num), ""), own.c.rental_class_num, blank.c.rental_class_num)
            .label("rental_class"),
            o.contract_number.label("contract"), o.scan_date.label("left_at"),
            func.coalesce(own.c.current_store, blank.c.current_store).label("current_store"),
            func.coalesce(own.c.home_store, blank.c.home_store).label("home_store"),
            _contract_store(o.contract_number),
        )
        # two look-ups by key instead of a join on trim(), which no server can answer from an index: some tags of the
        # live item master begin with one blank
        .select_from(
            outs.outerjoin(own, own.c.tag_id == o.tag_id).outerjoin(blank, blank.c.tag_id == literal(" ") + o.tag_id)
        )
        .where(leaves_again)
    )  # fmt: skip
    return rows.where(o.scan_date < until) if until is not None else rows


def select_daily_departures(since: datetime | None = None, until: datetime | None = None) -> Select[Any]:
    """Units leaving by class, store codes and business day.

    Columns: rental_class, current_store, home_store, contract_store, day (ISO text), units.
    """
    one = select_departures(since, until).subquery("departures").c
    keys = (one.rental_class, one.current_store, one.home_store, one.contract_store, func.date(one.left_at).label("day"))
    return select(*keys, func.count().label("units")).group_by(*keys)


def select_fleet() -> Select[Any]:
    """Units that can be rented, by class and store codes: tags whose last status is not gone, whose bin is not for sale.

    Columns: rental_class, current_store, home_store, contract_store (of the last contract), units, and how many of those
    are unavailable now: out, committed or being turned around.
    """
    t = _tags().c
    busy = case((t.status.in_(BUSY_STATUSES), 1), else_=0).label("busy")
    units = select(t.rental_class, t.current_store, t.home_store, _contract_store(t.last_contract), busy).where(
        t.rental_class.is_not(None),
        or_(t.status.is_(None), t.status.not_in(GONE_STATUSES)),
        or_(t.bin_location.is_(None), t.bin_location.not_in(NOT_RENTED_BINS)),
    )
    *keys, unavailable = units.subquery("units").c
    return select(*keys, func.count().label("units"), func.sum(unavailable).label("unavailable")).group_by(*keys)


def select_sightings(since: datetime | None = None, until: datetime | None = None) -> Select[Any]:
    """Scans that show a unit without sending it out. Columns: tag_id (trimmed), seen_at, back (1 = a return), status."""
    s = scans.c
    back = case((s.scan_type.in_(BACK_SCAN_TYPES), 1), else_=0).label("back")
    tag = func.trim(s.tag_id)
    rows = select(tag.label("tag_id"), s.scan_date.label("seen_at"), back, func.trim(s.status).label("status")).where(
        s.scan_type.in_(BACK_SCAN_TYPES + SEEN_SCAN_TYPES), s.scan_date.is_not(None), tag != ""
    )
    rows = rows.where(s.scan_date >= since) if since is not None else rows
    return rows.where(s.scan_date < until) if until is not None else rows


def select_tags() -> Select[Any]:
    """Every scanned unit of the item master.

    Columns: tag_id (trimmed), rental_class, the codes from which `place` tells the store, gone (1 = sold or missing), for_sale (1 =
    goods for resale, which leave for good), day (when it was entered, mostly null).
    """
    t = _tags().c
    gone, for_sale = (
        case((column.in_(words), 1), else_=0).label(name)
        for name, column, words in (("gone", t.status, GONE_STATUSES), ("for_sale", t.bin_location, NOT_RENTED_BINS))
    )
    keys = (t.tag_id, t.rental_class, t.current_store, t.home_store, _contract_store(t.last_contract))
    return select(*keys, gone, for_sale, func.date(t.since).label("day")).where(t.rental_class.is_not(None))


def _tags() -> Subquery:
    """The item master's scanned units, one row a trimmed tag; rows of the POS (goods without a tag) have no rental class."""
    i = items.c
    tag = func.trim(i.tag_id)
    described = {
        "rental_class": func.nullif(func.trim(i.rental_class_num), ""), "status": i.status, "bin_location": i.bin_location,
        "last_contract": i.last_contract_num, "current_store": i.current_store, "home_store": i.home_store,
        "since": i.date_created,
    }  # fmt: skip
    largest = [func.max(column).label(name) for name, column in described.items()]
    return select(tag.label("tag_id"), *largest).where(i.rental_class_num.is_not(None)).group_by(tag).subquery("tags")


def _contract_store(contract: ColumnElement[str]) -> Label[str | None]:
    """The POS store of a contract; null when two stores use the number."""
    c = pos_contracts.c
    store = case((func.min(c.store_no) == func.max(c.store_no), func.min(c.store_no)))
    return select(store).where(c.contract_no == contract).scalar_subquery().label("contract_store")


async def load_departures(
    connection: AsyncConnection, since: datetime | None = None, until: datetime | None = None
) -> pl.DataFrame:
    """Every departure with its store.

    Columns: tag_id, rental_class, contract, left_at (naive shop time, µs), store, store_rule, store_inferred.
    """
    schema: Schema = {"tag_id": pl.String, "rental_class": pl.String, "contract": pl.String, "left_at": pl.Datetime("us")}
    frame = await _fetch(connection, select_departures(since, until), {**schema, **_STORE_SCHEMA})
    return (await _place(connection, frame)).sort("left_at", "tag_id")


async def load_daily_departures(
    connection: AsyncConnection, since: datetime | None = None, until: datetime | None = None
) -> pl.DataFrame:
    """Units leaving per class, store and business day.

    Columns: rental_class, store, store_rule, store_inferred, day (date), units (int64); sorted. Days without departures
    have no row.
    """
    schema: Schema = {"rental_class": pl.String, **_STORE_SCHEMA, "day": pl.String, "units": pl.Int64}
    frame = await _fetch(connection, select_daily_departures(since, until), schema)
    placed = await _place(connection, frame.with_columns(pl.col("day").str.to_date("%Y-%m-%d")))
    keys = ["rental_class", "store", "store_rule", "store_inferred", "day"]
    return placed.group_by(keys).agg(pl.col("units").sum()).sort(keys)


async def load_weekly_departures(
    connection: AsyncConnection, since: datetime | None = None, until: datetime | None = None
) -> pl.DataFrame:
    """Units leaving per class, store and week.

    Columns: rental_class, store, store_inferred, week (its Monday, date), units (int64); sorted. Empty weeks have no row.
    """
    daily = await load_daily_departures(connection, since, until)
    keys = ["rental_class", "store", "store_inferred", "week"]
    return daily.with_columns(week=pl.col("day").dt.truncate("1w")).group_by(keys).agg(pl.col("units").sum()).sort(keys)


async def load_fleet(connection: AsyncConnection) -> pl.DataFrame:
    """Units that can be rented per class and store: rental_class, store, store_inferred, units, unavailable (int64); sorted."""
    schema: Schema = {"rental_class": pl.String, **_STORE_SCHEMA, "units": pl.Int64, "unavailable": pl.Int64}
    frame = await _fetch(connection, select_fleet(), schema)
    keys = ["rental_class", "store", "store_rule", "store_inferred"]
    return (await _place(connection, frame)).group_by(keys).agg(pl.col("units", "unavailable").sum()).sort(keys)


async def load_sightings(
    connection: AsyncConnection, since: datetime | None = None, until: datetime | None = None
) -> pl.DataFrame:
    """Returns and sightings: tag_id, seen_at (naive shop time, µs), back (whether it is a return), status; in no order."""
    schema: Schema = {"tag_id": pl.String, "seen_at": pl.Datetime("us"), "back": pl.Int64, "status": pl.String}
    return (await _fetch(connection, select_sightings(since, until), schema)).with_columns(pl.col("back") == 1)


async def load_tags(connection: AsyncConnection) -> pl.DataFrame:
    """Every scanned unit of the item master with its store: tag_id, rental_class, store, gone, for_sale, since (date, mostly null)."""
    schema: Schema = {
        "tag_id": pl.String, "rental_class": pl.String, **_STORE_SCHEMA, "gone": pl.Int64, "for_sale": pl.Int64, "day": pl.String,
    }  # fmt: skip
    frame = await _fetch(connection, select_tags(), schema)
    since = pl.col("day").replace("None", None).str.to_date("%Y-%m-%d")
    placed = await _place(connection, frame.with_columns(pl.col("gone", "for_sale") == 1, since=since))
    return placed.select("tag_id", "rental_class", "store", "gone", "for_sale", "since").sort("tag_id")


async def load_store_codes(connection: AsyncConnection) -> dict[str, str]:
    """POS code to store id as the source's store_mappings says, else RFID3's own four stores."""
    rows = await connection.execute(select(stores.c.pos_store_code, stores.c.store_id))
    return dict(store_codes((pos, own) for pos, own in rows))


async def load_class_stores(connection: AsyncConnection, codes: dict[str, str]) -> dict[str, str]:
    """Rental class to the store where its POS item stands."""
    i, e = items.c, pos_equipment.c
    own = await connection.execute(select(i.item_num, i.current_store, i.home_store).where(i.item_num.is_not(None)))
    equipment = await connection.execute(select(e.item_num, e.current_store))
    return class_stores((tuple(row) for row in own), (tuple(row) for row in equipment), codes)


async def _place(connection: AsyncConnection, frame: pl.DataFrame) -> pl.DataFrame:
    codes = await load_store_codes(connection)
    return place(frame, await load_class_stores(connection, codes), codes)


async def _fetch(connection: AsyncConnection, query: Select[Any], schema: Schema) -> pl.DataFrame:
    """The rows of a query as a frame, page by page, so that few Python objects live at once."""
    pages = []
    result = await connection.stream(query.execution_options(yield_per=_PAGE))
    async for page in result.partitions(_PAGE):
        rows = [tuple(row) for row in page]
        if schema.get("day") is pl.String:  # MySQL gives a date, SQLite its text
            at = list(schema).index("day")
            rows = [(*row[:at], str(row[at]), *row[at + 1 :]) for row in rows]
        pages.append(pl.DataFrame(rows, schema=schema, orient="row"))
    return pl.concat(pages) if pages else pl.DataFrame(schema=schema)
