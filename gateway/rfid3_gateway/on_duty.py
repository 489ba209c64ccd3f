"""Which versions has a service on duty, and which do its processes hold? The store says the one, the service itself the other."""

import asyncio
import difflib
from dataclasses import dataclass
from typing import Any

import orjson

from rfid3_gateway.parts import Parts
from rfid3_gateway.upstream import Instance
from rfid3_shared.db import transaction
from rfid3_shared.errors import NotFound, UpstreamError
from rfid3_shared.registry import Version
from rfid3_shared.registry.tally import Tally, read_tally

READY_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class OnDuty:
    """Champion and shadow of a service; `loaded` has an entry for each instance that answers, None for one without a model."""

    champion: Version | None
    shadow: Version | None
    tally: Tally | None
    loaded: list[str | None]

    @property
    def answers(self) -> bool:
        """Whether the champion is what every instance that can be reached holds."""
        return self.champion is not None and set(self.loaded) == {self.champion.model_version}

    def shown(self) -> dict[str, Any]:
        """It as `ServiceModels`."""
        champion, shadow, tally = self.champion, self.shadow, self.tally
        return {
            "version": champion and champion.model_version,
            "state": "champion" if champion else "untrained",
            "loaded": self.answers,
            "loaded_versions": self.loaded,
            "last_trained": champion and champion.trained_at,
            "since": champion and champion.state_since,
            "shadow": shadow and shadow.model_version,
            "shadow_tallies": tally and {
                "answers": tally.answers, "faults": tally.faults, "relative_difference": tally.relative_difference,
                "mean_ms": None if tally.mean_seconds is None else 1000 * tally.mean_seconds,
            },
        }  # fmt: skip


def known_service(held: Parts, service: str) -> str:
    """The name of a service behind this gateway. Raises NotFound with those there are."""
    names = list(held.upstreams.pools)
    if service in names:
        return service
    nearest = difflib.get_close_matches(service, names, n=1, cutoff=0.5)
    raise NotFound("There is no such service.", services=names, **({"suggestion": nearest[0]} if nearest else {}))


async def on_duty(held: Parts) -> dict[str, OnDuty]:
    """Every service behind this gateway. Raises StoreUnavailable."""
    names = list(held.upstreams.pools)
    loaded = await asyncio.gather(*(_loaded(held, name) for name in names))
    return {name: await _on_duty(held, name, versions) for name, versions in zip(names, loaded, strict=True)}


async def _on_duty(held: Parts, service: str, loaded: list[str | None]) -> OnDuty:
    champion, shadow = await held.registry.current(service), await held.registry.shadow(service)
    tally = None
    if shadow is not None:
        async with transaction(held.store) as connection:
            tally = await read_tally(connection, service, shadow.model_version)
    return OnDuty(champion, shadow, tally, loaded)


async def _loaded(held: Parts, service: str) -> list[str | None]:
    found = await asyncio.gather(*(_ask(held, instance) for instance in held.upstreams.pools[service].instances))
    return [answer.get("model_version") for answer in found if answer is not None]


async def _ask(held: Parts, instance: Instance) -> dict[str, Any] | None:
    """What the instance says about itself; None when it cannot be reached."""
    try:
        async with asyncio.timeout(READY_TIMEOUT_S):
            _, content = await held.upstreams.fetch(instance, "/ready")
        said = orjson.loads(content or b"{}")
    except (UpstreamError, TimeoutError, ValueError):
        return None
    return said if isinstance(said, dict) else {}
