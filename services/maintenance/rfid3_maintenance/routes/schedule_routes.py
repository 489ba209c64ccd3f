"""Which items are to be serviced, and when? In and out only; the thinking is in `ranking` and `timetable`."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from rfid3_maintenance import ranking, timetable
from rfid3_maintenance.item import item_of
from rfid3_maintenance.ledger_rows import of_item
from rfid3_maintenance.ranking import Ranked
from rfid3_maintenance.revenue import usd_per_unit_day
from rfid3_maintenance.routes.answering import LoadedSnapshot, SwitchedOn, meta_of, reports_of
from rfid3_maintenance.schemas.schedule import ScheduleAnswer, ScheduleQuery
from rfid3_maintenance.settings import maintenance_settings
from rfid3_maintenance.snapshot import Snapshot
from rfid3_shared.answering import Open, Reader, request_of, write_down
from rfid3_shared.app import answer
from rfid3_shared.envelope import Envelope
from rfid3_shared.item_ids import UnknownItem

router = APIRouter()
WORKING_S = 8.0


@router.get("/schedule", response_model=Envelope[ScheduleAnswer], dependencies=[SwitchedOn])
async def schedule(
    request: Request, query: Annotated[ScheduleQuery, Query()], loaded: LoadedSnapshot, held: Open, _: Reader
) -> Response:
    """Items whose chance to fail is at least so high, by the dollars that a service avoids, with the best day for it."""
    snapshot: Snapshot = loaded.snapshot
    reports, missing = await reports_of(request, loaded)
    rows = {row: report for item, report in reports.items() if (row := _row(snapshot, item)) is not None}
    found: Ranked = await held.compute.off_loop(
        ranking.ranked, snapshot, query.days_ahead, query.equipment_filter, query.min_failure_probability, query.sort_by, rows,
        timeout_s=WORKING_S,
    )  # fmt: skip
    page = timetable.page_of(found, query)
    revenue, told = None, "Not asked for."
    if query.include_cost_analysis:
        memory_s = maintenance_settings(held.settings).maintenance_demand_memory_s
        revenue, told = await usd_per_unit_day(request, timetable.classes_of(snapshot, page), memory_s)
    entries = timetable.entries(snapshot, page, query, revenue, held.clock.today())
    at, version = held.clock.now(), loaded.version.model_version
    written = [
        of_item(
            item_of(snapshot, one["equipment_id"], reports.get(one["equipment_id"])), query.days_ahead, version, at, request_of(request),
            impact=one["business_impact"]["revenue_at_risk"],
        )
        for one in entries
    ]  # fmt: skip
    for entry, prediction in zip(entries, written, strict=True):
        entry["prediction_id"] = prediction.id
    write_down(request, written)
    data = {
        "maintenance_schedule": entries, "summary": timetable.summary(snapshot, found, query, told),
        "expected_failures": [one for one in snapshot.spec.totals if one["week"] is None],
        "recommendations": timetable.recommendations(snapshot, found, query), "recorded_share": snapshot.spec.recorded,
        "service_effect": snapshot.spec.services,
    }  # fmt: skip
    meta = meta_of(
        request,
        loaded,
        plan=snapshot.spec.plan,
        priors=snapshot.spec.stated,
        revenue_at_risk=told,
        **_degraded(request, missing),
    )
    return answer(request, data, message=f"{len(entries)} of {len(found.rows)} items.", meta=meta)


def _row(snapshot: Snapshot, item_id: str) -> int | None:
    try:
        return snapshot.row_of(item_id)
    except UnknownItem:
        return None


def _degraded(request: Request, missing: list[str]) -> dict[str, Any]:
    return {"degraded": [*request.app.state.reach.missing, *missing]} if missing else {}
