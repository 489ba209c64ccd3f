"""Which rows do RFID3 and the events hold of some classes, or of all? SQL in, plain rows out; nothing is joined here.

RFID3's tables have no index on the class of a scan, so a class is read by its tags: those of the item master, and those that were
scanned under it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_demand.queries import left_at
from rfid3_demand.taking_in.shapes import AFTER_ALL_IDS, Rows, day_end, since
from rfid3_shared.clock import week_start
from rfid3_shared.db import sliced
from rfid3_shared.events.event import Kind
from rfid3_shared.events.tables import shop_events
from rfid3_shared.source.tables import items, pos_contracts, pos_lines, scans
from rfid3_shared.source.vocabulary import BACK_SCAN_TYPES, CANCELLED_WORDS, OUT_SCAN_TYPES, SEEN_SCAN_TYPES

KNOWN_TYPES = OUT_SCAN_TYPES + BACK_SCAN_TYPES + SEEN_SCAN_TYPES
PAGE = 5_000
MOST_TAGS = 4_000
"""Tags above which all scans of the weeks in question are read instead of each tag's."""
Found = list[Sequence[Any]]


async def read_rows(
    source: AsyncConnection, store: AsyncConnection, moment: datetime, trusted: datetime, classes: frozenset[str] | None = None
) -> Rows:
    """Everything that has to do with these classes; with all of them when none are named.

    trusted: arrival (naive UTC) from which events count; RFID3 should have written earlier ones itself.
    """
    rows = Rows()
    wanted = None if classes is None else sorted(classes)
    tags = None if wanted is None else await _tags_of(source, store, wanted, since(moment), trusted)
    if tags is not None and len(tags) > MOST_TAGS:
        tags = None
    rows.tags, rows.scans = await _tags(source, tags), await _scans(source, tags, since(moment))
    rows.event_scans = await _event_scans(
        store, None if tags is None else {tag.strip() for tag in tags}, since(moment), trusted
    )
    rows.lines, rows.contracts = await _posted(source, wanted, moment)
    numbers = {row[4] for row in (*rows.scans, *rows.event_scans) if row[4]} | {row[4] for row in rows.tags if row[4]}
    rows.booked_ahead = await _booked_ahead(source, moment)
    # whether anything is booked ahead may hang on an event's line of any class
    rows.event_lines = await event_lines(store, wanted if rows.booked_ahead else None, numbers, trusted)
    said = {row[2] for row in rows.event_lines}
    rows.lines += [
        row
        for number in sliced(sorted(said))
        for row in await _fetch(source, _lines().where(pos_lines.c.contract_no.in_(number)))
    ]
    for part in sliced(sorted(numbers | said)):
        rows.contracts += await _fetch(source, _contracts().where(pos_contracts.c.contract_no.in_(part)))
    return rows


def believed(kind: Kind, trusted: datetime) -> tuple[ColumnElement[bool], ...]:
    """Events of this kind that count."""
    return shop_events.c.kind == kind, shop_events.c.received_at >= trusted


async def _tags_of(
    source: AsyncConnection, store: AsyncConnection, classes: list[str], begin: datetime, trusted: datetime
) -> set[str]:
    """Tags of the classes as they are written, and in the two usual ways of writing them."""
    found: set[str] = set()
    for part in sliced(sorted(classes)):
        of_items = select(items.c.tag_id).where(func.trim(items.c.rental_class_num).in_(part))
        of_scans = select(scans.c.tag_id).where(_recent(begin), func.trim(scans.c.rental_class_num).in_(part))
        e = shop_events.c
        of_events = select(e.tag_id).where(*believed("scan", trusted), e.rental_class.in_(part), e.occurred_at >= begin)
        for connection, query in ((source, of_items), (source, of_scans.distinct()), (store, of_events.distinct())):
            found.update(row[0] for row in await _fetch(connection, query) if row[0])
    return found | {tag.strip() for tag in found} | {f" {tag.strip()}" for tag in found}


async def _tags(source: AsyncConnection, tags: set[str] | None) -> Found:
    i = items.c
    query = select(
        i.tag_id, i.rental_class_num, i.status, i.bin_location, i.last_contract_num, i.current_store, i.home_store, i.date_last_scanned
    )  # fmt: skip
    if tags is None:
        return await _fetch(source, query)
    return [row for part in sliced(sorted(tags)) for row in await _fetch(source, query.where(i.tag_id.in_(part)))]


def _recent(begin: datetime) -> ColumnElement[bool]:
    return and_(scans.c.scan_type.in_(KNOWN_TYPES), scans.c.scan_date >= begin)


async def _scans(source: AsyncConnection, tags: set[str] | None, begin: datetime) -> Found:
    s = scans.c
    query = select(
        s.id, func.trim(s.tag_id), s.scan_type, s.scan_date, s.contract_number, func.nullif(func.trim(s.rental_class_num), ""),
        s.status, s.bin_location,
    ).where(_recent(begin))  # fmt: skip
    if tags is None:
        return await _fetch(source, query)
    return [row for part in sliced(sorted(tags)) for row in await _fetch(source, query.where(s.tag_id.in_(part)))]


async def _event_scans(store: AsyncConnection, tags: set[str] | None, begin: datetime, trusted: datetime) -> Found:
    e = shop_events.c
    query = select(e.seq, e.tag_id, e.occurred_at, e.contract, e.rental_class, e.facts).where(
        *believed("scan", trusted), e.occurred_at >= begin
    )
    queries = [query] if tags is None else [query.where(e.tag_id.in_(part)) for part in sliced(sorted(tags))]
    return [
        (AFTER_ALL_IDS + seq, tag.strip(), facts.get("scan_type"), at, contract or None, cls or None, facts.get("status"),
         facts.get("bin_location"))
        for each in queries for seq, tag, at, contract, cls, facts in await _fetch(store, each)
        if facts.get("scan_type") in KNOWN_TYPES
    ]  # fmt: skip


def _contracts() -> Select[Any]:
    c = pos_contracts.c
    return select(c.contract_no, c.store_no, c.status, c.contract_date, c.promised_delivery_date, c.actual_delivery_date)


def _lines() -> Select[Any]:
    line = pos_lines.c
    return select(line.contract_no, line.line_number, func.trim(line.item_num), line.qty)


async def _posted(source: AsyncConnection, classes: list[str] | None, moment: datetime) -> tuple[Found, Found]:
    """Lines and contracts whose goods left in the weeks in question, or are promised for the moment's."""
    promised, begin = pos_contracts.c.promised_delivery_date, since(moment)
    end = datetime.combine(week_start(moment.date()) + timedelta(days=7), datetime.min.time())
    due = or_(and_(left_at() >= begin, left_at() < end), and_(promised >= begin, promised < end))
    query = (
        _lines().add_columns(*_contracts().selected_columns).where(pos_lines.c.contract_no == pos_contracts.c.contract_no, due)
    )
    own = func.trim(pos_lines.c.item_num)
    queries = [query] if classes is None else [query.where(own.in_(part)) for part in sliced(sorted(classes))]
    both = [row for each in queries for row in await _fetch(source, each)]
    return [row[:4] for row in both], list({row[4:] for row in both})


async def event_lines(store: AsyncConnection, classes: list[str] | None, numbers: set[str], trusted: datetime) -> Found:
    """Lines of the contracts on which one of the classes stands, or which are among `numbers`."""
    e = shop_events.c
    query = select(e.seq, e.occurred_at, e.contract, e.rental_class, e.facts).where(*believed("line", trusted))
    if classes is None:
        return [_line(*row) for row in await _fetch(store, query)]
    wanted = set(numbers)
    for part in sliced(sorted(classes)):
        ours = select(e.contract).where(*believed("line", trusted), e.rental_class.in_(part))
        wanted.update(row[0] for row in await _fetch(store, ours.distinct()))
    if not (await store.execute(query.limit(1))).first():
        return []
    return [_line(*row) for part in sliced(sorted(wanted)) for row in await _fetch(store, query.where(e.contract.in_(part)))]


def _line(seq: int, occurred_at: datetime, contract: str, rental_class: str, facts: dict[str, Any]) -> tuple[Any, ...]:
    dates = (
        datetime.fromisoformat(text) if (text := facts.get(name)) else None
        for name in ("contract_date", "promised_delivery_date", "actual_delivery_date")
    )
    return (seq, occurred_at, contract, facts.get("line_number"), rental_class or None, facts.get("qty"), facts.get("store_no"),
            facts.get("status"), *dates)  # fmt: skip


async def _booked_ahead(source: AsyncConnection, moment: datetime) -> bool:
    c = pos_contracts.c
    binding = or_(c.status.is_(None), c.status.not_in((*CANCELLED_WORDS, "Quote")))
    query = (
        select(c.contract_no)
        .where(c.promised_delivery_date > day_end(moment), c.contract_date <= day_end(moment), binding)
        .limit(1)
    )
    return (await source.execute(query)).first() is not None


async def _fetch(connection: AsyncConnection, query: Select[Any]) -> Found:
    """The rows of a query, page by page, so that the event loop gets its turn."""
    found: Found = []
    async for page in (await connection.stream(query.execution_options(yield_per=PAGE))).partitions(PAGE):
        found.extend(tuple(row) for row in page)
    return found
