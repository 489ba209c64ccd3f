"""Live accuracy: what the ledger adds up to is what adding up by hand gives."""

from dataclasses import replace
from datetime import date, timedelta
from math import ceil, sqrt
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledgerlife import ONE, week
from sqlalchemy import delete, insert
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.ledger import Outcome, Prediction, Target, analytics_predictions, score, write_outcomes
from rfid3_shared.ledger.live import LiveAccuracy, LiveErrors, live_accuracy, weekly_scores
from rfid3_shared.ledger.scoring import score_of
from rfid3_shared.ledger.tables import prediction_outcomes

DAY = ONE.prediction_date
SHOWING = st.tuples(
    st.integers(0, 2), st.integers(0, 3), st.sampled_from([1, 6, 7, 8, 14, 21]), st.sampled_from([0.0, 0.8, 0.95]),
    st.sampled_from(["v1", "v2"]), st.sampled_from(["shown", "shadow"]), st.integers(0, 40), st.booleans(),
)  # fmt: skip
OUTCOMES = st.dictionaries(st.tuples(st.integers(0, 2), st.integers(0, 3)), st.integers(0, 30), max_size=12)


class Silent:
    """Progress that nobody watches."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Say nothing."""


def shown(number: int, values: tuple[Any, ...]) -> Prediction:
    item, monday, horizon, level, version, role, predicted, bounded = values
    return replace(
        week(monday), target_item_id=f"class {item}", horizon_days=horizon, interval_level=level, model_version=version, role=role,
        predicted_value=float(predicted), confidence_lower=predicted - 3.5 if bounded else None, confidence_upper=predicted + 7.25,
        model_type=f"model {number}",
    )  # fmt: skip


def happened(item: str, day: date, actual: float) -> Outcome:
    return Outcome(Target(item, ONE.target_category, ONE.store, day), actual)


async def keep(engine: AsyncEngine, rows: list[Prediction], outcomes: list[Outcome]) -> None:
    """The ledger holds these rows, in this order, and nothing else; those with outcomes are scored."""
    async with transaction(engine) as connection:
        for table in (analytics_predictions, prediction_outcomes):
            await connection.execute(delete(table))
        if rows:
            await connection.execute(insert(analytics_predictions), [row.as_row() for row in rows])
        await write_outcomes(connection, "demand", outcomes, Clock())
    await score(engine, "demand", Clock(), Silent())


async def live(engine: AsyncEngine, **asked: Any) -> LiveAccuracy:
    async with transaction(engine) as connection:
        return await live_accuracy(connection, "demand", **{"since": date(2020, 1, 1), **asked})


def check(found: LiveErrors, pairs: list[tuple[Prediction, float]]) -> None:
    """Whether errors are those of (prediction, outcome) pairs, by hand."""
    errors = [row.predicted_value - actual for row, actual in pairs]
    busy = [(error, actual) for error, (_, actual) in zip(errors, pairs, strict=True) if actual > 0]
    scores = [
        score_of(row.predicted_value, actual, lower=row.confidence_lower, upper=row.confidence_upper, level=row.interval_level)
        for row, actual in pairs
    ]
    losses = [one.pinball_loss for one in scores if one.pinball_loss is not None]
    amount, targets = sum(actual for _, actual in pairs), {(row.target_item_id, row.prediction_date) for row, _ in pairs}
    assert (found.predictions, found.targets) == (len(pairs), len(targets))
    assert found.weeks == len({row.prediction_date for row, _ in pairs})
    by_hand = {
        "mae": sum(map(abs, errors)) / len(errors) if errors else None,
        "rmse": sqrt(sum(error**2 for error in errors) / len(errors)) if errors else None,
        "bias": sum(errors) / len(errors) if errors else None,
        "mape": 100 * sum(abs(error) / actual for error, actual in busy) / len(busy) if busy else None,
        "wape": sum(map(abs, errors)) / amount if amount else None,
        "pinball": sum(losses) / len(losses) if losses else None,
    }
    for name, value in by_hand.items():
        assert getattr(found, name) == pytest.approx(value, abs=1e-4), name
    inside: dict[float, list[bool]] = {}
    for (row, _), one in zip(pairs, scores, strict=True):
        if one.inside_interval is not None:
            inside.setdefault(row.interval_level, []).append(one.inside_interval)
    assert [(part.level, part.predictions, part.inside) for part in found.coverage] == [
        (level, len(held), sum(held)) for level, held in sorted(inside.items())
    ]


def latest(pairs: list[tuple[Prediction, float]]) -> list[tuple[Prediction, float]]:
    """For each target the shortest horizon, among equals the first recorded."""
    best: dict[tuple[str, date], tuple[Prediction, float]] = {}
    for row, actual in pairs:
        target = (row.target_item_id, row.prediction_date)
        if target not in best or row.horizon_days < best[target][0].horizon_days:
            best[target] = (row, actual)
    return list(best.values())


class TestLiveAccuracy:
    @given(given=st.lists(SHOWING, max_size=25), outcomes=OUTCOMES)
    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    async def test_adds_up_as_by_hand(
        self, engine: AsyncEngine, given: list[tuple[Any, ...]], outcomes: dict[tuple[int, int], int]
    ) -> None:
        """Every showing, the latest of each target, each horizon and each filter: all equal sums over the rows themselves."""
        rows = [shown(number, values) for number, values in enumerate(given)]
        truth = {(f"class {item}", DAY + timedelta(weeks=number)): float(value) for (item, number), value in outcomes.items()}
        await keep(
            engine,
            rows,
            [Outcome(Target(item, ONE.target_category, ONE.store, day), value) for (item, day), value in truth.items()],
        )
        pairs = [
            (row, truth[row.target_item_id, row.prediction_date]) for row in rows
            if row.role == "shown" and (row.target_item_id, row.prediction_date) in truth
        ]  # fmt: skip

        found = await live(engine, by_horizon=True)
        check(found, pairs)
        check(found.latest, latest(pairs))
        ahead = {ceil(row.horizon_days / 7) for row, _ in pairs}
        assert list(found.by_horizon_weeks) == sorted(ahead)
        for weeks, errors in found.by_horizon_weeks.items():
            check(errors, [(row, actual) for row, actual in pairs if ceil(row.horizon_days / 7) == weeks])
        assert found.waiting == sum(row.role == "shown" for row in rows) - len(pairs)
        days = [row.prediction_date for row, _ in pairs]
        assert (found.first_day, found.last_day) == ((min(days), max(days)) if days else (None, None))
        assert (found.last_scored_at is None) is (not days)

        check(await live(engine, target_item_id="class 1"), [pair for pair in pairs if pair[0].target_item_id == "class 1"])
        check(await live(engine, level=0.8), [pair for pair in pairs if pair[0].interval_level == 0.8])
        check(await live(engine, model_version="v2"), [pair for pair in pairs if pair[0].model_version == "v2"])
        second = DAY + timedelta(weeks=1)
        check(await live(engine, since=second, until=second), [pair for pair in pairs if pair[0].prediction_date == second])

    async def test_an_empty_name_is_asked_for_too(self, engine: AsyncEngine) -> None:
        """Everything is the target with no item: asking for it leaves out the items, asking for nothing does not."""
        await keep(engine, [week(0), week(0, target_item_id="c")], [
            happened("", DAY, 12.0), happened("c", DAY, 1.0),
        ])  # fmt: skip

        assert (await live(engine, target_item_id="")).bias == pytest.approx(0.3456)
        assert (await live(engine)).predictions == 2

    async def test_without_scored_rows_nothing_is_claimed(self, engine: AsyncEngine) -> None:
        """No rows, no figures: None, not 0 and not a perfect score."""
        await keep(engine, [week(0)], [])
        found = await live(engine, by_horizon=True)

        assert (found.predictions, found.waiting, found.mae, found.wape, found.coverage) == (0, 1, None, None, ())
        assert (found.latest.predictions, found.by_horizon_weeks, found.last_scored_at) == (0, {}, None)

    async def test_a_restated_row_waits_instead_of_counting_wrongly(self, engine: AsyncEngine) -> None:
        """Between a restated outcome and its new score a row counts as waiting, not with the error of the old value."""
        target = Target("", ONE.target_category, ONE.store, DAY)
        await keep(engine, [week(0)], [Outcome(target, 10.0)])
        async with transaction(engine) as connection:
            await write_outcomes(connection, "demand", [Outcome(target, 11.0)], Clock())
        between = await live(engine)
        await score(engine, "demand", Clock(), Silent())
        after = await live(engine)

        assert (between.predictions, between.waiting) == (0, 1)
        assert (after.predictions, after.waiting, after.bias) == (1, 0, pytest.approx(1.3456))


class TestWeeklyScores:
    @given(given=st.lists(SHOWING, max_size=25), outcomes=OUTCOMES, role=st.sampled_from(["shown", "shadow"]))
    @settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
    async def test_one_prediction_a_target_counts(
        self, engine: AsyncEngine, given: list[tuple[Any, ...]], outcomes: dict[tuple[int, int], int], role: str
    ) -> None:
        """Sums by week over the latest prediction of each target, so that a week shown often weighs no more."""
        rows = [shown(number, values) for number, values in enumerate(given)]
        truth = {(f"class {item}", DAY + timedelta(weeks=number)): float(value) for (item, number), value in outcomes.items()}
        await keep(
            engine,
            rows,
            [Outcome(Target(item, ONE.target_category, ONE.store, day), value) for (item, day), value in truth.items()],
        )
        since = DAY + timedelta(weeks=1)
        pairs = latest([
            (row, truth[row.target_item_id, row.prediction_date]) for row in rows
            if row.role == role and row.prediction_date >= since and (row.target_item_id, row.prediction_date) in truth
        ])  # fmt: skip
        async with transaction(engine) as connection:
            found = await weekly_scores(connection, "demand", since=since, role=role)

        assert [one.day for one in found] == sorted({row.prediction_date for row, _ in pairs})
        for one in found:
            its = [(row, actual) for row, actual in pairs if row.prediction_date == one.day]
            levels = [row.interval_level for row, _ in its if row.interval_level and row.confidence_lower is not None]
            held = [row.confidence_lower <= actual <= row.confidence_upper for row, actual in its  # type: ignore[operator]
                    if row.interval_level and row.confidence_lower is not None]  # fmt: skip
            assert (one.predictions, one.actual) == (len(its), sum(actual for _, actual in its))
            assert one.absolute_error == pytest.approx(sum(abs(row.predicted_value - actual) for row, actual in its))
            assert (one.inside, one.with_interval) == (sum(held), len(levels))
            assert one.level == pytest.approx(sum(levels) / len(levels) if levels else 0.0, abs=1e-4)

    async def test_other_models_can_be_left_out(self, engine: AsyncEngine) -> None:
        """A caller who asks for the naive forecast by name must not raise an alarm about the champion."""
        target = Target("", ONE.target_category, ONE.store, DAY)
        await keep(
            engine,
            [week(0, predicted_value=11.0), week(0, predicted_value=99.0, model_type="average")],
            [Outcome(target, 10.0)],
        )
        async with transaction(engine) as connection:
            (found,) = await weekly_scores(connection, "demand", since=DAY, model_type="ensemble")

        assert found.absolute_error == 1.0
