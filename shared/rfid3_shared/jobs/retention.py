"""How long does a finished job stay in the list?

`job_keep_days` days; a scheduled one that succeeded one day, because there are hundreds a day. The newest finished job of each
service and kind stays for ever, and so does the last one of each schedule: somebody asks when it was done last.
"""

from datetime import timedelta

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.jobs.duties import Duty, Held, delete_in_batches
from rfid3_shared.jobs.job import ACTIVE
from rfid3_shared.jobs.requests import stored_now
from rfid3_shared.jobs.scheduler import REQUESTED_BY
from rfid3_shared.jobs.tables import job_schedules as schedules
from rfid3_shared.jobs.tables import prediction_jobs as jobs
from rfid3_shared.log import get_logger

SCHEDULED_KEEP = timedelta(days=1)
BATCH = 500
INTERVAL_S = 3600.0
log = get_logger("jobs.retention")


async def delete_old(connection: AsyncConnection, keep: timedelta, clock: Clock) -> int:
    """Delete at most 500 of the finished jobs that have stayed long enough; how many."""
    finished, now = jobs.c.state.not_in(ACTIVE), stored_now(clock)
    old: ColumnElement[bool] = or_(
        jobs.c.finished_at < now - keep,
        and_(jobs.c.requested_by == REQUESTED_BY, jobs.c.state == "succeeded", jobs.c.finished_at < now - SCHEDULED_KEEP),
    )
    newest = select(jobs.c.service, jobs.c.kind, func.max(jobs.c.created_at).label("created_at"))
    newest_of = newest.where(finished).group_by(jobs.c.service, jobs.c.kind).subquery()
    query = select(jobs.c.id).join(
        newest_of, and_(newest_of.c.service == jobs.c.service, newest_of.c.kind == jobs.c.kind)
    ).where(
        finished, old, jobs.c.created_at < newest_of.c.created_at,
        jobs.c.id.not_in(select(schedules.c.last_job_id).where(schedules.c.last_job_id.is_not(None))),
    )  # fmt: skip
    # read first: MySQL deletes nothing from a table that the statement's own condition reads
    ids = (await connection.execute(query.limit(BATCH))).scalars().all()
    return (await connection.execute(delete(jobs).where(jobs.c.id.in_(ids)))).rowcount if ids else 0


async def forget_old_jobs(held: Held) -> None:
    """The duty: delete batch after batch, each in a transaction of its own, until none is left."""
    keep = timedelta(days=held.settings.job_keep_days)
    deleted = await delete_in_batches(held.engine, lambda connection: delete_old(connection, keep, held.clock), BATCH)
    if deleted:
        log.info("old_jobs_deleted", count=deleted)


RETENTION = Duty("retention", INTERVAL_S, forget_old_jobs)
