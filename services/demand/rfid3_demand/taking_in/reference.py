"""Which classes, stores and codes does the source know, and up to which moment does anybody know anything? SQL."""

from datetime import date, datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_demand import queries
from rfid3_demand.taking_in.facts import Reference
from rfid3_demand.taking_in.reading import KNOWN_TYPES, believed, event_lines
from rfid3_demand.taking_in.shapes import day_end, since
from rfid3_shared.events.tables import shop_events
from rfid3_shared.source import movements, vocabulary
from rfid3_shared.source.tables import items, pos_lines, scans


async def read_reference(source: AsyncConnection, moment: datetime, history_days: int) -> Reference:
    """What the facts are placed and counted by; `history_days` of out scans decide which classes are scanned, as in training."""
    codes = await movements.load_store_codes(source)
    mapping = await queries.load_classes(source)
    i, s = items.c, scans.c
    of_tags = select(func.trim(i.tag_id), func.trim(i.rental_class_num)).where(i.rental_class_num.is_not(None))
    tags: dict[str, str] = {tag: cls for tag, cls in await source.execute(of_tags) if cls}
    lines = await source.execute(select(func.trim(pos_lines.c.item_num)).distinct())
    first = datetime.combine(moment.date() - timedelta(days=history_days), time())
    out = (s.scan_type.in_(vocabulary.OUT_SCAN_TYPES), s.scan_date >= first, s.scan_date < since(moment))
    own = func.trim(func.coalesce(s.rental_class_num, ""))
    scanned: set[str] = {row[0] for row in await source.execute(select(own).where(*out).distinct())}
    if "" in scanned:
        unnamed = await source.execute(select(func.trim(s.tag_id)).where(*out, own == "").distinct())
        scanned.update(tags[row[0]] for row in unnamed if row[0] in tags)
    said = await source.execute(select(func.trim(s.rental_class_num)).distinct())
    named = {str(row["rental_class"]) for row in mapping} | set(tags.values()) | {r[0] for r in (*lines, *said)}
    tests = {str(row["rental_class"]) for row in mapping if vocabulary.is_test_category(row["category"])}
    return Reference(
        codes, await movements.load_class_stores(source, codes), frozenset(tests), frozenset(scanned - {""}),
        frozenset(name for name in named if name),
    )  # fmt: skip


async def read_moment(source: AsyncConnection, store: AsyncConnection, today: date, trusted: datetime) -> datetime | None:
    """Up to when the data are known, naive shop time; None when nothing is.

    The newest scan of RFID3's or of the events, of any kind that is known, up to the end of the business day `today`; of a source
    without scans the newest goods that left by a contract. When the business day has moved on since, that day's last second.
    """
    end = day_end(datetime.combine(today, time()))
    s, e = scans.c, shop_events.c
    # one look-up in the index for each kind, where max() over all of them would read the table
    of_kinds = [select(func.max(s.scan_date)).where(s.scan_type == kind, s.scan_date <= end) for kind in KNOWN_TYPES]
    seen = [(await source.execute(query)).scalar() for query in of_kinds]
    newest_event = select(func.max(e.occurred_at)).where(*believed("scan", trusted), e.occurred_at <= end)
    seen.append((await store.execute(newest_event)).scalar())
    if not any(seen[: len(vocabulary.OUT_SCAN_TYPES)]):
        left = select(func.max(queries.left_at())).where(queries.left_at() <= end, queries.counted())
        seen += [(await source.execute(left)).scalar(), await _newest_of_lines(store, end, trusted)]
    known = [datetime.fromisoformat(at) if isinstance(at, str) else at for at in seen if at]
    if not known:
        return None
    newest = max(known)
    return day_end(newest) if newest.date() < today else newest


async def _newest_of_lines(store: AsyncConnection, end: datetime, trusted: datetime) -> datetime | None:
    """When the newest goods of the events' POS lines left, up to `end`."""
    lines = await event_lines(store, None, set(), trusted)
    left = [
        delivered or promised or written or occurred_at
        for _, occurred_at, *_, status, written, promised, delivered in lines if status not in vocabulary.NOT_LEFT_WORDS
    ]  # fmt: skip
    return max((at for at in left if at <= end), default=None)
