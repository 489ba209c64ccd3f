"""How do readers of events learn at once that there are new ones? A Redis stream wakes them up; the table is the content.

Losing Redis loses a wake-up, never an event: readers look at the table every second anyway.
"""

import asyncio
from types import TracebackType
from typing import Any, Self

from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from rfid3_shared.cache import REDIS_FAULTS
from rfid3_shared.log import get_logger

STREAM = "rfid3:events"
MOST_KEPT = 10_000
ANNOUNCE_TIMEOUT_S = 0.5
MARGIN_S = 2.0
"""How much longer than it asked for a reader waits for Redis' answer before it takes it for gone."""
log = get_logger("events.stream")


async def announce(redis: Redis, first_seq: int, last_seq: int, count: int) -> bool:
    """Say that events with these numbers are kept; False when Redis is out of reach. Never raises."""
    told: dict[Any, Any] = {"first_seq": first_seq, "last_seq": last_seq, "count": count}
    try:
        async with asyncio.timeout(ANNOUNCE_TIMEOUT_S):
            await redis.xadd(STREAM, told, maxlen=MOST_KEPT, approximate=True)
    except REDIS_FAULTS as fault:
        log.warning("not_announced", effect="readers find the events within a second or two", fault=type(fault).__name__)
        return False
    return True


class Wakeups:
    """Waits for announcements, over a connection of its own to the server of `redis`; an asynchronous context manager."""

    def __init__(self, redis: Redis) -> None:
        known = {**redis.connection_pool.connection_kwargs, "socket_timeout": None, "retry": Retry(NoBackoff(), 0)}
        pool = ConnectionPool(connection_class=redis.connection_pool.connection_class, max_connections=1, **known)
        self._redis = Redis(connection_pool=pool)
        self._last: Any = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Let go of the connection."""
        await self._redis.connection_pool.disconnect()

    async def wait(self, timeout_s: float) -> bool:
        """Return at once when something was announced since the last call, else when it is, or after the time; True when woken.

        Never raises; without Redis it only waits. Of announcements before the first call nothing is told.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout_s
        try:
            async with asyncio.timeout(timeout_s + MARGIN_S):
                if self._last is None:
                    newest = await self._redis.xrevrange(STREAM, count=1)
                    self._last = newest[0][0] if newest else "0-0"
                told = await self._redis.xread({STREAM: self._last}, count=MOST_KEPT, block=max(1, round(timeout_s * 1000)))
        except REDIS_FAULTS:
            self._last = None
            await self._redis.connection_pool.disconnect()
            await asyncio.sleep(max(0.0, until - loop.time()))
            return False
        if told:
            self._last = told[0][1][-1][0]
        return bool(told)
