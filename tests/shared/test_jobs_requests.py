"""Asking for jobs: one active a kind, in the caller's transaction."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import transaction
from rfid3_shared.errors import Conflict, NotFound
from rfid3_shared.jobs import (
    INTERACTIVE,
    Job,
    Outbox,
    cancel_job,
    count_jobs,
    enqueue,
    get_job,
    list_jobs,
    prediction_jobs,
    rerun_job,
    similar_names,
)

NOON = datetime(2026, 3, 2, 12, 0, 0, 250_000, tzinfo=UTC)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


async def ask(connection: AsyncConnection, clock: FixedClock, **changes: Any) -> Job:
    request = {"service": "demand", "kind": "train", "arguments": {"weeks": [1, 2]}, "requested_by": "key-1", **changes}
    return await enqueue(connection, clock=clock, **request)


class TestEnqueue:
    async def test_a_job_is_read_back_as_it_was_asked_for(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """What is stored is what was asked, queued, at the clock's time."""
        async with transaction(engine) as connection:
            asked = await ask(connection, clock)

        async with transaction(engine) as connection:
            job = await get_job(connection, asked.id)

        assert job == asked
        assert (job.state, job.attempts, job.arguments, job.created_at) == ("queued", 0, {"weeks": [1, 2]}, NOON)
        assert job.as_dict()["created_at"] == "2026-03-02T12:00:00.250Z"
        assert not any(name.startswith("lease") for name in job.as_dict())

    async def test_a_second_active_one_is_refused_with_the_first_ones_id(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """One job of a service and kind is active at a time; other kinds and services are not in its way."""
        async with transaction(engine) as connection:
            first = await ask(connection, clock)

            with pytest.raises(Conflict) as refusal:
                await ask(connection, clock)
            other_kind = await ask(connection, clock, kind="refresh")
            other_service = await ask(connection, clock, service="packs")

        assert refusal.value.details["job_id"] == first.id
        assert len({first.id, other_kind.id, other_service.id}) == 3

    async def test_a_rolled_back_request_leaves_nothing(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """The row belongs to the caller's transaction."""

        async def ask_and_fail() -> None:
            async with transaction(engine) as connection:
                await ask(connection, clock)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await ask_and_fail()

        async with transaction(engine) as connection:
            assert await list_jobs(connection, limit=10, offset=0) == []
            await ask(connection, clock)

    async def test_the_same_key_gives_the_same_job_even_when_it_is_done(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Repeating a request does not repeat its work."""
        async with transaction(engine) as connection:
            first = await ask(connection, clock, idempotency_key="k1")
            await cancel_job(connection, first.id, clock=clock)

            again = await ask(connection, clock, idempotency_key="k1")

        assert again.id == first.id
        assert again.state == "cancelled"

    async def test_a_key_used_for_something_else_is_refused(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """A key names one request, not two."""
        async with transaction(engine) as connection:
            await ask(connection, clock, idempotency_key="k1")

            with pytest.raises(Conflict):
                await ask(connection, clock, idempotency_key="k1", arguments={"weeks": [3]})

    async def test_of_many_at_once_one_is_taken(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """The rule holds between transactions that do not see each other's rows."""

        async def one() -> str:
            try:
                async with transaction(engine) as connection:
                    return (await ask(connection, clock)).id
            except Conflict as refusal:
                return f"refused for {refusal.details['job_id']}"

        answers = await asyncio.gather(*(one() for _ in range(8)))

        taken = [answer for answer in answers if "refused" not in answer]
        assert len(taken) == 1
        assert set(answers) == {taken[0], f"refused for {taken[0]}"}


async def end(connection: AsyncConnection, job: Job, **values: Any) -> None:
    """Write how a job ended."""
    change = update(prediction_jobs).where(prediction_jobs.c.id == job.id)
    await connection.execute(change.values(active_key=None, **values))


class TestListJobs:
    async def test_newest_first_by_service_and_state(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Filters, order and pages agree with the same question in plain SQL."""
        async with transaction(engine) as connection:
            for number in range(6):
                clock.advance(seconds=1)
                job = await ask(connection, clock, service="demand" if number % 2 else "packs", kind=f"kind{number}")
                if number > 3:
                    await cancel_job(connection, job.id, clock=clock)
            sql = "SELECT id FROM prediction_jobs WHERE service = 'demand' AND state = 'queued' ORDER BY created_at DESC"
            expected = list((await connection.execute(text(sql))).scalars())

            found = await list_jobs(connection, service="demand", state="queued", limit=10, offset=0)
            second = await list_jobs(connection, service="demand", state="queued", limit=1, offset=1)

        assert [job.id for job in found] == expected
        assert [job.id for job in second] == expected[1:2]
        assert [job.created_at for job in found] == [NOON + timedelta(seconds=4), NOON + timedelta(seconds=2)]

    @pytest.mark.parametrize(
        ("filters", "where"),
        [({}, "1 = 1"), ({"kind": "kind1"}, "kind = 'kind1'"), ({"service": "none"}, "1 = 0"),
         ({"service": "packs", "state": "failed"}, "service = 'packs' AND state = 'failed'"),
         ({"quarantined": True}, "state = 'failed' AND attempts = 3"),
         ({"quarantined": False}, "NOT (state = 'failed' AND attempts = 3)"),
         ({"quarantined": True, "kind": "kind0"}, "state = 'failed' AND attempts = 3 AND kind = 'kind0'")],
        ids=str,
    )  # fmt: skip
    async def test_what_is_listed_is_what_is_counted(
        self, engine: AsyncEngine, clock: FixedClock, filters: dict[str, Any], where: str
    ) -> None:
        """Every filter lists and counts the rows that the same question in plain SQL finds, over all pages."""
        async with transaction(engine) as connection:
            for number in range(18):
                clock.advance(seconds=1)
                job = await ask(connection, clock, service="demand" if number % 2 else "packs", kind=f"kind{number % 3}")
                state = ("succeeded", "failed", "cancelled")[number // 6]
                await end(connection, job, state=state, attempts=1 + number % 3)
            sql = f"SELECT id FROM prediction_jobs WHERE {where} ORDER BY created_at DESC"
            expected = list((await connection.execute(text(sql))).scalars())

            pages = [await list_jobs(connection, **filters, limit=4, offset=offset) for offset in range(0, 20, 4)]
            total = await count_jobs(connection, **filters)

        assert [job.id for page in pages for job in page] == expected
        assert total == len(expected)


class TestQuarantined:
    @pytest.mark.parametrize(
        ("state", "attempts", "quarantined"),
        [("failed", 3, True), ("failed", 1, False), ("succeeded", 3, False), ("running", 3, False), ("cancelled", 3, False)],
    )
    async def test_is_failed_with_all_attempts_used(
        self, engine: AsyncEngine, clock: FixedClock, state: str, attempts: int, quarantined: bool
    ) -> None:
        """A job that failed at once because trying again is of no use has failed; one that was tried in vain is quarantined."""
        async with transaction(engine) as connection:
            job = await ask(connection, clock)
            await end(connection, job, state=state, attempts=attempts, seconds=2.5)

            ended = await get_job(connection, job.id)

        assert ended.quarantined is quarantined
        assert (ended.as_dict()["quarantined"], ended.as_dict()["seconds"], ended.as_dict()["rerun_of"]) == (
            quarantined,
            2.5,
            None,
        )


class TestSimilarNames:
    async def test_unknown_ones_are_answered_with_what_there_is(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """What sounds alike comes first; a name that exists, or that was not given, needs no suggestion."""
        async with transaction(engine) as connection:
            empty = await similar_names(connection, service="demand", kind=None)
            await ask(connection, clock)
            await ask(connection, clock, service="packs", kind="score")

            slip = await similar_names(connection, service="demnd", kind="trian")
            strange = await similar_names(connection, service="demand", kind="zzz")
            fine = await similar_names(connection, service="packs", kind=None)

        assert slip == {"service": ["demand"], "kind": ["train"]}
        assert strange == {"kind": ["score", "train"]}
        assert empty == fine == {}


class TestRerunJob:
    async def test_a_finished_job_is_asked_for_anew(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """The new job has the old one's work and none of its past, and names it."""
        async with transaction(engine) as connection:
            old = await ask(connection, clock, max_attempts=5)
            await end(connection, old, state="failed", attempts=5, error={"code": "X", "message": "x"})
            clock.advance(minutes=1)

            new = await rerun_job(connection, old.id, requested_by="someone", clock=clock)
            old = await get_job(connection, old.id)

        assert (new.service, new.kind, new.arguments, new.max_attempts) == (old.service, old.kind, old.arguments, 5)
        assert (new.state, new.attempts, new.error, new.requested_by, new.rerun_of) == ("queued", 0, None, "someone", old.id)
        assert new.created_at > old.created_at
        assert old.quarantined

    async def test_an_active_or_unknown_one_is_not(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """What has not ended cannot be repeated, nor can anything while one of its kind is active."""
        async with transaction(engine) as connection:
            first = await ask(connection, clock)
            with pytest.raises(Conflict) as waiting:
                await rerun_job(connection, first.id, requested_by="someone", clock=clock)
            await end(connection, first, state="succeeded")
            second = await ask(connection, clock)
            with pytest.raises(Conflict) as taken:
                await rerun_job(connection, first.id, requested_by="someone", clock=clock)
            with pytest.raises(NotFound):
                await rerun_job(connection, "0" * 32, requested_by="someone", clock=clock)

        assert waiting.value.details == {"job_id": first.id, "state": "queued"}
        assert taken.value.details["job_id"] == second.id

    async def test_the_same_key_gives_the_same_rerun(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """A request that is repeated with its key runs nothing twice, and the key serves for no other job."""
        async with transaction(engine) as connection:
            jobs = []
            for _ in range(2):
                jobs.append(await ask(connection, clock))
                await end(connection, jobs[-1], state="failed")

            first, again = [
                await rerun_job(connection, jobs[0].id, requested_by="someone", clock=clock, idempotency_key="k")
                for _ in range(2)
            ]
            await end(connection, first, state="succeeded")
            with pytest.raises(Conflict):
                await rerun_job(connection, jobs[1].id, requested_by="someone", clock=clock, idempotency_key="k")

        assert first.id == again.id


class TestGetJob:
    async def test_an_unknown_id_is_not_found(self, engine: AsyncEngine) -> None:
        """There is no empty job."""
        async with transaction(engine) as connection:
            with pytest.raises(NotFound):
                await get_job(connection, "0" * 32)


class TestCancelJob:
    async def test_it_makes_room_and_cannot_be_done_twice(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """A cancelled job is finished: another may be asked for, and it cannot be cancelled again."""
        async with transaction(engine) as connection:
            first = await ask(connection, clock)
            cancelled = await cancel_job(connection, first.id, clock=clock)
            await ask(connection, clock)

            with pytest.raises(Conflict):
                await cancel_job(connection, first.id, clock=clock)

        assert (cancelled.state, cancelled.finished_at) == ("cancelled", NOON)


class TestOutbox:
    async def test_sends_once_what_was_added(self, redis_url: str, engine: AsyncEngine, clock: FixedClock) -> None:
        """After sending, the service's queue for the job's lane holds it once, and the outbox nothing."""
        from redis.asyncio import Redis

        async with Redis.from_url(redis_url) as redis:
            async with transaction(engine) as connection:
                job = await ask(connection, clock)
                interactive = await ask(connection, clock, kind="adhoc", lane=INTERACTIVE)
            outbox = Outbox(redis)
            outbox.add(job)
            outbox.add(interactive)

            await outbox.send()
            await outbox.send()
            repeated = Outbox(redis)
            repeated.add(job)
            await repeated.send()

            for queue, sent in (("rfid3:jobs:demand", job), ("rfid3:jobs:demand:interactive", interactive)):
                assert [name.decode() for name in await redis.zrange(queue, 0, -1)] == [f"{sent.id}:0"]

    async def test_a_dead_redis_is_no_error(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """A job that cannot be sent is left to the sweeper; its request succeeds."""
        from redis.asyncio import Redis

        async with Redis.from_url("redis://127.0.0.1:1/0") as redis:
            outbox = Outbox(redis)
            async with transaction(engine) as connection:
                outbox.add(await ask(connection, clock))

            await outbox.send()
