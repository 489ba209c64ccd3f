"""Which alerts has RFID3 raised itself? Its table `inventory_health_alerts`, read-only; those that nobody has dealt with."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import case, func, inspect, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.source.tables import health_alerts

ACTIVE = "active"
SEVERITIES = ("critical", "high", "medium", "low")
"""Worst first; another word comes last."""


@dataclass(frozen=True)
class HealthAlert:
    """One active alert of RFID3; `created_at` is naive shop time."""

    id: int
    tag_id: str | None
    rental_class: str | None
    alert_type: str | None
    severity: str | None
    suggested_action: str | None
    created_at: datetime | None


async def load_health_alerts(connection: AsyncConnection, limit: int) -> tuple[list[HealthAlert], dict[str, int]] | None:
    """The worst and newest active alerts, and how many there are by severity; None where RFID3 has no such table."""
    if not await connection.run_sync(lambda sync: inspect(sync).has_table(health_alerts.name)):
        return None
    a = health_alerts.c
    word = func.lower(func.trim(a.severity))
    rank = case({name: at for at, name in enumerate(SEVERITIES)}, value=word, else_=len(SEVERITIES))
    columns = (a.id, a.tag_id, a.rental_class_id, a.alert_type, a.severity, a.suggested_action, a.created_at)
    worst = select(*columns).where(a.status == ACTIVE).order_by(rank, a.created_at.desc(), a.id.desc()).limit(limit)
    found = [HealthAlert(*row) for row in await connection.execute(worst)]
    counted = select(word, func.count()).where(a.status == ACTIVE).group_by(word)
    return found, {str(name or ""): int(count) for name, count in await connection.execute(counted)}
