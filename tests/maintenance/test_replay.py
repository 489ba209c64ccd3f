"""Does every chance that was shown come out again, reports since training included, and is a change found?"""

import json
import shutil
from datetime import timedelta

import numpy as np
import pytest
from learnedlife import LAST_DAY
from maintenancelife import MAINTENANCE, serving
from replaylife import again, change
from typer.testing import CliRunner

from rfid3_maintenance.commands import app
from rfid3_maintenance.replay import REPLAYED
from rfid3_maintenance.settings import MaintenanceSettings
from rfid3_maintenance.snapshot import Snapshot
from rfid3_shared.item_life.replay import UNKNOWN_ITEM, UNKNOWN_TOTAL
from rfid3_shared.item_reports.tables import maintenance_events
from rfid3_shared.ledger import analytics_predictions

pytestmark = pytest.mark.xdist_group("learned maintenance")
SHOWN = analytics_predictions.c


async def show(settings: MaintenanceSettings, keys: dict[str, str], snapshot: Snapshot) -> str:
    """Chances one by one, in a batch and in the schedule, before and after two reports of one item; that item."""
    ids = [snapshot.id_of(int(row)) for row in np.flatnonzero(snapshot.answerable)[:40]]
    async with serving(settings, keys["events"]) as (client, _):

        async def ask() -> None:
            for days in (7, 45):
                body = {"item_ids": ids, "horizon_days": days}
                assert (await client.post(f"{MAINTENANCE}/probability/batch", json=body)).status_code == 200
            assert (await client.get(f"{MAINTENANCE}/booking-survival/{ids[0]}")).status_code == 200
            page = f"{MAINTENANCE}/schedule?min_failure_probability=0&days_ahead=21&limit=100"
            assert (await client.get(page)).status_code == 200

        await ask()
        for days, kind in ((-2, "cleaning"), (1, "repair")):
            told = {
                "item_id": ids[0],
                "event": "serviced",
                "kind": kind,
                "occurred_at": f"{LAST_DAY + timedelta(days=days)}T09:00:00",
            }
            assert (await client.post(f"{MAINTENANCE}/feedback", json=told)).status_code == 201
            await ask()
    return ids[0]


class TestReplay:
    async def test_everything_comes_out_equal(
        self, settings: MaintenanceSettings, keys: dict[str, str], snapshot: Snapshot
    ) -> None:
        """Items as trained and after each report, lists and weeks' totals: every column to the last digit."""
        await show(settings, keys, snapshot)

        report = await again(REPLAYED, settings)

        assert (report.different, report.not_replayable) == ([], {})
        assert report.replayed == report.equal > 120

    async def test_changes_are_found(self, settings: MaintenanceSettings, keys: dict[str, str], snapshot: Snapshot) -> None:
        """A ten-thousandth in a prediction; the moment of a report, of which then no row is what a prediction rested on."""
        item = await show(settings, keys, snapshot)
        value = {"predicted_value": SHOWN.predicted_value + 0.0001}
        first = await again(REPLAYED, settings)
        assert await change(settings, analytics_predictions, value, SHOWN.id == 3) == 1
        one = await again(REPLAYED, settings)
        moved = {"occurred_at": LAST_DAY + timedelta(days=2)}
        assert await change(settings, maintenance_events, moved, maintenance_events.c.kind == "repair") == 1

        two = await again(REPLAYED, settings)

        assert (first.holds, one.replayed - one.equal, {each["column"] for each in one.different}) == (
            True,
            1,
            {"predicted_value"},
        )
        assert two.replayed - two.equal > 2
        assert {each["target_item_id"] for each in two.different if each["column"] == "features_digest"} == {item}

    async def test_what_cannot_be_made_again_is_counted(
        self, settings: MaintenanceSettings, keys: dict[str, str], snapshot: Snapshot
    ) -> None:
        """An item or a total that the version never knew, a version whose files are gone: each with its reason."""
        await show(settings, keys, snapshot)
        everything = await again(REPLAYED, settings)
        await change(
            settings, analytics_predictions, {"target_item_id": "nobody"}, SHOWN.target_item_id != "", SHOWN.horizon_days == 7
        )
        await change(settings, analytics_predictions, {"target_category": "Boats"}, SHOWN.target_item_id == "")
        some = await again(REPLAYED, settings)
        shutil.rmtree(settings.artefact_dir)
        none = await again(REPLAYED, settings)

        assert some.holds
        assert set(some.not_replayable) == {UNKNOWN_ITEM, UNKNOWN_TOTAL}
        assert (none.replayed, sum(none.not_replayable.values())) == (0, everything.replayed)

    async def test_the_command_says_so(self, settings: MaintenanceSettings, monkeypatch: pytest.MonkeyPatch) -> None:
        """What training wrote down by itself, for programs: exit code 0."""
        import asyncio

        monkeypatch.setenv("RFID3_HOME", str(settings.home))

        found = await asyncio.to_thread(CliRunner().invoke, app, ["replay", "--json"])

        assert found.exit_code == 0, found.output
        report = json.loads(found.stdout)
        assert report["replayed"] == report["equal"] >= 4
