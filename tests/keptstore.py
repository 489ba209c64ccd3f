"""A MariaDB database with the store's tables, made once and emptied after each test: making them takes longer than most tests do."""

import asyncio
import secrets
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pymysql
from sqlalchemy.engine import make_url

from rfid3_shared.db import open_engine
from rfid3_shared.migrate import VERSION_TABLE, ensure_schema

# everything a test may have changed about the tables themselves; `extra` says which numbers count up by themselves
SHAPE = (
    "SELECT table_name, ordinal_position, column_name, column_type, is_nullable, column_default, collation_name, extra "
    "FROM information_schema.columns WHERE table_schema = %s ORDER BY 1, 2",
    "SELECT table_name, index_name, seq_in_index, column_name, non_unique FROM information_schema.statistics "
    "WHERE table_schema = %s ORDER BY 1, 2, 3",
    "SELECT trigger_name FROM information_schema.triggers WHERE trigger_schema = %s",
)


def connect(server: str, **given: Any) -> "pymysql.Connection[Any]":
    """A connection to the server as whoever owns it."""
    url = make_url(server)
    return pymysql.connect(
        host=url.host or "", port=url.port or 3306, user=url.username or "root", password=url.password or "", autocommit=True, **given
    )  # fmt: skip


def drop(admin: "pymysql.Connection[Any]", name: str) -> None:
    """Drop a database even when somebody still holds a lock on one of its tables, which a server would wait for all day."""
    with admin.cursor() as cursor:
        cursor.execute("SET lock_wait_timeout = 2")
        try:
            cursor.execute(f"DROP DATABASE {name}")
        except pymysql.err.OperationalError:
            cursor.execute("SELECT id FROM information_schema.processlist WHERE db = %s", (name,))
            for (connection,) in cursor.fetchall():
                with suppress(pymysql.err.OperationalError):  # gone by itself meanwhile
                    cursor.execute(f"KILL {connection}")
            cursor.execute("SET lock_wait_timeout = 20")
            cursor.execute(f"DROP DATABASE {name}")


def make_tables(dsn: str) -> None:
    """Make the store's tables, whether or not an event loop is set in this thread."""

    async def make() -> None:
        engine = open_engine(dsn)
        await ensure_schema(engine)
        await engine.dispose()

    with ThreadPoolExecutor(1) as apart:
        apart.submit(asyncio.run, make()).result()


class KeptStore:
    """One database for one test at a time. What comes back changed in shape, or held by somebody, is not given to a second test."""

    def __init__(self, server: str) -> None:
        self._server, self._name = server, ""
        self._shape: list[Any] = []
        # nobody should be at work in it any more; who is makes the next test's database a new one instead of keeping it waiting
        self._admin = connect(
            server, init_command="SET lock_wait_timeout = 2, innodb_lock_wait_timeout = 2, foreign_key_checks = 0"
        )
        self._left: list[str] = []

    def lend(self) -> str:
        """DSN of the database, its tables there and empty."""
        if not self._name:
            self._name = f"rfid3_test_{secrets.token_hex(6)}"
            self._ask(f"CREATE DATABASE {self._name} CHARACTER SET utf8mb4")
            make_tables(f"{self._server}/{self._name}")
            self._shape, self._version = self._seen(), self._versions()
        return f"{self._server}/{self._name}"

    def take_back(self) -> None:
        """Empty it for the next test, or give it up."""
        try:
            if self._seen() == self._shape and self._versions() == self._version:
                return self._empty()
        except pymysql.err.OperationalError:
            pass  # somebody holds a lock
        self._left.append(self._name)
        self._name = ""
        return None

    def close(self) -> None:
        """Drop everything."""
        for name in filter(None, [*self._left, self._name]):
            drop(self._admin, name)
        self._admin.close()

    def _ask(self, statement: str, *given: Any) -> list[Any]:
        with self._admin.cursor() as cursor:
            cursor.execute(statement, given)
            return list(cursor.fetchall())

    def _seen(self) -> list[Any]:
        return [self._ask(statement, self._name) for statement in SHAPE]

    def _versions(self) -> list[Any]:
        return self._ask(f"SELECT * FROM {self._name}.{VERSION_TABLE}")

    def _empty(self) -> None:
        query = "SELECT table_name, auto_increment FROM information_schema.tables WHERE table_schema = %s"
        for table, counted in self._ask(query, self._name):
            if table != VERSION_TABLE:
                # numbers that count up begin at 1 again
                emptying = "TRUNCATE TABLE" if counted is not None and counted > 1 else "DELETE FROM"
                self._ask(f"{emptying} {self._name}.`{table}`")
