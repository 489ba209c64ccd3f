"""What do the suite's predictions add to RFID3's own views, and if nothing, why not in plain words?

A prediction that is switched off, late, missing or unreadable leaves the base view whole: nothing here raises for its sake,
nothing is made up in its place, and no text of an exception or of another program reaches the reader.
"""

import asyncio
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import orjson

from rfid3_gateway.headers import to_service
from rfid3_gateway.parts import Parts
from rfid3_shared.auth import Caller
from rfid3_shared.errors import FeatureDisabled, UpstreamError
from rfid3_shared.flags import Flag
from rfid3_shared.log import get_logger

VIEW = Flag.PREDICTIVE_UI_ENHANCEMENTS
PASSED_ON = frozenset({b"host", b"x-api-key", b"authorization"})
WORDS = {
    "FEATURE_DISABLED": "{title} is switched off.",
    "INSUFFICIENT_DATA": "There is not enough history yet for {subject}.",
    "MODEL_UNAVAILABLE": "No model can give {subject} yet.",
    "NOT_FOUND": "The {service} service does not know this category or store.",
    "TIMEOUT": "{title} took too long to answer.",
}
"""What a service's error code means to somebody who looks at a dashboard."""
log = get_logger("gateway.insights")


@dataclass(frozen=True)
class Source:
    """A service's answer that the enhanced view shows whole."""

    name: str
    subject: str
    """What it is, within a sentence."""
    service: str
    flag: Flag
    path: str
    rows: str
    """The list without which an answer is none."""


FORECAST = Source(
    "demand_forecast", "a demand forecast", "demand", Flag.DEMAND_FORECASTING, "/api/predictive/demand/forecast", "predictions"
)
SCHEDULE = Source(
    "maintenance_schedule", "a maintenance schedule", "maintenance", Flag.MAINTENANCE_PREDICTION,
    "/api/predictive/maintenance/schedule", "maintenance_schedule",
)  # fmt: skip


@dataclass(frozen=True)
class Found:
    """A service's answer, or why there is none."""

    data: dict[str, Any] | None = None
    reason: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Asking:
    """On whose behalf, about what, and how long a service may take."""

    scope: MutableMapping[str, Any]
    entities: tuple[str, ...]
    timeout_s: float

    @property
    def caller(self) -> Caller:
        """Whose request it is."""
        return self.scope["caller"]  # type: ignore[no-any-return]


async def ask(held: Parts, source: Source, query: Mapping[str, Any], asking: Asking) -> Found:
    """A service's answer to a question, asked with the caller's own key; never raises."""
    if source.service not in held.upstreams.pools:
        return Found(reason=f"This suite has no {source.service} service.")
    try:
        for flag in (VIEW, source.flag):
            held.flags.check(flag, key=asking.caller.key_id, entities=asking.entities)
        async with asyncio.timeout(asking.timeout_s):
            status, raw = await _get(held, source, query, asking)
    except FeatureDisabled as off:
        return Found(reason=off.message)
    except TimeoutError:
        return Found(reason=_words(source, "TIMEOUT"))
    except UpstreamError:
        return Found(reason=f"The {source.service} service cannot be reached now.")
    return _read(source, status, raw)


async def _get(held: Parts, source: Source, query: Mapping[str, Any], asking: Asking) -> tuple[int, bytes]:
    scope, client = asking.scope, asking.scope.get("client")
    headers = to_service(
        [pair for pair in scope["headers"] if pair[0] in PASSED_ON], peer=client[0] if client else "unix",
        request_id=scope["exchange"].request_id, deadline_ms=max(1, round(asking.timeout_s * 1000)),
    )  # fmt: skip
    asked = urlencode({name: value for name, value in query.items() if value is not None})
    reply = await held.upstreams.send(source.service, "GET", f"{source.path}?{asked}", headers, None)
    try:
        return reply.status, await reply.read()
    finally:
        reply.close()


def _read(source: Source, status: int, raw: bytes) -> Found:
    """The answer in a reply, or in our words why there is none."""
    try:
        body = orjson.loads(raw)
    except ValueError:
        body = None
    body = body if isinstance(body, dict) else {}
    data, meta = body.get("data"), body.get("meta")
    if status == 200 and isinstance(data, dict) and isinstance(data.get(source.rows), list):
        return Found(data, meta=meta if isinstance(meta, dict) else {})
    error = body.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    log.info("prediction_not_shown", service=source.service, status=status, code=code if code in WORDS else None)
    return Found(reason=_words(source, code))


def _words(source: Source, code: object) -> str:
    pattern = WORDS.get(code, "") if isinstance(code, str) else ""
    pattern = pattern or "The {service} service gave no usable answer."
    return pattern.format(title=source.flag.about.title, subject=source.subject, service=source.service)


def basis(found: Found) -> dict[str, Any]:
    """What an answer rests on: model_version, data_as_of, fallback; null where the service does not say."""
    return {name: found.meta.get(name) for name in ("model_version", "data_as_of", "fallback")}


def confidence(forecast: Mapping[str, Any]) -> float | None:
    """Mean over the weeks of the chance that a week's outcome is near its forecast; null when a week has none."""
    scores = _weekly(forecast, "confidence_score")
    return round(sum(scores) / len(scores), 4) if scores else None


def predicted_units(forecast: Mapping[str, Any]) -> float | None:
    """Units expected to leave over the weeks of the forecast."""
    units = _weekly(forecast, "predicted_demand")
    return round(sum(units), 4) if units else None


def business_impact(forecast: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """What the forecast's weeks mean for the shop, and for each number that is null why it is."""
    revenue = _weekly(forecast, "business_impact", "revenue_opportunity")
    needed = _weekly(forecast, "business_impact", "inventory_requirement")
    risks = _weekly(forecast, "business_impact", "stockout_risk")
    impact = {
        "revenue_opportunity": round(sum(revenue), 2) if revenue else None,
        "inventory_requirement": max(needed) if needed else None,
        "stockout_risk": max(risks) if risks else None,
    }
    reasons = {
        "revenue_opportunity": "No rate is known for what is forecast.",
        "inventory_requirement": "The forecast does not say how many units are needed.",
        "stockout_risk": "No unit on hand is known for what is forecast.",
    }
    return impact, {f"business_impact.{name}": reasons[name] for name, value in impact.items() if value is None}


def _weekly(forecast: Mapping[str, Any], *path: str) -> list[float]:
    """A number of every week; empty when one week lacks it, because a sum over the others would claim too little."""
    numbers = []
    for week in forecast["predictions"]:
        value = week
        for name in path:
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return []
        numbers.append(value)
    return numbers
