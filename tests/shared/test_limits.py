"""The limiter grants exactly the limit, whoever asks, together or apart, with Redis or without."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from doorway import Wire
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from rfid3_shared.clock import Clock, epoch_s
from rfid3_shared.errors import RateLimited
from rfid3_shared.limits import RateLimiter, Rule, rules_from
from rfid3_shared.resources import open_redis
from rfid3_shared.settings import Settings

RULES = {"RT": Rule(10, 60), "TRAIN": Rule(2, 3600), "BLINK": Rule(3, 0.3)}
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = open_redis(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def limiter(redis: Redis) -> AsyncIterator[RateLimiter]:
    limiter = RateLimiter(redis, RULES, Clock())
    yield limiter
    await limiter.aclose()


class TestTake:
    async def test_grants_the_limit_and_no_more_under_concurrency(self, limiter: RateLimiter) -> None:
        """Of 200 simultaneous calls exactly 10 pass, and each of them sees another remainder."""
        grants = await asyncio.gather(*(limiter.take("key", "RT") for _ in range(200)))

        allowed = [grant for grant in grants if grant.allowed]
        assert len(allowed) == 10
        assert sorted(grant.remaining for grant in allowed) == list(range(10))
        assert {grant.remaining for grant in grants if not grant.allowed} == {0}

    async def test_processes_count_together(self, redis: Redis) -> None:
        """Three limiters on one Redis grant the limit once, not three times."""
        limiters = [RateLimiter(redis, RULES, Clock()) for _ in range(3)]

        grants = await asyncio.gather(*(limiters[i % 3].take("key", "RT") for i in range(90)))

        assert sum(grant.allowed for grant in grants) == 10
        assert not any(grant.local for grant in grants)

    async def test_keys_and_classes_have_windows_of_their_own(self, limiter: RateLimiter) -> None:
        """One key's calls, or calls of one class, use up nobody else's."""
        for _ in range(3):
            await limiter.take("one", "TRAIN")

        assert not (await limiter.take("one", "TRAIN")).allowed
        assert (await limiter.take("two", "TRAIN")).allowed
        assert (await limiter.take("one", "RT")).allowed

    async def test_opens_again_when_the_window_has_closed(self, limiter: RateLimiter) -> None:
        """After the announced time the full limit is there again."""
        grants = [await limiter.take("key", "BLINK") for _ in range(4)]
        assert [grant.allowed for grant in grants] == [True, True, True, False]

        await asyncio.sleep(grants[-1].reset_in_s + 0.02)

        assert [(await limiter.take("key", "BLINK")).allowed for _ in range(4)] == [True, True, True, False]

    async def test_refused_calls_do_not_lengthen_the_window(self, limiter: RateLimiter, redis: Redis) -> None:
        """Hammering at a closed door leaves the counter at the limit."""
        await asyncio.gather(*(limiter.take("key", "TRAIN") for _ in range(50)))

        assert int(await redis.get("rfid3:limit:TRAIN:key")) == 2

    async def test_a_caller_that_gives_up_leaves_others_their_answer(self, limiter: RateLimiter) -> None:
        """Cancelling some calls in mid-question neither hangs nor harms the rest."""
        calls = [asyncio.create_task(limiter.take("key", "RT")) for _ in range(10)]
        await asyncio.sleep(0)
        for call in calls[::2]:
            call.cancel()

        answers = await asyncio.gather(*calls, return_exceptions=True)

        assert all(answer.allowed for answer in answers[1::2])

    async def test_survives_a_redis_that_forgot_the_script(self, limiter: RateLimiter, redis: Redis) -> None:
        """A restarted Redis knows no scripts: the script is loaded again and the count stays exact."""
        await limiter.take("key", "RT")
        await redis.script_flush()

        grant = await limiter.take("key", "RT")

        assert (grant.allowed, grant.remaining, grant.local) == (True, 8, False)

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(calls=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["RT", "TRAIN"])), max_size=60))
    async def test_agrees_with_counting_by_hand(self, redis_url: str, calls: list[tuple[str, str]]) -> None:
        """For any mix of keys and classes, granted = min(calls, limit) for each of them."""
        async with Redis.from_url(redis_url) as redis:
            await redis.flushdb()
            limiter = RateLimiter(redis, RULES, Clock())
            grants = await asyncio.gather(*(limiter.take(*call) for call in calls))

        for key in set(calls):
            passed = sum(grant.allowed for call, grant in zip(calls, grants, strict=True) if call == key)
            assert passed == min(calls.count(key), RULES[key[1]].limit)


class TestWithoutRedis:
    async def test_counts_alone_and_says_so(self) -> None:
        """With Redis out of reach the limit still holds in this process, and every answer is marked."""
        redis = open_redis(NOWHERE)
        limiter = RateLimiter(redis, RULES, Clock())

        grants = await asyncio.gather(*(limiter.take("key", "RT") for _ in range(30)))

        assert sum(grant.allowed for grant in grants) == 10
        assert all(grant.local for grant in grants)
        assert (b"x-ratelimit-scope", b"process") in grants[0].headers()
        await limiter.aclose()
        await redis.aclose()

    @pytest.fixture
    async def wire(self, redis_port: int) -> AsyncIterator[Wire]:
        wire = Wire(redis_port)
        await wire.mend()
        yield wire
        await wire.cut()

    @pytest.fixture
    async def limiter_on_wire(self, redis_url: str, wire: Wire) -> AsyncIterator[RateLimiter]:
        redis = open_redis(f"redis://127.0.0.1:{wire.port}/0")
        limiter = RateLimiter(redis, RULES, Clock())
        yield limiter
        await limiter.aclose()
        await redis.aclose()

    async def test_goes_on_from_what_it_last_knew(self, limiter_on_wire: RateLimiter, wire: Wire) -> None:
        """Calls counted before Redis went away still count."""
        for _ in range(7):
            assert not (await limiter_on_wire.take("key", "RT")).local
        await wire.cut()

        grants = [await limiter_on_wire.take("key", "RT") for _ in range(6)]

        assert [(grant.allowed, grant.local) for grant in grants[:3]] == [(True, True)] * 3
        assert not any(grant.allowed for grant in grants[3:])

    async def test_counts_together_again_when_redis_is_back(self, limiter_on_wire: RateLimiter, wire: Wire) -> None:
        """Soon after Redis answers again it is asked again, and what it had counted before still counts."""
        await limiter_on_wire.take("key", "RT")
        await wire.cut()
        assert (await limiter_on_wire.take("key", "RT")).local
        await wire.mend()

        for _ in range(100):
            if not limiter_on_wire.local:
                break
            await asyncio.sleep(0.02)

        grant = await limiter_on_wire.take("key", "RT")
        assert (grant.local, grant.remaining) == (False, 8)


class TestGrant:
    async def test_tells_limit_remainder_and_reset(self, limiter: RateLimiter) -> None:
        """The reset header is the epoch second at which the window has surely closed."""
        headers = dict((await limiter.take("key", "RT")).headers())

        assert headers[b"x-ratelimit-limit"] == b"10"
        assert headers[b"x-ratelimit-remaining"] == b"9"
        assert epoch_s() + 58 < int(headers[b"x-ratelimit-reset"]) <= epoch_s() + 61

    async def test_refusal_says_when_to_come_back(self, limiter: RateLimiter) -> None:
        """RateLimited carries whole seconds until the window closes, never less."""
        for _ in range(2):
            (await limiter.take("key", "TRAIN")).require("TRAIN")
        refused = await limiter.take("key", "TRAIN")

        with pytest.raises(RateLimited) as fault:
            refused.require("TRAIN")

        assert refused.reset_in_s <= fault.value.details["retry_after_s"] <= 3600


class TestRulesFrom:
    def test_has_the_documented_figures(self) -> None:
        """RT 100/min, BATCH 10/min, TRAIN 5/h, SYS 200/min, EVENTS 600/min unless set otherwise."""
        rules = rules_from(Settings(_env_file=None))

        assert rules == {
            "RT": Rule(100, 60),
            "BATCH": Rule(10, 60),
            "TRAIN": Rule(5, 3600),
            "SYS": Rule(200, 60),
            "EVENTS": Rule(600, 60),
        }
