"""What does the gateway itself answer? Health, readiness, metrics, jobs and the documents; everything else is forwarded."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_gateway import docs
from rfid3_gateway.admission import Door
from rfid3_gateway.catalogue import Catalogue
from rfid3_gateway.health import Health
from rfid3_gateway.routing import GATEWAY, Route
from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.envelope import Envelope, success
from rfid3_shared.errors import NotFound
from rfid3_shared.jobs import STATES, get_job, list_jobs
from rfid3_shared.metrics import exposition

LOOPBACK = ("127.0.0.1", "::1")
OPEN_PATHS = (
    "/", "/health", "/api/health", "/api/performance/health", "/ready", "/metrics", "/openapi.json", "/docs", "/docs/{name}"
)  # fmt: skip
KEYED_PATHS = ("/api/predictive/health", "/api/predictive/jobs", "/api/predictive/jobs/{job_id}")
ROUTES = tuple(
    [Route(GATEWAY, "none", path, is_open=True) for path in OPEN_PATHS] + [Route(GATEWAY, "SYS", path) for path in KEYED_PATHS]
)
Status = Literal["healthy", "degraded", "unhealthy"]
router = APIRouter()


@dataclass(frozen=True)
class Parts:
    """What the own routes answer from; on `app.state.parts` while the gateway runs."""

    clock: Clock
    store: AsyncEngine
    door: Door
    health: Health
    catalogue: Catalogue


class JobsQuery(BaseModel):
    """Which jobs to list."""

    model_config = ConfigDict(extra="forbid")

    service: str | None = Field(None, max_length=50, description="Only jobs of this service, e.g. demand.")
    state: Literal[STATES] | None = Field(None, description="Only jobs in this state.")  # type: ignore[valid-type]
    limit: int = Field(50, ge=1, le=500)
    offset: int = Field(0, ge=0)


class Alert(BaseModel):
    """Something an operator should know."""

    level: Literal["info", "warning", "critical"]
    component: str
    message: str
    timestamp: str


class HealthAnswer(BaseModel):
    """The suite's health in one look."""

    overall_status: Status
    components: dict[str, Status]
    performance_metrics: dict[str, float]
    alerts: list[Alert]
    recommendations: list[str]


class JobsAnswer(BaseModel):
    """Jobs, newest first."""

    jobs: list[dict[str, Any]]


@router.get("/", include_in_schema=False)
async def start_page() -> Response:
    """Where a browser begins: the documentation."""
    return RedirectResponse("/docs", status_code=307)


async def alive() -> dict[str, str]:
    """Whether this process answers at all; asks nothing else."""
    return {"status": "alive", "service": GATEWAY}


for _path, _name in (("/health", "health"), ("/api/health", "api_health"), ("/api/performance/health", "performance_health")):
    router.get(_path, tags=[GATEWAY], operation_id=_name, openapi_extra={"security": []})(alive)


@router.get(
    "/ready", tags=[GATEWAY], operation_id="ready", openapi_extra={"security": []}, responses={503: {"description": "Not yet."}}
)
async def ready(request: Request, response: Response) -> dict[str, Any]:
    """Whether requests can be answered now: `ready`, `degraded` (a part is missing, answers go on) or 503 `not_ready`."""
    verdict, found = await _parts(request).health.verdict()
    response.status_code = 503 if verdict == "not_ready" else 200
    words = {True: "ready", False: "out of reach"}
    services = {name: words[is_ready] for name, is_ready in found.services.items()}
    return {
        "status": verdict,
        "service": GATEWAY,
        "redis": words[found.redis],
        "store": words[found.store],
        "services": services,
    }


@router.get("/metrics", include_in_schema=False)
async def metrics(request: Request) -> Response:
    """Prometheus text; for this machine itself, or with a key of scope admin."""
    forwarded = "x-forwarded-for" in request.headers
    if request.client is None or request.client.host not in LOOPBACK or forwarded:
        caller = await _parts(request).door.callers.identify(request.scope["headers"])
        caller.require("admin")
    text, kind = exposition()
    return Response(text, headers={"content-type": kind})


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> Response:
    """The merged OpenAPI document of gateway and services."""
    return Response(_parts(request).catalogue.document, media_type="application/json", headers={"cache-control": "no-cache"})


@router.get("/docs", include_in_schema=False)
async def docs_page(request: Request) -> Response:
    """The interactive documentation, which needs no internet."""
    return _file(request, "index.html")


@router.get("/docs/{name}", include_in_schema=False)
async def docs_file(request: Request, name: str) -> Response:
    """A script or style of the documentation."""
    if name not in docs.ASSETS:
        raise NotFound("There is no such file.", files=list(docs.ASSETS))
    return _file(request, name)


@router.get("/api/predictive/health", tags=[GATEWAY], operation_id="suite_health", response_model=Envelope[HealthAnswer])
async def suite_health(request: Request) -> Response:
    """How well the suite is: components, load, alerts and what to do about them."""
    report = await _parts(request).health.report()
    return _answer(request, report, message=f"The suite is {report['overall_status']}.")


@router.get("/api/predictive/jobs", tags=[GATEWAY], operation_id="list_jobs", response_model=Envelope[JobsAnswer])
async def jobs(request: Request, query: Annotated[JobsQuery, Query()]) -> Response:
    """Training runs and other work that outlasts a request, newest first."""
    async with transaction(_parts(request).store) as connection:
        found = await list_jobs(connection, service=query.service, state=query.state, limit=query.limit, offset=query.offset)
    return _answer(request, {"jobs": [job.as_dict() for job in found]}, message=f"{len(found)} jobs.")


@router.get("/api/predictive/jobs/{job_id}", tags=[GATEWAY], operation_id="get_job", response_model=Envelope[dict[str, Any]])
async def job(request: Request, job_id: Annotated[str, Path(max_length=64)]) -> Response:
    """One job: its state, progress, and in the end its result or its error."""
    async with transaction(_parts(request).store) as connection:
        found = await get_job(connection, job_id)
    return _answer(request, found.as_dict(), message=f"The job is {found.state}.")


def _parts(request: Request) -> Parts:
    return request.app.state.parts  # type: ignore[no-any-return]


def _file(request: Request, name: str) -> Response:
    asset = docs.asset(name)
    headers = {"content-type": asset.kind, "content-security-policy": docs.POLICY, "x-content-type-options": "nosniff",
               "referrer-policy": "no-referrer", "vary": "accept-encoding"}  # fmt: skip
    if name == "swagger-ui-bundle.js":
        headers["cache-control"] = "max-age=3600"
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.zipped, headers={**headers, "content-encoding": "gzip"})
    return Response(asset.content, headers=headers)


def _answer(request: Request, data: Any, *, message: str, meta: Mapping[str, Any] | None = None) -> Response:
    clock, exchange = _parts(request).clock, request.scope["exchange"]
    body = success(
        data, message=message, request_id=exchange.request_id, at=clock.now(),
        execution_time_ms=round((clock.monotonic() - exchange.started) * 1000),
        meta={"served_by": f"{GATEWAY}/{os.getpid()}", **(meta or {})},
    )  # fmt: skip
    return Response(body, media_type="application/json")
