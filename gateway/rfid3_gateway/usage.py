"""Who asks how much of which service, hour by hour? Counted in memory on the hot path, added to the store every few seconds.

While the store is away the counts wait. They are bounded all the same: past `PENDING_LIMIT` rows a caller that is new in its
hour is counted under no name. If the store dies in the very moment of a commit, a few seconds of calls may count twice.
"""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Insert, Table, delete
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_gateway.headers import header
from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.log import get_logger
from rfid3_shared.tasks import end_tasks
from rfid3_shared.usage_tables import api_uptime, api_usage

FLUSH_S = 5.0
STORE_TIMEOUT_S = 5.0
KEPT = timedelta(days=35)
PENDING_LIMIT = 20_000
BATCH_ROWS = 500
NOBODY = ""
STORE_FAULTS = (StoreUnavailable, SQLAlchemyError, OSError, TimeoutError)
COUNTS = ("calls", "answered", "seconds", "errors", "cache_hits", "cache_misses")
CALLS, ANSWERED, SECONDS, ERRORS, HITS, MISSES = range(len(COUNTS))
Tally = list[float]
log = get_logger("gateway.usage")


def from_cache(headers: Sequence[tuple[bytes, bytes]]) -> bool | None:
    """Whether an answer says that it was kept from an earlier request; None when it does not say."""
    found = header(headers, b"x-cache")
    return None if found is None else found == b"hit"


class Usage:
    """The counts of one gateway process."""

    def __init__(self, engine: AsyncEngine, clock: Clock, *, flush_s: float = FLUSH_S, limit: int = PENDING_LIMIT) -> None:
        self._engine, self._clock, self._flush_s, self._limit = engine, clock, flush_s, limit
        self._hour = hour_of(clock.now())
        self._live: dict[tuple[str, str], Tally] = {}
        self._pending: dict[tuple[datetime, str, str], Tally] = {}
        self._minutes: dict[datetime, int] = {}
        self._noted: tuple[datetime, int] | None = None
        self._cleaned: datetime | None = None
        self._writing = asyncio.Lock()
        self._away = False
        self._task: asyncio.Task[None] | None = None

    def count(self, service: str, key_id: str, status: int, seconds: float, cached: bool | None = None) -> None:
        """Count one call of a known key; microseconds, and it never raises."""
        tally = self._live.get((service, key_id))
        if tally is None:
            tally = self._live[service, key_id] = [0.0] * len(COUNTS)
        tally[CALLS] += 1
        if status < 400:
            tally[ANSWERED] += 1
            tally[SECONDS] += seconds
        elif status >= 500:
            tally[ERRORS] += 1
        if cached is not None:
            tally[HITS if cached else MISSES] += 1

    async def start(self) -> None:
        """Write every few seconds from now on."""
        self._task = asyncio.create_task(self._write_for_ever())

    async def aclose(self) -> None:
        """Stop, and write what is left if the store takes it."""
        if self._task is not None:
            await end_tasks([self._task])
        if not await self.flush():
            log.warning("usage_lost", calls=int(sum(tally[CALLS] for tally in self._pending.values())))

    async def flush(self) -> bool:
        """Add what was counted to the store; False when that does not take it now, and it is kept."""
        async with self._writing:
            self._turn()
            try:
                async with asyncio.timeout(STORE_TIMEOUT_S):
                    await self._write_uptime()
                    await self._write_usage()
                    await self._clean()
            except STORE_FAULTS as fault:
                if not self._away:
                    log.warning("usage_waits", fault=type(fault).__name__)
                self._away = True
                return False
            self._away = False
            return True

    def _turn(self) -> None:
        """Put what was counted since the last turn under the hour in which that was, and note that this minute was seen."""
        live, self._live = self._live, {}
        for (service, key_id), tally in live.items():
            self._keep((self._hour, service, key_id), tally)
        now = self._clock.now()
        self._hour = hour_of(now)
        if self._noted != (self._hour, now.minute):  # once a minute: an idle suite should leave its disk alone
            self._noted = (self._hour, now.minute)
            self._minutes[self._hour] = self._minutes.get(self._hour, 0) | 1 << now.minute

    def _keep(self, key: tuple[datetime, str, str], tally: Tally) -> None:
        if key not in self._pending and len(self._pending) >= self._limit:
            key = (*key[:2], NOBODY)
        kept = self._pending.get(key)
        self._pending[key] = tally if kept is None else [one + other for one, other in zip(kept, tally, strict=True)]

    async def _write_uptime(self) -> None:
        if not self._minutes:
            return
        rows = [{"hour": hour, "minutes": minutes} for hour, minutes in sorted(self._minutes.items())]
        async with transaction(self._engine) as connection:
            await connection.execute(merging(api_uptime, ("minutes",), "|", connection.dialect.name), rows)
        self._minutes.clear()

    async def _write_usage(self) -> None:
        while self._pending:
            # in the order of the key: two gateways that add to the same rows then wait for each other instead of locking up
            batch = sorted(self._pending)[:BATCH_ROWS]
            rows = [
                {**dict(zip(("hour", "service", "key_id"), key, strict=True)), **_values(self._pending[key])} for key in batch
            ]
            async with transaction(self._engine) as connection:
                await connection.execute(merging(api_usage, COUNTS, "+", connection.dialect.name), rows)
            for key in batch:
                del self._pending[key]

    async def _clean(self) -> None:
        """Once an hour: delete what is older than five weeks."""
        if self._cleaned == self._hour:
            return
        async with transaction(self._engine) as connection:
            for table in (api_usage, api_uptime):
                await connection.execute(delete(table).where(table.c.hour < self._hour - KEPT))
        self._cleaned = self._hour

    async def _write_for_ever(self) -> None:
        while True:
            try:
                await self.flush()
            except Exception as fault:
                log.error("usage_stumbled", exc_info=fault)
            left_s = (hour_of(self._clock.now(), ahead=1) - self._clock.now().replace(tzinfo=None)).total_seconds()
            await asyncio.sleep(min(self._flush_s, max(0.01, left_s)))  # a turn at the hour's end keeps hours apart


def hour_of(at: datetime, ahead: int = 0) -> datetime:
    """The beginning of the hour, or of one `ahead`, as the store keeps it: UTC without zone."""
    return at.astimezone(UTC).replace(minute=0, second=0, microsecond=0, tzinfo=None) + timedelta(hours=ahead)


def merging(table: Table, columns: Iterable[str], operator: str, dialect: str) -> Insert:
    """An INSERT that joins a row with the one that is there, column by column: by `+`, or bit by bit by `|`."""
    if dialect == "sqlite":
        new = sqlite.insert(table)
        return new.on_conflict_do_update(set_={name: table.c[name].op(operator)(new.excluded[name]) for name in columns})
    fresh = mysql.insert(table)
    return fresh.on_duplicate_key_update({name: table.c[name].op(operator)(fresh.inserted[name]) for name in columns})


def _values(tally: Tally) -> dict[str, Any]:
    return {name: value if name == "seconds" else int(value) for name, value in zip(COUNTS, tally, strict=True)}
