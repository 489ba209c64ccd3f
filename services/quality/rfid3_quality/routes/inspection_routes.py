"""How does what somebody finds on an item become truth, at once?"""

from difflib import get_close_matches

from fastapi import APIRouter, Request
from fastapi.responses import Response

from rfid3_quality.model.grades import score_of
from rfid3_quality.routes.answering import SwitchedOn, meta_of
from rfid3_quality.schemas.inspection import InspectionAnswer, InspectionRequest
from rfid3_shared.answering import Open
from rfid3_shared.app import answer
from rfid3_shared.db import transaction
from rfid3_shared.envelope import Envelope
from rfid3_shared.errors import InvalidParameters
from rfid3_shared.item_reports.receiving import Reporter, happened_at, known_id
from rfid3_shared.item_reports.write import Inspection, post_inspection
from rfid3_shared.source.vocabulary import DEFECTS, GRADES

router = APIRouter()
AT_ONCE = "At once: the item is projected and judged from this grade, also in lists; and as a reading in the next training run."
NOT_KEPT = " The inspector's name was not kept."


@router.post("/inspection-result", status_code=201, response_model=Envelope[InspectionAnswer], dependencies=[SwitchedOn])
async def inspection_result(request: Request, wanted: InspectionRequest, held: Open, caller: Reporter) -> Response:
    """Keep what an inspection found. The same finding twice is one. Needs the scope events or decide."""
    score, defects = _score(wanted.grade), _defects(wanted.defects)
    item_id, at = await known_id(request, held, wanted.item_id), await happened_at(held, wanted.inspected_at, "inspected_at")
    found = Inspection(item_id, wanted.grade.strip(), at, defects, caller.key_id)
    async with transaction(held.store) as connection:
        inspection_id, is_new = await post_inspection(connection, found, held.clock)
    data = {"inspection_id": inspection_id, "item_id": item_id, "quality_score": score, "known_before": not is_new,
            "takes_effect": AT_ONCE + (NOT_KEPT if wanted.inspector else "")}  # fmt: skip
    loaded = request.app.state.snapshots.loaded
    message = "Kept." if is_new else "This was reported before; nothing was added."
    return answer(
        request, data, message=message, meta=meta_of(request, loaded) if loaded else {}, status=201 if is_new else 200
    )


def _score(grade: str) -> float:
    """Raises InvalidParameters for what is no grade."""
    found = score_of(grade)
    if found is None:
        near = [one for one in GRADES if one.casefold() == grade.strip().casefold()]
        raise InvalidParameters(
            f"{grade!r} is no grade.", parameter="grade", given=grade, accepted=list(GRADES), suggestion=near
        )
    return found


def _defects(given: list[str]) -> tuple[str, ...]:
    """Raises InvalidParameters for defects that RFID3 has no name for, with names that look alike."""
    bare = [one.strip().casefold().replace(" ", "_") for one in given]
    for written, one in zip(given, bare, strict=True):
        if one not in DEFECTS:
            near = get_close_matches(one, DEFECTS, 3, 0.4)
            raise InvalidParameters(
                f"RFID3 knows no defect called {written[:64]!r}.", parameter="defects", given=written[:64], accepted=list(DEFECTS),
                suggestion=near,
            )  # fmt: skip
    return tuple(dict.fromkeys(bare))
