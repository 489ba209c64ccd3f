"""How long does a job that does nothing take from request to result, and what does an idle worker cost? Beside plain arq.

`python -m bench.jobs_roundtrip [--jobs 20]`. Ours: a row is written and committed, sent, leased, run in a process of its own and its
result read from the row. Plain arq: a function in the worker's own process, no row, the result read from Redis; same poll interval.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from redis.asyncio import Redis

from bench.servers import free_port, redis_server, start
from rfid3_shared.clock import Clock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction
from rfid3_shared.jobs import Outbox, Progress, enqueue, get_job
from rfid3_shared.settings import Settings

GOAL_P50_MS, IDLE_S, POLL_S = 50.0, 5.0, 0.05
LOOK_S = 0.002


async def no_op(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Our job that does nothing."""
    return {}


async def arq_no_op(context: dict[str, Any]) -> None:
    """arq's job that does nothing."""


def work(which: str) -> None:
    """Be the worker."""
    settings = Settings()
    if which == "ours":
        from rfid3_shared.jobs.worker import run_worker

        asyncio.run(run_worker(settings, service="bench", kinds={"no_op": "bench.jobs_roundtrip:no_op"}))
        return
    from arq.connections import RedisSettings
    from arq.worker import Worker

    asyncio.set_event_loop(asyncio.new_event_loop())
    Worker([arq_no_op], redis_settings=RedisSettings.from_dsn(settings.redis_dsn), poll_delay=POLL_S).run()


@contextmanager
def worker(which: str, environment: dict[str, str]) -> Iterator[psutil.Process]:
    """A worker process, while the block lasts."""
    command = [sys.executable, "-m", "bench.jobs_roundtrip", "--work", which]
    process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(20)


async def timed(count: int, one: Callable[[], Awaitable[None]]) -> list[float]:
    """Milliseconds of each of `count` rounds, after one that is not counted."""
    await one()
    spans = []
    for _ in range(count):
        begun = time.perf_counter()
        await one()
        spans.append((time.perf_counter() - begun) * 1000)
    return spans


async def ours(count: int, settings: Settings) -> list[float]:
    """Rounds through row, outbox, lease and process."""
    engine, clock = open_engine(settings.store_dsn), Clock()
    await create_tables(engine, store_metadata)

    async def one() -> None:
        outbox = Outbox(redis)
        async with transaction(engine) as connection:
            job = await enqueue(connection, service="bench", kind="no_op", arguments={}, requested_by="bench", clock=clock)
            outbox.add(job.id, "bench")
        await outbox.send()
        while not job.finished:
            await asyncio.sleep(LOOK_S)
            async with transaction(engine) as connection:
                job = await get_job(connection, job.id)
        if job.state != "succeeded":
            raise RuntimeError(f"the job has {job.state}")

    async with Redis.from_url(settings.redis_dsn) as redis:
        spans = await timed(count, one)
    await engine.dispose()
    return spans


async def plain_arq(count: int, settings: Settings) -> list[float]:
    """Rounds through arq alone."""
    from arq import create_pool
    from arq.connections import RedisSettings

    pool = await create_pool(RedisSettings.from_dsn(settings.redis_dsn))

    async def one() -> None:
        job = await pool.enqueue_job("arq_no_op")
        if job is not None:
            await job.result(poll_delay=LOOK_S)

    spans = await timed(count, one)
    await pool.aclose()
    return spans


def idle(process: psutil.Process) -> tuple[float, float]:
    """Share of a core and MB (proportional) that a worker without work takes."""
    before = process.cpu_times()
    time.sleep(IDLE_S)
    after = process.cpu_times()
    spent = after.user + after.system - before.user - before.system
    return spent / IDLE_S * 100, process.memory_full_info().pss / 2**20


def main() -> None:
    """Measure both and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=20)
    parser.add_argument("--work", choices=("ours", "arq"), help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.work:
        work(chosen.work)
        return
    port = free_port()
    redis = redis_server(port)
    try:
        start(redis, port)
        with tempfile.TemporaryDirectory() as folder:
            url, store = f"redis://127.0.0.1:{port}/0", f"sqlite:///{Path(folder) / 'store.db'}"
            environment = {"RFID3_REDIS_URL": url, "RFID3_STORE_URL": store, "RFID3_HOME": folder}
            settings = Settings(redis_url=url, store_url=store, home=Path(folder))  # type: ignore[arg-type]
            for name, rounds in (("ours", ours), ("arq", plain_arq)):
                with worker(name, environment) as process:
                    spans = asyncio.run(rounds(chosen.jobs, settings))
                    cpu, pss = idle(process)
                print(
                    f"jobs {name:5} no-op p50 {statistics.median(spans):7.1f} ms  slowest {max(spans):7.1f} ms  "
                    f"idle worker {cpu:4.1f} % of a core, {pss:5.1f} MB"
                    + (f"  (goal p50 {GOAL_P50_MS:.0f} ms)" if name == "ours" else "")
                )
    finally:
        redis.terminate()
        redis.wait(10)


if __name__ == "__main__":
    main()
