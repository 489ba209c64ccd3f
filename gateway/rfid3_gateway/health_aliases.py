"""What do older clients ask about health? A16 to A18 of mission.md: parts of endpoints 14 and 15 under earlier names.

Each answer says that its name is deprecated, since when (RFC 9745) and what to ask instead.
"""

from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from rfid3_gateway.model_answers import Status, SystemHealth, UsageStatistics
from rfid3_gateway.parts import answer, parts
from rfid3_gateway.performance import SERVICE_OF_TYPE, SPAN, prediction_volumes, system_health, usage_statistics
from rfid3_gateway.routing import GATEWAY, Route
from rfid3_gateway.usage_summary import summary
from rfid3_shared.db import transaction
from rfid3_shared.envelope import Envelope
from rfid3_shared.ledger.live import LiveAccuracy, live_accuracy

HEALTH = "/api/predictive/health"
DEPRECATED_SINCE = "@1795305600"  # 2026-11-22, the day these names were first offered
ROUTES = tuple(
    Route(GATEWAY, "SYS", f"{HEALTH}/{path}") for path in ("system-status", "performance-metrics", "prediction-accuracy")
)
TYPE_OF_SERVICE = {service: kind for kind, service in SERVICE_OF_TYPE.items()}
router = APIRouter(tags=[GATEWAY])


class SystemStatus(BaseModel):
    """A16: the part of endpoint 15 that says how well everything is."""

    overall_status: Status
    components: dict[str, Status]
    alerts: list[dict[str, str]]
    recommendations: list[str]


class PerformanceMetrics(BaseModel):
    """A17: load of this machine, and how the suite answered during the last 24 hours."""

    performance_metrics: dict[str, float]
    system_health: SystemHealth
    usage_statistics: UsageStatistics


class LiveCoverage(BaseModel):
    """How often outcomes lay inside intervals of one nominal level."""

    level: float
    share: float
    predictions: int


class PredictionAccuracy(BaseModel):
    """A18: how the predictions that people were shown turned out, each counted once; null without outcomes."""

    predictions: int
    waiting: int = Field(description="Predictions of the span whose outcome is not known yet.")
    accuracy: float | None = Field(description="1 − WAPE, not below 0.")
    mae: float | None
    rmse: float | None
    mape: float | None = Field(description="Percent, over outcomes above 0.")
    coverage: list[LiveCoverage]
    first_day: date | None
    last_day: date | None
    last_scored_at: datetime | None


class AccuracyQuery(BaseModel):
    """How far back to look."""

    model_config = ConfigDict(extra="forbid")

    days_back: int = Field(30, ge=1, le=365, description="Predictions for days since then.")


@router.get(
    f"{HEALTH}/system-status", operation_id="health_system_status", deprecated=True, response_model=Envelope[SystemStatus]
)
async def system_status(request: Request) -> Response:
    """Use GET /api/predictive/health."""
    report = await parts(request).health.report()
    data = {name: report[name] for name in SystemStatus.model_fields}
    return _deprecated(answer(request, data, message=f"The suite is {data['overall_status']}."), HEALTH)


@router.get(
    f"{HEALTH}/performance-metrics",
    operation_id="health_performance_metrics",
    deprecated=True,
    response_model=Envelope[PerformanceMetrics],
)
async def performance_metrics(request: Request) -> Response:
    """Use GET /api/predictive/models/performance, and GET /api/predictive/health for the load."""
    held = parts(request)
    report, now = await held.health.report(), held.clock.now()
    async with transaction(held.store) as connection:
        used = await summary(connection, now - SPAN, now)
        volume = sum((await prediction_volumes(connection, now - SPAN)).values())
    data = {
        "performance_metrics": report["performance_metrics"],
        "system_health": system_health(used, report["overall_status"]),
        "usage_statistics": usage_statistics(used, volume),
    }
    return _deprecated(answer(request, data, message="Load and usage."), "/api/predictive/models/performance")


@router.get(
    f"{HEALTH}/prediction-accuracy",
    operation_id="health_prediction_accuracy",
    deprecated=True,
    response_model=Envelope[dict[str, PredictionAccuracy]],
)
async def prediction_accuracy(request: Request, query: Annotated[AccuracyQuery, Query()]) -> Response:
    """Use each service's own accuracy route, e.g. GET /api/predictive/demand/accuracy."""
    held = parts(request)
    since = held.clock.today() - timedelta(days=query.days_back)
    async with transaction(held.store) as connection:
        data = {
            service: _shown(await live_accuracy(connection, TYPE_OF_SERVICE.get(service, service), since=since))
            for service in held.upstreams.pools
        }
    return _deprecated(answer(request, data, message=f"Live outcomes since {since}."), "/api/predictive/demand/accuracy")


def _shown(live: LiveAccuracy) -> dict[str, Any]:
    """It as `PredictionAccuracy`."""
    return {
        "predictions": live.predictions, "waiting": live.waiting, "accuracy": None if live.wape is None else max(0.0, 1 - live.wape),
        "mae": live.mae, "rmse": live.rmse, "mape": live.mape,
        "coverage": [{"level": held.level, "share": held.share, "predictions": held.predictions} for held in live.coverage],
        "first_day": live.first_day, "last_day": live.last_day, "last_scored_at": live.last_scored_at,
    }  # fmt: skip


def _deprecated(response: Response, successor: str) -> Response:
    response.headers["deprecation"] = DEPRECATED_SINCE
    response.headers["link"] = f'<{successor}>; rel="successor-version"'
    return response
