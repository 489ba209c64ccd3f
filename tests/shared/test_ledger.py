"""Recording predictions: each once, none lost, no request held up."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from doorway import Wire
from prometheus_client import REGISTRY
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.ledger import Prediction, Recorder
from rfid3_shared.ledger.prediction import NAMES
from rfid3_shared.ledger.spill import Spill, read

ONE = Prediction(
    prediction_type="demand", prediction_date=date(2026, 3, 9), horizon_days=7, predicted_value=12.3456,
    model_version="demand_v1", model_type="ensemble",
    created_at=datetime(2026, 3, 2, 12, 0, 0, 250_000, tzinfo=UTC),
    target_category="Round Linen", store="8101", interval_level=0.8, confidence_lower=8.0, confidence_upper=17.5,
    business_impact_score=125_650.75, request_id="r-1", input_features={"digest": "abc"}, external_factors={"holiday": True},
)  # fmt: skip
NOWHERE = "mysql://nobody@127.0.0.1:1/none"


def week(number: int, **changes: Any) -> Prediction:
    return replace(ONE, prediction_date=ONE.prediction_date + timedelta(weeks=number), horizon_days=7 + 7 * number, **changes)


@pytest.fixture
async def nowhere() -> AsyncIterator[AsyncEngine]:
    opened = open_engine(NOWHERE)
    yield opened
    await opened.dispose()


@pytest.fixture
def counted() -> Callable[[str], float]:
    """How much a metric of the ledger grew since the test began."""

    def value(name: str) -> float:
        return REGISTRY.get_sample_value(f"rfid3_ledger_{name}_total") or 0.0

    before = {name: value(name) for name in ("recorded", "spilled", "replayed", "dropped", "refused")}
    return lambda name: value(name) - before[name]


async def stored(engine: AsyncEngine, question: str = "SELECT COUNT(*) FROM analytics_predictions") -> int:
    async with transaction(engine) as connection:
        return int((await connection.execute(text(question))).scalar_one())


async def until_stored(engine: AsyncEngine, rows: int) -> None:
    async with asyncio.timeout(10):
        while await stored(engine) < rows:
            await asyncio.sleep(0.02)


def quick(engine: AsyncEngine, folder: Path, **changes: Any) -> Recorder:
    return Recorder(engine, folder / "spill", Clock(), **{"batch_wait_s": 0.02, "retry_s": 0.1, **changes})


class TestRecord:
    async def test_a_row_holds_what_was_predicted(self, engine: AsyncEngine, tmp_path: Path) -> None:
        """Value, interval, money above 999.99, JSON and request are stored as they were."""
        recorder = quick(engine, tmp_path)
        await recorder.start()
        recorder.record([ONE])
        await recorder.aclose()

        async with transaction(engine) as connection:
            (row,) = (await connection.execute(text("SELECT * FROM analytics_predictions"))).mappings().all()
        assert (float(row["predicted_value"]), float(row["confidence_upper"]), row["store"]) == (12.3456, 17.5, "8101")
        assert float(row["business_impact_score"]) == 125_650.75
        assert (str(row["prediction_date"]), row["request_id"]) == ("2026-03-09", "r-1")
        assert str(row["created_at"]) == "2026-03-02 12:00:00.250000"
        assert row["actual_value"] is None

    async def test_repetition_is_one_row(self, engine: AsyncEngine, tmp_path: Path) -> None:
        """However often, by however many processes a prediction is shown, it is recorded once; a new model's is another."""
        for _ in range(2):
            recorder = quick(engine, tmp_path)
            await recorder.start()
            for request in range(50):
                recorder.record([week(number, request_id=f"r-{request}") for number in range(4)])
            recorder.record([week(0, model_version="demand_v2"), week(0, interval_level=0.95), week(0, store="")])
            await recorder.aclose()

        assert await stored(engine) == 7
        assert await stored(engine, "SELECT COUNT(*) FROM analytics_predictions WHERE request_id = 'r-0'") == 4

    async def test_a_row_the_store_refuses_takes_no_other_with_it(
        self, engine: AsyncEngine, tmp_path: Path, counted: Callable[[str], float]
    ) -> None:
        """A row that breaks a rule of the table is counted and passed over; its batch is written."""
        recorder = quick(engine, tmp_path)
        await recorder.start()
        recorder.record([week(0), week(1, predicted_value=None), week(2, external_factors={"x": object()}), week(3)])
        await recorder.aclose()

        assert await stored(engine) == 2
        assert (counted("recorded"), counted("refused"), counted("dropped")) == (2, 2, 0)

    async def test_nonsense_raises_nothing(self, nowhere: AsyncEngine, tmp_path: Path, counted: Callable[[str], float]) -> None:
        """Bookkeeping never fails the request it belongs to."""
        recorder = quick(nowhere, tmp_path)

        recorder.record([None])  # type: ignore[list-item]

        assert counted("dropped") == 1

    async def test_a_full_queue_goes_to_the_file(
        self, engine: AsyncEngine, tmp_path: Path, counted: Callable[[str], float]
    ) -> None:
        """More than memory may hold is spilled at once, and all of it reaches the store."""
        recorder = quick(engine, tmp_path, queue_rows=10)
        recorder.record([week(number) for number in range(25)])
        assert counted("spilled") == 15

        await recorder.start()
        await until_stored(engine, 25)
        await recorder.aclose()
        assert counted("dropped") == 0


class TestSpill:
    @pytest.mark.mariadb
    async def test_nothing_is_lost_while_the_store_is_away(
        self, mysql_dsn: str, tmp_path: Path, counted: Callable[[str], float]
    ) -> None:
        """Rows of an outage wait in a file and are written when the store is back; the count is exact."""
        url = make_url(mysql_dsn)
        wire = Wire(url.port or 3306)
        await wire.mend()
        direct, behind_wire = open_engine(mysql_dsn), open_engine(url.set(port=wire.port).render_as_string(False))
        await create_tables(direct, store_metadata)
        recorder = quick(behind_wire, tmp_path)
        await recorder.start()
        recorder.record([week(number) for number in range(100)])
        await until_stored(direct, 100)
        await wire.cut()
        for start in range(100, 1300, 400):
            recorder.record([week(number) for number in range(start, start + 400)])
            await asyncio.sleep(0.1)
        async with asyncio.timeout(10):
            while counted("spilled") < 1200:
                await asyncio.sleep(0.02)
        during = await stored(direct)
        await wire.mend()
        recorder.record([week(1300)])
        await until_stored(direct, 1301)
        await recorder.aclose()
        await wire.cut()

        assert during == 100
        assert await stored(direct, "SELECT COUNT(DISTINCT horizon_days) FROM analytics_predictions") == 1301
        assert counted("dropped") == 0
        assert list((tmp_path / "spill").iterdir()) == []
        for engine in (direct, behind_wire):
            await engine.dispose()

    async def test_the_next_process_writes_what_the_last_one_left(
        self, engine: AsyncEngine, nowhere: AsyncEngine, tmp_path: Path
    ) -> None:
        """A process that ends during an outage leaves a file, and whoever starts next replays it."""
        last = quick(nowhere, tmp_path)
        await last.start()
        last.record([week(number) for number in range(30)])
        await last.aclose()
        assert len(list((tmp_path / "spill").glob("*.jsonl"))) == 1

        following = quick(engine, tmp_path)
        await following.start()
        await until_stored(engine, 30)
        await following.aclose()
        assert list((tmp_path / "spill").iterdir()) == []

    async def test_a_killed_process_leaves_a_readable_file(self, engine: AsyncEngine, tmp_path: Path) -> None:
        """kill -9 in the middle of an outage loses no spilled row; a torn last line is passed over."""
        command = [sys.executable, str(Path(__file__).parent / "spilling_process.py"), str(tmp_path / "spill"), "40"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            assert await asyncio.to_thread(process.stderr.readline) == b"spilled\n"
            taken_from_the_living = list(Spill(tmp_path / "spill", 10**6).take())
            os.kill(process.pid, signal.SIGKILL)
        (path,) = (tmp_path / "spill").glob("*.jsonl")
        with path.open("ab") as file:
            file.write(b'{"prediction_type": "dem')

        recorder = quick(engine, tmp_path)
        await recorder.start()
        await until_stored(engine, 40)
        await recorder.aclose()
        assert taken_from_the_living == []
        assert await stored(engine) == 40

    async def test_a_full_disk_is_counted(self, nowhere: AsyncEngine, tmp_path: Path, counted: Callable[[str], float]) -> None:
        """What finds no room is lost and counted, exactly, and may be recorded when it is shown again."""
        line = len(ONE.as_line())
        recorder = quick(nowhere, tmp_path, spill_limit_bytes=line * 10 + 50)
        await recorder.start()
        recorder.record([week(number) for number in range(25)])
        await recorder.aclose()

        (path,) = (tmp_path / "spill").glob("*.jsonl")
        assert counted("spilled") == len(list(read(path)))
        assert counted("spilled") + counted("dropped") == 25
        assert 0 < counted("dropped") < 25


class TestPrediction:
    def test_a_line_is_read_back_as_it_was(self) -> None:
        """The spill file keeps every field."""
        assert Prediction.from_line(ONE.as_line()) == ONE

    def test_every_field_has_its_column(self) -> None:
        """What can be predicted can be stored."""
        assert set(NAMES) <= {column.name for column in store_metadata.tables["analytics_predictions"].columns}
