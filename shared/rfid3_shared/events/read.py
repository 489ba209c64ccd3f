"""Which events still count, and up to which number are there any? What readers of `shop_events` share.

An event counts for `events_trust_days` after its arrival. What RFID3 has not written itself by then is not believed any longer: its
tables are the truth, and a tag that a reader saw in passing must not stay out of the shop for ever. Nothing is deleted for that.
"""

from datetime import datetime, timedelta

from sqlalchemy import Row, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.events.event import ShopEvent
from rfid3_shared.events.tables import shop_events
from rfid3_shared.jobs.requests import stored_now


def trusted_since(clock: Clock, trust_days: float) -> datetime:
    """The arrival, in naive UTC, from which events still count."""
    return stored_now(clock) - timedelta(days=trust_days)


async def newest_seq(connection: AsyncConnection) -> int:
    """The number of the newest event; 0 without any."""
    return int((await connection.execute(select(func.max(shop_events.c.seq)))).scalar() or 0)


def as_event(row: Row[tuple[object, ...]]) -> ShopEvent:
    """A row of `shop_events` as what it tells."""
    return ShopEvent(
        seq=row.seq, event_id=row.event_id, kind=row.kind, origin=row.origin, received_at=row.received_at,
        occurred_at=row.occurred_at, tag_id=row.tag_id, rental_class=row.rental_class, contract=row.contract, facts=row.facts,
    )  # fmt: skip
