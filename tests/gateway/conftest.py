"""A real service behind a real gateway, each a uvicorn server on a port of its own, with a key to enter by."""

import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from doorway import Door, MovableClock, StartGateway, make_service, serving
from fastapi import FastAPI

from rfid3_deploy.embedded_redis import redis_program
from rfid3_gateway.app import create_app
from rfid3_gateway.settings import GatewaySettings
from rfid3_shared.auth import create_key
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.migrate import ensure_schema


@pytest.fixture
async def start_gateway(tmp_path: Path, redis_url: str, sqlite_store: str) -> AsyncIterator[StartGateway]:
    """Starts gateways in front of given upstreams: `await start_gateway({"demand": [url]}, request_deadline_s=0.3)`."""
    async with AsyncExitStack() as stack:

        async def start(upstreams: dict[str, list[str]], **knobs: Any) -> Door:
            topology = tmp_path / "topology.toml"
            lines = []
            for name, urls in upstreams.items():
                lines += [f"[services.{name}]", f"upstreams = {urls}"]
            topology.write_text("\n".join(lines))
            knobs = {"redis_url": redis_url, "store_url": sqlite_store, "source_url": sqlite_store, "home": tmp_path, **knobs}
            clock = MovableClock()
            gateway = create_app(GatewaySettings(topology=topology, catalogue_refresh_s=0.2, **knobs), clock)
            engine = open_engine(knobs["store_url"])
            await ensure_schema(engine)
            async with transaction(engine) as connection:
                key_id, key = await create_key(connection, owner="test", scopes=["read", "train"], clock=clock)
            await engine.dispose()
            url = await stack.enter_async_context(serving(gateway))
            # no TLS here, and reading the machine's certificates takes longer than most of these tests
            client = httpx.AsyncClient(base_url=url, headers={"X-API-Key": key}, timeout=10, verify=False)
            await stack.enter_async_context(client)
            return Door(url, key, key_id, client, gateway, clock, knobs["store_url"])

        yield start


@pytest.fixture
def redis_server() -> Callable[[int], subprocess.Popen[bytes]]:
    """Starts a Redis of the test's own on a port; the test ends it."""

    def start(port: int) -> subprocess.Popen[bytes]:
        binary = redis_program()
        command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return process
            time.sleep(0.02)
        process.kill()
        raise RuntimeError("Redis did not start")

    return start


@pytest.fixture
async def service() -> AsyncIterator[tuple[FastAPI, str]]:
    """A running demand service and its URL."""
    app = make_service()
    async with serving(app) as url:
        yield app, url


@pytest.fixture
async def door(service: tuple[FastAPI, str], start_gateway: StartGateway) -> Door:
    """A gateway in front of one demand service."""
    return await start_gateway({"demand": [service[1]]})
