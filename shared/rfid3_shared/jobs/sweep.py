"""Which jobs did everybody else forget?

A sweeper runs in every worker. It takes jobs from workers that stopped renewing their leases, sends jobs that were never
sent or that Redis lost, and, when Redis is of no help, starts them itself. All it does is conditional, so any number of
sweepers may run at once.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from redis.asyncio import Redis
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.jobs import lease as leases
from rfid3_shared.jobs.holder import is_gone
from rfid3_shared.jobs.lanes import LANES
from rfid3_shared.jobs.metrics import OLDEST_AGE, REQUEUED, RUNNABLE, RUNNING
from rfid3_shared.jobs.outbox import REDIS_FAULTS, SEND_TIMEOUT_S
from rfid3_shared.jobs.queue import send
from rfid3_shared.jobs.requests import stored_now
from rfid3_shared.log import get_logger
from rfid3_shared.migrate import ensure_schema

SWEEP_INTERVAL_S = 2.0
log = get_logger("jobs.sweep")


class Sweeper:
    """Looks after the rows of one service; `start(job_id, lane)` begins a job here and says whether there was room."""

    def __init__(
        self,
        engine: AsyncEngine,
        redis: Redis,
        clock: Clock,
        *,
        service: str,
        lease_s: float,
        start: Callable[[str, str], bool],
    ) -> None:
        self._engine, self._redis, self._clock = engine, redis, clock
        self._service, self._lease_s, self._start = service, lease_s, start
        self._seen: dict[tuple[str, datetime], float] = {}
        self.ready = asyncio.Event()
        """Set as soon as the store was within reach and has its tables."""

    async def sweep_for_ever(self, interval_s: float = SWEEP_INTERVAL_S) -> None:
        """Sweep until cancelled; a store that is out of reach is tried again next time."""
        interval_s = min(interval_s, self._lease_s / 2)
        while True:
            try:
                if not self.ready.is_set():  # the store may have been out of reach when everything else was set up
                    await ensure_schema(self._engine)
                    self.ready.set()
                await self.sweep()
            except (StoreUnavailable, SQLAlchemyError, OSError) as fault:
                # after an outage nobody could renew: holders get the time to, as if seen for the first time
                self._seen.clear()
                log.warning("sweep_skipped", service=self._service, fault=type(fault).__name__)
            await asyncio.sleep(interval_s)

    async def sweep(self) -> None:
        """Look once."""
        await self._requeue_lost()
        await self._send_due()

    async def _requeue_lost(self) -> None:
        async with transaction(self._engine) as connection:
            running = await leases.running(connection, self._service)
        now = self._clock.monotonic()
        self._seen = {(row.id, row.lease_until): self._seen.get((row.id, row.lease_until), now) for row in running}
        for row in running:
            gone = is_gone(row.lease_owner or "")  # killed on this very machine: nobody need wait for its lease
            if gone or self._lapsed(row.lease_until, now - self._seen[row.id, row.lease_until]):
                async with transaction(self._engine) as connection:
                    if await leases.requeue(connection, row, self._clock):
                        REQUEUED.labels(self._service).inc()
                        log.warning("job_requeued", job_id=row.id, kind=row.kind, attempt=row.attempts)
        for lane in LANES:
            RUNNING.labels(self._service, lane).set(sum(row.lane == lane for row in running))

    def _lapsed(self, lease_until: datetime, unchanged_s: float) -> bool:
        """Whether the holder is gone.

        The clock alone does not decide: it may have been set, or be another machine's. A lease that was seen unchanged for
        its whole length has lapsed whatever the clock says; one that lies in the past must have missed a renewal as well.
        """
        past = lease_until < stored_now(self._clock)
        return unchanged_s > (self._lease_s / 2 if past else self._lease_s)

    async def _send_due(self) -> None:
        now = stored_now(self._clock)
        async with transaction(self._engine) as connection:
            queued = await leases.queued(connection, self._service)
            # lane by lane: however many wait in one, those of the other are seen
            due = {lane: await leases.due(connection, self._service, lane, self._clock) for lane in LANES if lane in queued}
        for lane in LANES:
            count, oldest = queued.get(lane, (0, now))
            RUNNABLE.labels(self._service, lane).set(count)
            OLDEST_AGE.labels(self._service, lane).set(max(0.0, (now - oldest).total_seconds()))
        again = timedelta(seconds=leases.RESEND_AFTER_S)
        unsent = {
            lane: [row for row in rows if row.sent_at is None or abs(now - row.sent_at) > again] for lane, rows in due.items()
        }
        sent = await self._send(unsent)
        if sent:
            async with transaction(self._engine) as connection:
                await leases.mark_sent(connection, sent, self._clock)
        for lane, rows in due.items():
            for row in rows:
                # a row that waits this long although it was sent may have an entry in Redis that nobody will ever be given
                overdue = abs(now - row.run_after) > timedelta(seconds=self._lease_s)
                if (overdue or (row in unsent[lane] and row.id not in sent)) and not self._start(row.id, lane):
                    break

    async def _send(self, unsent: dict[str, list[leases.AnyRow]]) -> set[str]:
        """The ids that reached Redis."""
        sent: set[str] = set()
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                for lane, rows in unsent.items():
                    for row in rows:
                        await send(self._redis, self._service, row.id, row.attempts, lane)
                        sent.add(row.id)
        except REDIS_FAULTS as fault:
            waiting = sum(map(len, unsent.values()))
            log.warning("jobs_not_sent", service=self._service, waiting=waiting, fault=type(fault).__name__)
        return sent
