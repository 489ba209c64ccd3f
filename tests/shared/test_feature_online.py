"""Is the present read in one go, never older than declared, and never the reason for a fault?"""

import asyncio
import math
import subprocess
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis
from redis.exceptions import RedisError

from rfid3_shared.clock import Clock, FixedClock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.feature_store import history
from rfid3_shared.feature_store.definition import FeatureDefinition, FeatureView, Window
from rfid3_shared.feature_store.online import OnlineFeatures, TakenIn
from rfid3_shared.feature_store.reading import UNREADABLE, heard, pack, told, unpacked
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.resources import open_redis

NOON = datetime(2026, 3, 2, 18, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def feature(name: str, minutes: int) -> FeatureDefinition:
    return FeatureDefinition(name, "t", "scans", "sum", Window.week_to_date(), "units", minutes * MINUTE, "scans", "")


VIEW = FeatureView("small", (feature("left", 15), feature("fleet", 60)))
TAKEN_IN = TakenIn(seq=41, moment=datetime(2026, 3, 2, 11, 59), as_of=NOON - 5 * MINUTE, checked_at=NOON)
PACKS = {"class:1": {"class:1@3607": [3.0, 20.0], "class:1@6800": [0.0, None]}, "class:2": {"class:2@3607": [1 / 3, math.nan]}}


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = open_redis(redis_url)
    yield client
    await client.aclose()


@pytest.fixture
async def online(redis: Redis, clock: FixedClock) -> OnlineFeatures:
    """The view with two packs published at noon."""
    features = OnlineFeatures(redis, VIEW, clock)
    await features.publish(PACKS, TAKEN_IN)
    return features


async def calls(redis: Redis) -> dict[str, int]:
    """How often each command has run on the server."""
    return {name.removeprefix("cmdstat_"): said["calls"] for name, said in (await redis.info("commandstats")).items()}


class TestPublish:
    async def test_says_it_all_at_once(self, redis: Redis, clock: FixedClock) -> None:
        """Packs and what was taken in change together: whoever reads while others publish never sees one without the other."""
        online = OnlineFeatures(redis, VIEW, clock)
        names = [f"class:{number}" for number in range(50)]

        async def publish() -> None:
            for turn in range(40):
                packs = {name: {name: [float(turn), None]} for name in names}
                await online.publish(packs, replace(TAKEN_IN, seq=turn))

        async def look() -> list[tuple[int, set[float | None]]]:
            readings = [await online.read(names) for _ in range(60)]
            return [(one.taken_in.seq, {row[0] for row in one.values.values()}) for one in readings if one.taken_in]

        _, *seen = await asyncio.gather(publish(), look(), look())

        assert len({seq for one in seen for seq, _ in one}) > 1
        assert all(values == {float(seq)} for one in seen for seq, values in one)

    async def test_is_one_transaction(self, redis: Redis, online: OnlineFeatures) -> None:
        """However many packs: one MULTI and one EXEC."""
        await redis.config_resetstat()

        await online.publish(PACKS, TAKEN_IN)

        ran = await calls(redis)
        assert (ran["multi"], ran["exec"], ran["set"]) == (1, 1, 3)

    async def test_a_pack_is_replaced_whole(self, online: OnlineFeatures) -> None:
        """An entity that is no longer in its pack is no longer served; other packs stay."""
        await online.publish({"class:1": {"class:1@8101": [1.0, 1.0]}}, TAKEN_IN)

        assert set((await online.read(["class:1", "class:2"])).values) == {"class:1@8101", "class:2@3607"}

    async def test_a_part_does_not_pass_for_the_whole(self, redis: Redis, online: OnlineFeatures) -> None:
        """When Redis has lost its memory, publishing what was touched says so, and the rest is not held to be known."""
        assert await online.publish(PACKS, TAKEN_IN, whole=False)
        await redis.flushall()

        assert not await online.publish({"class:1": PACKS["class:1"]}, TAKEN_IN, whole=False)
        assert (await online.read(["class:1"])).state == "MISSING"
        assert await online.publish(PACKS, TAKEN_IN)
        assert (await online.read(["class:1"])).state == "FRESH"

    async def test_keys_go_when_nobody_publishes(self, redis: Redis, online: OnlineFeatures) -> None:
        """Keys live longer than a day and not for ever."""
        lives = [await redis.ttl(key) for key in await redis.keys("rfid3:features:small:*")]

        assert len(lives) == 3
        assert all(86_400 < life <= 8 * 86_400 for life in lives)

    @pytest.mark.parametrize("row", [[1.0], [1.0, 2.0, 3.0], [math.inf, 1.0], [1e9, 1.0]])
    async def test_refuses_what_does_not_fit(self, online: OnlineFeatures, row: list[float]) -> None:
        """Nothing is published of packs that hold one wrong row."""
        with pytest.raises(ValueError, match="value"):
            await online.publish({"class:2": {"class:2@3607": [5.0, 5.0]}, "class:1": {"class:1@3607": row}}, TAKEN_IN)

        assert (await online.read(["class:2"])).values["class:2@3607"] == (0.333333, None)

    async def test_refuses_times_with_the_wrong_kind_of_zone(self, online: OnlineFeatures) -> None:
        """Shop time has no zone, the others have one."""
        for wrong in (
            replace(TAKEN_IN, moment=NOON),
            replace(TAKEN_IN, as_of=TAKEN_IN.moment),
            replace(TAKEN_IN, checked_at=TAKEN_IN.moment),
        ):
            with pytest.raises(ValueError, match="naive"):
                await online.publish({}, wrong)

    async def test_tells_who_publishes_that_redis_is_away(self, clock: FixedClock) -> None:
        """The duty must know, to publish again later."""
        redis = open_redis("redis://127.0.0.1:1/0")
        with pytest.raises(RedisError):
            await OnlineFeatures(redis, VIEW, clock).publish(PACKS, TAKEN_IN)
        with pytest.raises(ConnectionError):
            await OnlineFeatures(None, VIEW, clock).touch(TAKEN_IN)
        await redis.aclose()


class TestTouch:
    async def test_renews_what_still_holds(self, redis: Redis, online: OnlineFeatures, clock: FixedClock) -> None:
        """A look that found nothing new makes the values fresh again, by writing one key."""
        clock.advance(minutes=20)
        assert (await online.read(["class:1"])).state == "STALE"
        await redis.config_resetstat()

        assert await online.touch(replace(TAKEN_IN, checked_at=clock.now()))

        assert (await calls(redis))["set"] == 1
        assert (await online.read(["class:1"])).state == "FRESH"

    async def test_does_not_renew_what_is_gone(self, redis: Redis, online: OnlineFeatures) -> None:
        """Redis has forgotten: the values must be published, not their age."""
        await redis.flushall()

        assert not await online.touch(TAKEN_IN)
        assert (await online.read(["class:1"])).state == "MISSING"


class TestRead:
    async def test_gives_what_was_published(self, online: OnlineFeatures, clock: FixedClock) -> None:
        """Values in millionths, what is not known as None, packs that are not there by name, and the age."""
        clock.advance(minutes=3)

        reading = await online.read(["class:2", "class:1", "class:9"])

        assert reading.values == {"class:1@3607": (3.0, 20.0), "class:1@6800": (0.0, None), "class:2@3607": (0.333333, None)}
        assert (reading.state, reading.states) == ("FRESH", {"left": "FRESH", "fleet": "FRESH"})
        assert (reading.taken_in, reading.absent, reading.age_s, reading.why) == (TAKEN_IN, ("class:9",), 180.0, "")

    async def test_sees_what_changes_between_two_looks(self, online: OnlineFeatures) -> None:
        """A pack that has changed is unpacked anew, one that has not says what it said."""
        first = await online.read(["class:1", "class:2"])
        await online.publish({"class:2": {"class:2@3607": [8.0, 9.0]}}, TAKEN_IN)

        second = await online.read(["class:1", "class:2"])

        assert first.values["class:2@3607"] == (0.333333, None)
        assert second.values == {**first.values, "class:2@3607": (8.0, 9.0)}

    @pytest.mark.parametrize("count", [0, 1, 500])
    async def test_is_one_mget(self, redis: Redis, online: OnlineFeatures, count: int) -> None:
        """However many packs are asked for, Redis is asked once."""
        await redis.config_resetstat()

        await online.read([f"class:{number}" for number in range(count)])

        assert {name: count for name, count in (await calls(redis)).items() if not name.startswith(("config", "info"))} == {
            "mget": 1
        }

    async def test_withholds_what_is_too_old(self, online: OnlineFeatures, clock: FixedClock) -> None:
        """Each feature for as long as it declares; the reading is as good as its worst feature, and says why."""
        clock.advance(minutes=15)
        assert (await online.read(["class:1"])).state == "FRESH"
        clock.advance(seconds=1)
        stale = await online.read(["class:1"])
        clock.advance(minutes=45)
        old = await online.read(["class:1"])

        assert (stale.state, stale.states) == ("STALE", {"left": "STALE", "fleet": "FRESH"})
        assert stale.values == {"class:1@3607": (None, 20.0), "class:1@6800": (None, None)}
        assert stale.why == "The present was last checked 15 minutes ago; that is too long ago to use it."
        assert old.states == {"left": "STALE", "fleet": "STALE"}
        assert set(old.values.values()) == {(None, None)}

    async def test_does_not_believe_a_clock_that_runs_ahead(self, online: OnlineFeatures, clock: FixedClock) -> None:
        """A check an hour from now would look fresh for an hour too long."""
        await online.touch(replace(TAKEN_IN, checked_at=NOON + 59 * timedelta(seconds=1)))
        assert (await online.read(["class:1"])).state == "FRESH"
        await online.touch(replace(TAKEN_IN, checked_at=NOON + 60 * MINUTE))

        reading = await online.read(["class:1"])

        assert (reading.state, reading.values["class:1@3607"]) == ("STALE", (None, None))
        assert "clock" in reading.why

    async def test_values_of_another_declaration_are_not_found(
        self, redis: Redis, online: OnlineFeatures, clock: FixedClock
    ) -> None:
        """A window of another length: what the old code published is not what the new code asks for."""
        changed = replace(VIEW, features=(replace(VIEW.features[0], window=Window.rolling(days=7)), VIEW.features[1]))

        reading = await OnlineFeatures(redis, changed, clock).read(["class:1"])

        assert (reading.state, reading.values, reading.taken_in) == ("MISSING", {}, None)
        assert reading.why == "The present has not been taken in yet."

    @pytest.mark.parametrize("damage", [
        b"", b"\xff\x00", b"[]", b"7", b'"x"', b"null", b'{"class:1@3607": [1.0]}', b'{"class:1@3607": [1.0, "2"]}',
        b'{"class:1@3607": [1.0, true]}', b'{"class:1@3607": {"0": 1.0}}', b'{"class:1@3607": null}', b'{"class:1@3607": [1.0, 2.0]',
    ])  # fmt: skip
    async def test_damaged_values_are_missing(self, redis: Redis, online: OnlineFeatures, damage: bytes) -> None:
        """Whatever lies in Redis: no exception, and no part of it is used."""
        await redis.set(f"rfid3:features:small:{VIEW.digest}:class:1", damage)

        reading = await online.read(["class:2", "class:1"])

        assert (reading.state, reading.values) == ("MISSING", {})
        assert reading.why == "What Redis holds of the present cannot be read."

    @pytest.mark.parametrize("damage", [
        b"", b"[]", b"{}", b'{"seq": 1}', told(TAKEN_IN)[:-9],
        told(TAKEN_IN).replace(b"+00:00", b""), told(TAKEN_IN).replace(b"41", b"4.1"),
        told(TAKEN_IN).replace(b"2026-03-02T11", b"2026-03-32T11"), told(TAKEN_IN).replace(b"2026", b"0000"),
        told(TAKEN_IN).replace(b"11:59:00", b"11:59:00+01:00"), told(TAKEN_IN).replace(b'"2026-03-02T11:59:00"', b"5"),
    ])  # fmt: skip
    async def test_a_damaged_account_is_missing(self, redis: Redis, online: OnlineFeatures, damage: bytes) -> None:
        """Without knowing what was taken in, nothing is known."""
        await redis.set(f"rfid3:features:small:{VIEW.digest}:taken_in", damage)

        assert (await online.read(["class:1"])).state == "MISSING"

    async def test_another_type_of_key_is_no_value(self, redis: Redis, online: OnlineFeatures) -> None:
        """A list where a value should be."""
        await redis.delete(f"rfid3:features:small:{VIEW.digest}:class:1")
        await redis.rpush(f"rfid3:features:small:{VIEW.digest}:class:1", b"x")

        reading = await online.read(["class:1", "class:2"])

        assert (reading.absent, set(reading.values)) == (("class:1",), {"class:2@3607"})

    async def test_redis_away_is_missing_and_costs_nothing_again(self, free_redis: tuple[str, subprocess.Popen[bytes]]) -> None:
        """A killed Redis is asked once a second; back again, values are found as soon as they are published."""
        url, server = free_redis
        redis, clock = open_redis(url), FixedClock(NOON)
        online = OnlineFeatures(redis, VIEW, clock)
        await online.publish(PACKS, TAKEN_IN)
        server.kill()
        server.wait()

        reading = await online.read(["class:1"])

        assert (reading.state, reading.absent, reading.why) == ("MISSING", ("class:1",), "Redis does not answer.")
        assert set(reading.states.values()) == {"MISSING"}
        await redis.aclose()

    async def test_a_redis_that_hangs_is_left_alone_for_a_second(
        self, redis: Redis, online: OnlineFeatures, clock: FixedClock
    ) -> None:
        """A server that takes the question and says nothing: MISSING at once while it rests, asked again after a second."""
        await redis.execute_command("CLIENT", "PAUSE", 500, "ALL")
        paused = await online.read(["class:1"])
        await redis.execute_command("PING")  # answered when the pause is over
        await redis.config_resetstat()
        resting = await online.read(["class:1"])
        clock.advance(seconds=1)
        again = await online.read(["class:1"])

        assert (paused.state, paused.why) == ("MISSING", "Redis does not answer.")
        assert (resting.state, again.state) == ("MISSING", "FRESH")
        assert (await calls(redis))["mget"] == 1

    async def test_many_readers_at_once_all_get_their_answer(
        self, redis: Redis, online: OnlineFeatures, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """More readers than the client may open connections, and a server that hesitates: they wait instead of being refused."""
        monkeypatch.setattr("rfid3_shared.feature_store.online.PATIENCE_S", 10.0)
        opened = [await redis.connection_pool.get_connection() for _ in range(64)]
        for connection in opened:
            await redis.connection_pool.release(connection)
        await redis.execute_command("CLIENT", "PAUSE", 100, "ALL")

        readings = await asyncio.gather(*(online.read(["class:1"]) for _ in range(300)))

        assert {one.state for one in readings} == {"FRESH"}

    @pytest.mark.parametrize("name", ["", "\ud800", "class:" + "9" * 10_000, "class:\n\0"])
    async def test_no_name_is_a_fault(self, online: OnlineFeatures, name: str) -> None:
        """Whatever somebody asks for: a pack that is not there."""
        assert (await online.read([name])).absent == (name,)

    async def test_without_a_redis_everything_is_missing(self, clock: FixedClock) -> None:
        """A process that has no Redis reads nothing and says so."""
        assert (await OnlineFeatures(None, VIEW, clock).read(["class:1"])).why == "Redis does not answer."


class TestMemory:
    async def test_a_busy_service_asks_redis_now_and_then(
        self, redis: Redis, online: OnlineFeatures, clock: FixedClock
    ) -> None:
        """Within the time given the same question is answered from memory; afterwards and for another question Redis is asked."""
        remembering = OnlineFeatures(redis, VIEW, clock, memory_s=0.2)
        await redis.config_resetstat()
        for _ in range(100):
            await remembering.read(["class:1"])
        await remembering.read(["class:2"])
        assert (await calls(redis))["mget"] == 2

        await online.publish({"class:1": {"class:1@3607": [4.0, 20.0]}}, replace(TAKEN_IN, seq=42))
        before = await remembering.read(["class:1"])
        clock.advance(seconds=0.2)
        after = await remembering.read(["class:1"])

        assert before.taken_in is not None
        assert after.taken_in is not None
        assert (before.taken_in.seq, after.taken_in.seq, after.values["class:1@3607"]) == (41, 42, (4.0, 20.0))

    async def test_what_is_remembered_ages(self, redis: Redis, online: OnlineFeatures, clock: FixedClock) -> None:
        """Memory never makes a value younger than it is."""
        remembering = OnlineFeatures(redis, VIEW, clock, memory_s=3_600)
        assert (await remembering.read(["class:1"])).state == "FRESH"
        clock.advance(minutes=16)

        assert (await remembering.read(["class:1"])).state == "STALE"

    async def test_its_own_publishing_is_seen_at_once(self, redis: Redis, clock: FixedClock) -> None:
        """Who publishes and reads does not read what it has replaced."""
        remembering = OnlineFeatures(redis, VIEW, clock, memory_s=0.2)
        await remembering.publish(PACKS, TAKEN_IN)
        await remembering.read(["class:1"])
        await remembering.touch(replace(TAKEN_IN, seq=42))
        assert (await remembering.read(["class:1"])).taken_in == replace(TAKEN_IN, seq=42)
        await remembering.publish(PACKS, replace(TAKEN_IN, seq=43))
        assert (await remembering.read(["class:1"])).taken_in == replace(TAKEN_IN, seq=43)


numbers = st.none() | st.floats(-999_999_999, 999_999_999) | st.integers(-5, 5).map(float)


class TestBytes:
    @given(st.dictionaries(st.text(max_size=5), st.tuples(numbers, numbers), max_size=4))
    def test_values_come_back_as_they_are_kept(self, values: dict[str, tuple[float | None, float | None]]) -> None:
        """What is served is the very number that the history keeps: rounded once, then never changed again."""
        found = unpacked(VIEW, pack(VIEW, values))

        assert found == {name: tuple(None if v is None else round(v, 6) for v in row) for name, row in values.items()}
        assert pack(VIEW, found) == pack(VIEW, values)

    @given(st.datetimes(), st.integers(0, 2**40), st.datetimes(timezones=st.just(UTC)))
    def test_what_was_taken_in_comes_back(self, moment: datetime, seq: int, at: datetime) -> None:
        """Number and times, to the microsecond."""
        taken_in = TakenIn(seq, moment, at, at)

        assert heard(told(taken_in)) == taken_in

    @given(
        st.binary(max_size=60)
        | st.recursive(st.none() | st.integers() | st.text(), st.lists, max_leaves=5).map(str).map(str.encode)
    )
    def test_bytes_of_any_kind_are_no_fault(self, content: bytes) -> None:
        """Whatever lies in Redis is read or refused in one of the ways that the reader expects."""
        for read in (lambda: unpacked(VIEW, content), lambda: heard(content)):
            try:
                read()
            except UNREADABLE:
                continue


class TestParity:
    async def test_served_and_kept_are_the_same_numbers(self, redis_url: str, tmp_path: Path) -> None:
        """What Redis serves and what the history says of the same moment are equal, bit by bit."""
        redis, engine = open_redis(redis_url), open_engine(f"sqlite:///{tmp_path}/store.db")
        await ensure_schema(engine)
        values = {f"class:1@{store}": [store / 7, None if store % 3 else store * 31_415.926_535_89] for store in range(50)}
        online = OnlineFeatures(redis, VIEW, Clock())
        await online.publish({"class:1": values}, replace(TAKEN_IN, checked_at=Clock().now()))
        async with transaction(engine) as connection:
            await history.append(connection, VIEW, values, NOON)
            kept = await history.as_of(connection, VIEW, values, NOON)

        assert (await online.read(["class:1"])).values == kept
        await redis.aclose()
        await engine.dispose()
