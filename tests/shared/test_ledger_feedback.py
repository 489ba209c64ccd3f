"""Feedback: kept for ever beside its prediction, refused with a reason when it says nothing."""

from datetime import UTC, datetime

import pytest
from ledgerlife import ONE, week
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock, FixedClock
from rfid3_shared.db import transaction
from rfid3_shared.errors import InvalidParameters, NotFound
from rfid3_shared.ledger import Outcome, Prediction, Target, analytics_predictions, score, write_outcomes
from rfid3_shared.ledger.feedback import Feedback, count_feedback, give_feedback, list_feedback
from rfid3_shared.ledger.lookup import count_predictions, get_prediction, list_predictions

CLOCK = FixedClock(datetime(2026, 3, 20, 9, 30, tzinfo=UTC))


class Silent:
    """Progress that nobody watches."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Say nothing."""


@pytest.fixture
async def recorded(engine: AsyncEngine) -> Prediction:
    async with transaction(engine) as connection:
        await connection.execute(insert(analytics_predictions), [week(number).as_row() for number in range(3)])
    return ONE


async def give(engine: AsyncEngine, prediction_id: str = ONE.id, **given: object) -> Feedback:
    async with transaction(engine) as connection:
        return await give_feedback(connection, prediction_id, **{"reason": "", "given_by": "key-1", "clock": CLOCK, **given})  # type: ignore[arg-type]


class TestGiveFeedback:
    async def test_every_opinion_is_kept_and_the_latest_counts(self, engine: AsyncEngine, recorded: Prediction) -> None:
        """Rating again adds a row; the prediction carries the last rating; an override is no rating."""
        await give(engine, rating=2)
        await give(engine, rating=5, reason="  it came true  ")
        await give(engine, override_value=30.123456, reason="a wedding was booked", given_by="key-2")

        async with transaction(engine) as connection:
            found = await list_feedback(connection, prediction_id=ONE.id)
            ratings = (await connection.execute(select(analytics_predictions.c.feedback_rating))).scalars().all()
            assert await count_feedback(connection, prediction_id=ONE.id) == await count_feedback(connection) == 3
            assert await list_feedback(connection, prediction_id=week(1).id) == []
            assert await list_feedback(connection, limit=1, offset=1) == found[1:2]
        assert [(one.rating, one.override_value, one.reason, one.given_by) for one in found] == [
            (None, 30.1235, "a wedding was booked", "key-2"), (5, None, "it came true", "key-1"), (2, None, "", "key-1"),
        ]  # fmt: skip
        assert {one.created_at for one in found} == {CLOCK.now()}
        assert ratings == [5, None, None]

    async def test_what_was_given_is_what_is_listed(self, engine: AsyncEngine, recorded: Prediction) -> None:
        """The answer to whoever gave it is the row."""
        given = await give(engine, rating=4, override_value=2.5, reason="both")

        async with transaction(engine) as connection:
            assert await list_feedback(connection) == [given]
        assert given.as_dict()["created_at"] == "2026-03-20T09:30:00.000Z"

    async def test_an_unknown_id_says_that_it_may_be_too_new(self, engine: AsyncEngine, recorded: Prediction) -> None:
        """Predictions are written a second after their answer: the caller is told to try again, and nothing is kept."""
        with pytest.raises(NotFound, match="try again"):
            await give(engine, "0" * 32, rating=3)

        async with transaction(engine) as connection:
            assert await count_feedback(connection) == 0

    @pytest.mark.parametrize(
        ("given", "parameter"),
        [
            ({}, "rating"), ({"rating": 0}, "rating"), ({"rating": 6}, "rating"), ({"override_value": 3.0}, "reason"),
            ({"override_value": 3.0, "reason": "   "}, "reason"), ({"override_value": float("nan"), "reason": "x"}, "override_value"),
            ({"override_value": 1e300, "reason": "x"}, "override_value"), ({"rating": 3, "reason": "x" * 501}, "reason"),
        ],
    )  # fmt: skip
    async def test_what_says_nothing_is_refused(
        self, engine: AsyncEngine, recorded: Prediction, given: dict[str, object], parameter: str
    ) -> None:
        """Neither rating nor override, a rating off the scale, an override without a reason or that is no number."""
        with pytest.raises(InvalidParameters) as refused:
            await give(engine, **given)

        assert refused.value.details["parameter"] == parameter


class TestLookup:
    async def test_a_prediction_comes_with_what_became_of_it(self, engine: AsyncEngine, recorded: Prediction) -> None:
        """Before the outcome neither outcome nor score; then both; after a restated outcome no old score."""
        target = Target("", ONE.target_category, ONE.store, ONE.prediction_date)

        async def seen() -> dict[str, object]:
            async with transaction(engine) as connection:
                return (await get_prediction(connection, ONE.id)).as_dict()

        async def happens(value: float) -> None:
            async with transaction(engine) as connection:
                await write_outcomes(connection, "demand", [Outcome(target, value)], CLOCK)

        before = await seen()
        await happens(10.0)
        await score(engine, "demand", CLOCK, Silent())
        scored = await seen()
        await happens(11.0)
        restated = await seen()

        assert (before["outcome"], before["score"], before["predicted_value"]) == (None, None, 12.3456)
        assert before["prediction_date"] == "2026-03-09"
        assert scored["outcome"] == {"actual_value": 10.0, "known_at": "2026-03-20T09:30:00.000Z", "restated": 0}
        found = scored["score"]
        assert isinstance(found, dict)
        assert found == {
            "error": 2.3456, "inside_interval": True, "validated_at": "2026-03-20T09:30:00.000Z",
            "accuracy_score": pytest.approx(0.81, abs=1e-4), "pinball_loss": pytest.approx(0.475),
        }  # fmt: skip
        assert (restated["outcome"], restated["score"]) == ({**scored["outcome"], "actual_value": 11.0, "restated": 1}, None)  # type: ignore[dict-item]

    async def test_filters_and_pages(self, engine: AsyncEngine, recorded: Prediction) -> None:
        """Newest first; each filter leaves only what has the property; a page is a part of the whole."""
        others = [
            week(4, target_item_id="c1", target_category="", store="3607"),
            week(5, role="shadow"),
            week(6, prediction_type="pricing"),
        ]
        async with transaction(engine) as connection:
            await connection.execute(insert(analytics_predictions), [row.as_row() for row in others])
            await write_outcomes(
                connection, "demand", [Outcome(Target("", ONE.target_category, ONE.store, ONE.prediction_date), 1.0)], Clock()
            )
        await score(engine, "demand", CLOCK, Silent())

        async def ids(**wanted: object) -> list[str]:
            async with transaction(engine) as connection:
                found = await list_predictions(connection, **wanted)  # type: ignore[arg-type]
                counted = {name: value for name, value in wanted.items() if name not in ("limit", "offset")}
                assert "limit" in wanted or await count_predictions(connection, **counted) == len(found)
                return [row.prediction_id for row in found]

        every = [row.id for row in (others[2], others[1], others[0], week(2), week(1), week(0))]
        assert await ids() == every
        assert await ids(limit=2, offset=1) == every[1:3]
        assert await ids(prediction_type="pricing") == [others[2].id]
        assert await ids(item="c1") == await ids(store="3607") == await ids(category="") == [others[0].id]
        assert await ids(role="shadow") == [others[1].id]
        assert await ids(scored=True) == [ONE.id]
        assert await ids(scored=False, until=week(2).prediction_date) == [week(2).id, week(1).id]
        assert await ids(since=week(5).prediction_date) == every[:2]

    async def test_an_unknown_prediction_is_not_found(self, engine: AsyncEngine) -> None:
        """Nothing is made up for an id that is not recorded."""
        async with transaction(engine) as connection:
            with pytest.raises(NotFound):
                await get_prediction(connection, "x")
