"""How does a job's id reach a worker? Through arq's queue of the service and lane, as JSON; nothing else travels.

A delivery is a hint: the worker takes a lease on the row or forgets the hint. Sending the same attempt twice leaves one
entry; a second entry would be harmless.
"""

from typing import Any, cast

import orjson
from arq.connections import ArqRedis
from redis.asyncio import Redis

from rfid3_shared.jobs.lanes import BATCH

DELIVERY = "run_job"
"""Name under which a worker's arq registers the receiving function."""


def queue_name(service: str, lane: str = BATCH) -> str:
    """The Redis key of a service's queue for a lane."""
    return f"rfid3:jobs:{service}" if lane == BATCH else f"rfid3:jobs:{service}:{lane}"


def encode(value: dict[str, Any]) -> bytes:
    """arq's envelope as JSON; arq's default, pickle, would run whatever somebody writes into Redis."""
    return orjson.dumps(value, default=str)


def decode(value: bytes) -> dict[str, Any]:
    """arq's envelope from JSON."""
    return cast(dict[str, Any], orjson.loads(value))


async def send(redis: Redis, service: str, job_id: str, attempt: int = 0, lane: str = BATCH) -> None:
    """Put one attempt of a job on its service's queue for the lane, and wake its workers.

    That attempt is there once, however often it is sent.

    The attempt is part of arq's id, so that what a killed worker left behind in Redis cannot hold up the next attempt.
    """
    arq = ArqRedis(redis.connection_pool, job_serializer=encode, job_deserializer=decode)
    await arq.enqueue_job(DELIVERY, job_id, _job_id=f"{job_id}:{attempt}", _queue_name=queue_name(service, lane))
    # a worker polls as well, but half a poll's interval would be most of a short job's time
    await redis.publish(queue_name(service, lane), b"")
