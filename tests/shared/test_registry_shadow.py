"""A shadow answers live requests beside the champion: recorded, counted, and never in anybody's way."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import REGISTRY
from publishing import SHADOW, model, publish, serve
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.ledger import Prediction, Recorder
from rfid3_shared.registry import Registry, Shadowing, Version
from rfid3_shared.registry.tally import Tally, read_tally

ONE = Prediction(
    prediction_type="demand", prediction_date=date(2026, 3, 9), horizon_days=7, predicted_value=10.0, model_version="champion_v1",
    model_type="ensemble", created_at=datetime(2026, 3, 2, 12, tzinfo=UTC), target_category="Round Linen", interval_level=0.8,
    confidence_lower=8.0, confidence_upper=17.5, request_id="r-1",
)  # fmt: skip
SHOWN = [
    replace(ONE, prediction_date=ONE.prediction_date + timedelta(weeks=week), predicted_value=10.0 + week) for week in range(4)
]


@pytest.fixture
async def shadow(engine: AsyncEngine, tmp_path: Path) -> Version:
    registry = Registry(tmp_path / "registry", engine, Clock())
    await serve(registry, model(tmp_path, "champion"))
    return await registry.settle(await publish(registry, model(tmp_path, "shadow"), 1), SHADOW, by="test")


@asynccontextmanager
async def shadowing(engine: AsyncEngine, folder: Path, **options: Any) -> AsyncIterator[Shadowing]:
    """A shadowing with its ledger; what both hold is written at the end."""
    ledger = Recorder(engine, folder / "spill", Clock(), batch_wait_s=0.02)
    await ledger.start()
    made = Shadowing(engine, ledger, Clock(), "demand", **options)
    await made.start()
    yield made
    await made.aclose()
    await ledger.aclose()


async def counted(engine: AsyncEngine, version: Version) -> Tally:
    async with transaction(engine) as connection:
        return await read_tally(connection, "demand", version.model_version)


async def until_counted(engine: AsyncEngine, version: Version, questions: int) -> Tally:
    async with asyncio.timeout(20):
        while (tally := await counted(engine, version)).answers + tally.faults < questions:
            await asyncio.sleep(0.02)
    return tally


def metric(name: str) -> float:
    return REGISTRY.get_sample_value(f"rfid3_shadow_{name}_total") or 0.0


@pytest.fixture
def thought() -> Callable[[], int]:
    """How many questions were answered or failed on since the test began."""
    before = metric("answers") + metric("faults")
    return lambda: int(metric("answers") + metric("faults") - before)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not holds():
            await asyncio.sleep(0.01)


def higher(by: float) -> Callable[[], Sequence[Prediction]]:
    """A shadow's answer: a day older data, so another horizon, and so much more."""
    return lambda: [replace(row, predicted_value=row.predicted_value + by, horizon_days=row.horizon_days + 7) for row in SHOWN]


class TestAnswerBeside:
    async def test_answers_are_recorded_and_counted_and_not_shown(
        self, engine: AsyncEngine, shadow: Version, tmp_path: Path, thought: Callable[[], int]
    ) -> None:
        """The ledger tells them from what was shown; the tally says how far they lie apart."""
        async with shadowing(engine, tmp_path) as made:
            made.answer_beside(shadow, higher(0.5), SHOWN)
            made.answer_beside(shadow, higher(-1.0), SHOWN)
            await until(lambda: thought() == 2)

        tally = await counted(engine, shadow)
        assert (tally.answers, tally.faults) == (2, 0)
        assert tally.seconds > 0
        # by hand: 4 rows 0.5 apart and 4 rows 1.0 apart; the champion said 10, 11, 12, 13 twice
        assert (tally.absolute_difference, tally.champion_absolute) == (pytest.approx(6.0), pytest.approx(92.0))
        async with transaction(engine) as connection:
            question = (
                "SELECT role, model_version, predicted_value, request_id FROM analytics_predictions ORDER BY prediction_date"
            )
            written = [tuple(row) for row in await connection.execute(text(question))]
        # the ledger keeps the first of two answers of one version to one question
        assert [(*row[:2], float(row[2]), row[3]) for row in written] == [
            ("shadow", shadow.model_version, 10.5 + week, "r-1") for week in range(4)
        ]

    @pytest.mark.parametrize(
        "answer",
        [
            lambda: 1 / 0,
            lambda: [],
            lambda: [replace(ONE, predicted_value=float("nan"))],
            lambda: [replace(ONE, confidence_upper=float("inf"))],
            lambda: None,
            lambda: [ONE, "no row"],
        ],
        ids=["raises", "says nothing", "no number", "no end", "no rows", "no row"],
    )
    async def test_what_nobody_could_be_shown_is_a_fault(
        self, engine: AsyncEngine, shadow: Version, tmp_path: Path, thought: Callable[[], int], answer: Any
    ) -> None:
        """It is counted, nothing of it is recorded, and the next question is answered."""
        async with shadowing(engine, tmp_path) as made:
            made.answer_beside(shadow, answer, SHOWN)
            made.answer_beside(shadow, higher(0.5), SHOWN)
            await until(lambda: thought() == 2)

        tally = await counted(engine, shadow)
        assert (tally.answers, tally.faults) == (1, 1)
        async with transaction(engine) as connection:
            assert (await connection.execute(text("SELECT COUNT(*) FROM analytics_predictions"))).scalar_one() == 4

    async def test_counts_reach_the_store_while_it_runs(self, engine: AsyncEngine, shadow: Version, tmp_path: Path) -> None:
        """Whoever decides on the shadow need not wait for a process to end; several processes add up."""
        async with (
            shadowing(engine, tmp_path / "a", flush_s=0.02) as one,
            shadowing(engine, tmp_path / "b", flush_s=0.02) as two,
        ):
            for number in range(20):
                (one if number % 2 else two).answer_beside(shadow, higher(0.5), SHOWN)
                await asyncio.sleep(0.005)

            assert (await until_counted(engine, shadow, 20)).absolute_difference == pytest.approx(40.0)

    async def test_a_version_that_cannot_be_loaded_is_a_fault(
        self, engine: AsyncEngine, shadow: Version, tmp_path: Path
    ) -> None:
        """Otherwise it would be promoted for never having failed."""
        async with shadowing(engine, tmp_path) as made:
            made.refused(shadow)

        assert (await counted(engine, shadow)).faults == 1

    async def test_live_requests_never_wait(
        self, engine: AsyncEngine, shadow: Version, tmp_path: Path, thought: Callable[[], int]
    ) -> None:
        """However long a shadow thinks: the oldest questions are dropped and counted, one at a time is thought about."""
        go_on, at_once, most, asked = threading.Event(), [], [], []
        before = metric("dropped")

        def slow(number: int) -> Sequence[Prediction]:
            asked.append(number)
            at_once.append(number)
            most.append(len(at_once))
            assert go_on.wait(30)
            at_once.remove(number)
            return SHOWN

        async with shadowing(engine, tmp_path, queued=10) as made:
            for number in range(50):
                made.answer_beside(shadow, lambda number=number: slow(number), SHOWN)
                await asyncio.sleep(0)
            await until(lambda: bool(asked))
            go_on.set()
            await until(lambda: asked[-1] == 49 and thought() == len(asked))

        assert max(most) == 1
        assert asked[-10:] == list(range(40, 50))
        assert metric("dropped") - before == 50 - len(asked) > 0

    async def test_a_store_out_of_reach_costs_nothing_but_time(
        self, engine: AsyncEngine, shadow: Version, tmp_path: Path, thought: Callable[[], int]
    ) -> None:
        """What could not be written down is kept and written later, once."""
        async with shadowing(engine, tmp_path, flush_s=0.02) as made:
            async with transaction(engine) as connection:
                await connection.execute(text("ALTER TABLE shadow_tallies RENAME TO away"))
            made.answer_beside(shadow, higher(0.5), SHOWN)
            await until(lambda: thought() == 1)
            await asyncio.sleep(0.1)  # several attempts to write it down
            async with transaction(engine) as connection:
                await connection.execute(text("ALTER TABLE away RENAME TO shadow_tallies"))

            assert (await until_counted(engine, shadow, 1)).answers == 1
        assert (await counted(engine, shadow)).answers == 1

    async def test_closing_without_a_store_is_no_error(self, shadow: Version, tmp_path: Path) -> None:
        """A process ends although nothing of this can be written down, and what was not answered is dropped."""
        nowhere = open_engine("mysql://nobody@127.0.0.1:1/none")
        before = metric("dropped")
        async with shadowing(nowhere, tmp_path) as made:
            for _ in range(3):
                made.answer_beside(shadow, higher(0.5), SHOWN)
        assert metric("dropped") - before == 3
        await nowhere.dispose()
