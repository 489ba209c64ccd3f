"""How far has a reader of events come, and which of its processes works for it now?

One row a reader. A process holds it by one conditional UPDATE and renews it by another; one that died lapses by time. Whoever no
longer holds it changes nothing.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy import Insert, or_, select, update
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.events.tables import event_positions as positions
from rfid3_shared.jobs.requests import stored_now


async def hold(connection: AsyncConnection, consumer: str, holder: str, clock: Clock, seconds: float) -> dict[str, Any] | None:
    """Work for a reader for so many seconds from now, or go on doing so.

    Its position ({} at first), or None while another process holds it.
    """
    now, c = stored_now(clock), positions.c
    mine = select(c.position).where(c.consumer == consumer)
    if (await connection.execute(mine)).first() is None:
        # before the UPDATE: one that finds no row locks the gap, and two that then insert into it wait for each other
        new = {"consumer": consumer, "position": {}, "held_by": "", "updated_at": now}
        await connection.execute(_insert_new(connection.dialect.name), new)
    free = or_(c.held_by.in_(("", holder)), c.held_until.is_(None), c.held_until < now)
    take = update(positions).where(c.consumer == consumer, free)
    take = take.values(held_by=holder, held_until=now + timedelta(seconds=seconds))
    if not (await connection.execute(take)).rowcount:
        return None
    # as it is now, not as it was when this transaction began
    return dict((await connection.execute(mine.with_for_update())).scalar_one())


async def save(connection: AsyncConnection, consumer: str, holder: str, position: dict[str, Any], clock: Clock) -> bool:
    """Note how far the reader has come; False, and nothing is changed, when another process holds it by now."""
    change = update(positions).where(positions.c.consumer == consumer, positions.c.held_by == holder)
    return bool((await connection.execute(change.values(position=position, updated_at=stored_now(clock)))).rowcount)


async def release(connection: AsyncConnection, consumer: str, holder: str, clock: Clock) -> bool:
    """Let go, so that another process need not wait; False when it was not held."""
    change = update(positions).where(positions.c.consumer == consumer, positions.c.held_by == holder)
    return bool((await connection.execute(change.values(held_by="", held_until=stored_now(clock)))).rowcount)


def _insert_new(dialect: str) -> Insert:
    """An INSERT that passes over a row that is there."""
    if dialect == "sqlite":
        return sqlite.insert(positions).on_conflict_do_nothing()
    return mysql.insert(positions).on_duplicate_key_update(consumer=positions.c.consumer)
