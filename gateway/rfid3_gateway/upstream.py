"""How does the gateway talk to a service's instances? The one seam to the HTTP client.

Instances take turns; one that refused or broke a connection is left out for a second unless all did. A connection that was
never opened, or was closed under an idempotent request, is tried once more. Foreign errors become ours here.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from itertools import count

import aiohttp
from yarl import URL

from rfid3_gateway.metrics import UPSTREAM_ERRORS
from rfid3_gateway.routing import Service
from rfid3_shared.clock import Clock
from rfid3_shared.errors import UpstreamError, UpstreamUnavailable
from rfid3_shared.log import get_logger

log = get_logger("upstream")
EJECTED_S = 1.0
CONNECT_TIMEOUT_S = 1.0
LARGE_BYTES = 500_000
KEEP_ALIVE_S = 4.0  # uvicorn closes idle connections after 5 s; closing first avoids writing into a closing one
IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE"})
NO_AUTO_HEADERS = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
BROKEN = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError, aiohttp.ConnectionTimeoutError, ConnectionError)


@dataclass(slots=True)
class Instance:
    """One process of a service."""

    url: str
    base: str
    session: aiohttp.ClientSession
    ejected_until: float = 0.0


@dataclass(slots=True)
class Pool:
    """The instances of one service, taken in turn."""

    instances: list[Instance]
    turn: "count[int]" = field(default_factory=count)

    def in_order(self, now: float) -> list[Instance]:
        """Instances to try, the one whose turn it is first, those ejected last."""
        if len(self.instances) == 1:
            return self.instances
        start = next(self.turn) % len(self.instances)
        ordered = self.instances[start:] + self.instances[:start]
        return sorted(ordered, key=lambda instance: instance.ejected_until > now)


class Reply:
    """A service's answer whose body has not been read yet; must be closed."""

    __slots__ = ("_response", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self.status, self.headers = response.status, response.raw_headers

    @property
    def length(self) -> int | None:
        """The announced size of the body in bytes."""
        return self._response.content_length

    async def read(self) -> bytes:
        """The whole body. Raises UpstreamError when the service breaks off."""
        try:
            return await self._response.read()
        except (*BROKEN, aiohttp.ClientError) as fault:
            raise UpstreamError("The service broke off its answer.") from fault

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives. Raises UpstreamError when the service breaks off."""
        try:
            async for chunk in self._response.content.iter_any():
                yield chunk
        except (*BROKEN, aiohttp.ClientError) as fault:
            raise UpstreamError("The service broke off its answer.") from fault

    def close(self) -> None:
        """Give the connection back, or close it when its answer was not read to the end."""
        self._response.close() if not self._response.content.at_eof() else self._response.release()


class Upstreams:
    """Every instance of every service; opened by the gateway's lifespan."""

    def __init__(self, services: Iterable[Service], clock: Clock) -> None:
        self._services, self._clock = tuple(services), clock
        self.pools: dict[str, Pool] = {}
        self._sessions: list[aiohttp.ClientSession] = []

    async def open(self) -> None:
        """Open one client for all TCP instances and one for each unix socket."""
        shared = self._session(aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S))
        for service in self._services:
            self.pools[service.name] = Pool([self._instance(url, shared) for url in service.upstreams])

    async def aclose(self) -> None:
        """Close every connection."""
        for session in self._sessions:
            await session.close()

    async def send(
        self, service: str, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes | None
    ) -> Reply:
        """Ask an instance of the service for `target` (path and query as they came).

        Raises UpstreamUnavailable when no instance accepts connections, UpstreamError when one breaks off.
        """
        candidates = self.pools[service].in_order(self._clock.monotonic())
        last: Exception | None = None
        for attempt in range(2):
            if not candidates:
                break
            instance = candidates[attempt % len(candidates)]
            try:
                return await self._call(instance, method, target, headers, body)
            except BROKEN as fault:
                refused = isinstance(fault, (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError))
                self._eject(service, instance, "refused" if refused else "broken")
                last = fault
                if not refused and method not in IDEMPOTENT:
                    raise UpstreamError("The service broke off; whether it acted on the request is unknown.") from fault
            except aiohttp.ClientError as fault:
                UPSTREAM_ERRORS.labels(service, "protocol").inc()
                raise UpstreamError("The service's answer cannot be understood.") from fault
        raise UpstreamUnavailable(f"The service {service!r} cannot be reached now.", service=service, retry_after_s=1) from last

    async def fetch(self, instance: Instance, target: str) -> tuple[int, bytes]:
        """Status and body of a GET on one certain instance. Raises UpstreamUnavailable when it gives none."""
        try:
            reply = await self._call(instance, "GET", target, [("host", "gateway"), ("accept", "application/json")], None)
        except (*BROKEN, aiohttp.ClientError) as fault:
            raise UpstreamUnavailable("The instance cannot be reached now.") from fault
        try:
            return reply.status, await reply.read()
        finally:
            reply.close()

    async def _call(
        self, instance: Instance, method: str, target: str, headers: Sequence[tuple[str, str]], body: bytes | None
    ) -> Reply:
        url = URL(instance.base + target, encoded=True)
        # a large body is written piece by piece, so that other requests get their turn; each try reads it from its beginning
        data = BytesIO(body) if body is not None and len(body) > LARGE_BYTES else body
        return Reply(await instance.session.request(method, url, headers=headers, data=data, allow_redirects=False))

    def _eject(self, service: str, instance: Instance, kind: str) -> None:
        now = self._clock.monotonic()
        UPSTREAM_ERRORS.labels(service, kind).inc()
        if instance.ejected_until <= now:
            log.warning("instance_ejected", service=service, instance=instance.url, kind=kind, for_s=EJECTED_S)
        instance.ejected_until = now + EJECTED_S

    def _instance(self, url: str, shared: aiohttp.ClientSession) -> Instance:
        if url.startswith("unix:"):
            path = url.removeprefix("unix:")
            return Instance(
                url, "http://unix", self._session(aiohttp.UnixConnector(path, limit=0, keepalive_timeout=KEEP_ALIVE_S))
            )
        return Instance(url, url.rstrip("/"), shared)

    def _session(self, connector: aiohttp.BaseConnector) -> aiohttp.ClientSession:
        session = aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False, skip_auto_headers=NO_AUTO_HEADERS,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT_S), trust_env=False,
        )  # fmt: skip
        self._sessions.append(session)
        return session
