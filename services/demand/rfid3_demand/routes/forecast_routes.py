"""What will go out? The forecast of one series. In and out only; the thinking is in `predict`."""

from typing import Annotated

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from rfid3_demand.routes.answering import (
    LoadedSnapshot,
    SwitchedOn,
    meta_of,
    meta_of_series,
    predicted,
    read_present,
    rows_of_queries,
    served_for,
    write_down,
)
from rfid3_demand.schemas import ForecastAnswer, ForecastQuery
from rfid3_shared.answering import Open, Reader
from rfid3_shared.app import answer
from rfid3_shared.cache import cache_key
from rfid3_shared.envelope import Envelope

router = APIRouter()


@router.get("/forecast", response_model=Envelope[ForecastAnswer], dependencies=[SwitchedOn])
async def forecast(
    request: Request, query: Annotated[ForecastQuery, Query()], loaded: LoadedSnapshot, held: Open, _: Reader
) -> Response:
    """Weekly demand for a category, subcategory or class, in one store or overall, with calibrated intervals."""
    live = await read_present(request, loaded, rows_of_queries([query]))
    served = served_for(loaded, live, query)

    async def compute() -> bytes:
        data, rows = predicted(loaded, served, query, held.clock.now(), request.scope["state"]["request_id"])
        write_down(request, live, [query], rows)
        return orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY)

    # kept in this process only: a forecast is read off the snapshot in less time than Redis takes to answer; the present is part of
    # the key, so that what is kept is never older than what it rests on
    key = cache_key("demand/forecast", loaded.version.model_version, present=served.digest, **query.model_dump())
    body, origin = await held.cache.get_or_compute(key, compute, shared=False)
    meta = meta_of(
        request, loaded, held.clock.today(), served, cached=origin != "computed", **meta_of_series(loaded.snapshot, query)
    )  # fmt: skip
    return answer(request, orjson.Fragment(body), message=f"Demand forecast for {query.weeks} weeks.", meta=meta)
