"""Which snapshot answers right now in this process?

The current version of one service, loaded once and held in memory. A new one is loaded in a thread beside it and then takes
its place in one assignment, so no request ever finds nothing or half of something. Whatever fails — store, Redis, disk, the
loader — the last good one stays.
"""

import asyncio
import contextlib
import os
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from rfid3_shared.clock import Clock
from rfid3_shared.errors import AppError, ModelUnavailable, StoreUnavailable
from rfid3_shared.log import get_logger
from rfid3_shared.registry.version import Version
from rfid3_shared.registry.versions import Registry
from rfid3_shared.tasks import end_tasks

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")
CHANNEL = "rfid3:published"
POLL_S = 2.0
RETRY_LOAD_S = 30.0
RECONNECT_S = 2.0
SILENCE_S = 30.0  # given explicitly: without it the client's own, short time-out would end the subscription
STORE_TIMEOUT_S = 5.0
log = get_logger("registry.snapshots")


@dataclass(frozen=True)
class Loaded(Generic[T]):
    """A snapshot in memory and where it came from."""

    snapshot: T
    version: Version
    loaded_at: datetime


async def announce(redis: "Redis | None", service: str) -> None:
    """Tell every process that the service has a new current version; unheard, they find it themselves within seconds."""
    if redis is None:
        return
    try:
        await redis.publish(CHANNEL, service)
    except (RedisError, OSError, TimeoutError) as fault:
        log.warning("not_announced", service=service, fault=type(fault).__name__)


class Snapshots(Generic[T]):
    """The loaded current version of a service; `load` turns an artefact's folder into what requests are answered from."""

    def __init__(
        self, service: str, registry: Registry, load: Callable[[Path], T], *, redis: "Redis | None" = None,
        clock: Clock | None = None, poll_s: float = POLL_S,
    ) -> None:  # fmt: skip
        self.service = service
        self.loaded: Loaded[T] | None = None
        self.last_error: str | None = None
        self._registry, self._load, self._redis, self._clock = registry, load, redis, clock or Clock()
        # spread over ±10 % by process, so that many processes do not ask at the same moment
        self._poll_s = poll_s * (0.9 + 0.2 * (zlib.crc32(f"{service}{os.getpid()}".encode()) % 100) / 100)
        self._look_now = asyncio.Event()
        self._refused: tuple[str, float] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def healthy(self) -> bool:
        """Whether a snapshot answers and it is, as far as could be seen last, the current one."""
        return self.loaded is not None and self.last_error is None

    def get(self) -> Loaded[T]:
        """What answers now.

        Raises ModelUnavailable when nothing was published yet, or nothing that can be loaded.
        """
        if self.loaded is None:
            raise ModelUnavailable(
                f"No model of {self.service} can answer yet.", service=self.service, reason=self.last_error or "none published"
            )
        return self.loaded

    async def start(self) -> None:
        """Load what is current, if anything, and watch for what comes; never raises for want of a server or a model."""
        await self._look()
        if self.loaded is None:
            await self._load_remembered()
        self._tasks = [asyncio.create_task(self._poll())]
        if self._redis is not None:
            self._tasks.append(asyncio.create_task(self._listen(self._redis)))

    async def aclose(self) -> None:
        """Stop watching; what is loaded stays."""
        await end_tasks(self._tasks)

    async def _look(self) -> None:
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                version = await self._registry.current(self.service)
        except (StoreUnavailable, SQLAlchemyError, OSError, TimeoutError):
            self._note("the store is out of reach")
            return
        if version is None or (self.loaded and self.loaded.version.model_version == version.model_version):
            self.last_error = None
            return
        refused, again_at = self._refused or ("", 0.0)
        if version.model_version != refused or self._clock.monotonic() >= again_at:
            await self._swap_to(version)

    async def _swap_to(self, version: Version) -> bool:
        """Load a version and let it answer from now on; on any fault what answered before stays."""
        try:
            snapshot = await asyncio.to_thread(self._open_and_load, version)
        except Exception as fault:  # noqa: BLE001 - a loader may raise anything; none of it may stop what answers
            self._refused = (version.model_version, self._clock.monotonic() + RETRY_LOAD_S)
            reason = fault.message if isinstance(fault, AppError) else "its files cannot be loaded"
            self._note(f"{version.model_version} was refused: {reason}")
            return False
        self.loaded, self.last_error, self._refused = Loaded(snapshot, version, self._clock.now()), None, None
        log.info("snapshot_loaded", service=self.service, model_version=version.model_version)
        return True

    def _open_and_load(self, version: Version) -> T:
        return self._load(self._registry.open_artefact(version))

    async def _load_remembered(self) -> None:
        """Without a store, or with a current artefact that is damaged: the newest version this disk can prove."""
        reason = self.last_error
        for version in self._registry.remembered(self.service):
            if await self._swap_to(version):
                self._note(reason or "the current version is not known")
                return
        self.last_error = reason or self.last_error

    async def _poll(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll_s):
                    await self._look_now.wait()
            self._look_now.clear()
            await self._look()

    async def _listen(self, redis: "Redis") -> None:
        while True:
            with contextlib.suppress(RedisError, OSError, TimeoutError):
                async with redis.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    self._look_now.set()  # what was announced before is not heard
                    while True:
                        message = await channel.get_message(ignore_subscribe_messages=True, timeout=SILENCE_S)
                        if message and message["data"] in (self.service, self.service.encode()):
                            self._refused = None
                            self._look_now.set()
            await asyncio.sleep(RECONNECT_S)

    def _note(self, reason: str) -> None:
        if reason != self.last_error:
            log.warning("snapshot_not_refreshed", service=self.service, reason=reason)
        self.last_error = reason
