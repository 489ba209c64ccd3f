"""Does the schedule rank by what a service avoids, and do routes refuse in the contract's words? On a snapshot made by hand."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from doorway import serving as served_at
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from handmade import AS_OF, made, publish, served
from maintenancelife import MAINTENANCE, open_doors, serving

from rfid3_maintenance import ranking
from rfid3_maintenance.item import Report, item_of
from rfid3_maintenance.schemas.outlook import TurnaroundAnswer
from rfid3_maintenance.schemas.planning import PlanAnswer
from rfid3_maintenance.schemas.probability import BatchAnswer
from rfid3_maintenance.schemas.schedule import ScheduleAnswer
from rfid3_maintenance.settings import MaintenanceSettings
from rfid3_maintenance.worker import KINDS as JOB_KINDS
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.flags import Flag, set_flag
from rfid3_shared.jobs.worker import JobWorker

SNAPSHOT = made()
SCHEDULE = f"{MAINTENANCE}/schedule"


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> MaintenanceSettings:
    return MaintenanceSettings(home=tmp_path, redis_url=redis_url, job_poll_ms=20)


@pytest.fixture
async def client(settings: MaintenanceSettings) -> AsyncIterator[httpx.AsyncClient]:
    async with served(settings, SNAPSHOT) as (client, _):
        yield client


def revenue_service(asked: list[dict[str, Any]]) -> FastAPI:
    """A demand service that knows of tents what they bring."""
    app = FastAPI()

    @app.post("/api/predictive/demand/forecast/batch")
    async def batch(request: Request) -> JSONResponse:
        body = await request.json()
        asked.append({"body": body, "key": request.headers.get("x-api-key")})
        week = {"business_impact": {"revenue_opportunity": 700.0, "units_in_service": 10}}
        results = {
            one["key"]: {"ok": True, "data": {"predictions": [week] * 4}} if one["key"] == "900" else {"ok": False, "error": {}}
            for one in body["queries"]
        }
        return JSONResponse({"success": True, "data": {"results": results}, "meta": {}})

    return app


class TestSchedule:
    async def test_ranks_by_dollars_and_never_the_healthiest_first(self, client: httpx.AsyncClient) -> None:
        """T-66: of items that cost alike, the one that wears faster avoids more, and comes first; each row adds up."""
        reply = await client.get(f"{SCHEDULE}?min_failure_probability=0.05&limit=500&equipment_filter=tents")
        data = reply.json()["data"]

        assert reply.status_code == 200, reply.text
        ScheduleAnswer.model_validate(data)
        rows = data["maintenance_schedule"]
        assert [row["equipment_id"] for row in rows[:3]] == ["TAG-T029", "TAG-T028", "TAG-T027"]
        avoided = [row["business_impact"]["total_cost_avoidance"] for row in rows]
        assert avoided == sorted(avoided, reverse=True)
        for end in ("", "_lower", "_upper"):
            every = sum(row["business_impact"][f"total_cost_avoidance{end}"] for row in rows)
            assert data["summary"][f"total_cost_avoidance{end}"] == pytest.approx(every, abs=0.01 * len(avoided))
        for row in rows:
            dollars = row["business_impact"]
            assert (
                dollars["total_cost_avoidance_lower"]
                <= dollars["total_cost_avoidance"]
                <= dollars["total_cost_avoidance_upper"]
            )
            assert row["failure_probability_lower"] <= row["failure_probability"] <= row["failure_probability_upper"]
            if row["optimal_maintenance_date"]:
                assert row["optimal_maintenance_date"] == str(AS_OF + timedelta(days=row["days_until_optimal"]))
        assert "TAG-LOST" not in str(rows)
        assert "TAG-SALE" not in str(rows)

    async def test_pages_filters_and_sorts(self, client: httpx.AsyncClient) -> None:
        """Pages are parts of one order; a class number is a filter; a lower bound shows no less; unknown filters get suggestions."""
        whole = (await client.get(f"{SCHEDULE}?min_failure_probability=0&limit=500")).json()["data"]
        page = (await client.get(f"{SCHEDULE}?min_failure_probability=0&limit=5&offset=10")).json()["data"]
        linen = (await client.get(f"{SCHEDULE}?min_failure_probability=0&equipment_filter=61825")).json()["data"]
        likely = (await client.get(f"{SCHEDULE}?sort_by=probability&limit=3")).json()["data"]["maintenance_schedule"]
        plain = (await client.get(f"{SCHEDULE}?include_cost_analysis=false&limit=1")).json()["data"]["maintenance_schedule"][0]
        wrong = await client.get(f"{SCHEDULE}?equipment_filter=tent")
        refused = [await client.get(f"{SCHEDULE}?{query}") for query in ("days_ahead=0", "limit=501", "sort_by=x", "y=1")]

        assert page["maintenance_schedule"] == whole["maintenance_schedule"][10:15]
        assert page["summary"] == whole["summary"] | {"revenue_at_risk": page["summary"]["revenue_at_risk"]}
        assert linen["summary"]["total_items_monitored"] == linen["summary"]["total"] == 30
        assert [row["failure_probability"] for row in likely] == sorted(
            (row["failure_probability"] for row in likely), reverse=True
        )
        assert plain["estimated_cost"] is plain["business_impact"]["total_cost_avoidance"] is None
        assert (wrong.status_code, wrong.json()["error"]["details"]["suggestion"]) == (404, ["Tents"])
        assert [reply.status_code for reply in refused] == [422] * 4

    async def test_without_demand_it_says_so(self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
        """Demand unset, or down: revenue at risk is null, never 0, and summary and meta say why."""
        unset = (await client.get(f"{SCHEDULE}?limit=2")).json()
        monkeypatch.setenv("RFID3_UPSTREAM_DEMAND", "http://127.0.0.1:1")
        down = (await client.get(f"{SCHEDULE}?limit=2")).json()

        for answer, word in ((unset, "not set"), (down, "does not answer")):
            assert [row["business_impact"]["revenue_at_risk"] for row in answer["data"]["maintenance_schedule"]] == [None, None]
            assert word in answer["data"]["summary"]["revenue_at_risk"] == answer["meta"]["revenue_at_risk"]

    async def test_a_silent_demand_is_left_alone_for_a_while(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A service that gave no answer does not slow down every answer of this one: it is not asked again at once."""
        asked: list[dict[str, Any]] = []
        monkeypatch.setenv("RFID3_UPSTREAM_DEMAND", "http://127.0.0.1:1")
        await client.get(f"{SCHEDULE}?limit=2")

        async with served_at(revenue_service(asked)) as url:
            monkeypatch.setenv("RFID3_UPSTREAM_DEMAND", url)
            again = (await client.get(f"{SCHEDULE}?limit=2")).json()

        assert asked == []
        assert "does not answer" in again["meta"]["revenue_at_risk"]

    async def test_takes_revenue_from_demand_as_the_caller(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Chance × days in the shop × dollars a unit and day of the forecast; a class without a rate stays unknown; asked once."""
        asked: list[dict[str, Any]] = []
        async with served_at(revenue_service(asked)) as url:
            monkeypatch.setenv("RFID3_UPSTREAM_DEMAND", url)
            first, again = [
                (await client.get(f"{SCHEDULE}?min_failure_probability=0&limit=100")).json()["data"]["maintenance_schedule"]
                for _ in range(2)
            ]

        assert len(asked) == 1
        assert asked[0]["key"] == client.headers["x-api-key"]
        assert {one["rental_class"] for one in asked[0]["body"]["queries"]} == {"900", "61825"}
        tent = next(row for row in first if row["equipment_type"] == "FRAME TENT")
        linen = next(row for row in first if row["equipment_type"] != "FRAME TENT")
        assert tent["business_impact"]["revenue_at_risk"] == pytest.approx(tent["failure_probability"] * 5 * 10, abs=0.01)
        assert linen["business_impact"]["revenue_at_risk"] is None
        assert again == first


class TestRanking:
    def test_agrees_with_each_item_alone(self) -> None:
        """All at once or one by one: the same chance, the same interval, the same order after a report."""
        report = Report("serviced", "repair", Clock().now())
        row = SNAPSHOT.row_of("TAG-T029")

        found = ranking.ranked(SNAPSHOT, 45, "all", 0.0, "probability", {row: report})

        assert found.monitored == 62
        for at in (0, 5, 30, 61):
            one = int(found.rows[at])
            item = item_of(SNAPSHOT, SNAPSHOT.id_of(one), report if one == row else None)
            assert found.chance[at] == pytest.approx(item.chance(45), rel=1e-5)
            assert (found.lower[at], found.upper[at]) == pytest.approx(item.interval(45), rel=1e-5)
        moved = int(np.flatnonzero(found.rows == row)[0])
        assert found.chance[moved] < ranking.chances(SNAPSHOT, 45)[row]
        assert (np.diff(found.chance) <= 1e-12).all()


class TestRefusals:
    async def test_each_state_of_an_item_has_its_words(self, client: httpx.AsyncClient) -> None:
        """Unknown: 404 with ids that begin alike; lost, sold, for sale: 409 CONFLICT; nothing to go by: 409 INSUFFICIENT_DATA."""
        expected = {
            "TAG-T0299": (404, "NOT_FOUND", "TAG-T029"), "TAG-LOST": (409, "CONFLICT", "not come back"),
            "TAG-GONE": (409, "CONFLICT", "retired"),
            "TAG-SALE": (409, "CONFLICT", "for sale"), "TAG-ALONE": (409, "INSUFFICIENT_DATA", "any item of its class"),
        }  # fmt: skip
        for path in ("health", "probability", "booking-survival"):
            for item, (status, code, word) in expected.items():
                reply = await client.get(f"{MAINTENANCE}/{path}/{item}")
                assert (reply.status_code, reply.json()["error"]["code"]) == (status, code), item
                assert word in reply.text

    async def test_an_item_without_own_history_says_what_it_rests_on(self, client: httpx.AsyncClient) -> None:
        """Never rented, never scanned: an answer from its class, marked so."""
        found = {
            name: (await client.get(f"{MAINTENANCE}/health/{name}")).json() for name in ("TAG-NEW", "TAG-UNSEEN", "TAG-T001")
        }

        assert [one["meta"]["sufficiency"] for one in found.values()] == ["short", "pooled", "full"]
        assert "never scanned" in found["TAG-UNSEEN"]["data"]["basis"]["item"]
        assert "own history" in found["TAG-NEW"]["meta"]["imputed"]

    async def test_batch_answers_each_in_its_place(self, client: httpx.AsyncClient) -> None:
        """{ok, data} as the GET answers, {ok: false, error} for the others; too many ids are refused."""
        ids = ["tag-t005", "TAG-LOST", "nobody"]
        reply = await client.post(f"{MAINTENANCE}/probability/batch", json={"item_ids": ids, "horizon_days": 60})
        alone = (await client.get(f"{MAINTENANCE}/probability/TAG-T005?horizon_days=60")).json()["data"]
        many = await client.post(f"{MAINTENANCE}/probability/batch", json={"item_ids": ["x"] * 1001})
        results = reply.json()["data"]["results"]

        BatchAnswer.model_validate(reply.json()["data"])
        assert [results[name]["ok"] for name in ids] == [True, False, False]
        assert results["tag-t005"]["data"] == alone
        assert (reply.json()["meta"]["answered"], reply.json()["meta"]["refused"]) == (1, 2)
        assert many.status_code == 422

    async def test_turnaround_and_bookings(self, client: httpx.AsyncClient) -> None:
        """A category without visits of its own is told what all say; the next booking of a class counts where none is given."""
        reply = await client.get(f"{MAINTENANCE}/turnaround?category=tents")
        wrong = [await client.get(f"{MAINTENANCE}/turnaround?{query}") for query in ("kind=x", "category=x")]
        booking = (await client.get(f"{MAINTENANCE}/booking-survival/TAG-T004")).json()["data"]["booking"]

        TurnaroundAnswer.model_validate(reply.json()["data"])
        assert reply.json()["data"]["turnaround"][0]["asked"] == "Tents"
        assert [one.status_code for one in wrong] == [422, 404]
        assert (booking["leaves_in_days"], booking["out_days"], booking["units_booked"]) == (5.0, 3.0, 2)

    async def test_no_model_flag_off_no_key(self, settings: MaintenanceSettings) -> None:
        """Without a model 503 (or 409 where there is nothing to learn from); with the flag off 503; without a key 401."""
        keys = await open_doors(settings)
        async with serving(settings, keys["read"]) as (client, app):
            nothing = await client.get(f"{MAINTENANCE}/health/x")
            async with db.transaction(app.state.resources.store) as connection:
                await set_flag(
                    connection, Flag.MAINTENANCE_PREDICTION, enabled=False, reason="t", changed_by="t", clock=Clock()
                )
            nobody = await client.get(f"{MAINTENANCE}/schedule", headers={"X-API-Key": "rfid3_wrong"})
        async with serving(settings, keys["read"]) as (client, _):
            off = await client.get(f"{MAINTENANCE}/health/x")

        assert (nothing.status_code, nothing.json()["error"]["code"]) == (409, "INSUFFICIENT_DATA")
        assert (off.status_code, off.json()["error"]["code"]) == (503, "FEATURE_DISABLED")
        assert nobody.status_code == 401


class TestPlan:
    async def test_is_made_by_the_worker(self, settings: MaintenanceSettings) -> None:
        """Within the hours of each day, worth most, with its gap; what cannot be kept is named; no hours, no plan, in words."""
        keys = await publish(settings, SNAPSHOT)
        body = {"days_ahead": 3, "crew": [{"skill": "repair", "hours_per_day": 2}],
                "bookings": [{"item_id": "TAG-T029", "starts_in_days": 0}, {"item_id": "nobody", "starts_in_days": 1}]}  # fmt: skip
        worker, stop = JobWorker(settings, service="maintenance", kinds=JOB_KINDS), asyncio.Event()
        task = asyncio.create_task(worker.run(stop))
        try:
            async with serving(settings, keys["read"]) as (client, _):
                reply = await client.post(f"{MAINTENANCE}/plan", json=body, timeout=60)
                idle = await client.post(f"{MAINTENANCE}/plan", json={"days_ahead": 3, "crew": []}, timeout=60)
                later = await client.get(reply.json()["data"]["result"])
        finally:
            stop.set()
            await task
        data = reply.json()["data"]

        assert reply.status_code == 200, reply.text
        PlanAnswer.model_validate(data)
        assert [len([one for one in data["plan"] if one["day"] == day]) for day in range(3)] == [2, 2, 2]
        assert "TAG-T029" not in {one["equipment_id"] for one in data["plan"]}
        assert {one["equipment_id"] for one in data["plan"]} == {f"TAG-T0{k}" for k in range(23, 29)}
        assert {one["item_id"] for one in data["infeasible_bookings"]} >= {"nobody"}
        assert 0 <= data["gap_ratio"] < 0.01
        for name in ("avoided_usd", "avoided_lower_usd", "avoided_upper_usd"):
            assert data[name] == pytest.approx(sum(one[name] for one in data["plan"]), abs=0.05)
        assert data["avoided_lower_usd"] <= data["avoided_usd"] <= data["avoided_upper_usd"]
        assert (idle.json()["data"]["plan"], "no hours" in idle.json()["data"]["text"]) == ([], True)
        assert later.json()["data"] == data
