"""What does a worker see to again and again, beside its jobs? Small things that need no process and no row of their own.

A duty must not hold up the event loop, and may run in several workers at once: what it does is conditional or idempotent.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.log import get_logger
from rfid3_shared.settings import Settings

log = get_logger("jobs.duties")


@dataclass(frozen=True)
class Held:
    """What the worker lends to its duties: the store, Redis, the clock and the service's settings."""

    engine: AsyncEngine
    redis: Redis
    clock: Clock
    settings: Settings


@dataclass(frozen=True)
class Duty:
    """Something to be done when the worker starts, and again `interval_s` seconds after each time it was done."""

    name: str
    interval_s: float
    run: Callable[[Held], Awaitable[None]]


async def delete_in_batches(
    engine: AsyncEngine, delete_some: Callable[[AsyncConnection], Awaitable[int]], batch_rows: int
) -> int:
    """Delete batch after batch, each in a transaction of its own, until one is not full; how many rows in all."""
    deleted = 0
    while True:
        async with transaction(engine) as connection:
            count = await delete_some(connection)
        deleted += count
        if count < batch_rows:
            return deleted


async def attend(duty: Duty, held: Held) -> None:
    """See to a duty until cancelled; what it raises is logged, and it is tried again next time."""
    while True:
        try:
            await duty.run(held)
        except Exception as fault:
            log.warning("duty_failed", duty=duty.name, exc_info=fault)
        await asyncio.sleep(duty.interval_s)
