"""What tests of the maintenance service do: a small company with a life, trained once, and served on an event loop of their own."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from learnedlife import NOWHERE, Silent, client_of, doors_of, learned_home

from rfid3_maintenance import train
from rfid3_maintenance.app import create_app
from rfid3_maintenance.settings import MaintenanceSettings
from rfid3_shared.flags import Flag

MAINTENANCE = "/api/predictive/maintenance"


async def open_doors(settings: MaintenanceSettings) -> dict[str, str]:
    """The store's tables, the flags on, and a key for each scope: scope → key."""
    return await doors_of(settings, Flag.MAINTENANCE_PREDICTION)


async def trained(settings: MaintenanceSettings, number: int = 0, **wanted: Any) -> dict[str, Any]:
    """One training run, as its job runs it."""
    return await train.run(settings, {"job_id": f"{number:032x}", "force_retrain": True, **wanted}, Silent())


def learned(home: Path) -> dict[str, str]:
    """A home with a company that has learned; a key for each scope."""
    return learned_home(MaintenanceSettings(home=home, redis_url=NOWHERE), Flag.MAINTENANCE_PREDICTION, trained)


@asynccontextmanager
async def serving(settings: MaintenanceSettings, key: str | None) -> AsyncIterator[tuple[httpx.AsyncClient, FastAPI]]:
    """A service on these settings, and a client with the key."""
    app = create_app(settings)
    async with client_of(app, key) as client:
        yield client, app
