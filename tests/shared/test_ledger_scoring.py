"""Holding predictions against outcomes: by the definitions, each once, whatever happens in the middle."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import date, timedelta
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ledgerlife import ONE, quick, stored, week
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.ledger import Outcome, Prediction, Scored, Target, analytics_predictions, score, targets_due, write_outcomes
from rfid3_shared.ledger.scoring import accuracy, pinball, score_of
from rfid3_shared.ledger.tables import prediction_outcomes

CLOCK = Clock()
DAY = ONE.prediction_date
HALF_A_DIGIT = 0.00005 + 1e-9
AMOUNT = st.integers(-200_000, 200_000).map(lambda units: Fraction(units, 10_000)) | st.integers(0, 30).map(Fraction)
LEVEL = st.integers(0, 9999).map(lambda units: Fraction(units, 10_000))
SCORES = ("actual_value", "error", "pinball_loss", "inside_interval", "accuracy_score", "validated_at")


class Heard:
    """Progress that is remembered."""

    def __init__(self) -> None:
        self.said: list[tuple[int, int]] = []

    def report(self, stage: str, done: int, total: int) -> None:
        self.said.append((done, total))


def of(prediction: Prediction) -> Target:
    return Target(prediction.target_item_id, prediction.target_category, prediction.store, prediction.prediction_date)


async def record(engine: AsyncEngine, *rows: Prediction) -> None:
    async with transaction(engine) as connection:
        await connection.execute(insert(analytics_predictions), [row.as_row() for row in rows])


async def happen(engine: AsyncEngine, *found: Outcome, kind: str = "demand") -> None:
    async with transaction(engine) as connection:
        await write_outcomes(connection, kind, found, CLOCK)


async def run(engine: AsyncEngine) -> Scored:
    return await score(engine, "demand", CLOCK, Heard())


async def ledger(engine: AsyncEngine) -> list[Any]:
    async with transaction(engine) as connection:
        query = select(analytics_predictions).order_by(analytics_predictions.c.id)
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def empty(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        for table in (analytics_predictions, prediction_outcomes):
            await connection.execute(delete(table))


class TestScoreOf:
    @given(quantile=AMOUNT, actual=AMOUNT, tau=st.integers(1, 99).map(lambda part: Fraction(part, 100)))
    def test_a_pinball_loss_is_nought_for_a_hit_and_above_it_else(
        self, quantile: Fraction, actual: Fraction, tau: Fraction
    ) -> None:
        """No loss is negative, and only a direct hit costs nothing."""
        loss = pinball(quantile, tau, actual)

        assert loss >= 0
        assert (loss == 0) is (quantile == actual)

    @given(sample=st.lists(AMOUNT, min_size=1, max_size=15), tau=st.integers(1, 9).map(lambda part: Fraction(part, 10)))
    def test_the_best_constant_is_the_quantile(self, sample: list[Fraction], tau: Fraction) -> None:
        """Over a sample the loss is least where a share tau of it lies at or below: what makes it a score of a quantile."""
        best = min(sample, key=lambda value: sum(pinball(value, tau, actual) for actual in sample))

        below, at_most = sum(actual < best for actual in sample), sum(actual <= best for actual in sample)
        assert below <= tau * len(sample) <= at_most

    @given(predicted=AMOUNT, actual=AMOUNT, lower=AMOUNT, upper=AMOUNT, level=LEVEL)
    def test_inside_means_between_the_ends(
        self, predicted: Fraction, actual: Fraction, lower: Fraction, upper: Fraction, level: Fraction
    ) -> None:
        """The ends belong to the interval; without an interval there is nothing to be inside of, and no loss."""
        found = score_of(predicted, actual, lower=lower, upper=upper, level=level)
        without = score_of(predicted, actual, lower=lower, level=level)

        assert found.inside_interval is (None if level == 0 else lower <= actual <= upper)
        assert (found.pinball_loss is None) is (level == 0)
        assert found.pinball_loss is None or found.pinball_loss >= 0
        assert (without.inside_interval, without.pinball_loss) == (None, None)

    @given(predicted=AMOUNT, actual=AMOUNT)
    def test_accuracy_is_one_for_a_hit(self, predicted: Fraction, actual: Fraction) -> None:
        """1 for a hit only, -1 at worst, at least 0 while signs agree, and the same whichever of the two is called predicted."""
        found = accuracy(predicted, actual)

        assert (found == 1) is (predicted == actual)
        assert -1 <= found <= 1
        assert found >= 0 or predicted * actual < 0
        assert found == accuracy(actual, predicted)


ROW = st.tuples(st.integers(0, 3), AMOUNT, st.none() | AMOUNT, st.none() | AMOUNT, LEVEL)


class TestScore:
    @given(rows=st.lists(ROW, min_size=1, max_size=30), actuals=st.lists(st.none() | AMOUNT, min_size=4, max_size=4))
    @settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
    async def test_every_row_is_scored_as_defined(
        self, engine: AsyncEngine, rows: list[tuple[Any, ...]], actuals: list[Fraction | None]
    ) -> None:
        """SQL and the definitions agree to the last decimal the table keeps, row by row, also where nothing is known."""
        await empty(engine)
        made = [
            week(0, target_item_id=f"c{target}", predicted_value=float(predicted), interval_level=float(level), request_id=str(k),
                 confidence_lower=low and float(low), confidence_upper=high and float(high), model_version=f"v{k}")
            for k, (target, predicted, low, high, level) in enumerate(rows)
        ]  # fmt: skip
        await record(engine, *made)
        await happen(
            engine, *(Outcome(of(week(0, target_item_id=f"c{k}")), float(a)) for k, a in enumerate(actuals) if a is not None)
        )
        found = await run(engine)

        known = 0
        for stored_row, (target, predicted, low, high, level) in zip(await ledger(engine), rows, strict=True):
            actual = actuals[target]
            if actual is None:
                assert [stored_row[name] for name in SCORES] == [None] * len(SCORES)
                continue
            known += 1
            by_hand = score_of(predicted, actual, lower=low, upper=high, level=level)
            for name in ("error", "pinball_loss", "accuracy_score"):
                exact, kept = getattr(by_hand, name), stored_row[name]
                assert (exact is None) is (kept is None)
                assert exact is None or abs(kept - exact) <= HALF_A_DIGIT, name
            assert stored_row["inside_interval"] is by_hand.inside_interval
            assert stored_row["actual_value"] == float(actual)
            assert stored_row["validated_at"] is not None
        assert found == Scored(known, 0, len(rows) - known)

    async def test_scoring_again_changes_nothing(self, engine: AsyncEngine) -> None:
        """A second run, and a third after the same outcomes came in again, leave every row as it is."""
        await record(engine, *(week(number) for number in range(30)))
        told = [Outcome(of(week(number)), 10.0 + number) for number in range(20)]
        await happen(engine, *told)
        first = await run(engine)
        before = await ledger(engine)
        second = await run(engine)
        await happen(engine, *told)
        third = await run(engine)

        assert (first, second, third) == (Scored(20, 0, 10), Scored(0, 0, 10), Scored(0, 0, 10))
        assert await ledger(engine) == before
        assert await stored(engine, "SELECT SUM(restated) FROM prediction_outcomes") == 0

    async def test_a_restated_outcome_is_reckoned_with(self, engine: AsyncEngine) -> None:
        """Every prediction of a target whose outcome turned out otherwise is scored again, and no other."""
        await record(engine, week(0), week(0, model_version="v2"), week(1))
        await happen(engine, Outcome(of(week(0)), 10.0), Outcome(of(week(1)), 10.0))
        await run(engine)
        untouched = (await ledger(engine))[2]
        await happen(engine, Outcome(of(week(0)), 12.0), Outcome(of(week(1)), 10.0))
        found = await run(engine)

        rows = await ledger(engine)
        assert found == Scored(0, 2, 0)
        assert [row["actual_value"] for row in rows] == [12.0, 12.0, 10.0]
        assert [row["error"] for row in rows[:2]] == pytest.approx([0.3456, 0.3456])
        assert rows[2] == untouched
        assert await stored(engine, "SELECT SUM(restated) FROM prediction_outcomes") == 1

    async def test_shadow_rows_are_scored_too_and_other_kinds_are_not(self, engine: AsyncEngine) -> None:
        """A version on trial is judged like the champion; each kind of prediction waits for its own outcomes."""
        await record(engine, week(0), week(0, role="shadow"), week(0, prediction_type="pricing"))
        await happen(engine, Outcome(of(week(0)), 10.0))
        found = await run(engine)

        assert found == Scored(2, 0, 0)
        assert [row["actual_value"] for row in await ledger(engine)] == [10.0, 10.0, None]

    async def test_progress_goes_up_to_all_of_it(self, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        """Batches are reported, and together they are every row."""
        monkeypatch.setattr(import_module("rfid3_shared.ledger.score"), "BATCH_ROWS", 7)
        await record(engine, *(week(number) for number in range(50)))
        await happen(engine, *(Outcome(of(week(number)), 3.0) for number in range(0, 50, 2)))
        heard = Heard()
        found = await score(engine, "demand", CLOCK, heard)

        assert found == Scored(25, 0, 25)
        assert heard.said == sorted(heard.said)
        assert (heard.said[0], heard.said[-1]) == ((0, 50), (50, 50))

    @pytest.mark.parametrize("batches", [1, 4, 9])
    async def test_what_a_killed_run_left_the_next_one_does(self, engine: AsyncEngine, dsn: str, batches: int) -> None:
        """kill -9 in the middle: what was scored stays, the rest is scored by the next run, and nothing twice."""
        rows = 1000
        await record(engine, *(week(number) for number in range(rows)))
        await happen(engine, *(Outcome(of(week(number)), 5.0) for number in range(rows)))
        command = [sys.executable, str(Path(__file__).parent / "scoring_process.py"), dsn]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            for _ in range(1 + batches):
                await asyncio.to_thread(process.stderr.readline)
            os.kill(process.pid, signal.SIGKILL)
        done = [row for row in await ledger(engine) if row["validated_at"]]
        found = await run(engine)

        assert 50 * batches <= len(done) < rows
        assert found == Scored(rows - len(done), 0, 0)
        assert (await ledger(engine))[: len(done)] == done

    async def test_recording_goes_on_meanwhile(
        self, engine: AsyncEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Scoring holds no lock for longer than a batch: what is recorded meanwhile is neither refused nor spilled."""
        monkeypatch.setattr(import_module("rfid3_shared.ledger.score"), "BATCH_ROWS", 100)
        await record(engine, *(week(number) for number in range(2000)))
        await happen(engine, *(Outcome(of(week(number)), 5.0) for number in range(4000)))
        recorder = quick(engine, tmp_path)
        await recorder.start()
        scoring = asyncio.create_task(run(engine))
        for number in range(2000, 3000, 10):
            recorder.record([week(number + k) for k in range(10)])
            await asyncio.sleep(0.005)
        first = await scoring
        await recorder.aclose()
        second = await run(engine)

        assert first.scored + second.scored == 3000
        assert (await stored(engine), second.waiting) == (3000, 0)
        assert not (tmp_path / "spill").exists()


class TestTargetsDue:
    async def due(self, engine: AsyncEngine, upto: date, since: date) -> list[Target]:
        async with transaction(engine) as connection:
            return await targets_due(connection, "demand", upto=upto, restate_since=since)

    async def test_each_target_is_named_once(self, engine: AsyncEngine) -> None:
        """However many predictions speak of it; those whose week is not over are not asked for."""
        await record(
            engine, week(0), week(0, model_version="v2"), week(0, role="shadow"), week(1), week(2),
            week(1, target_item_id="c1", target_category=""), week(0, prediction_type="pricing", store="9"),
        )  # fmt: skip
        found = await self.due(engine, upto=DAY + timedelta(weeks=1), since=DAY + timedelta(weeks=9))

        assert found == [of(week(0)), of(week(1)), of(week(1, target_item_id="c1", target_category=""))]

    async def test_a_known_outcome_is_asked_for_while_it_is_young(self, engine: AsyncEngine) -> None:
        """Late scans change the last weeks: from `restate_since` on, known targets are due again; older ones only when unknown."""
        await record(engine, *(week(number) for number in range(6)))
        await happen(engine, *(Outcome(of(week(number)), 1.0) for number in (0, 1, 3, 4)))
        before_scoring = await self.due(engine, DAY + timedelta(weeks=4), DAY + timedelta(weeks=3))
        await run(engine)
        after_scoring = await self.due(engine, DAY + timedelta(weeks=4), DAY + timedelta(weeks=3))

        assert before_scoring == after_scoring == [of(week(number)) for number in (2, 3, 4)]


class TestWriteOutcomes:
    async def test_what_is_no_number_is_not_known(self, engine: AsyncEngine) -> None:
        """An outcome that could not be worked out leaves its predictions waiting."""
        await record(engine, week(0), week(1))
        await happen(engine, Outcome(of(week(0)), float("nan")), Outcome(of(week(1)), 2.00004))
        found = await run(engine)

        assert found == Scored(1, 0, 1)
        assert await stored(engine, "SELECT COUNT(*) FROM prediction_outcomes") == 1

    async def test_counts_how_often_a_value_changed(self, engine: AsyncEngine) -> None:
        """`restated` counts changes, not look-ups; a difference that the table cannot keep is none."""
        for actual in (5.0, 5.0, 6.0, 6.00004, 7.0, 5.0):
            await happen(engine, Outcome(of(week(0)), actual), Outcome(of(week(1)), 1.0))

        async with transaction(engine) as connection:
            query = select(prediction_outcomes.c.actual_value, prediction_outcomes.c.restated)
            rows = (await connection.execute(query.order_by(prediction_outcomes.c.prediction_date))).all()
        assert [tuple(row) for row in rows] == [(5.0, 3), (1.0, 0)]
