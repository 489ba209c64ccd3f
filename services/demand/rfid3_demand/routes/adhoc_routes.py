"""How is a caller's own data forecast while the caller waits, or, when that takes longer, as a job?

The work is done by the service's worker, in a process of its own: this process only lays the series down, asks for a job and
looks at its row until the deadline. Nothing of it is written to the ledger: nobody here will learn what became of it.
"""

import math
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Header, Path, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ValidationError

from rfid3_demand import payloads
from rfid3_demand.own_input import MOST_STEPS
from rfid3_demand.routes.answering import SwitchedOn
from rfid3_demand.schemas import AdhocAnswer, AdhocRequest
from rfid3_demand.settings import ADHOC_KIND, SERVICE
from rfid3_shared.answering import Open, Reader
from rfid3_shared.app import answer
from rfid3_shared.db import transaction
from rfid3_shared.envelope import Envelope
from rfid3_shared.errors import NotFound, PayloadTooLarge, RateLimited
from rfid3_shared.job_patience import later, patience_s, result_of, until_done
from rfid3_shared.jobs import INTERACTIVE, Job, count_jobs, enqueue_and_send, get_job
from rfid3_shared.resources import Resources

router = APIRouter()
MOST_BYTES = 12_000_000
MOST_WAITING = 10
"""Requests whose work has not begun; more are refused until some are done."""
READING_S = 10.0
WHERE = "/api/predictive/demand/forecast/adhoc/"
IdempotencyKey = Annotated[
    str | None, Header(max_length=128, description="Repeating a request with the same key gives the same job again.")
]
BODY = {
    "requestBody": {"required": True, "content": {"application/json": {"schema": AdhocRequest.model_json_schema()}}},
}
ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"model": Envelope[AdhocAnswer], "description": "It is a job: its answer will be at `data.result`."},
    413: {"description": f"The body is larger than {MOST_BYTES} bytes."},
}


@router.post(
    "/forecast/adhoc", response_model=Envelope[AdhocAnswer], dependencies=[SwitchedOn], responses=ACCEPTED, openapi_extra=BODY
)
async def adhoc(request: Request, held: Open, caller: Reader, idempotency_key: IdempotencyKey = None) -> Response:
    """Forecast up to 500 series of your own, sent inline, with intervals. Needs the scope read.

    Answered within `deadline_s`; what takes longer, or is asked for with `respond_async`, is a job: 202, and the answer is at
    `data.result` for an hour. Each series has a forecast or an error of its own. Bodies up to 12 MB. Not written to the ledger.
    """
    raw = await _body(request)
    wanted, name, packed = await held.compute.off_loop(_read, raw, timeout_s=READING_S)
    async with transaction(held.store) as connection:
        waiting = await count_jobs(connection, service=SERVICE, kind=ADHOC_KIND, state="queued")
    if waiting >= MOST_WAITING:
        raise RateLimited(f"{waiting} requests of this kind wait already.", retry_after_s=10, waiting=waiting)
    await payloads.put(held.redis, payloads.INPUT, name, packed)
    steps = _longest(wanted)
    job = await enqueue_and_send(
        held.store, held.redis, held.clock, service=SERVICE, kind=ADHOC_KIND, requested_by=caller.key_id, alone=False,
        lane=INTERACTIVE,
        arguments={"input": name, "series": wanted.count, "steps": steps, "freq": wanted.freq, "horizon": wanted.horizon},
        idempotency_key=f"{caller.key_id}/adhoc/{idempotency_key}" if idempotency_key else None,
    )  # fmt: skip
    patient_s = patience_s(request, wanted.deadline_s)
    if not wanted.respond_async and request.app.state.pace.expected_s(wanted.count, steps) <= patient_s:
        job = await until_done(held, job, request.scope["state"]["started"] + patient_s)
    return await _told(request, held, job)


@router.get(
    "/forecast/adhoc/{job_id}", response_model=Envelope[AdhocAnswer], dependencies=[SwitchedOn], responses=ACCEPTED
)  # fmt: skip
async def adhoc_result(request: Request, job_id: Annotated[str, Path(max_length=64)], held: Open, _: Reader) -> Response:
    """The answer of a forecast of your own series that became a job; 202 while it is not done."""
    async with transaction(held.store) as connection:
        job = await get_job(connection, job_id)
    if (job.service, job.kind) != (SERVICE, ADHOC_KIND):
        raise NotFound("No forecast of own series has this id.", job_id=job_id)
    return await _told(request, held, job)


def _longest(wanted: AdhocRequest) -> int:
    """Steps of the longest series; of rows, of the average one."""
    if wanted.rows is not None:
        longest = math.ceil(len(wanted.rows) / wanted.count)
    else:
        longest = max((len(one["y"]) for one in wanted.series or () if isinstance(one.get("y"), list)), default=0)
    return min(longest, MOST_STEPS)


async def _body(request: Request) -> bytes:
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MOST_BYTES:
            raise PayloadTooLarge(
                f"The body is larger than {MOST_BYTES} bytes: send fewer series, or only their latest steps.",
                limit_bytes=MOST_BYTES,
            )
        parts.append(part)
    return b"".join(parts)


def _read(raw: bytes) -> tuple[AdhocRequest, str, bytes]:
    """The request, a name for it, and it as it is laid down."""
    try:
        return AdhocRequest.model_validate_json(raw or b"null"), payloads.name_of(raw), payloads.packed(raw)
    except ValidationError as fault:
        raise RequestValidationError(fault.errors(include_url=False, include_context=False)) from None


async def _told(request: Request, held: Resources, job: Job) -> Response:
    where = WHERE + job.id
    if not job.finished:
        return later(request, job, where, {})
    result = result_of(job, "The forecast")
    found: Any = await payloads.get(held.redis, payloads.RESULT, job.id)
    if found is None and "series" not in result:
        raise NotFound("The answer is no longer kept: ask again.", job_id=job.id, kept_s=payloads.KEPT_S)
    kept = orjson.loads(found) if found is not None else result
    if "steps" in job.arguments:  # asked for by an older version, it says less
        request.app.state.pace.remember(job.id, job.arguments["series"], job.arguments["steps"], kept["seconds"])
    told = {name: kept[name] for name in ("answered", "refused", "seconds", "series")}
    data = {"job_id": job.id, "state": job.state, **told, "result": where}
    message = f"{told['answered']} of {len(told['series'])} series are forecast."
    return answer(request, data, message=message, meta={"answered": told["answered"], "refused": told["refused"]})
