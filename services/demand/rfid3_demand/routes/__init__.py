"""Which questions does the demand service answer over HTTP? In and out only; the thinking is elsewhere.

One room a question: forecast · series (history beside forecast) · chart · batch · adhoc (a caller's own series) ·
features (of the present) · accuracy · training. `answering` holds what all of them share.
"""

from fastapi import APIRouter

from rfid3_demand.routes import (
    accuracy_routes,
    adhoc_routes,
    batch_routes,
    chart_routes,
    features_routes,
    forecast_routes,
    series_routes,
    training_routes,
)

router = APIRouter(prefix="/demand", tags=["demand"])
for room in (
    forecast_routes,
    series_routes,
    chart_routes,
    batch_routes,
    adhoc_routes,
    features_routes,
    accuracy_routes,
    training_routes,
):
    router.include_router(room.router)

__all__ = ["router"]
