"""What the door says about models and lets an administrator decide, against a real registry and running services."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from doorway import Door, StartGateway, free_port, serving, until
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from redis.asyncio import Redis
from sqlalchemy import insert

from rfid3_gateway.model_answers import (
    EventsAnswer,
    HistoryAnswer,
    ModelPerformance,
    PerformanceAnswer,
    PublishedVersion,
    ServiceModels,
    ShadowTallies,
    StateChange,
    SystemHealth,
    UsageStatistics,
)  # fmt: skip
from rfid3_gateway.usage import Usage
from rfid3_shared.db import transaction
from rfid3_shared.ledger.tables import analytics_predictions
from rfid3_shared.monitor.tables import alerts
from rfid3_shared.registry import CHANNEL, Registry, Verdict, Version
from rfid3_shared.registry.tally import Tally, add_tallies

MODELS = "/api/predictive/models"
TRAINED = datetime(2026, 11, 20, 3, 30, tzinfo=UTC)
METRICS = {"wape": 0.21, "naive_wape": 0.34, "mean_4_wape": 0.30, "coverage_80": 0.81}


def modelled(name: str) -> FastAPI:
    """A service that says which model it holds (`app.state.holds`) and notes how it was asked to retrain."""
    app = FastAPI()
    app.state.holds, app.state.asked = None, []

    @app.get("/ready")
    async def ready() -> JSONResponse:
        return JSONResponse({"model_version": app.state.holds}, 200 if app.state.holds else 503)

    @app.post(f"/api/predictive/{name}/retrain", status_code=202)
    async def retrain(request: Request) -> JSONResponse:
        app.state.asked.append((dict(request.headers), (await request.body()).decode(), str(request.url.query)))
        if b"no" in await request.body():
            return JSONResponse({"error": "CONFLICT"}, 409, headers={"x-theirs": "kept"})
        return JSONResponse({"job": 7}, 202, headers={"x-theirs": "kept", "keep-alive": "timeout=9"})

    return app


class Shop:
    """A gateway before services demand and packs, demand twice, and its registry."""

    def __init__(self, door: Door, apps: list[FastAPI], folder: Path) -> None:
        self.door, self.demand, self.twin, self.packs = door, *apps
        self.folder, self.published = folder, 0
        self.parts = door.gateway.own.state.parts
        self.registry: Registry = self.parts.registry

    async def publish(self, service: str = "demand", state: str = "champion", **metrics: Any) -> Version:
        """A new version in a state that a verdict can lead to."""
        self.published += 1
        folder = self.folder / str(self.published)
        folder.mkdir()
        (folder / "spec.json").write_text(json.dumps({"number": self.published}))
        version = await self.registry.publish(
            service, folder, model_type="ensemble", metrics={**METRICS, **metrics}, data_from=date(2024, 1, 1),
            data_to=date(2026, 11, 15), parameters={}, trained_at=TRAINED + timedelta(hours=self.published),
        )  # fmt: skip
        if state == "candidate":
            return version
        return await self.registry.settle(version, Verdict(state, f"reason {self.published}", {"losses": [0.2]}), by="job j1")  # type: ignore[arg-type]

    def hold(self, model_version: str) -> None:
        """Let both instances of demand say that they hold the version."""
        self.demand.state.holds = self.twin.state.holds = model_version

    async def get(self, path: str) -> Any:
        """The data of a good answer."""
        reply = await self.door.client.get(f"{MODELS}/{path}")
        assert reply.status_code == 200, reply.text
        return reply.json()["data"]

    async def decide(self, path: str, body: dict[str, Any], scope: str = "admin") -> Any:
        """The answer to a decision made with a key of that scope."""
        _, key = await self.door.new_key("read", scope)
        return await self.door.client.post(f"{MODELS}/{path}", json=body, headers={"x-api-key": key})


@pytest.fixture
async def shop(start_gateway: StartGateway, tmp_path: Path) -> AsyncIterator[Shop]:
    apps = [modelled("demand"), modelled("demand"), modelled("packs")]
    async with AsyncExitStack() as stack:
        first, second, packs = [await stack.enter_async_context(serving(app)) for app in apps]
        door = await start_gateway({"demand": [first, second], "packs": [packs]})
        (tmp_path / "trained").mkdir()
        yield Shop(door, apps, tmp_path / "trained")
        await door.client.aclose()


class TestPerformance:
    async def test_says_what_is_known_of_each_model(self, shop: Shop) -> None:
        """The champion's own figures, its state now, and nothing invented for a service without one."""
        version = await shop.publish(mae=3.5)
        shop.hold(version.model_version)

        data = await shop.get("performance")

        assert set(data) == set(PerformanceAnswer.model_fields)
        assert set(data["model_performance"]) == {"demand_forecasting", "packs_prediction"}
        demand, packs = data["model_performance"].values()
        assert set(demand) == set(packs) == set(ModelPerformance.model_fields)
        assert demand | {"accuracy": 0.79, "mae": 3.5, "precision": None, "status": "healthy", "service": "demand"} == demand
        assert demand["model_version"] == version.model_version
        assert datetime.fromisoformat(demand["last_trained"]) == version.trained_at
        assert (packs["status"], packs["accuracy"], packs["last_trained"], packs["metrics"]) == ("untrained", None, None, {})
        assert set(data["system_health"]) == set(SystemHealth.model_fields)
        assert set(data["usage_statistics"]) == set(UsageStatistics.model_fields)

    @pytest.mark.parametrize(
        ("trouble", "words"),
        [("other", "instead of the champion"), ("empty", "no model"), ("alert", "Errors of tents doubled."),
         ("naive", "mean_4 0.100 beside 0.210")],
    )  # fmt: skip
    async def test_says_why_a_model_is_degraded(self, shop: Shop, trouble: str, words: str) -> None:
        """An instance with another model or none, an open alert, a naive forecast that did better: each by name."""
        version = await shop.publish(mean_4_wape=0.1 if trouble == "naive" else 0.3)
        shop.hold(version.model_version)
        if trouble in ("other", "empty"):
            shop.twin.state.holds = {"other": "demand_v1", "empty": None}[trouble]
        if trouble == "alert":
            at = datetime(2026, 11, 22)
            row = {"service": "demand", "monitor": "error", "subject": "all", "level": "warning", "evidence": {}, "opened_at": at,
                   "last_seen_at": at}  # fmt: skip
            async with transaction(shop.parts.store) as connection:
                for message, key in (("Errors of tents doubled.", "demand/error/all"), ("Old and closed.", None)):
                    await connection.execute(insert(alerts), {**row, "message": message, "open_key": key})

        model = (await shop.get("performance"))["model_performance"]["demand_forecasting"]

        assert (model["status"], words in model["status_reason"]) == ("degraded", True), model["status_reason"]
        assert "Old and closed." not in model["status_reason"]

    async def test_a_service_out_of_reach_is_degraded(self, start_gateway: StartGateway, tmp_path: Path) -> None:
        """A champion nobody answers with is no healthy model."""
        door = await start_gateway({"demand": [f"http://127.0.0.1:{free_port()}"]})
        (tmp_path / "trained").mkdir()
        shop = Shop(door, [FastAPI()] * 3, tmp_path / "trained")
        await shop.publish()

        model = (await shop.get("performance"))["model_performance"]["demand_forecasting"]

        assert (model["status"], model["status_reason"]) == ("degraded", "No instance of the service can be reached.")

    async def test_speaks_of_24_hours_of_all_gateways(self, shop: Shop) -> None:
        """Calls come from the store, not from this process's memory; predictions of shadows are not volume."""
        usage = Usage(shop.parts.store, shop.door.clock)
        for status, seconds, cached in ((200, 0.010, True), (200, 0.030, False), (503, 9.0, None)):
            usage.count("packs", "other-key", status, seconds, cached)
        await usage.flush()
        now = shop.door.clock.now().replace(tzinfo=None)
        async with transaction(shop.parts.store) as connection:
            for number, (kind, role, age_hours) in enumerate(
                [
                    ("demand", "shown", 1),
                    ("demand", "shown", 23),
                    ("demand", "shown", 25),
                    ("demand", "shadow", 1),
                    ("pack", "shown", 2),
                ]
            ):
                row = {"prediction_id": f"{number}", "role": role, "prediction_type": kind, "prediction_date": date(2026, 11, 23),
                       "horizon_days": 7, "predicted_value": 1, "model_version": "v", "model_type": "m",
                       "created_at": now - timedelta(hours=age_hours)}  # fmt: skip
                await connection.execute(insert(analytics_predictions), row)

        data = await shop.get("performance")

        assert {name: model["prediction_volume_24h"] for name, model in data["model_performance"].items()} == {
            "demand_forecasting": 2, "packs_prediction": 1,
        }  # fmt: skip
        assert (
            data["usage_statistics"] | {"total_predictions_24h": 3, "most_requested_service": "packs"}
            == data["usage_statistics"]
        )
        assert data["usage_statistics"]["api_calls_24h"] >= 3
        assert data["usage_statistics"]["unique_users_24h"] >= 1
        health = data["system_health"]
        assert health["prediction_latency_avg_ms"] == pytest.approx(20)
        assert health["cache_hit_rate"] == pytest.approx(0.5)
        assert 0 < health["error_rate_24h"] <= 1 / 3
        assert health["uptime_percentage"] == 100
        assert health["overall_status"] in ("healthy", "degraded", "unhealthy")

    async def test_counts_against_the_system_class(self, shop: Shop) -> None:
        """200 a minute, as mission.md says."""
        reply = await shop.door.client.get(f"{MODELS}/performance")

        assert reply.headers["x-ratelimit-limit"] == "200"


class TestStatus:
    async def test_says_what_is_on_duty_and_what_is_loaded(self, shop: Shop) -> None:
        """Champion, shadow and its tallies from the store; what is loaded from the instances themselves."""
        champion, shadow = await shop.publish(), await shop.publish(state="shadow")
        async with transaction(shop.parts.store) as connection:
            tally = Tally(answers=4, faults=1, seconds=0.2, absolute_difference=5, champion_absolute=50)
            await add_tallies(connection, "demand", {shadow.model_version: tally}, TRAINED)
        shop.hold(champion.model_version)

        data = await shop.get("status")

        assert set(data) == {"demand", "packs"}
        assert set(data["demand"]) == set(data["packs"]) == set(ServiceModels.model_fields)
        assert data["demand"] | {
            "version": champion.model_version, "state": "champion", "loaded": True, "shadow": shadow.model_version,
            "loaded_versions": [champion.model_version] * 2,
            "shadow_tallies": {"answers": 4, "faults": 1, "mean_ms": 50.0, "relative_difference": 0.1},
        } == data["demand"]  # fmt: skip
        assert set(data["demand"]["shadow_tallies"]) == set(ShadowTallies.model_fields)
        assert data["packs"] | {"version": None, "state": "untrained", "loaded": False, "loaded_versions": [None], "shadow": None,
                                "shadow_tallies": None, "last_trained": None} == data["packs"]  # fmt: skip

    async def test_loaded_is_what_the_processes_say(self, shop: Shop) -> None:
        """One instance that still holds the version before is enough for no."""
        old, new = await shop.publish(), await shop.publish()
        shop.hold(new.model_version)
        shop.twin.state.holds = old.model_version

        demand = (await shop.get("status"))["demand"]

        assert demand["version"] == new.model_version
        assert not demand["loaded"]
        assert sorted(demand["loaded_versions"]) == [old.model_version, new.model_version]


class TestRetrain:
    async def test_is_the_services_own_retrain(self, shop: Shop) -> None:
        """Body, key, query and idempotency key reach the service; its status, body and headers come back; five an hour."""
        reply = await shop.door.client.post(
            f"{MODELS}/retrain/demand?dry=1", content=b'{"force_retrain": true}', headers={"idempotency-key": "k1"}
        )

        headers, body, query = (shop.demand.state.asked + shop.twin.state.asked)[0]
        assert (reply.status_code, reply.json(), reply.headers["x-theirs"]) == (202, {"job": 7}, "kept")
        assert (reply.headers["content-type"], reply.headers["x-ratelimit-limit"]) == ("application/json", "5")
        assert "keep-alive" not in reply.headers
        assert (body, query) == ('{"force_retrain": true}', "dry=1")
        assert headers["idempotency-key"] == "k1"
        assert headers["x-api-key"] == shop.door.key
        assert headers["x-request-id"] == reply.headers["x-request-id"]
        assert 0 < int(headers["x-request-deadline-ms"]) <= 2000

    async def test_needs_no_body(self, shop: Shop) -> None:
        """A request without one is passed on without one."""
        reply = await shop.door.client.post(f"{MODELS}/retrain/packs")

        assert (reply.status_code, shop.packs.state.asked[0][1]) == (202, "")

    async def test_a_refusal_comes_back_as_it_is(self, shop: Shop) -> None:
        """What the service answers is the answer."""
        reply = await shop.door.client.post(f"{MODELS}/retrain/demand", content=b"no")

        assert (reply.status_code, reply.json()) == (409, {"error": "CONFLICT"})

    async def test_needs_a_key_that_may_train(self, shop: Shop) -> None:
        """A key that may read is told what it lacks, and the service is not asked."""
        _, reader = await shop.door.new_key("read")

        reply = await shop.door.client.post(f"{MODELS}/retrain/demand", headers={"x-api-key": reader})

        assert (reply.status_code, reply.json()["error"]["code"]) == (403, "FORBIDDEN")
        assert not shop.demand.state.asked + shop.twin.state.asked

    async def test_a_service_that_is_away_is_said(self, start_gateway: StartGateway) -> None:
        """503 in the envelope, with when to come back."""
        door = await start_gateway({"demand": [f"http://127.0.0.1:{free_port()}"]})

        reply = await door.client.post(f"{MODELS}/retrain/demand")

        assert (reply.status_code, "retry-after" in reply.headers) == (503, True)


class TestVersionHistory:
    async def test_tells_what_became_of_every_version(self, shop: Shop) -> None:
        """Newest first, with state, figures, evidence, and when and by whom it was made champion."""
        first = await shop.publish()
        second = await shop.publish()
        rejected = await shop.publish(state="rejected")
        candidate = await shop.publish(state="candidate")

        data = await shop.get("version-history")

        assert set(data) == set(HistoryAnswer.model_fields)
        assert [row["version"] for row in data["versions"]] == [
            version.model_version for version in (candidate, rejected, second, first)
        ]  # fmt: skip
        assert all(set(row) == set(PublishedVersion.model_fields) for row in data["versions"])
        assert [row["state"] for row in data["versions"]] == ["candidate", "rejected", "champion", "retired"]
        assert [row["active"] for row in data["versions"]] == [False, False, True, False]
        assert [row["promoted_by"] for row in data["versions"]] == [None, None, "job j1", "job j1"]
        assert [row["deployed_at"] is None for row in data["versions"]] == [True, True, False, False]
        assert (
            data["versions"][1] | {"state_reason": "reason 3", "evidence": {"losses": [0.2]}, "data_to": "2026-11-15"}
            == data["versions"][1]
        )

    async def test_is_filtered_and_paged(self, shop: Shop) -> None:
        """Pages together are the whole, without overlap; the total is that of the filter."""
        made = [(await shop.publish(state="candidate")).model_version for _ in range(5)]
        packs = await shop.publish("packs")

        pages = [await shop.get(f"version-history?service=demand&limit=2&offset={offset}") for offset in (0, 2, 4)]
        champions = await shop.get("version-history?state=champion")

        assert [row["version"] for page in pages for row in page["versions"]] == made[::-1]
        assert {page["total"] for page in pages} == {5}
        assert ([row["version"] for row in champions["versions"]], champions["total"]) == ([packs.model_version], 1)


class TestDecide:
    async def test_promote_makes_it_champion_and_tells_everybody(self, shop: Shop, redis_url: str) -> None:
        """A rejected version may be put in place by hand: state, event with who and why, and a word to the processes."""
        await shop.publish()
        other = await shop.publish(state="rejected")
        async with Redis.from_url(redis_url) as redis, redis.pubsub() as heard:
            await heard.subscribe(CHANNEL)
            await heard.get_message(timeout=1)

            reply = await shop.decide("demand/promote", {"model_version": other.model_version, "reason": "Better for tents."})

            word = await heard.get_message(ignore_subscribe_messages=True, timeout=2)
        data = reply.json()["data"]
        assert (reply.status_code, data["version"], data["state"], data["active"]) == (
            200,
            other.model_version,
            "champion",
            True,
        )
        assert word is not None
        assert word["data"] == b"demand"
        current = await shop.registry.current("demand")
        assert current is not None
        assert current.model_version == other.model_version
        newest = (await shop.get("demand/events"))["events"][0]
        assert set(newest) == set(StateChange.model_fields)
        assert newest | {"model_version": other.model_version, "from_state": "rejected", "to_state": "champion",
                         "changed_by": data["promoted_by"], "reason": "Better for tents."} == newest  # fmt: skip
        assert len(data["promoted_by"]) == 12

    async def test_rollback_leads_to_the_champion_before(self, shop: Shop) -> None:
        """One call, and the version before answers again."""
        first, second = await shop.publish(), await shop.publish()

        reply = await shop.decide("demand/rollback", {"reason": "Tents look wrong."})

        assert (reply.status_code, reply.json()["data"]["version"]) == (200, first.model_version)
        history = (await shop.get("version-history?service=demand"))["versions"]
        assert {row["version"]: row["state"] for row in history} == {
            first.model_version: "champion", second.model_version: "retired",
        }  # fmt: skip

    async def test_rollback_to_a_named_version(self, shop: Shop) -> None:
        """Any retired version may be named."""
        first, _, _ = await shop.publish(), await shop.publish(), await shop.publish()

        reply = await shop.decide("demand/rollback", {"reason": "Two steps.", "to": first.model_version})

        assert reply.json()["data"]["version"] == first.model_version

    @pytest.mark.parametrize(
        ("path", "body", "status", "code"),
        [
            ("demand/promote", {"model_version": "demand_v0", "reason": "why not"}, 404, "NOT_FOUND"),
            ("demand/promote", {"model_version": "{champion}", "reason": "again"}, 409, "CONFLICT"),
            ("demand/promote", {"model_version": "{champion}"}, 422, "INVALID_PARAMETERS"),
            ("demand/promote", {"model_version": "{champion}", "reason": "   "}, 422, "INVALID_PARAMETERS"),
            ("demand/promote", {"model_version": "x", "reason": "why", "force": True}, 422, "INVALID_PARAMETERS"),
            ("demand/rollback", {"reason": "nothing before"}, 409, "CONFLICT"),
            ("packs/rollback", {"reason": "no champion"}, 409, "CONFLICT"),
        ],
    )  # fmt: skip
    async def test_what_cannot_be_done_is_refused(
        self, shop: Shop, path: str, body: dict[str, Any], status: int, code: str
    ) -> None:
        """Unknown, pointless or unexplained decisions change nothing."""
        champion = await shop.publish()
        body = {name: champion.model_version if value == "{champion}" else value for name, value in body.items()}

        reply = await shop.decide(path, body)

        assert (reply.status_code, reply.json()["error"]["code"]) == (status, code)
        assert len(await shop.registry.events()) == 1

    async def test_damaged_files_are_not_promoted(self, shop: Shop, tmp_path: Path) -> None:
        """Before anything changes the artefact is verified."""
        champion, other = await shop.publish(), await shop.publish(state="rejected")
        (shop.registry.open_artefact(other) / "spec.json").write_text("{}")

        reply = await shop.decide("demand/promote", {"model_version": other.model_version, "reason": "try it"})

        current = await shop.registry.current("demand")
        assert (reply.status_code, reply.json()["error"]["code"]) == (503, "MODEL_UNAVAILABLE")
        assert current is not None
        assert current.model_version == champion.model_version

    @pytest.mark.parametrize("path", ["demand/promote", "demand/rollback"])
    @pytest.mark.parametrize("scope", ["read", "train", "decide"])
    async def test_is_for_administrators(self, shop: Shop, path: str, scope: str) -> None:
        """Which model answers is not decided with a key for anything less."""
        body = {"reason": "because"} if "rollback" in path else {"model_version": "demand_v0", "reason": "because"}

        reply = await shop.decide(path, body, scope)

        assert (reply.status_code, reply.json()["error"]["details"]) == (403, {"required_scope": "admin"})


class TestEvents:
    async def test_lists_every_change_newest_first(self, shop: Shop) -> None:
        """Each change of state of this service is a line, and no other service's."""
        first, second = await shop.publish(), await shop.publish()
        await shop.publish("packs")

        data = await shop.get("demand/events")
        page = await shop.get("demand/events?limit=1&offset=1")

        assert set(data) == set(EventsAnswer.model_fields)
        changes = [(event["model_version"], event["from_state"], event["to_state"]) for event in data["events"]]
        assert sorted(changes[:2]) == sorted([
            (second.model_version, "candidate", "champion"), (first.model_version, "champion", "retired"),
        ])  # fmt: skip
        assert changes[2:] == [(first.model_version, "candidate", "champion")]
        assert page["events"] == data["events"][1:2]


class TestUnknownService:
    @pytest.mark.parametrize(
        ("method", "path"),
        [("POST", "retrain/demnd"), ("GET", "version-history?service=demnd"), ("GET", "demnd/events"), ("POST", "demnd/promote"),
         ("POST", "demnd/rollback")],
    )  # fmt: skip
    async def test_is_answered_with_those_there_are(self, shop: Shop, method: str, path: str) -> None:
        """A typing error is named as such, with the nearest name."""
        _, key = await shop.door.new_key("admin")

        reply = await shop.door.client.request(
            method, f"{MODELS}/{path}", headers={"x-api-key": key},
            json={"reason": "because", **({"model_version": "x"} if "promote" in path else {})} if method == "POST" else None,
        )  # fmt: skip

        assert (reply.status_code, reply.json()["error"]["code"]) == (404, "NOT_FOUND")
        assert reply.json()["error"]["details"] == {"services": ["demand", "packs"], "suggestion": "demand"}


class TestDocumented:
    async def test_the_document_names_every_route(self, shop: Shop) -> None:
        """Each is in the merged OpenAPI document with its answer's shape, and none twice."""
        document: dict[str, Any] = {}

        async def seen() -> None:
            document.update((await shop.door.get("/openapi.json")).json())

        await seen()
        await until(lambda: "paths" in document)
        found = {path: list(item) for path, item in document["paths"].items() if path.startswith(MODELS)}
        assert found == {
            f"{MODELS}/performance": ["get"], f"{MODELS}/status": ["get"], f"{MODELS}/version-history": ["get"],
            f"{MODELS}/retrain/{{service}}": ["post"], f"{MODELS}/{{service}}/promote": ["post"],
            f"{MODELS}/{{service}}/rollback": ["post"], f"{MODELS}/{{service}}/events": ["get"],
        }  # fmt: skip
