"""How does a series look? The picture of the same question, as PNG and as SVG."""

import hashlib
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from rfid3_demand import chart
from rfid3_demand.routes.answering import LoadedSnapshot, SwitchedOn, read_present, rows_of_queries, served_for, write_down
from rfid3_demand.routes.series_routes import seen
from rfid3_demand.schemas import ChartQuery
from rfid3_shared.answering import Open, Reader
from rfid3_shared.cache import cache_key

router = APIRouter()
MEDIA = {"png": "image/png", "svg": "image/svg+xml"}
KEPT_S = 60
DRAWING_S = 20.0
"""The first picture of a process waits for matplotlib to be loaded."""


def _shown(kind: str) -> dict[int | str, dict[str, object]]:
    return {
        200: {"description": "The picture; `x-alt-text` tells it in words.",
              "content": {MEDIA[kind]: {"schema": {"type": "string", "format": "binary"}}}},
        304: {"description": "The picture the caller holds (If-None-Match) is still the right one."},
    }  # fmt: skip


@router.get("/forecast.png", response_class=Response, dependencies=[SwitchedOn], responses=_shown("png"))
async def forecast_png(
    request: Request, query: Annotated[ChartQuery, Query()], loaded: LoadedSnapshot, held: Open, _: Reader
) -> Response:
    """Past, forecast, bands of 50, 80 and 95 %, stock and holidays of one series, as a PNG."""
    return await _picture(request, query, loaded, held, "png")


@router.get("/forecast.svg", response_class=Response, dependencies=[SwitchedOn], responses=_shown("svg"))
async def forecast_svg(
    request: Request, query: Annotated[ChartQuery, Query()], loaded: LoadedSnapshot, held: Open, _: Reader
) -> Response:
    """The same as an SVG with its words as text, a title and a description."""
    return await _picture(request, query, loaded, held, "svg")


async def _picture(
    request: Request, query: ChartQuery, loaded: LoadedSnapshot, held: Open, kind: Literal["png", "svg"]
) -> Response:
    live = await read_present(request, loaded, rows_of_queries([query]))
    served = served_for(loaded, live, query)
    data, asked, rows = seen(
        loaded, served, query, query.history_weeks, chart.LEVELS, held.clock.now(), request.scope["state"]["request_id"]
    )  # fmt: skip
    look = chart.Look(query.width, query.height, query.dpi, query.theme)

    async def compute() -> bytes:
        return await held.compute.off_loop(chart.draw, data, kind, look, timeout_s=DRAWING_S)

    key = cache_key(f"demand/forecast.{kind}", loaded.version.model_version, present=served.digest, **query.model_dump())
    body, origin = await held.cache.get_or_compute(key, compute)
    # somebody sees these numbers
    write_down(request, live, asked, rows)
    headers = {
        "etag": f'"{hashlib.blake2b(body, digest_size=16).hexdigest()}"', "cache-control": f"private, max-age={KEPT_S}",
        "x-cache": "miss" if origin == "computed" else "hit", "x-model-version": loaded.version.model_version,
        "x-alt-text": chart.alternative_text(data).encode("ascii", "replace").decode(),
    }  # fmt: skip
    known = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if headers["etag"] in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=MEDIA[kind], headers=headers)
