"""What is wrong now, and since when? One open alert for each service, monitor and subject.

An alarm that goes on is the same alert: only its evidence and the time it was last seen move. It ends by hand, when its monitor says
so, or when another model took over; the next alarm after that is a new alert.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Insert, RowMapping, case, func, select, update
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.errors import Conflict, NotFound
from rfid3_shared.jobs.requests import stored_now
from rfid3_shared.monitor.tables import alerts

LONGEST_TEXT = 500
LEVELS = ("critical", "warning", "info")
"""Worst first."""
TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Alert:
    """One row of `alerts`; times are aware, in UTC. `monitor` is error, coverage, drift or freshness, or item."""

    id: int
    service: str
    monitor: str
    subject: str
    level: str
    message: str
    evidence: dict[str, Any]
    model_version: str
    retrain_job_id: str | None
    opened_at: datetime
    last_seen_at: datetime
    closed_at: datetime | None
    closed_by: str | None
    closed_reason: str | None

    @property
    def open(self) -> bool:
        """Whether nobody has closed it yet."""
        return self.closed_at is None

    def as_dict(self) -> dict[str, Any]:
        """What a caller is shown: JSON values, times in ISO 8601 with Z."""
        shown = {name: _iso(value) if isinstance(value, datetime) else value for name, value in asdict(self).items()}
        return {**shown, "open": self.open}


async def raise_alert(
    connection: AsyncConnection, *, service: str, monitor: str, subject: str, level: str, message: str, evidence: dict[str, Any],
    model_version: str, clock: Clock,
) -> tuple[Alert, bool]:  # fmt: skip
    """The open alert of this service, monitor and subject, and whether it was opened just now.

    Where one is open already, only `evidence` and `last_seen_at` change.
    """
    now, key = stored_now(clock), f"{service}/{monitor}/{subject}"
    row = {
        "service": service, "monitor": monitor, "subject": subject, "open_key": key, "level": level,
        "message": message[:LONGEST_TEXT], "evidence": evidence, "model_version": model_version, "opened_at": now,
        "last_seen_at": now,
    }  # fmt: skip
    # a tick later than the first sighting, so that equal times say: opened by this very statement
    again = {"evidence": evidence, "last_seen_at": now + TICK}
    await connection.execute(_insert_or_change(connection.dialect.name, row, again))
    # a locking read sees what others committed after this transaction began (MySQL reads a snapshot otherwise)
    query = select(alerts).where(alerts.c.open_key == key).with_for_update(read=True)
    found = (await connection.execute(query)).mappings().one()
    return _alert(found), bool(found["opened_at"] == found["last_seen_at"])


async def close_alert(connection: AsyncConnection, alert_id: int, *, by: str, reason: str, clock: Clock) -> Alert:
    """End an alert.

    Raises NotFound for an unknown id, Conflict when it is closed already.
    """
    change = update(alerts).where(alerts.c.id == alert_id, alerts.c.closed_at.is_(None)).values(
        open_key=None, closed_at=stored_now(clock), closed_by=by, closed_reason=reason[:LONGEST_TEXT]
    )  # fmt: skip
    changed = (await connection.execute(change)).rowcount
    alert = await get_alert(connection, alert_id)
    if not changed:
        raise Conflict("This alert is closed already.", alert_id=alert_id, closed_by=alert.closed_by)
    return alert


async def get_alert(connection: AsyncConnection, alert_id: int) -> Alert:
    """The alert.

    Raises NotFound for an unknown id.
    """
    row = (await connection.execute(select(alerts).where(alerts.c.id == alert_id))).mappings().one_or_none()
    if row is None:
        raise NotFound("No alert has this id.", alert_id=alert_id)
    return _alert(row)


async def list_alerts(
    connection: AsyncConnection, *, service: str | None = None, monitor: str | None = None, open_only: bool = True,
    limit: int = 50, offset: int = 0, worst_first: bool = False,
) -> list[Alert]:  # fmt: skip
    """Alerts, newest first; with `worst_first` those of the worst level before all others."""
    rank = case({level: at for at, level in enumerate(LEVELS)}, value=alerts.c.level, else_=len(LEVELS))
    order = [*([rank] if worst_first else []), alerts.c.id.desc()]
    query = select(alerts).where(*_wanted(service, open_only, monitor)).order_by(*order).limit(limit).offset(offset)
    return [_alert(row) for row in (await connection.execute(query)).mappings()]


async def count_alerts(
    connection: AsyncConnection, *, service: str | None = None, monitor: str | None = None, open_only: bool = True
) -> int:
    """How many `list_alerts` would give without a limit."""
    query = select(func.count()).select_from(alerts).where(*_wanted(service, open_only, monitor))
    return int((await connection.execute(query)).scalar_one())


async def count_alert_levels(connection: AsyncConnection) -> dict[str, int]:
    """How many alerts are open, by level."""
    query = select(alerts.c.level, func.count()).where(*_wanted(None, open_only=True)).group_by(alerts.c.level)
    return {level: int(count) for level, count in await connection.execute(query)}


async def last_closed(connection: AsyncConnection, service: str) -> dict[tuple[str, str], Alert]:
    """The alert that was closed last, by monitor and subject: a monitor's weeks begin anew at it."""
    query = select(alerts).where(alerts.c.service == service, alerts.c.closed_at.is_not(None))
    rows = (await connection.execute(query.order_by(alerts.c.closed_at, alerts.c.id))).mappings()
    return {(row["monitor"], row["subject"]): _alert(row) for row in rows}


async def note_retrain(connection: AsyncConnection, alert_id: int, job_id: str) -> bool:
    """Remember the training run that an alert has led to; False when there was one before, which stays."""
    change = update(alerts).where(alerts.c.id == alert_id, alerts.c.retrain_job_id.is_(None)).values(retrain_job_id=job_id)
    return bool((await connection.execute(change)).rowcount)


def _insert_or_change(dialect: str, row: dict[str, Any], again: dict[str, Any]) -> Insert:
    """One statement, so that two who see the same alarm at once neither fail nor wait for each other's locks."""
    if dialect == "sqlite":
        return sqlite.insert(alerts).values(row).on_conflict_do_update(index_elements=["open_key"], set_=again)
    return mysql.insert(alerts).values(row).on_duplicate_key_update(again)


def _wanted(service: str | None, open_only: bool, monitor: str | None = None) -> Iterator[Any]:
    if service:
        yield alerts.c.service == service
    if monitor:
        yield alerts.c.monitor == monitor
    if open_only:
        yield alerts.c.closed_at.is_(None)


def _alert(row: RowMapping) -> Alert:
    return Alert(**{field.name: _aware(row[field.name]) for field in fields(Alert)})


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
