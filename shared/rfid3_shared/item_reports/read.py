"""What was reported of one item, of many, of all since a moment?"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, RowMapping, Table, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.db import sliced
from rfid3_shared.item_reports.tables import inspections, maintenance_events


@dataclass(frozen=True, slots=True)
class ReportedEvent:
    """One row of `maintenance_events`; moments are aware, in UTC."""

    seq: int
    report_id: str
    item_id: str
    event: str
    kind: str
    occurred_at: datetime
    cost_usd: float | None
    reported_by: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class ReportedInspection:
    """One row of `inspections`; moments are aware, in UTC."""

    seq: int
    report_id: str
    item_id: str
    grade: str
    defects: tuple[str, ...]
    inspected_at: datetime
    reported_by: str
    received_at: datetime


async def load_events(
    connection: AsyncConnection, item_ids: Iterable[str] | None = None, *, received_after_seq: int = 0
) -> list[ReportedEvent]:
    """Events of the items named, or of all; those that were kept after the row numbered so. In order of item, then of time."""
    rows = await _rows(connection, maintenance_events, maintenance_events.c.occurred_at, item_ids, received_after_seq)
    return [
        ReportedEvent(
            row["seq"], row["report_id"], row["item_id"], row["event"], row["kind"], _aware(row["occurred_at"]), row["cost_usd"],
            row["reported_by"], _aware(row["received_at"]),
        ) for row in rows
    ]  # fmt: skip


async def load_inspections(
    connection: AsyncConnection, item_ids: Iterable[str] | None = None, *, received_after_seq: int = 0
) -> list[ReportedInspection]:
    """Inspections of the items named, or of all; those that were kept after the row numbered so. In order of item, then of time."""
    rows = await _rows(connection, inspections, inspections.c.inspected_at, item_ids, received_after_seq)
    return [
        ReportedInspection(
            row["seq"], row["report_id"], row["item_id"], row["grade"], tuple(row["defects"]), _aware(row["inspected_at"]),
            row["reported_by"], _aware(row["received_at"]),
        ) for row in rows
    ]  # fmt: skip


async def _rows(
    connection: AsyncConnection, table: Table, at: Column[Any], item_ids: Iterable[str] | None, after: int
) -> list[RowMapping]:
    query = select(table).where(table.c.seq > after)
    parts = [query] if item_ids is None else [query.where(table.c.item_id.in_(some)) for some in sliced(item_ids)]
    found = [row for part in parts for row in (await connection.execute(part)).mappings()]
    return sorted(found, key=lambda row: (row["item_id"], row[at.name], row["seq"]))


def _aware(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC)
