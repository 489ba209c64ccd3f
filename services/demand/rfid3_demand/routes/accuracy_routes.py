"""How good were forecasts? In and out only; the thinking is in `predict` and `live_accuracy`."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from rfid3_demand import live_accuracy, predict
from rfid3_demand.routes.answering import LoadedSnapshot, SwitchedOn, meta_of
from rfid3_demand.schemas import AccuracyAnswer, AccuracyQuery
from rfid3_shared.answering import Open, Reader
from rfid3_shared.app import answer
from rfid3_shared.cache import cache_key
from rfid3_shared.envelope import Envelope
from rfid3_shared.errors import StoreUnavailable

router = APIRouter()


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
    meta = meta_of(request, loaded, held.clock.today(), cached=origin != "computed")
    return answer(
        request,
        data,
        message=f"Accuracy, from the {basis} figures." if basis == "live" else "Accuracy of the back-test.",
        meta=meta,
    )
