"""Which jobs are to be sent once the transaction is committed?

Sending only wakes a worker up early. A job that could not be sent is found by a worker's sweeper seconds later, so a Redis
that is down delays jobs and loses none.
"""

import asyncio
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.jobs.job import Job
from rfid3_shared.jobs.lanes import BATCH
from rfid3_shared.jobs.requests import enqueue
from rfid3_shared.log import get_logger

if TYPE_CHECKING:
    from redis.asyncio import Redis

REDIS_FAULTS = (RedisError, OSError, asyncio.TimeoutError)
SEND_TIMEOUT_S = 1.0
log = get_logger("jobs.outbox")


class Outbox:
    """Job ids collected during one transaction; without Redis they are left to the sweeper."""

    def __init__(self, redis: "Redis | None") -> None:
        self._redis = redis
        self._waiting: list[Job] = []

    def add(self, job: Job) -> None:
        """Remember a job of this transaction."""
        self._waiting.append(job)

    async def send(self) -> None:
        """Send what was added; call it after the commit. Never raises: what cannot be sent is logged."""
        waiting, self._waiting = self._waiting, []
        if not waiting or self._redis is None:
            return
        from rfid3_shared.jobs.queue import send  # imports arq, which most processes never need

        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                for job in waiting:
                    await send(self._redis, job.service, job.id, lane=job.lane)
        except REDIS_FAULTS as fault:
            log.warning("jobs_not_sent", jobs=[job.id for job in waiting], fault=type(fault).__name__)


async def enqueue_and_send(
    engine: AsyncEngine, redis: "Redis | None", clock: Clock, *, service: str, kind: str, arguments: dict[str, Any],
    requested_by: str, idempotency_key: str | None = None, alone: bool = True, lane: str = BATCH,
) -> Job:  # fmt: skip
    """Ask for a job in a transaction of its own, for those who are in none; what `enqueue` gives and raises."""
    outbox = Outbox(redis)
    async with transaction(engine) as connection:
        job = await enqueue(
            connection, service=service, kind=kind, arguments=arguments, requested_by=requested_by,
            idempotency_key=idempotency_key, clock=clock, alone=alone, lane=lane,
        )  # fmt: skip
        outbox.add(job)
    await outbox.send()
    return job
