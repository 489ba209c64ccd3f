"""Which features of the present are there, and what are they now? In and out only."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from rfid3_demand import resolve
from rfid3_demand.live_reading import online
from rfid3_demand.nodes import ALL, Node
from rfid3_demand.present.definitions import LIVE, entity, pack
from rfid3_demand.routes.answering import SwitchedOn, get_loaded
from rfid3_demand.schemas.features import FeaturesAnswer, FeaturesQuery
from rfid3_shared.answering import Open, Reader
from rfid3_shared.app import answer
from rfid3_shared.envelope import Envelope
from rfid3_shared.errors import InvalidParameters
from rfid3_shared.feature_store.definition import FeatureDefinition, Window
from rfid3_shared.feature_store.online import Reading

router = APIRouter()
DECLARED_ONLY: dict[str, Any] = {"state": None, "moment": None, "age_s": None, "why": "", "present": []}


@router.get("/features", response_model=Envelope[FeaturesAnswer], dependencies=[SwitchedOn])
async def features(request: Request, query: Annotated[FeaturesQuery, Query()], held: Open, _: Reader) -> Response:
    """Features of the present that forecasts take in: what they mean and rest on, and with `rental_class` their values now."""
    told = [_declared(each) for each in LIVE.features]
    if query.rental_class is None:
        if "store" in query.model_fields_set:
            raise InvalidParameters("A store is asked for with a rental class.", parameter="store")
        return answer(request, {"features": told, **DECLARED_ONLY}, message=f"{len(told)} features.", meta={})
    snapshot = (await get_loaded(request)).snapshot
    number, store = resolve.rental_class(snapshot, query.rental_class), resolve.store(snapshot, query.store)
    reading = await online(request.app.state, held).read([pack(number)])
    below = snapshot.bottom_of(Node("class", number, store)) if store == ALL else ()
    stores = [store] if store != ALL else [snapshot.spec.nodes[row]["store"] for row in below]
    known, gone = reading.taken_in, pack(number) in reading.absent
    data = {
        "features": told, "state": "MISSING" if gone else reading.state, "moment": known and known.moment,
        "age_s": None if reading.age_s is None else round(reading.age_s, 1),
        "why": reading.why or ("The present of this class is not known." if gone else ""),
        "present": [{"rental_class": number, "store": at, "values": _values(reading, number, at)} for at in stores],
    }  # fmt: skip
    return answer(request, data, message=f"{len(told)} features of class {number}.", meta={})


def _values(reading: Reading, number: str, store: str) -> dict[str, dict[str, Any]]:
    found = reading.values.get(entity(number, store))
    values = found or (None,) * len(LIVE.features)
    return {
        name: {
            "value": value,
            "state": "MISSING" if value is None and reading.states[name] == "FRESH" else reading.states[name],
        }
        for name, value in zip(LIVE.names, values, strict=True)
    }


def _declared(each: FeatureDefinition) -> dict[str, Any]:
    return {
        "name": each.name, "unit": each.unit, "window": window_in_words(each.window),
        "fresh_for_s": each.fresh_for.total_seconds(), "source": each.source, "meaning": each.meaning,
    }  # fmt: skip


def window_in_words(window: Window) -> str:
    """Which facts count at a moment."""
    span = window.span
    hours = span / timedelta(hours=1)
    long = f"{hours:g} hours" if hours % 24 else f"{hours / 24:g} days"
    return {
        "rolling": f"the last {long}".replace("last 1 hours", "last hour").replace("last 1 days", "last day"),
        "week_to_date": "since Monday", "complete_weeks": f"the last {span.days // 7} complete weeks", "always": "up to the moment",
    }[window.kind]  # fmt: skip
