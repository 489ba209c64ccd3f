"""Events for tests: rows as readers and tills send them, and a clock that stands on a Saturday in May."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import FixedClock
from rfid3_shared.events.event import ShopEvent
from rfid3_shared.events.read import as_event
from rfid3_shared.events.rows import Window
from rfid3_shared.events.tables import shop_events

NOON = datetime(2026, 5, 9, 17, 0, tzinfo=UTC)
"""12:00 in the shop."""


def noon() -> FixedClock:
    """A clock of its own that stands at noon."""
    return FixedClock(NOON)


def window(**given: Any) -> Window:
    """What may have happened, seen from noon."""
    now = NOON.replace(tzinfo=None)
    return Window(**{"zone": noon().zone, "earliest": now - timedelta(days=90), "latest": now + timedelta(minutes=5), **given})


def scan(number: int = 1, **other: Any) -> dict[str, Any]:
    """A scan, half an hour before noon."""
    row = {"event_id": f"e{number}", "tag_id": f"TAG{number}", "scan_type": "Rental", "occurred_at": "2026-05-09T11:30:00"}
    return {**row, "contract_number": "210774", "rental_class": "61825", **other}


def line(number: int = 1, **other: Any) -> dict[str, Any]:
    """A POS line, an hour before noon."""
    row = {"kind": "line", "event_id": f"l{number}", "contract_no": "210774", "line_number": number, "store_no": "001"}
    return {**row, "item_num": "61825", "qty": 24, "occurred_at": "2026-05-09T11:00:00", **other}


async def after(connection: AsyncConnection, seq: int) -> list[ShopEvent]:
    """Every event that arrived after this number, in the order in which they did."""
    query = select(shop_events).where(shop_events.c.seq > seq).order_by(shop_events.c.seq)
    return [as_event(row) for row in await connection.execute(query)]
