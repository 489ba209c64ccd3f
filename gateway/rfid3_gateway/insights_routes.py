"""Which of RFID3's older routes does the suite answer, in RFID3's own envelope? `{status, data, timestamp, request_id}`.

The base view is true counts from RFID3's tables. What the suite predicts comes on top where it is switched on and there; else
`enhanced_features` is false and `fallback_reason` says why. Source: mission.md C-11, I3, I4, T-58, T-81.
"""

from collections.abc import Mapping
from datetime import date, datetime
from math import ceil
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from rfid3_gateway.insights import (
    FORECAST,
    SCHEDULE,
    Found,
    Source,
    ask_all,
    basis,
    business_impact,
    confidence,
    predicted_units,
)
from rfid3_gateway.inventory import Inventory, Stock
from rfid3_gateway.parts import parts
from rfid3_gateway.routing import GATEWAY, Route
from rfid3_shared.errors import StoreUnavailable

PREFIX = "/api/inventory-analytics"
ROUTES = tuple(Route(GATEWAY, "RT", f"{PREFIX}/{path}") for path in ("enhanced-insights", "inventory-summary"))
BASE_SHARE = 0.4
"""Share of a request's deadline for the counts; a slow service must not cost the base view, nor slow counts the predictions."""
SUMMARY_WEEKS = 4
NO_COUNTS = "RFID3's database cannot be read now."
router = APIRouter(prefix=PREFIX, tags=["RFID3 dashboard"])


class InsightsQuery(BaseModel):
    """What to look at; unknown parameters are passed over, as older programs send some."""

    category: str | None = Field(None, max_length=100, description="A category of the class mapping; absent or `all`: all.")
    store: str | None = Field(None, max_length=20, description="As RFID3 or the POS writes it; absent, `all` or `000`: all.")
    time_range: int = Field(30, ge=1, le=364, description="Days ahead.")


class Stocktaking(BaseModel):
    """Counts of tagged units."""

    total_units: int
    by_condition: dict[str, int] = Field(description="available, out, committed, turnaround, gone, unknown.")
    by_status: dict[str, int] = Field(description="By RFID3's own words.")
    by_category: list[dict[str, Any]]
    untagged_pos_items: int | None = Field(description="POS rows without a tag; null when only a part is looked at.")
    store_inferred_ratio: float | None = Field(description="Share of units whose store is that of their class.")
    data_as_of: date | None = Field(description="Day of the last scan.")
    counted_at: datetime


class View(BaseModel):
    """What both routes answer besides their predictions."""

    inventory: Stocktaking | None
    enhanced_features: bool = Field(description="Whether any prediction is shown.")
    fallback_reason: str | None = Field(None, description="Why none is shown; absent when one is.")
    unavailable: dict[str, str] = Field(description="What is null, and why.")


class Insights(View):
    """The data of enhanced-insights."""

    filters: dict[str, Any]
    predictive_analytics: dict[str, Any] | None = Field(
        description="demand_forecast and maintenance_schedule as their services gave them, prediction_confidence, business_impact."
    )


class Summary(View):
    """The data of inventory-summary."""

    predictive_insights: dict[str, Any] | None


class LegacyInsights(BaseModel):
    """RFID3's envelope around the insights."""

    status: Literal["success"]
    data: Insights
    timestamp: datetime
    request_id: str


class LegacySummary(BaseModel):
    """RFID3's envelope around the summary."""

    status: Literal["success"]
    data: Summary
    timestamp: datetime
    request_id: str


@router.get("/enhanced-insights", operation_id="enhanced_insights", response_model=LegacyInsights)
async def enhanced_insights(request: Request, query: Annotated[InsightsQuery, Query()]) -> Response:
    """RFID3's inventory view, with what the suite predicts where that is switched on and there."""
    stock = await _stock(request)
    category = stock.category_called(query.category) if stock else query.category
    store = stock.store_called(query.store) if stock else query.store
    about = {name: value for name, value in (("category", category), ("store", store)) if value}
    weeks, days = {"weeks": ceil(query.time_range / 7), **about}, {"days_ahead": query.time_range}
    found = await ask_all(parts(request), request.scope, {FORECAST: weeks, SCHEDULE: days}, about)
    view = _view(stock, found, category, store)
    predictive = None
    if view["enhanced_features"]:
        forecast = found[FORECAST].data
        impact, missing = business_impact(forecast) if forecast else (None, {"business_impact": found[FORECAST].reason})
        view["unavailable"].update(missing)
        predictive = {
            **{source.name: one.data for source, one in found.items()},
            "prediction_confidence": {FORECAST.name: confidence(forecast) if forecast else None},
            "business_impact": impact,
            "basis": {source.name: basis(one) for source, one in found.items() if one.data},
        }
    filters = {"category": category or "all", "store": store or "all", "time_range": query.time_range}
    return _legacy(request, {**view, "filters": filters, "predictive_analytics": predictive})


@router.get("/inventory-summary", operation_id="inventory_summary", response_model=LegacySummary)
async def inventory_summary(request: Request) -> Response:
    """RFID3's inventory in one look, with the coming weeks' demand where that is switched on and there."""
    stock = await _stock(request)
    found = await ask_all(parts(request), request.scope, {FORECAST: {"weeks": SUMMARY_WEEKS}}, {})
    view, forecast = _view(stock, found, None, None), found[FORECAST].data
    insights = None
    if forecast:
        impact, missing = business_impact(forecast)
        view["unavailable"].update(missing)
        insights = {
            "forecast_period": forecast.get("forecast_period"), "predicted_units": predicted_units(forecast),
            "prediction_confidence": confidence(forecast), "business_impact": impact, "basis": basis(found[FORECAST]),
        }  # fmt: skip
    return _legacy(request, {**view, "predictive_insights": insights})


async def _stock(request: Request) -> Stock | None:
    """The stock; None while RFID3's database is out of reach and was never counted."""
    held, state = parts(request), request.app.state
    if not hasattr(state, "inventory"):
        state.inventory = Inventory(held.source, held.clock)
    try:
        return await state.inventory.stock(BASE_SHARE * held.settings.request_deadline_s)  # type: ignore[no-any-return]
    except StoreUnavailable:
        return None


def _view(stock: Stock | None, found: Mapping[Source, Found], category: str | None, store: str | None) -> dict[str, Any]:
    """The base view. Raises StoreUnavailable when there is neither a count nor a prediction to show."""
    missing = {source.name: one.reason for source, one in found.items() if one.data is None}
    enhanced = len(missing) < len(found)
    if stock is None:
        if not enhanced:
            raise StoreUnavailable(NO_COUNTS)
        missing["inventory"] = NO_COUNTS
    reason = {} if enhanced else {"fallback_reason": next(iter(missing.values()))}
    inventory = stock.summary(category, store) if stock else None
    return {"inventory": inventory, "enhanced_features": enhanced, **reason, "unavailable": missing}


def _legacy(request: Request, data: dict[str, Any]) -> Response:
    """A success in RFID3's own envelope."""
    at = parts(request).clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {"status": "success", "data": data, "timestamp": at, "request_id": request.scope["exchange"].request_id}
    return Response(orjson.dumps(body), media_type="application/json")
