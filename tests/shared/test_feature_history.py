"""What was known when: values kept as they change, and read back as of any moment, on both databases."""

import asyncio
import math
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import store_metadata, transaction
from rfid3_shared.feature_store import FeatureValue, history, prune, write_features
from rfid3_shared.feature_store.definition import FeatureDefinition, FeatureView, Window
from rfid3_shared.feature_store.tables import ml_feature_store as stored

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def feature(name: str) -> FeatureDefinition:
    return FeatureDefinition(
        name, "demand", "scans", "sum", Window.week_to_date(), "units", 15 * timedelta(minutes=1), "scans", ""
    )


VIEW = FeatureView("small", (feature("left"), feature("back")))
Step = tuple[int, dict[str, list[float | None]]]
"""Hours since the step before, and the values found then."""
rows = st.lists(st.none() | st.sampled_from([0.0, 1.0, -2.5, 1 / 3, math.nan]), min_size=2, max_size=2)
steps = st.lists(st.tuples(st.integers(0, 2), st.dictionaries(st.sampled_from(["a", "b", "c"]), rows, max_size=3)), max_size=8)


def replayed(sequence: list[Step], at: datetime) -> dict[str, tuple[float | None, ...]]:
    """Brute force: the values said last of each entity at or before the moment."""
    said: dict[str, tuple[float | None, ...]] = {}
    moment = NOON
    for hours, values in sequence:
        moment += hours * HOUR
        if moment <= at:
            for entity, row in values.items():
                said[entity] = tuple(None if v is None or math.isnan(v) else round(v, 6) for v in row)
    return said


def something(found: dict[str, tuple[float | None, ...]]) -> dict[str, tuple[float | None, ...]]:
    """Without the entities of which nothing is known."""
    return {entity: row for entity, row in found.items() if any(value is not None for value in row)}


async def play(connection: AsyncConnection, sequence: list[Step], remember: bool) -> int:
    """Append step by step, asking the store each time or remembering what was kept; how many rows."""
    known: dict[str, Any] | None = dict(await history.newest(connection, VIEW)) if remember else None
    moment, count = NOON, 0
    for hours, values in sequence:
        moment += hours * HOUR
        count += await history.append(connection, VIEW, values, moment, known)
        if known is not None:
            known |= {
                entity: tuple(None if v is None or math.isnan(v) else round(v, 6) for v in row)
                for entity, row in values.items()
            }
    return count


async def table(connection: AsyncConnection) -> list[tuple[Any, ...]]:
    columns = [column for column in stored.c if column.name != "id"]
    query = select(*columns).order_by(stored.c.feature_name, stored.c.target_entity, stored.c.feature_timestamp)
    return [tuple(row) for row in await connection.execute(query)]


async def on_a_new_store(work: Callable[[AsyncConnection], Coroutine[Any, Any, None]]) -> None:
    """Run it on an empty SQLite store in memory."""
    engine = create_async_engine("sqlite+aiosqlite://")
    async with engine.connect() as connection:
        await connection.run_sync(lambda sync: store_metadata.create_all(sync, tables=[stored]))
        await work(connection)
    await engine.dispose()


class TestAsOf:
    @given(steps, st.booleans())
    def test_is_what_had_been_said_until_then(self, sequence: list[Step], remember: bool) -> None:
        """After any sequence of appends, every moment reads as if the sequence had been replayed up to it."""

        async def work(connection: AsyncConnection) -> None:
            await play(connection, sequence, remember)
            last = NOON + sum(hours for hours, _ in sequence) * HOUR
            at = NOON - HOUR
            while at <= last + HOUR:
                found = await history.as_of(connection, VIEW, ["a", "b", "c", "never"], at)
                assert something(found) == something(replayed(sequence, at))
                at += HOUR / 2
            assert something(await history.newest(connection, VIEW)) == something(replayed(sequence, last))

        asyncio.run(on_a_new_store(work))

    async def test_on_each_database(self, engine: AsyncEngine) -> None:
        """A sequence with a change, a repetition, a loss and a return reads back right at every step."""
        sequence: list[Step] = [
            (0, {"a": [1.0, None], "b": [2.0, 0.0]}), (1, {"a": [1.0, 3.0]}), (0, {"b": [None, 0.0]}),
            (2, {"b": [2.0, 0.0], "a": [0.0, 3.0]}),
        ]  # fmt: skip
        async with transaction(engine) as connection:
            count = await play(connection, sequence, remember=False)

            for half_hours in range(-1, 9):
                at = NOON + half_hours * HOUR / 2
                assert await history.as_of(connection, VIEW, ["a", "b"], at) == replayed(sequence, at)
        assert count == 7

    async def test_numbers_come_back_as_they_are_served(self, engine: AsyncEngine) -> None:
        """Every value comes back as the number it was rounded to, digit by digit, large ones and small ones."""
        values = {f"e{at}": [sign * (at * 31_415_926.535897 + at / 7), 10.0**-at] for at in range(1, 30) for sign in (1, -1)}
        async with transaction(engine) as connection:
            await history.append(connection, VIEW, values, NOON)

            found = await history.as_of(connection, VIEW, values, NOON)

        assert found == {entity: tuple(round(value, 6) for value in row) for entity, row in values.items()}

    async def test_many_entities_are_asked_for_in_parts(self, engine: AsyncEngine) -> None:
        """More entities than a statement takes, and more than are asked for one by one: each with its own values."""
        values = {f"e{at}": [float(at), None] for at in range(history.MANY + 100)}
        async with transaction(engine) as connection:
            await history.append(connection, VIEW, values, NOON)
            values["e7"] = [0.5, None]

            assert await history.append(connection, VIEW, values, NOON + HOUR) == 1
            assert await history.as_of(connection, VIEW, values, NOON + HOUR) == {e: tuple(row) for e, row in values.items()}

    async def test_another_views_features_are_left_alone(self, engine: AsyncEngine) -> None:
        """What the weekly features of an entity say is no value of this view."""
        other = FeatureView("other", (feature("rain"),))
        async with transaction(engine) as connection:
            await history.append(connection, other, {"a": [1.0]}, NOON)

            assert await history.newest(connection, VIEW) == {}
            assert await history.newest(connection, other) == {"a": (1.0,)}


class TestAppend:
    @given(steps)
    def test_the_same_again_is_the_same_rows(self, sequence: list[Step]) -> None:
        """A step that is done twice, as after a crash between commit and answer, leaves the table as it is."""

        async def work(connection: AsyncConnection) -> None:
            moment = NOON
            for hours, values in sequence:
                moment += hours * HOUR
                await history.append(connection, VIEW, values, moment)
                before = await table(connection)
                assert await history.append(connection, VIEW, values, moment) == 0
                assert await table(connection) == before

        asyncio.run(on_a_new_store(work))

    async def test_a_row_says_what_it_rests_on(self, engine: AsyncEngine) -> None:
        """Each row names category, source, how it is computed, when it became known; what is not known has quality 0."""
        async with transaction(engine) as connection:
            await history.append(connection, VIEW, {"a": [1.5, 2.0]}, NOON)
            await history.append(connection, VIEW, {"a": [None, 2.0]}, NOON + HOUR)

            query = select(stored).where(stored.c.feature_name == "left").order_by(stored.c.feature_timestamp)
            first, second = (await connection.execute(query)).mappings().all()
        assert (first["feature_category"], first["data_source"]) == ("demand", "scans")
        assert first["computation_method"] == "sum of scans, week_to_date"
        assert (first["feature_value"], first["quality_score"], first["is_real_time"]) == (1.5, 1.0, True)
        assert (first["feature_timestamp"], second["feature_timestamp"]) == (datetime(2026, 3, 2, 12), datetime(2026, 3, 2, 13))
        assert (second["feature_value"], second["quality_score"]) == (0.0, 0.0)

    async def test_what_was_never_known_needs_no_row(self, engine: AsyncEngine) -> None:
        """Nothing is written of an entity of which nothing is known."""
        async with transaction(engine) as connection:
            assert await history.append(connection, VIEW, {"a": [None, math.nan]}, NOON) == 0

    @pytest.mark.parametrize("row", [[1.0], [1.0, 2.0, 3.0], [1.0, math.inf], [1.0, 1e9]])
    async def test_refuses_what_does_not_fit(self, engine: AsyncEngine, row: list[float]) -> None:
        """Too few or too many values, one without end or too large: nothing is kept, not of the others either."""
        async with transaction(engine) as connection:
            with pytest.raises(ValueError, match=r"value"):
                await history.append(connection, VIEW, {"a": [1.0, 1.0], "b": row}, NOON)

            assert await table(connection) == []

    async def test_refuses_a_moment_without_zone(self, engine: AsyncEngine) -> None:
        """A naive time may be shop time."""
        async with transaction(engine) as connection:
            with pytest.raises(ValueError, match="zone"):
                await history.append(connection, VIEW, {"a": [1.0, 1.0]}, datetime(2026, 3, 2))
            with pytest.raises(ValueError, match="zone"):
                await history.as_of(connection, VIEW, ["a"], datetime(2026, 3, 2))


class TestPrune:
    @given(steps, st.integers(0, 10))
    def test_leaves_what_was_known_since(self, sequence: list[Step], hours: int) -> None:
        """What is read as of any moment after the cut is what was read before pruning."""

        async def work(connection: AsyncConnection) -> None:
            await play(connection, sequence, remember=False)
            moments = [NOON + hours * HOUR + later * HOUR / 2 for later in range(20)]
            before = [await history.as_of(connection, VIEW, "abc", at) for at in moments]
            await prune(connection, FixedClock(NOON + hours * HOUR), older_than_days=0)
            assert [await history.as_of(connection, VIEW, "abc", at) for at in moments] == before

        asyncio.run(on_a_new_store(work))

    async def test_keeps_one_row_of_each_pair_before_the_cut(self, engine: AsyncEngine) -> None:
        """Of the rows before the cut the newest of each feature and entity stays."""
        async with transaction(engine) as connection:
            for hour in range(6):
                await history.append(connection, VIEW, {"a": [float(hour), 1.0], "b": [7.0, -float(hour)]}, NOON + hour * HOUR)

            gone = await prune(connection, FixedClock(NOON + 4 * HOUR), older_than_days=0)

            counted = select(stored.c.target_entity, func.count()).group_by(stored.c.target_entity)
            left = sorted(tuple(row) for row in await connection.execute(counted))
        assert (gone, left) == (6, [("a", 4), ("b", 4)])


class TestNewest:
    async def test_a_value_that_is_no_longer_known_is_missing(self, engine: AsyncEngine) -> None:
        """A row of quality 0 is not read as a nought."""
        async with transaction(engine) as connection:
            await history.append(connection, VIEW, {"a": [1.0, 1.0]}, NOON)
            await history.append(connection, VIEW, {"a": [None, 1.0]}, NOON + HOUR)

            assert await history.newest(connection, VIEW) == {"a": (None, 1.0)}

    async def test_values_written_one_by_one_are_read_too(self, engine: AsyncEngine) -> None:
        """Both ways into the table lead to the same rows."""
        clock = FixedClock(NOON)
        async with transaction(engine) as connection:
            await write_features(connection, [FeatureValue("left", "demand", "a", 1 / 3, NOON, "scans", "by hand")], clock)

            assert await history.newest(connection, VIEW) == {"a": (0.333333, None)}
