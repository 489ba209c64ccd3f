"""Which inspections does a snapshot not know yet?"""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_quality.item import Reading
from rfid3_shared.clock import Clock
from rfid3_shared.item_reports.read import ReportedInspection, load_inspections
from rfid3_shared.source.vocabulary import grade_score


async def inspected(
    connection: AsyncConnection, clock: Clock, item_ids: Iterable[str] | None, after_seq: int
) -> dict[str, Reading]:  # fmt: skip
    """The newest inspection of each item among those kept after the one numbered so; of all items where none are named."""
    found = await inspections_of_items(connection, clock, item_ids, after_seq)
    return {item: known[-1][1] for item, known in found.items()}


async def inspections_of_items(
    connection: AsyncConnection, clock: Clock, item_ids: Iterable[str] | None, after_seq: int
) -> dict[str, list[tuple[ReportedInspection, Reading]]]:  # fmt: skip
    """Every inspection of them, by item and in order of time; with the row it was kept in."""
    found: dict[str, list[tuple[ReportedInspection, Reading]]] = {}
    for one in await load_inspections(connection, item_ids, received_after_seq=after_seq):
        grade = grade_score(one.grade)
        if grade is not None:
            reading = Reading(grade, shop_time(one.inspected_at, clock), one.report_id)
            found.setdefault(one.item_id, []).append((one, reading))
    return found


def shop_time(at: datetime, clock: Clock) -> datetime:
    """An aware moment as RFID3 writes it."""
    return at.astimezone(clock.zone).replace(tzinfo=None)
