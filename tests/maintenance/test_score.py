"""Are chances that were shown held against what happened, and totals against counts, by another road?"""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from itemlife import BACK, OUT, day, scan, sources, tag
from learnedlife import LAST_DAY, Silent
from maintenancelife import MAINTENANCE, serving
from sqlalchemy import select

from rfid3_maintenance import outcomes, score
from rfid3_maintenance.kinds import WITHIN, window_of
from rfid3_maintenance.settings import MaintenanceSettings
from rfid3_maintenance.snapshot import Snapshot
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.item_life.assemble import assemble
from rfid3_shared.item_life.rebuild import rebuild
from rfid3_shared.item_life.watch import events_of
from rfid3_shared.ledger import Target, analytics_predictions
from rfid3_shared.twin import build as twin

pytestmark = pytest.mark.xdist_group("learned maintenance")
DAYS = 35


class TestScoring:
    async def test_what_was_shown_is_scored_when_its_window_is_over(
        self, settings: MaintenanceSettings, keys: dict[str, str], snapshot: Snapshot
    ) -> None:
        """A chance of 30 days is held against whether a repair or the end of the item was seen in them; weeks' totals against counts."""
        rows = np.flatnonzero(snapshot.answerable)[:60]
        ids = [snapshot.id_of(int(row)) for row in rows]
        async with serving(settings, keys["read"]) as (client, _):
            shown = (await client.post(f"{MAINTENANCE}/probability/batch", json={"item_ids": ids})).json()["data"]["results"]
            await client.post(f"{MAINTENANCE}/probability/batch", json={"item_ids": ids[:5], "horizon_days": 300})
        engine = db.open_engine(settings.source_dsn)
        await twin.advance(engine, settings.home / "truth.db", DAYS)

        found = await score.run(settings, {}, Silent())
        again = await score.run(settings, {}, Silent())

        async with db.transaction(engine) as connection:
            life = await rebuild(connection, Clock())
        await engine.dispose()
        store = db.open_engine(settings.store_dsn)
        async with db.transaction(store) as connection:
            written = (await connection.execute(select(analytics_predictions))).mappings().all()
        await store.dispose()
        failures = {
            (tag, at.date()) for kind in ("repair", "retirement") for tag, at in events_of(life, kind).iter_rows()
        }  # fmt: skip
        of_items = [row for row in written if row["target_item_id"] and row["horizon_days"] == 30]
        totals = [row for row in written if not row["target_item_id"] and row["actual_value"] is not None]
        assert {row["prediction_id"] for row in of_items} == {one["data"]["prediction_id"] for one in shown.values()}
        known = [row for row in of_items if row["actual_value"] is not None]
        assert len(known) > 30
        for row in known:
            window = [LAST_DAY + timedelta(days=k) for k in range(1, 31)]
            failed = any((row["target_item_id"], day) in failures for day in window)
            assert row["actual_value"] == float(failed)
        assert found["scored"] == len(known) + len(totals)
        assert (again["scored"], again["restated"]) == (0, 0)
        assert found["waiting"] == again["waiting"] >= 5
        assert len(totals) >= 4
        categories = dict(life.units.select("tag_id", pl.col("category").fill_null("Unmapped")).iter_rows())
        for row in totals:
            week = [row["prediction_date"] + timedelta(days=k) for k in range(7)]
            tags = {tag for tag, day in failures if day in week and categories[tag] == row["target_category"]}
            assert row["actual_value"] == len(tags)
            assert row["confidence_lower"] <= row["confidence_upper"]

    async def test_what_cannot_be_known_has_no_outcome(self, settings: MaintenanceSettings) -> None:
        """A window that is not over, and an item nobody watched, wait."""
        engine = db.open_engine(settings.source_dsn)
        async with db.transaction(engine) as connection:
            life = await rebuild(connection, Clock())
        await engine.dispose()
        day, words = life.data_to.date(), WITHIN.format(days=7)
        never = Target("nobody", words, "", day - timedelta(days=30))
        ahead = Target(str(life.units["tag_id"][0]), words, "", day + timedelta(days=1))
        total = Target("", "Tents", "", day)

        assert outcomes.of_targets(life, [never, ahead, total]) == []
        assert outcomes.never_known(life, [never, ahead, total]) == {never: "no longer in RFID3"}
        assert (window_of(words), window_of("Tents")) == (7, None)
        assert outcomes.restated_since(date(2026, 1, 31)) == date(2026, 1, 10)


class TestNeverKnown:
    def test_a_lost_item_is_neither_whole_nor_failed(self) -> None:
        """Of units missing, sold, out and at home, only those gone are given up, each for its own reason; one that is home is scored."""
        seen = [scan(name, OUT, at) for at, name in enumerate(("MISSING", "SOLD", "OUT", "HOME"))]
        later = [scan("HOME", BACK, 10), scan("OUT", BACK, 11), scan("OUT", OUT, 55), scan("HOME", BACK, 75)]
        units = [tag("MISSING", "Missing"), tag("SOLD", "Sold"), tag("OUT", "On Rent"), tag("HOME")]
        life = assemble(sources([*seen, *later], units, until=76))
        words, when = WITHIN.format(days=30), day(60).date()
        asked = [Target(name, words, "", when) for name in ("MISSING", "SOLD", "OUT", "HOME")]

        known = {one.target.target_item_id: one.actual_value for one in outcomes.of_targets(life, asked)}
        void = {one.target_item_id: why for one, why in outcomes.never_known(life, asked).items()}

        assert known == {"HOME": 0.0}
        assert {name: why.split()[0] for name, why in void.items()} == {"MISSING": "lost", "SOLD": "retired,"}
