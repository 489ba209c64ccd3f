"""Was this computed a moment ago?

Two levels: this process's memory, then Redis. Keys carry the model version, so a value can be old but never stale by
mistake. One flight computes a missing value while others wait for it. Redis down means slower, never wrong.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Any, Literal

import orjson
from redis.asyncio import Redis
from redis.exceptions import RedisError

from rfid3_shared.clock import Clock

Origin = Literal["memory", "redis", "computed"]
REDIS_FAULTS = (RedisError, OSError, asyncio.TimeoutError)


def cache_key(namespace: str, version: str, **parts: Any) -> str:
    """A key that is equal exactly when namespace, version and all parts are equal."""
    canonical = orjson.dumps(parts, option=orjson.OPT_SORT_KEYS, default=str)
    return f"rfid3:{namespace}:{version}:{hashlib.blake2b(canonical, digest_size=16).hexdigest()}"


class Cache:
    """Bytes by key, in memory and in Redis."""

    def __init__(self, redis: Redis | None, clock: Clock, *, ttl_s: int = 300, entries: int = 500) -> None:
        self._redis, self._clock, self._ttl_s, self._entries = redis, clock, ttl_s, entries
        self._memory: OrderedDict[str, tuple[bytes, float]] = OrderedDict()
        self._flights: dict[str, asyncio.Future[bytes]] = {}
        self._redis_rest_until = 0.0

    async def get_or_compute(
        self, key: str, compute: Callable[[], Awaitable[bytes]], *, shared: bool = True
    ) -> tuple[bytes, Origin]:
        """The value and where it came from; concurrent callers of one key share one computation.

        `shared=False` leaves Redis out: for what costs less to compute than to ask for.
        """
        if (kept := self._from_memory(key)) is not None:
            return kept, "memory"
        if (flight := self._flights.get(key)) is not None:
            return await asyncio.shield(flight), "memory"
        flight = asyncio.get_running_loop().create_future()
        self._flights[key] = flight
        try:
            value, origin = await self._fetch(key, compute, shared)
            flight.set_result(value)
        except BaseException as fault:
            flight.set_exception(fault)
            flight.exception()  # marks it as seen: nobody else may be waiting
            raise
        finally:
            del self._flights[key]
        return value, origin

    async def _fetch(self, key: str, compute: Callable[[], Awaitable[bytes]], shared: bool) -> tuple[bytes, Origin]:
        if shared and (kept := await self._from_redis(key)) is not None:
            self._keep(key, kept)
            return kept, "redis"
        value = await compute()
        self._keep(key, value)
        if shared:
            await self._to_redis(key, value)
        return value, "computed"

    def _from_memory(self, key: str) -> bytes | None:
        entry = self._memory.get(key)
        if entry is None or entry[1] < self._clock.monotonic():
            return None
        self._memory.move_to_end(key)
        return entry[0]

    def _keep(self, key: str, value: bytes) -> None:
        self._memory[key] = (value, self._clock.monotonic() + self._ttl_s)
        self._memory.move_to_end(key)
        while len(self._memory) > self._entries:
            self._memory.popitem(last=False)

    def _jittered_ttl_s(self, key: str) -> int:
        # ±10 % by key, so that values computed together do not lapse together
        spread = int(hashlib.blake2b(key.encode(), digest_size=2).hexdigest(), 16) / 0xFFFF
        return max(1, round(self._ttl_s * (0.9 + 0.2 * spread)))

    async def _from_redis(self, key: str) -> bytes | None:
        if self._redis is None or self._clock.monotonic() < self._redis_rest_until:
            return None
        try:
            async with asyncio.timeout(0.2):
                return await self._redis.get(key)  # type: ignore[no-any-return]
        except REDIS_FAULTS:
            self._rest()
            return None

    async def _to_redis(self, key: str, value: bytes) -> None:
        if self._redis is None or self._clock.monotonic() < self._redis_rest_until:
            return
        try:
            async with asyncio.timeout(0.2):
                await self._redis.set(key, value, ex=self._jittered_ttl_s(key))
        except REDIS_FAULTS:
            self._rest()

    def _rest(self) -> None:
        # a Redis that does not answer is left alone for a second: asking each time would cost every request its timeout
        self._redis_rest_until = self._clock.monotonic() + 1.0
