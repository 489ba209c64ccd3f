"""Do pictures, batches and own series pass the gateway as it is shipped, and does its document tell of them?"""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from doorway import MovableClock, serving
from openapi_spec_validator import validate
from servedlife import DEMAND, publish

from rfid3_demand.app import create_app
from rfid3_demand.settings import DemandSettings
from rfid3_demand.snapshot import Snapshot
from rfid3_gateway.app import create_app as create_gateway
from rfid3_gateway.settings import GatewaySettings

TOPOLOGY = Path(__file__).parents[2] / "deploy" / "topology.toml"
SERIES = [{"id": "a", "ds": ["2026-01-05"], "y": [1]}]


@pytest.fixture
async def outside(
    tmp_path: Path, redis_url: str, snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """A client before a gateway with the shipped topology, behind which a demand service answers from the snapshot."""
    settings = DemandSettings(home=tmp_path, redis_url=redis_url)
    keys = await publish(settings, snapshot)
    async with serving(create_app(settings)) as upstream:
        monkeypatch.setenv("RFID3_UPSTREAM_DEMAND", upstream)
        knobs: dict[str, Any] = {"home": tmp_path, "redis_url": redis_url, "topology": TOPOLOGY, "catalogue_refresh_s": 0.2}
        async with serving(create_gateway(GatewaySettings(**knobs), MovableClock())) as url, httpx.AsyncClient(
            base_url=url, headers={"X-API-Key": keys["read"]}, timeout=60
        ) as client:  # fmt: skip
            yield client


class TestGateway:
    async def test_pictures_keep_their_type_and_their_tags(self, outside: httpx.AsyncClient) -> None:
        """PNG and SVG arrive as such, with ETag, age and words; If-None-Match is answered 304 without a body."""
        png, svg = [await outside.get(f"{DEMAND}/forecast.{kind}?width=400&height=280") for kind in ("png", "svg")]
        held = await outside.get(f"{DEMAND}/forecast.png?width=400&height=280", headers={"if-none-match": png.headers["etag"]})

        assert (png.headers["content-type"], svg.headers["content-type"]) == ("image/png", "image/svg+xml")
        assert png.content.startswith(b"\x89PNG")
        assert b"<desc" in svg.content
        assert png.headers["cache-control"] == "private, max-age=60"
        assert "units" in png.headers["x-alt-text"]
        assert (held.status_code, held.content) == (304, b"")

    async def test_series_and_batches_are_answered(self, outside: httpx.AsyncClient) -> None:
        """JSON routes work as they do without the gateway; a batch counts in the class BATCH."""
        series = await outside.get(f"{DEMAND}/series?level=class")
        batch = await outside.post(f"{DEMAND}/forecast/batch", json={"queries": [{"key": "a"}]})

        assert series.json()["data"]["total"] == 2
        assert batch.json()["data"]["results"]["a"]["ok"]
        assert batch.headers["x-ratelimit-limit"] == "10"
        assert series.headers["x-ratelimit-limit"] == "100"

    async def test_own_series_may_be_large_and_take_their_time(self, outside: httpx.AsyncClient) -> None:
        """Larger bodies than elsewhere and a longer wait: where no worker is, the job's 202 comes after more than the usual 2 s."""
        body = {"freq": "D", "horizon": 1, "series": SERIES, "deadline_s": 10}
        padding = b" " * 1_500_000
        large = await outside.post(f"{DEMAND}/forecast/adhoc", content=padding + b'{"freq": "D"}')
        late = await outside.post(f"{DEMAND}/forecast/adhoc", json={**body, "deadline_s": 3})

        assert [reply.status_code for reply in (large, late)] == [422, 202]
        assert late.headers["location"] == late.json()["data"]["result"]

    async def test_the_document_tells_of_all_of_them(self, outside: httpx.AsyncClient) -> None:
        """The merged OpenAPI document is valid, and each route has its parameters, its body and its answers."""
        document = (await outside.get("/openapi.json")).json()
        while "demand" in document["x-missing-services"]:
            document = (await outside.get("/openapi.json")).json()
        paths = document["paths"]

        validate(document)
        assert {"get"} == set(paths[f"{DEMAND}/series"]) == set(paths[f"{DEMAND}/forecast.png"])
        assert {"post"} == set(paths[f"{DEMAND}/forecast/batch"]) == set(paths[f"{DEMAND}/forecast/adhoc"])
        assert "image/svg+xml" in paths[f"{DEMAND}/forecast.svg"]["get"]["responses"]["200"]["content"]
        for name in ("adhoc", "batch"):
            schema = paths[f"{DEMAND}/forecast/{name}"]["post"]["requestBody"]["content"]["application/json"]["schema"]
            schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
            assert "example" in schema
        assert "202" in paths[f"{DEMAND}/forecast/adhoc"]["post"]["responses"]
        assert "example" in paths[f"{DEMAND}/series"]["get"]["responses"]["200"]["content"]["application/json"]
