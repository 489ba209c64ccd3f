"""What happens to a request on its way through? The hot path, plain ASGI: admit, forward, answer, count.

Every request ends in exactly one answer (or in none when its caller hung up), and every error in the envelope.
"""

from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from rfid3_gateway.admission import Door
from rfid3_gateway.body import BodyTooSlow, read_body
from rfid3_gateway.headers import to_caller, to_service
from rfid3_gateway.metrics import TALLIES
from rfid3_gateway.patience import Patience, Receive, Vigil
from rfid3_gateway.refusal import refusal
from rfid3_gateway.routing import GATEWAY, Route, RouteTable
from rfid3_gateway.settings import GatewaySettings
from rfid3_gateway.upstream import Reply, Upstreams
from rfid3_gateway.usage import Usage, from_cache
from rfid3_shared.clock import Clock
from rfid3_shared.envelope import error_headers
from rfid3_shared.errors import AppError, PayloadTooLarge, UpstreamTimeout
from rfid3_shared.log import get_logger
from rfid3_shared.log import request_id as current_request_id
from rfid3_shared.request_ids import RequestIds

Scope = MutableMapping[str, Any]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

log = get_logger("gateway")
UNMATCHED = Route("none", "none", "unmatched")
CALLER_LEFT = 499
STREAM_SILENCE_S = 30.0
"""A stream of which nothing could be sent for so long has nobody who reads it."""


def replayed(body: bytes | None, receive: Receive) -> Receive:
    """What was read from `receive` once more, then whatever it gives next."""
    waiting: list[MutableMapping[str, Any]] = [{"type": "http.request", "body": body or b"", "more_body": False}]

    async def again() -> MutableMapping[str, Any]:
        return waiting.pop() if waiting else await receive()

    return again


class Exchange:
    """One request and what is known of its answer so far."""

    __slots__ = ("cached", "extra", "key_id", "request_id", "route", "scope", "seconds", "send", "started", "status")

    def __init__(self, scope: Scope, send: Send, request_id: str, started: float) -> None:
        self.scope, self.send, self.request_id, self.started = scope, send, request_id, started
        self.extra: list[tuple[bytes, bytes]] = [(b"x-request-id", request_id.encode())]
        self.route, self.status, self.key_id = UNMATCHED, 0, ""
        self.cached: bool | None = None  # whether the service kept the answer from an earlier request, where it says so
        self.seconds: float | None = None  # how long the answer took, where that is not until its end

    async def start(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Send status and headers, ours included."""
        self.status = status
        await self.send({"type": "http.response.start", "status": status, "headers": [*headers, *self.extra]})

    async def body(self, chunk: bytes, *, more: bool = False) -> None:
        """Send a part of the body."""
        await self.send({"type": "http.response.body", "body": chunk, "more_body": more})


class Forwarder:
    """Answers every request of the gateway; `own` is the app of the gateway's own routes."""

    def __init__(
        self, settings: GatewaySettings, clock: Clock, table: RouteTable, door: Door, upstreams: Upstreams, own: App,
        latencies_s: deque[float], usage: Usage,
    ) -> None:  # fmt: skip
        self._settings, self._clock, self._table = settings, clock, table
        self._door, self._upstreams, self._own = door, upstreams, own
        self._latencies_s, self._usage = latencies_s, usage
        self._ids, self._vigil = RequestIds(), Vigil()
        self.in_flight = 0
        self._since_logged = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        exchange = Exchange(scope, send, self._ids.name(scope["headers"]), self._clock.monotonic())
        token = current_request_id.set(exchange.request_id)
        self.in_flight += 1
        TALLIES.in_flight += 1
        try:
            await self._answer(exchange, receive)
        except AppError as error:
            await self._refuse(exchange, error)
        except Exception as fault:
            log.error("unhandled", route=exchange.route.template, exc_info=fault)
            await self._refuse(exchange, AppError("Something failed on our side. The request id finds it in the logs."))
        finally:
            self.in_flight -= 1
            TALLIES.in_flight -= 1
            self._count(exchange)
            current_request_id.reset(token)

    async def _answer(self, exchange: Exchange, receive: Receive) -> None:
        scope = exchange.scope
        exchange.route = route = self._table.match(scope["path"])
        if route.is_open:
            await self._answer_self(exchange, receive)
            return
        waited = route.deadline_s or self._settings.request_deadline_s
        patience = Patience(self._vigil, receive, waited)
        try:
            async with patience:
                caller, grant = await self._door.admit(scope["headers"], scope["query_string"], route)
                exchange.key_id = caller.key_id
                exchange.extra += grant.headers()
                grant.require(route.rate_class)
                if route.service == GATEWAY:
                    scope["caller"] = caller
                    limit_bytes = route.body_bytes or self._settings.max_body_bytes
                    body = await read_body(scope["headers"], receive, limit_bytes, patience)
                    await self._answer_self(exchange, replayed(body, receive), patience if route.is_stream else None)
                else:
                    await self._forward(exchange, receive, patience)
        except TimeoutError:
            if patience.caller_left:
                # leaving is how one ends listening to a stream
                exchange.status = exchange.status if route.is_stream and exchange.status else CALLER_LEFT
                return
            if patience.reading_body:
                raise BodyTooSlow(f"The body did not arrive within {waited:g} seconds.", deadline_s=waited) from None
            raise UpstreamTimeout(f"No answer within {waited:g} seconds.", deadline_s=waited) from None

    async def _forward(self, exchange: Exchange, receive: Receive, patience: Patience) -> None:
        scope = exchange.scope
        limit_bytes = exchange.route.body_bytes or self._settings.max_body_bytes
        body = await read_body(scope["headers"], receive, limit_bytes, patience)
        patience.watch()
        client, query = scope.get("client"), scope["query_string"]
        target = scope["raw_path"].decode("latin-1")
        reply = await self._upstreams.send(
            exchange.route.service,
            scope["method"],
            f"{target}?{query.decode('latin-1')}" if query else target,
            to_service(
                scope["headers"],
                peer=client[0] if client else "unix",
                request_id=exchange.request_id,
                deadline_ms=patience.left_ms,
            ),
            body,
        )
        try:
            await self._pass_on(exchange, reply, patience)
        finally:
            reply.close()

    async def _pass_on(self, exchange: Exchange, reply: Reply, patience: Patience) -> None:
        headers = to_caller(reply.headers)
        exchange.cached = from_cache(headers)
        if (reply.length is not None and reply.length <= self._settings.buffer_bytes) or exchange.scope["method"] == "HEAD":
            whole = await reply.read()
            await exchange.start(reply.status, headers)
            await exchange.body(whole)
            return
        await exchange.start(reply.status, headers)
        async for chunk in reply.chunks():
            await exchange.body(chunk, more=True)
            patience.renew(self._settings.request_deadline_s)
        await exchange.body(b"")

    async def _answer_self(self, exchange: Exchange, receive: Receive, streaming: Patience | None = None) -> None:
        exchange.scope["exchange"] = exchange

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                await exchange.start(message["status"], message["headers"])
            else:
                await exchange.send(message)
            if streaming is not None:
                streaming.renew(STREAM_SILENCE_S)
                streaming.watch()
                if exchange.seconds is None:
                    exchange.seconds = self._clock.monotonic() - exchange.started

        scope = exchange.scope
        if scope["method"] == "HEAD" and streaming is None:
            scope = {**scope, "method": "GET"}  # the server leaves the body out of what it sends
        await self._own(scope, receive, send)

    async def _refuse(self, exchange: Exchange, error: AppError) -> None:
        if exchange.status:
            # begun and not to be finished: returning now breaks the connection, so nobody takes a part for the whole
            log.warning("answer_broken_off", route=exchange.route.template, code=error.code)
            return
        headers = [(name.encode(), value.encode()) for name, value in error_headers(error).items()]
        body = refusal(exchange.scope["path"], error, request_id=exchange.request_id, at=self._clock.now())
        headers.append((b"content-length", b"%d" % len(body)))
        if isinstance(error, (PayloadTooLarge, BodyTooSlow)):
            headers.append((b"connection", b"close"))  # the rest of the body is not read
        await exchange.start(error.status, headers)
        await exchange.body(body)

    def _count(self, exchange: Exchange) -> None:
        seconds = self._clock.monotonic() - exchange.started if exchange.seconds is None else exchange.seconds
        route, status = exchange.route, exchange.status
        TALLIES.record(route.template, route.rate_class, status, seconds)
        self._latencies_s.append(seconds)
        if exchange.key_id:
            self._usage.count(route.service, exchange.key_id, status, seconds, exchange.cached)
        self._since_logged += self._settings.access_log_ratio
        if status >= 500 or self._since_logged >= 1.0:
            self._since_logged = self._since_logged % 1.0
            write = log.warning if status >= 500 else log.info
            write(
                "request", method=exchange.scope["method"], route=route.template, rate_class=route.rate_class, status=status,
                ms=round(seconds * 1000, 1),
            )  # fmt: skip
