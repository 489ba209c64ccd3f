"""How do the company's days reach RFID3's tables? All of the twin's statements on the source.

A run may stop at any moment: `rewind` takes back whatever lies beyond the last saved state, so the run can be repeated.
"""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import Any

import numpy as np
from sqlalchemy import BindParameter, Connection, Table, and_, bindparam, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.db import insert_rows
from rfid3_shared.source import tables
from rfid3_shared.twin import inventory, records
from rfid3_shared.twin.columns import Columns
from rfid3_shared.twin.labels import Labels
from rfid3_shared.twin.randomness import Array
from rfid3_shared.twin.state import State
from rfid3_shared.twin.world import World

BATCH_ROWS = 50_000
CACHE_KIB = 256 * 1024


async def insert_all(connection: AsyncConnection, table: Table, columns: Sequence[str], rows: Iterable[tuple[Any, ...]]) -> int:
    """Insert rows in batches, so that memory holds one batch at a time; returns how many."""
    source, total = iter(rows), 0
    while batch := list(islice(source, BATCH_ROWS)):
        total += await insert_rows(connection, table, columns, batch)
    return total


async def prepare(connection: AsyncConnection) -> None:
    """Give SQLite room for the indexes of a bulk load."""
    if connection.dialect.name == "sqlite":
        await connection.exec_driver_sql(f"PRAGMA cache_size=-{CACHE_KIB}")


async def holds_rows(connection: AsyncConnection) -> bool:
    """Whether any of RFID3's tables in the source already holds a row."""
    for table in tables.source_metadata.sorted_tables:
        if (await connection.execute(select(*table.primary_key).limit(1))).first() is not None:
            return True
    return False


def set_scan_indexes(connection: Connection, *, present: bool) -> None:
    """Create or drop the indexes of the scans: built once at the end they cost a fifth of what they cost row by row."""
    for index in tables.scans.indexes:
        (index.create if present else index.drop)(connection, checkfirst=True)


async def write_company(connection: AsyncConnection, world: World, labels: Labels) -> None:
    """What never changes: stores, mappings, seed classes, spare parts."""
    shipped, changed = inventory.mapping_rows(world, labels)
    await insert_all(connection, tables.stores, inventory.STORE_COLUMNS, inventory.store_rows())
    await insert_all(connection, tables.default_mappings, inventory.MAPPING_COLUMNS, shipped)
    await insert_all(connection, tables.user_mappings, inventory.MAPPING_COLUMNS, changed)
    await insert_all(connection, tables.seed_classes, inventory.SEED_COLUMNS, inventory.seed_rows(world, labels))
    await insert_all(connection, tables.pos_equipment, inventory.EQUIPMENT_COLUMNS, inventory.part_equipment_rows(world))


async def write_scans(connection: AsyncConnection, world: World, labels: Labels, scans: Columns) -> int:
    """Scans of some days; returns how many."""
    total = 0
    for first in range(0, len(scans["id"]), BATCH_ROWS):
        part = {name: values[first : first + BATCH_ROWS] for name, values in scans.items()}
        total += await insert_rows(connection, tables.scans, records.SCAN_COLUMNS, records.scan_rows(world, labels, part))
    return total


async def write_contracts(
    connection: AsyncConnection, world: World, labels: Labels, table: Columns, lines: Columns, state: tuple[str, str]
) -> int:
    """Contracts of one state with their lines; returns how many contracts."""
    rows = records.contract_rows(world.spec.start, table, state)
    count = await insert_all(connection, tables.pos_contracts, records.CONTRACT_COLUMNS, rows)
    await insert_all(connection, tables.pos_lines, records.LINE_COLUMNS, records.line_rows(world, labels, table, lines, state))
    return count


async def write_items(connection: AsyncConnection, world: World, labels: Labels, state: State) -> None:
    """The item master and the equipment list of a company written for the first time."""
    listed = inventory.listed_tags(world)
    listed = listed[np.argsort(labels.tag_id[listed], kind="stable")]
    await insert_all(connection, tables.items, inventory.TAG_COLUMNS, inventory.tag_rows(world, labels, state, listed))
    await insert_all(connection, tables.items, inventory.POS_ITEM_COLUMNS, inventory.pos_item_rows(world, labels, state))
    await insert_all(
        connection, tables.pos_equipment, inventory.EQUIPMENT_COLUMNS, inventory.equipment_rows(world, labels, state)
    )


async def update_items(connection: AsyncConnection, world: World, labels: Labels, state: State, changed: Array) -> None:
    """The item master and the equipment list after more days; `changed`: whether a tag moved, was scanned, graded or written off."""
    listed = inventory.listed_tags(world)
    changes = inventory.tag_changes(world, labels, state, listed[changed[listed]])
    moved = [dict(zip("isldqb", row, strict=True)) for row in changes]
    for row in moved:
        row["d"] = row["d"] and datetime.fromisoformat(row["d"])
    priced = inventory.pos_item_rows(world, labels, state)
    rates = [{"i": row[1], "r": json.loads(row[11]), "c": row[12]} for row in priced if row[11]]
    turnover = [{"i": row[0], "y": row[3], "l": row[4], "c": row[5]} for row in inventory.equipment_rows(world, labels, state)]
    items, equipment = tables.items, tables.pos_equipment
    i: BindParameter[Any] = bindparam("i")
    priced_as: dict[str, BindParameter[Any]] = {
        "rental_rates": bindparam("r", type_=items.c.rental_rates.type), "repair_cost_ltd": bindparam("c"),
    }  # fmt: skip
    earned: dict[str, BindParameter[Any]] = {
        "turnover_ytd": bindparam("y"), "turnover_ltd": bindparam("l"), "repair_cost_ytd": bindparam("c"),
    }  # fmt: skip
    live: dict[str, BindParameter[Any]] = {
        "status": bindparam("s"),
        "last_contract_num": bindparam("l"),
        "date_last_scanned": bindparam("d"),
        "quality": bindparam("q"),
        "bin_location": bindparam("b"),
    }
    for statement, values in (
        (update(items).where(items.c.tag_id == i).values(live), moved),
        (update(items).where(items.c.item_num == i).values(priced_as), rates),
        (update(equipment).where(equipment.c.item_num == i).values(earned), turnover),
    ):
        if values:
            await connection.execute(statement, values)


async def rewind(connection: AsyncConnection, last_day: date, next_scan: int) -> None:
    """Take back what was written beyond the last saved day, and what is still open and will be written anew."""
    contracts, lines, factors = tables.pos_contracts, tables.pos_lines, tables.external_factors
    pending = or_(
        contracts.c.status.in_((records.RESERVED[0], records.OUT[0])),
        contracts.c.close_date > datetime.combine(last_day, time(23, 59, 59)),
    )
    await connection.execute(delete(tables.scans).where(tables.scans.c.id >= next_scan))
    await connection.execute(delete(lines).where(lines.c.contract_no.in_(select(contracts.c.contract_no).where(pending))))
    await connection.execute(delete(contracts).where(pending))
    ahead = last_day + timedelta(days=records.HOLIDAYS_AHEAD_DAYS)
    await connection.execute(delete(factors).where(and_(factors.c.factor_type != "holiday", factors.c.date > last_day)))
    await connection.execute(delete(factors).where(factors.c.date > ahead))
