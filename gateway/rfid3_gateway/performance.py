"""How good are the models, how well does the suite answer, and how much is it asked? Endpoint 14 of mission.md.

Accuracy is that of the champion's back-test; what happened afterwards is under the services' own accuracy routes.
"""

import asyncio
from collections import defaultdict
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_gateway.on_duty import OnDuty, on_duty
from rfid3_gateway.parts import Parts
from rfid3_gateway.usage_summary import Summary, summary
from rfid3_shared.db import transaction
from rfid3_shared.ledger.tables import analytics_predictions as predictions
from rfid3_shared.monitor.tables import OF_ITEM, alerts
from rfid3_shared.registry.version import naive

SPAN = timedelta(hours=24)
TASKS = {"demand": "demand_forecasting"}
"""What mission.md calls a service's model, where that is not `<service>_prediction`."""
SERVICE_OF_TYPE = {"restock": "inventory", "pack": "packs"}
"""Prediction types of the ledger that are not named like their service."""
BASELINE = "_wape"


async def report(held: Parts) -> dict[str, Any]:
    """The data of endpoint 14. Raises StoreUnavailable."""
    now = held.clock.now()
    duties, health = await asyncio.gather(on_duty(held), held.health.report())
    async with transaction(held.store) as connection:
        used = await summary(connection, now - SPAN, now)
        volumes = await prediction_volumes(connection, now - SPAN)
        worries = await open_alerts(connection)
    return {
        "model_performance": {
            TASKS.get(service, f"{service}_prediction"): of_model(service, duty, volumes.get(service, 0), worries[service])
            for service, duty in duties.items()
        },
        "system_health": system_health(used, health["overall_status"]),
        "usage_statistics": usage_statistics(used, sum(volumes.values())),
    }


def of_model(service: str, duty: OnDuty, volume: int, worries: list[str]) -> dict[str, Any]:
    """A service's entry, as `ModelPerformance`; `worries` are the messages of its open alerts."""
    champion = duty.champion
    metrics = champion.metrics if champion else {}
    status, reason = judged(service, duty, worries)
    return {
        "service": service, "model_version": champion and champion.model_version, "accuracy": accuracy_of(metrics),
        "mae": metrics.get("mae"), "precision": metrics.get("precision"), "recall": metrics.get("recall"), "metrics": metrics,
        "last_trained": champion and champion.trained_at, "prediction_volume_24h": volume, "status": status, "status_reason": reason,
    }  # fmt: skip


def judged(service: str, duty: OnDuty, worries: list[str]) -> tuple[str, str]:
    """Status of a service's model and the reason for it, the most pressing one first."""
    champion = duty.champion
    if champion is None:
        return "untrained", f"{service} has no champion yet: POST /api/predictive/models/retrain/{service}, or `rfid3 train`."
    if not duty.loaded:
        return "degraded", "No instance of the service can be reached."
    if not duty.answers:
        others = sorted({name or "no model" for name in duty.loaded} - {champion.model_version})
        return "degraded", f"An instance holds {', '.join(others)} instead of the champion."
    if worries:
        return "degraded", f"{len(worries)} open alert{'s' * (len(worries) > 1)}: {worries[0]}"
    if better := better_baselines(champion.metrics):
        return "degraded", f"On past weeks a naive forecast did better: {', '.join(better)}."
    return "healthy", "The champion answers, and no alert is open."


def accuracy_of(metrics: dict[str, Any]) -> float | None:
    """1 − WAPE, not below 0, unless the model names its accuracy itself."""
    if (named := metrics.get("accuracy")) is not None:
        return float(named)
    wape = metrics.get("wape")
    return None if wape is None else round(max(0.0, 1.0 - wape), 4)


def better_baselines(metrics: dict[str, Any]) -> list[str]:
    """The naive forecasts (`<name>_wape`) with a smaller error than the model, with their errors."""
    own = metrics.get("wape")
    found = {name.removesuffix(BASELINE): value for name, value in metrics.items() if name.endswith(BASELINE)}
    return [
        f"{name} {value:.3f} beside {own:.3f}"
        for name, value in sorted(found.items())
        if None not in (own, value) and value < own
    ]


def system_health(used: Summary, overall_status: str) -> dict[str, Any]:
    """The answer's part of that name."""
    return {
        "overall_status": overall_status, "prediction_latency_avg_ms": _rounded(used.latency_ms, 2),
        "cache_hit_rate": _rounded(used.cache_hit_ratio, 4), "error_rate_24h": _rounded(used.error_ratio, 6),
        "uptime_percentage": round(100 * used.uptime_ratio, 3),
    }  # fmt: skip


def usage_statistics(used: Summary, volume: int) -> dict[str, Any]:
    """The answer's part of that name."""
    return {
        "total_predictions_24h": volume, "api_calls_24h": used.calls, "unique_users_24h": used.callers,
        "most_requested_service": used.busiest_service,
    }  # fmt: skip


async def prediction_volumes(connection: AsyncConnection, since: datetime) -> dict[str, int]:
    """Predictions shown and written down since then, by service."""
    # grouped by an expression: for the bare column SQLite walks through the whole table by an index that begins with it (10 times slower)
    kind = func.coalesce(predictions.c.prediction_type, literal_column("''")).label("kind")
    recent = (predictions.c.created_at >= naive(since)) & (predictions.c.role == "shown")
    rows = (await connection.execute(select(kind, func.count()).where(recent).group_by(kind))).all()
    return {SERVICE_OF_TYPE.get(kind, kind): int(count) for kind, count in rows}


async def open_alerts(connection: AsyncConnection) -> dict[str, list[str]]:
    """Messages of the alerts about models, inputs and data that are open, by service, newest first; items' own are the shop's work."""
    found: dict[str, list[str]] = defaultdict(list)
    about_models = (alerts.c.open_key.is_not(None)) & (alerts.c.monitor != OF_ITEM)
    query = select(alerts.c.service, alerts.c.message).where(about_models).order_by(alerts.c.id.desc())
    for service, message in (await connection.execute(query)).all():
        found[service].append(message)
    return found


def _rounded(value: float | None, digits: int) -> float | None:
    return None if value is None else round(value, digits)
