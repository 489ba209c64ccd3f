"""May this request in? Plain ASGI around a service: request id, caller, counts, and the envelope for what goes wrong.

A service called directly keeps the same contract as through the gateway, so it knows the caller itself. Sound keys are kept
in memory for seconds; while the store is out of reach, keys seen before go on working.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from rfid3_shared.callers import refuse_key_in_url
from rfid3_shared.clock import Clock
from rfid3_shared.envelope import error_headers, failure
from rfid3_shared.errors import AppError
from rfid3_shared.log import request_id
from rfid3_shared.metrics import REQUESTS, SECONDS
from rfid3_shared.request_ids import RequestIds

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

KEYED_PREFIX = "/api/"


class Admission:
    """The outermost layer of a service app; `app.state.resources` must be open before the first request."""

    def __init__(self, app: App, *, service: str, state: Any) -> None:
        self.app, self.service, self.state = app, service, state
        self._ids = RequestIds()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        clock: Clock = self.state.resources.clock
        started, status = clock.monotonic(), 500
        current = self._ids.name(scope["headers"])
        token = request_id.set(current)
        scope.setdefault("state", {}).update(request_id=current, started=started)

        async def send_with_id(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (b"x-request-id", current.encode())]
            await send(message)

        try:
            await self._answer(scope, receive, send_with_id, clock, current)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            REQUESTS.labels(self.service, route, status).inc()
            SECONDS.labels(self.service, route).observe(clock.monotonic() - started)
            request_id.reset(token)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, clock: Clock, current: str) -> None:
        try:
            if scope["path"].startswith(KEYED_PREFIX):
                refuse_key_in_url(scope["query_string"])
                scope["state"]["caller"] = await self.state.resources.callers.identify(scope["headers"])
        except AppError as error:
            await send_error(error, send, current, clock)
            return
        await self.app(scope, receive, send)


async def send_error(error: AppError, send: Send, current: str, clock: Clock) -> None:
    """Send an error envelope as a whole ASGI answer."""
    headers = [(name.encode(), value.encode()) for name, value in error_headers(error).items()]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": failure(error, request_id=current, at=clock.now())})
