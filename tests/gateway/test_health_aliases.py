"""Older names of health and performance answer with the same facts, and say that they are old."""

from datetime import date, timedelta
from typing import Any

import pytest
from doorway import Door
from sqlalchemy import insert

from rfid3_gateway.health_aliases import PerformanceMetrics, PredictionAccuracy, SystemStatus
from rfid3_gateway.usage import Usage
from rfid3_shared.db import transaction
from rfid3_shared.ledger.tables import analytics_predictions

HEALTH = "/api/predictive/health"


async def get(door: Door, path: str) -> Any:
    """The data of a good answer that says it is deprecated."""
    reply = await door.get(f"{HEALTH}/{path}")
    assert reply.status_code == 200, reply.text
    assert reply.headers["deprecation"].startswith("@")
    assert 'rel="successor-version"' in reply.headers["link"]
    assert reply.headers["x-ratelimit-limit"] == "200"
    return reply.json()["data"]


async def record(door: Door, rows: list[dict[str, Any]]) -> None:
    """Scored predictions for yesterday of 10 units, at 80 %."""
    now = door.clock.now().replace(tzinfo=None)
    common = {
        "prediction_type": "demand", "role": "shown", "prediction_date": door.clock.today() - timedelta(days=1), "horizon_days": 7,
        "interval_level": 0.8, "model_version": "v", "model_type": "m", "created_at": now, "predicted_value": 10,
    }  # fmt: skip
    async with transaction(door.gateway.own.state.parts.store) as connection:
        for number, row in enumerate(rows):
            actual = row.pop("actual", None)
            scored = {} if actual is None else {"actual_value": actual, "error": 10 - actual, "validated_at": now}
            values = {**common, "prediction_id": f"p{number}", "target_item_id": f"c{number}", **scored, **row}
            await connection.execute(insert(analytics_predictions), values)


class TestSystemStatus:
    async def test_is_the_health_report(self, door: Door) -> None:
        """The same status and components as endpoint 15."""
        data = await get(door, "system-status")

        health = (await door.get(HEALTH)).json()["data"]
        assert set(data) == set(SystemStatus.model_fields)
        assert (data["overall_status"], data["components"]) == (health["overall_status"], health["components"])


class TestPerformanceMetrics:
    async def test_has_load_and_usage(self, door: Door) -> None:
        """What endpoints 14 and 15 say about load and use."""
        usage = Usage(door.gateway.own.state.parts.store, door.clock)
        usage.count("demand", "k", 200, 0.5)
        await usage.flush()

        data = await get(door, "performance-metrics")

        assert set(data) == set(PerformanceMetrics.model_fields)
        assert data["usage_statistics"]["api_calls_24h"] >= 1
        assert data["system_health"]["prediction_latency_avg_ms"] == pytest.approx(500)
        assert 0 < data["performance_metrics"]["memory_usage_percent"] <= 100


class TestPredictionAccuracy:
    async def test_is_of_live_outcomes(self, door: Door) -> None:
        """Errors of 2 and 4 units on outcomes of 8 and 14: worked out by hand; what waits and shadows are told apart."""
        await record(
            door,
            [
                {"actual": 8, "inside_interval": True, "confidence_lower": 8, "confidence_upper": 12},
                {"actual": 14, "inside_interval": False, "confidence_lower": 8, "confidence_upper": 12},
                {"actual": 100, "role": "shadow"},
                {"actual": 100, "prediction_date": date(2020, 1, 6)},
                {},
            ],
        )

        data = (await get(door, "prediction-accuracy"))["demand"]

        assert set(data) == set(PredictionAccuracy.model_fields)
        assert (data["predictions"], data["waiting"]) == (2, 1)
        assert data["mae"] == pytest.approx(3)
        assert data["accuracy"] == pytest.approx(1 - 6 / 22, abs=1e-4)
        assert data["coverage"] == [{"level": 0.8, "share": 0.5, "predictions": 2}]

    async def test_of_nothing_is_null(self, door: Door) -> None:
        """Without outcomes there is no accuracy to show."""
        data = (await get(door, "prediction-accuracy?days_back=7"))["demand"]

        assert (data["predictions"], data["accuracy"], data["mae"], data["coverage"], data["last_day"]) == (
            0,
            None,
            None,
            [],
            None,
        )

    @pytest.mark.parametrize("query", ["days_back=0", "days_back=9999", "day_back=7"])
    async def test_refuses_what_it_does_not_know(self, door: Door, query: str) -> None:
        """A span out of range or a misspelt parameter is told."""
        assert (await door.get(f"{HEALTH}/prediction-accuracy?{query}")).status_code == 422
