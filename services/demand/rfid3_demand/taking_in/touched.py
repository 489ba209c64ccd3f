"""Which classes may have changed, given what happened or was written? Everything whose features rest on the same rows. SQL."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_demand.queries import left_at
from rfid3_demand.taking_in.reading import KNOWN_TYPES
from rfid3_demand.taking_in.shapes import since
from rfid3_shared.db import sliced
from rfid3_shared.events.tables import shop_events
from rfid3_shared.source.tables import items, pos_contracts, pos_lines, scans
from rfid3_shared.source.watermark import Touched

ROLLING = (timedelta(hours=1), timedelta(days=1))
"""Windows that move with the moment: what leaves them changes a value though nothing happened to its class."""
MOST_EVENTS = 5_000
"""Events above which everything is computed anew at once."""


async def arrived(store: AsyncConnection, seq: int) -> tuple[int, Touched | None]:
    """The number of the newest event, and what those after `seq` are about; None when they are too many to name."""
    e = shop_events.c
    query = select(e.seq, e.kind, e.rental_class, e.tag_id, e.contract).where(e.seq > seq).order_by(e.seq).limit(MOST_EVENTS)
    rows = (await store.execute(query)).all()
    if len(rows) == MOST_EVENTS:
        return int((await store.execute(select(func.max(e.seq)))).scalar() or 0), None
    touched = Touched({row.rental_class for row in rows if row.rental_class}, {row.tag_id for row in rows if row.tag_id})
    touched.contracts = {row.contract for row in rows if row.kind == "line"}
    return (rows[-1].seq if rows else seq), touched


async def classes_of(source: AsyncConnection, store: AsyncConnection, touched: Touched, moment: datetime) -> frozenset[str]:
    """The classes themselves, those of the tags, and those of whatever stands on the contracts or left under their number."""
    classes, e, begin = set(touched.classes), shop_events.c, since(moment)
    tags = {tag.strip() for tag in touched.tags}
    line, scan, item = pos_lines.c, scans.c, items.c
    last_contract = select(item.rental_class_num).where(item.last_contract_num.in_(()))
    if touched.contracts:
        on_lines, of_events = select(line.item_num), select(e.rental_class)
        last_contract = select(item.rental_class_num)
        scanned = select(scan.tag_id).where(scan.scan_type.in_(KNOWN_TYPES), scan.scan_date >= begin)
        sent = select(e.tag_id).where(e.kind == "scan", e.occurred_at >= begin)
        numbers = touched.contracts
        classes |= await _in(source, on_lines, line.contract_no, numbers) | await _in(store, of_events, e.contract, numbers)
        classes |= await _in(source, last_contract, item.last_contract_num, numbers)
        tags |= await _in(source, scanned, scan.contract_number, numbers) | await _in(store, sent, e.contract, numbers)
    spelled = tags | {f" {tag}" for tag in tags} | touched.tags
    classes |= await _in(source, select(item.rental_class_num), item.tag_id, spelled)
    recent = select(scan.rental_class_num).where(scan.scan_date >= begin)
    classes |= await _in(source, recent, scan.tag_id, spelled)
    classes |= await _in(store, select(e.rental_class).where(e.kind == "scan", e.occurred_at >= begin), e.tag_id, tags)
    return frozenset(classes)


async def outdated(source: AsyncConnection, store: AsyncConnection, before: datetime, moment: datetime) -> Touched:
    """What moved in the spans that leave or enter a rolling window when the moment moves on from `before`."""
    touched = Touched()
    if moment <= before:
        return touched
    spans = [(before - span, moment - span) for span in (*ROLLING, timedelta(0))]
    scan, e, line = scans.c, shop_events.c, pos_lines.c
    for begin, end in spans:
        moved = select(scan.tag_id, scan.rental_class_num).where(
            scan.scan_type.in_(KNOWN_TYPES), scan.scan_date > begin, scan.scan_date <= end
        )
        sent = select(e.tag_id, e.rental_class).where(e.kind == "scan", e.occurred_at > begin, e.occurred_at <= end)
        for connection, query in ((source, moved), (store, sent)):
            for tag, rental_class in await connection.execute(query.distinct()):
                touched.tags |= {tag} if tag and tag.strip() else set()
                touched.classes |= {rental_class.strip()} if rental_class and rental_class.strip() else set()
    gone = or_(*((left_at() > begin) & (left_at() <= end) for begin, end in spans))
    posted = select(func.trim(line.item_num)).join(pos_contracts, pos_contracts.c.contract_no == line.contract_no).where(gone)
    touched.classes |= {row[0] for row in await source.execute(posted.distinct()) if row[0]}
    return touched


async def _in(connection: AsyncConnection, query: Select[Any], column: Any, values: Collection[str]) -> set[str]:
    """The words that rows with one of these values hold, without blanks around them."""
    found: set[str] = set()
    for part in sliced(sorted(values)):
        rows = await connection.execute(query.where(column.in_(part)).distinct())
        found |= {row[0].strip() for row in rows if row[0] and row[0].strip()}
    return found
