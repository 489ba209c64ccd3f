"""What would readers post on a busy day? Scans of units that stand ready, as events: for trying what the suite makes of them.

Nothing is written: RFID3's tables, and the twin's, stay as they are.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.errors import InsufficientData
from rfid3_shared.source.business_day import business_day
from rfid3_shared.source.tables import items, scans
from rfid3_shared.source.vocabulary import AVAILABLE_STATUSES, NOT_RENTED_BINS, OUT_SCAN_TYPES

OPENS, CLOSES = time(7), time(17)
BUSY_SHARE = 0.6
"""Of the units that stand ready, those that leave on a busy day unless a number is asked for."""
RECENT = timedelta(weeks=8)
UNITS_A_CONTRACT = 13
"""Units on an average contract of a real shop."""


@dataclass(frozen=True)
class BusyDay:
    """A day to be posted: which class, how many units, and when the first and the last of them leave (naive shop time)."""

    rental_class: str
    tags: tuple[str, ...]
    first_at: datetime
    last_at: datetime

    def events(self) -> Iterator[dict[str, Any]]:
        """One scan a unit, evenly over the day; the same day gives the same ids."""
        step = (self.last_at - self.first_at) / max(len(self.tags) - 1, 1)
        day = f"{self.first_at:%Y%m%d}"
        for at, tag in enumerate(self.tags):
            yield {
                "kind": "scan", "event_id": f"busy-{day}-{self.rental_class}-{at}", "tag_id": tag, "scan_type": "Rental",
                "occurred_at": (self.first_at + at * step).replace(microsecond=0).isoformat(),
                "contract_number": f"BUSY{day}-{at // UNITS_A_CONTRACT}", "rental_class": self.rental_class, "status": "On Rent",
            }  # fmt: skip


async def plan(
    connection: AsyncConnection,
    clock: Clock,
    *,
    rental_class: str | None = None,
    units: int | None = None,
    day: date | None = None,
) -> BusyDay:
    """A busy day of a class, by default of the one that left most in the last 8 weeks, today.

    Raises InsufficientData when no unit of it stands ready, or no class has left lately.
    """
    today = await business_day(connection, clock)
    on = day or today
    chosen = rental_class or await _busiest(connection, datetime.combine(on, OPENS))
    ready = (
        select(func.trim(items.c.tag_id)).where(
            items.c.rental_class_num == chosen, items.c.status.in_(AVAILABLE_STATUSES),
            func.coalesce(items.c.bin_location, "").not_in(NOT_RENTED_BINS),
        ).order_by(items.c.tag_id)
    )  # fmt: skip
    tags = [row[0] for row in await connection.execute(ready)]
    if not tags:
        raise InsufficientData(f"No unit of the class {chosen!r} stands ready to leave.", rental_class=chosen, found_units=0)
    first, last = datetime.combine(on, OPENS), datetime.combine(on, CLOSES)
    if on == clock.today():
        # nobody has scanned what is still to come; before the shop opens the day began at midnight
        last = min(last, clock.now().astimezone(clock.zone).replace(tzinfo=None))
        first = first if first <= last else datetime.combine(on, time())
    wanted = min(units or max(1, round(BUSY_SHARE * len(tags))), len(tags))
    return BusyDay(chosen, tuple(tags[:wanted]), first, last)


async def _busiest(connection: AsyncConnection, until: datetime) -> str:
    s = scans.c
    out = s.scan_type.in_(OUT_SCAN_TYPES)
    query = (
        select(func.trim(s.rental_class_num)).where(out, s.scan_date >= until - RECENT, func.trim(s.rental_class_num) != "")
        .group_by(func.trim(s.rental_class_num)).order_by(func.count().desc(), func.trim(s.rental_class_num)).limit(1)
    )  # fmt: skip
    found = (await connection.execute(query)).scalar()
    if found is None:
        raise InsufficientData("No class has left the shop in the last 8 weeks: name one with --class.", found_units=0)
    return str(found)
