"""What tests of the demand service do: fill its source, train, and serve it on an event loop of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import factories
import httpx
from fastapi import FastAPI

from rfid3_demand import train
from rfid3_demand.app import create_app
from rfid3_demand.settings import DemandSettings
from rfid3_shared import auth, db
from rfid3_shared.clock import Clock
from rfid3_shared.flags import Flag, set_flag
from rfid3_shared.resources import ensure_store

FORECAST = "/api/predictive/demand/forecast"


class Silent:
    """Progress that nobody watches."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Say nothing."""


async def prepare(settings: DemandSettings, weeks: int = 30) -> dict[str, str]:
    """A steady shop in the source, the store's tables, and a key for each scope: scope → key."""
    engine = db.open_engine(settings.source_dsn)
    await factories.steady_shop(engine, weeks)
    await engine.dispose()
    return await open_doors(settings)


async def open_doors(settings: DemandSettings) -> dict[str, str]:
    """The store's tables, every flag on, and a key for each scope: scope → key."""
    store = db.open_engine(settings.store_dsn)
    assert await ensure_store(store)
    keys = {}
    async with db.transaction(store) as connection:
        for flag in (Flag.PREDICTIVE_ANALYTICS, Flag.DEMAND_FORECASTING, Flag.MODEL_TRAINING, Flag.EXTERNAL_DATA_INTEGRATION):
            await set_flag(connection, flag, enabled=True, reason="test", changed_by="test", clock=Clock())
        for scope in ("read", "train"):
            keys[scope] = (await auth.create_key(connection, owner="test", scopes={"read", scope}, clock=Clock()))[1]
    await store.dispose()
    return keys


async def trained(settings: DemandSettings, **wanted: Any) -> dict[str, Any]:
    return await train.run(
        settings, {"job_id": "0" * 32, "hyperparameter_tuning": False, "force_retrain": True, **wanted}, Silent()
    )


@asynccontextmanager
async def serving(settings: DemandSettings, key: str | None) -> AsyncIterator[tuple[httpx.AsyncClient, FastAPI]]:
    app = create_app(settings)
    headers = {"X-API-Key": key} if key else {}
    async with app.router.lifespan_context(app), httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://demand", headers=headers
    ) as client:  # fmt: skip
        yield client, app
