"""Which questions does the demand service answer over HTTP? In and out only; the thinking is in `predict`."""

from datetime import date, datetime, timedelta
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_demand import live_accuracy, predict, queries, resolve
from rfid3_demand.ledger_rows import rows_of
from rfid3_demand.schemas import AccuracyAnswer, AccuracyQuery, ForecastAnswer, ForecastQuery, RetrainAnswer, RetrainRequest
from rfid3_demand.settings import SERVICE
from rfid3_demand.snapshot import Snapshot
from rfid3_shared.app import answer
from rfid3_shared.auth import Caller
from rfid3_shared.cache import cache_key
from rfid3_shared.db import transaction
from rfid3_shared.deps import get_outbox, get_resources, get_tx, require
from rfid3_shared.envelope import Envelope
from rfid3_shared.errors import ModelUnavailable, StoreUnavailable
from rfid3_shared.flags import Flag
from rfid3_shared.flags.guard import require_flag
from rfid3_shared.jobs import Outbox, enqueue
from rfid3_shared.ledger import Prediction
from rfid3_shared.registry import Loaded
from rfid3_shared.resources import Resources
from rfid3_shared.source.business_day import business_day

TRAIN_KIND = "train"
router = APIRouter(prefix="/demand", tags=["demand"])


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


def _meta(request: Request, loaded: Loaded[Snapshot], today: date, **extra: Any) -> dict[str, Any]:
    spec = loaded.snapshot.spec
    return {
        "model_version": loaded.version.model_version, "fallback": not request.app.state.snapshots.healthy, "data_as_of": spec.data_as_of,
        "data_age_days": max(0, (today - spec.data_as_of).days), **extra,
    }  # fmt: skip


@router.get("/forecast", response_model=Envelope[ForecastAnswer], dependencies=[SwitchedOn])
async def forecast(
    request: Request, query: Annotated[ForecastQuery, Query()], loaded: LoadedSnapshot, held: Open, _: Reader
) -> Response:
    """Weekly demand for a category, subcategory or class, in one store or overall, with calibrated intervals."""
    version = loaded.version.model_version

    async def compute() -> bytes:
        data, rows = _predicted(loaded, query, held.clock.now(), request.scope["state"]["request_id"])
        for week, row in zip(data["predictions"], rows, strict=True):
            week["prediction_id"] = row.id
        held.ledger.record(rows)
        _answer_beside(request, query, rows)
        return orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY)

    # kept in this process only: a forecast is read off the snapshot in less time than Redis takes to answer
    key = cache_key("demand/forecast", version, **query.model_dump())
    body, origin = await held.cache.get_or_compute(key, compute, shared=False)
    row = resolve.node(loaded.snapshot, query)[1]
    inferred = loaded.snapshot.spec.inferred_store_share[row]
    meta = _meta(
        request, loaded, held.clock.today(), cached=origin != "computed", sufficiency=loaded.snapshot.spec.sufficiency[row],
        imputed=["store"] if inferred > 0 else [], store_inferred_share=round(inferred, 4),
    )  # fmt: skip
    return answer(request, orjson.Fragment(body), message=f"Demand forecast for {query.weeks} weeks.", meta=meta)


def _predicted(
    loaded: Loaded[Snapshot], query: ForecastQuery, at: datetime, request_id: str
) -> tuple[dict[str, Any], list[Prediction]]:
    """The answer of a snapshot, and the same as ledger rows."""
    data = predict.forecast(loaded.snapshot, query)
    digest = loaded.snapshot.features_digest(resolve.node(loaded.snapshot, query)[1])
    return data, rows_of(data, query, loaded.version.model_version, digest, at, request_id)


def _answer_beside(request: Request, query: ForecastQuery, shown: list[Prediction]) -> None:
    """Have the shadow version answer the same question, unseen and later."""
    shadow = request.app.state.snapshots.shadow
    if shadow is not None:
        at, request_id = shown[0].created_at, shown[0].request_id
        request.app.state.shadowing.answer_beside(
            shadow.version, lambda: _predicted(shadow, query, at, request_id)[1], champion=shown
        )


@router.get("/accuracy", response_model=Envelope[AccuracyAnswer], dependencies=[SwitchedOn])
async def accuracy(
    request: Request, query: Annotated[AccuracyQuery, Query()], loaded: LoadedSnapshot, held: Open, _: Reader
) -> Response:
    """How good forecasts were: those that were shown, held against what happened, beside the back-test and two naive baselines."""
    version = loaded.version

    async def compute() -> bytes:
        # the scores of every category are milliseconds of work: not on the event loop
        return orjson.dumps(
            await held.compute.off_loop(predict.accuracy, loaded.snapshot, query), option=orjson.OPT_SERIALIZE_NUMPY
        )

    key = cache_key("demand/accuracy", version.model_version, **query.model_dump())
    body, origin = await held.cache.get_or_compute(key, compute)
    tested = orjson.loads(body)
    try:
        lived = await live_accuracy.read(
            held.store, held.settings, held.clock, loaded.snapshot, query, version.metrics.get("wape")
        )
    except StoreUnavailable:
        lived = live_accuracy.NOT_KNOWN
    promised = tested["accuracy_metrics"]
    basis, metrics = live_accuracy.headline(lived["live"], promised)
    data = {**tested, "basis": basis, "accuracy_metrics": metrics, "back_test": promised, **lived}
    meta = _meta(request, loaded, held.clock.today(), cached=origin != "computed")
    return answer(
        request,
        data,
        message=f"Accuracy, from the {basis} figures." if basis == "live" else "Accuracy of the back-test.",
        meta=meta,
    )


@router.post(
    "/retrain", status_code=202, response_model=Envelope[RetrainAnswer],
    dependencies=[Depends(require_flag(Flag.DEMAND_FORECASTING, Flag.MODEL_TRAINING))],
)  # fmt: skip
async def retrain(
    request: Request, wanted: RetrainRequest, held: Open, caller: Annotated[Caller, Depends(require("train"))],
    outbox: Annotated[Outbox, Depends(get_outbox, scope="function")],
    connection: Annotated[AsyncConnection, Depends(get_tx, scope="function")],
) -> Response:  # fmt: skip
    """Schedule a training run; 409 CONFLICT while one is queued or running."""
    job = await enqueue(
        connection, service=SERVICE, kind=TRAIN_KIND, arguments=wanted.model_dump(), requested_by=caller.key_id, clock=held.clock,
        idempotency_key=f"{caller.key_id}/{given}" if (given := request.headers.get("idempotency-key")) else None,
    )  # fmt: skip
    outbox.add(job.id, SERVICE)
    usual_s = await queries.usual_training_seconds(connection)
    loaded = request.app.state.snapshots.loaded
    counts = loaded.snapshot.spec.counts if loaded else {}
    data = {
        "training_job_id": job.id,
        "models_scheduled": sorted({predict.variant_name(name) for name in wanted.model_types}),
        "estimated_completion": None if usual_s is None else held.clock.now() + timedelta(seconds=usual_s),
        "training_data_size": counts.get("training_observations"),
        "validation_data_size": counts.get("validation_observations"),
    }
    meta = _meta(request, loaded, held.clock.today()) if loaded else {}
    return answer(request, data, message=f"Training is scheduled: GET /api/predictive/jobs/{job.id}.", meta=meta, status=202)
