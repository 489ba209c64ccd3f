"""RFID3's predictive page before the gateway: true numbers, none invented, and every refusal a text the page can show."""

import asyncio
import html
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import rfid3page as page
from doorway import Door, StartGateway, free_port, serving
from factories import insert, steady_shop
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert as insert_into

from rfid3_gateway.app import create_app
from rfid3_gateway.dashboard import stays
from rfid3_gateway.dashboard.optimization import page_optimization
from rfid3_gateway.dashboard.outside import page_indicators
from rfid3_gateway.dashboard.revenue import page_forecast
from rfid3_gateway.dashboard.routes import ROUTES
from rfid3_gateway.dashboard.shortage import NORMAL, SPREADS_OF_INTERVAL, Shortage, beyond_stock
from rfid3_gateway.dashboard.utilization import ClassUse, Measured, measure
from rfid3_gateway.plain import plain, plain_everywhere
from rfid3_gateway.settings import GatewaySettings
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.external import fetch
from rfid3_shared.external.findings import Correlation, Findings, NotEnough, keep_findings
from rfid3_shared.external.tables import external_data_factors, external_fetches
from rfid3_shared.flags import Flag, set_flag
from rfid3_shared.jobs import Job, get_job, list_jobs, prediction_jobs
from rfid3_shared.source import tables

API = "/rfid3/api/predictive"
NASTY = """<img src=x onerror="alert('&#39;')">"""
WHEN = datetime(2025, 7, 1, 12)


async def switch(door: Door, **wanted: bool) -> None:
    """Set flags and let the gateway see them."""
    engine = open_engine(door.store_dsn)
    async with transaction(engine) as connection:
        for name, enabled in wanted.items():
            await set_flag(connection, Flag[name], enabled=enabled, reason="a test", changed_by="tester", clock=Clock())
    await engine.dispose()
    await door.gateway.own.state.parts.flags.look()


@pytest.fixture
async def door(start_gateway: StartGateway, store_dsn: str) -> Door:
    """A gateway with everything switched on, before a demand service that is not there."""
    engine = open_engine(store_dsn)
    await steady_shop(engine, weeks=2)
    await engine.dispose()
    door = await start_gateway({"demand": [f"http://127.0.0.1:{free_port()}"]}, request_deadline_s=3.0)
    await switch(door, **{flag.name: True for flag in Flag})
    return door


async def written(dsn: str, *rows: tuple[Any, dict[str, Any]]) -> None:
    """Rows into the suite's own tables."""
    engine = open_engine(dsn)
    async with transaction(engine) as connection:
        for table, row in rows:
            await connection.execute(insert_into(table), row)
    await engine.dispose()


def factor(name: str, day: int, **changed: Any) -> tuple[Any, dict[str, Any]]:
    """One value of an outside factor."""
    return external_data_factors, {
        "factor_type": "weather", "factor_name": name, "factor_value": 20.0, "measurement_date": date(2025, 6, day), "location": "",
        "data_source": "test", "is_forecast": False, "quality_confidence": 1.0, "created_at": WHEN, **changed,
    }  # fmt: skip


def correlation(name: str, effect: float, lag: int, q_value: float = 0.01) -> Correlation:
    return Correlation("weather", name, "units", lag, effect, effect - 0.1, effect + 0.1, q_value / 10, q_value, 60)


FOUND = Findings(
    WHEN, date(2025, 6, 29), 3, (date(2024, 1, 1), date(2025, 6, 29)), 54,
    [correlation("rain", -0.4, 2), correlation("temperature", 0.3, 0), correlation("rain", -0.5, 1), correlation("noise", 0.9, 3, 0.2)],
    [NotEnough("consumer_confidence", 7)], "Seasons taken out.",
)  # fmt: skip


class TestOutsideData:
    async def test_summary_counts_what_both_have(self, door: Door) -> None:
        """RFID3's own values and the suite's, by type and factor; the page adds up every entry, so there is nothing else in it."""
        await written(door.store_dsn, factor("temperature", 1), factor("temperature", 2), factor("rain", 1, location="8101"))
        engine = open_engine(door.store_dsn)
        rows = [("2025-06-01", "economic", NASTY, 99.5), ("2025-06-03", "weather", "temperature", 18.0)]
        await insert(engine, tables.external_factors, ("date", "factor_type", "factor_name", "value"), rows)
        await engine.dispose()

        found = page.data_of(await door.get(f"{API}/external-data/summary"))

        assert page.factors_loaded(found) == 5
        assert {kind: set(own) for kind, own in found.items()} == {
            "weather": {"temperature", "rain (8101)"}, "economic": {plain(NASTY)}
        }  # fmt: skip
        assert found["weather"]["temperature"]["record_count"] == 3
        assert found["weather"]["temperature"]["last_updated"] == "2025-07-01T12:00:00Z"
        assert found["economic"][plain(NASTY)]["last_updated"] == "2025-06-01"

    async def test_without_any_there_is_none(self, door: Door) -> None:
        """The page says so itself when the object is empty."""
        assert page.data_of(await door.get(f"{API}/external-data/summary")) == {}

    async def test_without_rfid3s_database_the_suites_own(self, start_gateway: StartGateway) -> None:
        """What is missing is told beside the data, where the page does not add it up."""
        door = await start_gateway(
            {"demand": [f"http://127.0.0.1:{free_port()}"]}, source_url=f"mysql://nobody@127.0.0.1:{free_port()}/rfid3"
        )
        await switch(door, PREDICTIVE_ANALYTICS=True)
        await written(door.store_dsn, factor("temperature", 1))

        reply = await door.get(f"{API}/external-data/summary")

        assert page.factors_loaded(page.data_of(reply)) == 1
        assert "cannot be read" in reply.json()["meta"]["unavailable"][0]


class TestCorrelations:
    async def test_shows_what_stands_out(self, door: Door) -> None:
        """Significant pairs alone, strongest first, as numbers; how much was looked at; what was too short."""
        engine = open_engine(door.store_dsn)
        async with transaction(engine) as connection:
            await keep_findings(connection, FOUND, [("economic", "consumer_confidence", 7)])
        await engine.dispose()

        found = page.data_of(await door.get(f"{API}/correlations/analyze"))
        leading = page.data_of(await door.get(f"{API}/insights/leading-indicators?store=8101"))

        assert [(one["factor"], one["correlation"]) for one in found["insights"]["strong_correlations"]] == [
            ("rain", -0.5), ("rain", -0.4), ("temperature", 0.3)
        ]  # fmt: skip
        assert page.correlation_chart(found) == {"rain": -0.4, "temperature": 0.3}
        assert found["data_summary"]["date_range"] == "2024-01-01 to 2025-06-29"
        assert (found["data_summary"]["total_factors"], found["data_summary"]["pairs_tried"]) == (3, 54)
        assert found["insights"]["not_enough_overlap"] == [
            {"factor": "consumer_confidence", "overlap_weeks": 7, "needed_weeks": 26}
        ]
        assert page.indicator_cards(leading) == [("rain", -0.5, 1, "units rented"), ("rain", -0.4, 2, "units rented")]
        assert "store" in leading["unavailable"]

    async def test_before_the_first_analysis(self, door: Door) -> None:
        """An empty list, not a missing one, which the page would fill with an example; and why."""
        found = page.data_of(await door.get(f"{API}/correlations/analyze"))
        leading = page.data_of(await door.get(f"{API}/insights/leading-indicators"))

        assert page.correlation_chart(found) == {}
        assert page.indicator_cards(leading) == []
        assert "not been held against" in leading["recommendations"][0]

    def test_nothing_leads_is_said(self) -> None:
        """No card, and in its place how much was tried and what was too short to try."""
        said = page_indicators(replace(FOUND, correlations=[correlation("noise", 0.9, 3, 0.2)]), None)

        assert said["leading_indicators"] == []
        assert "54 pairs" in said["recommendations"][0]
        assert "7 weeks, needed 26" in said["recommendations"][1]


class TestFetch:
    async def test_answers_what_the_job_stored(self, door: Door) -> None:
        """The calendar, which needs no network, is truly fetched while the page waits; what is new is then held against demand."""
        reply, job = await asyncio.gather(door.client.post(f"{API}/external-data/fetch"), done(door))

        found = page.data_of(reply)
        assert (reply.status_code, found["state"], found["job_id"]) == (200, "succeeded", job.id)
        assert job.lane == "interactive", "somebody waits for it"
        assert found["total_stored"] > 0
        assert {one["provider"]: one["stored"] for one in found["providers"]}["calendar"] == found["total_stored"]
        assert page.factors_loaded(page.data_of(await door.get(f"{API}/external-data/summary"))) == found["total_stored"]
        engine = open_engine(door.store_dsn)
        async with transaction(engine) as connection:
            assert [(one.kind, one.state) for one in await list_jobs(connection, state="queued")] == [("correlate", "queued")]
        await engine.dispose()

    async def test_what_takes_longer_goes_on(self, door: Door) -> None:
        """Within the deadline: 202 with what the fetch before has brought; who asks meanwhile gets the same job."""
        await written(door.store_dsn, provider("weather", 40))

        async def time_passes() -> None:
            await asyncio.sleep(0.3)
            door.clock.ahead_s += 3_600

        first, second, _ = await asyncio.gather(
            *(door.client.post(f"{API}/external-data/fetch") for _ in range(2)), time_passes()
        )

        assert (first.status_code, second.status_code) == (202, 202)
        assert page.data_of(first) == page.data_of(second)
        assert page.data_of(first)["total_stored"] == 40
        assert page.data_of(first)["providers"][0]["note"] == plain(NASTY)

    @pytest.mark.parametrize("state", ["failed", "cancelled"])
    async def test_a_fetch_that_failed_is_a_refusal(self, door: Door, state: str) -> None:
        """The page shows the reason."""
        reply, _ = await asyncio.gather(
            door.client.post(f"{API}/external-data/fetch"),
            ended(door, state, error={"code": "SYSTEM_ERROR", "message": "no worker"}),
        )

        assert reply.status_code == 502
        assert ("no worker" in page.body_of(reply)["error"]) is (state == "failed")

    async def test_is_refused_while_outside_data_are_switched_off(self, door: Door) -> None:
        """No job is asked for."""
        await switch(door, EXTERNAL_DATA_INTEGRATION=False)

        reply = await door.client.post(f"{API}/external-data/fetch")

        assert (reply.status_code, page.body_of(reply)["error"]) == (503, "Use of external data is switched off.")
        engine = open_engine(door.store_dsn)
        async with transaction(engine) as connection:
            assert await list_jobs(connection) == []
        await engine.dispose()


def provider(name: str, stored: int) -> tuple[Any, dict[str, Any]]:
    """What came of the last fetch of a provider."""
    return external_fetches, {
        "provider": name, "last_attempt_at": WHEN, "last_success_at": WHEN, "state": "ok", "note": NASTY, "stored": stored,
        "validators": {},
    }  # fmt: skip


class Silent:
    """Progress that nobody watches."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Say nothing."""


async def ended(door: Door, state: str, **values: Any) -> Job:
    """The job, ended as a worker would as soon as it is there."""
    engine = open_engine(door.store_dsn)
    async with asyncio.timeout(20):
        while True:
            async with transaction(engine) as connection:
                if jobs := await list_jobs(connection, state="queued"):
                    change = prediction_jobs.update().where(prediction_jobs.c.id == jobs[0].id)
                    await connection.execute(change.values(state=state, active_key=None, **values))
                    job = await get_job(connection, jobs[0].id)
                    break
            await asyncio.sleep(0.02)
    await engine.dispose()
    return job


async def done(door: Door) -> Job:
    """The job, after its work was truly done."""
    settings = door.gateway.settings.model_copy(update={"external_calendar": "US-MN"})
    return await ended(door, "succeeded", result=await fetch.run(settings, {"providers": []}, Silent()))


class TestRefusals:
    async def test_without_a_key(self, door: Door) -> None:
        """401, and a text where the page looks for one: what the gateway refuses before any route is in the page's envelope too."""
        for route in ROUTES:
            method = "POST" if route.template.endswith("fetch") else "GET"
            reply = await door.client.request(method, route.template, headers={"x-api-key": "wrong"})

            assert (reply.status_code, page.body_of(reply)["code"]) == (401, "UNAUTHORIZED")

    async def test_everything_else_that_can_go_wrong_at_the_door(self, door: Door) -> None:
        """No such path, another method, a parameter that is none, switched off, no service: status and text."""
        await switch(door, PREDICTIVE_UI_ENHANCEMENTS=False)
        off = [
            await door.get(f"{API}/{path}") for path in ("correlations/analyze", "demand/forecast", "optimization/inventory")
        ]
        await switch(door, PREDICTIVE_UI_ENHANCEMENTS=True)
        replies = [
            *off, await door.get(f"{API}/demand/forecst"), await door.client.post(f"{API}/demand/forecast"),
            await door.get(f"{API}/demand/forecast?weeks=53&_=1"), await door.get(f"{API}/demand/forecast"),
        ]  # fmt: skip

        errors = [page.body_of(reply)["error"] for reply in replies]
        assert [reply.status_code for reply in replies] == [503, 503, 503, 404, 405, 422, 502]
        assert errors[0] == errors[1] == errors[2] == "The predictive view is switched off."
        assert "weeks: Input should be less than or equal to 52." in errors[5]
        assert errors[6] == "The demand service cannot be reached now."

    async def test_other_paths_keep_the_suites_envelope(self, door: Door) -> None:
        """The page's envelope is the page's alone."""
        assert (await door.get("/api/predictive/nowhere")).json()["error"]["code"] == "NOT_FOUND"

    async def test_a_parameter_is_no_way_into_the_page(self, door: Door) -> None:
        """What comes back of a parameter carries no markup."""
        page.body_of(await door.get(f"{API}/optimization/inventory", params={"store": NASTY[:20]}))

    def test_every_route_is_documented(self) -> None:
        """The gateway's own document holds the six calls; test_openapi proves that it is valid."""
        documented = create_app(GatewaySettings()).own.openapi()["paths"]

        assert {route.template for route in ROUTES} < set(documented)


def measured_shop(**changed: Any) -> Measured:
    use = (ClassUse("1", "Tables", "8101", 10, 42.0, 10, 3), ClassUse("2", "Tents", "3607", 5, 0.0, 0, 0))
    facts = {
        "as_of": date(2025, 6, 29), "recent_days": 56, "idle_weeks": 30, "usual_stay_days": 4.0, "use": use, "sell_usd": {"1": 50.0},
        "buy_usd": {"1": 60.0}, "codes": {}, "categories": {"1": "Tables", "2": "Tents"},
    }  # fmt: skip
    return Measured(**{**facts, **changed})


class TestUtilization:
    @pytest.mark.parametrize("backend", ["store_dsn", pytest.param("mysql_dsn", marks=pytest.mark.mariadb)])
    async def test_is_that_of_the_scans(self, backend: str, request: pytest.FixtureRequest) -> None:
        """Worked out by hand: out Tuesday 9:00, back Monday 9:00, six days of each week; on both backends."""
        engine = open_engine(request.getfixturevalue(backend))
        await steady_shop(engine, weeks=3)
        odd = [
            # out and never seen again: the item says it is out still, or nothing, or it was sold
            ("still", "On Rent"), ("vanished", "Ready to Rent"), ("sold", "Sold"),
        ]  # fmt: skip
        await insert(engine, tables.items, ("tag_id", "rental_class_num", "status", "current_store"),
                     [(f" {tag}", "7", status, "1.0") for tag, status in odd])  # fmt: skip
        left = [(9_000 + k, tag, "Rental", "2025-01-13 00:00:00") for k, (tag, _) in enumerate(odd)]
        # scanned out twice in a second, and again by the truck: one stay
        left += [(9_010, "vanished", "Rental", "2025-01-13 00:00:01"), (9_011, "vanished", "Delivery", "2025-01-13 08:00:00")]
        await insert(engine, tables.scans, ("id", "tag_id", "scan_type", "scan_date"), left)
        await insert(engine, tables.pos_equipment, ("item_num", "sell_price"), [("61825", 30.0)])

        async with transaction(engine) as connection:
            found = await measure(connection, Clock())
        await engine.dispose()

        # scans from Tuesday 7 January to Monday 27 January 9:00
        assert (found.as_of, found.recent_days) == (date(2025, 1, 27), 21)
        whole = {(one.rental_class, one.store): one for one in found.use}
        assert {key: (one.units, one.seen, one.idle) for key, one in whole.items()} == {
            ("61825", "8101"): (40, 20, 0), ("61839", "3607"): (12, 6, 0), ("63131", "8101"): (20, 10, 0), ("7", "3607"): (2, 2, 0)
        }  # fmt: skip
        assert whole["61825", "8101"].out_days == pytest.approx(20 * 3 * 6, abs=0.01)
        # the stays that ended: 108 of six days, and eight hours between two scans of one departure
        usual = (108 * 6 + 8 / 24) / 109
        assert found.usual_stay_days == pytest.approx(usual, abs=0.001)
        # from 13 January to the end of the 27th; eight hours and then as long as others stayed
        assert whole["7", "3607"].out_days == pytest.approx(15 + 8 / 24 + usual, abs=0.01)
        assert found.ratio(found.of("8101")) == pytest.approx(30 * 3 * 6 / (60 * 21), abs=0.001)
        assert (found.sell_usd, found.categories["7"]) == ({"61825": 30.0}, "Tents")

    async def test_an_empty_shop_tells_nothing(self, store_dsn: str) -> None:
        """No scan, no ratio."""
        engine = open_engine(store_dsn)
        await steady_shop(engine, weeks=0)
        async with transaction(engine) as connection:
            found = await measure(connection, Clock())
        await engine.dispose()

        assert (found.as_of, found.told, found.ratio(found.use)) == (None, False, None)

    def test_seconds_are_those_of_a_calendar(self) -> None:
        """A naive time counts as it is written."""
        assert stays.seconds_of(datetime(1970, 1, 3, 1)) == 2 * 86_400 + 3600


def listed(name: str, demand: float, change: float | None, label: str = "", weeks: int = 4) -> dict[str, Any]:
    """A series as the demand service lists it."""
    days = [date(2025, 6, 30) + timedelta(weeks=k) for k in range(weeks)]
    forecast = [{"week_starting": day.isoformat(), "mean": demand / 4, "lower": 0.0, "upper": demand / 2} for day in days]
    return {"level": "category", "name": name, "label": label or name, "demand": demand, "change": change, "forecast": forecast}


def short(rental_class: str, category: str, usd: float | None = 100.0, add: int = 2) -> Shortage:
    return Shortage(rental_class, f"CLASS {rental_class}", category, 3.0, add, usd)


class TestOptimization:
    def test_less_of_what_never_goes_out(self) -> None:
        """Three of ten units idle in a category used 7.5 %: their sell prices, and a word of caution before a whole year is known."""
        found = page_optimization(measured_shop(), None, [], [], {})

        _, low, _, _ = page.optimization_cards(plain_everywhere(found))
        (row,) = found["inventory_optimization"]["underperforming_items"]
        assert low == {"Tables": 150.0}
        assert (row["current_utilization"], row["idle_units"]) == ("8%", 3)
        assert "no whole year" in row["recommendation"]

    def test_more_of_what_runs_short(self) -> None:
        """Dollars and units of its classes; money and time until it is back, by hand."""
        little = replace(short("8", "Linens", add=0), units=0.4)
        shortages = [short("1", "Tables"), short("2", "Tents", usd=None), short("3", "Chairs", usd=50.0, add=0), little]

        found = page_optimization(measured_shop(), None, shortages, None, {})

        high, _, _, money = page.optimization_cards(plain_everywhere(found))
        assert high == {"Tables": 100.0, "Chairs": 50.0}
        assert "Too little to buy" in found["inventory_optimization"]["high_demand_categories"][1]["recommendation"]
        assert money == {
            "potential_revenue_increase": 150.0, "inventory_investment_needed": 120.0, "roi_estimate": "83%",
            "payback_period_months": 1.1,
        }  # fmt: skip
        assert "Tents" in found["unavailable"]["high_demand_categories"]

    def test_what_cannot_be_known_is_left_out_with_a_reason(self) -> None:
        """No price of a class that runs short: no investment, return or payback. No stock measured: no share, no resale."""
        unpriced = page_optimization(measured_shop(), None, [short("9", "Tents")], None, {})
        unmeasured = page_optimization(None, None, [short("1", "Tables")], None, {"underperforming_items": "why"})

        assert set(unpriced["financial_impact"]) == {"potential_revenue_increase"}
        assert "CLASS 9" in unpriced["unavailable"]["financial_impact.roi_estimate"]
        (row,) = unmeasured["inventory_optimization"]["high_demand_categories"]
        assert row["current_utilization"] == "not known"
        assert unmeasured["inventory_optimization"]["underperforming_items"] == []
        page.optimization_cards(plain_everywhere(unmeasured))

    def test_season_is_what_changes(self) -> None:
        """The largest change first; what hardly changes, or was not there before, is no action."""
        series = [
            listed("Tables", 130.0, 0.3),
            listed("Tents", 20.0, -0.5),
            listed("Linens", 100.0, 0.05),
            listed("New", 50.0, None),
        ]

        season = page_optimization(None, None, None, series, {})["inventory_optimization"]["seasonal_adjustments"]

        assert season["next_month"] == "July 2025"
        assert [text.partition(":")[0] for text in season["recommended_actions"]] == ["Tables", "Tents"]
        assert "130 units in the coming 4 weeks, 100 in the last 4 (+30%)" in season["recommended_actions"][0]

    async def test_without_the_demand_service_what_was_measured(self, door: Door) -> None:
        """The page gets its answer; what needs a forecast is empty, with the reason."""
        found = page.data_of(await door.get(f"{API}/optimization/inventory"))

        assert page.optimization_cards(found) == ({}, {}, [], {})
        assert found["unavailable"]["high_demand_categories"] == "The demand service cannot be reached now."
        assert found["basis"]["current_utilization"].startswith("Days that units were out")

    async def test_without_anything_it_is_a_refusal(self, start_gateway: StartGateway) -> None:
        """Neither a measurement nor a forecast: 503, in words."""
        door = await start_gateway(
            {"demand": [f"http://127.0.0.1:{free_port()}"]}, source_url=f"mysql://nobody@127.0.0.1:{free_port()}/rfid3"
        )
        await switch(door, PREDICTIVE_ANALYTICS=True, DEMAND_FORECASTING=True)

        reply = await door.get(f"{API}/optimization/inventory")

        assert reply.status_code == 503
        assert "cannot be reached" in page.body_of(reply)["error"]

    async def test_an_answer_of_another_shape_is_none(self, odd_service: Door) -> None:
        """502 in words, where the service's lists hold something else."""
        for path in ("optimization/inventory", "demand/forecast"):
            reply = await odd_service.get(f"{API}/{path}")

            assert (reply.status_code, page.body_of(reply)["error"]) == (502, "The demand service gave no usable answer.")


class TestComing:
    async def test_who_looks_again_asks_for_no_new_forecasts(self, start_gateway: StartGateway, store_dsn: str) -> None:
        """They would be the same rows in the ledger once more; another version of the models is asked anew."""
        engine = open_engine(store_dsn)
        await steady_shop(engine, weeks=1)
        await engine.dispose()
        app, batches, version = FastAPI(), [], ["v1"]

        @app.get("/api/predictive/demand/series")
        async def series(request: Request) -> JSONResponse:
            return JSONResponse(
                {"success": True, "data": {"items": [listed("61825", 80.0, 0.1)]}, "meta": {"model_version": version[0]}}
            )

        @app.post("/api/predictive/demand/forecast/batch")
        async def batch(request: Request) -> JSONResponse:
            batches.append((await request.json())["queries"])
            impact = {"revenue_opportunity": 240.0, "stockout_risk": 0.5}
            weeks = [{"predicted_demand": 20.0, "confidence_lower": 10.0, "confidence_upper": 30.0, "business_impact": impact}]
            results = {"0": {"ok": True, "data": {"predictions": weeks}}}
            return JSONResponse({"success": True, "data": {"results": results}, "meta": {"model_version": version[0]}})

        async with serving(app) as url:
            door = await start_gateway({"demand": [url]})
            await switch(door, PREDICTIVE_ANALYTICS=True, DEMAND_FORECASTING=True)
            seen = [page.data_of(await door.get(f"{API}/optimization/inventory")) for _ in range(3)]
            version[0] = "v2"
            seen += [page.data_of(await door.get(f"{API}/optimization/inventory"))]
            await switch(door, DEMAND_FORECASTING=False)
            off = page.data_of(await door.get(f"{API}/optimization/inventory"))

        assert len(batches) == 2
        assert [one["rental_class"] for one in batches[0]] == ["61825"]
        high = [page.optimization_cards(one)[0] for one in seen]
        # half of the outcomes lie above what is there: 0.4 of the spread, which is 20 / 2.56 units, at $12
        assert high == [{"Round Linen": pytest.approx(12 * 0.3989 * 20 / 2.563, abs=0.1)}] * 4
        assert off["unavailable"]["high_demand_categories"] == "Demand forecasting is switched off."


@pytest.fixture
async def odd_service(start_gateway: StartGateway, store_dsn: str) -> AsyncIterator[Door]:
    """A gateway before a demand service that answers nonsense in the right envelope."""
    engine = open_engine(store_dsn)
    await steady_shop(engine, weeks=1)
    await engine.dispose()
    app = FastAPI()

    @app.get("/api/predictive/demand/{rest:path}")
    async def answer(request: Request, rest: str) -> JSONResponse:
        return JSONResponse(
            {"success": True, "data": {"items": [{"name": 3}], "predictions": [["week"], {"predicted_demand": "x"}]}}
        )

    async with serving(app) as url:
        door = await start_gateway({"demand": [url]})
        await switch(door, PREDICTIVE_ANALYTICS=True, DEMAND_FORECASTING=True)
        yield door


class TestBeyondStock:
    @given(st.floats(0, 500), st.floats(0.1, 400), st.floats(0.001, 0.999))
    def test_is_the_mean_excess_of_the_curve(self, lower: float, width: float, risk: float) -> None:
        """E[(demand - stock)+], added up over the normal curve in ten thousand steps."""
        spread = width / SPREADS_OF_INTERVAL
        middle = lower + width / 2
        stock = middle + spread * NORMAL.inv_cdf(1 - risk)
        added = sum(max(0.0, middle + spread * z - stock) for z in STEPS) / len(STEPS)

        assert beyond_stock(lower, lower + width, risk) == pytest.approx(added, rel=0.02, abs=0.002 * width)

    def test_no_spread_is_no_shortage(self) -> None:
        """A forecast without a doubt that fits into the stock."""
        assert beyond_stock(5.0, 5.0, 0.0) == 0.0


STEPS = [NORMAL.inv_cdf((k + 0.5) / 10_000) for k in range(10_000)]


def forecast_of(*weeks: dict[str, Any], mape: float | None = 12.5) -> dict[str, Any]:
    return {"predictions": list(weeks), "model_performance": {"mape": mape}, "external_factors_considered": ["holidays", NASTY]}


def week(units: float, revenue: float | None, lower: float = 1.0, upper: float = 4.0) -> dict[str, Any]:
    return {
        "week_starting": "2025-06-30", "predicted_demand": units, "confidence_lower": lower, "confidence_upper": upper,
        "key_factors": {"seasonal_effect": 1.5, "weather_impact": NASTY},
        "business_impact": {"revenue_opportunity": revenue, "revenue_coverage": 0.7},
    }  # fmt: skip


class TestRevenue:
    def test_the_interval_is_that_of_the_units_at_the_weeks_rate(self) -> None:
        """20 units bring $100, so 1 to 4 units bring $5 to $20; a week without units takes the rate of all weeks."""
        found = plain_everywhere(page_forecast(forecast_of(week(20, 100.0), week(0, 0.0))))

        assert [point[1:] for point in page.forecast_chart(found)] == [(100.0, 5.0, 20.0), (0.0, 5.0, 20.0)]
        assert found["model_accuracy"]["mape"] == 12.5
        assert (found["basis"]["revenue_coverage"], found["unavailable"]) == (0.7, {})
        page.everywhere_plain(found)

    def test_what_is_not_known_is_null_or_left_out(self) -> None:
        """No rate: null, which draws no point. No tested week: no error of the model. Each with its reason."""
        found = page_forecast(forecast_of(week(20, None), mape=None))

        (point,) = found["predictions"]
        assert (point["predicted_revenue"], point["confidence_lower"], point["confidence_upper"]) == (None, None, None)
        assert "mape" not in found["model_accuracy"]
        assert set(found["unavailable"]) == {"predicted_revenue", "model_accuracy.mape"}


class TestPlain:
    @given(st.text(max_size=200))
    def test_no_markup_survives(self, text: str) -> None:
        """Whatever is written: one line, nothing that begins an element, closes an attribute or is an entity; twice is once."""
        found = plain(text)

        assert not page.MARKUP & set(found)
        assert html.unescape(found) == found
        assert found.isprintable()
        assert plain(found) == found

    def test_reads_the_same(self) -> None:
        """Look-alikes, not entities: charts and toasts would show those as they are written."""
        assert plain("90\" ROUND <white> & ivory's") == "90” ROUND ‹white› & ivory’s"
