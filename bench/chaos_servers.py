"""Which servers and workers can be killed and started again, on ports of their own?"""

import getpass
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.servers import free_port, redis_server, start

ROOT = Path(__file__).parents[1]


class Killable:
    """A process that `begin` starts; a TCP port tells when it is ready, where it has one."""

    def __init__(self, name: str, begin: Callable[[], subprocess.Popen[bytes]], port: int | None = None) -> None:
        self.name, self._begin, self._port = name, begin, port
        self.process = begin()
        self.wait()

    def wait(self) -> None:
        """Return when it is ready."""
        if self._port:
            start(self.process, self._port, 60)

    def kill(self) -> None:
        """kill -9, whatever it does at the moment; what it started itself is left to find out."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def restart(self) -> None:
        """Start it again as it was."""
        self.process = self._begin()
        self.wait()


def redis_on(port: int) -> Killable:
    """A Redis without memory: killing it loses everything it knew."""
    return Killable("redis", lambda: redis_server(port), port)


def mariadb_in(folder: Path) -> tuple[Killable, str] | None:
    """A MariaDB that keeps what it committed through kill -9, and its URL; None where none is installed."""
    server, install = shutil.which("mariadbd"), shutil.which("mariadb-install-db")
    if not server or not install:
        return None
    data, port = folder / "mariadb", free_port()
    user = [f"--user={getpass.getuser()}"] if os.geteuid() == 0 else []
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    new = [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db", *user]
    subprocess.run(new, check=True, **quiet)
    command = [
        server, "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1", f"--tmpdir={folder}",
        f"--socket={folder / 'm.sock'}",
        f"--pid-file={folder / 'm.pid'}", "--innodb-flush-log-at-trx-commit=1", "--innodb-buffer-pool-size=64M", "--skip-name-resolve",
        *user,
    ]  # fmt: skip
    running = Killable("mariadb", lambda: subprocess.Popen(command, **quiet), port)
    client = shutil.which("mariadb") or shutil.which("mysql") or "mariadb"
    create = [
        client,
        "--no-defaults",
        "-h127.0.0.1",
        f"-P{port}",
        "-uroot",
        "-e",
        "CREATE DATABASE chaos CHARACTER SET utf8mb4",
    ]
    subprocess.run(create, check=True, **quiet)
    return running, f"mysql://root@127.0.0.1:{port}/chaos"


def worker(number: int, environment: dict[str, str], log: Path) -> Killable:
    """A worker process of the chaos service."""

    def begin() -> subprocess.Popen[bytes]:
        with log.open("ab") as out:
            command = [sys.executable, "-m", "bench.chaos_work"]
            return subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, stdout=out, stderr=out)

    return Killable(f"worker {number}", begin)
