"""What gateway tests start and hold: a service that behaves as told, servers on ports of their own, a client with a key."""

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import uvicorn
from conftest import free_port
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from rfid3_gateway.app import Gateway
from rfid3_shared.auth import create_key
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction

PREFIX = "/api/predictive/demand"


class MovableClock(Clock):
    """The real clock, plus what a test adds."""

    ahead_s = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead_s


class Server(uvicorn.Server):
    """uvicorn, but asked to end it does so at once: its own waits of a tenth of a second are most of what a small test takes."""

    async def main_loop(self) -> None:
        await self.on_tick(0)
        while not self.should_exit:
            await asyncio.sleep(0.01)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        state = self.server_state
        for connection in list(state.connections):
            connection.shutdown()
        try:
            async with asyncio.timeout(self.config.timeout_graceful_shutdown):
                while state.connections or state.tasks:
                    await asyncio.sleep(0.005)
        except TimeoutError:
            for task in state.tasks:
                task.cancel()
        await self.lifespan.shutdown()


@asynccontextmanager
async def serving(app: Any, **listen: Any) -> AsyncIterator[str]:
    """Serve an ASGI app until the block ends; yields its URL."""
    held: list[socket.socket] = []
    if not listen:
        # bound here and handed over: a port that is looked up and let go may be somebody else's a moment later
        # named TCP, because asyncio sends small answers at once only on sockets that say so
        held = [socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)]
        held[0].bind(("127.0.0.1", 0))
        listen = {"port": held[0].getsockname()[1]}
    # a client's connection may rest as long as a slow machine takes to look at an answer
    config = uvicorn.Config(
        app,
        timeout_keep_alive=60,
        log_config=None,
        access_log=False,
        lifespan="on",
        proxy_headers=False,
        timeout_graceful_shutdown=1,
        **listen,
    )
    server = Server(config)
    task = asyncio.create_task(_served(server, held or None))
    while not server.started:
        if task.done():
            task.result()
            raise RuntimeError("the server ended before it began")
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{listen['port']}" if "port" in listen else f"unix:{listen['uds']}"
    finally:
        server.should_exit = True
        await task


async def _served(server: Server, sockets: list[socket.socket] | None) -> None:
    """Serve; a port that is taken fails one test, and not, as SystemExit does, the tear-down of all that follow."""
    try:
        await server.serve(sockets=sockets)
    except SystemExit as ended:
        raise RuntimeError("the server could not begin, its port is taken perhaps") from ended
    finally:
        for each in sockets or ():
            each.close()


class Wire:
    """A TCP connection to somewhere that can be cut and mended, so that a server seems to go away and come back."""

    def __init__(self, port: int) -> None:
        self._target, self.port = port, free_port()
        self._server: asyncio.Server | None = None
        self._ends: set[asyncio.StreamWriter] = set()

    async def mend(self) -> None:
        """Let connections through."""
        self._server = await asyncio.start_server(self._join, "127.0.0.1", self.port)

    async def cut(self) -> None:
        """Break every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
        for end in list(self._ends):
            end.transport.abort()
        await asyncio.sleep(0)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        await asyncio.gather(self._copy(reader, far_writer), self._copy(far_reader, writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._ends.add(writer)
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            self._ends.discard(writer)
            writer.close()


@dataclass
class Seen:
    """What a service was asked."""

    calls: list[dict[str, Any]] = field(default_factory=list)
    hung_up: int = 0


def make_service(name: str = "demand", prefix: str = PREFIX) -> FastAPI:
    """A service with one route for each way to behave; `app.state.seen` remembers."""
    app = FastAPI(title=name, description=f"The {name} of tests.")
    app.state.seen = seen = Seen()
    app.state.ready = True

    async def echo(request: Request, status: int = 200) -> JSONResponse:
        call = {
            "method": request.method, "url": str(request.url), "headers": [[k, v] for k, v in request.headers.items()],
            "body": (await request.body()).decode(), "service": name, "raw_path": request.scope["raw_path"].decode(),
        }  # fmt: skip
        seen.calls.append(call)
        return JSONResponse(call, status, headers={"x-request-id": "theirs", "keep-alive": "timeout=9", "x-kept": "yes"})

    @app.get(f"{prefix}/forecast")
    async def forecast(request: Request, weeks: int = 4) -> JSONResponse:
        return await echo(request)

    @app.post(f"{prefix}/retrain", status_code=202)
    async def retrain(request: Request) -> JSONResponse:
        return await echo(request, 202)

    @app.get(f"{prefix}/items/{{item_id:path}}")
    async def item(request: Request, item_id: str) -> JSONResponse:
        return await echo(request)

    @app.get(f"{prefix}/slow")
    async def slow(request: Request, seconds: float) -> dict[str, bool]:
        for _ in range(int(seconds / 0.02)):
            if await request.is_disconnected():
                seen.hung_up += 1
                break
            await asyncio.sleep(0.02)
        return {"done": True}

    @app.get(f"{prefix}/big")
    async def big(size: int) -> Response:
        return Response(b"x" * size, media_type="application/octet-stream")

    @app.get(f"{prefix}/pieces")
    async def pieces(count: int, pause_s: float = 0.0, fail: bool = False) -> StreamingResponse:
        async def produce() -> AsyncIterator[bytes]:
            for number in range(count):
                yield b"%d\n" % number
                await asyncio.sleep(pause_s)
            if fail:
                raise RuntimeError("broken on purpose")

        return StreamingResponse(produce(), media_type="text/plain")

    @app.get("/ready", include_in_schema=False)
    async def ready() -> Response:
        return Response(status_code=200 if app.state.ready else 503)

    return app


async def until(holds: Callable[[], bool], seconds: float = 3.0) -> None:
    """Return as soon as it holds; fail when it does not in time."""
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


@dataclass
class Door:
    """A running gateway and a client that holds a key with the scopes read and train."""

    url: str
    key: str
    key_id: str
    client: httpx.AsyncClient
    gateway: Gateway
    clock: MovableClock
    store_dsn: str

    async def get(self, path: str, **kwargs: Any) -> httpx.Response:
        """GET below the demand prefix, or from the root when the path says so."""
        return await self.client.get(path if path.startswith("/") else f"{PREFIX}/{path}", **kwargs)

    async def new_key(self, *scopes: str) -> tuple[str, str]:
        """Another key: (id, key)."""
        engine = open_engine(self.store_dsn)
        async with transaction(engine) as connection:
            made = await create_key(connection, owner="someone", scopes=scopes, clock=self.clock)
        await engine.dispose()
        return made


StartGateway = Callable[..., Awaitable[Door]]
