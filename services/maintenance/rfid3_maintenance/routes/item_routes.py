"""How is one item doing, how likely does it fail, does it survive its next booking? In and out only; the thinking is in `predict`."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import Response

from rfid3_maintenance import predict
from rfid3_maintenance.routes.answering import LoadedSnapshot, SwitchedOn, asked_item, meta_of_item, shown
from rfid3_maintenance.schemas.health import HealthAnswer
from rfid3_maintenance.schemas.outlook import BookingAnswer, BookingQuery
from rfid3_maintenance.schemas.probability import ProbabilityAnswer, ProbabilityQuery
from rfid3_shared.answering import Reader
from rfid3_shared.app import answer
from rfid3_shared.envelope import Envelope

router = APIRouter()
ItemId = Annotated[str, Path(min_length=1, max_length=255)]
HEALTH_DAYS = 30
"""The chance of a health answer that is held against what happens."""


@router.get("/health/{equipment_id}", response_model=Envelope[HealthAnswer], dependencies=[SwitchedOn])
async def health(request: Request, equipment_id: ItemId, loaded: LoadedSnapshot, _: Reader) -> Response:
    """One item's health, its chances of a wear failure within 7, 30, 90 and 365 days, and what to do."""
    item, missing = await asked_item(request, loaded, equipment_id)
    data = {**predict.health(item), "prediction_id": shown(request, loaded, item, HEALTH_DAYS)}
    message = f"{item.item_id} gets through the next 90 days without a wear failure with a chance of {data['overall_health_score']:.0%}."
    return answer(request, data, message=message, meta=meta_of_item(request, loaded, item, missing))


@router.get("/probability/{item_id}", response_model=Envelope[ProbabilityAnswer], dependencies=[SwitchedOn])
async def probability(
    request: Request,
    item_id: ItemId,
    query: Annotated[ProbabilityQuery, Query()],
    loaded: LoadedSnapshot,
    _: Reader,
) -> Response:
    """Chance of a wear failure with intervals, by kind, why, and how many days and rentals are left."""
    item, missing = await asked_item(request, loaded, item_id)
    found, version = predict.probability(item, query.horizon_days), loaded.version.model_version
    data = {**found, "model_version": version, "prediction_id": shown(request, loaded, item, query.horizon_days)}
    message = f"{item.item_id} fails within {query.horizon_days} days with a chance of {found['failure_probability']:.1%}."
    return answer(request, data, message=message, meta=meta_of_item(request, loaded, item, missing))


@router.get("/booking-survival/{item_id}", response_model=Envelope[BookingAnswer], dependencies=[SwitchedOn])
async def booking_survival(
    request: Request, item_id: ItemId, query: Annotated[BookingQuery, Query()], loaded: LoadedSnapshot, _: Reader
) -> Response:
    """Chance that the item gets through its next booking: the one given, or the next of its class."""
    item, missing = await asked_item(request, loaded, item_id)
    found = predict.booking(item, query.starts_in_days, query.days)
    days = max(1, round(found["booking"]["leaves_in_days"] + found["booking"]["out_days"]))
    data = {**found, "prediction_id": shown(request, loaded, item, days)}
    message = f"{item.item_id} gets through its next booking with a chance of {found['survival_probability']:.0%}."
    return answer(request, data, message=message, meta=meta_of_item(request, loaded, item, missing))
