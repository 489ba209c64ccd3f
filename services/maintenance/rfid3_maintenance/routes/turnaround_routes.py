"""How many days from a return to Ready to Rent?"""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from rfid3_maintenance.ranking import suggestions
from rfid3_maintenance.routes.answering import LoadedSnapshot, SwitchedOn, meta_of
from rfid3_maintenance.schemas.outlook import TurnaroundAnswer, TurnaroundQuery
from rfid3_shared.answering import Reader
from rfid3_shared.app import answer
from rfid3_shared.envelope import Envelope
from rfid3_shared.errors import InvalidParameters, NotFound

router = APIRouter()


@router.get("/turnaround", response_model=Envelope[TurnaroundAnswer], dependencies=[SwitchedOn])
async def turnaround(
    request: Request, query: Annotated[TurnaroundQuery, Query()], loaded: LoadedSnapshot, _: Reader
) -> Response:
    """Days from the return to Ready to Rent by kind of work and category: median and 80 % interval, and what they rest on."""
    spec = loaded.snapshot.spec
    kinds = sorted({row["kind"] for row in spec.turnaround})
    if query.kind is not None and query.kind.casefold() not in kinds:
        raise InvalidParameters(f"No work is called {query.kind!r}.", parameter="kind", accepted=kinds)
    wanted = query.category.strip().casefold()
    by_fold = {name.casefold(): name for name in ("all", *spec.categories)}
    if wanted not in by_fold:
        raise NotFound(
            f"No category is called {query.category!r}.",
            parameter="category",
            suggestion=suggestions(query.category, spec.categories),
        )
    rows = [row for row in spec.turnaround if query.kind is None or row["kind"] == query.kind.casefold()]
    own = [row for row in rows if row["category"] == by_fold[wanted]]
    told = {row["kind"] for row in own}
    # a category without visits of a kind is told what all categories together say
    found = [*own, *({**row, "asked": by_fold[wanted]} for row in rows if row["category"] == "all" and row["kind"] not in told)]
    return answer(request, {"turnaround": found}, message=f"{len(found)} kinds of work.", meta=meta_of(request, loaded))
