"""What does a process hold open while it runs, and is each of it within reach?

One frozen dataclass, opened and closed by one asynchronous context manager; the app's lifespan, workers, commands and tests
use the same. Opening never fails because a server is down: a process that can answer from memory shall start.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.cache import REDIS_FAULTS, Cache
from rfid3_shared.callers import Callers
from rfid3_shared.clock import Clock
from rfid3_shared.compute import Compute
from rfid3_shared.db import open_engine, ping
from rfid3_shared.flags import Flags, switched_off
from rfid3_shared.ledger import Recorder
from rfid3_shared.log import get_logger
from rfid3_shared.migrate import StoreTooNew, ensure_schema
from rfid3_shared.registry import Registry
from rfid3_shared.registry.storage import open_storage
from rfid3_shared.settings import Settings

log = get_logger("resources")


@dataclass(frozen=True)
class Resources:
    """Everything with a connection or a thread behind it."""

    settings: Settings
    clock: Clock
    store: AsyncEngine
    source: AsyncEngine
    redis: Redis
    cache: Cache
    compute: Compute
    callers: Callers
    registry: Registry
    ledger: Recorder
    flags: Flags

    async def ping(self) -> dict[str, bool]:
        """Which of the servers behind this process answer now: redis, source, store."""
        return {"redis": await ping_redis(self.redis), "source": await ping(self.source), "store": await ping(self.store)}


async def ping_redis(redis: Redis) -> bool:
    """Whether Redis answers."""
    try:
        return bool(await redis.ping())
    except REDIS_FAULTS:
        return False


def open_redis(dsn: str) -> Redis:
    """A client that gives up quickly: nothing on the hot path may wait for Redis."""
    return Redis.from_url(dsn, socket_timeout=1.0, socket_connect_timeout=0.5, max_connections=64, retry=Retry(NoBackoff(), 0))  # type: ignore[no-any-return]


async def ensure_store(engine: AsyncEngine) -> bool:
    """Give the store the tables this code expects, new or carried over; False when that must wait, as when it is out of reach.

    Raises StoreTooNew for a store that newer code has written: to go on and write into it might spoil it.
    """
    try:
        await ensure_schema(engine)
    except StoreTooNew:
        raise
    except Exception as fault:  # noqa: BLE001 - any driver's fault means the same: go on without the store
        log.warning("store_unavailable", fault=type(fault).__name__)
        return False
    return True


@asynccontextmanager
async def open_resources(settings: Settings, clock: Clock | None = None) -> AsyncIterator[Resources]:
    """Open what every process of the suite shares; close all of it at the end, last opened first."""
    clock = clock or Clock(settings.time_zone)
    storage_url = settings.registry_url.get_secret_value() if settings.registry_url else None
    async with AsyncExitStack() as stack:
        store = open_engine(settings.store_dsn, pool_size=settings.pool_size, overflow=settings.pool_overflow)
        stack.push_async_callback(store.dispose)
        source = open_engine(settings.source_dsn, pool_size=1, overflow=1, read_only=True)
        stack.push_async_callback(source.dispose)
        redis = open_redis(settings.redis_dsn)
        stack.push_async_callback(redis.aclose)
        await ensure_store(store)
        ledger = Recorder(store, settings.home / "spill", clock, settings.ledger_queue_rows)
        await ledger.start()
        stack.push_async_callback(ledger.aclose)
        callers = Callers(store, clock)
        stack.push_async_callback(callers.aclose)
        flags = Flags(store, clock, settings.home / "flags.json", off=switched_off(settings.flags_off))
        await flags.start()
        stack.push_async_callback(flags.aclose)
        compute = Compute(timeout_s=settings.request_deadline_s)
        stack.callback(compute.close)
        yield Resources(
            settings=settings, clock=clock, store=store, source=source, redis=redis,
            cache=Cache(redis, clock, ttl_s=settings.cache_ttl_s), compute=compute, callers=callers,
            registry=Registry(settings.artefact_dir, store, clock, open_storage(storage_url)), ledger=ledger, flags=flags,
        )  # fmt: skip


__all__ = ["Resources", "ensure_store", "open_redis", "open_resources", "ping_redis"]
