"""What tests of services of items share: a small company, a store with its doors open, and copies of a home that has learned."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import httpx
from fastapi import FastAPI

from rfid3_shared import auth, db
from rfid3_shared.clock import Clock
from rfid3_shared.flags import Flag, set_flag
from rfid3_shared.resources import ensure_store
from rfid3_shared.settings import Settings
from rfid3_shared.twin import build as twin

NOWHERE = "redis://127.0.0.1:1/0"
LAST_DAY = date(2026, 10, 31)
SCOPES = ("read", "train", "decide", "events")
Own = TypeVar("Own", bound=Settings)


class Silent:
    """Progress that nobody watches."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Say nothing."""


async def company(settings: Settings, items: int = 300, months: int = 10) -> None:
    """A company of the twin in the source."""
    engine = db.open_engine(settings.source_dsn)
    await twin.create(engine, settings.home / "truth.db", items=items, months=months, seed=7, end=LAST_DAY)
    await engine.dispose()


async def doors_of(settings: Settings, ability: Flag) -> dict[str, str]:
    """The store's tables, the flags for this ability and for training on, and a key for each scope: scope → key."""
    store = db.open_engine(settings.store_dsn)
    assert await ensure_store(store)
    keys = {}
    async with db.transaction(store) as connection:
        for flag in (Flag.PREDICTIVE_ANALYTICS, ability, Flag.MODEL_TRAINING):
            await set_flag(connection, flag, enabled=True, reason="test", changed_by="test", clock=Clock())
        for scope in SCOPES:
            keys[scope] = (await auth.create_key(connection, owner="test", scopes={"read", scope}, clock=Clock()))[1]
    await store.dispose()
    return keys


def learned_home(settings: Own, ability: Flag, train: Callable[[Own], Awaitable[Any]]) -> dict[str, str]:
    """A company that has learned, in the home of the settings; a key for each scope."""

    async def make() -> dict[str, str]:
        await company(settings)
        keys = await doors_of(settings, ability)
        await train(settings)
        return keys

    return asyncio.run(make())


def copied(home: Path, settings: Settings) -> None:
    """The home again, for one test alone."""
    shutil.copytree(home, settings.home, dirs_exist_ok=True)


@asynccontextmanager
async def client_of(app: FastAPI, key: str | None) -> AsyncIterator[httpx.AsyncClient]:
    """A client with the key, of a service that lives as long as the block."""
    headers = {"X-API-Key": key} if key else {}
    async with app.router.lifespan_context(app), httpx.AsyncClient(
        transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://service", headers=headers
    ) as client:  # fmt: skip
        yield client
