"""Has the shadow shown that it can answer, so that it may take over?

A fault on a live request rejects it. Without one it becomes champion after enough answers or, where requests are few, after enough
hours: the gate has compared it already, the shadow's time is there to show what a back-test cannot.
"""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.errors import Conflict, ModelUnavailable
from rfid3_shared.log import get_logger
from rfid3_shared.registry.announcement import announce
from rfid3_shared.registry.catalogue import Catalogue
from rfid3_shared.registry.storage import open_storage
from rfid3_shared.registry.tally import Tally, read_tally
from rfid3_shared.registry.version import Version
from rfid3_shared.registry.versions import Registry

if TYPE_CHECKING:
    from pydantic import SecretStr
    from redis.asyncio import Redis

BY = "shadow"
log = get_logger("registry.promotion")


class ShadowSettings(Protocol):
    """The settings that decide how long a shadow stays one."""

    @property
    def shadow_answers(self) -> int:
        """Answers without fault after which it takes over; 0 = at once."""

    @property
    def shadow_hours(self) -> float:
        """Hours after which it takes over even when there were fewer."""

    @property
    def artefact_dir(self) -> Path:
        """Folder of artefacts on this host."""

    @property
    def registry_url(self) -> "SecretStr | None":
        """Storage for all hosts."""


class Holding(Protocol):
    """What a duty of a worker is given."""

    @property
    def engine(self) -> AsyncEngine:
        """The store."""

    @property
    def redis(self) -> "Redis":
        """Redis."""

    @property
    def clock(self) -> Clock:
        """The clock."""

    @property
    def settings(self) -> ShadowSettings:
        """The worker's settings."""


def promotion_duty(service: str) -> Callable[[Holding], Awaitable[None]]:
    """A worker's duty: look after the service's shadow."""

    async def promote_when_ripe(held: Holding) -> None:
        await promote_ripe_shadow(held, service)

    return promote_when_ripe


async def promote_ripe_shadow(held: Holding, service: str) -> Version | None:
    """Decide on the service's shadow: champion, rejected, or not yet; the version as it is when that changed it, else None.

    Announces a change. Raises StoreUnavailable when store or storage is out of reach; the next look decides then.
    """
    shadow = await Catalogue(held.engine).shadow(service)
    if shadow is None:
        return None
    async with transaction(held.engine) as connection:
        tally = await read_tally(connection, service, shadow.model_version)
    hours = (held.clock.now() - shadow.state_since) / timedelta(hours=1)
    try:
        if tally.faults:
            asked = tally.answers + tally.faults
            reason = f"it failed on {tally.faults} of {asked} live requests that it was asked beside the champion"
            changed = await _registry(held).reject(service, shadow.model_version, by=BY, reason=reason)
        elif tally.answers >= held.settings.shadow_answers or hours >= held.settings.shadow_hours:
            changed = await _promote(_registry(held), shadow, _record_of(tally, hours))
        else:
            return None
    except Conflict:  # another worker, or a person, was first
        return None
    log.info(
        "shadow_decided", service=service, model_version=changed.model_version, state=changed.state, reason=changed.state_reason
    )
    await announce(held.redis, service)
    return changed


async def _promote(registry: Registry, shadow: Version, reason: str) -> Version:
    try:
        return await registry.promote(shadow.service, shadow.model_version, by=BY, reason=reason, from_states=("shadow",))
    except ModelUnavailable as fault:
        return await registry.reject(shadow.service, shadow.model_version, by=BY, reason=fault.message)


def _record_of(tally: Tally, hours: float) -> str:
    """What it did as a shadow, in words."""
    words = f"{tally.answers} live answers without fault in {max(0.0, hours):.1f} hours"
    if tally.mean_seconds is not None:
        words += f", {tally.mean_seconds * 1000:.1f} ms each"
    if tally.relative_difference is not None:
        words += f", {tally.relative_difference:.1%} away from the champion's"
    return words


def _registry(held: Holding) -> Registry:
    url = held.settings.registry_url
    storage = open_storage(url.get_secret_value() if url else None)
    return Registry(held.settings.artefact_dir, held.engine, held.clock, storage)
