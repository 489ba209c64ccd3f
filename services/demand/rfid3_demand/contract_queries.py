"""Which contracts were written when, for which day, and how large are they? The SQL statements on POS contracts and their scans."""

from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_demand.queries import counted, left_at
from rfid3_shared.source.tables import pos_contracts, pos_lines, scans
from rfid3_shared.source.vocabulary import CANCELLED_WORDS, OUT_SCAN_TYPES

if TYPE_CHECKING:
    import polars as pl


def booked_units(since: datetime, as_of: datetime) -> Select[Any]:
    """Units on contracts written by `as_of` for a day from `since` on, by item, store code and the days that matter.

    Columns: rental_class, contract_store, leaves (promised day), written, status, closed (day, null while open), units. Quotes
    bind nobody and are left out.
    """
    lines, c = pos_lines.c, pos_contracts.c
    keys = (
        func.trim(lines.item_num).label("rental_class"), c.store_no.label("contract_store"),
        func.date(c.promised_delivery_date).label("leaves"), func.date(c.contract_date).label("written"),
        c.status, func.date(c.close_date).label("closed"),
    )  # fmt: skip
    return (
        select(*keys, func.sum(func.coalesce(lines.qty, 1)).label("units"))
        .join(pos_contracts, c.contract_no == lines.contract_no)
        .where(
            c.promised_delivery_date >= since, c.contract_date <= as_of, lines.item_num.is_not(None),
            or_(c.status.is_(None), c.status != "Quote"),
        )
        .group_by(*keys)
    )  # fmt: skip


async def load_booked(connection: AsyncConnection, since: datetime, as_of: datetime) -> "pl.DataFrame":
    """Units on contracts written by `as_of`; empty where none of them is still to leave: then bookings tell nothing.

    Columns: rental_class, contract_store (as POS writes it), leaves, written, closed (dates), cancelled, reserved (bool), units.
    """
    import polars as pl

    schema = {
        "rental_class": pl.String, "contract_store": pl.String, "leaves": pl.Date, "written": pl.Date, "closed": pl.Date,
        "cancelled": pl.Boolean, "reserved": pl.Boolean, "units": pl.Int64,
    }  # fmt: skip
    c = pos_contracts.c
    ahead = select(func.count()).where(
        c.promised_delivery_date > as_of, c.contract_date <= as_of,
        or_(c.status.is_(None), c.status.not_in((*CANCELLED_WORDS, "Quote"))),
    )  # fmt: skip
    if not (await connection.execute(ahead)).scalar():
        return pl.DataFrame(schema=schema)
    rows = [
        (cls, str(store), *(day and date.fromisoformat(str(day)) for day in (leaves, written, closed)),
         status in CANCELLED_WORDS, status == "Reservation", int(units))
        for cls, store, leaves, written, status, closed, units in await connection.execute(booked_units(since, as_of))
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=schema, orient="row")


async def load_contracts(
    connection: AsyncConnection, since: datetime, until: datetime
) -> tuple["pl.DataFrame", "pl.DataFrame"]:
    """Contracts whose goods left in the span, of the POS and of the scans, one row each.

    Columns of both: contract, code (the POS's store, or of the scans one rental class), day (first), units, classes.
    """
    import polars as pl

    c, lines, s = pos_contracts.c, pos_lines.c, scans.c
    day = func.date(func.min(left_at()))
    posted = (
        select(c.contract_no, c.store_no, day, func.sum(func.coalesce(lines.qty, 1)), func.count(lines.item_num.distinct()))
        .join(pos_lines, c.contract_no == lines.contract_no)
        .where(left_at() >= since, left_at() < until, counted(), lines.item_num.is_not(None))
        .group_by(c.contract_no, c.store_no)
    )
    cls, tag, number = func.trim(s.rental_class_num), func.trim(s.tag_id), func.trim(s.contract_number)
    scanned = (
        select(number, func.min(cls), func.date(func.min(s.scan_date)), func.count(tag.distinct()), func.count(cls.distinct()))
        .where(s.scan_type.in_(OUT_SCAN_TYPES), s.scan_date >= since, s.scan_date < until, number != "", tag != "")
        .group_by(number)
    )
    schema = {"contract": pl.String, "code": pl.String, "day": pl.Date, "units": pl.Int64, "classes": pl.Int64}
    frames = [
        pl.DataFrame([(no, code, date.fromisoformat(str(at)), int(units), int(classes)) for no, code, at, units, classes in
                      await connection.execute(query)], schema=schema, orient="row")
        for query in (posted, scanned)
    ]  # fmt: skip
    return frames[0], frames[1]
