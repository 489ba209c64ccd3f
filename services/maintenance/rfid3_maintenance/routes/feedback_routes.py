"""How does what happened to an item become a label, at once?"""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from rfid3_maintenance.reporting import MOVING
from rfid3_maintenance.routes.answering import SwitchedOn, meta_of
from rfid3_maintenance.schemas.reports import FeedbackAnswer, FeedbackRequest
from rfid3_shared.answering import Open
from rfid3_shared.app import answer
from rfid3_shared.db import transaction
from rfid3_shared.envelope import Envelope
from rfid3_shared.item_reports.receiving import Reporter, happened_at, known_id
from rfid3_shared.item_reports.write import ItemEvent, post_event

router = APIRouter()
AT_ONCE = "At once: the item's chances begin anew from it; and as a label in the next training run."
LATER = "As a label in the next training run."
NOTES = " The notes were not kept."


@router.post("/feedback", status_code=201, response_model=Envelope[FeedbackAnswer], dependencies=[SwitchedOn])
async def feedback(request: Request, wanted: FeedbackRequest, held: Open, caller: Reporter) -> Response:
    """Report a failure, a service, or that nothing was found. The same report twice is one. Needs the scope events or decide."""
    item_id = await known_id(request, held, wanted.item_id)
    at = await happened_at(held, wanted.occurred_at, "occurred_at")
    event = ItemEvent(item_id, wanted.event, wanted.kind, at, wanted.cost, caller.key_id)
    async with transaction(held.store) as connection:
        report_id, is_new = await post_event(connection, event, held.clock)
    request.app.state.reports.forget()
    effect = (AT_ONCE if wanted.event in MOVING else LATER) + (NOTES if wanted.notes else "")
    data = {"feedback_id": report_id, "item_id": item_id, "known_before": not is_new, "takes_effect": effect}
    loaded = request.app.state.snapshots.loaded
    message = "Reported." if is_new else "This was reported before; nothing was added."
    return answer(
        request, data, message=message, meta=meta_of(request, loaded) if loaded else {}, status=201 if is_new else 200
    )
