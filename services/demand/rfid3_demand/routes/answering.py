"""What does every route of the service ask first, and what does it say and write down last?"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import Depends, Request

from rfid3_demand import predict, queries, resolve
from rfid3_demand.ledger_rows import rows_of
from rfid3_demand.live_reading import Live, classes_below, online
from rfid3_demand.present.definitions import pack
from rfid3_demand.schemas import ForecastQuery
from rfid3_demand.served import Served
from rfid3_demand.settings import SERVICE
from rfid3_demand.snapshot import Snapshot
from rfid3_shared import answering
from rfid3_shared.answering import loaded_or, switched_on
from rfid3_shared.db import transaction
from rfid3_shared.errors import AppError, InsufficientData
from rfid3_shared.ledger import Prediction
from rfid3_shared.registry import Loaded
from rfid3_shared.resources import Resources
from rfid3_shared.source.business_day import business_day

TOLD = ("reconciliation", "quantiles", "left_out", "yearly_shape", "bookings", "budget_s", "last_full_run")
"""Notes of a version that its answers repeat in `meta`."""


async def _explain(held: Resources) -> None:
    """Raises InsufficientData when the source has nothing to train on."""
    async with transaction(held.source) as connection:
        await queries.known_span(connection, await business_day(connection, held.clock))


get_loaded = loaded_or(_explain)
LoadedSnapshot = Annotated[Any, Depends(get_loaded)]
SwitchedOn = switched_on(SERVICE)


def meta_of(
    request: Request, loaded: Loaded[Snapshot], today: date, served: Served | None = None, **extra: Any
) -> dict[str, Any]:
    """What an answer of this snapshot rests on; served: with the present that was taken in."""
    spec, known = loaded.snapshot.spec, None if served is None else served.known
    as_of = known.present.moment.date() if known is not None and known.present is not None else spec.data_as_of
    features = {} if known is None else {"features": known.told}
    told = {name: spec.notes[name] for name in TOLD if name in spec.notes}
    return answering.meta_of(request, loaded.version.model_version, as_of, today, **features, **told, **extra)


RowsOf = Callable[[Snapshot], list[int]]


async def read_present(request: Request, loaded: Loaded[Snapshot], rows_of_question: RowsOf) -> Live | None:
    """The present of what a question is about, read once for the snapshot that answers and the one that answers beside it.

    rows_of_question: the nodes in a snapshot; where it raises, the answer will say why, and None is read.
    """
    shadow, classes = request.app.state.snapshots.shadow, set()
    for snapshot in (loaded.snapshot, *([] if shadow is None else [shadow.snapshot])):
        try:
            classes |= set(classes_below(snapshot, rows_of_question(snapshot)))
        except AppError:
            continue
    if not classes:
        return None
    reader = online(request.app.state, request.app.state.resources)
    return Live(await reader.read([pack(name) for name in sorted(classes)]), classes)


def rows_of_queries(queries_asked: Sequence[ForecastQuery]) -> RowsOf:
    """The nodes of forecasts, those that cannot be answered left out."""

    def rows(snapshot: Snapshot) -> list[int]:
        found = set()
        for query in queries_asked:
            with suppress(AppError):
                found.add(resolve.node(snapshot, query)[1])
        return sorted(found)

    return rows


def served_for(loaded: Loaded[Snapshot], live: Live | None, query: ForecastQuery) -> Served:
    """What one forecast is read off.

    Raises what `resolve.node` raises.
    """
    row = resolve.node(loaded.snapshot, query)[1]
    return Served(loaded.snapshot) if live is None else live.served(loaded.snapshot, [row])


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
    loaded: Loaded[Snapshot], served: Served, query: ForecastQuery, at: datetime, request_id: str
) -> tuple[dict[str, Any], list[Prediction]]:
    """The answer of what is served, and the same as ledger rows, whose ids its weeks bear."""
    data = predict.forecast(served, query)
    node = resolve.node(served.snapshot, query)[1]
    rows = rows_of(data, query, loaded.version.model_version, served.inputs(node), at, request_id)
    for week, row in zip(data["predictions"], rows, strict=True):
        week["prediction_id"] = row.id
    return data, rows


def write_down(request: Request, live: Live | None, queries_asked: list[ForecastQuery], shown: list[Prediction]) -> None:
    """Record what is shown, and have the shadow version answer the same questions of the same present, unseen and later."""
    answering.write_down(
        request, shown, lambda shadow: _beside(shadow, live, queries_asked, shown[0].created_at, shown[0].request_id)
    )


def _beside(
    shadow: Loaded[Snapshot], live: Live | None, queries_asked: list[ForecastQuery], at: datetime, request_id: str
) -> list[Prediction]:
    rows: list[Prediction] = []
    for query in queries_asked:
        try:
            rows += predicted(shadow, served_for(shadow, live, query), query, at, request_id)[1]
        except InsufficientData:
            # of many series one may have no honest forecast in the other version; alone, that is a difference to count
            if len(queries_asked) == 1:
                raise
    return rows
