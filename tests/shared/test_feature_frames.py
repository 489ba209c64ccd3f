"""Does a training frame hold what would have been served at each moment, and nothing that was not known then?"""

import asyncio
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import transaction
from rfid3_shared.feature_store import history
from rfid3_shared.feature_store.compute import Facts, compute
from rfid3_shared.feature_store.definition import FeatureDefinition, FeatureView, Measure, Past, Window
from rfid3_shared.feature_store.frames import frame
from rfid3_shared.feature_store.online import OnlineFeatures, TakenIn
from rfid3_shared.resources import open_redis

ZONE = ZoneInfo("America/Chicago")
MONDAY = datetime(2026, 3, 2)
SCHEMA = {"entity": pl.String, "at": pl.Datetime("us")}


def feature(name: str, measure: Measure, window: Window, past: Past = "facts", facts: str = "scans") -> FeatureDefinition:
    return FeatureDefinition(name, "t", facts, measure, window, "units", timedelta(minutes=15), "scans", "", past=past)


VIEW = FeatureView(
    "mixed", (
        feature("left_week", "sum", Window.week_to_date()), feature("in_service", "latest", Window.always(), "kept", "fleet"),
        feature("left_day", "count", Window.rolling(days=1)), feature("last_left", "latest", Window.always()),
        feature("rest", "weeks_since", Window.always()), feature("left_4_weeks", "sum", Window.complete_weeks(4)),
    ),
)  # fmt: skip
ENTITIES = ["class:1@3607", "class:1@6800", "class:2@3607"]
times = st.integers(-40 * 48, 20 * 48).map(lambda halves: MONDAY + timedelta(minutes=30 * halves))
scans = st.lists(st.tuples(st.sampled_from(ENTITIES), times, st.sampled_from([1.0, 2.0, 0.25, 1 / 3])), max_size=25)


def as_facts(rows: list[tuple[str, datetime, float]]) -> Facts:
    return Facts(
        np.array([entity for entity, _, _ in rows], dtype="U16"), np.array([at for _, at, _ in rows], "datetime64[s]"),
        np.array([amount for _, _, amount in rows], float),
    )  # fmt: skip


def asked(*rows: tuple[str, datetime]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), SCHEMA, orient="row")


NOTHING = {"scans": as_facts([]), "fleet": as_facts([])}


class TestParity:
    @given(scans, st.lists(st.tuples(st.sampled_from(ENTITIES), times), max_size=6))
    def test_training_and_serving_agree(
        self, redis_port: int, rows: list[tuple[str, datetime, float]], moments: list[tuple[str, datetime]]
    ) -> None:
        """What the frame says of a moment is what Redis served at it, published from the facts that were known by then."""
        found = frame(VIEW, {"scans": as_facts(rows)}, asked(*moments), [], ZONE)

        async def served() -> list[tuple[float | None, ...]]:
            redis, clock = open_redis(f"redis://127.0.0.1:{redis_port}/0"), FixedClock(datetime(2026, 3, 2, 12, tzinfo=UTC))
            online, said = OnlineFeatures(redis, VIEW, clock), []
            for entity, at in moments:
                known = {"scans": as_facts([row for row in rows if row[1] <= at]), "fleet": as_facts([])}
                values = compute(VIEW, known, ENTITIES, np.array([at], "datetime64[s]"))[:, 0]
                await online.publish(
                    {"class:1": dict(zip(ENTITIES, values, strict=True))}, TakenIn(1, at, clock.now(), clock.now())
                )
                said.append((await online.read(["class:1"])).values[entity])
            await redis.aclose()
            return said

        assert found.select("entity", "at").rows() == moments
        assert found.select(VIEW.names).rows() == asyncio.run(served())


class TestKept:
    async def test_is_what_the_store_knew_then(self, engine: AsyncEngine) -> None:
        """Null before the store knew a value and while it did not know it any more; each value from when it became known."""
        view = FeatureView("kept", (VIEW.features[1],))
        first, lost, again = (datetime(2026, 3, day, 18, tzinfo=UTC) for day in (2, 4, 6))  # noon in Chicago
        second = timedelta(seconds=1)
        async with transaction(engine) as connection:
            for at, value in ((first, 20.0), (lost, None), (again, 22.0)):
                await history.append(connection, view, {"class:1@3607": [value], "class:2@3607": [7.0]}, at)

            changes = await history.changes(connection, VIEW, again, ["class:1@3607"])
            before = await history.changes(connection, VIEW, again - second)
        noons = [datetime(2026, 3, day, 12) for day in (2, 4, 6)]
        moments = [at + step for at in noons for step in (-second, timedelta(0))]

        found = frame(VIEW, NOTHING, asked(*(("class:1@3607", at) for at in reversed(moments))), changes, ZONE)
        earlier = frame(VIEW, NOTHING, asked(("class:1@3607", moments[-1]), ("class:2@3607", noons[1])), before, ZONE)

        assert found["in_service"].to_list() == [22.0, None, None, 20.0, 20.0, None]
        assert earlier["in_service"].to_list() == [None, 7.0]

    def test_of_an_hour_that_comes_twice_it_is_the_first(self) -> None:
        """On 1 November 2026 01:30 happens at 06:30 and at 07:30 UTC: what became known in between is not known yet."""
        changes = [("in_service", "e", datetime(2026, 11, 1, 6), 1.0), ("in_service", "e", datetime(2026, 11, 1, 7), 2.0)]

        found = frame(VIEW, NOTHING, asked(("e", datetime(2026, 11, 1, 1, 30)), ("e", datetime(2026, 11, 1, 2))), changes, ZONE)

        assert found["in_service"].to_list() == [1.0, 2.0]

    def test_an_hour_that_never_was_knows_nothing(self) -> None:
        """On 8 March 2026 there is no 02:30; nothing can have been asked then."""
        changes = [("in_service", "e", datetime(2026, 3, 1), 1.0)]

        assert frame(VIEW, NOTHING, asked(("e", datetime(2026, 3, 8, 2, 30))), changes, ZONE)["in_service"].to_list() == [None]


class TestFrame:
    def test_has_a_column_a_feature_in_the_views_order(self) -> None:
        """Entity, moment, then the features; no rows for no question, and the same columns."""
        empty = frame(VIEW, NOTHING, asked(), [], ZONE)

        assert empty.schema == pl.Schema({**SCHEMA, **dict.fromkeys(VIEW.names, pl.Float64)})

    def test_nothing_happened_is_no_null(self) -> None:
        """Counts and sums of nothing are 0, what was last is null."""
        (row,) = frame(VIEW, NOTHING, asked(("e", MONDAY)), [], ZONE).select(VIEW.names).rows()

        assert row == (0.0, None, 0.0, None, None, 0.0)

    def test_facts_must_be_given(self) -> None:
        """A frame without the scans would teach that nothing ever left."""
        with pytest.raises(KeyError, match="scans"):
            frame(VIEW, {}, asked(("e", MONDAY)), [], ZONE)
