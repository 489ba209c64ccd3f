"""Which items deserve attention now, and how is one let rest?"""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response

from rfid3_maintenance import alerting
from rfid3_maintenance.routes.answering import SwitchedOn, meta_of
from rfid3_maintenance.routes.item_routes import ItemId
from rfid3_maintenance.schemas.reports import AlertsAnswer, AlertsQuery, SnoozeAnswer, SnoozeRequest
from rfid3_maintenance.settings import maintenance_settings
from rfid3_shared.answering import Open, Reader
from rfid3_shared.app import answer
from rfid3_shared.auth import Caller
from rfid3_shared.db import transaction
from rfid3_shared.deps import require
from rfid3_shared.envelope import Envelope
from rfid3_shared.item_reports.receiving import known_id

router = APIRouter()


@router.get("/alerts", response_model=Envelope[AlertsAnswer], dependencies=[SwitchedOn])
async def alerts(request: Request, query: Annotated[AlertsQuery, Query()], held: Open, _: Reader) -> Response:
    """Items that deserve a person's eye, the worst first: at most a day's budget of new ones, none twice."""
    async with transaction(held.store) as connection:
        found, total = await alerting.page(connection, query.limit, query.offset)
    budget = maintenance_settings(held.settings).maintenance_alerts_a_day
    data = {"alerts": [{"item_id": one.subject, **one.as_dict()} for one in found], "total": total, "budget_a_day": budget}
    loaded = request.app.state.snapshots.loaded
    return answer(request, data, message=f"{total} items need attention.", meta=meta_of(request, loaded) if loaded else {})


@router.post("/alerts/{item_id}/snooze", response_model=Envelope[SnoozeAnswer], dependencies=[SwitchedOn])
async def snooze(
    request: Request, item_id: ItemId, held: Open, caller: Annotated[Caller, Depends(require("decide"))],
    wanted: SnoozeRequest | None = None,
) -> Response:  # fmt: skip
    """Let an item rest: no alert for so many days. Needs the scope decide."""
    asked = wanted or SnoozeRequest()
    known, loaded = await known_id(request, held, item_id), request.app.state.snapshots.loaded
    version = loaded.version.model_version if loaded else ""
    async with transaction(held.store) as connection:
        alert, until = await alerting.snooze(connection, known, asked.days, asked.reason, caller.key_id, version, held.clock)
    data = {"item_id": known, "snoozed_until": until, "alert": alert.as_dict()}
    return answer(
        request, data, message=f"{known} rests for {asked.days} days.", meta=meta_of(request, loaded) if loaded else {}
    )
