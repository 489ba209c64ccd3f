"""Feature values: each once, and the old ones go, on both databases."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import transaction
from rfid3_shared.feature_store import FeatureValue, prune, write_features
from rfid3_shared.feature_store.tables import ml_feature_store as stored

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
ONE = FeatureValue(
    "units_week", "demand", "class:61825", 12.5, NOON - timedelta(hours=1), "id_transactions", "weekly departures"
)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


async def written(engine: AsyncEngine, clock: FixedClock, *rows: FeatureValue) -> int:
    async with transaction(engine) as connection:
        return await write_features(connection, rows, clock)


async def kept(engine: AsyncEngine) -> list[Any]:
    async with transaction(engine) as connection:
        query = select(stored).order_by(stored.c.feature_timestamp, stored.c.feature_name, stored.c.target_entity)
        return list((await connection.execute(query)).mappings())


class TestWriteFeatures:
    async def test_keeps_every_fact(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """What was written is what the table holds, the moment in UTC."""
        await written(engine, clock, replace(ONE, is_real_time=True, quality_score=0.75))

        (row,) = await kept(engine)
        assert (row["feature_name"], row["feature_category"], row["target_entity"]) == ("units_week", "demand", "class:61825")
        assert (row["feature_value"], row["quality_score"], row["is_real_time"]) == (12.5, 0.75, True)
        assert (row["data_source"], row["computation_method"]) == ("id_transactions", "weekly departures")
        assert row["feature_timestamp"] == (NOON - timedelta(hours=1)).replace(tzinfo=None)
        assert row["created_at"] == NOON.replace(tzinfo=None)

    async def test_only_what_changed_is_written(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """The same values again change nothing; a new value replaces the old one of its moment."""
        rows = [replace(ONE, target_entity=f"class:{k}", feature_value=k / 3) for k in range(5)]
        first = await written(engine, clock, *rows)
        clock.advance(minutes=5)

        again = await written(engine, clock, *rows)
        changed = await written(
            engine, clock, *rows[:3], replace(rows[3], feature_value=9), replace(rows[4], quality_score=0.5)
        )

        assert (first, again, changed) == (5, 0, 2)
        table = await kept(engine)
        assert [row["feature_value"] for row in table] == [0, 0.333333, 0.666667, 9, 1.333333]
        assert [row["created_at"].minute for row in table] == [0, 0, 0, 5, 5]

    async def test_each_moment_is_a_row(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """History stays: another moment is another row, also where moments differ by a microsecond."""
        rows = [replace(ONE, feature_timestamp=NOON - timedelta(microseconds=k)) for k in range(1_200)]

        assert await written(engine, clock, *rows) == 1_200
        assert await written(engine, clock, *rows) == 0

    async def test_of_two_rows_for_the_same_the_last_counts(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """A batch may name the same feature, entity and moment twice."""
        assert await written(engine, clock, ONE, replace(ONE, feature_value=1)) == 1

        assert [row["feature_value"] for row in await kept(engine)] == [1]

    async def test_nothing_to_write(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """An empty batch is no statement."""
        assert await written(engine, clock) == 0

    @pytest.mark.parametrize(
        "row",
        [
            replace(ONE, feature_value=float("nan")),
            replace(ONE, feature_value=1e9),
            replace(ONE, feature_timestamp=datetime(2026, 1, 1)),
        ],
    )
    async def test_refuses_what_the_table_would_bend(self, engine: AsyncEngine, clock: FixedClock, row: FeatureValue) -> None:
        """No number, too large a one, or a moment without zone: nothing of the batch is written."""
        with pytest.raises(ValueError, match=r"units_week of class:61825"):
            await written(engine, clock, replace(ONE, feature_value=1), row)

        assert await kept(engine) == []


class TestPrune:
    async def test_deletes_what_is_older(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Rows older than the days given go but for the newest of them, which still holds; others stay."""
        await written(engine, clock, *(replace(ONE, feature_timestamp=NOON - k * DAY) for k in range(10)))

        async with transaction(engine) as connection:
            gone = await prune(connection, clock, older_than_days=4)
            left = (await connection.execute(select(func.count()).select_from(stored))).scalar_one()

        assert (gone, left) == (4, 6)
