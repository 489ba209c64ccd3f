"""What ledger tests share: a prediction, a recorder in a hurry, looks at the store and at the ledger's metrics."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.ledger import Prediction, Recorder

METRICS = ("recorded", "spilled", "replayed", "dropped", "refused")
ONE = Prediction(
    prediction_type="demand", prediction_date=date(2026, 3, 9), horizon_days=7, predicted_value=12.3456,
    model_version="demand_v1", model_type="ensemble",
    created_at=datetime(2026, 3, 2, 12, 0, 0, 250_000, tzinfo=UTC),
    target_category="Round Linen", store="8101", interval_level=0.8, confidence_lower=8.0, confidence_upper=17.5,
    business_impact_score=125_650.75, request_id="r-1", input_features={"digest": "abc"}, external_factors={"holiday": True},
)  # fmt: skip


def week(number: int, **changes: Any) -> Prediction:
    return replace(ONE, prediction_date=ONE.prediction_date + timedelta(weeks=number), horizon_days=7 + 7 * number, **changes)


def counting() -> Callable[[str], float]:
    """How much a metric of the ledger grew since now."""

    def value(name: str) -> float:
        return REGISTRY.get_sample_value(f"rfid3_ledger_{name}_total") or 0.0

    before = {name: value(name) for name in METRICS}
    return lambda name: value(name) - before[name]


async def stored(engine: AsyncEngine, question: str = "SELECT COUNT(*) FROM analytics_predictions") -> int:
    async with transaction(engine) as connection:
        return int((await connection.execute(text(question))).scalar_one())


async def until_stored(engine: AsyncEngine, rows: int) -> None:
    async with asyncio.timeout(10):
        while await stored(engine) < rows:
            await asyncio.sleep(0.02)


def quick(engine: AsyncEngine, folder: Path, **changes: Any) -> Recorder:
    return Recorder(engine, folder / "spill", Clock(), **{"batch_wait_s": 0.02, "retry_s": 0.1, **changes})
