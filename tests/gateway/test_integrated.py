"""RFID3's items and alerts with what the suite adds: known things first and always, predictions where they are there."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from doorway import Door, StartGateway, free_port, serving
from factories import insert, steady_shop
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from hypothesis import given
from hypothesis import strategies as st

from rfid3_gateway.integrated.alert_view import counts, merged
from rfid3_gateway.integrated.health_alerts import SEVERITIES, HealthAlert, load_health_alerts
from rfid3_gateway.integrated.item_rows import load_items
from rfid3_gateway.integrated.item_sources import urgency
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.flags import Flag, set_flag
from rfid3_shared.monitor import Alert, raise_alert
from rfid3_shared.source import tables

ALERTS = "/api/integrated/dashboard/alerts"
MARKUP = set("<>\"'`")
NASTY = """<b onclick="x('&#39;')">Sell it</b>"""
ZONE = ZoneInfo("America/Chicago")
HEALTH = [
    # severity, status, when in shop time
    (1, "low", "active", "2025-06-03 10:00:00"), (2, "critical", "active", "2025-06-01 10:00:00"),
    (3, "critical", "resolved", "2025-06-04 10:00:00"), (4, "high", "active", "2025-06-02 10:00:00"),
    (5, "critical", "active", "2025-06-02 10:00:00"), (6, "odd", "active", "2025-06-09 10:00:00"),
]  # fmt: skip


async def health_table(dsn: str) -> None:
    """RFID3's own alerts."""
    engine = open_engine(dsn)
    async with transaction(engine) as connection:
        await connection.run_sync(lambda sync: tables.health_alerts.create(sync))
    rows = [
        (number, f"tag-{number}", "61825", "high_usage", severity, NASTY, status, at) for number, severity, status, at in HEALTH
    ]
    columns = ("id", "tag_id", "rental_class_id", "alert_type", "severity", "suggested_action", "status", "created_at")
    await insert(engine, tables.health_alerts, columns, rows)
    await engine.dispose()


async def own_alerts(dsn: str, *levels: str) -> None:
    """Alerts of the suite's monitors."""
    engine = open_engine(dsn)
    for number, level in enumerate(levels):
        async with transaction(engine) as connection:
            await raise_alert(
                connection, service="demand", monitor="drift", subject=f"feature {number}", level=level, message=NASTY,
                evidence={}, model_version="v1", clock=Clock(),
            )  # fmt: skip
    await engine.dispose()


async def switch(door: Door, **wanted: bool) -> None:
    engine = open_engine(door.store_dsn)
    async with transaction(engine) as connection:
        for name, enabled in wanted.items():
            await set_flag(connection, Flag[name], enabled=enabled, reason="a test", changed_by="tester", clock=Clock())
    await engine.dispose()
    await door.gateway.own.state.parts.flags.look()


@pytest.fixture
async def door(start_gateway: StartGateway, store_dsn: str) -> AsyncIterator[Door]:
    """A gateway before a demand service that knows one class only, and a steady shop."""
    engine = open_engine(store_dsn)
    await steady_shop(engine, weeks=1)
    await engine.dispose()
    app = FastAPI()
    app.state.asked = asked = []

    @app.post("/api/predictive/demand/forecast/batch")
    async def batch(request: Request) -> JSONResponse:
        queries = (await request.json())["queries"]
        asked.append((queries, dict(request.headers)))
        results = {one["key"]: answered(one) for one in queries}
        return JSONResponse({"success": True, "data": {"results": results}, "meta": {"data_as_of": "2025-06-30"}})

    async with serving(app) as url:
        door = await start_gateway({"demand": [url]})
        door.gateway.own.state.asked = asked
        await switch(door, PREDICTIVE_ANALYTICS=True, DEMAND_FORECASTING=True)
        yield door


def answered(query: dict[str, Any]) -> dict[str, Any]:
    """What the demand service says of a class."""
    if query["rental_class"] != "61825":
        return {"ok": False, "error": {"code": "INSUFFICIENT_DATA", "message": NASTY, "details": {}}}
    week = {
        "prediction_id": "0" * 32, "week_starting": "2025-06-30", "predicted_demand": 21.5, "confidence_score": 0.6,
        "confidence_lower": 15.0, "confidence_upper": 26.0, "business_impact": {"stockout_risk": 0.3},
    }  # fmt: skip
    return {"ok": True, "data": {"predictions": [week]}}


class TestItem:
    async def test_rfid3s_facts_and_the_classes_week(self, door: Door) -> None:
        """What RFID3 knows as it knows it, the prediction, and which services say nothing."""
        body = (await door.get("/api/integrated/item/61825-001/predictions")).json()

        data = body["data"]
        assert body["success"]
        assert data["item_info"]["status"] == "Ready to Rent"
        assert [(one["prediction_type"], one["urgency"], one["value"]) for one in data["predictions"]] == [
            ("demand", "high", 21.5)
        ]
        assert data["last_updated"] == "2025-06-30"
        assert data["unavailable"]["maintenance"] == "This suite has no maintenance service."
        assert set(data["unavailable"]) == {"maintenance", "quality", "pricing", "inventory", "packs"}

    async def test_a_class_without_a_forecast(self, door: Door) -> None:
        """The reason in our words, none of the service's text."""
        data = (await door.get("/api/integrated/item/63131-001/predictions")).json()["data"]

        assert (data["predictions"], data["last_updated"]) == ([], None)
        assert data["unavailable"]["demand"] == "There is not enough history yet for a forecast of its rental class."

    async def test_unknown_is_404(self, door: Door) -> None:
        """An item that RFID3 does not know has no view."""
        reply = await door.get("/api/integrated/item/nobody/predictions")

        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "NOT_FOUND")

    async def test_switched_off_leaves_rfid3s_facts(self, door: Door) -> None:
        """The basic view, and why there is no more."""
        await switch(door, DEMAND_FORECASTING=False)

        data = (await door.get("/api/integrated/item/61825-001/predictions")).json()["data"]

        assert data["item_info"]["rental_class"] == "61825"
        assert data["unavailable"]["demand"] == "Demand forecasting is switched off."
        assert door.gateway.own.state.asked == []


class TestSingleItems:
    """Services that speak of single items are asked side by side; one that fails leaves the others' words."""

    async def test_each_service_says_its_own(self, start_gateway: StartGateway, store_dsn: str) -> None:
        """Chance of failure and score to come stand beside each other; what one service cannot say is named, in our words."""
        engine = open_engine(store_dsn)
        await steady_shop(engine, weeks=1)
        await engine.dispose()
        app, asked = FastAPI(), []
        chance = {
            "failure_probability": 0.3, "confidence": 0.8, "horizon_days": 30, "prediction_id": "1" * 32,
            "timeline": [{"days": 7, "lower": 0.1, "upper": 0.2}, {"days": 30, "lower": 0.2, "upper": 0.4}],
        }  # fmt: skip
        score = {
            "current_quality_score": 0.9, "degradation_prediction": {"30_days": 0.78}, "confidence": None, "prediction_id": "2" * 32,
            "degradation_intervals": {"30_days": {"lower": 0.7, "upper": 0.9}},
        }  # fmt: skip

        @app.post("/api/predictive/maintenance/probability/batch")
        async def chances(request: Request) -> JSONResponse:
            asked.append((await request.json())["item_ids"])
            results = {"61825-001": {"ok": True, "data": chance}, "61825-002": {"ok": False, "error": {"code": "NOT_FOUND"}}}
            return JSONResponse({"success": True, "data": {"results": results}, "meta": {"data_as_of": "2025-06-30"}})

        @app.post("/api/predictive/quality/degradation/batch")
        async def scores(request: Request) -> JSONResponse:
            results = {tag: {"ok": True, "data": score} for tag in (await request.json())["item_ids"]}
            meta = {"data_as_of": "2025-06-29", "model_version": "quality_v1"}
            return JSONResponse({"success": True, "data": {"results": results}, "meta": meta})

        async with serving(app) as url:
            door = await start_gateway({"maintenance": [url], "quality": [url]})
            await switch(door, PREDICTIVE_ANALYTICS=True, MAINTENANCE_PREDICTION=True, QUALITY_ANALYTICS=True)
            ids = ["61825-001", "61825-002"]
            body = (await door.client.post("/api/integrated/items/predictions", json={"item_ids": ids})).json()

        one, other = (body["data"]["results"][tag]["data"] for tag in ids)
        assert asked == [ids]
        assert [(p["prediction_type"], p["urgency"], p["value"], p["upper"]) for p in one["predictions"]] == [
            ("maintenance", "high", 0.3, 0.4), ("quality", "high", 0.78, 0.9)
        ]  # fmt: skip
        assert one["last_updated"] == "2025-06-29"
        assert [p["prediction_type"] for p in other["predictions"]] == ["quality"]
        assert other["unavailable"]["maintenance"] == "The maintenance service has not seen this item yet."
        assert other["unavailable"]["demand"] == "This suite has no demand service."
        assert body["meta"]["model_versions"] == {"quality": "quality_v1"}


class TestManyItems:
    async def test_a_class_is_asked_for_once(self, door: Door) -> None:
        """A thousand rows of a page are one question of the demand service, with the caller's own key."""
        ids = [f"{number}-{unit:03d}" for number, units in (("61825", 40), ("63131", 20)) for unit in range(units)]
        ids += [f"unknown-{k}" for k in range(940)]

        body = (await door.client.post("/api/integrated/items/predictions", json={"item_ids": ids})).json()

        results = body["data"]["results"]
        assert list(results) == ids
        assert (body["meta"]["answered"], body["meta"]["refused"]) == (60, 940)
        ((queries, headers),) = door.gateway.own.state.asked
        assert [one["rental_class"] for one in queries] == ["61825", "63131"]
        assert headers["x-api-key"] == door.key

    async def test_what_is_no_question_is_refused(self, door: Door) -> None:
        """422 for the whole: nothing could stand in its place."""
        bodies: list[dict[str, Any]] = [{"item_ids": []}, {"item_ids": ["a"] * 1001}, {"item_ids": [["a"]]}, {}, {"ids": ["a"]}]
        bodies += [{"item_ids": ["\ud800"]}]
        for body in bodies:
            reply = await door.client.post("/api/integrated/items/predictions", content=json.dumps(body))

            assert reply.status_code == 422

    @pytest.mark.parametrize("backend", ["store_dsn", pytest.param("mysql_dsn", marks=pytest.mark.mariadb)])
    async def test_tags_are_found_as_they_are_written(self, backend: str, request: pytest.FixtureRequest) -> None:
        """With a blank before them, as the live item master has some; the texts of absent values are none; on both backends."""
        engine = open_engine(request.getfixturevalue(backend))
        await steady_shop(engine, weeks=0)
        await insert(engine, tables.items, ("tag_id", "rental_class_num", "bin_location", "quality", "home_store"),
                     [(" ABC", " 61825", "null", "A-", "8101"), ("DEF", "", "NR4x1", "", None)])  # fmt: skip

        async with transaction(engine) as connection:
            found = await load_items(connection, ["ABC", "DEF", "GHI"])
        await engine.dispose()

        assert set(found) == {"ABC", "DEF"}
        assert (found["ABC"].rental_class, found["ABC"].bin_location, found["ABC"].quality, found["ABC"].store) == (
            "61825", None, "A-", "8101")  # fmt: skip
        assert (found["DEF"].rental_class, found["DEF"].bin_location, found["DEF"].quality) == (None, "NR4x1", None)


class TestUrgency:
    @given(st.floats(0, 1), st.floats(0, 1))
    def test_grows_with_the_chance_of_running_short(self, one: float, other: float) -> None:
        """A greater chance is never less urgent; an unknown one is of no urgency."""
        order = ["low", "medium", "high", "critical"]
        less, more = sorted((one, other))

        assert order.index(str(urgency(less))) <= order.index(str(urgency(more)))
        assert urgency(None) is None


class TestAlerts:
    async def test_are_one_list_critical_first_then_newest(self, door: Door) -> None:
        """RFID3's active ones and the suite's open ones, times in UTC, no markup, counted whether shown or not."""
        await health_table(door.store_dsn)
        await own_alerts(door.store_dsn, "warning", "critical")

        body = (await door.get(ALERTS)).json()
        few = (await door.get(f"{ALERTS}?limit=2")).json()["data"]

        shown = body["data"]["alerts"]
        assert [one["id"] for one in shown] == ["pred_2", "health_5", "health_2", "health_4", "pred_1", "health_6", "health_1"]
        assert [one["severity"] for one in shown] == ["critical"] * 3 + ["high", "medium", "low", "low"]
        assert body["data"]["summary"] == {
            "total_alerts": 7, "critical_alerts": 3, "predictive_alerts": 2, "existing_alerts": 5
        }  # fmt: skip
        assert shown[1]["created_at"] == "2025-06-02T15:00:00Z"
        assert (shown[1]["item_id"], shown[1]["type"], shown[0]["type"]) == ("tag-5", "existing_system", "predictive")
        assert all(not MARKUP & set(one["message"]) for one in shown)
        assert shown[1]["message"].startswith("High usage: ‹b onclick")
        assert [one["id"] for one in few["alerts"]] == ["pred_2", "health_5"]
        assert few["summary"]["total_alerts"] == 7
        assert body["data"]["unavailable"] == {}

    async def test_one_side_missing_leaves_the_other(self, door: Door) -> None:
        """RFID3 without the table, the view switched off: the rest is shown, with the reason."""
        await own_alerts(door.store_dsn, "critical")
        without = (await door.get(ALERTS)).json()["data"]
        await health_table(door.store_dsn)
        await switch(door, PREDICTIVE_UI_ENHANCEMENTS=False)
        off = (await door.get(ALERTS)).json()["data"]

        assert [one["id"] for one in without["alerts"]] == ["pred_1"]
        assert "existing_alerts" in without["unavailable"]
        assert {one["type"] for one in off["alerts"]} == {"existing_system"}
        assert off["unavailable"] == {"predictive_alerts": "The predictive view is switched off."}

    async def test_without_both_there_is_nothing_to_show(self, start_gateway: StartGateway) -> None:
        """503, because an empty list would look as if all were well."""
        source = f"mysql://nobody@127.0.0.1:{free_port()}/rfid3"
        door = await start_gateway({"demand": [f"http://127.0.0.1:{free_port()}"]}, source_url=source)

        assert (await door.get(ALERTS)).status_code == 503

    @pytest.mark.mariadb
    async def test_a_database_that_is_not_rfid3s(self, start_gateway: StartGateway, mysql_dsn: str) -> None:
        """503 for what only RFID3 knows; the alerts of the suite are shown with the reason."""
        door = await start_gateway({"demand": [f"http://127.0.0.1:{free_port()}"]}, source_url=mysql_dsn)
        await switch(door, PREDICTIVE_ANALYTICS=True)

        assert (await door.get("/api/integrated/item/x/predictions")).status_code == 503
        assert (await door.get("/rfid3/api/predictive/optimization/inventory")).status_code == 503
        assert (await door.get(ALERTS)).json()["data"]["unavailable"].keys() == {"existing_alerts"}

    @pytest.mark.mariadb
    async def test_mariadb_ranks_them_alike(self, mysql_dsn: str) -> None:
        """The worst and newest when there are more than fit, and the counts by severity."""
        await health_table(mysql_dsn)
        engine = open_engine(mysql_dsn, read_only=True)

        async with transaction(engine) as connection:
            found = await load_health_alerts(connection, 3)
        await engine.dispose()

        assert found is not None
        assert [one.id for one in found[0]] == [5, 2, 4]
        assert found[1] == {"critical": 2, "high": 1, "low": 1, "odd": 1}


MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2030, 1, 1))
WORDS = st.one_of(st.none(), st.sampled_from([*SEVERITIES, "CRITICAL", " High "]), st.text(max_size=5))
HEALTH_ALERTS = st.builds(HealthAlert, st.integers(1), st.none() | st.text(max_size=9), st.none(), st.none() | st.text(max_size=9),
                          WORDS, st.none() | st.text(max_size=30), st.none() | MOMENTS)  # fmt: skip


def own_alert(number: int, level: str, at: datetime) -> Alert:
    at = at.replace(tzinfo=UTC)
    return Alert(number, "demand", "drift", "x", level, NASTY, {}, "v1", None, at, at + timedelta(hours=1), None, None, None)


OWN_ALERTS = st.builds(own_alert, st.integers(1), st.sampled_from(["critical", "warning", "info"]), MOMENTS)


class TestMerged:
    @given(st.lists(HEALTH_ALERTS, max_size=6), st.lists(OWN_ALERTS, max_size=6), st.integers(1, 12))
    def test_never_shows_less_before_worse(self, health: list[HealthAlert], own: list[Alert], limit: int) -> None:
        """Whatever is in the tables: ranks ascend, within a rank times descend, nothing is invented or lost but by the limit."""
        shown = merged(health, own, ZONE, limit)

        keys = [(SEVERITIES.index(one["severity"]), one["created_at"] or "") for one in shown]
        assert [rank for rank, _ in keys] == sorted(rank for rank, _ in keys)
        for rank in range(len(SEVERITIES)):
            times = [at for own_rank, at in keys if own_rank == rank]
            assert times == sorted(times, reverse=True)
        assert len(shown) == min(limit, len(health) + len(own))
        assert all(not MARKUP & set(one["message"]) for one in shown)

    def test_counts_are_of_all(self) -> None:
        """By severity and by level, a warning being no critical one."""
        assert counts({"critical": 2, "low": 5, "": 1}, {"critical": 1, "warning": 4}) == {
            "total_alerts": 13, "critical_alerts": 3, "predictive_alerts": 5, "existing_alerts": 8
        }  # fmt: skip
