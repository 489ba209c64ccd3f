"""How is a job asked for, looked at and called off? SQL for those who want work done; workers use `lease`."""

import uuid
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.errors import Conflict, NotFound
from rfid3_shared.jobs.job import ACTIVE, MAX_ATTEMPTS, Job
from rfid3_shared.jobs.tables import prediction_jobs as jobs


def stored_now(clock: Clock) -> datetime:
    """The present as the table keeps it: UTC without zone, with microseconds."""
    return clock.now().astimezone(UTC).replace(tzinfo=None)


async def enqueue(
    connection: AsyncConnection,
    *,
    service: str,
    kind: str,
    arguments: dict[str, Any],
    requested_by: str,
    idempotency_key: str | None = None,
    clock: Clock,
    max_attempts: int = MAX_ATTEMPTS,
) -> Job:
    """Write a job in the caller's transaction; hand its id to an Outbox to have it run at once.

    The same `idempotency_key` gives the same job again, finished or not.
    Raises Conflict when a job of this service and kind is active (details: job_id), or the key was used for another request.
    """
    wanted = {"service": service, "kind": kind, "arguments": orjson.loads(orjson.dumps(arguments))}
    if idempotency_key and (known := await _find(connection, jobs.c.idempotency_key == idempotency_key)):
        return _same_request(known, wanted)
    now, active_key = stored_now(clock), f"{service}/{kind}"
    row = {
        **wanted, "id": uuid.uuid4().hex, "requested_by": requested_by, "idempotency_key": idempotency_key,
        "active_key": active_key, "state": "queued", "max_attempts": max_attempts, "run_after": now, "created_at": now,
    }  # fmt: skip
    for _ in range(2):
        try:
            await connection.execute(insert(jobs), row)
            return await get_job(connection, row["id"])
        except IntegrityError:
            if idempotency_key and (known := await _find(connection, jobs.c.idempotency_key == idempotency_key)):
                return _same_request(known, wanted)
            if active := await _find(connection, jobs.c.active_key == active_key):
                raise _conflict(active) from None
            # the active one finished between the two statements: there is room now
    raise Conflict(f"Another {kind} of {service} was asked for at the same moment.", service=service, kind=kind)


async def get_job(connection: AsyncConnection, job_id: str) -> Job:
    """The job.

    Raises NotFound for an unknown id.
    """
    row = (await connection.execute(select(jobs).where(jobs.c.id == job_id))).mappings().one_or_none()
    if row is None:
        raise NotFound("No job has this id.", job_id=job_id)
    return Job.from_row(row)


async def list_jobs(
    connection: AsyncConnection, *, service: str | None = None, state: str | None = None, limit: int = 50, offset: int = 0
) -> list[Job]:
    """Jobs, newest first."""
    query = select(jobs).order_by(jobs.c.created_at.desc(), jobs.c.id).limit(limit).offset(offset)
    if service:
        query = query.where(jobs.c.service == service)
    if state:
        query = query.where(jobs.c.state == state)
    return [Job.from_row(row) for row in (await connection.execute(query)).mappings()]


async def cancel_job(connection: AsyncConnection, job_id: str, *, clock: Clock) -> Job:
    """Call a job off; a running one is ended by its worker as soon as that looks at the row.

    Raises NotFound for an unknown id, Conflict when it has finished already.
    """
    change = update(jobs).where(jobs.c.id == job_id, jobs.c.state.in_(ACTIVE))
    changed = await connection.execute(change.values(state="cancelled", active_key=None, finished_at=stored_now(clock)))
    job = await get_job(connection, job_id)
    if not changed.rowcount:
        raise Conflict(f"This job has {job.state} already.", job_id=job_id, state=job.state)
    return job


async def _find(connection: AsyncConnection, condition: Any) -> Job | None:
    # a locking read sees what others committed after this transaction began (MySQL reads a snapshot otherwise)
    row = (await connection.execute(select(jobs).where(condition).with_for_update(read=True))).mappings().one_or_none()
    return Job.from_row(row) if row else None


def _same_request(known: Job, wanted: dict[str, Any]) -> Job:
    if any(getattr(known, name) != value for name, value in wanted.items()):
        raise Conflict("This idempotency key was used for another request.", job_id=known.id)
    return known


def _conflict(active: Job) -> Conflict:
    return Conflict(f"A {active.kind} of {active.service} is {active.state} already.", job_id=active.id, state=active.state)
