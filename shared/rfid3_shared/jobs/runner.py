"""How does a worker run one job, from lease to outcome?

The lease is renewed beside the work, in the worker's own loop, so a busy or stuck job cannot lose it. While the store is out
of reach the work goes on and its outcome is written when the store is back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.jobs import lease as leases
from rfid3_shared.jobs.holder import own_name
from rfid3_shared.jobs.job import Job
from rfid3_shared.jobs.lanes import NICENESS, Room
from rfid3_shared.jobs.lease import Lease
from rfid3_shared.jobs.metrics import FINISHED, SECONDS
from rfid3_shared.jobs.nursery import Nursery
from rfid3_shared.jobs.process import run_work
from rfid3_shared.log import get_logger
from rfid3_shared.settings import Settings
from rfid3_shared.tasks import end_tasks

STORE_FAULTS = (StoreUnavailable, SQLAlchemyError, OSError)
SHOW_INTERVAL_S = 0.5
CANCEL_CHECK_S = 2.0
WRITE_AGAIN_S = 1.0
GIVE_BACK_TIMEOUT_S = 5.0
log = get_logger("jobs.runner")


class _Shown:
    """The latest progress of a run, and whether it was written yet."""

    def __init__(self) -> None:
        self.stage, self.progress, self.changed = "starting", 0.0, asyncio.Event()

    def report(self, stage: str, progress: float) -> None:
        self.stage, self.progress = stage, progress
        self.changed.set()


class Runner:
    """Runs jobs of one service, as many at a time as there is `room` for; `kinds` maps a kind to its function, `package.module:name`.

    Their processes come from `nursery`; without one each starts cold.
    """

    def __init__(
        self, settings: Settings, engine: AsyncEngine, clock: Clock, *, service: str, kinds: Mapping[str, str], room: Room,
        nursery: Nursery | None = None,
    ) -> None:  # fmt: skip
        self.service, self.nursery = service, nursery
        self._settings, self._engine, self._clock, self._kinds = settings, engine, clock, dict(kinds)
        self._lease = Lease(own_name(), settings.job_lease_s, clock)
        self._room = room
        self._running: set[str] = set()
        self._giving: set[asyncio.Task[bool | None]] = set()

    async def run(self, job_id: str, lane: str) -> None:
        """Run the job if it is queued in that lane and a slot of it is free; else do nothing.

        Cancelling this ends the work and queues the job again. Raises StoreUnavailable when the lease cannot be taken.
        """
        if not self._room.free(lane) or job_id in self._running:
            return
        self._running.add(job_id)
        self._room.enter(lane)
        try:
            async with transaction(self._engine) as connection:
                job = await leases.take(connection, job_id, self._lease, lane)
            if job is not None:
                await self._run_leased(job)
        finally:
            self._room.leave(lane)
            self._running.discard(job_id)

    async def settle(self) -> None:
        """Return when jobs of runs that were cancelled are queued again, or the store does not take that in time."""
        if self._giving:
            await asyncio.wait(self._giving, timeout=GIVE_BACK_TIMEOUT_S)

    async def _run_leased(self, job: Job) -> None:
        started, outcome = self._clock.monotonic(), "lost"
        log.info("job_started", job_id=job.id, kind=job.kind, attempt=job.attempts)
        try:
            answer = await self._work(job)
            seconds = self._clock.monotonic() - started
            if answer is not None:
                outcome = await self._write_outcome(job, answer, seconds)
            if outcome == "lost" and await self._once(lambda c: leases.close_cancelled(c, job.id, self._lease, seconds)):
                outcome = "cancelled"
        except asyncio.CancelledError:
            outcome = "given_back"
            giving = asyncio.create_task(self._once(lambda connection: leases.give_back(connection, job.id, self._lease)))
            self._giving.add(giving)
            giving.add_done_callback(self._giving.discard)
            await asyncio.shield(giving)
            raise
        finally:
            seconds = self._clock.monotonic() - started
            FINISHED.labels(self.service, job.kind, outcome).inc()
            SECONDS.labels(self.service, job.kind, outcome).observe(seconds)
            log.info("job_ended", job_id=job.id, kind=job.kind, outcome=outcome, seconds=round(seconds, 3))

    async def _work(self, job: Job) -> dict[str, Any] | None:
        """The child's last word; None when the lease was lost or the job cancelled meanwhile."""
        if job.kind not in self._kinds:
            return {"error": {"code": "UNKNOWN_KIND", "message": f"No worker of {self.service} knows {job.kind!r}."}}
        shown = _Shown()
        arguments = {**job.arguments, "job_id": job.id}
        work = asyncio.create_task(
            run_work(self._kinds[job.kind], self._settings, arguments, shown.report, self.nursery, NICENESS[job.lane])
        )
        keeper = asyncio.create_task(self._keep_lease(job.id, shown))
        try:
            await asyncio.wait({work, keeper}, return_when=asyncio.FIRST_COMPLETED)
            return work.result() if work.done() else None
        finally:
            await end_tasks((work, keeper))

    async def _keep_lease(self, job_id: str, shown: _Shown) -> None:
        """Renew until the lease is gone; show progress on the way."""
        # at the slowest after 3/8 of the lease: sweepers take a job whose lease stood still for half of it
        interval_s = min(self._settings.job_lease_s / 4, CANCEL_CHECK_S)
        while True:
            try:
                async with asyncio.timeout(interval_s):
                    await shown.changed.wait()
            except TimeoutError:
                pass
            shown.changed.clear()
            try:
                async with transaction(self._engine) as connection:
                    if not await leases.renew(connection, job_id, self._lease, shown.stage, shown.progress):
                        return
            except STORE_FAULTS as fault:
                log.warning("lease_not_renewed", job_id=job_id, fault=type(fault).__name__)
            await asyncio.sleep(min(SHOW_INTERVAL_S, interval_s / 2))

    async def _write_outcome(self, job: Job, answer: dict[str, Any], seconds: float) -> str:
        """Write the outcome, however long the store takes to come back."""
        error = answer.get("error")
        if error is None:
            outcome = "succeeded"
            written = await self._until_written(lambda c: leases.succeed(c, job.id, self._lease, answer["result"], seconds))
        else:
            kept = {"code": error["code"], "message": error["message"]}
            if error.get("retryable") and job.attempts < job.max_attempts:
                outcome = "retried"
                written = await self._until_written(lambda c: leases.retry(c, job, self._lease, kept, seconds))
            else:
                outcome = "failed"
                written = await self._until_written(lambda c: leases.fail(c, job.id, self._lease, kept, seconds))
        return outcome if written else "lost"

    async def _until_written(self, change: Callable[[AsyncConnection], Awaitable[bool]]) -> bool:
        while True:
            if (written := await self._once(change)) is not None:
                return written
            await asyncio.sleep(min(WRITE_AGAIN_S, self._settings.job_lease_s / 4))

    async def _once(self, change: Callable[[AsyncConnection], Awaitable[bool]]) -> bool | None:
        try:
            async with transaction(self._engine) as connection:
                return await change(connection)
        except STORE_FAULTS as fault:
            log.warning("outcome_not_written", fault=type(fault).__name__)
            return None
