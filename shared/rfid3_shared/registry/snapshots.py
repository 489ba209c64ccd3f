"""Which snapshot answers right now in this process, and which one answers beside it?

The champion of one service, loaded once and held in memory; beside it the shadow, and the champion before, for going back at once,
as far as there is room. A new champion is loaded in a thread beside the old one and then takes its place in one assignment, so no
request ever finds nothing or half of something. Whatever fails — store, Redis, disk, the loader — the last good one stays.
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
from rfid3_shared.errors import AppError, ModelUnavailable, NotFound, StoreUnavailable
from rfid3_shared.log import get_logger
from rfid3_shared.registry.announcement import CHANNEL
from rfid3_shared.registry.lru import Lru
from rfid3_shared.registry.version import Version
from rfid3_shared.registry.versions import Registry
from rfid3_shared.tasks import end_tasks

if TYPE_CHECKING:
    from redis.asyncio import Redis

T = TypeVar("T")
POLL_S = 2.0
RETRY_LOAD_S = 30.0
RECONNECT_S = 2.0
SILENCE_S = 30.0  # given explicitly: without it the client's own, short time-out would end the subscription
STORE_TIMEOUT_S = 5.0
MEMORY_MB = 512
STORE_FAULTS = (StoreUnavailable, SQLAlchemyError, OSError, TimeoutError)
log = get_logger("registry.snapshots")


@dataclass(frozen=True)
class Loaded(Generic[T]):
    """A snapshot in memory and where it came from."""

    snapshot: T
    version: Version
    loaded_at: datetime


class Snapshots(Generic[T]):
    """The loaded versions of a service; `load` turns an artefact's folder into what requests are answered from.

    Its folder is gone afterwards: it reads or maps what it needs. Nothing that is done to the published files touches a loaded version.
    `shadow_refused` is told of a shadow whose files cannot be used: no answer will ever show what is wrong with it.
    """

    def __init__(
        self, service: str, registry: Registry, load: Callable[[Path], T], *, redis: "Redis | None" = None,
        clock: Clock | None = None, poll_s: float = POLL_S, memory_mb: int = MEMORY_MB,
        shadow_refused: Callable[[Version], None] | None = None,
    ) -> None:  # fmt: skip
        self.service = service
        self.loaded: Loaded[T] | None = None
        self.shadow: Loaded[T] | None = None
        self.last_error: str | None = None
        self._registry, self._load, self._redis, self._clock = registry, load, redis, clock or Clock()
        self._memory: Lru[str, T] = Lru(memory_mb * 2**20)
        self._shadow_refused = shadow_refused
        # spread over ±10 % by process, so that many processes do not ask at the same moment
        self._poll_s = poll_s * (0.9 + 0.2 * (zlib.crc32(f"{service}{os.getpid()}".encode()) % 100) / 100)
        self._look_now = asyncio.Event()
        self._again_at: dict[str, float] = {}
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def healthy(self) -> bool:
        """Whether a snapshot answers and it is, as far as could be seen last, the champion."""
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
        """Load what is on duty, if anything, and watch for what comes; never raises for want of a server or a model."""
        await self._look()
        if self.loaded is None:
            await self._load_remembered()
        self._tasks = [asyncio.create_task(self._poll())]
        if self._redis is not None:
            self._tasks.append(asyncio.create_task(self._listen(self._redis)))

    async def aclose(self) -> None:
        """Stop watching, and let go of what is loaded: an app outlives its server (FastAPI keeps its routes in caches of its own),
        and with it every mapped array its descriptor."""
        await end_tasks(self._tasks)
        self.loaded = self.shadow = None
        self._memory.clear()

    async def _look(self) -> None:
        """Find out who is on duty, and load who is not loaded."""
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                champion, shadow = await self._registry.on_duty(self.service)
                new_champion = await self._unloaded(champion, self.loaded)
                new_shadow = await self._unloaded(shadow, self.shadow)
        except (*STORE_FAULTS, NotFound):
            self._note("the store is out of reach")
            return
        self._again_at = {name: at for name, at in self._again_at.items() if name in (champion, shadow)}
        if new_champion is not None:
            await self._swap_to(new_champion)
        elif champion is None or (self.loaded and self.loaded.version.model_version == champion):
            self.last_error = None
        if self.shadow is not None and self.shadow.version.model_version != shadow:
            self.shadow = None
        if new_shadow is not None:
            await self._load_shadow(new_shadow)
        if self.shadow is not None and self._memory.get(self.shadow.version.digest) is None:
            self.shadow = None  # a new champion needed its place
        if new_champion is not None:
            await self._remember()

    async def _remember(self) -> None:
        """On a host that publishes nothing itself the record of champions is written, and old ones deleted, here."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(STORE_TIMEOUT_S):
                await self._registry.remember(self.service)

    async def _unloaded(self, model_version: str | None, loaded: Loaded[T] | None) -> Version | None:
        """The version, unless it is none, is loaded already, or was refused just now."""
        if model_version is None or (loaded is not None and loaded.version.model_version == model_version):
            return None
        if self._clock.monotonic() < self._again_at.get(model_version, float("-inf")):
            return None
        return await self._registry.find(self.service, model_version)

    async def _swap_to(self, version: Version) -> bool:
        """Let a version answer from now on, loaded first unless it is in memory; on any fault what answered before stays."""
        try:
            snapshot = await self._in_memory(version, pin=True)
        except Exception as fault:  # noqa: BLE001 - a loader may raise anything; none of it may stop what answers
            self._note(self._refusal(version, fault))
            return False
        self.loaded, self.last_error = Loaded(snapshot, version, self._clock.now()), None
        log.info("snapshot_loaded", service=self.service, model_version=version.model_version)
        return True

    async def _load_shadow(self, version: Version) -> None:
        """Have a shadow answer beside the champion; without room for both it does not, and takes over when its time is up."""
        self.shadow = None
        if not self._memory.fits(version.bytes):
            self._again_at[version.model_version] = self._clock.monotonic() + RETRY_LOAD_S
            log.warning("no_room_for_shadow", service=self.service, model_version=version.model_version, bytes=version.bytes)
            return
        try:
            snapshot = await self._in_memory(version, pin=False)
        except Exception as fault:  # noqa: BLE001 - as above
            log.warning("shadow_not_loaded", service=self.service, reason=self._refusal(version, fault))
            if self._shadow_refused is not None and not isinstance(fault, StoreUnavailable):
                self._shadow_refused(version)
            return
        self.shadow = Loaded(snapshot, version, self._clock.now())
        log.info("shadow_loaded", service=self.service, model_version=version.model_version)

    async def _in_memory(self, version: Version, *, pin: bool) -> T:
        def load() -> T:
            with self._registry.lend_artefact(version) as folder:
                return self._load(folder)

        return await asyncio.to_thread(self._memory.get_or_load, version.digest, version.bytes, load, pin=pin)

    def _refusal(self, version: Version, fault: Exception) -> str:
        """Why a version cannot answer; it is tried again after a while, or when something is announced."""
        self._again_at[version.model_version] = self._clock.monotonic() + RETRY_LOAD_S
        reason = fault.message if isinstance(fault, AppError) else "its files cannot be loaded"
        return f"{version.model_version} was refused: {reason}"

    async def _load_remembered(self) -> None:
        """Without a store, or with a champion whose files are damaged: the newest champion this disk can prove."""
        reason = self.last_error
        for version in self._registry.remembered(self.service):
            if await self._swap_to(version):
                self._note(reason or "the champion is not known")
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
                            self._again_at.clear()
                            self._look_now.set()
            await asyncio.sleep(RECONNECT_S)

    def _note(self, reason: str) -> None:
        if reason != self.last_error:
            log.warning("snapshot_not_refreshed", service=self.service, reason=reason)
        self.last_error = reason
