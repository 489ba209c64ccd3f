"""How well is the whole suite, as seen from its door? Readiness for machines, and endpoint 15 of mission.md for people."""

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import Any

import psutil
from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_gateway.admission import Door
from rfid3_gateway.settings import GatewaySettings
from rfid3_gateway.upstream import Upstreams
from rfid3_shared.clock import Clock
from rfid3_shared.db import ping, transaction
from rfid3_shared.errors import StoreUnavailable, UpstreamError
from rfid3_shared.jobs import list_jobs
from rfid3_shared.monitor import list_alerts
from rfid3_shared.resources import ping_redis

LOOK_AGAIN_S = 0.5  # readiness is open to everybody, so asking often must not cost the servers behind anything
PROBE_TIMEOUT_S = 1.0
HIGH_PERCENT = {"memory_usage_percent": 90.0, "disk_usage_percent": 90.0, "cpu_usage_percent": 95.0}
CRITICAL = ("database_connection", "ml_models")
MOST_ALERTS = 50
LOOK_AT_ALERTS = "Look at what the monitors found: GET /api/predictive/alerts; a retrained model, or a person, closes them."
RANK = ("healthy", "degraded", "unhealthy")
ADVICE = {
    "database_connection": "Check that the suite's database runs and RFID3_STORE_URL is right.",
    "redis_cache": "Start Redis again: until then answers are slower and each process counts its own calls.",
    "ml_models": "Train the services that are not ready: `rfid3 train`.",
    "external_apis": "Check that RFID3's database can be reached with RFID3_SOURCE_URL.",
    "feature_pipeline": "Look at the failed job: GET /api/predictive/jobs.",
    "memory_usage_percent": "Free memory, or move training to another hour or host.",
    "disk_usage_percent": "Free disk space below RFID3_HOME.",
    "cpu_usage_percent": "Add an instance, or run fewer things beside the suite.",
}


@dataclass(frozen=True)
class Readiness:
    """What answers right now; `services` maps each name to whether one of its instances is ready."""

    redis: bool
    store: bool
    services: dict[str, bool]


class Health:
    """Looks at everything the gateway stands on."""

    def __init__(
        self, settings: GatewaySettings, clock: Clock, store: AsyncEngine, source: AsyncEngine, redis: Redis, upstreams: Upstreams,
        door: Door,
    ) -> None:  # fmt: skip
        self._settings, self._clock, self._store, self._source = settings, clock, store, source
        self._redis, self._upstreams, self._door = redis, upstreams, door
        self._look: asyncio.Task[Readiness] | None = None
        self._look_until = 0.0
        self.draining = False
        self.latencies_s: deque[float] = deque(maxlen=1000)
        psutil.cpu_percent(None)  # the first reading is the start of the span the next one speaks of

    def drain(self) -> None:
        """Say from now on that nothing new shall come here."""
        self.draining = True

    async def readiness(self) -> Readiness:
        """The state of redis, store and services, at most half a second old."""
        now = self._clock.monotonic()
        if self._look is None or (self._look.done() and now >= self._look_until):
            self._look = asyncio.create_task(self._look_around())
            self._look_until = now + LOOK_AGAIN_S
        return await asyncio.shield(self._look)

    async def verdict(self) -> tuple[str, Readiness]:
        """`ready`, `degraded` (answers go on without a part) or `not_ready`, and what it rests on."""
        found = await self.readiness()
        someone_may_pass = found.store or self._door.callers.knows_someone
        if self.draining or not someone_may_pass or not any(found.services.values()):
            return "not_ready", found
        return ("ready" if found.redis and found.store and all(found.services.values()) else "degraded"), found

    async def report(self) -> dict[str, Any]:
        """The data of endpoint 15: overall_status, components, performance_metrics, alerts, recommendations."""
        found, source, pipeline, watched = await asyncio.gather(
            self.readiness(), ping(self._source, PROBE_TIMEOUT_S), self._pipeline(), self._watched()
        )
        ready = list(found.services.values())
        components = {
            "database_connection": "healthy" if found.store else "unhealthy",
            "redis_cache": "healthy" if found.redis else "degraded",
            "ml_models": "healthy" if all(ready) else "degraded" if any(ready) else "unhealthy",
            "external_apis": "healthy" if source else "degraded",
            "feature_pipeline": pipeline,
        }
        metrics = await asyncio.to_thread(self._measure)
        worries = [(name, "critical" if status == "unhealthy" else "warning", f"{name} is {status}") for name, status in
                   components.items() if status != "healthy"]  # fmt: skip
        worries += [
            ("ml_models", "warning", f"the service {name} is not ready") for name, ok in found.services.items() if not ok
        ]
        worries += [
            (name, "warning", f"{name} is {metrics[name]}") for name, high in HIGH_PERCENT.items() if metrics[name] > high
        ]
        at = self._clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return {
            "overall_status": overall(components),
            "components": components,
            "performance_metrics": metrics,
            "alerts": [
                *({"level": level, "component": name, "message": text, "timestamp": at} for name, level, text in worries),
                *watched,
            ],
            "recommendations": [
                *dict.fromkeys(ADVICE[name] for name, _, _ in worries),
                *([LOOK_AT_ALERTS] if watched else []),
            ],
        }

    def _measure(self) -> dict[str, Any]:
        recent = self.latencies_s
        return {
            "avg_response_time_ms": round(1000 * sum(recent) / len(recent), 2) if recent else 0.0,
            "memory_usage_percent": psutil.virtual_memory().percent,
            "cpu_usage_percent": psutil.cpu_percent(None),
            "disk_usage_percent": psutil.disk_usage(str(self._settings.home if self._settings.home.exists() else ".")).percent,
        }

    async def _pipeline(self) -> str:
        """Whether the latest finished job of every service succeeded."""
        try:
            async with transaction(self._store) as connection:
                latest: dict[str, str] = {}
                for job in await list_jobs(connection, limit=50):
                    if job.finished and job.state != "cancelled":
                        latest.setdefault(f"{job.service}/{job.kind}", job.state)
        except StoreUnavailable:
            return "degraded"
        return "degraded" if "failed" in latest.values() else "healthy"

    async def _watched(self) -> list[dict[str, Any]]:
        """Open alerts of the monitors, which watch whether predictions keep their promises."""
        try:
            async with transaction(self._store) as connection:
                found = await list_alerts(connection, limit=MOST_ALERTS)
        except (StoreUnavailable, SQLAlchemyError):
            return []
        return [
            {"level": alert.level, "component": f"{alert.service}/{alert.monitor}", "message": alert.message,
             "timestamp": alert.opened_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
            for alert in found
        ]  # fmt: skip

    async def _look_around(self) -> Readiness:
        names = list(self._upstreams.pools)
        redis, store, *services = await asyncio.gather(
            self._redis_answers(), ping(self._store, PROBE_TIMEOUT_S), *(self._service_ready(name) for name in names)
        )
        return Readiness(redis, store, dict(zip(names, services, strict=True)))

    async def _redis_answers(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                return await ping_redis(self._redis)
        except TimeoutError:
            return False

    async def _service_ready(self, service: str) -> bool:
        for instance in self._upstreams.pools[service].instances:
            try:
                async with asyncio.timeout(PROBE_TIMEOUT_S):
                    status, _ = await self._upstreams.fetch(instance, "/ready")
            except (UpstreamError, TimeoutError):
                continue
            if status == 200:
                return True
        return False


def overall(components: dict[str, str]) -> str:
    """The worst critical component; another component that is not healthy makes the whole degraded at most."""
    worst = max((components[name] for name in CRITICAL), key=RANK.index)
    if worst == "healthy" and any(status != "healthy" for status in components.values()):
        return "degraded"
    return worst
