"""What was, and what comes? History beside forecast, of one series or a page of many."""

from datetime import datetime
from functools import partial
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from rfid3_demand import predict, series_view
from rfid3_demand.ledger_rows import rows_of
from rfid3_demand.routes.answering import (
    LoadedSnapshot,
    SwitchedOn,
    meta_of,
    meta_of_series,
    predicted,
    read_present,
    rows_of_queries,
    write_down,
)
from rfid3_demand.schemas import ForecastQuery, SeriesAnswer, SeriesPage, SeriesQuery
from rfid3_demand.schemas.series import SERIES_EXAMPLE
from rfid3_demand.served import Served
from rfid3_demand.snapshot import Snapshot
from rfid3_shared.answering import Open, Reader
from rfid3_shared.app import answer
from rfid3_shared.cache import cache_key
from rfid3_shared.envelope import Envelope
from rfid3_shared.ledger import Prediction
from rfid3_shared.registry import Loaded

router = APIRouter()
EXAMPLE: dict[int | str, dict[str, Any]] = {200: {"content": {"application/json": {"example": {
    "success": True, "data": SERIES_EXAMPLE, "message": "History and forecast.", "timestamp": "2026-06-01T08:00:00.000Z",
    "request_id": "0b6f6a2e", "execution_time_ms": 3, "meta": {"model_version": "demand_ensemble_v20260601_033000",
    "served_by": "demand/7", "fallback": False, "cached": False, "data_as_of": "2026-05-31", "sufficiency": "full"},
}}}}}  # fmt: skip


@router.get("/series", response_model=Envelope[SeriesAnswer | SeriesPage], dependencies=[SwitchedOn], responses=EXAMPLE)
async def series(
    request: Request, query: Annotated[SeriesQuery, Query()], loaded: LoadedSnapshot, held: Open, _: Reader
) -> Response:
    """History, forecast, bands, stock, refused and booked units and events of one series; with `level` a page of many series.

    The forecast is that of GET /demand/forecast: the same numbers, the same ids in the ledger. A page is sorted by name, expected
    demand, its change, the chance of running short or past accuracy, and filtered by category, subcategory, store, least demand,
    least chance of running short, and text.
    """
    version = loaded.version.model_version
    rows_asked = rows_of_queries([query]) if query.level is None else partial(series_view.below, query=query)
    live = await read_present(request, loaded, rows_asked)
    served = Served(loaded.snapshot) if live is None else live.served(loaded.snapshot, rows_asked(loaded.snapshot))

    async def compute() -> bytes:
        # a page may rank thousands of series: not on the event loop
        make = _one if query.level is None else _page
        data, asked, rows = await held.compute.off_loop(
            make, loaded, served, query, held.clock.now(), request.scope["state"]["request_id"]
        )  # fmt: skip
        write_down(request, live, asked, rows)
        return orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY)

    key = cache_key("demand/series", version, present=served.digest, **query.model_dump())
    body, origin = await held.cache.get_or_compute(key, compute, shared=False)
    own = meta_of_series(loaded.snapshot, query) if query.level is None else {}
    meta = meta_of(request, loaded, held.clock.today(), served, cached=origin != "computed", **own)
    message = "History and forecast." if query.level is None else f"Series by {query.sort}."
    return answer(request, orjson.Fragment(body), message=message, meta=meta)


Made = tuple[dict[str, Any], list[ForecastQuery], list[Prediction]]


def plain(query: ForecastQuery) -> ForecastQuery:
    """The forecast that a series or a picture shows, as it would be asked for alone."""
    return ForecastQuery(**query.model_dump(include=set(ForecastQuery.model_fields)))


def seen(
    loaded: Loaded[Snapshot], served: Served, query: ForecastQuery, history_weeks: int, levels: tuple[float, ...], at: datetime,
    request_id: str,
) -> Made:  # fmt: skip
    """History and forecast of one series, the question behind them, and the ledger's rows."""
    asked = plain(query)
    said, rows = predicted(loaded, served, asked, at, request_id)
    data = series_view.view(served, asked, said, history_weeks, levels)
    for week, row in zip(data["forecast"], rows, strict=True):
        week["prediction_id"] = row.id
    return data, [asked], rows


def _one(loaded: Loaded[Snapshot], served: Served, query: SeriesQuery, at: datetime, request_id: str) -> Made:
    return seen(loaded, served, query, query.history_weeks, series_view.band_levels(query.confidence_level), at, request_id)


def _page(loaded: Loaded[Snapshot], served: Served, query: SeriesQuery, at: datetime, request_id: str) -> Made:
    snapshot, version = loaded.snapshot, loaded.version.model_version
    found, page = series_view.page(served, query)
    variant = predict.variant_of(snapshot, query.model_type)
    items, shown = [], []
    for row, question in found:
        weeks, place = predict.weeks_of(served, variant, row, question), snapshot.spec.nodes[row]
        said = {"predictions": weeks, "category_filter": place["name"], "store_filter": place["store"]}
        rows = rows_of(said, question, version, served.inputs(row), at, request_id)
        item = series_view.listed(served, row, question, weeks)
        for week, prediction in zip(item["forecast"], rows, strict=True):
            week["prediction_id"] = prediction.id
        items.append(item)
        shown += rows
    return {"items": items, **page}, [question for _, question in found], shown
