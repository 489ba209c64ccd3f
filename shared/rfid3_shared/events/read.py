"""Which events are there, for whoever joins them with RFID3's tables? In order of arrival, or by what they speak of.

An event counts for `events_trust_days` after its arrival. What RFID3 has not written itself by then is not believed any longer: its
tables are the truth, and a tag that a reader saw in passing must not stay out of the shop for ever. Nothing is deleted for that.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import Row, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.db import sliced
from rfid3_shared.events.event import Kind, ShopEvent
from rfid3_shared.events.tables import shop_events
from rfid3_shared.jobs.requests import stored_now

TRUST_DAYS = 14.0
"""Default of the setting events_trust_days."""


def trusted_since(clock: Clock, trust_days: float = TRUST_DAYS) -> datetime:
    """The arrival, in naive UTC, from which events still count."""
    return stored_now(clock) - timedelta(days=trust_days)


async def newest_seq(connection: AsyncConnection) -> int:
    """The number of the newest event; 0 without any."""
    return int((await connection.execute(select(func.max(shop_events.c.seq)))).scalar() or 0)


async def after(connection: AsyncConnection, seq: int, limit: int = 1_000) -> list[ShopEvent]:
    """At most so many events that arrived after this number, in the order in which they did.

    None below the last of them becomes visible later.
    """
    query = select(shop_events).where(shop_events.c.seq > seq).order_by(shop_events.c.seq).limit(limit)
    return [as_event(row) for row in await connection.execute(query)]


async def scans_since(
    connection: AsyncConnection, since: datetime, *, clock: Clock, trust_days: float = TRUST_DAYS,
    classes: Collection[str] | None = None, tags: Collection[str] | None = None,
) -> list[ShopEvent]:  # fmt: skip
    """Scans from `since` (naive shop time) on that still count, by when they happened.

    Of these rental classes as the scans themselves name them, or of these tags: of either where both are given, of all where neither.
    A scan that does not name its class is found by its tag only.
    """
    return await _since(connection, "scan", since, trusted_since(clock, trust_days), rental_class=classes, tag_id=tags)


async def lines_since(
    connection: AsyncConnection, since: datetime, *, clock: Clock, trust_days: float = TRUST_DAYS,
    classes: Collection[str] | None = None, contracts: Collection[str] | None = None,
) -> list[ShopEvent]:  # fmt: skip
    """POS lines from `since` (naive shop time) on that still count, by when they were so: of one line the last one is how it stands.

    Of these rental classes (item numbers), or of these contracts: of either where both are given, of all where neither is.
    """
    return await _since(connection, "line", since, trusted_since(clock, trust_days), rental_class=classes, contract=contracts)


async def _since(
    connection: AsyncConnection, kind: Kind, since: datetime, received_since: datetime, **wanted: Collection[str] | None
) -> list[ShopEvent]:
    c = shop_events.c
    every = select(shop_events).where(c.kind == kind, c.occurred_at >= since, c.received_at >= received_since)
    queries: list[Select[tuple[object, ...]]] = []
    given = {name: values for name, values in wanted.items() if values is not None}
    for name, values in given.items():
        queries += [every.where(c[name].in_(some)) for some in sliced(values)]
    if not given:
        queries = [every]
    found: dict[int, ShopEvent] = {}
    for query in queries:
        found |= {row.seq: as_event(row) for row in await connection.execute(query)}
    return sorted(found.values(), key=lambda event: (event.occurred_at, event.seq))


def as_event(row: Row[tuple[object, ...]]) -> ShopEvent:
    """A row of `shop_events` as what it tells."""
    return ShopEvent(
        seq=row.seq, event_id=row.event_id, kind=row.kind, origin=row.origin, received_at=row.received_at,
        occurred_at=row.occurred_at, tag_id=row.tag_id, rental_class=row.rental_class, contract=row.contract, facts=row.facts,
    )  # fmt: skip
