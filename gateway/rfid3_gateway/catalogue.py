"""Which operations exist behind the gateway right now? Keeps the merged OpenAPI document fresh, and the route table with it.

A service that cannot be reached keeps the document it last showed; one never seen is listed as missing.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import orjson

from rfid3_gateway.openapi import merge
from rfid3_gateway.routing import RouteTable, Service
from rfid3_gateway.upstream import Upstreams
from rfid3_shared.errors import UpstreamError
from rfid3_shared.log import get_logger

log = get_logger("gateway.catalogue")
RETRY_MISSING_S = 1.0
FETCH_TIMEOUT_S = 2.0


class Catalogue:
    """The merged document as bytes, refreshed in the background."""

    def __init__(
        self,
        own: Callable[[], dict[str, Any]],
        services: Iterable[Service],
        upstreams: Upstreams,
        table: RouteTable,
        every_s: float,
    ) -> None:
        self._own, self._services, self._upstreams = own, tuple(services), upstreams
        self._table, self._every_s = table, every_s
        self._seen: dict[str, bytes] = {}
        self._unreachable: set[str] = set()
        self._document = b""
        self._task: asyncio.Task[None] | None = None

    @property
    def document(self) -> bytes:
        """The merged OpenAPI document as JSON."""
        if not self._document:
            self._merge()
        return self._document

    async def start(self) -> None:
        """Keep the document fresh from now on."""
        self._task = asyncio.create_task(self._keep_fresh())

    async def aclose(self) -> None:
        """Stop refreshing."""
        if self._task is not None:
            self._task.cancel()

    async def refresh(self) -> None:
        """Ask every service for its document, and merge anew when one has changed."""
        found = await asyncio.gather(*(self._fetch(service.name) for service in self._services))
        changed = False
        for service, raw in zip(self._services, found, strict=True):
            known = self._unreachable.__contains__(service.name)
            (self._unreachable.add if raw is None else self._unreachable.discard)(service.name)
            changed |= known != (raw is None) or (raw is not None and raw != self._seen.get(service.name))
            if raw is not None:
                self._seen[service.name] = raw
        if changed:
            self._merge()

    def _merge(self) -> None:
        documents = {
            service.name: (service.prefixes, orjson.loads(self._seen[service.name]))
            for service in self._services
            if service.name in self._seen
        }
        missing = [
            service.name for service in self._services if service.name not in self._seen or service.name in self._unreachable
        ]
        merged = merge(self._own(), documents, missing)
        self._table.learn(
            {
                name: [path for path in document["paths"] if path.startswith(prefixes)]
                for name, (prefixes, document) in documents.items()
            }
        )
        self._document = orjson.dumps(merged)

    async def _fetch(self, service: str) -> bytes | None:
        for instance in self._upstreams.pools[service].instances:
            try:
                async with asyncio.timeout(FETCH_TIMEOUT_S):
                    status, raw = await self._upstreams.fetch(instance, "/openapi.json")
                if status == 200 and isinstance(orjson.loads(raw).get("paths"), dict):
                    return raw
            except (UpstreamError, TimeoutError, ValueError, AttributeError):
                continue
        return None

    async def _keep_fresh(self) -> None:
        while True:
            try:
                await self.refresh()
            except Exception as fault:
                log.error("catalogue_not_merged", exc_info=fault)
            await asyncio.sleep(RETRY_MISSING_S if self._unreachable else self._every_s)
