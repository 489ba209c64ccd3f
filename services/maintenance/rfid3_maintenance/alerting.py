"""Which items deserve a person's eye today? Alerts of single items: raised within a budget, never twice, silent while they rest.

They are rows of the suite's own alerts with the monitor "item" and the item as subject. An item that somebody snoozed is a closed
alert whose evidence holds until when it rests.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_maintenance.settings import SERVICE
from rfid3_shared.clock import Clock
from rfid3_shared.jobs.requests import stored_now
from rfid3_shared.monitor.alerts import Alert, close_alert, count_alerts, list_alerts, raise_alert
from rfid3_shared.monitor.tables import OF_ITEM, alerts

LONGEST_SNOOZE = timedelta(days=90)
LONGEST_SUBJECT = 100
UNTIL = "snoozed_until"
BY = "refresh"


async def open_items(connection: AsyncConnection) -> dict[str, Alert]:
    """Open alerts of items, by item."""
    found = await list_alerts(connection, service=SERVICE, monitor=OF_ITEM, limit=100_000)
    return {alert.subject: alert for alert in found}


async def page(connection: AsyncConnection, limit: int, offset: int) -> tuple[list[Alert], int]:
    """Open alerts of items, the worst level first, and how many there are."""
    found = await list_alerts(connection, service=SERVICE, monitor=OF_ITEM, limit=limit, offset=offset, worst_first=True)
    return found, await count_alerts(connection, service=SERVICE, monitor=OF_ITEM)


async def resting(connection: AsyncConnection, clock: Clock) -> dict[str, datetime]:
    """Items that rest now, and until when (aware)."""
    since = stored_now(clock) - LONGEST_SNOOZE
    query = select(alerts.c.subject, alerts.c.evidence).where(
        alerts.c.service == SERVICE, alerts.c.monitor == OF_ITEM, alerts.c.closed_at >= since
    )
    found: dict[str, datetime] = {}
    for subject, evidence in await connection.execute(query):
        if UNTIL in evidence and (until := datetime.fromisoformat(evidence[UNTIL])) > clock.now():
            found[subject] = max(until, found.get(subject, until))
    return found


async def raised_today(connection: AsyncConnection, clock: Clock) -> int:
    """Alerts of items that were raised on this business day."""
    start = datetime.combine(clock.today(), datetime.min.time(), clock.zone).astimezone(UTC).replace(tzinfo=None)
    query = select(alerts.c.id, alerts.c.evidence).where(
        alerts.c.service == SERVICE, alerts.c.monitor == OF_ITEM, alerts.c.opened_at >= start
    )
    return sum("at_request_of" not in str(evidence) for _, evidence in await connection.execute(query))


async def raise_all(
    connection: AsyncConnection, chosen: Sequence[dict[str, Any]], model_version: str, clock: Clock
) -> list[str]:
    """Raise an alert for each of {item_id, level, message, evidence}; the items whose alert is new."""
    new = []
    for one in chosen:
        if len(one["item_id"]) > LONGEST_SUBJECT:
            continue  # no tag is as long; the alert could not name it
        _, is_new = await raise_alert(
            connection, service=SERVICE, monitor=OF_ITEM, subject=one["item_id"], level=one["level"],
            message=one["message"], evidence=one["evidence"], model_version=model_version, clock=clock,
        )  # fmt: skip
        if is_new:
            new.append(one["item_id"])
    return new


async def close_over(connection: AsyncConnection, over: Iterable[tuple[Alert, str]], clock: Clock) -> int:
    """Close alerts whose reason is gone; how many."""
    count = 0
    for alert, reason in over:
        await close_alert(connection, alert.id, by=BY, reason=reason, clock=clock)
        count += 1
    return count


async def snooze(
    connection: AsyncConnection, item_id: str, days: int, reason: str, by: str, model_version: str, clock: Clock
) -> tuple[Alert, datetime]:  # fmt: skip
    """Let an item rest for so many days, whether or not it has an alert now; the closed alert and until when."""
    until = clock.now() + timedelta(days=days)
    before = (await open_items(connection)).get(item_id)
    evidence = {**(before.evidence if before else {"at_request_of": by}), UNTIL: until.isoformat()}
    alert, _ = await raise_alert(
        connection, service=SERVICE, monitor=OF_ITEM, subject=item_id, level=before.level if before else "info",
        message=before.message if before else f"{item_id} rests.", evidence=evidence, model_version=model_version, clock=clock,
    )  # fmt: skip
    words = f"Snoozed until {until.astimezone(clock.zone).date()}" + (f": {reason}" if reason else ".")
    return await close_alert(connection, alert.id, by=by, reason=words, clock=clock), until
