"""What can be asked and decided about models at the door? In and out only.

Endpoint 14 and A13 to A15 of mission.md, and the two decisions of a person: promote and roll back.
"""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Body, Path, Query, Request
from fastapi.responses import Response
from sqlalchemy import func, select

from rfid3_gateway.headers import to_caller, to_service
from rfid3_gateway.model_answers import (
    EventsAnswer,
    EventsQuery,
    HistoryAnswer,
    HistoryQuery,
    PerformanceAnswer,
    PromoteRequest,
    PublishedVersion,
    RollbackRequest,
    ServiceModels,
)  # fmt: skip
from rfid3_gateway.on_duty import known_service, on_duty
from rfid3_gateway.parts import answer, parts
from rfid3_gateway.performance import report
from rfid3_gateway.routing import GATEWAY, Route
from rfid3_shared.db import transaction
from rfid3_shared.envelope import Envelope
from rfid3_shared.registry import Version, announce
from rfid3_shared.registry.history import Event
from rfid3_shared.registry.tables import ml_model_performance as published

MODELS = "/api/predictive/models"
RETRAIN = f"{MODELS}/retrain/{{service}}"
ROUTES = (
    *(Route(GATEWAY, "SYS", f"{MODELS}/{path}") for path in ("performance", "status", "version-history")),
    Route(GATEWAY, "TRAIN", RETRAIN),
    *(Route(GATEWAY, "SYS", f"{MODELS}/{{service}}/{path}") for path in ("promote", "rollback", "events")),
)
router = APIRouter(tags=["models"])
Service = Annotated[str, Path(max_length=100, description="A service behind this gateway.", examples=["demand"])]


@router.get(f"{MODELS}/performance", operation_id="models_performance", response_model=Envelope[PerformanceAnswer])
async def performance(request: Request) -> Response:
    """How good each service's model is, how well the suite answered and how much it was asked, over 24 hours."""
    return answer(request, await report(parts(request)), message="Performance of models and suite.")


@router.get(f"{MODELS}/status", operation_id="models_status", response_model=Envelope[dict[str, ServiceModels]])
async def status(request: Request) -> Response:
    """Champion and shadow of every service, and which version its processes hold right now."""
    duties = await on_duty(parts(request))
    trained = sum(duty.champion is not None for duty in duties.values())
    data = {service: duty.shown() for service, duty in duties.items()}
    return answer(request, data, message=f"{trained} of {len(duties)} services have a champion.")


@router.post(
    RETRAIN, operation_id="models_retrain", status_code=202, response_model=Envelope[dict[str, Any]],
    openapi_extra={"requestBody": {"required": False, "content": {"application/json": {
        "schema": {"type": "object", "description": "As the service's own retrain route takes it."},
        "example": {"force_retrain": False}}}}},
)  # fmt: skip
async def retrain(request: Request, service: Service) -> Response:
    """Schedule a training run of a service: what its own `POST /{service}/retrain` does and answers."""
    held, exchange, scope = parts(request), request.scope["exchange"], request.scope
    name, query = known_service(held, service), scope["query_string"].decode("latin-1")
    left_s = held.settings.request_deadline_s - (held.clock.monotonic() - exchange.started)
    headers = to_service(
        scope["headers"], peer=request.client.host if request.client else "unix", request_id=exchange.request_id,
        deadline_ms=max(1, int(1000 * left_s)),
    )  # fmt: skip
    target = f"/api/predictive/{name}/retrain" + (f"?{query}" if query else "")
    reply = await held.upstreams.send(name, "POST", target, headers, await request.body() or None)
    try:
        passed = Response(await reply.read(), status_code=reply.status)
    finally:
        reply.close()
    passed.raw_headers += [(header, value) for header, value in to_caller(reply.headers) if header != b"content-length"]
    return passed


@router.get(f"{MODELS}/version-history", operation_id="models_version_history", response_model=Envelope[HistoryAnswer])
async def version_history(request: Request, query: Annotated[HistoryQuery, Query()]) -> Response:
    """Published versions, newest first: how good they were, what became of them, who decided that and on what evidence."""
    held = parts(request)
    service = query.service and known_service(held, query.service)
    states = [query.state] if query.state else None
    found = await held.registry.versions(service, query.limit, query.offset, states=states)
    deployed = await held.registry.deployments(found)
    counted = select(func.count()).select_from(published)
    if service:
        counted = counted.where(published.c.service_name == service)
    if query.state:
        counted = counted.where(published.c.state == query.state)
    async with transaction(held.store) as connection:
        total = (await connection.execute(counted)).scalar_one()
    data = {
        "versions": [_shown(version, deployed.get(version.model_version)) for version in found],
        "total": total, "limit": query.limit, "offset": query.offset,
    }  # fmt: skip
    return answer(request, data, message=f"{len(found)} of {total} versions.")


@router.post(f"{MODELS}/{{service}}/promote", operation_id="models_promote", response_model=Envelope[PublishedVersion])
async def promote(request: Request, service: Service, wanted: Annotated[PromoteRequest, Body()]) -> Response:
    """Make a version the champion; the present one is retired. Needs the scope admin.

    Its files are verified first: 503 MODEL_UNAVAILABLE leaves everything as it was. 409 CONFLICT when it is champion already.
    """
    held, caller = parts(request), request.scope["caller"]
    caller.require("admin")
    name = known_service(held, service)
    version = await held.registry.promote(name, wanted.model_version, by=caller.key_id, reason=wanted.reason)
    return await _switched(request, version)


@router.post(f"{MODELS}/{{service}}/rollback", operation_id="models_rollback", response_model=Envelope[PublishedVersion])
async def rollback(request: Request, service: Service, wanted: Annotated[RollbackRequest, Body()]) -> Response:
    """Go back to the champion before this one, or to the one named. Needs the scope admin. 409 CONFLICT when there is none."""
    held, caller = parts(request), request.scope["caller"]
    caller.require("admin")
    name = known_service(held, service)
    version = await held.registry.rollback(name, by=caller.key_id, reason=wanted.reason, to=wanted.to)
    return await _switched(request, version)


@router.get(f"{MODELS}/{{service}}/events", operation_id="models_events", response_model=Envelope[EventsAnswer])
async def events(request: Request, service: Service, query: Annotated[EventsQuery, Query()]) -> Response:
    """Every change of state of a service's versions, newest first."""
    held = parts(request)
    found = await held.registry.events(known_service(held, service), query.limit, query.offset)
    data = {"events": [asdict(event) for event in found], "limit": query.limit, "offset": query.offset}
    return answer(request, data, message=f"{len(found)} changes of state.")


async def _switched(request: Request, version: Version) -> Response:
    held = parts(request)
    await announce(held.redis, version.service)
    deployed = await held.registry.deployments([version])
    message = f"{version.model_version} is the champion of {version.service}; its processes switch within seconds."
    return answer(request, _shown(version, deployed.get(version.model_version)), message=message)


def _shown(version: Version, deployed: Event | None) -> dict[str, Any]:
    """A version as `PublishedVersion`; `deployed` is the event that made it champion."""
    return {
        "service": version.service, "version": version.model_version, "model_type": version.model_type, "state": version.state,
        "state_since": version.state_since, "state_reason": version.state_reason, "metrics": version.metrics,
        "active": version.state == "champion", "trained_at": version.trained_at, "deployed_at": deployed and deployed.changed_at,
        "promoted_by": deployed and deployed.changed_by, "data_from": version.data_from, "data_to": version.data_to,
        "evidence": version.evidence, "code_version": version.code_version, "job_id": version.job_id,
    }  # fmt: skip
