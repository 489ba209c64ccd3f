"""Recording predictions: each once, none lost, no request held up."""

import asyncio
import hashlib
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from doorway import Wire
from hypothesis import given
from hypothesis import strategies as st
from ledgerlife import ONE, counting, quick, stored, until_stored, week
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.ledger import Prediction, analytics_predictions
from rfid3_shared.ledger.prediction import NAMES
from rfid3_shared.ledger.spill import Spill, read
from rfid3_shared.ledger.tables import KEY

NOWHERE = "mysql://nobody@127.0.0.1:1/none"


@pytest.fixture
async def nowhere() -> AsyncIterator[AsyncEngine]:
    opened = open_engine(NOWHERE)
    yield opened
    await opened.dispose()


@pytest.fixture
def counted() -> Callable[[str], float]:
    """How much a metric of the ledger grew since the test began."""
    return counting()


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
        poison = [
            week(1, predicted_value=None), week(2, external_factors={"x": object()}), week(3, predicted_value=math.nan),
            week(4, model_version="v" * 200 if engine.dialect.name == "mysql" else None), week(5, predicted_value="much"),
            week(6, external_factors={"x": math.nan} if engine.dialect.name == "mysql" else {"x": object()}),
        ]  # fmt: skip
        recorder.record([week(0), *poison, week(7)])
        await recorder.aclose()

        assert await stored(engine) == 2
        assert (counted("recorded"), counted("refused"), counted("dropped"), counted("spilled")) == (2, 6, 0, 0)

    async def test_shadow_rows_stand_beside_shown_ones(self, engine: AsyncEngine, tmp_path: Path) -> None:
        """What a version on trial said is recorded as that, with its features' digest."""
        recorder = quick(engine, tmp_path)
        await recorder.start()
        recorder.record([ONE, replace(ONE, role="shadow", features_digest="ab" * 16)])
        await recorder.aclose()

        async with transaction(engine) as connection:
            query = text("SELECT role, features_digest, prediction_id FROM analytics_predictions ORDER BY id")
            rows = (await connection.execute(query)).all()
        beside = replace(ONE, role="shadow", features_digest="ab" * 16)
        assert [tuple(row) for row in rows] == [("shown", "", ONE.id), ("shadow", "ab" * 16, beside.id)]

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

    def test_lines_of_other_versions_are_read(self) -> None:
        """A file from before roles and digests is read with their defaults; fields of a newer version are passed over."""
        kept = json.loads(ONE.as_line())
        older = {name: value for name, value in kept.items() if name not in ("role", "features_digest")}
        newer = {**kept, "invented_later": [1]}

        assert Prediction.from_line(json.dumps(older).encode()) == ONE
        assert Prediction.from_line(json.dumps(newer).encode()) == ONE

    def test_every_field_has_its_column(self) -> None:
        """What can be predicted can be stored."""
        assert set(NAMES) <= {column.name for column in analytics_predictions.columns}

    def test_numbers_are_rounded_as_the_columns_round(self) -> None:
        """A store of floats keeps what a store of decimals would; what is no number is not known."""
        row = week(0, predicted_value=1 / 3, confidence_lower=math.nan, confidence_upper=math.inf).as_row()

        assert (row["predicted_value"], row["confidence_lower"], row["confidence_upper"]) == (0.3333, None, None)


NAME = st.text(st.characters(exclude_categories=["Cs"]), max_size=6)
KEYS = st.fixed_dictionaries({
    "prediction_type": st.sampled_from(["demand", "pricing"]), "target_item_id": NAME, "target_category": NAME, "store": NAME,
    "prediction_date": st.dates(), "horizon_days": st.integers(-5, 400), "model_version": NAME, "model_type": NAME,
    "interval_level": st.integers(0, 9999).map(lambda level: level / 10_000), "role": st.sampled_from(["shown", "shadow"]),
    "features_digest": st.sampled_from(["", "0" * 32, "ab" * 16]),
})  # fmt: skip


def by_hand(key: dict[str, Any]) -> str:
    """The id by its documentation, with other libraries."""
    key = {**key, "interval_level": f"{key['interval_level']:.4f}", "prediction_date": str(key["prediction_date"])}
    text = json.dumps(
        [key[name] for name in KEY if name != "features_digest" or key[name]], ensure_ascii=False, separators=(",", ":")
    )
    # RFC 8785 writes DEL and what follows it plainly, as json does, and the short escapes where there are any
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


class TestId:
    def test_is_the_same_for_ever(self) -> None:
        """Ids in stores, answers and other systems outlive processes and versions of Python."""
        assert ONE.id == "56531a958a0eb16b6c91f0071ffec8f3"

    def test_is_known_in_another_process(self) -> None:
        """Nothing of the process goes into it: hash seeds differ, ids do not."""
        code = "import sys; from rfid3_shared.ledger import Prediction; print(Prediction.from_line(sys.stdin.buffer.read()).id)"
        runs = [
            subprocess.run([sys.executable, "-c", code], input=ONE.as_line(), capture_output=True, check=True, env={"PYTHONHASHSEED": seed})
            for seed in ("1", "2")
        ]  # fmt: skip

        assert {run.stdout.decode().strip() for run in runs} == {ONE.id}

    @given(key=KEYS)
    def test_follows_its_documentation(self, key: dict[str, Any]) -> None:
        """Another program can work it out."""
        assert replace(ONE, **key).id == by_hand(key)

    @given(first=KEYS, second=KEYS, same=st.sets(st.sampled_from(KEY)))
    def test_differs_where_any_part_of_the_key_does(
        self, first: dict[str, Any], second: dict[str, Any], same: set[str]
    ) -> None:
        """Two predictions share an id exactly when they agree in every part of the key."""
        second |= {name: first[name] for name in same}

        assert (replace(ONE, **first).id == replace(ONE, **second).id) is (first == second)

    def test_text_cannot_be_moved_between_parts(self) -> None:
        """Quotes, commas and separators inside a name do not make two keys look alike."""
        tricky = [("a", "b"), ('a","b', ""), ("", 'a","b'), ('a","b', ""), ("a\x1fb", ""), ("a", "\x1fb")]

        assert len({replace(ONE, target_item_id=item, target_category=rest).id for item, rest in tricky}) == len(set(tricky))

    def test_does_not_hang_on_what_is_no_part_of_the_key(self) -> None:
        """The value, its interval and the request may differ: it is the same prediction."""
        assert week(0, predicted_value=1.0, confidence_lower=None, request_id="r-2").id == ONE.id
        assert week(0, features_digest="f" * 32).id != ONE.id
