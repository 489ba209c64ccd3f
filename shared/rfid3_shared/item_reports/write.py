"""How does a report of a single item get into the store, once? In the caller's transaction; the same fact again is the same report."""

from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from sqlalchemy import Table, select
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.item_reports.tables import inspections, maintenance_events


@dataclass(frozen=True, slots=True)
class ItemEvent:
    """What happened to one item. event: failure | serviced | no_fault; kind: repair | cleaning | retirement | loss; occurred_at: aware."""

    item_id: str
    event: str
    kind: str
    occurred_at: datetime
    cost_usd: float | None = None
    reported_by: str = ""


@dataclass(frozen=True, slots=True)
class Inspection:
    """What somebody saw who looked at an item. grade: A+ … F; defects: RFID3's names; inspected_at: aware."""

    item_id: str
    grade: str
    inspected_at: datetime
    defects: tuple[str, ...] = ()
    reported_by: str = ""


async def post_event(connection: AsyncConnection, event: ItemEvent, clock: Clock) -> tuple[str, bool]:
    """Keep an event: its report's id, and whether it is new. Item, event, kind and moment (to the second) say which event it is: sent
    again it is the first report, as it was; a cost said later does not change it. Raises ValueError for a moment without zone."""
    at = _stored(event.occurred_at)
    row = {
        "item_id": event.item_id, "event": event.event, "kind": event.kind, "occurred_at": at, "cost_usd": event.cost_usd,
        "reported_by": event.reported_by,
    }  # fmt: skip
    return await _post(connection, maintenance_events, (event.item_id, event.event, event.kind, at), row, clock)


async def post_inspection(connection: AsyncConnection, inspection: Inspection, clock: Clock) -> tuple[str, bool]:
    """Keep an inspection: its report's id, and whether it is new. Item, grade and moment (to the second) say which one it is.
    Raises ValueError for a moment without zone."""
    at = _stored(inspection.inspected_at)
    row = {
        "item_id": inspection.item_id, "grade": inspection.grade, "defects": sorted(set(inspection.defects)), "inspected_at": at,
        "reported_by": inspection.reported_by,
    }  # fmt: skip
    return await _post(connection, inspections, (inspection.item_id, inspection.grade, at), row, clock)


async def _post(
    connection: AsyncConnection, table: Table, fact: tuple[object, ...], row: dict[str, Any], clock: Clock
) -> tuple[str, bool]:
    sameness = blake2b("\x1f".join(map(str, fact)).encode(), digest_size=16).hexdigest()
    # the id is that of the fact in its table, so whoever comes second is told the same one
    report_id = blake2b(f"{table.name}\x1f{sameness}".encode(), digest_size=16).hexdigest()
    received = {"report_id": report_id, "sameness": sameness, "received_at": clock.now().astimezone(UTC).replace(tzinfo=None)}
    c = table.c
    known = select(c.report_id).where(c.sameness == sameness)
    if (await connection.execute(known)).first() is not None:
        return report_id, False
    written = await connection.execute(_insert(connection.dialect.name, table), row | received)
    # of two at the same time the second changes nothing: no row in SQLite, and in MySQL the row that is there, as it was
    return report_id, written.rowcount == 1


def _insert(dialect: str, table: Table) -> Any:
    if dialect == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return mysql.insert(table).on_duplicate_key_update(seq=table.c.seq)


def _stored(at: datetime) -> datetime:
    """Naive UTC in whole seconds."""
    if at.tzinfo is None:
        raise ValueError("a report's moment needs its zone")
    return at.astimezone(UTC).replace(tzinfo=None, microsecond=0)
