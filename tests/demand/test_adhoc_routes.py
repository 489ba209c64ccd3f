"""Is a caller's own data answered in time by a worker's process, and later as a job where that is not possible?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from demandlife import prepare, serving
from joblife import done

from rfid3_demand import payloads
from rfid3_demand.routes import adhoc_routes
from rfid3_demand.schemas import AdhocAnswer
from rfid3_demand.settings import DemandSettings
from rfid3_demand.worker import KINDS
from rfid3_shared import db
from rfid3_shared.jobs import count_jobs, list_jobs
from rfid3_shared.jobs.worker import JobWorker

ADHOC = "/api/predictive/demand/forecast/adhoc"
DAYS = [str(date(2025, 1, 6) + timedelta(days=7 * k)) for k in range(40)]
BODY: dict[str, Any] = {
    "freq": "W-MON", "horizon": 2, "levels": [0.1, 0.9], "deadline_s": 30,
    "series": [{"id": "a", "ds": DAYS, "y": [k % 3 + 4 for k in range(40)]}, {"id": "b", "ds": DAYS, "y": ["x"] * 40}],
}  # fmt: skip


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> DemandSettings:
    return DemandSettings(home=tmp_path, redis_url=redis_url, job_poll_ms=20)


@asynccontextmanager
async def working(settings: DemandSettings) -> AsyncIterator[None]:
    """The service's own jobs, done by a worker in this process, each in a process of its own."""
    worker, stop = JobWorker(settings, service="demand", kinds=KINDS), asyncio.Event()
    task = asyncio.create_task(worker.run(stop))
    try:
        yield
    finally:
        stop.set()
        await task


class TestAdhoc:
    async def test_is_answered_while_one_waits(self, settings: DemandSettings) -> None:
        """A worker's process does the work; the answer has a result for each series, without any model trained before."""
        keys = await prepare(settings, weeks=2)
        async with working(settings), serving(settings, keys["read"]) as (client, _):
            reply = await client.post(ADHOC, json=BODY, timeout=60)
            job_id = reply.json()["data"]["job_id"]
            later = await client.get(f"{ADHOC}/{job_id}")
        data = reply.json()["data"]

        assert reply.status_code == 200, reply.text
        AdhocAnswer.model_validate(data)
        assert [(one["id"], one["ok"]) for one in data["series"]] == [("a", True), ("b", False)]
        assert (data["answered"], data["refused"], data["state"]) == (1, 1, "succeeded")
        assert [step["ds"] for step in data["series"][0]["forecast"]] == ["2025-10-13", "2025-10-20"]
        assert later.json()["data"] == data

    async def test_what_takes_longer_is_a_job(self, settings: DemandSettings) -> None:
        """202 with where the answer will be; the same idempotency key is the same job; GET /jobs has its result too."""
        keys = await prepare(settings, weeks=2)
        async with serving(settings, keys["read"]) as (client, app):
            store, key = app.state.resources.store, {"idempotency-key": "once"}
            first = await client.post(ADHOC, json={**BODY, "respond_async": True}, headers=key)
            same = await client.post(ADHOC, json={**BODY, "respond_async": True}, headers=key)
            other = await client.post(ADHOC, json={**BODY, "horizon": 3}, headers=key)
            beside = await client.post(ADHOC, json={**BODY, "deadline_s": 1})
            waiting = await client.get(first.headers["location"])
            async with working(settings):
                for reply in (first, beside):
                    ended = await done(store, reply.json()["data"]["job_id"])
                    assert ended.state == "succeeded", ended.error
            found = await client.get(first.headers["location"])

        assert [reply.status_code for reply in (first, same, other, beside, waiting, found)] == [202, 202, 409, 202, 202, 200]
        assert first.json()["data"]["job_id"] == same.json()["data"]["job_id"] != beside.json()["data"]["job_id"]
        assert found.json()["data"]["series"][0]["ok"]
        assert ended.result is not None
        assert ended.result["series"] == found.json()["data"]["series"]

    async def test_too_many_that_wait_are_refused(self, settings: DemandSettings) -> None:
        """The queue of such work is bounded: 429 with when to come back."""
        keys = await prepare(settings, weeks=2)
        async with serving(settings, keys["read"]) as (client, app):
            bodies = [{**BODY, "horizon": 1 + at, "respond_async": True} for at in range(adhoc_routes.MOST_WAITING + 1)]
            statuses = [(await client.post(ADHOC, json=body)).status_code for body in bodies]
            async with db.transaction(app.state.resources.store) as connection:
                count = await count_jobs(connection, kind="adhoc")

        assert statuses == [202] * adhoc_routes.MOST_WAITING + [429]
        assert count == adhoc_routes.MOST_WAITING

    @pytest.mark.parametrize(
        ("body", "status", "fact"),
        [
            (b"", 422, "body"),
            (b"{", 422, "JSON"),
            (b'{"freq": "D", "horizon": 1, "series": [{"id": "a", "ds": ["2026-01-01"], "y": [NaN]}], "x": 1}', 422, "x"),
            (orjson.dumps({**BODY, "freq": "x"}), 422, "freq"),
            (orjson.dumps({**BODY, "horizon": 10_000}), 422, "365"),
            (orjson.dumps({**BODY, "series": [{}] * 501}), 422, "500"),
            (b" " * (adhoc_routes.MOST_BYTES + 1), 413, "fewer series"),
        ],
    )  # fmt: skip
    async def test_what_concerns_all_is_refused_before_any_work(
        self, settings: DemandSettings, body: bytes, status: int, fact: str
    ) -> None:
        """In the envelope, and no job is asked for."""
        keys = await prepare(settings, weeks=2)
        async with serving(settings, keys["read"]) as (client, app):
            reply = await client.post(ADHOC, content=body, headers={"content-type": "application/json"})
            async with db.transaction(app.state.resources.store) as connection:
                jobs = await list_jobs(connection)

        assert (reply.status_code, jobs) == (status, [])
        assert fact in reply.text
        assert len(reply.content) < 5_000

    async def test_needs_a_key_and_an_own_id(self, settings: DemandSettings) -> None:
        """Without a key nothing; an id of nothing, or of other work, is NOT_FOUND."""
        keys = await prepare(settings, weeks=2)
        async with serving(settings, None) as (client, _):
            nobody = await client.post(ADHOC, json=BODY)
            train = await client.post("/api/predictive/demand/retrain", json={}, headers={"X-API-Key": keys["train"]})
            ids = ("0" * 32, train.json()["data"]["training_job_id"])
            replies = [await client.get(f"{ADHOC}/{job_id}", headers={"X-API-Key": keys["read"]}) for job_id in ids]

        assert nobody.status_code == 401
        assert [reply.status_code for reply in replies] == [404, 404]

    async def test_series_that_are_no_longer_kept_end_the_job_in_words(self, settings: DemandSettings) -> None:
        """When Redis lost them meanwhile the job fails for good, and its answer says so."""
        keys = await prepare(settings, weeks=2)
        async with serving(settings, keys["read"]) as (client, app):
            reply = await client.post(ADHOC, json={**BODY, "respond_async": True})
            async for name in app.state.resources.redis.scan_iter("rfid3:demand:adhoc-input:*"):
                await app.state.resources.redis.delete(name)
            async with working(settings):
                job = await done(app.state.resources.store, reply.json()["data"]["job_id"])
            told = await client.get(reply.headers["location"])

        assert (job.state, job.attempts) == ("failed", 1)
        assert told.status_code == 500
        assert "ask again" in told.json()["error"]["message"]


class TestPayloads:
    def test_equal_contents_share_a_name_and_survive_packing(self) -> None:
        """The name is the contents' own."""
        import zlib

        assert payloads.name_of(b"a") == payloads.name_of(b"a") != payloads.name_of(b"b")
        assert zlib.decompress(payloads.packed(b"a" * 1000)) == b"a" * 1000
