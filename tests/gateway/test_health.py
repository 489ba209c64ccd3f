"""Liveness asks nobody, readiness asks everybody, and the health report says what is true right now."""

import asyncio

import httpx
import psutil
import pytest
from doorway import Door, StartGateway, free_port, make_service, serving
from fastapi import FastAPI

from rfid3_gateway.health import CRITICAL, RANK, overall

Service = tuple[FastAPI, str]
STATUSES = ("healthy", "degraded", "unhealthy")


class TestLiveness:
    @pytest.mark.parametrize("path", ["/health", "/api/health", "/api/performance/health"])
    async def test_needs_nothing_and_nobody(self, start_gateway: StartGateway, path: str) -> None:
        """200 without a key, with Redis and every service gone."""
        door = await start_gateway({"demand": ["http://127.0.0.1:1"]}, redis_url="redis://127.0.0.1:1/0")
        del door.client.headers["x-api-key"]

        assert (await door.get(path)).json() == {"status": "alive", "service": "gateway"}


class TestReadiness:
    async def test_is_ready_with_everything_there(self, door: Door) -> None:
        """200 and every part named."""
        reply = await door.get("/ready")

        assert (reply.status_code, reply.json()["status"]) == (200, "ready")
        assert reply.json() | {"redis": "ready", "store": "ready", "services": {"demand": "ready"}} == reply.json()

    async def test_waits_for_a_service(self, service: Service, door: Door) -> None:
        """503 while no service is ready; 200 soon after one is."""
        service[0].state.ready = False
        before = await door.get("/ready")
        service[0].state.ready = True
        door.clock.ahead_s += 1

        assert (before.status_code, before.json()["services"]) == (503, {"demand": "out of reach"})
        assert (await door.get("/ready")).status_code == 200

    async def test_one_missing_part_degrades(self, service: Service, start_gateway: StartGateway) -> None:
        """Answers go on without Redis and without one of two services, so readiness stays 200 and says degraded."""
        door = await start_gateway(
            {"demand": [service[1]], "pricing": ["http://127.0.0.1:1"]}, redis_url="redis://127.0.0.1:1/0"
        )

        reply = await door.get("/ready")

        assert (reply.status_code, reply.json()["status"]) == (200, "degraded")
        assert reply.json()["redis"] == "out of reach"
        assert reply.json()["services"] == {"demand": "ready", "pricing": "out of reach"}

    async def test_asking_often_costs_the_services_little(self, door: Door, service: Service) -> None:
        """A burst of 50 calls is one look at the parts."""
        looks = 0

        async def counting(scope, receive, send):
            nonlocal looks
            looks += scope["type"] == "http" and scope["path"] == "/ready"
            await make_service()(scope, receive, send)

        async with serving(counting) as url:
            assert door.gateway.forwarder is not None
            door.gateway.own.state.parts.health._upstreams.pools["demand"].instances[0].base = url
            await asyncio.gather(*(door.get("/ready") for _ in range(50)))
            await door.client.aclose()

        assert looks == 1

    async def test_a_draining_gateway_is_not_ready(self, door: Door) -> None:
        """From the moment shutdown begins no new traffic is invited."""
        door.gateway.own.state.parts.health.draining = True

        assert (await door.get("/ready")).status_code == 503


class TestReport:
    async def test_needs_a_key(self, door: Door) -> None:
        """The detailed health is not for everybody."""
        del door.client.headers["x-api-key"]

        assert (await door.get("/api/predictive/health")).status_code == 401

    async def test_has_the_documented_shape_and_real_values(self, door: Door) -> None:
        """Endpoint 15: statuses from the list, percentages of this machine, times of this gateway."""
        for _ in range(5):
            await door.get("forecast")

        reply = await door.get("/api/predictive/health")

        data = reply.json()["data"]
        assert reply.headers["x-ratelimit-limit"] == "200"
        assert data["overall_status"] == "healthy"
        assert set(data["components"]) == {
            "database_connection",
            "redis_cache",
            "ml_models",
            "external_apis",
            "feature_pipeline",
        }
        assert set(data["components"].values()) == {"healthy"}
        assert data["performance_metrics"]["memory_usage_percent"] == pytest.approx(psutil.virtual_memory().percent, abs=15)
        assert 0 < data["performance_metrics"]["avg_response_time_ms"] < 2000
        assert all(alert["component"].endswith("_percent") for alert in data["alerts"])

    async def test_names_what_is_wrong_and_what_to_do(self, start_gateway: StartGateway) -> None:
        """With no service and no Redis the suite is unhealthy, with an alert and an advice for each."""
        door = await start_gateway({"demand": [f"http://127.0.0.1:{free_port()}"]}, redis_url="redis://127.0.0.1:1/0")

        data = (await door.get("/api/predictive/health")).json()["data"]

        assert data["overall_status"] == "unhealthy"
        levels = {alert["component"]: alert["level"] for alert in data["alerts"] if alert["component"] != "ml_models"}
        assert levels["redis_cache"] == "warning"
        assert {"ml_models": "unhealthy", "redis_cache": "degraded"}.items() <= data["components"].items()
        assert {"critical", "warning"} <= {alert["level"] for alert in data["alerts"]}
        assert any("rfid3 train" in advice for advice in data["recommendations"])


class TestOverall:
    def test_is_the_worst_critical_part(self) -> None:
        """Over all combinations: a critical part's status is a lower bound, another part's can only degrade."""
        for critical in STATUSES:
            for other in STATUSES:
                components = {"database_connection": critical, "ml_models": "healthy", "redis_cache": other}
                worst = max(RANK.index(critical), min(RANK.index(other), RANK.index("degraded")))
                assert overall(components) == RANK[worst]
        assert CRITICAL == ("database_connection", "ml_models")


class TestMetrics:
    async def test_counts_by_template_not_by_address(self, door: Door) -> None:
        """Requests are labelled by route template, class and status; no item's name becomes a label."""
        for _ in range(100):
            if "/api/predictive/demand/items/{item_id}" in (await door.get("/openapi.json")).text:
                break
            await asyncio.sleep(0.02)
        await door.get("items/A17")
        await door.get("/no/such/path")

        text = (await door.get("/metrics")).text

        assert (
            'rfid3_gateway_requests_total{rate_class="RT",route="/api/predictive/demand/items/{item_id}",status="200"}' in text
        )
        assert 'route="unmatched",status="404"' in text
        assert "A17" not in text
        assert "no/such" not in text

    async def test_is_for_this_machine_or_an_admin(self, door: Door) -> None:
        """A request that came through a proxy needs a key with the scope admin."""
        far = {"x-forwarded-for": "203.0.113.9"}
        _, admin = await door.new_key("admin")
        async with httpx.AsyncClient(base_url=door.url, headers=far) as stranger:
            assert (await stranger.get("/metrics")).status_code == 401
            assert (await stranger.get("/metrics", headers={"x-api-key": door.key})).status_code == 403
            assert (await stranger.get("/metrics", headers={"x-api-key": admin})).status_code == 200
