"""How is outside data asked for, and what has it brought? A job of the demand service's worker; nobody here waits longer than told."""

import asyncio
from typing import Any

from sqlalchemy import select

from rfid3_gateway.parts import Parts
from rfid3_shared.db import transaction
from rfid3_shared.errors import Conflict
from rfid3_shared.external.tables import external_fetches
from rfid3_shared.jobs import Job, enqueue_and_send, get_job

SERVICE, KIND = "demand", "external_fetch"
LOOK_EVERY_S = (0.05, 0.1, 0.25)
RESERVE_S = 0.3
"""Time kept of the deadline to read what was stored, and to answer."""


async def fetch(held: Parts, requested_by: str, until_s: float) -> Job:
    """The job that fetches, begun now or by somebody else before, as it is when it has ended or `until_s` (monotonic) has come.

    Raises StoreUnavailable.
    """
    try:
        job = await enqueue_and_send(
            held.store,
            held.redis,
            held.clock,
            service=SERVICE,
            kind=KIND,
            arguments={"providers": []},
            requested_by=requested_by,
        )
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


async def last_fetch(held: Parts) -> list[dict[str, Any]]:
    """What came of the last fetch of each provider: name, state, note, stored, last_success_at; by name. Raises StoreUnavailable."""
    async with transaction(held.store) as connection:
        rows = (await connection.execute(select(external_fetches).order_by(external_fetches.c.provider))).mappings().all()
    return [
        {
            "provider": row["provider"], "state": row["state"], "note": row["note"], "stored": int(row["stored"]),
            "last_success_at": f"{row['last_success_at'].isoformat(timespec='seconds')}Z" if row["last_success_at"] else None,
        }
        for row in rows
    ]  # fmt: skip
