"""What tests of the quality service do: let a small company live, train on it once, and serve copies of it."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from fastapi import FastAPI
from learnedlife import NOWHERE, Silent, client_of, doors_of, learned_home

from rfid3_quality import snapshot as snapshots
from rfid3_quality import train
from rfid3_quality.app import create_app
from rfid3_quality.settings import QualitySettings
from rfid3_quality.snapshot import Snapshot
from rfid3_shared.flags import Flag
from rfid3_shared.registry import Verdict
from rfid3_shared.resources import open_resources

QUALITY = "/api/predictive/quality"


async def open_doors(settings: QualitySettings) -> dict[str, str]:
    """The store's tables, the service's flags on, and a key for each scope: scope → key."""
    return await doors_of(settings, Flag.QUALITY_ANALYTICS)


async def trained(settings: QualitySettings, number: int = 0, **wanted: Any) -> dict[str, Any]:
    """One training run, as its job runs it."""
    return await train.run(settings, {"job_id": f"{number:032x}", **wanted}, Silent())


def learned(home: Path) -> dict[str, str]:
    """A home with a company that has learned; a key for each scope."""
    return learned_home(QualitySettings(home=home, redis_url=NOWHERE), Flag.QUALITY_ANALYTICS, trained)


async def publish(settings: QualitySettings, snapshot: Snapshot) -> dict[str, str]:
    """Make the snapshot champion of a fresh store; a key for each scope."""
    keys = await open_doors(settings)
    async with open_resources(settings) as held:
        with tempfile.TemporaryDirectory() as folder:
            snapshots.write(snapshot, Path(folder))
            version = await held.registry.publish(
                "quality", Path(folder), model_type="pooled", metrics={}, data_from=snapshot.spec.data_from,
                data_to=snapshot.spec.data_as_of,
                parameters={}, trained_at=datetime(2026, 11, 1, tzinfo=UTC),
            )  # fmt: skip
        await held.registry.settle(version, Verdict("champion", "by hand", {}), by="test")
    return keys


@asynccontextmanager
async def serving(settings: QualitySettings, key: str | None) -> AsyncIterator[tuple[httpx.AsyncClient, FastAPI]]:
    """A service on these settings, and a client with the key."""
    app = create_app(settings)
    async with client_of(app, key) as client:
        yield client, app
