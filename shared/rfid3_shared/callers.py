"""Who is behind the key of a request? Looked up once for all who wait, and known on while the store is out of reach."""

import asyncio
from collections.abc import Sequence
from urllib.parse import parse_qsl

from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.auth import Caller, KeyRing, find_caller, hash_key, key_from_headers
from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.errors import InvalidParameters, StoreUnavailable, Unauthorized

KEY_PARAMETERS = frozenset({"api_key", "apikey", "x-api-key"})
STALE_WAIT_S = 0.3  # a known key does not wait longer than this for a slow store
NEW_WAIT_S = 1.5


def refuse_key_in_url(query: bytes) -> None:
    """Raises InvalidParameters when a query carries an API key."""
    if b"key=" in query.lower():
        named = {name.lower() for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)} & KEY_PARAMETERS
        if named:
            raise InvalidParameters(
                "A key in the address ends up in logs: send it as X-API-Key or as Authorization: Bearer, and revoke this one.",
                parameter=min(named),
            )


class Callers:
    """Callers by the keys they send; the gateway and every service keep one."""

    def __init__(self, store: AsyncEngine, clock: Clock) -> None:
        self._store, self._clock, self._keys = store, clock, KeyRing(clock)
        self._lookups: dict[str, asyncio.Task[Caller | None]] = {}
        self.knows_someone = False
        """Whether any key was seen yet, which could then pass without the store."""

    async def identify(self, headers: Sequence[tuple[bytes, bytes]]) -> Caller:
        """The caller behind the key in the headers.

        Raises Unauthorized, or StoreUnavailable when the key is new and the store cannot be reached.
        """
        digest = hash_key(key_from_headers(headers))
        try:
            caller = self._keys.fresh(digest)
        except KeyError:
            caller = await self._look_up(digest)
        if caller is None:
            raise Unauthorized("This API key is not known, or was revoked.")
        self.knows_someone = True
        return caller

    async def _look_up(self, digest: str) -> Caller | None:
        """Ask the store, once for all who wait; a key that is known already waits only briefly."""
        lookup = self._lookups.get(digest)
        if lookup is None:
            lookup = self._lookups[digest] = asyncio.create_task(self._ask_store(digest))
            lookup.add_done_callback(lambda task: (self._lookups.pop(digest, None), task.cancelled() or task.exception()))
        known = self._keys.stale(digest)
        try:
            async with asyncio.timeout(STALE_WAIT_S if known else NEW_WAIT_S):
                return await asyncio.shield(lookup)
        except (StoreUnavailable, TimeoutError):
            if known is None:
                raise StoreUnavailable("This key was not seen before, and the store that knows keys is out of reach.") from None
            # remembered anew, so that an unreachable store is asked once in a while and not by every request
            self._keys.remember(digest, known)
            return known

    async def _ask_store(self, digest: str) -> Caller | None:
        async with transaction(self._store) as connection:
            caller = await find_caller(connection, digest, self._clock)
        self._keys.remember(digest, caller)
        return caller

    async def aclose(self) -> None:
        """Give up look-ups that are still under way."""
        for lookup in list(self._lookups.values()):
            lookup.cancel()
