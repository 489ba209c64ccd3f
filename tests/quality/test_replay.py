"""Does every projection that was shown come out again, inspections since training included, and is a change found?"""

import httpx
import numpy as np
import pytest
from qualitylife import QUALITY, serving
from replaylife import again, change

from rfid3_quality.replay import REPLAYED
from rfid3_quality.settings import QualitySettings
from rfid3_quality.snapshot import Snapshot
from rfid3_shared.item_reports.tables import inspections
from rfid3_shared.ledger import analytics_predictions

pytestmark = pytest.mark.xdist_group("learned quality")
SHOWN = analytics_predictions.c


async def show(settings: QualitySettings, keys: dict[str, str], snapshot: Snapshot) -> str:
    """Projections of some items, before and after each of two inspections of one; that item."""
    ids = [snapshot.id_of(int(row)) for row in np.flatnonzero(snapshot.answerable)[:40]]

    async def ask(client: httpx.AsyncClient) -> None:
        assert (await client.post(f"{QUALITY}/degradation/batch", json={"item_ids": ids})).status_code == 200
        assert (await client.get(f"{QUALITY}/degradation/{ids[0]}")).status_code == 200

    async with serving(settings, keys["events"]) as (client, _):
        await ask(client)
        for grade, at in (("D", "2026-11-01T09:00:00"), ("B", "2026-11-01T11:00:00")):
            told = {"item_id": ids[0], "grade": grade, "inspected_at": at}
            assert (await client.post(f"{QUALITY}/inspection-result", json=told)).status_code == 201
            await ask(client)
    return ids[0]


class TestReplay:
    async def test_everything_comes_out_equal(
        self, settings: QualitySettings, keys: dict[str, str], snapshot: Snapshot
    ) -> None:
        """Items as trained and after each inspection, and categories' means: every column to the last digit."""
        await show(settings, keys, snapshot)

        report = await again(REPLAYED, settings)

        assert (report.different, report.not_replayable) == ([], {})
        assert report.replayed == report.equal == 42 + len(snapshot.spec.totals)

    @pytest.mark.parametrize("what", ["a prediction", "an inspection"])
    async def test_a_change_is_found(
        self, settings: QualitySettings, keys: dict[str, str], snapshot: Snapshot, what: str
    ) -> None:
        """A ten-thousandth of a score; the grade of an inspection, of which then no row is what a projection rested on."""
        item = await show(settings, keys, snapshot)
        assert (await again(REPLAYED, settings)).holds
        if what == "a prediction":
            value = {"confidence_lower": SHOWN.confidence_lower - 0.0001}
            assert await change(settings, analytics_predictions, value, SHOWN.target_item_id == item) == 3
        else:
            assert await change(settings, inspections, {"grade": "C"}, inspections.c.grade == "D") == 1

        report = await again(REPLAYED, settings)

        assert {one["target_item_id"] for one in report.different} == {item}
        assert report.replayed - report.equal == (3 if what == "a prediction" else 1)
        assert ("features_digest" in {one["column"] for one in report.different}) is (what == "an inspection")
