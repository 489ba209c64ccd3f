"""How does the suite ask a server outside its own walls, so that neither a slow nor a broken nor a huge answer can hurt it?

One pool: 10 connections, 5 to a host, 5 s to connect, 30 s for a question with all its tries, idle connections kept for 60 s
(mission.md S4-21). Bodies are bounded while they arrive. Redirects are not followed: who is asked is a setting. What it raises names
the host and never the address, which may hold a key.

UpstreamError ─┬─ UpstreamTimeout, UpstreamUnavailable: it did not answer, try later
               └─ AnswerRefused: it answered something that cannot be taken, trying again is no use
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from hashlib import blake2b
from types import TracebackType
from typing import Any, Self, TypeVar

import httpx
import orjson

from rfid3_shared.errors import UpstreamError, UpstreamTimeout, UpstreamUnavailable

CONNECTIONS, PER_HOST, KEEPALIVE_S, CONNECT_S, TOTAL_S = 10, 5, 60.0, 5.0, 30.0
MOST_BYTES = 8_000_000
TRIES, FIRST_PAUSE_S, LONGEST_PAUSE_S = 3, 0.5, 10.0
TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
Answer = TypeVar("Answer")
Validators = MutableMapping[str, dict[str, str]]
"""Digest of a question → the ETag and Last-Modified of its last answer."""


class AnswerRefused(UpstreamError):
    """It answered, but not with what can be used."""

    retryable = False


class Outside:
    """A pool of connections to servers outside; an asynchronous context manager."""

    def __init__(self, *, total_s: float = TOTAL_S, most_bytes: int = MOST_BYTES, first_pause_s: float = FIRST_PAUSE_S) -> None:
        self._total_s, self._most_bytes, self._first_pause_s = total_s, most_bytes, first_pause_s
        self._turns: dict[str, asyncio.Semaphore] = {}
        limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=KEEPALIVE_S)
        # reading is bounded by the time for the whole question alone: two clocks that end together would swallow each other's end
        timeout = httpx.Timeout(None, connect=CONNECT_S if total_s > CONNECT_S else None)
        self._client = httpx.AsyncClient(limits=limits, timeout=timeout, follow_redirects=False)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def get(
        self, url: str, parameters: Mapping[str, str] | None = None, validators: Validators | None = None
    ) -> bytes | None:
        """The body of a 200; None when the server says that nothing changed since the answer that `validators` speaks of.

        validators is brought up to date. Raises UpstreamTimeout, UpstreamUnavailable, AnswerRefused.
        """
        asked = _address(url, parameters)
        known = {} if validators is None else validators
        return await self._in_turn(asked, lambda: self._get_once(asked, known))

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """(status, body) of the answer to a body that may be sent more than once without harm; refusals (4xx) are answers too.

        Raises UpstreamTimeout, UpstreamUnavailable, AnswerRefused.
        """
        asked = _address(url)
        return await self._in_turn(asked, lambda: self._post_once(asked, body, headers))

    async def _in_turn(self, asked: httpx.URL, once: Callable[[], Awaitable[Answer]]) -> Answer:
        turn = self._turns.setdefault(asked.host, asyncio.Semaphore(PER_HOST))
        try:
            async with asyncio.timeout(self._total_s), turn:
                return await self._ask(once)
        except TimeoutError:
            raise UpstreamTimeout(f"{asked.host} gave no whole answer within {self._total_s:g} seconds.") from None

    async def _ask(self, once: Callable[[], Awaitable[Answer]]) -> Answer:
        pause_s = self._first_pause_s
        for left in range(TRIES - 1, -1, -1):
            try:
                return await once()
            except UpstreamUnavailable as fault:
                if not left:
                    raise
                await asyncio.sleep(min(LONGEST_PAUSE_S, max(pause_s, fault.details.get("retry_after_s", 0.0))))
                pause_s *= 2
        raise AssertionError("unreachable")

    async def _get_once(self, url: httpx.URL, validators: Validators) -> bytes | None:
        key = blake2b(str(url).encode(), digest_size=12).hexdigest()
        with _in_our_words(url.host):
            async with self._client.stream("GET", url, headers=_conditions(validators.get(key))) as reply:
                if reply.status_code == httpx.codes.NOT_MODIFIED:
                    return None
                _accept(reply, url.host)
                body = await self._body(reply, url.host)
        seen = {"etag": reply.headers.get("ETag", ""), "modified": reply.headers.get("Last-Modified", "")}
        validators.pop(key, None)
        if any(seen.values()) and all(len(value) <= 200 for value in seen.values()):
            validators[key] = seen
        return body

    async def _post_once(self, url: httpx.URL, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        with _in_our_words(url.host):
            async with self._client.stream("POST", url, content=body, headers=dict(headers)) as reply:
                if reply.status_code in TRY_AGAIN or not httpx.codes.is_client_error(reply.status_code):
                    _accept(reply, url.host)
                return reply.status_code, await self._body(reply, url.host)

    async def _body(self, reply: httpx.Response, host: str) -> bytes:
        parts, size = [], 0
        async for part in reply.aiter_bytes():
            size += len(part)
            if size > self._most_bytes:
                raise AnswerRefused(f"{host} answered with more than {self._most_bytes / 1e6:g} MB.")
            parts.append(part)
        return b"".join(parts)


def _address(url: str, parameters: Mapping[str, str] | None = None) -> httpx.URL:
    """Raises AnswerRefused for what is no web address."""
    try:
        asked = httpx.URL(url, params=dict(parameters)) if parameters else httpx.URL(url)
    except (httpx.InvalidURL, TypeError, ValueError):
        raise AnswerRefused("The address that is set is no URL.") from None
    if asked.scheme not in ("http", "https") or not asked.host:
        raise AnswerRefused("The address that is set is no http or https URL.")
    return asked


@contextmanager
def _in_our_words(host: str) -> Iterator[None]:
    try:
        yield
    except httpx.TimeoutException:
        raise UpstreamUnavailable(f"{host} did not answer in time.") from None
    except httpx.TransportError:
        raise UpstreamUnavailable(f"{host} cannot be reached.") from None
    except httpx.HTTPError:
        raise AnswerRefused(f"{host} answered what is no proper HTTP.") from None


def _conditions(seen: Mapping[str, str] | None) -> dict[str, str]:
    names = {"etag": "If-None-Match", "modified": "If-Modified-Since"}
    return {header: seen[name] for name, header in names.items() if seen and seen.get(name)}


def _accept(reply: httpx.Response, host: str) -> None:
    if reply.status_code == httpx.codes.OK:
        return
    if reply.status_code in TRY_AGAIN:
        after = reply.headers.get("Retry-After", "")
        wait_s = float(after) if after.isdecimal() else 0.0
        raise UpstreamUnavailable(f"{host} answered {reply.status_code}.", retry_after_s=wait_s)
    raise AnswerRefused(f"{host} answered {reply.status_code}.", status=reply.status_code)


def json_of(body: bytes, who: str) -> dict[str, Any]:
    """The JSON object in a body.

    Raises AnswerRefused when it holds anything else.
    """
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise AnswerRefused(f"{who} answered with what is no JSON.") from None
    if not isinstance(found, dict):
        raise AnswerRefused(f"{who} answered with JSON of another shape than it documents.")
    return found
