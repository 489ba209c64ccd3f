"""What tests of the demand service's answers do: publish a snapshot made by hand and serve it, with no training run before."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
from demandlife import prepare, serving
from fastapi import FastAPI
from sqlalchemy import select

from rfid3_demand import snapshot as snapshots
from rfid3_demand.settings import DemandSettings
from rfid3_demand.snapshot import Snapshot
from rfid3_shared import db
from rfid3_shared.ledger import analytics_predictions
from rfid3_shared.registry import Verdict
from rfid3_shared.resources import open_resources

DEMAND = "/api/predictive/demand"


async def publish(settings: DemandSettings, snapshot: Snapshot) -> dict[str, str]:
    """Make the snapshot champion of a fresh home; a key for each scope."""
    keys = await prepare(settings, weeks=2)
    await _publish(settings, snapshot, Verdict("champion", "by hand", {"loss": 0.2}))
    return keys


async def publish_shadow(settings: DemandSettings, snapshot: Snapshot) -> None:
    """Let the snapshot answer beside the champion."""
    await _publish(settings, snapshot, Verdict("shadow", "by hand", {"loss": 0.2}))


async def _publish(settings: DemandSettings, snapshot: Snapshot, verdict: Verdict) -> None:
    async with open_resources(settings) as held:
        with tempfile.TemporaryDirectory() as folder:
            snapshots.write(snapshot, None, Path(folder))
            version = await held.registry.publish(
                "demand", Path(folder), model_type="ensemble", metrics={"wape": 0.2}, data_from=snapshot.spec.data_from,
                data_to=snapshot.spec.data_as_of, parameters={}, trained_at=datetime(2025, 7, 1, tzinfo=UTC),
            )  # fmt: skip
        await held.registry.settle(version, verdict, by="test")


@asynccontextmanager
async def served(settings: DemandSettings, snapshot: Snapshot) -> AsyncIterator[tuple[httpx.AsyncClient, FastAPI]]:
    """A service that answers from the snapshot, and a client that may read."""
    keys = await publish(settings, snapshot)
    async with serving(settings, keys["read"]) as both:
        yield both


async def ledger(settings: DemandSettings) -> dict[str, float]:
    """prediction_id → predicted value of every row that was shown; the service must have stopped."""
    engine = db.open_engine(settings.store_dsn)
    query = select(analytics_predictions.c.prediction_id, analytics_predictions.c.predicted_value)
    async with db.transaction(engine) as connection:
        rows = (await connection.execute(query)).all()
    await engine.dispose()
    return {row.prediction_id: float(row.predicted_value) for row in rows}
