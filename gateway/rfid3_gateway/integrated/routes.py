"""Which of RFID3's integrated views does the gateway answer? An item's predictions, up to 1,000 items', and the alerts of both."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response
from sqlalchemy.exc import SQLAlchemyError

from rfid3_gateway.insights import VIEW, Found, ask_all
from rfid3_gateway.integrated.alert_view import counts, merged
from rfid3_gateway.integrated.answers import AlertsAnswer, ItemAnswer, ItemsAnswer, ItemsRequest
from rfid3_gateway.integrated.health_alerts import HealthAlert, load_health_alerts
from rfid3_gateway.integrated.item_rows import ItemRow, load_items
from rfid3_gateway.integrated.item_sources import SOURCES, keys_of, results_by_key
from rfid3_gateway.integrated.item_view import Said, item_view
from rfid3_gateway.parts import answer, parts
from rfid3_gateway.routing import GATEWAY, Route
from rfid3_shared.db import transaction
from rfid3_shared.envelope import Envelope, ErrorEnvelope
from rfid3_shared.errors import AppError, FeatureDisabled, InvalidParameters, NotFound, StoreUnavailable
from rfid3_shared.monitor import Alert, count_alert_levels, list_alerts

API = "/api/integrated"
ONE, MANY_ITEMS, ALERTS = f"{API}/item/{{item_id}}/predictions", f"{API}/items/predictions", f"{API}/dashboard/alerts"
MANY_DEADLINE_S = 10.0
ROUTES = (
    Route(GATEWAY, "RT", ONE), Route(GATEWAY, "BATCH", MANY_ITEMS, deadline_s=MANY_DEADLINE_S), Route(GATEWAY, "SYS", ALERTS),
)  # fmt: skip
LONGEST_ID = 255
SLICE = 500
"""Items asked for in one statement: each is two values of it."""
NO_TABLE = "RFID3's database has no table of health alerts."
NOT_READ = "RFID3's database cannot be read now."
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorEnvelope} for status in (401, 403, 404, 413, 422, 429, 503, 504)
}
router = APIRouter(prefix=API, tags=["RFID3 dashboard"], responses=ERRORS)


@router.get(ONE.removeprefix(API), operation_id="item_predictions", response_model=Envelope[ItemAnswer])
async def item_predictions(
    request: Request, item_id: Annotated[str, Path(max_length=LONGEST_ID, description="The tag id.")]
) -> Response:
    """What RFID3 knows of an item beside what the suite predicts of it; 404 for a tag that RFID3 does not know."""
    results, meta = await _views(request, [item_id], None)
    found = results[item_id]
    if isinstance(found, AppError):
        raise found
    return answer(request, found, message=f"{len(found['predictions'])} predictions concern this item.", meta=meta)


@router.post(MANY_ITEMS.removeprefix(API), operation_id="items_predictions", response_model=Envelope[ItemsAnswer])
async def items_predictions(request: Request, wanted: ItemsRequest) -> Response:
    """The same for up to 1,000 items in one request: {ok: true, data} or {ok: false, error} for each; one harms no other."""
    found, meta = await _views(request, wanted.item_ids, MANY_DEADLINE_S)
    results = {
        item_id: {"ok": False, "error": {"code": one.code, "message": one.message, "details": one.details}}
        if isinstance(one, AppError) else {"ok": True, "data": one}
        for item_id, one in found.items()
    }  # fmt: skip
    answered = sum(result["ok"] is True for result in results.values())
    meta = {**meta, "answered": answered, "refused": len(results) - answered}
    return answer(request, {"results": results}, message=f"{answered} of {len(results)} items are answered.", meta=meta)


@router.get(ALERTS.removeprefix(API), operation_id="dashboard_alerts", response_model=Envelope[AlertsAnswer])
async def dashboard_alerts(request: Request, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> Response:
    """RFID3's own health alerts and the suite's in one list, critical first, then newest."""
    health, by_severity, missing = await _existing(request, limit)
    predictive, by_level, off = await _predictive(request, limit)
    unavailable = {**missing, **off}
    if NOT_READ in missing.values() and off:
        raise StoreUnavailable(" ".join(unavailable.values()))
    summary = counts(by_severity, by_level)
    data = {
        "alerts": merged(health, predictive, parts(request).clock.zone, limit), "summary": summary,
        "unavailable": unavailable,
    }  # fmt: skip
    return answer(request, data, message=f"{len(data['alerts'])} of {summary['total_alerts']} alerts.")


async def _views(request: Request, asked: Sequence[str], deadline_s: float | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """For each id as it was asked for its view, or the AppError that says why it has none; and what the answer rests on."""
    held, services = parts(request), parts(request).upstreams.pools
    names = {item_id: item_id.strip() for item_id in asked}
    good = sorted({name for name in names.values() if 0 < len(name) <= LONGEST_ID})
    known: dict[str, ItemRow] = {}
    try:
        async with transaction(held.source) as connection:
            for first in range(0, len(good), SLICE):
                known |= await load_items(connection, good[first : first + SLICE])
    except SQLAlchemyError:
        # a database without RFID3's tables
        raise StoreUnavailable(NOT_READ) from None
    said, meta = await _said(request, list(known.values()), deadline_s)

    def view(name: str) -> dict[str, Any] | AppError:
        if not 0 < len(name) <= LONGEST_ID:
            return InvalidParameters(f"A tag id has 1 to {LONGEST_ID} characters.", parameter="item_id")
        if name not in known:
            return NotFound("RFID3 knows no item with this tag.", parameter="item_id")
        return item_view(known[name], said, services)

    return {item_id: view(name) for item_id, name in names.items()}, meta


async def _said(request: Request, items: list[ItemRow], deadline_s: float | None) -> tuple[dict[str, Said], dict[str, Any]]:
    """What each service of this suite says of the items, asked side by side; and what the answer rests on."""
    held = parts(request)
    asked = {one: keys_of(one, items) for one in SOURCES if one.service in held.upstreams.pools}
    questions = {one.source: one.question(keys) for one, keys in asked.items() if keys}
    found = await ask_all(held, request.scope, questions, {}, deadline_s) if questions else {}
    said: dict[str, Said] = {}
    versions: dict[str, str] = {}
    for one, keys in asked.items():
        reply = found.get(one.source, Found())
        said[one.service] = Said(results_by_key(one, keys, reply.data), reply.reason, reply.meta.get("data_as_of"))
        if version := reply.meta.get("model_version"):
            versions[one.service] = version
    days = [each.as_of for each in said.values() if each.as_of]
    return said, {"model_versions": versions, **({"data_as_of": min(days)} if days else {})}


async def _existing(request: Request, limit: int) -> tuple[list[HealthAlert], dict[str, int], dict[str, str]]:
    try:
        async with transaction(parts(request).source) as connection:
            found = await load_health_alerts(connection, limit)
    except (StoreUnavailable, SQLAlchemyError):
        return [], {}, {"existing_alerts": NOT_READ}
    return (*found, {}) if found is not None else ([], {}, {"existing_alerts": NO_TABLE})


async def _predictive(request: Request, limit: int) -> tuple[list[Alert], dict[str, int], dict[str, str]]:
    held = parts(request)
    try:
        held.flags.check(VIEW, key=request.scope["caller"].key_id, entities=())
        async with transaction(held.store) as connection:
            return await list_alerts(connection, limit=limit, worst_first=True), await count_alert_levels(connection), {}
    except FeatureDisabled as off:
        return [], {}, {"predictive_alerts": off.message}
    except StoreUnavailable:
        return [], {}, {"predictive_alerts": "The suite's own database cannot be read now."}
