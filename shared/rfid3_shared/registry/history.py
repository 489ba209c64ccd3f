"""Who became champion when, by whose hand, and which champion came before this one?"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.registry.tables import registry_events as events
from rfid3_shared.registry.version import State, Version, aware


@dataclass(frozen=True)
class Event:
    """One change of a version's state; `changed_at` is aware, in UTC."""

    service: str
    model_version: str
    from_state: State
    to_state: State
    changed_by: str
    reason: str
    changed_at: datetime


async def read_events(connection: AsyncConnection, service: str | None, limit: int, offset: int) -> list[Event]:
    """Changes of state, newest first; of all services without one."""
    query = select(events).order_by(events.c.id.desc()).limit(limit).offset(offset)
    if service is not None:
        query = query.where(events.c.service == service)
    return [_event(row) for row in (await connection.execute(query)).mappings()]


async def read_deployments(connection: AsyncConnection, versions: Sequence[Version]) -> dict[str, Event]:
    """By model version, the last time it became champion; those that never were are absent."""
    names = [version.model_version for version in versions]
    last = select(func.max(events.c.id)).where(events.c.to_state == "champion", events.c.model_version.in_(names))
    query = select(events).where(events.c.id.in_(last.group_by(events.c.service, events.c.model_version)))
    found = [_event(row) for row in (await connection.execute(query)).mappings()]
    return {event.model_version: event for event in found}


async def read_line(connection: AsyncConnection, service: str) -> list[str]:
    """The line of the service's champions, oldest first; see `line_of_champions`."""
    columns = (events.c.model_version, events.c.from_state)
    query = select(*columns).where(events.c.service == service, events.c.to_state == "champion").order_by(events.c.id)
    return line_of_champions((row.model_version, row.from_state) for row in await connection.execute(query))


def line_of_champions(crowned: Iterable[tuple[str, str]]) -> list[str]:
    """Champions that led to the present one, oldest first and it last, from every (version, state before) ever made champion.

    Going back to a former champion takes those after it out of the line: going back once more leads further back, not forth again
    to what was found wanting.
    """
    line: list[str] = []
    for model_version, from_state in crowned:
        if from_state == "retired" and model_version in line:
            del line[line.index(model_version) + 1 :]
        else:
            line.append(model_version)
    return line


def _event(row: object) -> Event:
    fields = ("service", "model_version", "from_state", "to_state", "changed_by", "reason")
    return Event(**{name: row[name] for name in fields}, changed_at=aware(row["changed_at"]))  # type: ignore[index]
