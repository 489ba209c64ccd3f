"""What does the gateway itself answer? Health, readiness, metrics and the documents.

Jobs, models, flags and the ledger have rooms of their own (`*_routes`); everything else is forwarded.
"""

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from rfid3_gateway import docs
from rfid3_gateway.parts import answer, parts
from rfid3_gateway.routing import GATEWAY, Route
from rfid3_shared.envelope import Envelope
from rfid3_shared.errors import NotFound
from rfid3_shared.metrics import exposition

LOOPBACK = ("127.0.0.1", "::1")
OPEN_PATHS = (
    "/", "/health", "/api/health", "/api/performance/health", "/ready", "/metrics", "/openapi.json", "/docs", "/docs/{name}"
)  # fmt: skip
KEYED_PATHS = ("/api/predictive/health",)
ROUTES = tuple(
    [Route(GATEWAY, "none", path, is_open=True) for path in OPEN_PATHS] + [Route(GATEWAY, "SYS", path) for path in KEYED_PATHS]
)
Status = Literal["healthy", "degraded", "unhealthy"]
router = APIRouter()


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
    verdict, found = await parts(request).health.verdict()
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
        caller = await parts(request).door.callers.identify(request.scope["headers"])
        caller.require("admin")
    text, kind = exposition()
    text += await parts(request).tally.exposition_text()
    return Response(text, headers={"content-type": kind})


@router.get("/openapi.json", include_in_schema=False)
async def openapi(request: Request) -> Response:
    """The merged OpenAPI document of gateway and services."""
    return Response(parts(request).catalogue.document, media_type="application/json", headers={"cache-control": "no-cache"})


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
    report = await parts(request).health.report()
    return answer(request, report, message=f"The suite is {report['overall_status']}.")


def _file(request: Request, name: str) -> Response:
    asset = docs.asset(name)
    headers = {"content-type": asset.kind, "content-security-policy": docs.POLICY, "x-content-type-options": "nosniff",
               "referrer-policy": "no-referrer", "vary": "accept-encoding"}  # fmt: skip
    if name == "swagger-ui-bundle.js":
        headers["cache-control"] = "max-age=3600"
    if "gzip" in request.headers.get("accept-encoding", ""):
        return Response(asset.zipped, headers={**headers, "content-encoding": "gzip"})
    return Response(asset.content, headers=headers)
