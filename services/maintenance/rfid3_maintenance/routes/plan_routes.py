"""How is a crew's plan made while somebody waits? By the service's worker, as a job: the solver never runs in this process."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response

from rfid3_maintenance import ranking
from rfid3_maintenance.routes.answering import LoadedSnapshot, SwitchedOn, meta_of
from rfid3_maintenance.schemas.planning import PlanAnswer, PlanRequest
from rfid3_maintenance.settings import PLAN_KIND, SERVICE
from rfid3_shared.answering import Open, Reader
from rfid3_shared.app import answer
from rfid3_shared.db import transaction
from rfid3_shared.envelope import Envelope
from rfid3_shared.errors import NotFound, RateLimited
from rfid3_shared.job_patience import later, patience_s, result_of, until_done
from rfid3_shared.jobs import INTERACTIVE, Job, count_jobs, enqueue_and_send, get_job

router = APIRouter()
MOST_WAITING = 10
DEADLINE_S = 25.0
WHERE = "/api/predictive/maintenance/plan/"
ACCEPTED: dict[int | str, dict[str, Any]] = {
    202: {"model": Envelope[PlanAnswer], "description": "It is a job: its answer will be at `data.result`."}
}


@router.post("/plan", response_model=Envelope[PlanAnswer], dependencies=[SwitchedOn], responses=ACCEPTED)
async def plan(request: Request, wanted: PlanRequest, loaded: LoadedSnapshot, held: Open, caller: Reader) -> Response:
    """A crew's days: which services on which day, within hours, parts and bookings, with its optimality gap.

    Solved by the worker; what takes longer than the deadline, or is asked for with `respond_async`, is a job: 202.
    """
    ranking.within(loaded.snapshot, wanted.equipment_filter)
    async with transaction(held.store) as connection:
        waiting = await count_jobs(connection, service=SERVICE, kind=PLAN_KIND, state="queued")
    if waiting >= MOST_WAITING:
        raise RateLimited(f"{waiting} plans wait already.", retry_after_s=10, waiting=waiting)
    job = await enqueue_and_send(
        held.store, held.redis, held.clock, service=SERVICE, kind=PLAN_KIND, requested_by=caller.key_id, alone=False,
        lane=INTERACTIVE, arguments={"request": wanted.model_dump(mode="json")},
    )  # fmt: skip
    if not wanted.respond_async:
        job = await until_done(held, job, request.scope["state"]["started"] + patience_s(request, DEADLINE_S))
    return _told(request, job, meta_of(request, loaded))


@router.get("/plan/{job_id}", response_model=Envelope[PlanAnswer], dependencies=[SwitchedOn], responses=ACCEPTED)
async def plan_result(request: Request, job_id: Annotated[str, Path(max_length=64)], held: Open, _: Reader) -> Response:
    """The answer of a plan that became a job; 202 while it is not done."""
    async with transaction(held.store) as connection:
        job = await get_job(connection, job_id)
    if (job.service, job.kind) != (SERVICE, PLAN_KIND):
        raise NotFound("No plan has this id.", job_id=job_id)
    loaded = request.app.state.snapshots.loaded
    return _told(request, job, meta_of(request, loaded) if loaded else {})


def _told(request: Request, job: Job, meta: dict[str, Any]) -> Response:
    where = WHERE + job.id
    if not job.finished:
        return later(request, job, where, meta)
    result = result_of(job, "The plan")
    data = {"job_id": job.id, "state": job.state, **result, "result": where}
    return answer(request, data, message=result["text"], meta={**meta, "gap_ratio": result["gap_ratio"]})
