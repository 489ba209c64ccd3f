"""Asking for jobs: one active a kind, in the caller's transaction."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import transaction
from rfid3_shared.errors import Conflict, NotFound
from rfid3_shared.jobs import Job, Outbox, cancel_job, enqueue, get_job, list_jobs

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
    async def test_sends_once_what_was_added(self, redis_url: str) -> None:
        """After sending, the service's queue holds the job once, and the outbox nothing."""
        from redis.asyncio import Redis

        async with Redis.from_url(redis_url) as redis:
            outbox = Outbox(redis)
            outbox.add("a" * 32, "demand")

            await outbox.send()
            await outbox.send()
            repeated = Outbox(redis)
            repeated.add("a" * 32, "demand")
            await repeated.send()

            assert [name.decode() for name in await redis.zrange("rfid3:jobs:demand", 0, -1)] == ["a" * 32 + ":0"]

    async def test_a_dead_redis_is_no_error(self) -> None:
        """A job that cannot be sent is left to the sweeper; its request succeeds."""
        from redis.asyncio import Redis

        async with Redis.from_url("redis://127.0.0.1:1/0") as redis:
            outbox = Outbox(redis)
            outbox.add("a" * 32, "demand")

            await outbox.send()
