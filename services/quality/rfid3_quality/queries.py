"""Which rows does quality read besides what the lives of items are rebuilt from? Every SQL statement of this service."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.item_reports.tables import inspections


async def last_inspection_seq(connection: AsyncConnection) -> int:
    """The number of the newest inspection in our store; 0 when there is none."""
    return (await connection.execute(select(func.max(inspections.c.seq)))).scalar() or 0
