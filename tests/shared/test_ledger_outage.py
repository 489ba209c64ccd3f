"""Recording while the store is full or gone: spilled, then caught up, counted, each prediction once."""

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from conftest import MARIADB_HINT, free_port, wait_for_port
from ledgerlife import counting, quick, stored, until_stored, week
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.db import open_engine, transaction
from rfid3_shared.ledger.spill import read
from rfid3_shared.migrate import ensure_schema

PAGES = 200
"""Room for some rows in a SQLite store beyond its empty tables."""


class OwnMariaDB:
    """A server that the test may kill and start again, on the same port and data."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.port, self._folder, self.options = free_port(), folder, options
        self._user = [f"--user={os.environ.get('USER') or 'root'}"] if os.geteuid() == 0 else []
        folder.mkdir()
        self._run(["mariadb-install-db", "--auth-root-authentication-method=normal", "--skip-test-db"]).wait(120)
        self.process = self.start()

    @property
    def dsn(self) -> str:
        return f"mysql://root@127.0.0.1:{self.port}/mysql"

    def start(self) -> "subprocess.Popen[bytes]":
        own = [f"--port={self.port}", "--bind-address=127.0.0.1", f"--socket={self._folder / 'm.sock'}", "--skip-name-resolve",
               f"--pid-file={self._folder / 'm.pid'}", f"--tmpdir={self._folder}", "--innodb-buffer-pool-size=64M"]  # fmt: skip
        self.process = self._run(["mariadbd", *own])
        wait_for_port(self.port, self.process, 60)
        return self.process

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def _run(self, command: list[str]) -> "subprocess.Popen[bytes]":
        name, *rest = command
        every = ["--no-defaults", f"--datadir={self._folder / 'data'}", *self.options, *self._user]
        return subprocess.Popen([name, *every, *rest], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


@pytest.fixture
def own_mariadb(tmp_path: Path) -> Iterator[Callable[..., OwnMariaDB]]:
    """Starts servers of the test's own."""
    if not shutil.which("mariadbd") or not shutil.which("mariadb-install-db"):
        pytest.skip(f"needs MariaDB: {MARIADB_HINT}")
    servers: list[OwnMariaDB] = []

    def start(*options: str) -> OwnMariaDB:
        servers.append(OwnMariaDB(tmp_path / f"mariadb{len(servers)}", *options))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()


@pytest.fixture
def counted() -> Callable[[str], float]:
    """How much a metric of the ledger grew since the test began."""
    return counting()


class Narrow:
    """A SQLite store that holds a set number of pages, until it is given more room."""

    def __init__(self, dsn: str) -> None:
        self.pages: int | None = None
        self.engine = open_engine(dsn)

        @event.listens_for(self.engine.sync_engine, "connect")
        def limit(connection, _) -> None:  # type: ignore[no-untyped-def]
            if self.pages is not None:
                connection.cursor().execute(f"PRAGMA max_page_count={self.pages}")

    async def resize(self, pages: int) -> None:
        self.pages = pages
        await self.engine.dispose()


@pytest.fixture
async def narrow(store_dsn: str) -> AsyncIterator[Narrow]:
    store = Narrow(store_dsn)
    await ensure_schema(store.engine)
    yield store
    await store.engine.dispose()


async def until(truth: Callable[[], object], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not truth():
            await asyncio.sleep(0.02)


class TestFullStore:
    async def test_what_a_full_sqlite_store_does_not_take_waits(
        self, narrow: Narrow, tmp_path: Path, counted: Callable[[str], float]
    ) -> None:
        """A full store refuses rows, not the suite: they wait in at most two files, and are written once there is room."""
        async with transaction(narrow.engine) as connection:
            used = (await connection.execute(text("PRAGMA page_count"))).scalar_one()
        await narrow.resize(used + PAGES)
        recorder = quick(narrow.engine, tmp_path)
        await recorder.start()
        for start in range(0, 6000, 500):
            recorder.record([week(number) for number in range(start, start + 500)])
            await asyncio.sleep(0.15)
        await until(lambda: counted("spilled") + counted("recorded") >= 6000)
        while_full = await stored(narrow.engine)
        files = list((tmp_path / "spill").glob("*.jsonl"))

        await narrow.resize(100_000)
        await until_stored(narrow.engine, 6000)
        await recorder.aclose()

        assert 0 < while_full < 6000
        assert 1 <= len(files) <= 2
        assert await stored(narrow.engine, "SELECT COUNT(DISTINCT horizon_days) FROM analytics_predictions") == 6000
        assert (counted("dropped"), counted("refused")) == (0, 0)
        assert counted("replayed") == counted("spilled") >= 6000 - while_full
        assert list((tmp_path / "spill").iterdir()) == []

    @pytest.mark.mariadb
    async def test_what_a_full_mariadb_does_not_take_waits(
        self, own_mariadb: Callable[..., OwnMariaDB], tmp_path: Path, counted: Callable[[str], float]
    ) -> None:
        """The same where a server says that its tablespace is full."""
        server = own_mariadb("--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:24M")
        engine = open_engine(server.dsn)
        await ensure_schema(engine)
        async with transaction(engine) as connection:
            await connection.execute(text("CREATE TABLE ballast (filling LONGTEXT) ENGINE=InnoDB"))
        await self.fill_up(engine)
        recorder = quick(engine, tmp_path)
        await recorder.start()
        recorder.record([week(number) for number in range(4000)])
        await until(lambda: counted("spilled") + counted("recorded") >= 4000)
        while_full = await stored(engine)

        server.kill()
        server.options = ("--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:200M")
        await asyncio.to_thread(server.start)
        await until_stored(engine, 4000)
        await recorder.aclose()
        await engine.dispose()

        assert while_full < 4000
        assert (counted("dropped"), counted("refused")) == (0, 0)
        assert counted("replayed") == counted("spilled") > 0
        assert list((tmp_path / "spill").iterdir()) == []

    async def fill_up(self, engine: AsyncEngine) -> None:
        # small ones: rolling a large one back needs room of its own, without which MariaDB ends itself
        size = 8_000
        while size >= 4_000:
            try:
                async with engine.begin() as connection:
                    await connection.execute(text(f"INSERT INTO ballast VALUES (REPEAT('x', {size}))"))
            except DBAPIError:
                size //= 4


class TestStoreGone:
    @pytest.mark.mariadb
    async def test_a_killed_server_costs_no_prediction(
        self, own_mariadb: Callable[..., OwnMariaDB], tmp_path: Path, counted: Callable[[str], float]
    ) -> None:
        """kill -9 of the server while rows stream in: what it did not confirm waits, and nothing is there twice."""
        server = own_mariadb()
        engine = open_engine(server.dsn)
        await ensure_schema(engine)
        recorder = quick(engine, tmp_path)
        await recorder.start()
        for start in range(0, 3000, 100):
            recorder.record([week(number) for number in range(start, start + 100)])
            await asyncio.sleep(0.02)
            if start == 1000:
                server.kill()
        await until(lambda: counted("spilled") > 0)
        waiting = sum(1 for path in (tmp_path / "spill").glob("*.jsonl") for _ in read(path))
        await asyncio.to_thread(server.start)
        recorder.record([week(3000)])
        await until_stored(engine, 3001)
        await recorder.aclose()

        assert 0 < waiting <= 3000
        assert await stored(engine, "SELECT COUNT(DISTINCT prediction_id) FROM analytics_predictions") == 3001
        assert await stored(engine) == 3001
        assert (counted("dropped"), counted("refused")) == (0, 0)
        assert counted("replayed") == counted("spilled")
        assert list((tmp_path / "spill").iterdir()) == []
        await engine.dispose()
