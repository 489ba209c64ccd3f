"""Which events does somebody want to see, newest first? And if there are none of that class, which one is probably meant?"""

import difflib
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.events.event import ShopEvent
from rfid3_shared.events.read import as_event
from rfid3_shared.events.tables import shop_events

MOST_COUNTED = 100_000
MOST_NAMES = 5_000
c = shop_events.c


async def list_events(
    connection: AsyncConnection, *, limit: int, offset: int = 0, before_seq: int | None = None, **wanted: Any
) -> list[ShopEvent]:
    """Events with these properties (see `matching`) that arrived before number `before_seq`, newest first."""
    conditions = matching(**wanted)
    if before_seq is not None:
        conditions.append(c.seq < before_seq)
    query = select(shop_events).where(*conditions).order_by(c.seq.desc()).limit(limit).offset(offset)
    return [as_event(row) for row in await connection.execute(query)]


async def count_events(connection: AsyncConnection, **wanted: Any) -> int:
    """How many have these properties; counting stops at MOST_COUNTED."""
    some = select(c.seq).where(*matching(**wanted)).limit(MOST_COUNTED).subquery()
    return int((await connection.execute(select(func.count()).select_from(some))).scalar_one())


async def similar_classes(connection: AsyncConnection, rental_class: str) -> list[str]:
    """For a class of which there is no event: classes that are spelt like it."""
    query = select(c.rental_class).where(c.rental_class != "").distinct().limit(MOST_NAMES)
    known = (await connection.execute(query)).scalars().all()
    return [] if rental_class in known else difflib.get_close_matches(rental_class, known, n=3, cutoff=0.5)


def matching(
    *, kind: str | None = None, tag_id: str | None = None, rental_class: str | None = None, origin: str | None = None,
    since: datetime | None = None, until: datetime | None = None,
) -> list[ColumnElement[bool]]:  # fmt: skip
    """Conditions on the table; what is None is not asked for. `since` and `until`: when it happened, naive shop time, both included."""
    equal = {"kind": kind, "tag_id": tag_id, "rental_class": rental_class, "origin": origin}
    found = [c[name] == value for name, value in equal.items() if value is not None]
    found += [] if since is None else [c.occurred_at >= since]
    return found + ([] if until is None else [c.occurred_at <= until])
