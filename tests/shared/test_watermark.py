"""Is what RFID3 wrote between two looks named, and is it said when that cannot be known?"""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, insert, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.db import create_tables, open_engine
from rfid3_shared.source import watermark
from rfid3_shared.source.tables import items, pos_contracts, pos_lines, scans, source_metadata
from rfid3_shared.source.watermark import SourceMark, Touched, read_mark, touched_since

MORNING, NOON = datetime(2025, 5, 5, 8), datetime(2025, 5, 5, 12)


@pytest.fixture
async def source(dsn: str) -> AsyncIterator[AsyncEngine]:
    """RFID3's tables with a little in them, on SQLite and on MariaDB."""
    engine = open_engine(dsn)
    await create_tables(engine, source_metadata)
    async with engine.begin() as connection:
        await scan(connection, 1, "T1", "10", MORNING - timedelta(hours=1))
        await scan(connection, 2, "T2", "20", MORNING)
        await connection.execute(insert(items), {"tag_id": "T1", "rental_class_num": "10", "date_last_scanned": MORNING})
        await connection.execute(insert(pos_contracts), {"contract_no": "A", "store_no": "001"})
        await connection.execute(insert(pos_lines), {"contract_no": "A", "line_number": 1, "item_num": "10"})
    yield engine
    await engine.dispose()


async def scan(connection: AsyncConnection, number: int, tag: str, rental_class: str | None, at: datetime) -> None:
    row = {
        "id": number,
        "tag_id": tag,
        "scan_type": "Rental",
        "scan_date": at,
        "rental_class_num": rental_class,
        "date_updated": at,
    }
    await connection.execute(insert(scans), row)


async def after(engine: AsyncEngine, *statements: Any) -> Touched | None:
    """What is named once the statements are committed, against the mark before them."""
    async with engine.begin() as connection:
        before = await read_mark(connection)
    async with engine.begin() as connection:
        for statement in statements:
            await connection.execute(statement)
    async with engine.begin() as connection:
        return await touched_since(connection, before, await read_mark(connection))


async def test_the_mark_stands_still_while_nothing_is_written(source: AsyncEngine) -> None:
    """Two looks at the same rows give the same mark, and nothing touched."""
    async with source.begin() as connection:
        mark = await read_mark(connection)
        assert mark == await read_mark(connection) == SourceMark(2, MORNING, MORNING, 1, 1)
        assert not await touched_since(connection, mark, mark)


async def test_a_new_scan_names_tag_and_class(source: AsyncEngine) -> None:
    """A row with a higher id, wherever its time lies; of the rows before it only those of the mark's very second are named again."""
    new = insert(scans).values(
        id=3, tag_id=" T9", scan_type="Return", scan_date=MORNING.replace(year=2024), rental_class_num="30 "
    )
    assert await after(source, new) == Touched({"20", "30"}, {"T2", " T9"})


async def test_a_changed_scan_is_named_by_its_update(source: AsyncEngine) -> None:
    """A row of old that was updated: named by date_updated."""
    assert await after(source, update(scans).where(scans.c.id == 2).values(status="Repair", date_updated=NOON)) == Touched(
        {"20"}, {"T2"}
    )


async def test_a_tag_scanned_without_a_row_is_named(source: AsyncEngine) -> None:
    """The item master knows of a later scan: its tag and class are named."""
    assert await after(source, update(items).values(date_last_scanned=NOON)) == Touched({"10"}, {"T1"})


async def test_new_contracts_and_lines_name_their_contract(source: AsyncEngine) -> None:
    """A contract without lines, and a line of a contract known before."""
    contract = insert(pos_contracts).values(contract_no="B", store_no="001")
    line = insert(pos_lines).values(contract_no="A", line_number=2, item_num="20")
    assert await after(source, contract, line) == Touched(contracts={"A", "B"})


async def test_rows_that_vanish_leave_everything_open(source: AsyncEngine) -> None:
    """A highest id that is lower than before, an emptied table: anything may have changed."""
    assert await after(source, delete(scans).where(scans.c.id == 2)) is None
    assert await after(source, delete(pos_lines)) is None


async def test_too_much_to_name_leaves_everything_open(source: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit all is looked at, just below it the tags are named."""
    monkeypatch.setattr(watermark, "MOST_ROWS", 5)
    rows = [
        {"id": 10 + n, "tag_id": f"N{n}", "scan_type": "Rental", "scan_date": NOON, "rental_class_num": "10"} for n in range(4)
    ]
    few = await after(source, insert(scans).values(rows[:3]))
    assert few is not None
    assert few.tags == {"N0", "N1", "N2", "T2"}
    again = [{**row, "id": row["id"] + 10} for row in rows]
    assert await after(source, insert(scans).values(again)) is None
