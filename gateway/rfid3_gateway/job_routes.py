"""What can be asked about jobs, and what can be done to them? List, one, its events; call off, run again."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from rfid3_gateway.job_events import ENDED, EventStream, JobWatch, job_events
from rfid3_gateway.parts import answer, parts
from rfid3_gateway.routing import GATEWAY, Route
from rfid3_shared.auth import Caller
from rfid3_shared.db import transaction
from rfid3_shared.envelope import Envelope, ErrorEnvelope
from rfid3_shared.errors import StoreUnavailable, Unauthorized
from rfid3_shared.jobs import (
    STATES,
    Job,
    Outbox,
    cancel_job,
    count_jobs,
    get_job,
    list_jobs,
    rerun_job,
    similar_names,
)

ALL = "/api/predictive/jobs"
ONE = ALL + "/{job_id}"
ROUTES = (
    Route(GATEWAY, "SYS", ALL), Route(GATEWAY, "SYS", ONE), Route(GATEWAY, "SYS", f"{ONE}/events", is_stream=True),
    Route(GATEWAY, "SYS", f"{ONE}/cancel"), Route(GATEWAY, "SYS", f"{ONE}/rerun"),
)  # fmt: skip
MANAGING_SCOPE = "train"
EVENTS_EXAMPLE = """retry: 1000

event: progress
id: 5d1f3a90
data: {"id":"4f0c…","state":"running","stage":"fitting","progress":0.42}

event: end
id: end
data: {"id":"4f0c…","state":"succeeded","result":{…},…}
"""
JobId = Annotated[str, Path(max_length=64, description="The id that the request was answered with.")]
IdempotencyKey = Annotated[
    str | None, Header(max_length=128, description="Repeating a request with the same key gives the same job again.")
]
ERRORS: dict[int | str, dict[str, Any]] = {status: {"model": ErrorEnvelope} for status in (401, 403, 404, 409, 422, 429, 503)}
router = APIRouter(tags=[GATEWAY], responses=ERRORS)


class JobsQuery(BaseModel):
    """Which jobs to list."""

    model_config = ConfigDict(extra="forbid")

    service: str | None = Field(None, max_length=50, description="Only jobs of this service, e.g. demand.")
    kind: str | None = Field(None, max_length=50, description="Only jobs of this kind, e.g. train.")
    state: Literal[STATES] | None = Field(None, description="Only jobs in this state.")  # type: ignore[valid-type]
    quarantined: bool | None = Field(None, description="Only jobs that failed in all their attempts, or only others.")
    limit: int = Field(50, ge=1, le=500)
    offset: int = Field(0, ge=0, le=1_000_000_000)


class JobAnswer(BaseModel):
    """One job; times in ISO 8601, UTC."""

    id: str
    service: str
    kind: str
    arguments: dict[str, Any]
    requested_by: str = Field(description="The id of the key that asked, `schedule` or `command line`.")
    idempotency_key: str | None
    state: Literal[STATES]  # type: ignore[valid-type]
    attempts: int = Field(description="Runs that were begun.")
    max_attempts: int
    progress: float = Field(ge=0, le=1)
    stage: str
    result: dict[str, Any] | None
    error: dict[str, Any] | None = Field(description="code and message of the last attempt's fault.")
    created_at: str
    started_at: str | None
    finished_at: str | None
    seconds: float | None = Field(description="How long the last attempt took.")
    rerun_of: str | None = Field(description="The job that this one runs again.")
    lane: str = Field(description="interactive: somebody waits for it, long work does not hold it up; else batch.")
    quarantined: bool = Field(description="True when it failed in all its attempts: look at it, then POST …/rerun.")


class JobsAnswer(BaseModel):
    """Jobs, newest first."""

    jobs: list[JobAnswer]
    total: int = Field(description="How many have the properties asked for, on all pages.")
    next_offset: int | None = Field(description="Where the next page begins; null on the last one.")
    suggestions: dict[str, list[str]] = Field(description="For a service or kind that no job has: names that some have.")


@router.get(ALL, operation_id="list_jobs", response_model=Envelope[JobsAnswer])
async def jobs(request: Request, query: Annotated[JobsQuery, Query()]) -> Response:
    """Training runs and other work that outlasts a request, newest first."""
    wanted = query.model_dump(include={"service", "kind", "state", "quarantined"})
    async with transaction(parts(request).store) as connection:
        found = await list_jobs(connection, **wanted, limit=query.limit, offset=query.offset)
        total = await count_jobs(connection, **wanted)
        similar = {} if total else await similar_names(connection, service=query.service, kind=query.kind)
    end = query.offset + len(found)
    data = {
        "jobs": [job.as_dict() for job in found],
        "total": total,
        "next_offset": end if found and end < total else None,
        "suggestions": similar,
    }
    hints = "".join(f" Did you mean the {name} {' or '.join(known)}?" for name, known in similar.items())
    return answer(request, data, message=f"{len(found)} of {total} jobs.{hints}")


@router.get(ONE, operation_id="get_job", response_model=Envelope[JobAnswer])
async def job(request: Request, job_id: JobId) -> Response:
    """One job: its state, progress, and in the end its result or its error."""
    return answer(request, (found := await _read(request, job_id)).as_dict(), message=f"The job is {found.state}.")


@router.get(
    f"{ONE}/events", operation_id="watch_job", status_code=200, response_class=EventStream,
    responses={
        200: {"description": "Server-sent events: `progress` whenever something changes, `unavailable` while the store is out of "
                             "reach, and in the end `end` with the whole job.",
              "content": {"text/event-stream": {"schema": {"type": "string"}, "example": EVENTS_EXAMPLE}}},
        204: {"description": "The reader has seen the end already: browsers then stop coming back."},
    },
)  # fmt: skip
async def events(
    request: Request, job_id: JobId,
    last_event_id: Annotated[str, Header(max_length=64, description="The id of the last event seen, as browsers send it.")] = "",
) -> Response:  # fmt: skip
    """What a job does, as it does it, until it has ended. After an interruption just ask again."""
    found = await _read(request, job_id)
    if found.finished and last_event_id == ENDED:
        return Response(status_code=204)
    watch, leave = _watch(request), _nothing
    if not found.finished:
        leave = watch.enter(found, _caller(request).key_id)
    clock = parts(request).clock
    told = job_events(watch, found, last_event_id=last_event_id, goes_on=lambda: _goes_on(request), now_s=clock.monotonic)
    return EventStream(told, leave)


@router.head(f"{ONE}/events", include_in_schema=False)
async def events_head(request: Request, job_id: JobId) -> Response:
    """Whether there is such a job to watch."""
    await _read(request, job_id)
    return Response(media_type=EventStream.media_type, headers={"cache-control": "no-store"})


@router.post(f"{ONE}/cancel", operation_id="cancel_job", response_model=Envelope[JobAnswer])
async def cancel(request: Request, job_id: JobId) -> Response:
    """Call a job off: with the scope train besides read, or with the key that asked for it. 409 CONFLICT when it has ended already."""
    caller = _caller(request)
    async with transaction(parts(request).store) as connection:
        found = await get_job(connection, job_id)
        if caller.key_id != found.requested_by:
            caller.require(MANAGING_SCOPE)
        found = await cancel_job(connection, job_id, clock=parts(request).clock)
    return answer(request, found.as_dict(), message="The job is cancelled; if it ran, its worker ends it within seconds.")


@router.post(f"{ONE}/rerun", operation_id="rerun_job", status_code=202, response_model=Envelope[JobAnswer])
async def rerun(request: Request, job_id: JobId, idempotency_key: IdempotencyKey = None) -> Response:
    """Run a job that has ended once more, with the same arguments; needs the scope train besides read.

    409 CONFLICT while it, or another of its service and kind, is queued or running.
    """
    caller, held = _caller(request), parts(request)
    caller.require(MANAGING_SCOPE)
    outbox = Outbox(held.redis)
    async with transaction(held.store) as connection:
        new = await rerun_job(
            connection, job_id, requested_by=caller.key_id, clock=held.clock,
            idempotency_key=f"rerun/{caller.key_id}/{idempotency_key}" if idempotency_key else None,
        )  # fmt: skip
        outbox.add(new)
    await outbox.send()
    words = f"It is run again: GET {ALL}/{new.id}."
    reply = answer(request, new.as_dict(), message=words, status=202)
    reply.headers["location"] = f"{ALL}/{new.id}"
    return reply


async def _read(request: Request, job_id: str) -> Job:
    async with transaction(parts(request).store) as connection:
        return await get_job(connection, job_id)


def _caller(request: Request) -> Caller:
    return request.scope["caller"]  # type: ignore[no-any-return]


def _watch(request: Request) -> JobWatch:
    """This process's watch, made when the first one watches."""
    state = request.app.state
    if not hasattr(state, "job_watch"):
        state.job_watch = JobWatch(parts(request).store)
    return state.job_watch  # type: ignore[no-any-return]


async def _goes_on(request: Request) -> bool:
    """Whether the gateway is not stopping and the key is still good."""
    try:
        await parts(request).door.callers.identify(request.scope["headers"])
    except Unauthorized:
        return False
    except StoreUnavailable:
        pass  # nobody can tell, and it was good before
    return not parts(request).health.draining


def _nothing() -> None:
    """There is nothing to let go of."""
