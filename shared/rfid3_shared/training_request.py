"""How is a training run asked for over HTTP? It is a job: the answer is its id, and when such runs usually end."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import Depends, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.answering import switched_on
from rfid3_shared.auth import Caller
from rfid3_shared.deps import get_outbox, get_tx, require
from rfid3_shared.flags import Flag
from rfid3_shared.jobs import Job, Outbox, enqueue, prediction_jobs

TRAIN_KIND = "train"
Trainer = Annotated[Caller, Depends(require("train"))]
AfterCommit = Annotated[Outbox, Depends(get_outbox, scope="function")]
Transaction = Annotated[AsyncConnection, Depends(get_tx, scope="function")]


def training_allowed(service: str) -> Any:
    """A dependency: the service and training are both switched on. Raises FeatureDisabled."""
    return switched_on(service, Flag.MODEL_TRAINING)


async def ask_for_training(
    request: Request, service: str, arguments: Mapping[str, Any], caller: Caller, outbox: Outbox, connection: AsyncConnection
) -> tuple[Job, datetime | None]:
    """The training job, and when it is likely to be done (None before the first run).

    Raises Conflict while one is queued or running.
    """
    clock = request.app.state.resources.clock
    given = request.headers.get("idempotency-key")
    job = await enqueue(
        connection, service=service, kind=TRAIN_KIND, arguments=dict(arguments), requested_by=caller.key_id, clock=clock,
        idempotency_key=f"{caller.key_id}/{given}" if given else None,
    )  # fmt: skip
    outbox.add(job)
    usual_s = await usual_training_seconds(connection, service)
    return job, None if usual_s is None else clock.now() + timedelta(seconds=usual_s)


async def usual_training_seconds(connection: AsyncConnection, service: str, runs: int = 5) -> float | None:
    """Median duration of the service's last successful training runs; None before the first."""
    jobs = prediction_jobs.c
    query = (
        select(jobs.started_at, jobs.finished_at)
        .where(jobs.service == service, jobs.kind == TRAIN_KIND, jobs.state == "succeeded", jobs.finished_at.is_not(None))
        .order_by(jobs.finished_at.desc())
        .limit(runs)
    )
    spans = sorted((finished - started).total_seconds() for started, finished in await connection.execute(query) if started)
    return spans[len(spans) // 2] if spans else None
