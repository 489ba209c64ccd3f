"""How do things stand with the events: how many come in, from where, and how far behind is each reader of them?"""

from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.events.keeping import TURN
from rfid3_shared.events.read import newest_seq
from rfid3_shared.events.tables import event_positions, shop_events
from rfid3_shared.jobs.requests import stored_now

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Arrived:
    """Events of one kind and origin that arrived in the last hour, and in the last day."""

    kind: str
    origin: str
    last_hour: int
    last_day: int


@dataclass(frozen=True)
class Reader:
    """One reader of events: its position, how far it is behind, and which process works for it now.

    lag_events: events it has not taken in; lag_s: for how many seconds the oldest of them waits. Both are None for a reader that
    follows something else than the events' numbers. Times aware, UTC.
    """

    consumer: str
    position: dict[str, Any]
    lag_events: int | None
    lag_s: float | None
    held_by: str | None
    held_until: datetime | None
    updated_at: datetime


@dataclass(frozen=True)
class Standing:
    """All of it at one moment; `last_received_at` in UTC, aware, None without any event."""

    last_seq: int
    last_received_at: datetime | None
    arrived: list[Arrived]
    readers: list[Reader]

    def as_dict(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


async def standing(connection: AsyncConnection, clock: Clock) -> Standing:
    """How things stand now."""
    now, c = stored_now(clock), shop_events.c
    last = await newest_seq(connection)
    newest = (await connection.execute(select(c.received_at).where(c.seq == last))).scalar()
    recent = func.sum(case((c.received_at > now - HOUR, 1), else_=0))
    query = select(c.kind, c.origin, recent, func.count()).where(c.received_at > now - DAY).group_by(c.kind, c.origin)
    arrived = [Arrived(kind, origin, int(hour), int(day)) for kind, origin, hour, day in await connection.execute(query)]
    rows = await connection.execute(
        select(event_positions).where(event_positions.c.consumer != TURN).order_by(event_positions.c.consumer)
    )
    readers = []
    for row in rows.all():
        lag, waits_s = await _behind(connection, row.position.get("seq"), now)
        holds = bool(row.held_by) and row.held_until is not None and row.held_until >= now
        readers.append(Reader(
            row.consumer, row.position, lag, waits_s, row.held_by if holds else None, _aware(row.held_until) if holds else None,
            row.updated_at.replace(tzinfo=UTC),
        ))  # fmt: skip
    return Standing(last, _aware(newest), sorted(arrived, key=lambda each: (each.kind, each.origin)), readers)


async def _behind(connection: AsyncConnection, seq: object, now: datetime) -> tuple[int | None, float | None]:
    if not isinstance(seq, int):
        return None, None
    c = shop_events.c
    waiting = select(func.count(), func.min(c.received_at)).where(c.seq > seq)
    count, oldest = (await connection.execute(waiting)).one()
    return count, round(max(0.0, (now - oldest).total_seconds()), 1) if oldest else 0.0


def _aware(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=UTC)
