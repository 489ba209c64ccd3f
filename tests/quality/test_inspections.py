"""Is what an inspection finds kept once, without names, and does it move the projection at once?"""

from datetime import datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
from doorway import Wire
from qualitylife import QUALITY, publish, serving
from sqlalchemy import text
from sqlalchemy.engine import make_url

from rfid3_quality.item import Reading, item_of
from rfid3_quality.settings import QualitySettings
from rfid3_quality.snapshot import Snapshot
from rfid3_shared import db
from rfid3_shared.item_reports.read import load_inspections

pytestmark = pytest.mark.xdist_group("learned quality")
RESULT = f"{QUALITY}/inspection-result"


@pytest.fixture(scope="session")
def item(snapshot: Snapshot) -> str:
    """An item with a middling grade."""
    return snapshot.id_of(int(np.flatnonzero(snapshot.answerable & (snapshot.grade == 7))[0]))


class TestFound:
    @pytest.mark.parametrize(("grade", "score"), [("A+", 1.0), ("D", 0.1)])
    async def test_it_moves_the_projection_at_once(
        self, client: httpx.AsyncClient, item: str, grade: str, score: float
    ) -> None:
        """The next answer starts from the grade that was found, up or down, names the inspection, and is another prediction."""
        before = (await client.get(f"{QUALITY}/degradation/{item}")).json()["data"]
        reply = await client.post(
            RESULT, json={"item_id": item.lower(), "grade": grade, "defects": ["stain"], "inspector": "Jane Doe"}
        )
        after = (await client.get(f"{QUALITY}/degradation/{item}")).json()["data"]
        batch = (await client.post(f"{QUALITY}/degradation/batch", json={"item_ids": [item]})).json()["data"]["results"][item]

        assert (reply.status_code, reply.json()["data"]["quality_score"]) == (201, score)
        assert "not kept" in reply.json()["data"]["takes_effect"]
        assert after["current_quality_score"] == pytest.approx(score, abs=0.01) != before["current_quality_score"]
        assert after["degradation_prediction"]["365_days"] <= after["current_quality_score"]
        assert after["basis"]["inspection"]["inspection_id"] == reply.json()["data"]["inspection_id"]
        assert after["prediction_id"] != before["prediction_id"]
        assert batch == {"ok": True, "data": after}

    async def test_the_same_twice_is_one(self, client: httpx.AsyncClient, settings: QualitySettings, item: str) -> None:
        """Sent again, with other defects, it is the first one, and no name is in the store."""
        body = {"item_id": item, "grade": "B", "inspected_at": "2026-11-01T09:00:00", "defects": ["Stain", "rip or tear"]}
        first = await client.post(RESULT, json={**body, "inspector": "Jane Doe"})
        second = await client.post(RESULT, json={**body, "defects": []})
        engine = db.open_engine(settings.store_dsn)
        async with db.transaction(engine) as connection:
            (kept,) = await load_inspections(connection, [item])
            dump = str((await connection.execute(text("SELECT * FROM inspections"))).all())
        await engine.dispose()

        assert (first.status_code, second.status_code) == (201, 200)
        assert first.json()["data"]["inspection_id"] == second.json()["data"]["inspection_id"] == kept.report_id
        assert second.json()["data"]["known_before"]
        assert kept.defects == ("rip_or_tear", "stain")
        assert "Jane" not in dump

    async def test_what_is_wrong_is_said_with_help(self, client: httpx.AsyncClient, item: str) -> None:
        """No such grade, defect or item, a day to come, and an old look: refused with what is meant, or kept without effect."""
        wrong = [
            ({"grade": "b+"}, 422, "B+"), ({"grade": "A++"}, 422, None), ({"grade": "B", "defects": ["stian"]}, 422, "stain"),
            ({"grade": "B", "inspected_at": "2099-01-01T00:00:00"}, 422, None), ({"grade": "B", "item_id": "nobody"}, 404, None),
        ]  # fmt: skip
        for change, status, suggestion in wrong:
            reply = await client.post(RESULT, json={"item_id": item, **change})
            assert reply.status_code == status, change
            assert suggestion is None or suggestion in reply.json()["error"]["details"]["suggestion"]
        before = (await client.get(f"{QUALITY}/degradation/{item}")).json()["data"]
        old = await client.post(RESULT, json={"item_id": item, "grade": "F", "inspected_at": "2020-01-01T00:00:00"})
        after = (await client.get(f"{QUALITY}/degradation/{item}")).json()["data"]

        assert old.status_code == 201
        assert after == before

    async def test_reading_is_not_enough(self, settings: QualitySettings, keys: dict[str, str], item: str) -> None:
        """Posting needs the scope events (or decide)."""
        async with serving(settings, keys["read"]) as (client, _):
            assert (await client.post(RESULT, json={"item_id": item, "grade": "B"})).status_code == 403


class TestItem:
    def test_a_reading_in_the_past_has_worn_since(self, snapshot: Snapshot, item: str) -> None:
        """The longer ago the look, the lower the score now; one that training knew changes nothing."""
        row, end = snapshot.row_of(item), datetime.fromisoformat(snapshot.spec.data_to)
        known = item_of(snapshot, row)
        assert known.graded_at is not None
        fresh = item_of(snapshot, row, Reading(9, end, "x"))
        older = item_of(snapshot, row, Reading(9, max(known.graded_at, end - timedelta(days=60)) + timedelta(seconds=1), "x"))
        same = item_of(snapshot, row, Reading(int(snapshot.grade[row]), known.graded_at, "x"))

        assert (older.score[0] <= fresh.score[0]).all()
        assert same.reading is None

    def test_one_by_one_is_as_all_at_once(self, snapshot: Snapshot, item: str) -> None:
        """Projected from its own reading again, an item has the scores that training gave it at the data's last moment."""
        row, end = snapshot.row_of(item), datetime.fromisoformat(snapshot.spec.data_to)
        again = item_of(snapshot, row, Reading(int(snapshot.grade[row]), end, "x"))
        assert again.reading is not None
        assert (snapshot.score[row, 0] <= again.score[0] + 1e-6).all()


class TestStoreDown:
    @pytest.mark.mariadb
    async def test_answers_go_on_and_say_what_is_missing(
        self, mysql_dsn: str, tmp_path: Path, redis_url: str, snapshot: Snapshot, item: str
    ) -> None:
        """On MariaDB an inspection counts at once; with the store cut off the snapshot answers, says so, and a report is refused."""
        wire = Wire(make_url(mysql_dsn).port or 3306)
        await wire.mend()
        dsn = make_url(mysql_dsn).set(port=wire.port).render_as_string(hide_password=False)
        settings = QualitySettings(home=tmp_path, redis_url=redis_url, store_url=dsn)
        keys = await publish(settings, snapshot)
        async with serving(settings, keys["events"]) as (client, _):
            posted = [
                await client.post(RESULT, json={"item_id": item, "grade": "D", "inspected_at": "2026-11-01T09:00:00"})
                for _ in range(2)
            ]
            moved = (await client.get(f"{QUALITY}/degradation/{item}")).json()["data"]
            await wire.cut()
            answer = (await client.get(f"{QUALITY}/degradation/{item}")).json()
            refused = await client.post(RESULT, json={"item_id": item, "grade": "B"})

        assert [one.status_code for one in posted] == [201, 200]
        assert moved["current_quality_score"] == pytest.approx(0.1, abs=0.01)
        assert answer["data"]["basis"]["inspection"] is None
        assert "inspections since the last training" in answer["meta"]["degraded"]
        assert refused.status_code == 503
