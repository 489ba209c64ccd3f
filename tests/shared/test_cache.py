"""Is a cached value found, shared and never needed?"""

import asyncio
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from rfid3_shared.cache import Cache, cache_key
from rfid3_shared.clock import Clock
from rfid3_shared.resources import open_redis

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=4,
)


class Counted:
    """Something slow that counts how often it runs."""

    def __init__(self) -> None:
        self.runs = 0

    async def __call__(self) -> bytes:
        self.runs += 1
        await asyncio.sleep(0.02)
        return b"value"


class TestCacheKey:
    @given(st.dictionaries(st.sampled_from("abc"), json_values), st.dictionaries(st.sampled_from("abc"), json_values))
    def test_keys_are_equal_exactly_when_parts_are(self, one: dict, other: dict) -> None:
        """Order does not matter, values and their types do."""
        assert (cache_key("n", "v1", **one) == cache_key("n", "v1", **other)) == (
            repr(sorted(one.items())) == repr(sorted(other.items()))
        )

    def test_another_model_version_is_another_key(self) -> None:
        """A new model never answers with an old value."""
        assert cache_key("n", "v1", a=1) != cache_key("n", "v2", a=1)


class TestGetOrCompute:
    async def test_many_callers_share_one_computation(self, redis_url: str) -> None:
        """Twenty concurrent callers of one key cost one computation."""
        redis, compute = Redis.from_url(redis_url), Counted()
        cache = Cache(redis, Clock())

        values = await asyncio.gather(*(cache.get_or_compute("k", compute) for _ in range(20)))

        assert compute.runs == 1
        assert {value for value, _ in values} == {b"value"}
        await redis.aclose()

    async def test_another_process_finds_it_in_redis(self, redis_url: str) -> None:
        """What one cache computed, another on the same Redis need not compute."""
        redis, compute = Redis.from_url(redis_url), Counted()
        await Cache(redis, Clock()).get_or_compute("k", compute)

        value, origin = await Cache(redis, Clock()).get_or_compute("k", compute)

        assert (value, origin, compute.runs) == (b"value", "redis", 1)
        assert 200 < await redis.ttl("k") <= 330
        await redis.aclose()

    async def test_a_failed_computation_is_not_kept(self, redis_url: str) -> None:
        """The next caller tries again."""

        async def fail() -> bytes:
            raise ValueError("cannot")

        redis = Redis.from_url(redis_url)
        cache = Cache(redis, Clock())
        with pytest.raises(ValueError, match="cannot"):
            await cache.get_or_compute("k", fail)

        assert (await cache.get_or_compute("k", Counted()))[1] == "computed"
        await redis.aclose()

    async def test_without_redis_values_are_computed(self, free_redis: tuple[str, subprocess.Popen[bytes]]) -> None:
        """A killed Redis makes the cache slower, never wrong."""
        url, server = free_redis
        redis = open_redis(url)
        cache = Cache(redis, Clock())
        await cache.get_or_compute("before", Counted())
        server.kill()
        server.wait()

        assert await cache.get_or_compute("after", Counted()) == (b"value", "computed")
        assert await cache.get_or_compute("before", Counted()) == (b"value", "memory")
        await redis.aclose()

    async def test_memory_keeps_the_latest_used(self) -> None:
        """The least recently used entry goes first."""
        cache = Cache(None, Clock(), entries=2)
        for key in ("a", "b", "a", "c"):
            await cache.get_or_compute(key, Counted())

        origins = {key: (await cache.get_or_compute(key, Counted()))[1] for key in ("a", "c", "b")}

        assert origins == {"a": "memory", "c": "memory", "b": "computed"}
