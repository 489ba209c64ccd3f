"""Does one process at a time work for a reader of events, and does another take over when it dies?"""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from subprocess import Popen
from typing import Any

import pytest
from eventlife import NOON, noon
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.events.position import hold, release, save
from rfid3_shared.events.stream import STREAM, Wakeups, announce
from rfid3_shared.resources import open_redis

READER = "demand/live"


async def held(engine: AsyncEngine, holder: str, clock: FixedClock, seconds: float = 30) -> dict[str, Any] | None:
    async with transaction(engine) as connection:
        return await hold(connection, READER, holder, clock, seconds)


async def saved(engine: AsyncEngine, holder: str, position: dict[str, Any]) -> bool:
    async with transaction(engine) as connection:
        return await save(connection, READER, holder, position, noon())


class TestHold:
    async def test_begins_with_nothing_and_goes_on_where_it_was(self, engine: AsyncEngine) -> None:
        """The first time {}; renewed, what was saved."""
        assert await held(engine, "a", noon()) == {}
        assert await saved(engine, "a", {"seq": 7, "mark": {"scan": 3}})
        assert await held(engine, "a", noon()) == {"seq": 7, "mark": {"scan": 3}}

    async def test_another_waits_until_it_lapses(self, engine: AsyncEngine) -> None:
        """Thirty seconds after the last renewal the reader is free; whoever comes then goes on from what was saved."""
        clock = noon()
        await held(engine, "a", clock)
        await saved(engine, "a", {"seq": 7})
        clock.advance(seconds=20)
        await held(engine, "a", clock)
        clock.advance(seconds=30)

        assert await held(engine, "b", clock) is None
        clock.advance(seconds=0.001)
        assert await held(engine, "b", clock) == {"seq": 7}

    async def test_whoever_lost_it_changes_nothing(self, engine: AsyncEngine) -> None:
        """A process that slept too long finds that it no longer holds the reader."""
        await held(engine, "a", noon())
        await held(engine, "b", FixedClock(NOON + timedelta(seconds=31)))

        async with transaction(engine) as connection:
            kept, let_go = (
                await save(connection, READER, "a", {"seq": 1}, noon()),
                await release(connection, READER, "a", noon()),
            )

        assert (kept, let_go) == (False, False)
        assert await held(engine, "b", FixedClock(NOON + timedelta(seconds=31))) == {}

    async def test_let_go_another_need_not_wait(self, engine: AsyncEngine) -> None:
        """A process that stops in peace says so."""
        await held(engine, "a", noon())
        async with transaction(engine) as connection:
            assert await release(connection, READER, "a", noon())

        assert await held(engine, "b", noon()) == {}

    async def test_readers_do_not_meet(self, engine: AsyncEngine) -> None:
        """Each has a row of its own."""
        await held(engine, "a", noon())

        async with transaction(engine) as connection:
            assert await hold(connection, "mqtt", "b", noon(), 30) == {}

    @pytest.mark.parametrize("is_new", [True, False])
    async def test_of_many_at_once_one_gets_it(self, engine: AsyncEngine, is_new: bool) -> None:
        """Whether the row is there already or not."""
        clock = FixedClock(NOON + timedelta(hours=1))
        if not is_new:
            await held(engine, "dead", noon())
        others = [open_engine(engine.url.render_as_string(hide_password=False)) for _ in range(2)]

        got = await asyncio.gather(*(held(each, f"p{n}", clock) for n, each in enumerate((engine, *others) * 4)))
        for each in others:
            await each.dispose()

        assert sum(one is not None for one in got) == 1


class TestWakeups:
    @pytest.fixture
    async def redis(self, redis_url: str) -> AsyncIterator[Redis]:
        """A client as every process opens it, which gives up after a second."""
        client = open_redis(redis_url)
        yield client
        await client.aclose()

    async def test_sleeps_until_something_is_announced(self, redis: Redis) -> None:
        """Longer than the client's own patience with Redis; then it wakes at once."""
        loop = asyncio.get_running_loop()
        async with Wakeups(redis) as wakeups:
            waiting = asyncio.create_task(wakeups.wait(30))
            await asyncio.sleep(1.3)
            assert not waiting.done()
            begun = loop.time()

            assert await announce(redis, 5, 9, 5)

            assert await waiting is True
            assert loop.time() - begun < 5

    async def test_what_came_between_two_waits_is_not_slept_over(self, redis: Redis) -> None:
        """The second wait ends at once, and the third one sleeps: it was told of both together."""
        async with Wakeups(redis) as wakeups:
            assert await wakeups.wait(0.05) is False
            await announce(redis, 1, 1, 1)
            await announce(redis, 2, 2, 1)

            assert await wakeups.wait(30) is True
            assert await wakeups.wait(0.05) is False

    async def test_what_was_before_it_began_wakes_nobody(self, redis: Redis) -> None:
        """Whoever begins looks at the table anyway."""
        await announce(redis, 1, 1, 1)
        async with Wakeups(redis) as wakeups:
            assert await wakeups.wait(0.05) is False

    async def test_the_stream_stays_short(self, redis: Redis) -> None:
        """It is a wake-up, not a store: ten thousand entries or a little more."""
        pipe = redis.pipeline(transaction=False)
        for number in range(12_000):
            pipe.xadd(STREAM, {"first_seq": number})
        await pipe.execute()

        await announce(redis, 1, 1, 1)

        assert await redis.xlen(STREAM) < 10_500

    async def test_without_redis_it_waits_and_comes_back(self, free_redis: tuple[str, Popen[bytes]]) -> None:
        """Its time passes as it would; nothing is raised, and announcing says that nobody was told."""
        url, process = free_redis
        loop, client = asyncio.get_running_loop(), open_redis(url)
        async with Wakeups(client) as wakeups:
            assert await wakeups.wait(0.05) is False
            process.kill()
            process.wait(10)
            begun = loop.time()

            assert await wakeups.wait(0.3) is False

            assert loop.time() - begun >= 0.29
            assert await announce(client, 1, 1, 1) is False
        await client.aclose()
