"""How is a job asked for, looked at, called off and run again? SQL for those who want work done; workers use `lease`."""

import difflib
import uuid
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

import orjson
from sqlalchemy import ColumnElement, RowMapping, and_, func, insert, not_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.errors import Conflict, NotFound
from rfid3_shared.jobs.job import ACTIVE, MAX_ATTEMPTS, Job
from rfid3_shared.jobs.lanes import BATCH
from rfid3_shared.jobs.tables import job_schedules
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
    rerun_of: str | None = None,
    alone: bool = True,
    lane: str = BATCH,
) -> Job:
    """Write a job in the caller's transaction; hand its id to an Outbox to have it run at once.

    The same `idempotency_key` gives the same job again, finished or not. `alone`: at most one of its service and kind is active.
    `lane`: "interactive" for what somebody waits for, which long work shall not hold up.
    Raises Conflict when a job of this service and kind is active (details: job_id), or the key was used for another request.
    """
    wanted = {"service": service, "kind": kind, "arguments": orjson.loads(orjson.dumps(arguments)), "rerun_of": rerun_of}
    if idempotency_key and (known := await _find(connection, jobs.c.idempotency_key == idempotency_key)):
        return _same_request(known, wanted)
    now, active_key = stored_now(clock), f"{service}/{kind}" if alone else None
    row = {
        **wanted, "id": uuid.uuid4().hex, "requested_by": requested_by, "idempotency_key": idempotency_key,
        "active_key": active_key, "lane": lane, "state": "queued", "max_attempts": max_attempts, "run_after": now, "created_at": now,
    }  # fmt: skip
    for _ in range(2):
        try:
            await connection.execute(insert(jobs), row)
            return await get_job(connection, row["id"])
        except IntegrityError:
            if idempotency_key and (known := await _find(connection, jobs.c.idempotency_key == idempotency_key)):
                return _same_request(known, wanted)
            if alone and (active := await _find(connection, jobs.c.active_key == active_key)):
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


async def get_jobs(connection: AsyncConnection, job_ids: Collection[str]) -> dict[str, Job]:
    """Those of the jobs that there are, by id."""
    rows = (await connection.execute(select(jobs).where(jobs.c.id.in_(job_ids)))).mappings()
    return {row["id"]: Job.from_row(row) for row in rows}


async def list_jobs(
    connection: AsyncConnection, *, service: str | None = None, kind: str | None = None, state: str | None = None,
    quarantined: bool | None = None, limit: int = 50, offset: int = 0,
) -> list[Job]:  # fmt: skip
    """Jobs that have all the properties given, newest first."""
    query = select(jobs).where(*_having(service, kind, state, quarantined))
    query = query.order_by(jobs.c.created_at.desc(), jobs.c.id).limit(limit).offset(offset)
    return [Job.from_row(row) for row in (await connection.execute(query)).mappings()]


async def count_jobs(
    connection: AsyncConnection, *, service: str | None = None, kind: str | None = None, state: str | None = None,
    quarantined: bool | None = None,
) -> int:  # fmt: skip
    """How many jobs have all the properties given."""
    query = select(func.count()).select_from(jobs).where(*_having(service, kind, state, quarantined))
    return (await connection.execute(query)).scalar_one()


async def similar_names(connection: AsyncConnection, *, service: str | None, kind: str | None) -> dict[str, list[str]]:
    """For a service or kind that no job or schedule has: those that sound like it, or else all there are; nothing otherwise."""
    similar = {}
    for name, given in (("service", service), ("kind", kind)):
        if given is None:
            continue
        named = select(jobs.c[name]).union(select(job_schedules.c[name]))
        known = sorted((await connection.execute(named)).scalars())
        if known and given not in known:
            similar[name] = difflib.get_close_matches(given, known, n=3, cutoff=0.5) or known
    return similar


async def list_schedules(connection: AsyncConnection) -> list[RowMapping]:
    """Every schedule a worker ever began, by service and kind: the columns of `job_schedules`, and the last job's `state`.

    `last_slot` is in UTC without zone; `state` is None when there was no job yet, or it was deleted since.
    """
    last = job_schedules.outerjoin(jobs, jobs.c.id == job_schedules.c.last_job_id)
    query = select(job_schedules, jobs.c.state).select_from(last).order_by(job_schedules.c.service, job_schedules.c.kind)
    return list((await connection.execute(query)).mappings())


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


async def rerun_job(
    connection: AsyncConnection, job_id: str, *, requested_by: str, clock: Clock, idempotency_key: str | None = None
) -> Job:
    """Ask for the work of a finished job once more, in the caller's transaction: a new job whose `rerun_of` is the old one.

    Raises NotFound for an unknown id; Conflict when the job has not finished, or another of its service and kind is active.
    """
    job = await get_job(connection, job_id)
    if not job.finished:
        raise Conflict(f"This job is {job.state}: it can be run again when it has ended.", job_id=job_id, state=job.state)
    return await enqueue(
        connection, service=job.service, kind=job.kind, arguments=job.arguments, requested_by=requested_by, clock=clock,
        idempotency_key=idempotency_key, max_attempts=job.max_attempts, rerun_of=job.id, lane=job.lane,
    )  # fmt: skip


def _having(service: str | None, kind: str | None, state: str | None, quarantined: bool | None) -> list[ColumnElement[bool]]:
    """Conditions for the properties given; `quarantined` as `Job.quarantined` says."""
    given: Mapping[str, str | None] = {"service": service, "kind": kind, "state": state}
    conditions: list[ColumnElement[bool]] = [jobs.c[name] == value for name, value in given.items() if value is not None]
    if quarantined is not None:
        had_all = and_(jobs.c.state == "failed", jobs.c.attempts >= jobs.c.max_attempts)
        conditions.append(had_all if quarantined else not_(had_all))
    return conditions


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
