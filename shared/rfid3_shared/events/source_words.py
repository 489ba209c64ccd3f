"""What must be asked of RFID3's tables when events come in: how far a simulated company has lived, its stores, and which tags it knows.

RFID3's database may be out of reach: events come in all the same, and less is said of them.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy import inspect, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.db import sliced, transaction
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.log import get_logger
from rfid3_shared.source.business_day import simulated_day
from rfid3_shared.source.store_codes import store_codes
from rfid3_shared.source.tables import items, stores

TIMEOUT_S = 2.0
FAULTS = (StoreUnavailable, SQLAlchemyError, OSError, TimeoutError)
log = get_logger("events.source")


@dataclass(frozen=True)
class SourceWords:
    """lived_until: end of the last day of a simulated company, in naive shop time; None for a real one."""

    lived_until: datetime | None
    codes: Mapping[str, str]


async def ask_source(source: AsyncEngine) -> SourceWords | None:
    """What the source says; None when it cannot be asked now."""
    try:
        async with asyncio.timeout(TIMEOUT_S), transaction(source) as connection:
            lived = None
            if await connection.run_sync(lambda sync: inspect(sync).has_table(simulated_day.name)):
                lived = (await connection.execute(select(simulated_day.c.last_day))).scalar()
            known = await connection.execute(select(stores.c.pos_store_code, stores.c.store_id))
            codes = store_codes((pos_code, own) for pos_code, own in known)
    except FAULTS as fault:
        log.warning("source_unavailable", effect="stores and unknown tags are not told", fault=type(fault).__name__)
        return None
    return SourceWords(datetime.combine(lived, time(23, 59, 59)) if lived else None, codes)


async def unknown_tags(source: AsyncEngine, tags: Iterable[str]) -> int | None:
    """How many of the tags are not in the item master; None when it cannot be asked now."""
    missing = set(tags)
    if not missing:
        return 0
    try:
        async with asyncio.timeout(TIMEOUT_S), transaction(source) as connection:
            # RFID3 writes some tags with a space before them
            for some in sliced(written for tag in sorted(missing) for written in (tag, f" {tag}")):
                found = (await connection.execute(select(items.c.tag_id).where(items.c.tag_id.in_(some)))).scalars()
                missing -= {tag.strip() for tag in found}
    except FAULTS:
        return None
    return len(missing)
