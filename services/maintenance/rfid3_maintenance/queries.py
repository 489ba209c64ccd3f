"""Which rows does maintenance read besides what the lives of items are rebuilt from? Every SQL statement of this service."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, inspect, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.source.tables import pos_contracts, pos_equipment, pos_lines
from rfid3_shared.source.vocabulary import CANCELLED_WORDS

AHEAD_DAYS = 365
DAY_S = 86_400.0


async def class_repair_usd(connection: AsyncConnection) -> dict[str, float]:
    """Dollars that the POS booked this year for repairs of each rental class; only those with any."""
    there = await connection.run_sync(lambda sync: inspect(sync).has_table(pos_equipment.name))
    if not there:
        return {}
    e = pos_equipment.c
    query = select(func.trim(e.item_num), e.repair_cost_ytd).where(e.repair_cost_ytd > 0)
    return {str(number): float(usd) for number, usd in await connection.execute(query)}


async def next_bookings(connection: AsyncConnection, now: datetime) -> dict[str, dict[str, Any]]:
    """Rental class → its next contract still to leave: leaves_in_days, out_days (None where it does not say), units.

    now: naive shop time. Quotes bind nobody; cancelled contracts do not leave.
    """
    there = set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))
    if not {pos_contracts.name, pos_lines.name} <= there:
        return {}
    c, lines = pos_contracts.c, pos_lines.c
    query = (
        select(func.trim(lines.item_num), c.promised_delivery_date, c.promised_pickup_date, lines.hours, func.coalesce(lines.qty, 1))
        .join(pos_contracts, c.contract_no == lines.contract_no)
        .where(
            c.promised_delivery_date > now, c.promised_delivery_date <= now + timedelta(days=AHEAD_DAYS),
            lines.item_num.is_not(None), or_(c.status.is_(None), c.status.not_in((*CANCELLED_WORDS, "Quote"))),
        )
        .order_by(c.promised_delivery_date)
    )  # fmt: skip
    found: dict[str, dict[str, Any]] = {}
    for number, leaves, back, hours, units in await connection.execute(query):
        if number in found:
            continue
        out = (back - leaves).total_seconds() / DAY_S if back and back > leaves else hours / 24 if hours else None
        found[number] = {"leaves_in_days": (leaves - now).total_seconds() / DAY_S, "out_days": out, "units": int(units)}
    return found
