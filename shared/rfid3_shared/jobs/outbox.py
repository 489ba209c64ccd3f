"""Which jobs are to be sent once the transaction is committed?

Sending only wakes a worker up early. A job that could not be sent is found by a worker's sweeper seconds later, so a Redis
that is down delays jobs and loses none.
"""

import asyncio
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

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
        self._waiting: list[tuple[str, str]] = []

    def add(self, job_id: str, service: str) -> None:
        """Remember a job of this transaction."""
        self._waiting.append((job_id, service))

    async def send(self) -> None:
        """Send what was added; call it after the commit. Never raises: what cannot be sent is logged."""
        waiting, self._waiting = self._waiting, []
        if not waiting or self._redis is None:
            return
        from rfid3_shared.jobs.queue import send  # imports arq, which most processes never need

        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                for job_id, service in waiting:
                    await send(self._redis, service, job_id)
        except REDIS_FAULTS as fault:
            log.warning("jobs_not_sent", jobs=[job_id for job_id, _ in waiting], fault=type(fault).__name__)
