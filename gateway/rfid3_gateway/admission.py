"""Who is calling, may they pass, and how often? The key, its least scope and its limit, before anything is forwarded."""

from collections.abc import Sequence

from rfid3_gateway.metrics import LIMITED_LOCALLY
from rfid3_gateway.routing import Route
from rfid3_shared.auth import Caller
from rfid3_shared.callers import Callers, refuse_key_in_url
from rfid3_shared.limits import Grant, RateLimiter


class Door:
    """Knows callers by their keys and counts their calls."""

    def __init__(self, callers: Callers, limiter: RateLimiter) -> None:
        self.callers, self._limiter = callers, limiter

    async def admit(self, headers: Sequence[tuple[bytes, bytes]], query: bytes, route: Route) -> tuple[Caller, Grant]:
        """The caller, and the grant of this call in the route's class (which may be a refusal).

        Raises Unauthorized, Forbidden, InvalidParameters (key in the address) or StoreUnavailable (nobody can tell).
        """
        refuse_key_in_url(query)
        caller = await self.callers.identify(headers)
        caller.require(*route.scopes)
        grant = await self._limiter.take(caller.key_id, route.rate_class)
        if grant.local:
            LIMITED_LOCALLY.inc()
        return caller, grant
