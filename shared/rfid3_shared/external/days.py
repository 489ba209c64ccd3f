"""From which day to which does the source know demand? Where a forecast's history begins and ends, as far as one can say from here."""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import func, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.source.business_day import business_day
from rfid3_shared.source.tables import pos_contracts, scans
from rfid3_shared.source.vocabulary import OUT_SCAN_TYPES


async def demand_days(connection: AsyncConnection, clock: Clock) -> tuple[date, date] | None:
    """First day on which a unit left, last day of scans (of contracts where nothing is scanned out); None where there is neither."""
    names = set(await connection.run_sync(lambda sync: inspect(sync).get_table_names()))
    end = datetime.combine(await business_day(connection, clock), time.max)
    spans: list[tuple[Any, Any]] = []
    if scans.name in names:
        out = select(func.min(scans.c.scan_date)).where(scans.c.scan_type.in_(OUT_SCAN_TYPES), scans.c.scan_date <= end)
        seen = select(func.max(scans.c.scan_date)).where(scans.c.scan_date <= end)
        spans.append(((await connection.execute(out)).scalar(), (await connection.execute(seen)).scalar()))
    if pos_contracts.name in names:
        c = pos_contracts.c
        left = func.coalesce(c.actual_delivery_date, c.promised_delivery_date, c.contract_date)
        spans.append(tuple((await connection.execute(select(func.min(left), func.max(left)).where(left <= end))).one()))
    known = [(_day(first), _day(last)) for first, last in spans if first is not None and last is not None]
    # the scans' last day where there are scans: it comes first
    return (min(first for first, _ in known), known[0][1]) if known else None


def _day(at: datetime | str) -> date:
    return date.fromisoformat(at[:10]) if isinstance(at, str) else at.date()
