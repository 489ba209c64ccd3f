"""How long does a request wait for the job it has asked for, before it says where the answer will be? And what became of it?"""

import asyncio
from collections.abc import Mapping
from typing import Any, ClassVar

from fastapi import Request
from fastapi.responses import Response

from rfid3_shared.app import answer
from rfid3_shared.db import transaction
from rfid3_shared.errors import AppError, Conflict
from rfid3_shared.jobs import Job, get_job
from rfid3_shared.resources import Resources

LOOK_EVERY_S = (0.05, 0.1, 0.25)
RESERVE_S = 0.3
"""Time kept of the gateway's deadline to send the answer."""


class JobFailed(AppError):
    """The job whose result was asked for failed."""

    code: ClassVar[str] = "SYSTEM_ERROR"


def patience_s(request: Request, deadline_s: float) -> float:
    """Seconds from the request's arrival until it is answered one way or the other: its own deadline, or the gateway's."""
    given = request.headers.get("x-request-deadline-ms", "")
    return min(deadline_s, max(0.1, int(given) / 1000 - RESERVE_S)) if given.isdigit() else deadline_s


async def until_done(held: Resources, job: Job, until_s: float) -> Job:
    """The job when it has ended, or as it is when time is up (on the clock that is never set back)."""
    looks = 0
    while not job.finished and (left_s := until_s - held.clock.monotonic()) > 0:
        await asyncio.sleep(min(left_s, LOOK_EVERY_S[min(looks // 10, len(LOOK_EVERY_S) - 1)]))
        looks += 1
        async with transaction(held.store) as connection:
            job = await get_job(connection, job.id)
    return job


def later(request: Request, job: Job, where: str, meta: Mapping[str, Any]) -> Response:
    """202: the answer is not there yet, and will be at `where`."""
    data = {"job_id": job.id, "state": job.state, "result": where}
    told = answer(request, data, message=f"It is a job: GET {where} for its answer.", meta=meta, status=202)
    told.headers["location"] = where
    return told


def result_of(job: Job, what: str) -> dict[str, Any]:
    """What a finished job gave; what: its result's name in words, `The plan`. Raises Conflict when called off, else JobFailed."""
    if job.state == "cancelled":
        raise Conflict("This job was called off.", job_id=job.id)
    if job.state == "failed" or job.result is None:
        cause = job.error or {}
        raise JobFailed(f"{what} failed: {cause.get('message', 'no reason is known')}", job_id=job.id, cause=cause)
    return job.result
