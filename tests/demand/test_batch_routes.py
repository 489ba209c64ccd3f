"""Are many questions answered as each would be alone, and the impossible ones in their place?"""

from pathlib import Path

import pytest
from servedlife import DEMAND, ledger, served

from rfid3_demand.schemas import BatchAnswer
from rfid3_demand.settings import DemandSettings
from rfid3_demand.snapshot import Snapshot

BATCH = f"{DEMAND}/forecast/batch"


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> DemandSettings:
    return DemandSettings(home=tmp_path, redis_url=redis_url)


class TestBatch:
    async def test_equals_the_single_answers(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """Every answer is, to the byte, what GET /demand/forecast says; each is in the ledger."""
        queries = {
            "linen": {"category": "round linen", "weeks": 3}, "store": {"store": "003", "confidence_level": 0.9},
            "class": {"rental_class": "61825", "weeks": 8, "model_type": "random_forest"}, "bare": {"include_external_factors": False},
        }  # fmt: skip
        async with served(settings, snapshot) as (client, _):
            reply = await client.post(BATCH, json={"queries": [{"key": key, **query} for key, query in queries.items()]})
            single = {key: (await client.get(f"{DEMAND}/forecast", params=query)).json() for key, query in queries.items()}
        written = await ledger(settings)
        results = reply.json()["data"]["results"]

        BatchAnswer.model_validate(reply.json()["data"])
        assert list(results) == list(queries)
        assert {key: result["data"] for key, result in results.items()} == {key: one["data"] for key, one in single.items()}
        assert (reply.json()["meta"]["answered"], reply.json()["meta"]["refused"]) == (4, 0)
        shown = {w["prediction_id"] for result in results.values() for w in result["data"]["predictions"]}
        assert set(written) == shown

    async def test_what_cannot_be_answered_is_told_in_its_place(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """Errors have the code and the facts that the single question would get; the others are answered; keys default to places."""
        queries = [{"category": "Tabels"}, {"weeks": 99}, {"week": 3}, {"category": "Tables"}, {"weeks": 52}, {}]
        async with served(settings, snapshot) as (client, _):
            data = (await client.post(BATCH, json={"queries": queries})).json()
        results = data["data"]["results"]

        assert [results[str(at)]["ok"] for at in range(6)] == [False] * 5 + [True]
        codes = [results[str(at)]["error"]["code"] for at in range(5)]
        assert codes == ["NOT_FOUND", "INVALID_PARAMETERS", "INVALID_PARAMETERS", "INSUFFICIENT_DATA", "INSUFFICIENT_DATA"]
        assert results["0"]["error"]["details"]["suggestion"] == ["Tables"]
        assert results["1"]["error"]["details"]["problems"][0]["parameter"] == "weeks"
        assert (data["meta"]["answered"], data["meta"]["refused"]) == (1, 5)

    @pytest.mark.parametrize(
        ("body", "fact"),
        [
            ({"queries": []}, "queries"),
            ({"queries": [{}] * 1001}, "1000"),
            ({"queries": [{"key": "a"}, {"key": "a"}]}, '"duplicate_keys":["a"]'),
            ({"queries": [{"key": "1"}, {}]}, '"duplicate_keys":["1"]'),
            ({"queries": [{"key": ["a"]}]}, "queries.0.key"),
            ({"queries": [{"key": ""}]}, "queries.0.key"),
            ({"queries": {}}, "queries"),
            ({}, "queries"),
        ],
    )
    async def test_what_has_no_keyed_answers_is_refused_as_a_whole(
        self, settings: DemandSettings, snapshot: Snapshot, body: object, fact: str
    ) -> None:
        """Nothing, too much, or two queries of one key: 422, and nothing is written."""
        async with served(settings, snapshot) as (client, _):
            reply = await client.post(BATCH, json=body)

        assert reply.status_code == 422
        assert fact in reply.text
        assert await ledger(settings) == {}

    async def test_a_thousand_queries_are_one_answer(self, settings: DemandSettings, snapshot: Snapshot) -> None:
        """The most that is allowed comes back whole."""
        queries = [{"key": f"k{at}", "weeks": 1 + at % 4, "confidence_level": 0.5 + at % 40 / 100} for at in range(1000)]
        async with served(settings, snapshot) as (client, _):
            reply = await client.post(BATCH, json={"queries": queries})

        assert reply.json()["meta"]["answered"] == 1000
