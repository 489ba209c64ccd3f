"""Where does a budget do most good, what is due to be replaced, whom to look at next, what does quality do to price?"""

from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from rfid3_quality import recommendations
from rfid3_quality.decisions.inspection import MINUTE_USD
from rfid3_quality.decisions.money import cents_of
from rfid3_quality.decisions.slopes import LEVEL
from rfid3_quality.fleet import Fleet, Judgements
from rfid3_quality.recommendations import category_of
from rfid3_quality.routes.answering import LoadedSnapshot, SwitchedOn, meta_of, readings_of
from rfid3_quality.schemas.fleet import (
    InspectionsAnswer,
    InspectionsQuery,
    OptimizationAnswer,
    OptimizationQuery,
    PriceEffectAnswer,
    PriceEffectQuery,
    ReplacementsAnswer,
    ReplacementsQuery,
)
from rfid3_quality.settings import quality_settings
from rfid3_quality.snapshot import Snapshot
from rfid3_shared.answering import Open, Reader
from rfid3_shared.app import answer
from rfid3_shared.envelope import Envelope
from rfid3_shared.registry import Loaded
from rfid3_shared.resources import Resources

router = APIRouter()
WORKING_S = 9.0
GRADE = 0.1
"""One grade, in scores."""


@router.get("/optimization", response_model=Envelope[OptimizationAnswer], dependencies=[SwitchedOn])
async def optimization(
    request: Request, query: Annotated[OptimizationQuery, Query()], loaded: LoadedSnapshot, held: Open, _: Reader
) -> Response:
    """The exact best use of a budget among repairs and replacements of items below a score, by category and action."""
    category = category_of(loaded.snapshot, query.category_filter, "category_filter")
    fleet, basis = await _fleet_now(request, held, loaded)
    data = await held.compute.off_loop(
        recommendations.spent, fleet, category, query.quality_threshold, cents_of(query.optimization_budget), query.priority,
        timeout_s=WORKING_S,
    )  # fmt: skip
    message = f"{data['items_treated']} of {data['items_below_threshold']} items below {query.quality_threshold:g} are treated."
    return answer(request, data, message=message, meta=_meta(request, loaded, **basis))


@router.get("/replacement-recommendations", response_model=Envelope[ReplacementsAnswer], dependencies=[SwitchedOn])
async def replacements(
    request: Request, query: Annotated[ReplacementsQuery, Query()], loaded: LoadedSnapshot, held: Open, _: Reader
) -> Response:
    """Items that are best replaced within a year, most dollars gained first; within a budget, if one is given."""
    category = category_of(loaded.snapshot, query.category, "category")
    budget = None if query.budget is None else cents_of(query.budget)
    fleet, basis = await _fleet_now(request, held, loaded)
    page, total, cost = await held.compute.off_loop(
        recommendations.replaced, fleet, category, budget, query.limit, query.offset, timeout_s=WORKING_S
    )
    data = {"recommendations": page, "total": total, "total_cost": cost}
    return answer(request, data, message=f"{len(page)} of {total} items.", meta=_meta(request, loaded, **basis))


@router.get("/inspections", response_model=Envelope[InspectionsAnswer], dependencies=[SwitchedOn])
async def inspections(
    request: Request, query: Annotated[InspectionsQuery, Query()], loaded: LoadedSnapshot, held: Open, _: Reader
) -> Response:
    """Whom to look at next: items whose grade is worth more to know than the look costs. An inspection counts at once."""
    category = category_of(loaded.snapshot, query.category, "category")
    each = quality_settings(held.settings).quality_inspection_minutes
    fleet, basis = await _fleet_now(request, held, loaded)
    minutes = np.inf if query.minutes is None else query.minutes
    found = await held.compute.off_loop(
        recommendations.looked_at, fleet, category, query.limit, minutes, each, MINUTE_USD, timeout_s=WORKING_S
    )
    data = {"inspections": found, "minutes": each * len(found), "value": round(sum(one["value"] or 0.0 for one in found), 2)}
    meta = _meta(request, loaded, **basis, minute_usd=MINUTE_USD, minutes_each=each)
    return answer(request, data, message=f"{len(found)} items are worth a look.", meta=meta)


@router.get("/price-effect", response_model=Envelope[PriceEffectAnswer], dependencies=[SwitchedOn])
async def price_effect(
    request: Request, query: Annotated[PriceEffectQuery, Query()], loaded: LoadedSnapshot, _: Reader
) -> Response:
    """What quality does to the price of a day within a class, with its interval; or what is missing to say so."""
    category, kept = category_of(loaded.snapshot, query.category, "category"), loaded.snapshot.spec.price_effect
    name = "all" if category is None else loaded.snapshot.spec.categories[category]
    slope = kept["overall"] if category is None else kept["by_category"].get(name)
    missing = list(kept["missing"])
    if slope is None and not missing:
        missing = [f"classes of {name} that were rented at several prices and grades; the effect over all categories is known"]
    ratio = None if slope is None else {end: round(float(np.exp(GRADE * slope[end])), 6) for end in ("value", "lower", "upper")}
    data = {"category": name, "effect": slope, "price_ratio_a_grade": ratio, "missing": missing}
    message = "Nothing can be said yet."
    if ratio is not None:
        value, lower, upper = (f"{ratio[end] - 1:+.1%}" for end in ("value", "lower", "upper"))
        message = f"Within a class one grade better goes with a price {value} ({LEVEL:.0%}: {lower} to {upper})."
    return answer(request, data, message=message, meta=_meta(request, loaded))


async def _fleet_now(request: Request, held: Resources, loaded: Loaded[Snapshot]) -> tuple[Fleet, dict[str, Any]]:
    """The fleet with all that was inspected since the snapshot was made, and what `_meta` says of that."""
    readings, missing = await readings_of(held, loaded, None)
    judgements: Judgements = request.app.state.judgements
    fleet = await held.compute.off_loop(judgements.fleet, loaded.snapshot, readings, timeout_s=WORKING_S)
    newest = max((reading.at for reading in fleet.readings), default=None)
    since = {
        "items_inspected": len(readings),
        "items_judged_anew": len(fleet.rows),
        "newest": newest.isoformat() if newest else None,
    }
    return fleet, {"missing": missing, "since_training": None if missing else since}


def _meta(request: Request, loaded: Any, missing: list[str] | None = None, **extra: Any) -> dict[str, Any]:
    """What a list rests on: the last training, and in `since_training` what was inspected since; null when that cannot be read."""
    wear = loaded.snapshot.wear.basis
    basis = {name: wear[name] for name in ("form", "steps", "units", "changes", "why") if name in wear}
    return meta_of(request, loaded, missing or (), basis=basis, units=len(loaded.snapshot.ids), **extra)
