"""Which business day is it in the shop that the source describes?

Today by the clock; but a simulated company may have lived on further (`rfid3 twin advance`), and says so in a table of its own that
RFID3 does not have. In a real source what lies after today is a scanner with a wrong clock, not the future.
"""

from datetime import date

from sqlalchemy import Column, Date, Integer, MetaData, Table, delete, insert, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock

simulated_day = Table(
    "rfid3_twin_day", MetaData(), Column("id", Integer, primary_key=True), Column("last_day", Date, nullable=False)
)
"""One row: the last day a simulated company has lived through."""


async def business_day(connection: AsyncConnection, clock: Clock) -> date:
    """The later of today and the simulated company's last day, where the source is one."""
    today = clock.today()
    if not await connection.run_sync(lambda sync: inspect(sync).has_table(simulated_day.name)):
        return today
    lived = (await connection.execute(select(simulated_day.c.last_day))).scalar()
    return max(today, lived) if lived else today


async def note_simulated_day(connection: AsyncConnection, last_day: date) -> None:
    """Say how far the simulated company has lived."""
    await connection.run_sync(lambda sync: simulated_day.create(sync, checkfirst=True))
    await connection.execute(delete(simulated_day))
    await connection.execute(insert(simulated_day), {"id": 1, "last_day": last_day})
