"""Where will an item's condition stand, and what is best done about it? One item, or up to 1,000."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from rfid3_quality import predict
from rfid3_quality.item import Item, Reading, item_of, judged
from rfid3_quality.ledger_rows import of_item
from rfid3_quality.routes.answering import LoadedSnapshot, SwitchedOn, asked_item, meta_of, meta_of_item, readings_of, shown
from rfid3_quality.schemas.degradation import BatchAnswer, BatchRequest, DegradationAnswer
from rfid3_quality.snapshot import Snapshot
from rfid3_shared.answering import Open, Reader, request_of, write_down
from rfid3_shared.app import answer
from rfid3_shared.envelope import Envelope
from rfid3_shared.errors import AppError
from rfid3_shared.item_ids import UnknownItem
from rfid3_shared.item_life.answering import ItemId
from rfid3_shared.registry import Loaded

router = APIRouter()
WORKING_S = 15.0


@router.get("/degradation/{item_id}", response_model=Envelope[DegradationAnswer], dependencies=[SwitchedOn])
async def degradation(request: Request, item_id: ItemId, loaded: LoadedSnapshot, held: Open, _: Reader) -> Response:
    """One item's score now and in 30, 90, 180 and 365 days, why, and when it is best replaced. An inspection counts at once."""
    item, missing = await asked_item(held, loaded, item_id)
    data = {
        **predict.degradation(item),
        "model_version": loaded.version.model_version,
        "prediction_id": shown(request, loaded, item),
    }
    later = data["degradation_prediction"]["90_days"]
    message = f"{item.item_id} stands at {data['current_quality_score']:.2f}, and at {later:.2f} in 90 days."
    return answer(request, data, message=message, meta=meta_of_item(request, loaded, item, missing))


@router.post("/degradation/batch", response_model=Envelope[BatchAnswer], dependencies=[SwitchedOn])
async def batch(request: Request, wanted: BatchRequest, loaded: LoadedSnapshot, held: Open, _: Reader) -> Response:
    """The same for up to 1,000 items, each {ok: true, data} as the GET would answer, or {ok: false, error}."""
    rows = {item_id: _row(loaded.snapshot, item_id) for item_id in dict.fromkeys(wanted.item_ids)}
    known = [loaded.snapshot.id_of(row) for row in rows.values() if isinstance(row, int)]
    readings, missing = await readings_of(held, loaded, known) if known else ({}, [])
    results, items = await held.compute.off_loop(_all, loaded, rows, readings, timeout_s=WORKING_S)
    at, request_id, version = held.clock.now(), request_of(request), loaded.version.model_version
    written = [of_item(item, version, at, request_id) for item in items.values()]
    for item_id, row in zip(items, written, strict=True):
        results[item_id]["data"]["prediction_id"] = row.id
    write_down(request, written)
    meta = meta_of(request, loaded, missing, answered=len(items), refused=len(rows) - len(items))
    return answer(request, {"results": results}, message=f"{len(items)} of {len(rows)} items are answered.", meta=meta)


def _row(snapshot: Snapshot, item_id: str) -> int | UnknownItem:
    try:
        return snapshot.row_of(item_id)
    except UnknownItem as fault:
        return fault


def _all(
    loaded: Loaded[Snapshot], rows: dict[str, int | UnknownItem], readings: dict[str, Reading]
) -> tuple[dict[str, Any], dict[str, Item]]:
    """Results by id as asked for, and the items that are answered."""
    results: dict[str, Any] = {}
    items: dict[str, Item] = {}
    for item_id, row in rows.items():
        try:
            if isinstance(row, UnknownItem):
                raise row
            results[item_id] = {"ok": True}
            items[item_id] = item_of(loaded.snapshot, row, readings.get(loaded.snapshot.id_of(row)))
        except AppError as fault:
            results[item_id] = {"ok": False, "error": {"code": fault.code, "message": fault.message, "details": fault.details}}
    verdicts = judged(list(items.values())) if items else None
    for at, (item_id, item) in enumerate(items.items()):
        told = predict.degradation(item, None if verdicts is None else (verdicts, at))
        results[item_id]["data"] = {**told, "model_version": loaded.version.model_version}
    return results, items
