"""May this request in? Plain ASGI around a service: request id, caller, counts, and the envelope for what goes wrong.

A service called directly keeps the same contract as through the gateway, so it knows the caller itself. Sound keys are kept
in memory for seconds; while the store is out of reach, keys seen before go on working.
"""

import re
import uuid
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from rfid3_shared.auth import Caller, KeyRing, find_caller, hash_key, key_from_headers
from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.envelope import error_headers, failure
from rfid3_shared.errors import AppError, InvalidParameters, StoreUnavailable, Unauthorized
from rfid3_shared.log import get_logger, request_id
from rfid3_shared.metrics import REQUESTS, SECONDS

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

SANE_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
KEYED_PREFIX = "/api/"
log = get_logger("admission")


def request_id_of(headers: list[tuple[bytes, bytes]]) -> str:
    """The caller's own request id where it is a sane one, else a new one."""
    for name, value in headers:
        if name == b"x-request-id" and SANE_ID.fullmatch(value):
            return value.decode()
    return str(uuid.uuid4())


async def identify(headers: list[tuple[bytes, bytes]], keys: KeyRing, store: Any, clock: Clock) -> Caller:
    """The caller behind the headers' key.

    Raises Unauthorized without a known key, StoreUnavailable when nobody can tell.
    """
    digest = hash_key(key_from_headers(headers))
    try:
        return keys.fresh(digest)  # type: ignore[return-value]
    except KeyError:
        pass
    try:
        async with transaction(store) as connection:
            caller = await find_caller(connection, digest, clock)
    except StoreUnavailable:
        if (caller := keys.stale(digest)) is None:
            raise
        return caller
    keys.remember(digest, caller)
    if caller is None:
        raise Unauthorized("This API key is not known, or was revoked.")
    return caller


class Admission:
    """The outermost layer of a service app; `app.state.resources` must be open before the first request."""

    def __init__(self, app: App, *, service: str, state: Any) -> None:
        self.app, self.service, self.state = app, service, state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        clock: Clock = self.state.resources.clock
        started, status = clock.monotonic(), 500
        current = request_id_of(scope["headers"])
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
                if b"api_key=" in scope["query_string"]:
                    raise InvalidParameters(
                        "A key in the address would end up in logs: send it as X-API-Key.", parameter="api_key"
                    )
                resources = self.state.resources
                scope["state"]["caller"] = await identify(scope["headers"], resources.keys, resources.store, clock)
        except AppError as error:
            await send_error(error, send, current, clock)
            return
        await self.app(scope, receive, send)


async def send_error(error: AppError, send: Send, current: str, clock: Clock) -> None:
    """Send an error envelope as a whole ASGI answer."""
    headers = [(name.encode(), value.encode()) for name, value in error_headers(error).items()]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": failure(error, request_id=current, at=clock.now())})
