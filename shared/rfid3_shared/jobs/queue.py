"""How does a job's id reach a worker? Through arq's queue of the service, as JSON; nothing else travels.

A delivery is a hint: the worker takes a lease on the row or forgets the hint. Sending the same attempt twice leaves one
entry; a second entry would be harmless.
"""

from typing import Any, cast

import orjson
from arq.connections import ArqRedis
from redis.asyncio import Redis

DELIVERY = "run_job"
"""Name under which a worker's arq registers the receiving function."""


def queue_name(service: str) -> str:
    """The Redis key of a service's queue."""
    return f"rfid3:jobs:{service}"


def encode(value: dict[str, Any]) -> bytes:
    """arq's envelope as JSON; arq's default, pickle, would run whatever somebody writes into Redis."""
    return orjson.dumps(value, default=str)


def decode(value: bytes) -> dict[str, Any]:
    """arq's envelope from JSON."""
    return cast(dict[str, Any], orjson.loads(value))


async def send(redis: Redis, service: str, job_id: str, attempt: int = 0) -> None:
    """Put one attempt of a job on its service's queue, and wake its workers; that attempt is there once, however often it is sent.

    The attempt is part of arq's id, so that what a killed worker left behind in Redis cannot hold up the next attempt.
    """
    arq = ArqRedis(redis.connection_pool, job_serializer=encode, job_deserializer=decode)
    await arq.enqueue_job(DELIVERY, job_id, _job_id=f"{job_id}:{attempt}", _queue_name=queue_name(service))
    # a worker polls as well, but half a poll's interval would be most of a short job's time
    await redis.publish(queue_name(service), b"")
