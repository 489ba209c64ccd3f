"""How much was the API used since then, how fast and how reliably? Read from the store, so for all gateways and restarts."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_gateway.routing import GATEWAY
from rfid3_gateway.usage import COUNTS, NOBODY, hour_of
from rfid3_shared.usage_tables import api_uptime, api_usage

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True)
class Summary:
    """What the hours hold that the span touches; ratios are None where nothing was counted.

    `calls` by service and `errors` (5xx) are over all calls with a key, `callers` over keys; `latency_ms` and
    `cache_hit_ratio` over the answers of the services behind the gateway.
    """

    calls_by_service: dict[str, int]
    errors: int
    callers: int
    latency_ms: float | None
    cache_hit_ratio: float | None
    uptime_ratio: float

    @property
    def calls(self) -> int:
        """Calls of all services and the gateway itself."""
        return sum(self.calls_by_service.values())

    @property
    def error_ratio(self) -> float | None:
        """Share of calls answered 5xx."""
        return self.errors / self.calls if self.calls else None

    @property
    def busiest_service(self) -> str | None:
        """The service asked most; the first by name of several."""
        services = {name: calls for name, calls in self.calls_by_service.items() if name != GATEWAY and calls}
        return min(services, key=lambda name: (-services[name], name), default=None)


async def summary(connection: AsyncConnection, since: datetime, until: datetime) -> Summary:
    """The usage between two aware times, the second of which is now."""
    touched = api_usage.c.hour >= hour_of(since)
    sums = (func.sum(api_usage.c[name]).label(name) for name in COUNTS)
    rows = (await connection.execute(select(api_usage.c.service, *sums).where(touched).group_by(api_usage.c.service))).all()
    named = select(func.count(api_usage.c.key_id.distinct())).where(touched, api_usage.c.key_id != NOBODY)
    callers = (await connection.execute(named)).scalar_one()
    behind = [row for row in rows if row.service != GATEWAY]
    answered = sum(int(row.answered) for row in behind)
    hits, misses = (sum(int(getattr(row, name)) for row in behind) for name in ("cache_hits", "cache_misses"))
    return Summary(
        calls_by_service={row.service: int(row.calls) for row in rows},
        errors=sum(int(row.errors) for row in rows),
        callers=int(callers),
        latency_ms=1000 * sum(float(row.seconds) for row in behind) / answered if answered else None,
        cache_hit_ratio=hits / (hits + misses) if hits + misses else None,
        uptime_ratio=await _uptime_ratio(connection, since, until),
    )


async def _uptime_ratio(connection: AsyncConnection, since: datetime, until: datetime) -> float:
    """Share of minutes in which a gateway was up, of those since the first one ever was; the present one was it, for it asks."""
    begin, end = _minute(since), _minute(until)
    query = select(api_uptime.c.hour, api_uptime.c.minutes).where(api_uptime.c.hour >= hour_of(since))
    up = {
        row.hour + bit * MINUTE
        for row in (await connection.execute(query)).all()
        for bit in range(60)
        if row.minutes >> bit & 1
    }
    before = select(func.count()).where(api_uptime.c.hour < hour_of(since))
    if not (await connection.execute(before)).scalar_one():
        begin = max(begin, min(up, default=end))
    seen = {minute for minute in up if begin <= minute <= end} | {end}
    return len(seen) / max(1, (end - begin) // MINUTE + 1)


def _minute(at: datetime) -> datetime:
    return hour_of(at) + at.minute * MINUTE
