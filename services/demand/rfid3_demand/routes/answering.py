"""What does every route of the service ask first, and what does it say and write down last?"""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Depends, Request

from rfid3_demand import predict, queries, resolve
from rfid3_demand.ledger_rows import rows_of
from rfid3_demand.schemas import ForecastQuery
from rfid3_demand.snapshot import Snapshot
from rfid3_shared.auth import Caller
from rfid3_shared.db import transaction
from rfid3_shared.deps import get_resources, require
from rfid3_shared.errors import InsufficientData, ModelUnavailable
from rfid3_shared.flags import Flag
from rfid3_shared.flags.guard import require_flag
from rfid3_shared.ledger import Prediction
from rfid3_shared.registry import Loaded
from rfid3_shared.resources import Resources
from rfid3_shared.source.business_day import business_day

TOLD = ("reconciliation", "quantiles", "left_out", "yearly_shape", "bookings", "budget_s", "last_full_run")
"""Notes of a version that its answers repeat in `meta`."""


async def get_loaded(request: Request) -> Loaded[Snapshot]:
    """The snapshot that serves now.

    Without one raises InsufficientData when the source has nothing to train on, else ModelUnavailable.
    """
    try:
        return request.app.state.snapshots.get()  # type: ignore[no-any-return]
    except ModelUnavailable:
        held: Resources = request.app.state.resources
        async with transaction(held.source) as connection:
            await queries.known_span(connection, await business_day(connection, held.clock))
        raise


LoadedSnapshot = Annotated[Any, Depends(get_loaded)]
Open = Annotated[Resources, Depends(get_resources)]
SwitchedOn = Depends(require_flag(Flag.DEMAND_FORECASTING))
Reader = Annotated[Caller, Depends(require("read"))]


def meta_of(request: Request, loaded: Loaded[Snapshot], today: date, **extra: Any) -> dict[str, Any]:
    """What an answer of this snapshot rests on."""
    spec = loaded.snapshot.spec
    return {
        "model_version": loaded.version.model_version, "fallback": not request.app.state.snapshots.healthy, "data_as_of": spec.data_as_of,
        "data_age_days": max(0, (today - spec.data_as_of).days), **{name: spec.notes[name] for name in TOLD if name in spec.notes},
        **extra,
    }  # fmt: skip


def _imputed(snapshot: Snapshot, row: int) -> list[str]:
    """What a forecast rests on that nobody recorded."""
    found = {"store": snapshot.spec.inferred_store_share[row], "refused demand": round(snapshot.refused_units(row))}
    return [name for name, amount in found.items() if amount > 0]


def meta_of_series(snapshot: Snapshot, query: ForecastQuery) -> dict[str, Any]:
    """What is to be known of the one series asked for."""
    row = resolve.node(snapshot, query)[1]
    inferred = snapshot.spec.inferred_store_share[row]
    return {
        "sufficiency": snapshot.spec.sufficiency[row], "imputed": _imputed(snapshot, row),
        "store_inferred_share": round(inferred, 4),
    }  # fmt: skip


def predicted(
    loaded: Loaded[Snapshot], query: ForecastQuery, at: datetime, request_id: str
) -> tuple[dict[str, Any], list[Prediction]]:
    """The answer of a snapshot, and the same as ledger rows, whose ids its weeks bear."""
    data = predict.forecast(loaded.snapshot, query)
    digest = loaded.snapshot.features_digest(resolve.node(loaded.snapshot, query)[1])
    rows = rows_of(data, query, loaded.version.model_version, digest, at, request_id)
    for week, row in zip(data["predictions"], rows, strict=True):
        week["prediction_id"] = row.id
    return data, rows


def write_down(request: Request, queries_asked: list[ForecastQuery], shown: list[Prediction]) -> None:
    """Record what is shown, and have the shadow version answer the same questions, unseen and later."""
    request.app.state.resources.ledger.record(shown)
    shadow = request.app.state.snapshots.shadow
    if shadow is not None and shown:
        at, request_id = shown[0].created_at, shown[0].request_id
        request.app.state.shadowing.answer_beside(
            shadow.version, lambda: _beside(shadow, queries_asked, at, request_id), champion=shown
        )


def _beside(shadow: Loaded[Snapshot], queries_asked: list[ForecastQuery], at: datetime, request_id: str) -> list[Prediction]:
    rows: list[Prediction] = []
    for query in queries_asked:
        try:
            rows += predicted(shadow, query, at, request_id)[1]
        except InsufficientData:
            # of many series one may have no honest forecast in the other version; alone, that is a difference to count
            if len(queries_asked) == 1:
                raise
    return rows
