"""Who asks for the jobs that are due by the clock? Every worker tries, and for each slot exactly one of them does.

A schedule's row names the latest slot that was seen to. Whoever moves it on, by compare and set, asks for the job in the same
transaction; the others find it moved. After an outage the newest missed slot is made up for, once. The row's cron expression is
the one that counts: a worker writes its own there when it starts, so after a change the worker started last decides.

The clock may be wrong. While the row names a slot that is still to come, nothing is due: a clock that was set back a little
repeats nothing. When that slot is more than a period away and nobody moves it, the row is pulled back, so that a clock that was
far ahead once silences nothing; slots whose jobs lie in what was the future then are asked for anew.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from redis.asyncio import Redis
from sqlalchemy import ColumnElement, Row, and_, insert, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.errors import Conflict, StoreUnavailable
from rfid3_shared.jobs.job import Job
from rfid3_shared.jobs.outbox import Outbox
from rfid3_shared.jobs.requests import enqueue, stored_now
from rfid3_shared.jobs.schedule import NEVER, Schedule, is_cron, latest_slot, next_slot, period
from rfid3_shared.jobs.tables import job_schedules as schedules
from rfid3_shared.jobs.tables import prediction_jobs as jobs
from rfid3_shared.log import get_logger

LOOK_EVERY_S = 15.0
RETRY_S = 3.0
"""Seconds between two tries of a slot whose kind of job is still active, or of a store out of reach."""
LONGEST_WAIT_S = 600.0
"""A row that names a slot far ahead is left alone for a period, but no longer than this: another worker may believe in it."""
CLOCK_STEP_S = 2.0
LATE_S = 60.0
REQUESTED_BY = "schedule"
STORE_FAULTS = (StoreUnavailable, SQLAlchemyError, OSError)
AnyRow = Row[Any]
Allowed = Callable[[str], Awaitable[str | None]]
log = get_logger("jobs.scheduler")


async def always(_: str) -> str | None:
    """Lets every kind of job be asked for."""
    return None


@dataclass
class _Held:
    """What is remembered of one schedule between two looks at its row."""

    schedule: Schedule
    begun: bool = False
    due_at: datetime | None = None
    # the slot far ahead that the row named, and when that was first seen: by the clock, by the clock that is never set
    ahead: tuple[datetime, datetime, float] | None = None


class Scheduler:
    """Asks for scheduled jobs; `tick()` about every second, in as many workers as there are.

    `allowed(kind)` says why a job shall not be asked for now, e.g. because its flag is off; its slot is then passed over.
    """

    def __init__(
        self, engine: AsyncEngine, redis: Redis | None, clock: Clock, schedules: Iterable[Schedule], allowed: Allowed = always
    ) -> None:
        self._engine, self._clock, self._allowed, self._outbox = engine, clock, allowed, Outbox(redis)
        self._held = [_Held(schedule) for schedule in schedules]
        self._look_at, self._last = 0.0, (clock.now(), clock.monotonic())
        self._store_is_gone = False

    async def tick(self) -> None:
        """Ask for what is due; one SELECT every 15 seconds when nothing is. Does not raise when the store is out of reach."""
        if not self._held or not self._shall_look():
            return
        self._look_at = self._clock.monotonic() + LOOK_EVERY_S
        try:
            await self._look()
            self._store_is_gone = False
        except STORE_FAULTS as fault:
            if not self._store_is_gone:
                log.warning("schedules_wait", fault=type(fault).__name__)
            self._store_is_gone, self._look_at = True, self._clock.monotonic() + RETRY_S
        await self._outbox.send()

    def _shall_look(self) -> bool:
        """Whether the last look is long ago, something is due by memory, or the clock was set."""
        now, running = self._clock.now(), self._clock.monotonic()
        passed, ran, self._last = (now - self._last[0]).total_seconds(), running - self._last[1], (now, running)
        if running >= self._look_at or abs(passed - ran) > CLOCK_STEP_S:
            return True
        return not self._store_is_gone and any(held.due_at is not None and now >= held.due_at for held in self._held)

    async def _look(self) -> None:
        query = select(schedules).where(schedules.c.service.in_({held.schedule.service for held in self._held}))
        async with transaction(self._engine) as connection:
            rows = {(row.service, row.kind): row for row in await connection.execute(query)}
        for held in self._held:
            row = rows.get((held.schedule.service, held.schedule.kind))
            if row is None and held.schedule.cron == NEVER:
                held.due_at = None
            elif not held.begun or row is None or not is_cron(row.cron):
                await self._begin(held, row)
            else:
                await self._see_to(held, row)

    async def _begin(self, held: _Held, row: AnyRow | None) -> None:
        """Write a schedule that is new or was changed: it counts from now on and makes up for nothing."""
        schedule, held.begun, now = held.schedule, True, self._clock.now()
        if row is not None and row.cron == schedule.cron:
            await self._see_to(held, row)
            return
        slot = latest_slot(schedule.cron, now, self._clock.zone) or now
        note = f"changed from {row.cron}" if row else "begun"
        values = {"cron": schedule.cron, "last_slot": _stored(slot), "last_note": note, "updated_at": stored_now(self._clock)}
        try:
            async with transaction(self._engine) as connection:
                if row is None:
                    await connection.execute(insert(schedules), {"service": schedule.service, "kind": schedule.kind, **values})
                else:
                    await connection.execute(update(schedules).where(_unmoved(row)).values(**values))
        except IntegrityError:
            pass  # another worker wrote it in the same moment
        held.due_at = next_slot(schedule.cron, now, self._clock.zone)
        log.info("schedule_begun", service=schedule.service, kind=schedule.kind, cron=schedule.cron, was=row and row.cron)

    async def _see_to(self, held: _Held, row: AnyRow) -> None:
        """Ask for the newest slot that nobody saw to, and remember when the next one is due."""
        now, zone = self._clock.now(), self._clock.zone
        slot, held.due_at = latest_slot(row.cron, now, zone), next_slot(row.cron, now, zone)
        seen_to = row.last_slot.replace(tzinfo=UTC)
        if seen_to > now:
            await self._pull_back(held, row, seen_to, now)
        elif slot is not None and slot > seen_to and not await self._ask(row, slot):
            held.due_at = now + timedelta(seconds=RETRY_S)

    async def _pull_back(self, held: _Held, row: AnyRow, seen_to: datetime, now: datetime) -> None:
        """Let a row that names a slot far in the future begin again from when that was first noticed."""
        span = period(row.cron, now, self._clock.zone)
        if span is None or seen_to - now <= span:
            return
        running, wait_s = self._clock.monotonic(), min(span.total_seconds(), LONGEST_WAIT_S)
        if held.ahead is None or held.ahead[0] != seen_to:
            held.ahead = (seen_to, now, running)
        _, since, since_running = held.ahead
        if running - since_running < wait_s:
            self._look_at = min(self._look_at, since_running + wait_s)
            return
        held.ahead, held.due_at = None, now  # looked at again with the next tick
        slot = latest_slot(row.cron, min(since, now), self._clock.zone) or now
        if await self._change(row, last_slot=_stored(slot), last_note=f"the clock was set back from {seen_to:%Y-%m-%d %H:%M}"):
            log.warning(
                "schedule_pulled_back", service=row.service, kind=row.kind, was=seen_to.isoformat(), now=now.isoformat()
            )

    async def _ask(self, row: AnyRow, slot: datetime) -> bool:
        """See to the slot, unless another worker does; False when its kind of job is active: it is to be tried again."""
        late_s = (self._clock.now() - slot).total_seconds()
        refusal = await self._allowed(row.kind)
        note = refusal or (f"asked for {late_s / 60:.0f} minutes late" if late_s > LATE_S else "")
        try:
            async with transaction(self._engine) as connection:
                # the row first: whoever waits for it here finds it moved and asks for nothing
                if not await _change_row(connection, row, self._clock, last_slot=_stored(slot), last_note=note[:200]):
                    return True
                if refusal is not None:
                    return True
                job = await self._enqueue(connection, row, slot)
                await connection.execute(update(schedules).where(_named(row)).values(last_job_id=job.id))
        except Conflict as conflict:
            await self._change(row, last_note=f"waits: {conflict.message} ({conflict.details.get('job_id', '')})"[:200])
            return False
        self._outbox.add(job)
        log.info("job_scheduled", job_id=job.id, service=row.service, kind=row.kind, slot=slot.isoformat())
        return True

    async def _enqueue(self, connection: AsyncConnection, row: AnyRow, slot: datetime) -> Job:
        """The slot's job, new unless it was asked for already.

        Raises Conflict when one of its kind is active.
        """
        key = f"schedule/{row.service}/{row.kind}/{slot:%Y-%m-%dT%H:%MZ}"
        if await self._was_in_another_time(connection, row, key):
            key = f"{key}/after/{row.last_job_id}"
        return await enqueue(
            connection, service=row.service, kind=row.kind, arguments={}, requested_by=REQUESTED_BY, idempotency_key=key,
            clock=self._clock,
        )  # fmt: skip

    async def _was_in_another_time(self, connection: AsyncConnection, row: AnyRow, key: str) -> bool:
        """Whether the slot's job was asked for before the clock was set back, and this is another moment of the same name.

        Jobs are asked for one after the other. So the clock was set back after the schedule's last job when that lies in the
        future, and between this slot's job and the last one when this slot's, the earlier one, bears the later time.
        """
        made_at = select(jobs.c.created_at)
        same = (await connection.execute(made_at.where(jobs.c.idempotency_key == key))).scalar_one_or_none()
        last = (await connection.execute(made_at.where(jobs.c.id == row.last_job_id))).scalar_one_or_none()
        return same is not None and last is not None and (last > stored_now(self._clock) or same > last)

    async def _change(self, row: AnyRow, **values: Any) -> bool:
        if row.last_note == values["last_note"] and len(values) == 1:
            return True
        async with transaction(self._engine) as connection:
            return await _change_row(connection, row, self._clock, **values)


async def _change_row(connection: AsyncConnection, row: AnyRow, clock: Clock, **values: Any) -> bool:
    """Change a schedule's row as long as it is still the one that was seen."""
    change = update(schedules).where(_unmoved(row)).values(**values, updated_at=stored_now(clock))
    return bool((await connection.execute(change)).rowcount)


def _named(row: AnyRow) -> ColumnElement[bool]:
    return and_(schedules.c.service == row.service, schedules.c.kind == row.kind)


def _unmoved(row: AnyRow) -> ColumnElement[bool]:
    return and_(_named(row), schedules.c.cron == row.cron, schedules.c.last_slot == row.last_slot)


def _stored(slot: datetime) -> datetime:
    return slot.astimezone(UTC).replace(tzinfo=None)
