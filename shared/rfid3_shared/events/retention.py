"""How long do events stay? `events_keep_days` after their arrival, but never so short that one could come in again as a new one.

The newest one stays for ever, so that numbers never begin anew.
"""

from datetime import timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.events.tables import shop_events
from rfid3_shared.jobs.duties import Duty, Held, delete_in_batches
from rfid3_shared.jobs.requests import stored_now
from rfid3_shared.log import get_logger

BATCH = 500
INTERVAL_S = 3600.0
log = get_logger("events.retention")


async def delete_old_events(connection: AsyncConnection, keep: timedelta, clock: Clock) -> int:
    """Delete at most 500 of the events that have stayed long enough; how many."""
    c = shop_events.c
    newest = (await connection.execute(select(func.max(c.seq)))).scalar() or 0
    old = select(c.seq).where(c.received_at < stored_now(clock) - keep, c.seq < newest).order_by(c.received_at).limit(BATCH)
    numbers = (await connection.execute(old)).scalars().all()
    return (await connection.execute(delete(shop_events).where(c.seq.in_(numbers)))).rowcount if numbers else 0


async def forget_old_events(held: Held) -> None:
    """The duty: delete batch after batch, each in a transaction of its own, until none is left."""
    keep_days, oldest_days = held.settings.events_keep_days, held.settings.events_oldest_days
    # a day more than what is refused as too old: what is forgotten cannot be sent again
    keep = timedelta(days=max(keep_days, oldest_days + 1))
    deleted = await delete_in_batches(held.engine, lambda connection: delete_old_events(connection, keep, held.clock), BATCH)
    if deleted:
        log.info("old_events_deleted", count=deleted)


EVENT_RETENTION = Duty("event_retention", INTERVAL_S, forget_old_events)
