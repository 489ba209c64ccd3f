"""How do the gateway's parts become one process? `uvicorn rfid3_gateway.app:app`.

Plain ASGI around everything; FastAPI answers the gateway's own few routes only. Nothing is opened before the lifespan begins.
"""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from functools import cache
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from rfid3_gateway import (
    event_routes,
    flag_routes,
    health_aliases,
    insights_routes,
    job_routes,
    ledger_routes,
    model_routes,
    own_routes,
)  # fmt: skip
from rfid3_gateway.admission import Door
from rfid3_gateway.catalogue import Catalogue
from rfid3_gateway.dashboard import routes as dashboard_routes
from rfid3_gateway.forward import Forwarder, Scope, Send
from rfid3_gateway.health import Health
from rfid3_gateway.integrated import routes as integrated_routes
from rfid3_gateway.parts import Parts
from rfid3_gateway.patience import Receive
from rfid3_gateway.refusal import refusal
from rfid3_gateway.routing import RouteTable, read_topology
from rfid3_gateway.settings import GatewaySettings
from rfid3_gateway.stop_signal import on_stop
from rfid3_gateway.upstream import Upstreams
from rfid3_gateway.usage import Usage
from rfid3_shared.callers import Callers
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine
from rfid3_shared.envelope import error_headers
from rfid3_shared.errors import AppError, InvalidParameters
from rfid3_shared.flags import Flags, switched_off
from rfid3_shared.jobs.tally import Tally
from rfid3_shared.limits import RateLimiter, rules_from
from rfid3_shared.log import configure_logging, get_logger
from rfid3_shared.registry import Registry
from rfid3_shared.registry.storage import open_storage
from rfid3_shared.resources import ensure_store, open_redis

log = get_logger("gateway")
ROOMS = (
    own_routes, job_routes, model_routes, ledger_routes, event_routes, flag_routes, health_aliases, insights_routes, dashboard_routes,
    integrated_routes,
)  # fmt: skip
"""Where the own routes are."""
TITLE = "RFID3 predictive suite"
DESCRIPTION = "Forecasts and decisions for a rental company, from its own RFID3 scans. Every route but health needs an API key."


class Gateway:
    """The ASGI app."""

    def __init__(self, settings: GatewaySettings, clock: Clock) -> None:
        self.settings, self.clock = settings, clock
        self.forwarder: Forwarder | None = None
        self.own = _own_routes(self._lifespan)
        _add_handlers(self.own)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and self.forwarder is not None:
            await self.forwarder(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await self.own(scope, receive, send)

    @staticmethod
    def openapi() -> dict[str, Any]:
        """The OpenAPI document of the own routes; the merged one is the catalogue's."""
        return own_document()

    @asynccontextmanager
    async def _lifespan(self, own: FastAPI) -> AsyncIterator[None]:
        settings, clock = self.settings, self.clock
        configure_logging("gateway", settings.log_level)
        storage_url = settings.registry_url.get_secret_value() if settings.registry_url else None
        services = read_topology(settings.topology_file, os.environ)
        table = RouteTable(services, [route for room in ROOMS for route in room.ROUTES])
        async with AsyncExitStack() as stack:
            store = open_engine(settings.store_dsn, pool_size=settings.pool_size, overflow=settings.pool_overflow)
            stack.push_async_callback(store.dispose)
            source = open_engine(settings.source_dsn, pool_size=2, overflow=0, read_only=True)
            stack.push_async_callback(source.dispose)
            redis = open_redis(settings.redis_dsn)
            stack.push_async_callback(redis.aclose)
            await ensure_store(store)
            upstreams = Upstreams(services, clock)
            stack.push_async_callback(upstreams.aclose)
            await upstreams.open()
            limiter = RateLimiter(redis, rules_from(settings), clock)
            stack.push_async_callback(limiter.aclose)
            flags = Flags(store, clock, settings.home / "flags.json", off=switched_off(settings.flags_off))
            stack.push_async_callback(flags.aclose)
            await flags.start()
            callers = Callers(store, clock)
            stack.push_async_callback(callers.aclose)
            door = Door(callers, limiter)
            catalogue = Catalogue(own_document, services, upstreams, table, settings.catalogue_refresh_s)
            stack.push_async_callback(catalogue.aclose)
            await catalogue.start()
            health = Health(settings, clock, store, source, redis, upstreams, door)
            registry = Registry(settings.artefact_dir, store, clock, open_storage(storage_url))
            usage = Usage(store, clock)
            stack.push_async_callback(usage.aclose)
            await usage.start()
            own.state.parts = Parts(
                usage=usage,
                settings=settings, clock=clock, store=store, source=source, redis=redis, door=door, health=health,
                catalogue=catalogue, upstreams=upstreams, registry=registry, flags=flags, tally=Tally(store, clock),
            )  # fmt: skip
            stack.enter_context(on_stop(health.drain))
            self.forwarder = Forwarder(settings, clock, table, door, upstreams, own, health.latencies_s, usage)
            keep_from_collector()
            try:
                yield
            finally:
                health.draining = True
                await self._drain(self.forwarder)

    async def _drain(self, forwarder: Forwarder) -> None:
        """Wait for requests under way, but not for ever."""
        try:
            async with asyncio.timeout(self.settings.drain_timeout_s):
                while forwarder.in_flight:  # noqa: ASYNC110 - a plain number keeps the hot path free of events
                    await asyncio.sleep(0.02)
        except TimeoutError:
            log.warning("drain_incomplete", in_flight=forwarder.in_flight)


@cache
def keep_from_collector() -> None:
    """What a process has when its first gateway starts stays: looking at it again and again was 8 % of a request's CPU."""
    gc.collect()
    gc.freeze()


@cache
def own_document() -> dict[str, Any]:
    """The own routes' OpenAPI document. It is the same for every gateway, and a third of a second's work: made once a process."""
    return _own_routes(None).openapi()


def create_app(settings: GatewaySettings | None = None, clock: Clock | None = None) -> Gateway:
    """The gateway; settings from the environment unless given."""
    settings = settings or GatewaySettings()
    return Gateway(settings, clock or Clock(settings.time_zone))


def _own_routes(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]] | None) -> FastAPI:
    own = FastAPI(
        title=TITLE, description=DESCRIPTION, version="1", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None
    )
    for room in ROOMS:
        own.include_router(room.router)
    return own


def _add_handlers(own: FastAPI) -> None:
    """Errors of the own routes in the same envelope as those of the way through."""

    def send(request: Request, error: AppError) -> Response:
        exchange = request.scope["exchange"]
        body = refusal(request.url.path, error, request_id=exchange.request_id, at=own.state.parts.clock.now())
        return Response(body, status_code=error.status, headers=error_headers(error))

    @own.exception_handler(AppError)
    async def on_app_error(request: Request, error: AppError) -> Response:
        return send(request, error)

    @own.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        problems = [{"parameter": str(fault["loc"][-1]), "problem": fault["msg"]} for fault in error.errors()]
        return send(request, InvalidParameters("Some parameters cannot be used.", problems=problems))

    @own.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        refused = InvalidParameters(f"{request.method} is not offered here.", path=request.url.path)
        answer = send(request, refused)
        answer.status_code = error.status_code
        answer.headers.update(error.headers or {})
        return answer

    @own.exception_handler(Exception)
    async def on_fault(request: Request, _: Exception) -> Response:
        return send(request, AppError("Something failed on our side. The request id finds it in the logs."))


def __getattr__(name: str) -> Any:
    # `app` is made when a server asks for it, so that importing this module reads no settings
    if name == "app":
        return create_app()
    raise AttributeError(name)
