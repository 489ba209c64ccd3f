"""Small RFID3 sources with contents that can be counted by hand."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared import db
from rfid3_shared.source import tables

FIRST_MONDAY = date(2025, 1, 6)
SHOP = {
    # rental class: (category, subcategory, store, units every week)
    "61825": ("Round Linen", "90 Round", "8101", 20),
    "61839": ("Round Linen", "90 Round", "3607", 6),
    "63131": ("Tables", "Round Tables", "8101", 10),
}
"""What leaves `steady_shop` every week."""
OUT = ("id", "contract_number", "tag_id", "scan_type", "scan_date", "status", "rental_class_num")


async def insert(engine: AsyncEngine, table: Any, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    """Rows into a source table, in one transaction."""
    async with db.transaction(engine) as connection:
        await db.insert_rows(connection, table, columns, rows)


def departures(weeks: int, first: date = FIRST_MONDAY) -> Iterator[tuple[Any, ...]]:
    """Every class's units leave on Tuesday and come back on the Monday after; each unit carries its own tag."""
    number = 0
    for week in range(weeks):
        for rental_class, (_, _, _, units) in SHOP.items():
            out = datetime.combine(first + timedelta(days=7 * week + 1), datetime.min.time()) + timedelta(hours=9)
            for unit in range(units):
                tag, contract = f"{rental_class}-{unit:03d}", f"C{week:03d}{rental_class}"
                yield number, contract, tag, "Rental", str(out + timedelta(seconds=unit)), "On Rent", rental_class
                yield number + 1, contract, tag, "Return", str(out + timedelta(days=6)), "Ready to Rent", rental_class
                number += 2


async def steady_shop(engine: AsyncEngine, weeks: int = 30, first: date = FIRST_MONDAY) -> None:
    """Three classes that rent the same number every week, twice as many tags as leave, a category without history."""
    await db.create_tables(engine, tables.source_metadata)
    await insert(engine, tables.stores, ("pos_store_code", "store_id", "store_name", "is_active"),
                 [("001", "3607", "Wayzata", 1), ("003", "8101", "Fridley", 1)])  # fmt: skip
    mapping = [(number, category, sub, "N/A") for number, (category, sub, _, _) in SHOP.items()]
    await insert(engine, tables.user_mappings, ("rental_class_id", "category", "subcategory", "short_common_name"),
                 [*mapping, ("7", "Tents", "Frame Tents", "N/A")])  # fmt: skip
    await insert(engine, tables.seed_classes, ("rental_class_id", "common_name"), [("61825", "90 ROUND WHITE LINEN")])
    tags = [
        (f"{number}-{unit:03d}", number, "Ready to Rent", store, "None")
        for number, (_, _, store, units) in SHOP.items() for unit in range(2 * units)
    ]  # fmt: skip
    await insert(engine, tables.items, ("tag_id", "rental_class_num", "status", "current_store", "identifier_type"), tags)
    card = [(f"P{number}", int(number), '{"24": "12.00", "168": "24.00"}', "8101") for number in ("61825", "61839")]
    await insert(engine, tables.items, ("tag_id", "item_num", "rental_rates", "home_store"), card)
    await insert(engine, tables.scans, OUT, list(departures(weeks, first)))


async def newcomer_class(engine: AsyncEngine, weeks: int, units: int = 8, last_weeks: int = 4) -> None:
    """A class of a category of its own that first leaves `last_weeks` weeks before the end of a steady shop."""
    await insert(engine, tables.user_mappings, ("rental_class_id", "category", "subcategory", "short_common_name"),
                 [("90001", "Heaters", "Patio Heaters", "N/A")])  # fmt: skip
    rows = [
        (10**7 + 100 * week + unit, f"H{week}", f"90001-{unit}", "Rental",
         str(datetime.combine(FIRST_MONDAY + timedelta(days=7 * week + 1), datetime.min.time()) + timedelta(hours=9, seconds=unit)),
         "On Rent", "90001")
        for week in range(weeks - last_weeks, weeks) for unit in range(units)
    ]  # fmt: skip
    await insert(engine, tables.scans, OUT, rows)
