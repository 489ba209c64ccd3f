"""Which counts tell how good the source's data is? Every statement of the quality report, by name.

SQLAlchemy Core without any server's dialect. A statement that the server cannot answer, because a table or column is not
there, gives no count: the report names it instead of failing.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    Table,
    and_,
    distinct,
    func,
    inspect,
    literal,
    null,
    or_,
    select,
    type_coerce,
)  # fmt: skip
from sqlalchemy.engine import Connection
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.source.tables import (
    DEFECT_COLUMNS,
    default_mappings,
    external_factors,
    items,
    pos_contracts,
    pos_equipment,
    pos_lines,
    scans,
    source_metadata,
    user_mappings,
)  # fmt: skip
from rfid3_shared.source.vocabulary import BACK_SCAN_TYPES, EMPTY_WORDS, GRADES, OUT_SCAN_TYPES

i, s, c, li, f = items.c, scans.c, pos_contracts.c, pos_lines.c, external_factors.c

TIMES: Mapping[str, ColumnElement[Any]] = {
    "id_item_master": i.date_last_scanned,
    "id_transactions": s.scan_date,
    "pos_transactions": c.contract_date,
    "pos_transaction_items": li.due_date,
    "external_factors": f.date,
}
"""The column that tells a table's span."""

WORDS: Mapping[str, tuple[str, ColumnElement[Any]]] = {
    "id_transactions.scan_type": ("scan_type", s.scan_type),
    "id_transactions.status": ("status", s.status),
    "id_transactions.quality": ("quality", s.quality),
    "id_transactions.bin_location": ("bin_location", s.bin_location),
    "id_item_master.status": ("status", i.status),
    "id_item_master.quality": ("quality", i.quality),
    "id_item_master.bin_location": ("bin_location", i.bin_location),
    "id_item_master.current_store": ("store", i.current_store),
    "id_item_master.home_store": ("store", i.home_store),
    "pos_equipment.current_store": ("store", pos_equipment.c.current_store),
    "pos_transactions.store_no": ("store", c.store_no),
}
"""Column to the kind of word it holds."""

_is_out = s.scan_type.in_(OUT_SCAN_TYPES)
_scanned = i.item_num.is_(None)  # rows with a POS number are goods without a tag
_own, _blank = items.alias("own"), items.alias("blank")
_same = (
    select(func.count().label("n")).where(s.tag_id.is_not(None)).group_by(s.tag_id, s.scan_date, s.scan_type)
    .having(func.count() > 1).subquery("same")
)  # fmt: skip
_basket = (
    select(func.count(distinct(s.rental_class_num)).label("classes")).where(_is_out, s.contract_number.is_not(None))
    .group_by(s.contract_number).subquery("baskets")
)  # fmt: skip
_prices = (
    select(func.count(distinct(li.price)).label("prices")).where(li.price > 0).group_by(li.item_num).subquery("item_prices")
)
_numbers = select(c.contract_no).distinct().subquery("numbers")
_graded = (
    select(
        s.quality,
        func.lag(s.quality).over(partition_by=func.trim(s.tag_id), order_by=(s.scan_date, s.id)).label("grade_before"),
    )
    .where(s.quality.in_(GRADES)).subquery("graded")
)  # fmt: skip


def _rows(table: Table, *where: ColumnElement[bool]) -> Select[Any]:
    return select(func.count()).select_from(table).where(*where)


COUNTS: Mapping[str, Select[Any]] = {
    "scans": _rows(scans),
    "scans_out": _rows(scans, _is_out),
    "scans_back": _rows(scans, s.scan_type.in_(BACK_SCAN_TYPES)),
    "scans_without_item": select(func.count()).select_from(
        scans.outerjoin(_own, _own.c.tag_id == func.trim(s.tag_id))
        .outerjoin(_blank, _blank.c.tag_id == literal(" ") + func.trim(s.tag_id))
    ).where(_own.c.tag_id.is_(None), _blank.c.tag_id.is_(None)),
    "scans_same_second": select(func.coalesce(func.sum(_same.c.n - 1), 0)),
    "scans_with_spaces": _rows(scans, func.length(s.tag_id) != func.length(func.trim(s.tag_id))),
    "scans_with_defect": _rows(scans, or_(*(s[name].is_(True) for name in DEFECT_COLUMNS))),
    "scans_in_repair": _rows(scans, s.status == "Repair"),
    "scans_graded": _rows(scans, s.quality.is_not(None), s.quality.not_in(EMPTY_WORDS)),
    "grade_changes": select(func.count()).select_from(_graded).where(_graded.c.quality != _graded.c.grade_before),
    "scans_contracts": select(func.count(distinct(s.contract_number))).where(_is_out),
    "baskets": select(func.count()).select_from(_basket).where(_basket.c.classes > 1),
    "tags": _rows(items, _scanned),
    "tags_with_spaces": _rows(items, func.length(i.tag_id) != func.length(func.trim(i.tag_id))),
    "tags_with_store": _rows(items, _scanned, func.coalesce(i.current_store, i.home_store, "000").not_in(("", "0", "000"))),
    "tags_graded": _rows(items, _scanned, i.quality.is_not(None), i.quality.not_in(EMPTY_WORDS)),
    "tags_dated": _rows(items, _scanned, i.date_created.is_not(None)),
    "tags_in_packs": _rows(items, _scanned, i.bin_location == "pack"),
    "tags_with_reorder_level": _rows(items, i.reorder_min.is_not(None)),
    "repair_costs": _rows(items, i.repair_cost_ltd > 0),
    "repair_costs_of_tags": _rows(items, _scanned, i.repair_cost_ltd > 0),
    "pos_contracts": _rows(pos_contracts),
    "pos_lines": _rows(pos_lines),
    "pos_lines_without_contract": select(func.count()).select_from(
        pos_lines.outerjoin(_numbers, _numbers.c.contract_no == li.contract_no)
    ).where(_numbers.c.contract_no.is_(None)),
    "pos_lines_priced": _rows(pos_lines, li.price > 0),
    "items_with_several_prices": select(func.count()).select_from(_prices).where(_prices.c.prices > 1),
    "weather_rows": _rows(external_factors, f.factor_type == "weather"),
}  # fmt: skip
"""Name to a statement that gives one number."""

CLASS_SCANS = select(func.trim(s.rental_class_num), func.count()).where(_is_out).group_by(func.trim(s.rental_class_num))
"""Rental class, out scans."""
MAPPED_CLASSES = (select(user_mappings.c.rental_class_id), select(default_mappings.c.rental_class_id))
_rates = type_coerce(i.rental_rates, String)
POS_ITEMS = select(
    i.item_num, func.coalesce(i.sell_price, i.retail_price, 0) > 0,
    and_(i.rental_rates.is_not(null()), _rates.not_in(("", "null", "{}", "[]"))),
).where(i.item_num.is_not(None))  # fmt: skip
"""POS number, whether it has a price to sell, whether it has rental rates."""
EQUIPMENT = select(pos_equipment.c.item_num, pos_equipment.c.sell_price > 0)
FACTOR_DAYS = select(f.factor_type, func.min(f.date), func.max(f.date), func.count(distinct(f.date))).group_by(f.factor_type)


async def count_all(connection: AsyncConnection) -> tuple[dict[str, int], list[str]]:
    """Every count by name, and the names of those the server could not answer (they count 0)."""
    counts, unanswered = {}, []
    for name, query in COUNTS.items():
        rows = await rows_of(connection, query)
        counts[name] = int(rows[0][0] or 0) if rows else 0
        if rows is None:
            unanswered.append(name)
    return counts, unanswered


async def rows_of(connection: AsyncConnection, query: Select[*tuple[Any, ...]]) -> list[tuple[Any, ...]] | None:
    """The rows of a statement; None when a table or column of it is not there."""
    try:
        return [tuple(row) for row in await connection.execute(query)]
    except (OperationalError, ProgrammingError):
        if connection.invalidated:  # the server is gone: that is another fault
            raise
        return None


async def words_of(connection: AsyncConnection, column: ColumnElement[Any]) -> list[tuple[str | None, int]]:
    """Every word in a column with its count."""
    return [
        (word, int(count)) for word, count in await rows_of(connection, select(column, func.count()).group_by(column)) or []
    ]


async def spans(connection: AsyncConnection) -> dict[str, tuple[int, date | datetime | None, date | datetime | None] | None]:
    """Per table: rows, first and last time; None for a table that is not there."""
    found: dict[str, tuple[int, date | datetime | None, date | datetime | None] | None] = {}
    for name, table in source_metadata.tables.items():
        time = TIMES.get(name)
        ends = (func.min(time), func.max(time)) if time is not None else (null(), null())
        query: Select[*tuple[Any, ...]] = select(func.count(), *ends)
        rows = await rows_of(connection, query.select_from(table))
        found[name] = rows[0] if rows else None
    return found


async def missing_columns(connection: AsyncConnection) -> list[str]:
    """Columns the suite reads and the server's tables lack, as `table.column`."""

    def look(sync: Connection) -> list[str]:
        inspector = inspect(sync)
        there = set(inspector.get_table_names())
        return [
            f"{table.name}.{column.name}"
            for table in source_metadata.tables.values() if table.name in there
            for column in table.columns if column.name not in {one["name"] for one in inspector.get_columns(table.name)}
        ]  # fmt: skip

    return await connection.run_sync(look)
