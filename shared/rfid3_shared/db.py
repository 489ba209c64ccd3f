"""How does the suite reach its two databases, source and store, by URL?

SQLAlchemy Core over asyncio: aiosqlite for the embedded file, asyncmy for MariaDB and MySQL. No ORM sessions. One request
or job is one transaction. Nothing here runs at import time.
"""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import BigInteger, DateTime, Integer, MetaData, Table, event, insert, text
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from rfid3_shared.errors import StoreUnavailable

store_metadata = MetaData(
    naming_convention={"ix": "ix_%(table_name)s_%(column_0_N_name)s", "uq": "uq_%(table_name)s_%(column_0_N_name)s"}
)
"""Every table the suite owns registers here, whichever member declares it."""

Seconds = DateTime().with_variant(sqlite.DATETIME(truncate_microseconds=True), "sqlite")  # type: ignore[no-untyped-call]
"""A naive timestamp in whole seconds, spelt alike in SQLite's text and in MySQL."""
Moment = DateTime().with_variant(mysql.DATETIME(fsp=6), "mysql", "mariadb")
"""A naive UTC timestamp with microseconds."""
Identity = BigInteger().with_variant(Integer, "sqlite")
"""A surrogate key that counts up by itself on every backend."""

LONGEST_LIST = 500
"""Values of one IN list."""
Value = TypeVar("Value")
UNREACHABLE = (OperationalError, PoolTimeout, ConnectionError, asyncio.TimeoutError, OSError)
"""What a database that cannot be reached raises."""


def async_url(dsn: str) -> URL:
    """The URL with the asynchronous driver of its backend: mysql, mariadb or sqlite.

    Raises ValueError for another backend.
    """
    url = make_url(dsn)
    backend = url.get_backend_name()
    if backend == "sqlite":
        return url.set(drivername="sqlite+aiosqlite")
    if backend in ("mysql", "mariadb"):
        return url.set(drivername="mysql+asyncmy")
    raise ValueError(f"no driver for {backend}: use sqlite, mysql or mariadb")


def open_engine(dsn: str, *, pool_size: int = 2, overflow: int = 2, read_only: bool = False) -> AsyncEngine:
    """An engine with a small pool; a lost connection is noticed before use, not by its user."""
    url = async_url(dsn)
    if url.get_backend_name() == "sqlite":
        return _open_sqlite(url, pool_size, overflow, read_only)
    return create_async_engine(
        url, pool_size=pool_size, max_overflow=overflow, pool_pre_ping=True, pool_recycle=3600, pool_timeout=5,
        connect_args={"connect_timeout": 3, "charset": "utf8mb4"},
    )  # fmt: skip


def _open_sqlite(url: URL, pool_size: int, overflow: int, read_only: bool) -> AsyncEngine:
    if url.database and url.database != ":memory:":
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_async_engine(url, pool_size=pool_size, max_overflow=overflow, connect_args={"timeout": 15})

    @event.listens_for(engine.sync_engine, "connect")
    def _prepare(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        # WAL lets readers go on beside the one writer; NORMAL loses no committed row when the process dies
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "busy_timeout=15000", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        if read_only:
            cursor.execute("PRAGMA query_only=ON")
        cursor.close()

    return engine


async def create_tables(engine: AsyncEngine, metadata: MetaData) -> None:
    """Create the tables that are missing; existing ones are left as they are."""
    async with engine.begin() as connection:
        await connection.run_sync(lambda sync: metadata.create_all(sync, checkfirst=True))


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction: committed at the end, rolled back on any error.

    Raises StoreUnavailable when the database cannot be reached.
    """
    with translated():
        async with engine.begin() as connection:
            yield connection


@contextmanager
def translated() -> Iterator[None]:
    """The one seam where a driver's fault becomes ours: raises StoreUnavailable for a database that cannot be reached."""
    try:
        yield
    except UNREACHABLE as fault:
        raise StoreUnavailable("The database cannot be reached now.") from fault


async def insert_rows(connection: AsyncConnection, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Insert plain tuples through the driver's own bulk path; returns how many.

    Values go to the driver untouched: dates as ISO text or datetime in whole seconds, JSON as text.
    """
    batch = rows if isinstance(rows, list) else list(rows)
    if not batch:
        return 0
    statement = insert(table).compile(dialect=connection.dialect, column_keys=list(columns))
    order = statement.positiontup or list(columns)
    if order != list(columns):
        at = [columns.index(name) for name in order]
        batch = [tuple(row[i] for i in at) for row in batch]
    await connection.exec_driver_sql(statement.string, [tuple(row) for row in batch])
    return len(batch)


def sliced(values: Iterable[Value]) -> Iterator[list[Value]]:
    """The values, each once and in their order, in lists short enough for the IN of one statement."""
    every = list(dict.fromkeys(values))
    return (every[at : at + LONGEST_LIST] for at in range(0, len(every), LONGEST_LIST))


async def ping(engine: AsyncEngine, timeout_s: float = 2.0) -> bool:
    """Whether the database answers within the time."""
    try:
        async with asyncio.timeout(timeout_s), engine.connect() as connection:
            await connection.execute(text("SELECT 1"))
    except (*UNREACHABLE, SQLAlchemyError, DBAPIError):
        return False
    return True
