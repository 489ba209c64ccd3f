"""A store with its tables, on each backend."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.db import open_engine
from rfid3_shared.migrate import ensure_schema


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
def dsn(request: pytest.FixtureRequest) -> str:
    """DSN of an empty database: SQLite, then MariaDB."""
    return str(request.getfixturevalue("store_dsn" if request.param == "sqlite" else "mysql_dsn"))


@pytest.fixture
async def engine(dsn: str) -> AsyncIterator[AsyncEngine]:
    """The store's engine, its tables created."""
    opened = open_engine(dsn)
    await ensure_schema(opened)
    yield opened
    await opened.dispose()
