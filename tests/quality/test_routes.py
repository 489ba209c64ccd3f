"""Does the service keep the API contract for single items, from a training run to the answers?"""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from qualitylife import QUALITY, open_doors, serving
from sqlalchemy import select

from rfid3_quality.schemas.degradation import BatchAnswer, DegradationAnswer
from rfid3_quality.settings import QualitySettings
from rfid3_quality.snapshot import Snapshot
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.flags import Flag, set_flag
from rfid3_shared.item_life.snapshot import CODES, FOR_SALE
from rfid3_shared.ledger import analytics_predictions

pytestmark = pytest.mark.xdist_group("learned quality")  # one training serves them all
HORIZONS = ("30_days", "90_days", "180_days", "365_days")


@pytest.fixture
async def reading(settings: QualitySettings, keys: dict[str, str]) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(settings, keys["read"]) as (found, _):
        yield found


def some(snapshot: Snapshot, where: np.ndarray) -> str:
    """An item of which this holds."""
    return snapshot.id_of(int(np.flatnonzero(where)[0]))


class TestDegradation:
    async def test_an_item_is_answered_as_endpoint_6_says(
        self, reading: httpx.AsyncClient, snapshot: Snapshot, settings: QualitySettings
    ) -> None:
        """Scores never rise, lie within their intervals, rest on what `basis` names, and the one shown is a row of the ledger."""
        item = some(snapshot, snapshot.answerable & (snapshot.grade >= 8))
        response = await reading.get(f"{QUALITY}/degradation/ {item.lower()} ")
        data, meta = response.json()["data"], response.json()["meta"]
        await reading.aclose()

        told = DegradationAnswer.model_validate(data)
        row = snapshot.row_of(item)
        ahead = [data["degradation_prediction"][name] for name in HORIZONS]
        assert told.item_id == item
        assert data["current_quality_score"] == pytest.approx(float(snapshot.score[row, 0, 0]), abs=1e-6)
        assert ahead == sorted(ahead, reverse=True)
        assert ahead[0] <= data["current_quality_score"]
        for name, value in data["degradation_prediction"].items():
            ends = data["degradation_intervals"][name]
            assert 0 <= ends["lower"] <= value <= ends["upper"] <= 1
        assert data["basis"]["wear"]["steps"] > 0
        assert set(data["quality_factors"]) == {
            "usage_intensity",
            "environmental_exposure",
            "maintenance_quality",
            "material_aging",
        }
        assert meta["data_as_of"] == str(snapshot.spec.data_as_of)

    async def test_what_is_shown_is_written_down(
        self, settings: QualitySettings, keys: dict[str, str], snapshot: Snapshot
    ) -> None:
        """The answer's prediction_id names a row with the score expected in 30 days and its 80 % interval."""
        item = some(snapshot, snapshot.answerable)
        async with serving(settings, keys["read"]) as (client, _):
            data = (await client.get(f"{QUALITY}/degradation/{item}")).json()["data"]
        store = db.open_engine(settings.store_dsn)
        async with db.transaction(store) as connection:
            query = select(analytics_predictions).where(analytics_predictions.c.prediction_id == data["prediction_id"])
            row = (await connection.execute(query)).mappings().one()
        await store.dispose()

        assert (row["prediction_type"], row["target_item_id"], row["horizon_days"]) == ("quality", item, 30)
        assert row["predicted_value"] == pytest.approx(data["degradation_prediction"]["30_days"], abs=1e-4)
        assert row["confidence_lower"] <= row["predicted_value"] + 1e-4

    async def test_dollars_rest_on_named_inputs(self, reading: httpx.AsyncClient, snapshot: Snapshot) -> None:
        """Where dollars are said every input has its origin, and each prior its numbers; where they are not, what is missing is named."""
        known = some(snapshot, snapshot.answerable & (snapshot.best >= 0))
        data = (await reading.get(f"{QUALITY}/degradation/{known}")).json()["data"]["replacement_recommendations"]
        analysis = data["cost_benefit_analysis"]
        assert data["best_option"] in analysis["options"]
        assert analysis["replacement_cost"] > 0
        stated = {name for name, origin in analysis["basis"].items() if origin == "stated prior"}
        assert stated == set(analysis["priors"])
        assert (data["optimal_replacement_date"] is None) == (data["why_no_date"] is not None)

    async def test_items_nothing_can_be_said_of(self, reading: httpx.AsyncClient, snapshot: Snapshot) -> None:
        """Unknown: 404 with ids that begin alike. Sold or lost, and goods for sale: 409 in words."""
        gone = some(snapshot, snapshot.codes[:, CODES.index("gone")] > 0)
        sale = some(snapshot, snapshot.codes[:, CODES.index("flags")] & FOR_SALE > 0)
        near = snapshot.id_of(5)
        unknown = await reading.get(f"{QUALITY}/degradation/{near[:-1]}")
        answers = [await reading.get(f"{QUALITY}/degradation/{one}") for one in (gone, sale)]

        assert (unknown.status_code, near in unknown.json()["error"]["details"]["suggestion"]) == (404, True)
        assert [one.status_code for one in answers] == [409, 409]
        assert [one.json()["error"]["code"] for one in answers] == ["CONFLICT", "CONFLICT"]

    async def test_an_item_never_graded_is_read_off_its_class(self, reading: httpx.AsyncClient, snapshot: Snapshot) -> None:
        """Its score is that which its graded relatives are expected to have now, on average, and `imputed` says so."""
        row = int(np.flatnonzero(snapshot.answerable & (snapshot.grade < 0))[0])
        answer = (await reading.get(f"{QUALITY}/degradation/{snapshot.id_of(row)}")).json()
        counts = snapshot.class_grades[snapshot.code(row, "rental_class")].astype(float)

        assert "grade" in answer["meta"]["imputed"]
        assert answer["data"]["current_quality_score"] == pytest.approx(counts @ np.arange(11) / counts.sum() / 10, abs=1e-3)
        assert answer["data"]["basis"]["grade_from"] == "the grades of its class"


class TestBatch:
    async def test_each_item_is_answered_as_alone(self, reading: httpx.AsyncClient, snapshot: Snapshot) -> None:
        """The batch says of every item what its GET says, and an error where that would be one; ids asked twice once."""
        rows = [*np.flatnonzero(snapshot.answerable)[:6].tolist(), int(np.flatnonzero(snapshot.codes[:, 4] > 0)[0])]
        ids = [snapshot.id_of(row) for row in rows]
        response = await reading.post(f"{QUALITY}/degradation/batch", json={"item_ids": [*ids, ids[0], "nobody"]})
        results = response.json()["data"]["results"]

        BatchAnswer.model_validate({"results": results})
        assert list(results) == [*ids, "nobody"]
        assert (response.json()["meta"]["answered"], response.json()["meta"]["refused"]) == (6, 2)
        for item in ids:
            alone = (await reading.get(f"{QUALITY}/degradation/{item}")).json()
            if alone["success"]:
                assert results[item] == {"ok": True, "data": alone["data"]}
            else:
                assert results[item]["error"]["code"] == alone["error"]["code"]
        assert results["nobody"]["error"]["code"] == "NOT_FOUND"

    async def test_its_size_is_bounded(self, reading: httpx.AsyncClient) -> None:
        """No ids, and more than a thousand, are refused."""
        for ids in ([], [str(k) for k in range(1001)]):
            assert (await reading.post(f"{QUALITY}/degradation/batch", json={"item_ids": ids})).status_code == 422


class TestDoors:
    async def test_no_model_flag_off_no_key(self, tmp_path: Path, redis_url: str) -> None:
        """Nothing to learn from: 409. With the flag off: 503. Without a key: 401."""
        settings = QualitySettings(home=tmp_path, redis_url=redis_url)
        keys = await open_doors(settings)
        async with serving(settings, keys["read"]) as (client, app):
            nothing = await client.get(f"{QUALITY}/degradation/x")
            nobody = await client.get(f"{QUALITY}/optimization", headers={"X-API-Key": "rfid3_wrong"})
            async with db.transaction(app.state.resources.store) as connection:
                await set_flag(connection, Flag.QUALITY_ANALYTICS, enabled=False, reason="t", changed_by="t", clock=Clock())
        async with serving(settings, keys["read"]) as (client, _):
            off = await client.get(f"{QUALITY}/degradation/x")

        assert (nothing.status_code, nothing.json()["error"]["code"]) == (409, "INSUFFICIENT_DATA")
        assert (off.status_code, off.json()["error"]["code"]) == (503, "FEATURE_DISABLED")
        assert nobody.status_code == 401

    async def test_training_is_asked_for_once(self, settings: QualitySettings, keys: dict[str, str]) -> None:
        """202 with a job; 409 while it waits; a reader may not ask."""
        async with serving(settings, keys["train"]) as (client, _):
            first, second = [await client.post(f"{QUALITY}/retrain") for _ in range(2)]
            refused = await client.post(f"{QUALITY}/retrain", headers={"X-API-Key": keys["read"]})

        assert (first.status_code, second.status_code, refused.status_code) == (202, 409, 403)
        assert first.json()["data"]["units"] > 0
