"""What was predicted, how did it turn out, what do people think of it, and what is wrong now? The ledger and its alerts."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response

from rfid3_gateway.ledger_answers import (
    AlertsAnswer,
    AlertsQuery,
    CloseRequest,
    FeedbackAnswer,
    FeedbackRequest,
    OneAnswer,
    PredictionsAnswer,
    PredictionsQuery,
)  # fmt: skip
from rfid3_gateway.parts import answer, parts
from rfid3_gateway.routing import GATEWAY, Route
from rfid3_shared.auth import Caller
from rfid3_shared.db import transaction
from rfid3_shared.envelope import Envelope, ErrorEnvelope
from rfid3_shared.ledger.feedback import count_feedback, give_feedback, list_feedback
from rfid3_shared.ledger.lookup import MOST_COUNTED, count_predictions, get_prediction, list_predictions
from rfid3_shared.monitor import close_alert, count_alerts, list_alerts

PREDICTIONS = "/api/predictive/predictions"
ONE = PREDICTIONS + "/{prediction_id}"
ALERTS = "/api/predictive/alerts"
ROUTES = (
    Route(GATEWAY, "RT", PREDICTIONS), Route(GATEWAY, "RT", ONE), Route(GATEWAY, "RT", f"{ONE}/feedback"),
    Route(GATEWAY, "SYS", ALERTS), Route(GATEWAY, "SYS", f"{ALERTS}/{{alert_id}}/close"),
)  # fmt: skip
DECIDING_SCOPE = "decide"
MOST_FEEDBACK = 100
ERRORS: dict[int | str, dict[str, Any]] = {status: {"model": ErrorEnvelope} for status in (401, 403, 404, 422, 429, 503)}
PredictionId = Annotated[str, Path(max_length=64, description="The id that the answer gave its prediction.")]
router = APIRouter(tags=[GATEWAY], responses=ERRORS)


async def decider(request: Request) -> Caller:
    """The caller; raises Forbidden for a key without the scope decide, before its body is looked at."""
    caller: Caller = request.scope["caller"]
    caller.require(DECIDING_SCOPE)
    return caller


@router.get(PREDICTIONS, operation_id="list_predictions", response_model=Envelope[PredictionsAnswer])
async def predictions(request: Request, query: Annotated[PredictionsQuery, Query()]) -> Response:
    """Recorded predictions with their outcomes and scores, newest first."""
    wanted = query.model_dump(exclude={"limit", "offset"})
    async with transaction(parts(request).store) as connection:
        found = await list_predictions(connection, limit=query.limit, offset=query.offset, **wanted)
        total = await count_predictions(connection, **wanted)
    data = {"predictions": [row.as_dict() for row in found], **_page(query.offset, len(found), total)}
    return answer(request, data, message=f"{len(found)} of {total} predictions.")


@router.get(ONE, operation_id="get_prediction", response_model=Envelope[OneAnswer])
async def prediction(request: Request, prediction_id: PredictionId) -> Response:
    """One prediction: what happened, how good it was, and what people thought of it."""
    async with transaction(parts(request).store) as connection:
        found = await get_prediction(connection, prediction_id)
        given = await list_feedback(connection, prediction_id=prediction_id, limit=MOST_FEEDBACK)
        total = await count_feedback(connection, prediction_id=prediction_id)
    data = {**found.as_dict(), "feedback": [one.as_dict() for one in given], "feedback_total": total}
    state = "scored" if found.error is not None else "void: it has no outcome" if found.validated_at else "not scored yet"
    return answer(request, data, message=f"The prediction is {state}.")


@router.post(f"{ONE}/feedback", operation_id="give_feedback", status_code=201, response_model=Envelope[FeedbackAnswer])
async def feedback(request: Request, prediction_id: PredictionId, wanted: FeedbackRequest) -> Response:
    """Rate a prediction, or say what was done instead and why, which needs the scope decide."""
    caller: Caller = request.scope["caller"]
    if wanted.override_value is not None:
        caller.require(DECIDING_SCOPE)
    async with transaction(parts(request).store) as connection:
        given = await give_feedback(
            connection, prediction_id, **wanted.model_dump(), given_by=caller.key_id, clock=parts(request).clock
        )
    return answer(request, given.as_dict(), message="Thank you: it is kept with the prediction.", status=201)


@router.get(ALERTS, operation_id="list_alerts", response_model=Envelope[AlertsAnswer])
async def alerts(request: Request, query: Annotated[AlertsQuery, Query()]) -> Response:
    """What the monitors of live predictions found wrong, newest first."""
    async with transaction(parts(request).store) as connection:
        found = await list_alerts(connection, **query.model_dump())
        total = await count_alerts(connection, service=query.service, open_only=query.open_only)
    data = {"alerts": [alert.as_dict() for alert in found], **_page(query.offset, len(found), total)}
    return answer(request, data, message=f"{len(found)} of {total} alerts.")


@router.post(f"{ALERTS}/{{alert_id}}/close", operation_id="close_alert", response_model=Envelope[dict[str, Any]])
async def close(
    request: Request, alert_id: Annotated[int, Path(ge=1, le=2**63 - 1)], caller: Annotated[Caller, Depends(decider)],
    wanted: CloseRequest,
) -> Response:  # fmt: skip
    """Close an alert by hand; needs the scope decide. 409 CONFLICT when it is closed already."""
    async with transaction(parts(request).store) as connection:
        found = await close_alert(connection, alert_id, by=caller.key_id, reason=wanted.reason, clock=parts(request).clock)
    return answer(request, found.as_dict(), message="The alert is closed.")


def _page(offset: int, found: int, total: int) -> dict[str, int | None]:
    end = offset + found
    return {"total": total, "next_offset": end if found and (end < total or total == MOST_COUNTED) else None}
