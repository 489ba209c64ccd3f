"""RFID3's older routes: true counts always, predictions on top where they are switched on and there, and plain words where not."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from doorway import Door, StartGateway, free_port, serving
from factories import SHOP, insert, steady_shop
from fastapi import FastAPI, Request
from fastapi.responses import Response
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from rfid3_demand.schemas import ForecastAnswer
from rfid3_gateway.insights import business_impact, confidence, predicted_units
from rfid3_gateway.inventory import count
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.flags import MASTER, Flag, set_flag
from rfid3_shared.source import tables

INSIGHTS, SUMMARY = "/api/inventory-analytics/enhanced-insights", "/api/inventory-analytics/inventory-summary"
DEMAND, VIEW = Flag.DEMAND_FORECASTING, Flag.PREDICTIVE_UI_ENHANCEMENTS
SECRET = "Traceback: sqlalchemy.exc.OperationalError at 10.0.0.7"
ODD_TAGS = [
    # tag, rental class, status, store of its own
    ("odd-1", "61825", "On Rent", "8101"),
    ("odd-2", "61825", " Wash ", "1.0"),
    ("odd-3", "63131", "300F4F573AD0043BE8C2A9D1", "003"),
    ("odd-4", "63131", None, None),
    ("odd-5", "61839", "Repair", None),
    ("odd-6", "99", "Sold", "000"),
]
"""Besides the shop's own tags, which are ready in store 8101 or 3607; the POS knows 61839 and 61825 at 8101, 63131 not."""


def week(**changed: Any) -> dict[str, Any]:
    """A week of a forecast as the demand service answers it."""
    impact = {"revenue_opportunity": 240.5, "revenue_coverage": 1.0, "inventory_requirement": 30, "units_in_service": 80,
              "stockout_risk": 0.1, **changed.pop("impact", {})}  # fmt: skip
    factors = {"seasonal_effect": 1.0, "weather_impact": "none", "economic_confidence": "not used",
               "event_calendar_impact": "none", "contributions_units": {}}  # fmt: skip
    return {
        "prediction_id": "0" * 32, "week_starting": "2025-06-02", "predicted_demand": 20.5, "confidence_score": 0.6,
        "confidence_lower": 15.0, "confidence_upper": 26.0, "key_factors": factors, "business_impact": impact, **changed,
    }  # fmt: skip


def forecast(*weeks: dict[str, Any]) -> dict[str, Any]:
    """The data of a demand forecast; held against the service's own schema, so that the two cannot drift apart."""
    performance = dict.fromkeys(
        ["mae", "rmse", "mape", "wape", "wape_seasonal_naive", "wape_four_week_mean", "coverage_80"], 0.5
    )
    data = {
        "forecast_period": "2025-06-02 to 2025-06-15", "store_filter": "all", "category_filter": "all",
        "model_ensemble": {"lightgbm": 1.0}, "predictions": list(weeks), "external_factors_considered": [],
        "model_performance": {**performance, "accuracy_trend": None, "tested_weeks": 4}, "recommendations": [], "advice": [],
        "basis": {"history_weeks": 30, "history_units": 900.0, "sufficiency": "short"},
    }  # fmt: skip
    ForecastAnswer.model_validate(data)
    return data


GOOD = forecast(
    week(), week(predicted_demand=30.0, confidence_score=0.4, impact={"inventory_requirement": 41, "stockout_risk": 0.3})
)


@dataclass
class Script:
    """What a service says next, and what it was asked."""

    status: int = 200
    body: Any = field(default_factory=lambda: {"success": True, "data": GOOD, "meta": {"model_version": "demand_v1"}})
    raw: bytes | None = None
    wait_s: float = 0.0
    asked: list[Request] = field(default_factory=list)


def scripted(script: Script, path: str) -> FastAPI:
    """A service with one route that answers by the script."""
    app = FastAPI()

    @app.get(path)
    async def route(request: Request) -> Response:
        script.asked.append(request)
        await asyncio.sleep(script.wait_s)
        return Response(script.raw or orjson.dumps(script.body), script.status, media_type="application/json")

    return app


async def stocked(dsn: str) -> None:
    """A source with the steady shop and a few odd tags."""
    engine = open_engine(dsn)
    await steady_shop(engine, weeks=2)
    columns = ("tag_id", "rental_class_num", "status", "current_store")
    await insert(engine, tables.items, columns, ODD_TAGS)
    await engine.dispose()


@pytest.fixture
async def script() -> Script:
    return Script()


@pytest.fixture
async def shop(script: Script, start_gateway: StartGateway, store_dsn: str) -> AsyncIterator[Door]:
    """A gateway before the scripted demand service, a stocked source, and everything switched on."""
    await stocked(store_dsn)
    async with serving(scripted(script, "/api/predictive/demand/forecast")) as url:
        door = await start_gateway({"demand": [url]}, request_deadline_s=1.0)
        await switch(door, {MASTER: True, DEMAND: True})
        yield door


async def switch(door: Door, wanted: dict[Flag, Any]) -> None:
    """Set flags and let the gateway see them."""
    engine = open_engine(door.store_dsn)
    async with transaction(engine) as connection:
        for flag, setting in wanted.items():
            setting = setting if isinstance(setting, dict) else {"enabled": setting}
            await set_flag(connection, flag, **setting, reason="a test", changed_by="tester", clock=Clock())
    await engine.dispose()
    await door.gateway.own.state.parts.flags.look()


async def data(door: Door, path: str = INSIGHTS, **params: Any) -> dict[str, Any]:
    """The data of a good answer, after a look at its envelope."""
    reply = await door.get(path, params=params)
    body = reply.json()
    assert (reply.status_code, body["status"]) == (200, "success"), body
    assert set(body) == {"status", "data", "timestamp", "request_id"}
    assert body["request_id"] == reply.headers["x-request-id"]
    assert SECRET not in reply.text
    return body["data"]  # type: ignore[no-any-return]


def oracle() -> list[tuple[str | None, str, str | None]]:
    """Category, condition and store of every unit, worked out by hand from what was put in."""
    shop = [(category, "available", store) for category, _, store, units in SHOP.values() for _ in range(2 * units)]
    odd = [
        ("Round Linen", "out", "8101"),
        ("Round Linen", "turnaround", "3607"),
        ("Tables", "unknown", "8101"),
        ("Tables", "unknown", None),
        ("Round Linen", "turnaround", "8101"),
        (None, "gone", None),
    ]
    return [*shop, *odd]


class TestCounts:
    @pytest.mark.parametrize("backend", ["store_dsn", pytest.param("mysql_dsn", marks=pytest.mark.mariadb)])
    async def test_are_those_of_the_tables(self, backend: str, request: pytest.FixtureRequest) -> None:
        """By category, condition and store, whole and filtered, as counted by hand; on both backends."""
        dsn = request.getfixturevalue(backend)
        await stocked(dsn)
        engine = open_engine(dsn, read_only=True)
        async with transaction(engine) as connection:
            stock = await count(connection, Clock())
        await engine.dispose()

        for category in (None, "Round Linen", "Tables", "Tents"):
            for store in (None, "8101", "3607"):
                expected = [
                    unit for unit in oracle()
                    if category in (None, unit[0]) and store in (None, unit[2])
                ]  # fmt: skip
                found = stock.summary(category, store)
                conditions = Counter(unit[1] for unit in expected)
                categories = Counter(unit[0] for unit in expected)
                assert found["total_units"] == len(expected)
                assert {name: number for name, number in found["by_condition"].items() if number} == conditions
                assert {one["category"]: one["total_units"] for one in found["by_category"]} == categories
        assert stock.untagged == 2

    async def test_words_nobody_knows_are_counted_not_shown(self, shop: Door) -> None:
        """A tag number that strayed into a status is one unknown word; an empty status is none."""
        statuses = (await data(shop))["inventory"]["by_status"]

        assert statuses == {
            "Ready to Rent": 72, "On Rent": 1, "Wash": 1, "Repair": 1, "Sold": 1, "(unknown word)": 1, "(none)": 1
        }  # fmt: skip

    async def test_say_how_many_stores_were_inferred(self, shop: Door) -> None:
        """One of 78 units stands where the POS item of its class does, for want of a better witness."""
        whole = (await data(shop))["inventory"]

        assert whole["store_inferred_ratio"] == pytest.approx(1 / 78, abs=1e-4)
        assert whole["untagged_pos_items"] == 2

    async def test_a_category_and_a_store_are_understood_as_people_write_them(self, shop: Door, script: Script) -> None:
        """Letter case and POS codes; the service is asked with RFID3's own spelling."""
        found = await data(shop, category="round linen", store="003")

        assert found["filters"] == {"category": "Round Linen", "store": "8101", "time_range": 30}
        assert found["inventory"]["total_units"] == 42
        assert found["inventory"]["untagged_pos_items"] is None
        assert dict(script.asked[0].query_params) == {"weeks": "5", "category": "Round Linen", "store": "8101"}

    @pytest.mark.parametrize(
        ("params", "suggested"), [({"category": "Round Linnen"}, "Round Linen"), ({"store": "9999"}, "8101")]
    )
    async def test_what_does_not_exist_is_refused_with_what_does(
        self, shop: Door, params: dict[str, str], suggested: str
    ) -> None:
        """404 instead of a row of zeros."""
        reply = await shop.get(INSIGHTS, params=params)

        assert reply.status_code == 404
        assert suggested in reply.json()["error"]["details"]["suggestion"]

    @pytest.mark.parametrize("word", ["all", "ALL", "000", "0"])
    async def test_all_means_all(self, shop: Door, word: str) -> None:
        """However older programs write it."""
        assert (await data(shop, category=word, store=word))["inventory"]["total_units"] == 78

    async def test_one_count_serves_all_for_ten_seconds(self, shop: Door) -> None:
        """A dashboard that asks often does not scan RFID3's tables each time; what is new is seen soon after."""
        before = await asyncio.gather(*(data(shop, SUMMARY) for _ in range(10)))
        engine = open_engine(shop.store_dsn)
        await insert(engine, tables.items, ("tag_id", "rental_class_num", "status"), [("new", "61825", "Ready to Rent")])
        await engine.dispose()
        soon = await data(shop, SUMMARY)
        shop.clock.ahead_s += 11
        later = await data(shop, SUMMARY)

        assert len({one["inventory"]["counted_at"] for one in [*before, soon]}) == 1
        assert (soon["inventory"]["total_units"], later["inventory"]["total_units"]) == (78, 79)


class TestEnhanced:
    async def test_shows_the_services_own_answer(self, shop: Door, script: Script) -> None:
        """The forecast whole, sums over its weeks, the version it rests on, and what is not there yet."""
        found = await data(shop, time_range=14)

        predictive = found["predictive_analytics"]
        assert (found["enhanced_features"], "fallback_reason" in found) == (True, False)
        assert predictive["demand_forecast"] == GOOD
        assert predictive["prediction_confidence"] == {"demand_forecast": 0.5}
        assert predictive["business_impact"] == {
            "revenue_opportunity": 481.0, "inventory_requirement": 41, "stockout_risk": 0.3,
        }  # fmt: skip
        assert predictive["basis"]["demand_forecast"]["model_version"] == "demand_v1"
        assert predictive["maintenance_schedule"] is None
        assert found["unavailable"] == {"maintenance_schedule": "This suite has no maintenance service."}
        assert script.asked[0].query_params["weeks"] == "2"

    async def test_asks_with_the_callers_key_and_names_the_request(self, shop: Door, script: Script) -> None:
        """The service sees who asks, for which request and how long there is; nothing else of the caller's headers."""
        await shop.get(INSIGHTS, headers={"x-request-id": "dashboard-1", "cookie": "a=b", "accept-encoding": "gzip"})

        headers = script.asked[0].headers
        assert (headers["x-api-key"], headers["x-request-id"]) == (shop.key, "dashboard-1")
        assert headers["x-forwarded-for"] == "127.0.0.1"
        assert 0 < int(headers["x-request-deadline-ms"]) < 1000
        assert "cookie" not in headers

    async def test_the_summary_shows_the_coming_weeks(self, shop: Door, script: Script) -> None:
        """The old keys are there as before; what is predicted comes in one key of its own."""
        found = await data(shop, SUMMARY)

        assert found["inventory"]["total_units"] == 78
        assert found["predictive_insights"] == {
            "forecast_period": "2025-06-02 to 2025-06-15", "predicted_units": 50.5, "prediction_confidence": 0.5,
            "business_impact": {"revenue_opportunity": 481.0, "inventory_requirement": 41, "stockout_risk": 0.3},
            "basis": {"model_version": "demand_v1", "data_as_of": None, "fallback": None},
        }  # fmt: skip
        assert script.asked[0].query_params["weeks"] == "4"

    async def test_a_number_that_is_not_known_is_null_with_a_reason(self, shop: Door, script: Script) -> None:
        """One week without a rate leaves no sum; the other numbers stay."""
        script.body["data"] = forecast(week(), week(impact={"revenue_opportunity": None}))

        found = await data(shop)

        assert found["predictive_analytics"]["business_impact"]["revenue_opportunity"] is None
        assert found["predictive_analytics"]["business_impact"]["stockout_risk"] == 0.1
        assert "rate" in found["unavailable"]["business_impact.revenue_opportunity"]

    async def test_one_service_down_leaves_the_other(self, start_gateway: StartGateway, store_dsn: str) -> None:
        """Partial results: the maintenance schedule is shown, the forecast is null with its reason."""
        await stocked(store_dsn)
        schedule = {"maintenance_schedule": [{"equipment_id": "T1"}], "summary": {}}
        script = Script(body={"success": True, "data": schedule, "meta": {}})
        async with serving(scripted(script, "/api/predictive/maintenance/schedule")) as url:
            door = await start_gateway({"demand": [f"http://127.0.0.1:{free_port()}"], "maintenance": [url]})
            await switch(door, {MASTER: True, DEMAND: True, Flag.MAINTENANCE_PREDICTION: True})

            found = await data(door)

        assert found["enhanced_features"]
        assert found["predictive_analytics"]["maintenance_schedule"] == schedule
        assert found["predictive_analytics"]["demand_forecast"] is None
        assert found["predictive_analytics"]["business_impact"] is None
        assert found["unavailable"]["demand_forecast"] == "The demand service cannot be reached now."
        assert script.asked[0].query_params["days_ahead"] == "30"


class TestFallback:
    @pytest.mark.parametrize("path", [INSIGHTS, SUMMARY])
    @pytest.mark.parametrize(
        ("wanted", "reason"),
        [
            ({MASTER: False}, "Predictive analytics is switched off."),
            ({DEMAND: False}, "Demand forecasting is switched off."),
            ({VIEW: False}, "The predictive view is switched off."),
            ({DEMAND: {"percent": 0, "entities": ["key:vip"]}}, "Demand forecasting is not switched on for this caller yet."),
        ],
    )
    async def test_what_is_switched_off_is_not_even_asked_for(
        self, shop: Door, script: Script, path: str, wanted: dict[Flag, Any], reason: str
    ) -> None:
        """The base view, `enhanced_features: false`, and the reason in words."""
        await switch(shop, wanted)

        found = await data(shop, path)

        assert (found["enhanced_features"], found["fallback_reason"]) == (False, reason)
        assert found["inventory"]["total_units"] == 78
        assert found.get("predictive_analytics", found.get("predictive_insights")) is None
        assert script.asked == []

    async def test_nobody_has_switched_anything_on(self, start_gateway: StartGateway, store_dsn: str) -> None:
        """A new installation shows the base view."""
        await stocked(store_dsn)
        door = await start_gateway({"demand": [f"http://127.0.0.1:{free_port()}"]})

        assert (await data(door))["enhanced_features"] is False

    async def test_a_roll_out_by_store_shows_that_store(self, shop: Door) -> None:
        """Phase D: one store's view is enhanced, another's is not."""
        await switch(shop, {DEMAND: {"percent": 0, "entities": ["store:8101"]}})

        assert (await data(shop, store="8101"))["enhanced_features"]
        assert not (await data(shop, store="3607"))["enhanced_features"]
        assert not (await data(shop))["enhanced_features"]

    @pytest.mark.parametrize("path", [INSIGHTS, SUMMARY])
    @pytest.mark.parametrize(
        ("status", "code", "reason"),
        [
            (503, "FEATURE_DISABLED", "Demand forecasting is switched off."),
            (503, "MODEL_UNAVAILABLE", "No model can give a demand forecast yet."),
            (409, "INSUFFICIENT_DATA", "There is not enough history yet for a demand forecast."),
            (504, "TIMEOUT", "Demand forecasting took too long to answer."),
            (404, "NOT_FOUND", "The demand service does not know this category or store."),
            (500, "SYSTEM_ERROR", "The demand service gave no usable answer."),
            (422, "SOMETHING_NEW", "The demand service gave no usable answer."),
        ],
    )
    async def test_an_error_of_the_service_becomes_plain_words(
        self, shop: Door, script: Script, path: str, status: int, code: str, reason: str
    ) -> None:
        """Whatever the service says, the view is whole and no text of its own gets through."""
        script.status, script.body = (
            status,
            {"success": False, "error": {"code": code, "message": SECRET, "details": {"x": SECRET}}},
        )

        found = await data(shop, path)

        assert (found["enhanced_features"], found["fallback_reason"]) == (False, reason)
        assert found["inventory"]["total_units"] == 78

    @pytest.mark.parametrize(
        "raw", [b"\x00\xff", b"[]", b"{}", b'"x"', b"null", b'{"data": 1}', b'{"data": {"predictions": {}}}', SECRET.encode()]
    )
    async def test_an_answer_that_is_none(self, shop: Door, script: Script, raw: bytes) -> None:
        """200 with nonsense is no prediction."""
        script.raw = raw

        found = await data(shop)

        assert (found["enhanced_features"], found["fallback_reason"]) == (False, "The demand service gave no usable answer.")

    async def test_a_slow_service_does_not_cost_the_base_view(self, shop: Door, script: Script) -> None:
        """The counts arrive within the deadline although the forecast does not."""
        script.wait_s = 5

        found = await data(shop)

        assert found["fallback_reason"] == "Demand forecasting took too long to answer."
        assert found["inventory"]["total_units"] == 78

    async def test_a_service_that_is_gone(self, start_gateway: StartGateway, store_dsn: str) -> None:
        """Nobody listens where the service was."""
        await stocked(store_dsn)
        door = await start_gateway({"demand": [f"http://127.0.0.1:{free_port()}"]})
        await switch(door, {MASTER: True, DEMAND: True})

        found = await data(door, SUMMARY)

        assert found["fallback_reason"] == "The demand service cannot be reached now."


class TestWithoutTheSource:
    async def test_predictions_are_shown_without_counts(
        self, script: Script, start_gateway: StartGateway, tmp_path: Path
    ) -> None:
        """Counts are null with a reason; the forecast is there."""
        async with serving(scripted(script, "/api/predictive/demand/forecast")) as url:
            door = await start_gateway({"demand": [url]}, source_url=f"sqlite:///{tmp_path / 'not-rfid3.db'}")
            await switch(door, {MASTER: True, DEMAND: True})

            found = await data(door, category="Round Linen")

        assert (found["inventory"], found["enhanced_features"]) == (None, True)
        assert found["unavailable"]["inventory"] == "RFID3's database cannot be read now."
        assert script.asked[0].query_params["category"] == "Round Linen"

    async def test_with_neither_there_is_nothing_to_show(self, start_gateway: StartGateway, tmp_path: Path) -> None:
        """503, because an empty view would look like an empty shop."""
        door = await start_gateway(
            {"demand": [f"http://127.0.0.1:{free_port()}"]}, source_url=f"sqlite:///{tmp_path / 'not-rfid3.db'}"
        )

        reply = await door.get(SUMMARY)

        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "SYSTEM_ERROR")

    async def test_lost_after_a_count_the_last_one_goes_on(self, shop: Door) -> None:
        """With the moment it was counted at, which does not move."""
        before = (await data(shop))["inventory"]
        engine = open_engine(shop.store_dsn)
        async with transaction(engine) as connection:
            await connection.execute(text("ALTER TABLE id_item_master RENAME TO gone"))
        await engine.dispose()
        shop.clock.ahead_s += 60

        assert (await data(shop))["inventory"] == before

    @pytest.mark.mariadb
    async def test_a_slow_count_is_there_for_the_next_request(
        self, script: Script, start_gateway: StartGateway, mysql_dsn: str
    ) -> None:
        """What takes longer than a request may wait is not begun anew by each of them."""
        await stocked(mysql_dsn)
        theirs = open_engine(mysql_dsn)
        async with serving(scripted(script, "/api/predictive/demand/forecast")) as url, theirs.connect() as connection:
            door = await start_gateway({"demand": [url]}, source_url=mysql_dsn, request_deadline_s=2.0)
            await switch(door, {MASTER: True, DEMAND: True})
            await connection.execute(text("LOCK TABLES id_item_master WRITE"))

            during = await data(door)
            await connection.execute(text("UNLOCK TABLES"))
            after = await data(door)

        assert (during["inventory"], during["enhanced_features"]) == (None, True)
        assert after["inventory"]["total_units"] == 78
        await theirs.dispose()


class TestDoor:
    @pytest.mark.parametrize("path", [INSIGHTS, SUMMARY])
    async def test_needs_a_key(self, shop: Door, path: str) -> None:
        """RFID3's dashboard has one of its own."""
        del shop.client.headers["x-api-key"]

        assert (await shop.get(path)).status_code == 401

    async def test_passes_over_parameters_of_older_programs(self, shop: Door) -> None:
        """A parameter against caching is no reason to refuse; a range that is none is."""
        assert (await shop.get(INSIGHTS, params={"_": "123"})).status_code == 200
        assert (await shop.get(SUMMARY, params={"_": "123"})).status_code == 200
        assert (await shop.get(INSIGHTS, params={"time_range": "0"})).status_code == 422


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip
NAMES = st.sampled_from(["predicted_demand", "confidence_score", "business_impact", "revenue_opportunity", "stockout_risk"])


class TestFiguresOfAnyAnswer:
    @given(st.lists(st.dictionaries(NAMES, ANYTHING | st.dictionaries(NAMES, ANYTHING), max_size=4) | ANYTHING, max_size=4))
    def test_are_numbers_or_null_never_a_fault(self, weeks: list[Any]) -> None:
        """Whatever a service puts into its weeks, the view neither raises nor makes a number of what is none."""
        answer = {"predictions": weeks}

        impact, missing = business_impact(answer)
        figures = [confidence(answer), predicted_units(answer), *impact.values()]

        assert all(figure is None or (isinstance(figure, int | float) and not isinstance(figure, bool)) for figure in figures)
        assert {name for name, value in impact.items() if value is None} == {name.partition(".")[2] for name in missing}
