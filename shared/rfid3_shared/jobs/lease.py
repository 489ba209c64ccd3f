"""Who may work on a job now? The worker's side of the table: every change is one conditional UPDATE.

The worker that holds the lease writes; whoever no longer holds it changes nothing. So several workers and sweepers may act
on the same row at once, and a job is never run by two that both believe in it for longer than one renewal.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.jobs.job import Job
from rfid3_shared.jobs.lanes import BATCH
from rfid3_shared.jobs.requests import get_job, stored_now
from rfid3_shared.jobs.tables import prediction_jobs as jobs

BACKOFF_S = (1, 5, 25)
"""Seconds to wait before the second, third, … attempt."""
RESEND_AFTER_S = 10
AnyRow = Row[*tuple[Any, ...]]
LEFT = {"lease_owner": None, "lease_until": None}


@dataclass(frozen=True)
class Lease:
    """A worker's right to run a job, while it renews it."""

    owner: str
    seconds: float
    clock: Clock

    def until(self) -> datetime:
        """When the right lapses if it is renewed now."""
        return stored_now(self.clock) + timedelta(seconds=self.seconds)


async def take(connection: AsyncConnection, job_id: str, lease: Lease, lane: str = BATCH) -> Job | None:
    """Begin an attempt of a queued job; None when it is not queued (any more), or is of another lane."""
    now = stored_now(lease.clock)
    change = update(jobs).where(jobs.c.id == job_id, jobs.c.lane == lane, jobs.c.state == "queued").values(
        state="running", lease_owner=lease.owner, lease_until=lease.until(), attempts=jobs.c.attempts + 1,
        started_at=now, progress=0.0, stage="starting",
    )  # fmt: skip
    return await get_job(connection, job_id) if (await connection.execute(change)).rowcount else None


async def renew(connection: AsyncConnection, job_id: str, lease: Lease, stage: str, progress: float) -> bool:
    """Keep the lease and show how far the work is; False when the lease is gone or the job was cancelled."""
    values = {"lease_until": lease.until(), "stage": stage[:200], "progress": progress}
    return await _change(connection, job_id, lease, values)


async def succeed(
    connection: AsyncConnection, job_id: str, lease: Lease, result: dict[str, Any], seconds: float | None = None
) -> bool:
    """Record the result and how long the attempt took; False when the lease is gone."""
    values = {"state": "succeeded", "result": result, "error": None, "progress": 1.0, "stage": "done", "seconds": seconds}
    return await _change(connection, job_id, lease, {**values, **_finished(lease.clock)})


async def fail(
    connection: AsyncConnection, job_id: str, lease: Lease, error: dict[str, Any], seconds: float | None = None
) -> bool:
    """Record the error as final; False when the lease is gone."""
    values = {"state": "failed", "error": error, "seconds": seconds, **_finished(lease.clock)}
    return await _change(connection, job_id, lease, values)


async def retry(
    connection: AsyncConnection, job: Job, lease: Lease, error: dict[str, Any], seconds: float | None = None
) -> bool:
    """Queue the job again, to be run after a while; False when the lease is gone."""
    wait_s = BACKOFF_S[min(job.attempts, len(BACKOFF_S)) - 1]
    after = stored_now(lease.clock) + timedelta(seconds=wait_s)
    values = {"state": "queued", "error": error, "run_after": after, "sent_at": None, "stage": "waiting to try again", **LEFT}
    return await _change(connection, job.id, lease, {**values, "seconds": seconds})


async def close_cancelled(connection: AsyncConnection, job_id: str, lease: Lease, seconds: float) -> bool:
    """Record how long an attempt took that was called off under its holder; False when that is not what happened."""
    called_off = and_(jobs.c.id == job_id, jobs.c.state == "cancelled", jobs.c.lease_owner == lease.owner)
    return bool((await connection.execute(update(jobs).where(called_off).values(seconds=seconds, **LEFT))).rowcount)


async def give_back(connection: AsyncConnection, job_id: str, lease: Lease) -> bool:
    """Queue the job again because its worker stops: the attempt does not count."""
    values = {"state": "queued", "attempts": jobs.c.attempts - 1, "run_after": stored_now(lease.clock), "sent_at": None, **LEFT}
    return await _change(connection, job_id, lease, {**values, "stage": "its worker was stopped"})


async def due(connection: AsyncConnection, service: str, lane: str, clock: Clock, limit: int = 100) -> list[AnyRow]:
    """Queued jobs of the lane that may run now, the longest waiting first: id, attempts, run_after, sent_at."""
    now = stored_now(clock)
    # an hour ahead is no back-off of ours: the clock was set back since, and the job shall not wait for it
    is_due = or_(jobs.c.run_after <= now, jobs.c.run_after > now + timedelta(seconds=2 * max(BACKOFF_S)))
    query = select(jobs.c.id, jobs.c.attempts, jobs.c.run_after, jobs.c.sent_at).where(
        jobs.c.service == service, jobs.c.state == "queued", jobs.c.lane == lane, is_due
    )
    return list((await connection.execute(query.order_by(jobs.c.run_after).limit(limit))).all())


async def mark_sent(connection: AsyncConnection, job_ids: Iterable[str], clock: Clock) -> None:
    """Note when queued jobs were last put on the queue by a sweeper."""
    change = update(jobs).where(jobs.c.id.in_(list(job_ids)), jobs.c.state == "queued")
    await connection.execute(change.values(sent_at=stored_now(clock)))


async def running(connection: AsyncConnection, service: str) -> list[AnyRow]:
    """Jobs under a lease: id, kind, lane, lease_owner, lease_until, attempts, max_attempts."""
    query = select(
        jobs.c.id, jobs.c.kind, jobs.c.lane, jobs.c.lease_owner, jobs.c.lease_until, jobs.c.attempts, jobs.c.max_attempts
    )  # fmt: skip
    return list((await connection.execute(query.where(jobs.c.service == service, jobs.c.state == "running"))).all())


async def requeue(connection: AsyncConnection, seen: AnyRow, clock: Clock) -> bool:
    """Take a job from a worker that stopped renewing, as long as the lease is still the one that was seen.

    Queued again, or failed with WORKER_LOST when it has had all its attempts: such a job may be what kills its workers.
    """
    if seen.attempts < seen.max_attempts:
        values = {"state": "queued", "run_after": stored_now(clock), "sent_at": None, "stage": "its worker was lost"}
    else:
        error = {"code": "WORKER_LOST", "message": "The worker was lost in the middle of every attempt."}
        values = {"state": "failed", "error": error, **_finished(clock)}
    condition = and_(jobs.c.id == seen.id, jobs.c.state == "running", jobs.c.lease_until == seen.lease_until)
    return bool((await connection.execute(update(jobs).where(condition).values(**values, **LEFT))).rowcount)


async def queued(connection: AsyncConnection, service: str) -> dict[str, tuple[int, datetime]]:
    """By lane that has any: how many jobs are queued, and since when the first of them might have run."""
    query = select(jobs.c.lane, func.count().label("jobs"), func.min(jobs.c.run_after).label("oldest"))
    query = query.where(jobs.c.service == service, jobs.c.state == "queued").group_by(jobs.c.lane)
    return {row.lane: (row.jobs, row.oldest) for row in await connection.execute(query)}


def _finished(clock: Clock) -> dict[str, Any]:
    return {"active_key": None, "finished_at": stored_now(clock)}


async def _change(connection: AsyncConnection, job_id: str, lease: Lease, values: dict[str, Any]) -> bool:
    held: ColumnElement[bool] = and_(jobs.c.id == job_id, jobs.c.state == "running", jobs.c.lease_owner == lease.owner)
    return bool((await connection.execute(update(jobs).where(held).values(**values))).rowcount)
