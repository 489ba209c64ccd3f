"""Does the source's reader of departures find, in the twin's dirty scans, exactly what the twin knows to have left?"""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

from rfid3_shared.db import open_engine
from rfid3_shared.source import movements
from rfid3_shared.twin.build import create
from rfid3_shared.twin.dirt import TEST_CLASS


class TestLoadDailyDepartures:
    async def test_equals_the_truth_by_class_store_and_day(self, tmp_path: Path) -> None:
        """Duplicates, deliveries scanned twice, blanks and unscanned returns neither hide nor invent a unit."""
        engine = open_engine(f"sqlite:///{tmp_path / 'source.db'}")
        try:
            await create(engine, tmp_path / "truth.db", items=1500, months=4, seed=11, end=date(2026, 8, 31))
            async with engine.connect() as connection:
                daily = await movements.load_daily_departures(connection)
        finally:
            await engine.dispose()
        with closing(sqlite3.connect(tmp_path / "truth.db")) as truth:
            expected = truth.execute(
                "SELECT rental_class_num, store_id, date, served_units FROM twin_truth_demand"
                " JOIN twin_truth_classes USING (rental_class_num) WHERE scanned AND served_units > 0"
            ).fetchall()

        found: dict[tuple[str, str, str], int] = {}
        for row in daily.iter_rows(named=True):
            if row["rental_class"] not in (None, TEST_CLASS):
                key = (row["rental_class"], row["store"], str(row["day"]))
                found[key] = found.get(key, 0) + row["units"]
        assert found == {(number, store, day): units for number, store, day, units in expected}
