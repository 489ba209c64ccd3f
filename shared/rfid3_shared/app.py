"""How does a service become a process that answers HTTP?

`create_service` joins a service's router to what all services share: resources opened by the lifespan, three error handlers,
health, readiness and metrics routes, and the Admission layer. It is a function, not a base class: a service is its rooms.
"""

import os
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from rfid3_shared.admission import Admission
from rfid3_shared.envelope import ErrorEnvelope, error_headers, failure, success
from rfid3_shared.errors import AppError, InvalidParameters, NotFound
from rfid3_shared.log import configure_logging, get_logger
from rfid3_shared.metrics import exposition
from rfid3_shared.reach import Reach
from rfid3_shared.registry import Shadowing, Snapshots
from rfid3_shared.resources import open_resources
from rfid3_shared.settings import Settings

log = get_logger("app")
COMMON_ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorEnvelope, "description": text}
    for status, text in {
        401: "UNAUTHORIZED: no key, or an unknown one",
        403: "FORBIDDEN: the key lacks the scope",
        409: "INSUFFICIENT_DATA or CONFLICT: what is missing or in the way is in the details",
        422: "INVALID_PARAMETERS: which parameter, and what it accepts",
        429: "RATE_LIMIT_EXCEEDED: come back after Retry-After seconds",
        500: "SYSTEM_ERROR: a fault of ours; the request id finds it in the logs",
        503: "MODEL_UNAVAILABLE or a part out of reach: come back after Retry-After seconds",
    }.items()
}
PROBLEM_WORDS = {"missing": "is required", "extra_forbidden": "is not a parameter of this route"}


def create_service(
    name: str, *, title: str, description: str, router: APIRouter, settings: Settings, load: Callable[[Path], Any]
) -> FastAPI:
    """The service's ASGI app; `load` turns a published folder into the snapshot its routes answer from."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        # before anything can fail: an unconfigured logger would print local variables, callers' keys among them
        configure_logging(name, settings.log_level)
        async with open_resources(settings) as resources:
            shadowing = Shadowing(resources.store, resources.ledger, resources.clock, name)
            snapshots = Snapshots(
                name, resources.registry, load, redis=resources.redis, clock=resources.clock,
                memory_mb=settings.snapshot_memory_mb, shadow_refused=shadowing.refused,
            )  # fmt: skip
            reach = Reach(resources)
            app.state.resources, app.state.snapshots, app.state.reach = resources, snapshots, reach
            app.state.shadowing = shadowing
            async with AsyncExitStack() as stack:
                for part in (snapshots, shadowing, reach):
                    await part.start()
                    stack.push_async_callback(part.aclose)
                yield

    app = FastAPI(title=title, description=description, version="1", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.service = name
    app.include_router(router, prefix="/api/predictive", responses=COMMON_ERRORS)
    _add_own_routes(app)
    _add_handlers(app)
    app.add_middleware(Admission, service=name, state=app.state)
    return app


def answer(request: Request, data: Any, *, message: str, meta: Mapping[str, Any], status: int = 200) -> Response:
    """A success envelope for this request; `x-cache` tells programs on the way what `meta.cached` tells people."""
    clock = request.app.state.resources.clock
    state = request.scope["state"]
    body = success(
        data, message=message, request_id=state["request_id"], at=clock.now(),
        execution_time_ms=round((clock.monotonic() - state["started"]) * 1000),
        meta={"served_by": f"{request.app.state.service}/{os.getpid()}", "degraded": request.app.state.reach.missing, **meta},
    )  # fmt: skip
    headers = {"x-cache": "hit" if meta["cached"] else "miss"} if "cached" in meta else {}
    return Response(body, status_code=status, media_type="application/json", headers=headers)


def _add_own_routes(app: FastAPI) -> None:
    @app.get("/health", include_in_schema=False)
    async def health() -> dict[str, str]:
        return {"status": "alive", "service": app.state.service}

    @app.get("/ready", include_in_schema=False)
    async def ready(response: Response) -> dict[str, Any]:
        within_reach = await app.state.resources.ping()
        loaded = app.state.snapshots.loaded
        # a service answers from memory: it is ready when it has a snapshot, whatever else is down
        response.status_code = 200 if loaded else 503
        return {
            "status": "ready" if loaded else "no model yet",
            "service": app.state.service,
            "model_version": loaded.version.model_version if loaded else None,
            "within_reach": within_reach,
        }

    @app.get("/metrics", include_in_schema=False)
    async def metrics() -> Response:
        text, content_type = exposition()
        return Response(text, headers={"content-type": content_type})


def _add_handlers(app: FastAPI) -> None:
    def send(request: Request, error: AppError) -> Response:
        current = request.scope.get("state", {}).get("request_id", "")
        body = failure(error, request_id=current, at=app.state.resources.clock.now())
        return Response(body, status_code=error.status, headers=error_headers(error))

    @app.exception_handler(AppError)
    async def on_app_error(request: Request, error: AppError) -> Response:
        return send(request, error)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> Response:
        return send(request, InvalidParameters("Some parameters cannot be used.", problems=in_words(error)))

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> Response:
        if error.status_code == 404:
            return send(request, NotFound("There is no such path.", path=request.url.path))
        refused = InvalidParameters(f"{request.method} is not offered here.", path=request.url.path)
        refused.status = error.status_code  # type: ignore[misc]
        return send(request, refused)

    @app.exception_handler(Exception)
    async def on_fault(request: Request, error: Exception) -> Response:
        log.error("unhandled", path=request.url.path, exc_info=error)
        return send(request, AppError("Something failed on our side. The request id finds it in the logs."))


def in_words(error: RequestValidationError) -> list[dict[str, Any]]:
    """Each problem of a request as {parameter, problem, given}."""
    problems = []
    for fault in error.errors():
        where = [str(part) for part in fault["loc"] if part not in ("query", "body", "path")]
        words = PROBLEM_WORDS.get(fault["type"], fault["msg"].removeprefix("Value error, "))
        given = fault.get("input")
        problem = {"parameter": ".".join(where) or str((*fault["loc"], "body")[0]), "problem": words}
        # a whole body is not sent back
        problems.append({**problem, "given": None if isinstance(given, (dict, list)) else given})
    return problems


__all__ = ["COMMON_ERRORS", "answer", "create_service", "in_words"]
