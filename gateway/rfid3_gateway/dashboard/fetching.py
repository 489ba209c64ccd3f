"""How is outside data asked for, and what has it brought? A job of the demand service's worker; nobody here waits longer than told."""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from rfid3_gateway.parts import Parts
from rfid3_shared.db import transaction
from rfid3_shared.errors import Conflict, FeatureDisabled
from rfid3_shared.external.tables import external_fetches
from rfid3_shared.jobs import INTERACTIVE, Job, enqueue_and_send, get_job

SERVICE, KIND, COMPARING_KIND = "demand", "external_fetch", "correlate"
LOOK_EVERY_S = (0.05, 0.1, 0.25)
RESERVE_S = 0.3
"""Time kept of the deadline to read what was stored, and to answer."""


async def fetch(held: Parts, requested_by: str, until_s: float) -> Job:
    """The job that fetches, begun now or by somebody else before, as it is when it has ended or `until_s` (monotonic) has come.

    Raises StoreUnavailable.
    """
    try:
        job = await enqueue_and_send(
            held.store, held.redis, held.clock, service=SERVICE, kind=KIND, arguments={"providers": []}, requested_by=requested_by,
            lane=INTERACTIVE,
        )  # fmt: skip
        job_id = job.id
    except Conflict as under_way:
        if "job_id" not in under_way.details:
            raise
        job_id = str(under_way.details["job_id"])
    looks = 0
    while True:
        async with transaction(held.store) as connection:
            job = await get_job(connection, job_id)
        left_s = until_s - held.clock.monotonic()
        if job.finished or left_s <= 0:
            return job
        await asyncio.sleep(min(left_s, LOOK_EVERY_S[min(looks // 10, len(LOOK_EVERY_S) - 1)]))
        looks += 1


async def told(held: Parts, job: Job) -> tuple[int, list[dict[str, Any]]]:
    """Values stored, and what came of each provider: by this job when it has ended, else by the last fetch that did.

    Raises FeatureDisabled when the worker found outside data switched off, StoreUnavailable.
    """
    if job.finished and job.result is not None:
        if "skipped" in job.result:
            raise FeatureDisabled(f"Nothing was fetched: {job.result['skipped']}")
        return int(job.result["total_stored"]), [_provider(one, one["last_success_at"]) for one in job.result["providers"]]
    async with transaction(held.store) as connection:
        rows = (await connection.execute(select(external_fetches).order_by(external_fetches.c.provider))).mappings().all()
    known = [_provider(dict(row), row["last_success_at"] and row["last_success_at"].isoformat()) for row in rows]
    return sum(one["stored"] for one in known), known


async def compare_anew(held: Parts, requested_by: str) -> None:
    """Have what is new held against demand, unless that is under way."""
    with contextlib.suppress(Conflict):
        await enqueue_and_send(
            held.store, held.redis, held.clock, service=SERVICE, kind=COMPARING_KIND, arguments={}, requested_by=requested_by
        )


def _provider(row: Mapping[str, Any], last_success_at: str | None) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("provider", "state", "note", "stored")},
        "last_success_at": f"{last_success_at[:19]}Z" if last_success_at else None,
    }
