"""What tests of jobs do and wait for: ask for one, watch its row, its notes and its processes."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path

import psutil
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.jobs import BATCH, Job, Outbox, enqueue, get_job

PATIENCE_S = 60


async def ask(
    engine: AsyncEngine, redis_url: str, kind: str, lane: str = BATCH, *, alone: bool = True, service: str = "demand",
    **arguments: object,
) -> str:  # fmt: skip
    """Ask for a job as a route does, in a transaction and then through the outbox; its id."""
    async with Redis.from_url(redis_url) as redis:
        outbox = Outbox(redis)
        async with transaction(engine) as connection:
            job = await enqueue(
                connection, service=service, kind=kind, arguments=arguments, requested_by="test", clock=Clock(), lane=lane,
                alone=alone,
            )  # fmt: skip
            outbox.add(job)
        await outbox.send()
    return job.id


async def until(engine: AsyncEngine, job_id: str, holds: Callable[[Job], bool]) -> Job:
    """The job, as soon as this holds of it."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            async with transaction(engine) as connection:
                job = await get_job(connection, job_id)
            if holds(job):
                return job
            await asyncio.sleep(0.02)


async def done(engine: AsyncEngine, job_id: str) -> Job:
    """The job when nothing will happen to it any more."""
    return await until(engine, job_id, lambda job: job.finished)


async def numbers(path: Path, count: int) -> list[int]:
    """The lines the work noted, as soon as there are so many."""
    async with asyncio.timeout(PATIENCE_S):
        while not path.exists() or len(path.read_text().splitlines()) < count:
            await asyncio.sleep(0.02)
    return [int(line) for line in path.read_text().splitlines()]


def below(process_id: int, but: Iterable[int] = ()) -> list[int]:
    """The processes that a process started, and those that they did; without those in `but` and what those started."""
    try:
        children = psutil.Process(process_id).children()
    except psutil.NoSuchProcess:
        return []
    kept = [child.pid for child in children if child.pid not in but]
    return [*kept, *(grandchild for child in kept for grandchild in below(child, but))]


def named_below(process_id: int) -> dict[str, psutil.Process]:
    """The processes below one, by name; those that end while one looks are not among them."""
    found = {}
    for number in below(process_id):
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(number)
            found[process.name()] = process
    return found


async def gone(*process_ids: int) -> None:
    """Return when none of the processes lives any more."""
    async with asyncio.timeout(PATIENCE_S):
        while any(lives(number) for number in process_ids):
            await asyncio.sleep(0.02)


def lives(process_id: int) -> bool:
    """Whether there is such a process, zombies not counted."""
    try:
        return psutil.Process(process_id).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
