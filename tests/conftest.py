"""Real servers for the tests: a Redis and, where installed, a MariaDB of their own, started once and cleaned for each test."""

import contextlib
import gc
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import HealthCheck, settings

from rfid3_deploy.embedded_redis import redis_program

if TYPE_CHECKING:
    from brokerlife import Broker
    from keptstore import KeptStore

# how fast a machine draws examples says nothing about the code: no deadline, no complaint about slow drawing
settings.register_profile("suite", deadline=None, max_examples=30, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("suite")
# a traceback drawn for a terminal with all its variables takes a third of a second, and some tests log hundreds
structlog.configure(
    processors=[structlog.processors.add_log_level, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
    logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
)
# what tests write need not survive a power cut, and waiting for the disk was three quarters of making a test's tables
NO_SYNC = ("--loose-innodb-flush-method=nosync", "--loose-debug-no-sync", "--loose-skip-innodb-doublewrite")
DESCRIPTORS = 300
MARIADB_HINT = "install mariadb-server, or set RFID3_TEST_MYSQL_URL=mysql://user:password@host:port"


def pytest_collection_finish(session: pytest.Session) -> None:
    """Tests of one group share what is dear to make, so they must share a process: pytest 9.2 no longer heeds the groups of
    pytest-xdist 3.8, and everything was made once per process without a word."""
    if getattr(session.config.option, "loadgroup", False):
        apart = [item.nodeid for item in session.items if item.get_closest_marker("xdist_group") and "@" not in item.nodeid]
        if apart:
            raise pytest.UsageError(f"xdist groups have no effect on {len(apart)} tests, {apart[0]} for one")


def free_port() -> int:
    """A TCP port nobody listens on, of those that neither the system hands out for connections nor another test process takes:
    it is let go here and bound a moment later."""
    first = 10_000 + 5_000 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 4)
    while True:
        port = first + secrets.randbelow(5_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def wait_for_port(port: int, process: subprocess.Popen[bytes], seconds: float = 20) -> None:
    """Return when something accepts connections on the port; fail when the process dies or time is up."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"server on port {port} ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


def start_redis(port: int) -> subprocess.Popen[bytes]:
    """A Redis of one's own that keeps nothing on disk."""
    command = [redis_program(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for_port(port, process)
    return process


@pytest.fixture(autouse=True)
def few_descriptors() -> Iterator[None]:
    """Mapped arrays that a test left to the collector hold a descriptor each, and paho's `select` knows only those below 1,024."""
    yield
    if Path("/proc/self/fd").is_dir() and len(os.listdir("/proc/self/fd")) > DESCRIPTORS:
        gc.collect()


@pytest.fixture(scope="session")
def redis_port() -> Iterator[int]:
    port = free_port()
    process = start_redis(port)
    yield port
    process.terminate()
    process.wait(10)


@pytest.fixture
def redis_url(redis_port: int) -> str:
    """URL of the run's own Redis, emptied."""
    import redis

    with redis.Redis(port=redis_port) as client:
        client.flushall()
    return f"redis://127.0.0.1:{redis_port}/0"


@pytest.fixture(scope="session")
def mariadb_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """URL of a MariaDB or MySQL server where databases may be created."""
    if given := os.environ.get("RFID3_TEST_MYSQL_URL"):
        yield given.rstrip("/")
        return
    server, install = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    if not server or not install:
        pytest.skip(f"needs MariaDB: {MARIADB_HINT}")
    folder = tmp_path_factory.mktemp("mariadb")
    data, port = folder / "data", free_port()
    user = [f"--user={os.environ.get('USER') or 'root'}"] if os.geteuid() == 0 else []
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    command = [
        install,
        "--no-defaults",
        f"--datadir={data}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        *NO_SYNC,
        *user,
    ]
    subprocess.run(command, check=True, **quiet)
    process = subprocess.Popen(
        [server, "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1",
         f"--tmpdir={folder}", f"--socket={folder / 'm.sock'}", f"--pid-file={folder / 'm.pid'}", "--innodb-flush-log-at-trx-commit=0",
         "--innodb-buffer-pool-size=256M", "--skip-name-resolve", *NO_SYNC, *user], **quiet,
    )  # fmt: skip
    wait_for_port(port, process, 60)
    yield f"mysql://root@127.0.0.1:{port}"
    process.terminate()
    process.wait(30)


@pytest.fixture
def mysql_dsn(mariadb_server: str) -> Iterator[str]:
    """DSN of an empty MariaDB database, dropped afterwards."""
    from keptstore import connect, drop

    name, admin = f"rfid3_test_{secrets.token_hex(6)}", connect(mariadb_server)
    with admin, admin.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} CHARACTER SET utf8mb4")
        yield f"{mariadb_server}/{name}"
        drop(admin, name)


@pytest.fixture(scope="session")
def kept_store(mariadb_server: str) -> Iterator["KeptStore"]:
    from keptstore import KeptStore

    kept = KeptStore(mariadb_server)
    yield kept
    kept.close()


@pytest.fixture
def mysql_store(kept_store: "KeptStore") -> Iterator[str]:
    """DSN of a MariaDB database whose store tables are there and empty."""
    yield kept_store.lend()
    kept_store.take_back()


@pytest.fixture
def store_dsn(tmp_path: Path) -> str:
    """DSN of an empty SQLite database."""
    return f"sqlite:///{tmp_path / 'store.db'}"


@pytest.fixture(scope="session")
def store_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with the store's tables, to be copied: that takes a tenth of making them."""
    from keptstore import make_tables

    file = tmp_path_factory.mktemp("template") / "store.db"
    make_tables(f"sqlite:///{file}")
    return file


@pytest.fixture
def sqlite_store(store_template: Path, store_dsn: str) -> str:
    """`store_dsn`, its tables there and empty."""
    shutil.copy(store_template, store_dsn.removeprefix("sqlite:///"))
    return store_dsn


@pytest.fixture
def rfid3_export() -> Path:
    """The real RFID3 export, where it lies beside the project."""
    root = Path(os.environ.get("RFID3_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    folder = root if root.name == "rfid3" else root / "rfid3"
    if not (folder / "id_transactions.csv.gz").exists():
        pytest.skip("needs a real RFID3 export: set RFID3_TEST_DATA to its folder")
    return folder


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test reads the developer's own settings or writes into the project's var folder."""
    for name in [name for name in os.environ if name.startswith("RFID3_") and not name.startswith("RFID3_TEST_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("RFID3_HOME", str(tmp_path / "var"))


@pytest.fixture
def broker(tmp_path: Path) -> Iterator["Broker"]:
    """An MQTT broker that the test may kill and start again."""
    from brokerlife import Broker

    folder = tmp_path / "broker"
    folder.mkdir()
    started = Broker(folder, free_port())
    started.start()
    yield started
    started.kill()


@pytest.fixture
def free_redis() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A Redis that the test may kill: its URL and its process."""
    port = free_port()
    process = start_redis(port)
    yield f"redis://127.0.0.1:{port}/0", process
    process.kill()
    process.wait(10)
