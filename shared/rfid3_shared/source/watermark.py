"""What has RFID3 itself written since we last looked? Found by numbers and dates that only grow; no log of its server is needed.

Scans by id and date_updated, the item master by date_last_scanned, contracts and lines by id. What leaves no such trace (a row deleted,
a contract whose status changed) only a look at everything finds, and so does an update in the very second of the mark.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.source.tables import items, pos_contracts, pos_lines, scans

MOST_ROWS = 5_000
"""Rows above which it is quicker to look at everything."""


@dataclass(frozen=True)
class SourceMark:
    """How far RFID3's tables have come; 0 and None where a table is empty."""

    scan_id: int = 0
    scan_updated: datetime | None = None
    item_scanned: datetime | None = None
    contract_id: int = 0
    line_id: int = 0


@dataclass
class Touched:
    """What something was written about: rental classes, tags (as written), contracts."""

    classes: set[str] = field(default_factory=set)
    tags: set[str] = field(default_factory=set)
    contracts: set[str] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(self.classes or self.tags or self.contracts)

    def update(self, other: "Touched") -> None:
        """Add what another one names."""
        self.classes |= other.classes
        self.tags |= other.tags
        self.contracts |= other.contracts


async def read_mark(connection: AsyncConnection) -> SourceMark:
    """The mark of this moment."""
    newest = (
        func.max(scans.c.id), func.max(scans.c.date_updated), func.max(items.c.date_last_scanned), func.max(pos_contracts.c.id),
        func.max(pos_lines.c.id),
    )  # fmt: skip
    scan_id, updated, scanned, contract_id, line_id = [(await connection.execute(select(each))).scalar() for each in newest]
    return SourceMark(scan_id or 0, updated, scanned, contract_id or 0, line_id or 0)


async def touched_since(connection: AsyncConnection, before: SourceMark, after: SourceMark) -> Touched | None:
    """What was written between two marks; None = anything may have been, or too much to name."""
    if went_back(before, after):
        return None
    touched, s, i = Touched(), scans.c, items.c
    if (before.scan_id, before.scan_updated) != (after.scan_id, after.scan_updated):
        changed = (
            or_(s.id > before.scan_id, s.date_updated >= before.scan_updated) if before.scan_updated else s.id > before.scan_id
        )
        for tag, rental_class in await _some(connection, select(s.tag_id, s.rental_class_num).where(changed)):
            _note(touched, tag, rental_class)
    if before.item_scanned != after.item_scanned:
        seen = i.date_last_scanned >= before.item_scanned if before.item_scanned else i.date_last_scanned.is_not(None)
        for tag, rental_class in await _some(connection, select(i.tag_id, i.rental_class_num).where(seen)):
            _note(touched, tag, rental_class)
    for table, known, newest in (
        (pos_contracts, before.contract_id, after.contract_id),
        (pos_lines, before.line_id, after.line_id),
    ):
        if known != newest:
            rows = await _some(connection, select(table.c.contract_no).where(table.c.id > known))
            touched.contracts |= {row[0] for row in rows}
    too_much = max(len(touched.tags), len(touched.contracts)) >= MOST_ROWS
    return None if too_much else touched


def went_back(before: SourceMark, after: SourceMark) -> bool:
    """Whether rows have vanished or another source has taken the place of the one before."""
    pairs = [(getattr(before, name), getattr(after, name)) for name in SourceMark.__dataclass_fields__]
    return any(known is not None and (new is None or new < known) for known, new in pairs)


def _note(touched: Touched, tag: str | None, rental_class: str | None) -> None:
    if tag and tag.strip():
        touched.tags.add(tag)
    if rental_class and rental_class.strip():
        touched.classes.add(rental_class.strip())


async def _some(connection: AsyncConnection, query: Select[Any]) -> list[Any]:
    """The rows, each once, but no more than make everything worth looking at."""
    return list((await connection.execute(query.distinct().limit(MOST_ROWS))).all())
