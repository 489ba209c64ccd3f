"""Has the store the tables that this code expects, and how does it get them without losing a row?

Every process asks when it starts, and almost always the answer is one SELECT: the store's revision is `NEWEST`. A new store gets its
tables at once. An older one is carried over by the scripts in `migrations`; only then is alembic imported. Of processes that start
at the same time one does the work, the others wait for it. A store that newer code has written is refused: what this code would
write into it might be wrong there.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import blake2b

from sqlalchemy import Column, Connection, MetaData, String, Table, insert, inspect, select
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.db import store_metadata, translated
from rfid3_shared.errors import Conflict, StoreUnavailable
from rfid3_shared.log import get_logger

REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
"""What the store's tables have been, oldest first.

0001: keys, jobs, registry, ledger. 0002: states, outcomes, flags, alerts. 0003: lanes of jobs.
0004: outside data. 0005: events. 0006: item reports.
"""
NEWEST = REVISIONS[-1]
# not alembic's own name for it: RFID3 may keep its own `alembic_version` in the same database
VERSION_TABLE = "rfid3_store_version"
LOCK_WAIT_S = 15
"""Longest wait for another process that works on the tables; SQLite's own wait for a writer is as long (see `db`)."""
log = get_logger("migrate")

store_version = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))


class StoreTooNew(StoreUnavailable):
    """The store was written by a newer version of the suite."""

    retryable = False


class StoreNotUpgraded(StoreUnavailable):
    """The store is of an older version, and carrying it over failed; no row is lost, and the next attempt goes on from here."""

    retryable = False


async def ensure_schema(engine: AsyncEngine) -> None:
    """Make sure that the store is of the newest revision: create its tables, or carry it over from an older one.

    Raises StoreTooNew, StoreNotUpgraded, and StoreUnavailable when it is out of reach or another process works on its tables.
    """
    with translated():
        if await read_revision(engine) == NEWEST:
            return
        async with _alone(engine) as connection:
            await connection.run_sync(_bring_up_to_date)


async def read_revision(engine: AsyncEngine) -> str | None:
    """The revision of the store; None when it has none: it is empty, or older than revisions are.

    Raises StoreTooNew for one that this code does not know, StoreUnavailable.
    """
    with translated():
        async with engine.connect() as connection:
            try:
                return await connection.run_sync(_revision)
            except (OperationalError, ProgrammingError) as fault:
                if fault.connection_invalidated:
                    raise
                return None  # no such table


async def has_tables(engine: AsyncEngine) -> bool:
    """Whether any of the suite's tables is there. Raises StoreUnavailable."""
    with translated():
        async with engine.connect() as connection:
            return await connection.run_sync(_has_tables)


async def go_back(engine: AsyncEngine, to: str) -> None:
    """Take the store back to an older revision, for the version of the suite that knows no newer one.

    What newer revisions brought is dropped, with its rows. Raises Conflict when the store is not of a newer revision, StoreTooNew,
    StoreNotUpgraded, StoreUnavailable.
    """
    with translated():
        revision = await read_revision(engine)
        if revision is None and await has_tables(
            engine
        ):  # older than revisions are, or left so by a way back that ended half-way
            await ensure_schema(engine)
            revision = NEWEST
        if to not in REVISIONS or revision is None or REVISIONS.index(to) >= REVISIONS.index(revision):
            raise Conflict("The store can go back to an older revision only.", revision=revision, known=list(REVISIONS))
        async with _alone(engine) as connection:
            await connection.run_sync(_downgrade, to)


def lock_name(engine: AsyncEngine) -> str:
    """MySQL's and MariaDB's lock on the tables; the server knows it by this name whatever the database, so the name tells those apart."""
    return "rfid3_store_" + blake2b(str(engine.url.database).encode(), digest_size=8).hexdigest()


@asynccontextmanager
async def _alone(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection that alone works on the tables; committed at the end."""
    async with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            # the writer's lock from the start, so that all of it, tables included, is one transaction
            await connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection
            await connection.commit()
            return
        # the server lets go of it when the connection ends, however its process does
        if not (await connection.exec_driver_sql("SELECT GET_LOCK(%s, %s)", (lock_name(engine), LOCK_WAIT_S))).scalar():
            raise StoreUnavailable("Another process is working on the store's tables. Try again in a minute.")
        try:
            yield connection
            await connection.commit()
        finally:
            await connection.invalidate()


def _revision(connection: Connection) -> str | None:
    found = [str(name) for name in connection.scalars(select(store_version.c.version_num))]
    if unknown := [name for name in found if name not in REVISIONS]:
        raise StoreTooNew(
            "This store was written by a newer version of the suite. Start that version, or go back with its `rfid3 store downgrade`.",
            revision=", ".join(unknown), newest_known=NEWEST,
        )  # fmt: skip
    return max(found, default=None)


def _has_tables(connection: Connection) -> bool:
    from rfid3_shared.store_tables import TABLES

    return not {table.name for table in TABLES}.isdisjoint(inspect(connection).get_table_names())


def _bring_up_to_date(connection: Connection) -> None:
    revision = _revision(connection) if inspect(connection).has_table(VERSION_TABLE) else None
    if revision == NEWEST:
        return
    work = _create if revision is None and not _has_tables(connection) else _upgrade
    try:
        store_version.create(connection, checkfirst=True)
        work(connection)
    except DBAPIError as fault:
        raise _refused(fault, revision, NEWEST) from fault


def _create(connection: Connection) -> None:
    from rfid3_shared.store_tables import TABLES

    # none of them is there, so none has to be asked for: that is half the time
    store_metadata.create_all(connection, tables=TABLES, checkfirst=False)
    connection.execute(insert(store_version), {"version_num": NEWEST})


def _upgrade(connection: Connection) -> None:
    from rfid3_shared.migrations import run

    log.info("store_upgrade_begins", to=NEWEST)
    run.upgrade(connection)
    log.info("store_upgraded", to=NEWEST)


def _downgrade(connection: Connection, to: str) -> None:
    from rfid3_shared.migrations import run

    revision = _revision(connection)
    try:
        run.downgrade(connection, to)
    except DBAPIError as fault:
        raise _refused(fault, revision, to) from fault
    log.info("store_taken_back", was=revision, now=to)


def _refused(fault: DBAPIError, revision: str | None, to: str) -> Exception:
    """What to say of a fault in the middle: a lost connection is one thing, a database that will not change its tables another."""
    if fault.connection_invalidated:
        return fault
    code = getattr(fault.orig, "sqlite_errorname", None) or next(iter(getattr(fault.orig, "args", ())), None)
    log.error("store_not_upgraded", revision=revision, to=to, fault=type(fault).__name__, code=code, statement=fault.statement)
    return StoreNotUpgraded(
        "The store's tables could not be made or changed. Run `rfid3 store upgrade` as a database user who may; the log says what failed.",
        revision=revision, wanted=to,
    )  # fmt: skip
