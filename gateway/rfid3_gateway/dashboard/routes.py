"""Which calls of RFID3's own predictive page does the gateway answer? Six, under /rfid3, in that page's envelope.

A refusal's `error` is a text there (`refusal`); its HTTP status says the same. Unknown parameters are passed over.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, ClassVar

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from rfid3_gateway.dashboard.answers import Correlations, Fetched, Indicators, Optimization, OutsideFactor, PageAnswer, Revenue
from rfid3_gateway.dashboard.coming import Coming
from rfid3_gateway.dashboard.fetching import RESERVE_S, compare_anew, fetch, told
from rfid3_gateway.dashboard.optimization import page_optimization
from rfid3_gateway.dashboard.outside import page_correlations, page_indicators, page_summary
from rfid3_gateway.dashboard.revenue import page_forecast
from rfid3_gateway.dashboard.utilization import Measured, Utilization
from rfid3_gateway.insights import FORECAST, ask_all, basis
from rfid3_gateway.inventory import ALL, store_called
from rfid3_gateway.parts import parts
from rfid3_gateway.plain import plain_everywhere
from rfid3_gateway.refusal import PAGE, PageRefusal
from rfid3_gateway.routing import GATEWAY, Route
from rfid3_shared.db import transaction
from rfid3_shared.errors import AppError, StoreUnavailable, UpstreamError
from rfid3_shared.external.findings import Findings, latest_findings
from rfid3_shared.external.summary import summary
from rfid3_shared.flags import Flag

API = f"{PAGE}/api/predictive"
SUMMARY, FETCH = f"{API}/external-data/summary", f"{API}/external-data/fetch"
CORRELATIONS, INDICATORS = f"{API}/correlations/analyze", f"{API}/insights/leading-indicators"
REVENUE, OPTIMIZATION = f"{API}/demand/forecast", f"{API}/optimization/inventory"
LONG_DEADLINE_S = 10.0
"""For what measures a year of scans, or asks the world outside."""
ROUTES = (
    *(Route(GATEWAY, "RT", path) for path in (SUMMARY, CORRELATIONS, INDICATORS, REVENUE)),
    Route(GATEWAY, "RT", OPTIMIZATION, deadline_s=LONG_DEADLINE_S),
    Route(GATEWAY, "BATCH", FETCH, deadline_s=LONG_DEADLINE_S),
)
VIEW, OUTSIDE = Flag.PREDICTIVE_UI_ENHANCEMENTS, Flag.EXTERNAL_DATA_INTEGRATION
MEASURING_SHARE = 0.4
"""Share of a request's deadline to wait for a measurement of the stock."""
NO_USE = "The demand service gave no usable answer."
ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": PageRefusal} for status in (401, 403, 404, 409, 422, 429, 500, 502, 503, 504)
}
router = APIRouter(tags=["RFID3 dashboard"], responses=ERRORS)
Store = Annotated[str, Query(max_length=20, description="As RFID3 or the POS writes it; absent, `all` or `000`: all.")]


class FetchFailed(AppError):
    """The job that was to fetch outside data failed or was called off."""

    status: ClassVar[int] = 502


class RevenueQuery(BaseModel):
    """Which weeks; unknown parameters are passed over."""

    weeks: int = Field(4, ge=1, le=52)
    store: str = Field("all", max_length=20, description="As RFID3 or the POS writes it; absent, `all` or `000`: all.")
    confidence_level: float = Field(0.8, ge=0.5, le=0.99, description="Level of the interval.")


@router.get(SUMMARY, operation_id="page_external_summary", response_model=PageAnswer[dict[str, dict[str, OutsideFactor]]])
async def external_summary(request: Request) -> Response:
    """Which outside factors are there: data[type][factor]. RFID3's own and the suite's."""
    _check(request, VIEW)
    held, missing = parts(request), []
    async with transaction(held.store) as connection:
        try:
            async with transaction(held.source) as source:
                factors = await summary(connection, source)
        except StoreUnavailable:
            factors, missing = await summary(connection, None), ["RFID3's own factors: its database cannot be read now."]
    # the page adds up every entry of data, so what is missing is told beside it
    return _page(request, page_summary(factors, held.clock.today()), {"unavailable": missing} if missing else {})


@router.post(
    FETCH, operation_id="page_external_fetch", response_model=PageAnswer[Fetched],
    responses={202: {"model": PageAnswer[Fetched], "description": "It goes on; total_stored is that of the fetch before."}},
)  # fmt: skip
async def external_fetch(request: Request) -> Response:
    """Fetch outside data now; answered when that is done, or after most of the deadline as it is then."""
    _check(request, VIEW, OUTSIDE)
    held = parts(request)
    until_s = request.scope["exchange"].started + LONG_DEADLINE_S - RESERVE_S
    job = await fetch(held, request.scope["caller"].key_id, until_s)
    if job.state == "cancelled":
        raise FetchFailed("The fetch was called off.", job_id=job.id)
    if job.state == "failed":
        raise FetchFailed(f"The fetch failed: {(job.error or {}).get('message', 'no reason is known')}", job_id=job.id)
    total, providers = await told(held, job)
    if job.finished and total:
        await compare_anew(held, request.scope["caller"].key_id)
    data = {"total_stored": total, "state": job.state, "job_id": job.id, "providers": providers}
    return _page(request, data, {}, status=200 if job.finished else 202)


@router.get(CORRELATIONS, operation_id="page_correlations", response_model=PageAnswer[Correlations])
async def correlations(request: Request) -> Response:
    """Which outside factors go with demand, of all that were tried in the last analysis."""
    return _page(request, page_correlations(await _findings(request)), {})


@router.get(INDICATORS, operation_id="page_leading_indicators", response_model=PageAnswer[Indicators])
async def leading_indicators(request: Request, store: Store = "all") -> Response:
    """Which outside factors moved weeks before demand did; of the whole company, whatever the store."""
    named = None if store.strip().casefold() in ALL else store
    return _page(request, page_indicators(await _findings(request), named), {})


@router.get(REVENUE, operation_id="page_demand_forecast", response_model=PageAnswer[Revenue])
async def demand_forecast(request: Request, query: Annotated[RevenueQuery, Query()]) -> Response:
    """The coming weeks in dollars, with an interval: the demand service's forecast times rates."""
    store = "all" if query.store.strip().casefold() in ALL else query.store
    question = {"weeks": query.weeks, "store": store, "confidence_level": query.confidence_level}
    found = (await ask_all(parts(request), request.scope, {FORECAST: question}, _about(store)))[FORECAST]
    if found.data is None:
        raise found.refusal()
    with _usable():
        data = page_forecast(found.data)
    return _page(request, data, basis(found))


@router.get(OPTIMIZATION, operation_id="page_inventory_optimization", response_model=PageAnswer[Optimization])
async def inventory_optimization(request: Request, store: Store = "all") -> Response:
    """What to have more and less of: measured use, the forecast, rates and prices."""
    _check(request, VIEW)
    missing: dict[str, str] = {}
    measured = await _measured(request, missing)
    # as the source spells it; without the source the demand service resolves it
    named = store_called(store, measured.codes) if measured else None if store.strip().casefold() in ALL else store
    with _usable():
        coming = await _coming(request).ask(request.scope, named or "all", measured.categories if measured else {}, missing)
        if measured is None and coming.series is None:
            raise StoreUnavailable(f"{missing['current_utilization']} {missing['high_demand_categories']}")
        data = page_optimization(measured, named, coming.shortages, coming.series, missing)
    return _page(request, data, coming.meta)


async def _measured(request: Request, missing: dict[str, str]) -> Measured | None:
    """The use of the stock; None, with the reason in `missing`, while it cannot be told."""
    held, state = parts(request), request.app.state
    if not hasattr(state, "utilization"):
        state.utilization = Utilization(held.source, held.clock)
    try:
        return await state.utilization.measured(MEASURING_SHARE * LONG_DEADLINE_S)  # type: ignore[no-any-return]
    except StoreUnavailable as fault:
        missing["current_utilization"] = missing["underperforming_items"] = fault.message
        return None


def _coming(request: Request) -> Coming:
    """This process's one, made when the first one asks."""
    state = request.app.state
    if not hasattr(state, "coming"):
        state.coming = Coming(parts(request), LONG_DEADLINE_S)
    return state.coming  # type: ignore[no-any-return]


async def _findings(request: Request) -> Findings:
    _check(request, VIEW)
    async with transaction(parts(request).store) as connection:
        return await latest_findings(connection)


def _check(request: Request, *flags: Flag) -> None:
    """Raises FeatureDisabled while one of them is off for this caller."""
    for flag in flags:
        parts(request).flags.check(flag, key=request.scope["caller"].key_id, entities=())


@contextmanager
def _usable() -> Iterator[None]:
    """An answer of another shape than the demand service gives is none."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError):
        raise UpstreamError(NO_USE) from None


def _about(store: str) -> dict[str, str]:
    return {} if store == "all" else {"store": store}


def _page(request: Request, data: Any, meta: Mapping[str, Any], status: int = 200) -> Response:
    """A success as the page reads it; it inserts every text as HTML."""
    at = parts(request).clock.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
    body = {
        "success": True, "data": plain_everywhere(data), "timestamp": at, "request_id": request.scope["exchange"].request_id,
        "meta": plain_everywhere(dict(meta)),
    }  # fmt: skip
    return Response(orjson.dumps(body), status_code=status, media_type="application/json")
