"""What do the suite's predictions add to RFID3's own views, and if nothing, why not in plain words?

A prediction that is switched off, late, missing or unreadable leaves the base view whole: nothing here raises for its sake,
nothing is made up in its place, and no text of an exception or of another program reaches the reader.
"""

import asyncio
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlencode

import orjson

from rfid3_gateway.headers import to_service
from rfid3_gateway.parts import Parts
from rfid3_shared.auth import Caller
from rfid3_shared.errors import (
    AppError,
    FeatureDisabled,
    InsufficientData,
    InvalidParameters,
    ModelUnavailable,
    NotFound,
    UpstreamError,
    UpstreamTimeout,
)
from rfid3_shared.flags import Flag
from rfid3_shared.flags.guard import entities_in
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
REFUSALS: dict[str, type[AppError]] = {
    kind.code: kind
    for kind in (FeatureDisabled, InsufficientData, InvalidParameters, ModelUnavailable, NotFound, UpstreamTimeout)
}
WHOLE_SHARE = 0.8
"""Share of a request's deadline until its answer begins."""
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
    """The part without which an answer is none."""
    kind: type[list[Any]] | type[dict[str, Any]] = list
    """What that part is."""
    method: str = "GET"
    """With POST the question is the body."""


FORECAST = Source(
    "demand_forecast", "a demand forecast", "demand", Flag.DEMAND_FORECASTING, "/api/predictive/demand/forecast", "predictions"
)
SCHEDULE = Source(
    "maintenance_schedule", "a maintenance schedule", "maintenance", Flag.MAINTENANCE_PREDICTION,
    "/api/predictive/maintenance/schedule", "maintenance_schedule",
)  # fmt: skip
MANY = Source(
    "demand_forecasts", "demand forecasts", "demand", Flag.DEMAND_FORECASTING, "/api/predictive/demand/forecast/batch", "results",
    kind=dict, method="POST",
)  # fmt: skip
BY_CLASS = Source(
    "demand_by_class", "demand by class", "demand", Flag.DEMAND_FORECASTING, "/api/predictive/demand/series", "items"
)
BY_CATEGORY = replace(BY_CLASS, name="demand_by_category", subject="demand by category")


@dataclass(frozen=True)
class Found:
    """A service's answer, or why there is none; `code` is that of the error it would be."""

    data: dict[str, Any] | None = None
    reason: str | None = None
    meta: dict[str, Any] = field(default_factory=dict)
    code: str = ""

    def refusal(self) -> AppError:
        """Why there is no answer, as the error that says so; an answer that is none is a bad one of a service."""
        return REFUSALS.get(self.code, UpstreamError)(self.reason or "")


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


async def ask_all(
    held: Parts, scope: MutableMapping[str, Any], questions: Mapping[Source, Mapping[str, Any]], about: Mapping[str, str],
    deadline_s: float | None = None,
) -> dict[Source, Found]:  # fmt: skip
    """Every service's answer to its question, asked side by side, in what is left of the request's time.

    about: what all of it is about, as flags know it (store, category). deadline_s: the route's own, where it has one.
    """
    spent_s = held.clock.monotonic() - scope["exchange"].started
    left_s = max(0.0, WHOLE_SHARE * (deadline_s or held.settings.request_deadline_s) - spent_s)
    asking = Asking(scope, entities_in(about), left_s)
    found = await asyncio.gather(*(ask(held, source, question, asking) for source, question in questions.items()))
    return dict(zip(questions, found, strict=True))


async def ask(held: Parts, source: Source, question: Mapping[str, Any], asking: Asking) -> Found:
    """A service's answer to a question, asked with the caller's own key; never raises."""
    if source.service not in held.upstreams.pools:
        return Found(reason=f"This suite has no {source.service} service.", code="MODEL_UNAVAILABLE")
    try:
        for flag in (VIEW, source.flag):
            held.flags.check(flag, key=asking.caller.key_id, entities=asking.entities)
        async with asyncio.timeout(asking.timeout_s):
            status, raw = await _send(held, source, question, asking)
    except FeatureDisabled as off:
        return Found(reason=off.message, code=off.code)
    except TimeoutError:
        return Found(reason=_words(source, "TIMEOUT"), code="TIMEOUT")
    except UpstreamError:
        return Found(reason=f"The {source.service} service cannot be reached now.")
    return _read(source, status, raw)


async def _send(held: Parts, source: Source, question: Mapping[str, Any], asking: Asking) -> tuple[int, bytes]:
    scope, client = asking.scope, asking.scope.get("client")
    headers = to_service(
        [pair for pair in scope["headers"] if pair[0] in PASSED_ON], peer=client[0] if client else "unix",
        request_id=scope["exchange"].request_id, deadline_ms=max(1, round(asking.timeout_s * 1000)),
    )  # fmt: skip
    target, body = source.path, None
    if source.method == "POST":
        headers.append(("content-type", "application/json"))
        body = orjson.dumps(question)
    else:
        target += "?" + urlencode({name: value for name, value in question.items() if value is not None})
    reply = await held.upstreams.send(source.service, source.method, target, headers, body)
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
    if status == 200 and isinstance(data, dict) and isinstance(data.get(source.rows), source.kind):
        return Found(data, meta=meta if isinstance(meta, dict) else {})
    error = body.get("error")
    error = error if isinstance(error, dict) else {}
    code = error.get("code")
    code = code if isinstance(code, str) and code in WORDS else ""
    log.info("prediction_not_shown", service=source.service, status=status, code=code or None)
    return Found(reason=_words(source, code) + _supported(error.get("details")), code=code)


def _words(source: Source, code: str) -> str:
    pattern = WORDS.get(code) or "The {service} service gave no usable answer."
    return pattern.format(title=source.flag.about.title, subject=source.subject, service=source.service)


def _supported(details: object) -> str:
    """What could be asked for instead, where a service says how far its history reaches."""
    weeks = details.get("supported_weeks") if isinstance(details, dict) else None
    return f" Weeks that can be forecast: {weeks}." if type(weeks) is int and weeks > 0 else ""


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
