"""Does a prediction that can have no outcome stop waiting, without counting as right or wrong?"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from ledgerlife import ONE, week
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.ledger import Outcome, Prediction, Target, analytics_predictions, score, targets_due, write_outcomes
from rfid3_shared.ledger.live import live_accuracy
from rfid3_shared.ledger.lookup import count_predictions, get_prediction
from rfid3_shared.ledger.void import write_off

DAY = ONE.prediction_date
LATER = DAY + timedelta(days=60)


class Silent:
    """Progress that nobody watches."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Say nothing."""


def of(item: str, monday: int = 0) -> Prediction:
    return replace(week(monday), target_item_id=item)


def lost(targets: Sequence[Target]) -> dict[Target, str]:
    return {one: "lost" for one in targets if one.target_item_id.startswith("lost")}


class TestWriteOff:
    async def test_what_is_lost_neither_waits_nor_counts(self, engine: AsyncEngine) -> None:
        """Rows without an outcome to come are closed once, by reason; those scored and those that may still be known are as they were."""
        rows = [of("known"), of("lost"), of("lost", 1), of("waits"), of("lost too late", 8)]
        async with transaction(engine) as connection:
            await connection.execute(insert(analytics_predictions), [row.as_row() for row in rows])
            await write_outcomes(
                connection, "demand", [Outcome(Target("known", ONE.target_category, ONE.store, DAY), 5.0)], Clock()
            )
        before = await score(engine, "demand", Clock(), Silent())

        found = await write_off(engine, "demand", lost, Clock(), before=DAY + timedelta(days=30))
        again = await write_off(engine, "demand", lost, Clock(), before=DAY + timedelta(days=30))

        after = await score(engine, "demand", Clock(), Silent())
        async with transaction(engine) as connection:
            live = await live_accuracy(connection, "demand", since=date(2020, 1, 1))
            shown = await get_prediction(connection, rows[1].id)
            due = await targets_due(connection, "demand", upto=LATER, restate_since=LATER)
            counted = {flag: await count_predictions(connection, scored=flag) for flag in (True, False)}
        assert (found, again) == ({"lost": 2}, {})
        assert (before.waiting, after.waiting, after.scored) == (4, 2, 0)
        assert (live.predictions, live.waiting) == (1, 2)
        assert (shown.actual_value, shown.error, shown.as_dict()["score"], shown.as_dict()["outcome"]) == (
            None,
            None,
            None,
            None,
        )
        assert shown.validated_at is not None
        assert {one.target_item_id for one in due} == {"waits", "lost too late"}
        assert counted == {True: 1, False: 2}
