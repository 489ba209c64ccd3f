"""Scheduled jobs are asked for once a slot, whatever happens to workers, store and clock."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from redis.asyncio import Redis
from sqlalchemy import Row, event, select, update
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.jobs import Schedule, enqueue, job_schedules, prediction_jobs
from rfid3_shared.jobs.scheduler import Scheduler

MONDAY = datetime(2026, 6, 1, 17, 2, tzinfo=UTC)  # 12:02 in Chicago
FEATURES = Schedule("demand", "features", "*/5 * * * *")
SCORE = Schedule("demand", "score", "30 2 * * *")
TRAIN = Schedule("demand", "train", "30 3 * * 1")
MINUTE = 60


class TurnableClock(Clock):
    """A clock that stands still until it is moved on, and whose hands can be turned without time passing."""

    def __init__(self, at: datetime = MONDAY) -> None:
        super().__init__()
        self.at, self.ran_s = at, 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.ran_s

    def turn(self, **span: float) -> None:
        """Set the hands."""
        self.at += timedelta(**span)

    def pass_(self, seconds: float) -> None:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)
        self.ran_s += seconds


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


def scheduler(engine: AsyncEngine, clock: Clock, *schedules: Schedule, **changes: object) -> Scheduler:
    return Scheduler(engine, None, clock, schedules, **changes)  # type: ignore[arg-type]


async def run(
    clock: TurnableClock, *schedulers: Scheduler, minutes: float, step_s: float = 5, each: Callable[[], object] = lambda: None
) -> None:
    """Let time pass in steps, each with a tick of every scheduler."""
    for _ in range(int(minutes * MINUTE / step_s)):
        clock.pass_(step_s)
        for one in schedulers:
            await one.tick()
        if asyncio.iscoroutine(result := each()):
            await result


async def asked(engine: AsyncEngine, kind: str) -> list[Row]:
    """The jobs of a kind, in the order of their keys."""
    query = select(prediction_jobs).where(prediction_jobs.c.kind == kind).order_by(prediction_jobs.c.idempotency_key)
    async with transaction(engine) as connection:
        return list(await connection.execute(query))


async def slots(engine: AsyncEngine, kind: str) -> list[str]:
    """What the keys say of a kind's slots."""
    return [row.idempotency_key.removeprefix(f"schedule/demand/{kind}/") for row in await asked(engine, kind)]


async def end_all(engine: AsyncEngine) -> None:
    """What workers do with jobs: they end."""
    async with transaction(engine) as connection:
        ended = update(prediction_jobs).where(prediction_jobs.c.active_key.is_not(None))
        await connection.execute(ended.values(state="succeeded", active_key=None))


async def row_of(engine: AsyncEngine, kind: str) -> Row:
    """A schedule's row."""
    async with transaction(engine) as connection:
        return (await connection.execute(select(job_schedules).where(job_schedules.c.kind == kind))).one()


class TestASlot:
    async def test_is_asked_for_when_it_comes(self, engine: AsyncEngine, clock: TurnableClock) -> None:
        """A new schedule begins with the first slot after its start; the job says who asked and for which slot."""
        one = scheduler(engine, clock, FEATURES, SCORE, TRAIN)
        await one.tick()
        before = await asked(engine, "features")

        await run(clock, one, minutes=3)

        (job,) = await asked(engine, "features")
        row = await row_of(engine, "features")
        assert before == []
        assert (job.state, job.requested_by, job.arguments) == ("queued", "schedule", {})
        assert job.idempotency_key == "schedule/demand/features/2026-06-01T17:05Z"
        assert (row.last_slot, row.last_job_id, row.last_note) == (datetime(2026, 6, 1, 17, 5), job.id, "")
        assert await asked(engine, "score") == await asked(engine, "train") == []

    async def test_is_asked_for_by_one_of_many(self, engine: AsyncEngine, dsn: str, clock: TurnableClock) -> None:
        """Eight workers begin at once and see every slot at once: there is one job for each slot."""
        engines = [open_engine(dsn) for _ in range(8)]
        workers = [scheduler(each, clock, FEATURES, SCORE) for each in engines]

        for _ in range(5):
            await asyncio.gather(*(worker.tick() for worker in workers))
            await end_all(engine)
            clock.pass_(5 * MINUTE)
        await asyncio.gather(*(each.dispose() for each in engines))

        assert await slots(engine, "features") == [f"2026-06-01T17:{minute:02}Z" for minute in (5, 10, 15, 20)]

    async def test_is_sent_after_the_commit(self, engine: AsyncEngine, clock: TurnableClock, redis_url: str) -> None:
        """The service's queue holds the job's id; without Redis the row is there all the same."""
        async with Redis.from_url(redis_url) as redis, Redis.from_url("redis://127.0.0.1:1/0") as dead:
            for client in (redis, dead):
                one = Scheduler(engine, client, clock, [FEATURES])
                await run(clock, one, minutes=5, step_s=60)
                await end_all(engine)

            jobs = await asked(engine, "features")
            assert [name.decode() for name in await redis.zrange("rfid3:jobs:demand", 0, -1)] == [f"{jobs[0].id}:0"]
            assert len(jobs) == 2

    async def test_costs_nothing_between_slots(self, engine: AsyncEngine, clock: TurnableClock) -> None:
        """With nothing due a minute of ticks is four SELECTs and no write."""
        one = scheduler(engine, clock, SCORE, TRAIN, Schedule("demand", "refresh", "never"))
        await run(clock, one, minutes=1, step_s=1)
        statements: list[str] = []
        event.listen(engine.sync_engine, "before_cursor_execute", lambda *seen: statements.append(seen[2]))

        await run(clock, one, minutes=1, step_s=1)

        assert [statement[:6] for statement in statements] == ["SELECT"] * 4

    async def test_that_may_not_be_is_passed_over_and_says_why(self, engine: AsyncEngine, clock: TurnableClock) -> None:
        """A slot that came while the flag was off is not made up for; the next one after that is asked for."""
        reasons: list[str | None] = ["the flag demand is off"]

        async def allowed(kind: str) -> str | None:
            return reasons[-1] if kind == "features" else None

        one = scheduler(engine, clock, FEATURES, allowed=allowed)
        await one.tick()
        await run(clock, one, minutes=5)
        note = (await row_of(engine, "features")).last_note
        reasons.append(None)

        await run(clock, one, minutes=5)

        assert note == "the flag demand is off"
        assert await slots(engine, "features") == ["2026-06-01T17:10Z"]


class TestWhileOneIsActive:
    async def test_the_slot_waits_until_that_has_ended(self, engine: AsyncEngine, clock: TurnableClock) -> None:
        """A training run somebody asked for by hand delays the scheduled one; its end does not have to wait for next Monday."""
        clock.turn(hours=15, minutes=-2 + 27)  # Tuesday 03:27
        schedule = Schedule("demand", "train", "30 3 * * 2")
        one = scheduler(engine, clock, schedule)
        await one.tick()
        async with transaction(engine) as connection:
            by_hand = await enqueue(connection, service="demand", kind="train", arguments={}, requested_by="key", clock=clock)
        await run(clock, one, minutes=10)
        waiting = await row_of(engine, "train")
        await end_all(engine)

        await run(clock, one, minutes=0.1)

        row = await row_of(engine, "train")
        assert f"waits: A train of demand is queued already. ({by_hand.id})" == waiting.last_note
        assert waiting.last_slot < row.last_slot == datetime(2026, 6, 2, 8, 30)
        assert [job.id == row.last_job_id for job in await asked(engine, "train") if job.requested_by == "schedule"] == [True]
        assert "7 minutes late" in row.last_note

    async def test_the_next_slot_takes_its_place(self, engine: AsyncEngine, clock: TurnableClock) -> None:
        """A job that takes three slots' time is followed by one job, not by three."""
        one = scheduler(engine, clock, FEATURES)
        await one.tick()
        await run(clock, one, minutes=20)
        await end_all(engine)

        await run(clock, one, minutes=2)

        assert await slots(engine, "features") == ["2026-06-01T17:05Z", "2026-06-01T17:20Z"]


class TestAfterAnOutage:
    async def test_the_newest_missed_slot_is_made_up_for(self, engine: AsyncEngine, clock: TurnableClock) -> None:
        """Three days without any worker: one job of each kind that was due meanwhile."""
        await scheduler(engine, clock, FEATURES, SCORE, TRAIN).tick()
        clock.pass_(3 * 24 * 3600)

        await run(clock, scheduler(engine, clock, FEATURES, SCORE, TRAIN), minutes=0.5)

        assert await slots(engine, "features") == ["2026-06-04T17:00Z"]
        assert await slots(engine, "score") == ["2026-06-04T07:30Z"]
        assert await slots(engine, "train") == []
        assert (await row_of(engine, "score")).last_note == "asked for 572 minutes late"

    async def test_of_the_store_ticks_go_on(self, clock: TurnableClock) -> None:
        """A store out of reach is no error of the scheduler's, and is not asked every second."""
        engine = open_engine("mysql://root@127.0.0.1:1/none")
        tries: list[object] = []
        event.listen(engine.sync_engine, "do_connect", lambda *seen: tries.append(seen))

        await run(clock, scheduler(engine, clock, FEATURES), minutes=0.5, step_s=1)
        await engine.dispose()

        assert 5 <= len(tries) <= 15


class TestAChangedExpression:
    async def test_counts_from_now_on_for_all_workers(self, engine: AsyncEngine, clock: TurnableClock) -> None:
        """The worker that started last decides; older ones follow, and nothing is made up for."""
        old = scheduler(engine, clock, FEATURES)
        await run(clock, old, minutes=4)
        await end_all(engine)
        new = scheduler(engine, clock, Schedule("demand", "features", "*/10 * * * *"))
        await new.tick()
        changed = await row_of(engine, "features")

        await run(clock, old, minutes=15)

        assert (changed.cron, changed.last_note) == ("*/10 * * * *", "changed from */5 * * * *")
        assert await slots(engine, "features") == ["2026-06-01T17:05Z", "2026-06-01T17:10Z"]

    async def test_to_never_ends_it(self, engine: AsyncEngine, clock: TurnableClock) -> None:
        """A schedule that is switched off is due no more, in no worker, and leaves its history."""
        old = scheduler(engine, clock, FEATURES)
        await run(clock, old, minutes=4)
        await end_all(engine)
        await scheduler(engine, clock, Schedule("demand", "features", "never")).tick()

        await run(clock, old, minutes=15)

        assert len(await asked(engine, "features")) == 1
        assert (await row_of(engine, "features")).cron == "never"

    async def test_that_nobody_can_read_is_written_anew(self, engine: AsyncEngine, clock: TurnableClock) -> None:
        """Whatever somebody writes into the table, a worker's own expression is good, and the other schedules go on."""
        one = scheduler(engine, clock, FEATURES, SCORE)
        await one.tick()
        async with transaction(engine) as connection:
            await connection.execute(
                update(job_schedules).where(job_schedules.c.kind == "features").values(cron="now and then")
            )

        await run(clock, one, minutes=10)

        assert (await row_of(engine, "features")).cron == FEATURES.cron
        assert await slots(engine, "features") != []


class TestAClockThatIsSet:
    async def test_back_an_hour_repeats_nothing_and_stops_nothing(self, engine: AsyncEngine, clock: TurnableClock) -> None:
        """The daily job that ran is not run again; the one of every five minutes goes on after two periods at most."""
        clock.turn(hours=14, minutes=-10)  # Tuesday 01:52
        one = scheduler(engine, clock, FEATURES, SCORE)
        times: list[float] = []

        async def note() -> None:
            if [row for row in await asked(engine, "features") if row.state == "queued"]:
                times.append(clock.ran_s)
                await end_all(engine)

        await run(clock, one, minutes=45, step_s=30, each=note)  # until 02:37
        clock.turn(hours=-1)
        await run(clock, one, minutes=130, step_s=30, each=note)  # until 03:47, past the slots that were there already

        assert await slots(engine, "score") == ["2026-06-02T07:30Z"]
        gaps = [later - earlier for earlier, later in pairwise(times)]
        long = [place for place, gap in enumerate(gaps) if gap > 6 * MINUTE]
        assert max(gaps) <= 10 * MINUTE + 30
        assert len(long) == 1
        # after the wait the newest slot is made up for; every other gap is a period
        assert {gap for place, gap in enumerate(gaps) if place not in (long[0], long[0] + 1)} == {5 * MINUTE}
        assert gaps[long[0]] + gaps[long[0] + 1] >= 10 * MINUTE
        assert (await row_of(engine, "features")).last_slot == datetime(2026, 6, 2, 8, 45)

    async def test_back_and_forward_again_repeats_no_daily_job(self, engine: AsyncEngine, clock: TurnableClock) -> None:
        """A clock that shows the wrong hour for a while makes no slot come twice."""
        clock.turn(hours=14, minutes=20)  # Tuesday 02:22
        one = scheduler(engine, clock, SCORE)
        await run(clock, one, minutes=15)
        await end_all(engine)
        for hours in (-1, 1, -1, 1):
            clock.turn(hours=hours)
            await run(clock, one, minutes=65, step_s=60)
            await end_all(engine)

        assert await slots(engine, "score") == ["2026-06-02T07:30Z"]

    async def test_right_after_a_year_ahead_silences_nothing(self, engine: AsyncEngine, clock: TurnableClock) -> None:
        """Rows that name slots of next year are pulled back within ten minutes, also by a worker started since."""
        clock.turn(days=365)
        await run(clock, scheduler(engine, clock, FEATURES, SCORE, TRAIN), minutes=6)
        await end_all(engine)
        clock.turn(days=-365)
        before = len(await asked(engine, "features"))

        one = scheduler(engine, clock, FEATURES, SCORE, TRAIN)
        await run(clock, one, minutes=11, step_s=15)
        soon = len(await asked(engine, "features"))
        await end_all(engine)
        await run(clock, one, minutes=7 * 24 * 60, step_s=1800, each=lambda: end_all(engine))

        assert soon > before
        assert (await slots(engine, "score"))[:7] == [f"2026-06-{day:02}T07:30Z" for day in range(2, 9)]
        assert [slot for slot in await slots(engine, "train") if slot < "2027"] == ["2026-06-08T08:30Z"]

    async def test_wrong_on_one_of_two_machines_doubles_nothing(self, engine: AsyncEngine, clock: TurnableClock) -> None:
        """A worker whose clock is ten minutes ahead asks early, and the others leave it to that one."""
        ahead = TurnableClock(clock.at + timedelta(minutes=10))
        early, right = scheduler(engine, ahead, FEATURES), scheduler(engine, clock, FEATURES)
        await early.tick()
        await right.tick()

        await run(clock, right, minutes=60, step_s=15, each=lambda: _both(ahead, early, engine))

        assert len(await asked(engine, "features")) == 12


async def _both(ahead: TurnableClock, early: Scheduler, engine: AsyncEngine) -> None:
    ahead.pass_(15)
    await early.tick()
    await end_all(engine)


class TestDaysTheClockIsChanged:
    @pytest.mark.parametrize(
        ("one_oclock", "daily"),
        [(datetime(2026, 3, 8, 7, 1, tzinfo=UTC), ["2026-03-08T08:00Z", "2026-03-09T07:30Z"]),
         (datetime(2026, 11, 1, 6, 1, tzinfo=UTC), ["2026-11-01T08:30Z", "2026-11-02T08:30Z"])],
        ids=["spring", "autumn"],
    )  # fmt: skip
    async def test_neither_skip_nor_double(self, engine: AsyncEngine, one_oclock: datetime, daily: list[str]) -> None:
        """Two nights with a change of the clock in the first: two daily jobs, and one every five minutes."""
        clock = TurnableClock(one_oclock)
        one = scheduler(engine, clock, FEATURES, SCORE)
        await one.tick()

        await run(clock, one, minutes=27 * 60, step_s=300, each=lambda: end_all(engine))

        assert await slots(engine, "score") == daily
        assert len(await slots(engine, "features")) == 27 * 12
