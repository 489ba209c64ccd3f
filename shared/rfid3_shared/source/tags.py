"""Does the source know any unit's life, and does it know this one? SQL."""

from sqlalchemy import inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.errors import InsufficientData
from rfid3_shared.source.tables import items, scans

NEEDED = (items, scans)


async def require_scans(connection: AsyncConnection) -> None:
    """Raises InsufficientData, naming what is missing, when the source has no item that was ever scanned."""
    there = set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))
    if missing := [table.name for table in NEEDED if table.name not in there]:
        raise InsufficientData("The source is not RFID3's database: it lacks some of its tables.", missing=missing)
    if (await connection.execute(select(scans.c.id).where(scans.c.tag_id.is_not(None)).limit(1))).first() is None:
        raise InsufficientData(
            "The source holds no scan: nothing is known of any item's life.", found_scans=0, needed_scans=1,
            missing="rows of id_transactions with a tag_id",
        )  # fmt: skip


async def is_item(connection: AsyncConnection, item_id: str) -> bool:
    """Whether the item master or a scan names this tag."""
    for column in (items.c.tag_id, scans.c.tag_id):
        if (await connection.execute(select(column).where(column == item_id).limit(1))).first() is not None:
            return True
    return False
