"""Does `rfid3 twin busy-day` print scans that could have happened, and leave everything as it is?"""

import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.errors import InsufficientData
from rfid3_shared.twin import busy_day
from rfid3_shared.twin.commands import app

SHOP = ZoneInfo("America/Chicago")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of an embedded source with a small company in it, whose last day was 30 September 2026."""
    monkeypatch.setenv("RFID3_HOME", str(tmp_path))
    result = CliRunner().invoke(app, ["create", "--items", "300", "--months", "2", "--end", "2026-09-30"])
    assert result.exit_code == 0
    return tmp_path


def rows(home: Path, query: str) -> list[tuple[object, ...]]:
    """What the source says."""
    with closing(sqlite3.connect(home / "rfid3.db")) as connection:
        return connection.execute(query).fetchall()


class TestBusyDay:
    def test_prints_scans_of_units_that_stand_ready(self, home: Path) -> None:
        """Every unit leaves once, is of the class that left most lately, and stood ready; the source stays as it is."""
        before = rows(home, "SELECT COUNT(*), MAX(id) FROM id_transactions")

        result = CliRunner().invoke(app, ["busy-day", "--day", "2026-10-03", "--units", "5"])

        events = [json.loads(line) for line in result.stdout.splitlines()]
        (busiest, _), *_ = rows(
            home, "SELECT rental_class_num, COUNT(*) AS n FROM id_transactions WHERE scan_type IN ('Rental', 'Delivery') "
            "AND scan_date >= '2026-08-08 07:00:00' AND rental_class_num <> '' GROUP BY 1 ORDER BY n DESC, 1",
        )  # fmt: skip
        ready = {row[0] for row in rows(home, "SELECT TRIM(tag_id) FROM id_item_master WHERE status = 'Ready to Rent'")}
        assert len(events) == 5
        assert {event["rental_class"] for event in events} == {busiest}
        assert len({event["tag_id"] for event in events}) == 5
        assert {event["tag_id"] for event in events} <= ready
        assert [event["occurred_at"] for event in events][:: len(events) - 1] == ["2026-10-03T07:00:00", "2026-10-03T17:00:00"]
        assert rows(home, "SELECT COUNT(*), MAX(id) FROM id_transactions") == before

    def test_says_the_same_twice(self, home: Path) -> None:
        """The same day has the same ids, so posting it again is posting the same events."""
        first, second = (CliRunner().invoke(app, ["busy-day", "--day", "2026-10-03"]).stdout for _ in range(2))

        assert first == second != ""

    @pytest.mark.parametrize(("hour", "earliest"), [(12, 7), (3, 0)])
    async def test_nobody_has_scanned_what_is_still_to_come(self, home: Path, hour: int, earliest: int) -> None:
        """Today's busy day ends now; before the shop opens it began at midnight."""
        now = datetime(2026, 10, 3, hour, 30, tzinfo=SHOP)
        engine = open_engine(f"sqlite:///{home / 'rfid3.db'}", read_only=True)

        async with transaction(engine) as connection:
            planned = await busy_day.plan(connection, FixedClock(now.astimezone(UTC)))
        await engine.dispose()
        times = [datetime.fromisoformat(event["occurred_at"]) for event in planned.events()]

        assert times[0] == datetime(2026, 10, 3, earliest)
        assert max(times) <= now.replace(tzinfo=None)
        assert now.replace(tzinfo=None) - max(times) < timedelta(minutes=1)

    async def test_a_class_without_units_is_refused_in_words(self, home: Path) -> None:
        """Nothing is made up for a class that has no unit ready."""
        engine = open_engine(f"sqlite:///{home / 'rfid3.db'}", read_only=True)

        with pytest.raises(InsufficientData, match="stands ready"):
            async with transaction(engine) as connection:
                await busy_day.plan(connection, FixedClock(datetime(2026, 10, 3, tzinfo=UTC)), rental_class="no such class")
        await engine.dispose()
