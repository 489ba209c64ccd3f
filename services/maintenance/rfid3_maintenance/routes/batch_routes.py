"""How are up to 1,000 items answered in one request, the impossible ones in their place?"""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from rfid3_maintenance import predict
from rfid3_maintenance.item import Item, Report, item_of
from rfid3_maintenance.ledger_rows import of_item
from rfid3_maintenance.routes.answering import LoadedSnapshot, SwitchedOn, meta_of, reports_of
from rfid3_maintenance.schemas.probability import BatchAnswer, BatchRequest
from rfid3_maintenance.snapshot import Snapshot
from rfid3_shared.answering import Open, Reader, request_of, write_down
from rfid3_shared.app import answer
from rfid3_shared.envelope import Envelope
from rfid3_shared.errors import AppError
from rfid3_shared.registry import Loaded

router = APIRouter()
WORKING_S = 9.0


@router.post("/probability/batch", response_model=Envelope[BatchAnswer], dependencies=[SwitchedOn])
async def batch(request: Request, wanted: BatchRequest, loaded: LoadedSnapshot, held: Open, _: Reader) -> Response:
    """Chances of up to 1,000 items, each {ok: true, data} as GET /maintenance/probability would answer, or {ok: false, error}."""
    ids = list(dict.fromkeys(wanted.item_ids))
    reports, missing = await reports_of(request, loaded)
    results, items = await held.compute.off_loop(_all, loaded, ids, wanted.horizon_days, reports, timeout_s=WORKING_S)
    at, request_id = held.clock.now(), request_of(request)
    rows = [of_item(item, wanted.horizon_days, loaded.version.model_version, at, request_id) for item in items.values()]
    for item_id, row in zip(items, rows, strict=True):
        results[item_id]["data"]["prediction_id"] = row.id
    write_down(request, rows)
    refused = len(ids) - len(items)
    degraded = {"degraded": [*request.app.state.reach.missing, *missing]} if missing else {}
    meta = meta_of(request, loaded, answered=len(items), refused=refused, **degraded)
    return answer(request, {"results": results}, message=f"{len(items)} of {len(ids)} items are answered.", meta=meta)


def _all(
    loaded: Loaded[Snapshot], ids: list[str], horizon_days: int, reports: Mapping[str, Report]
) -> tuple[dict[str, Any], dict[str, Item]]:
    """Results by id as asked for, and the items that are answered."""
    results: dict[str, Any] = {}
    items: dict[str, Item] = {}
    for item_id in ids:
        try:
            known = loaded.snapshot.id_of(loaded.snapshot.row_of(item_id))
            item = item_of(loaded.snapshot, known, reports.get(known))
            data = {**predict.probability(item, horizon_days), "model_version": loaded.version.model_version}
            results[item_id], items[item_id] = {"ok": True, "data": data}, item
        except AppError as fault:
            told = {"code": fault.code, "message": fault.message, "details": fault.details}
            results[item_id] = {"ok": False, "error": told}
    return results, items
