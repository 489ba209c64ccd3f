"""A store with its tables, on each backend; work that jobs find."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.db import open_engine
from rfid3_shared.migrate import ensure_schema


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def backend(request: pytest.FixtureRequest) -> str:
    """SQLite, then MariaDB."""
    return str(request.param)


@pytest.fixture
def empty_dsn(backend: str, request: pytest.FixtureRequest) -> str:
    """DSN of an empty database of the backend."""
    return str(request.getfixturevalue("store_dsn" if backend == "sqlite" else "mysql_dsn"))


@pytest.fixture
def dsn(backend: str, request: pytest.FixtureRequest) -> str:
    """DSN of a database of the backend: the engine's where a test asks for that, an empty one otherwise."""
    kept = {"sqlite": "sqlite_store", "mariadb": "mysql_store"}[backend]
    return str(request.getfixturevalue(kept if "engine" in request.fixturenames else "empty_dsn"))


@pytest.fixture
async def engine(dsn: str) -> AsyncIterator[AsyncEngine]:
    """The store's engine, its tables created."""
    opened = open_engine(dsn)
    await ensure_schema(opened)
    yield opened
    await opened.dispose()


@pytest.fixture
def importable_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of jobs find `sample_jobs`."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
