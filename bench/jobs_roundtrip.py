"""How long does a job that does nothing take from request to result, and what does an idle worker cost? Beside plain arq.

`python -m bench.jobs_roundtrip [--jobs 100] [--store URL]`. Ours: a row is written and committed, sent, leased, run in a process of
its own and its result read from the row; the process is forked from the nursery (as `rfid3 up` and as arq's command start one) or
started cold. Plain arq: a function in the worker's own process, no row, the result read from Redis; same poll interval.
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
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from redis.asyncio import Redis

from bench.no_op import arq_no_op
from bench.servers import free_port, redis_server, start
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.jobs import Outbox, enqueue, get_job
from rfid3_shared.log import configure_logging
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.settings import Settings

GOAL_P50_MS, IDLE_S = 50.0, 10.0
LOOK_S = 0.002
WORKERS = {
    "forked": "warm, nursery forked from the worker", "spawned": "warm, nursery of its own", "cold": "cold start", "arq": "plain arq",
}  # fmt: skip
COLD_SHARE = 5
"""A cold start is measured on a fifth of the jobs: it takes that much longer, and varies less."""


def work(which: str) -> None:
    """Be the worker."""
    settings = Settings()
    if which != "arq":
        from rfid3_shared.jobs.nursery import Nursery
        from rfid3_shared.jobs.worker import run_worker

        nursery = {"forked": Nursery.fork, "spawned": Nursery.spawn, "cold": Nursery}[which]()
        asyncio.run(run_worker(settings, service="bench", kinds={"no_op": "bench.no_op:no_op"}, nursery=nursery))
        return
    from arq.connections import RedisSettings
    from arq.worker import Worker

    asyncio.set_event_loop(asyncio.new_event_loop())
    poll_s = settings.job_poll_ms / 1000
    functions: list[Any] = [arq_no_op]
    Worker(functions, redis_settings=RedisSettings.from_dsn(settings.redis_dsn), poll_delay=poll_s).run()


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
    await ensure_schema(engine)

    async def one() -> None:
        outbox = Outbox(redis)
        async with transaction(engine) as connection:
            job = await enqueue(connection, service="bench", kind="no_op", arguments={}, requested_by="bench", clock=clock)
            outbox.add(job)
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


@dataclass(frozen=True)
class Idle:
    """What a worker without work takes, its nursery included: share of a core in per cent; MB, shared pages counted once."""

    cpu: float
    worker_mb: float
    nursery_mb: float


def idle(worker: psutil.Process) -> Idle:
    """Watch a worker and its nursery for ten seconds."""
    nursery = worker.children()
    before = sum(map(spent_s, (worker, *nursery)))
    time.sleep(IDLE_S)
    after = sum(map(spent_s, (worker, *nursery)))
    worker_mb, *nursery_mb = [each.memory_full_info().pss / 2**20 for each in (worker, *nursery)]
    return Idle((after - before) / IDLE_S * 100, worker_mb, sum(nursery_mb))


def spent_s(process: psutil.Process) -> float:
    """Processor seconds of a process so far."""
    times = process.cpu_times()
    return float(times.user + times.system)


def measure(which: str, count: int, settings: Settings, environment: dict[str, str]) -> None:
    """One kind of worker: print its round trips, then what it takes while idle."""
    with worker(which, environment) as process:
        spans = asyncio.run(plain_arq(count, settings) if which == "arq" else ours(count, settings))
        rest = idle(process)
    p95 = statistics.quantiles(spans, n=20)[-1]
    goal = f"  (goal p50 {GOAL_P50_MS:.0f} ms)" if which in ("forked", "spawned") else ""
    nursery = f" + nursery {rest.nursery_mb:4.1f} MB" if rest.nursery_mb else ""
    print(
        f"jobs {WORKERS[which]:36} no-op p50 {statistics.median(spans):6.1f} ms  p95 {p95:6.1f} ms{goal}  "
        f"idle {rest.cpu:4.1f} % of a core, worker {rest.worker_mb:4.1f} MB{nursery}",
        flush=True,
    )


def main() -> None:
    """Measure each kind of worker and print them side by side."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100)
    parser.add_argument("--store", help="URL of an empty MariaDB database instead of an SQLite file")
    parser.add_argument("--only", choices=WORKERS, action="append")
    parser.add_argument("--work", choices=WORKERS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.work:
        work(chosen.work)
        return
    configure_logging("bench", "WARNING")
    port = free_port()
    redis = redis_server(port)
    try:
        start(redis, port)
        with tempfile.TemporaryDirectory() as folder:
            url, store = f"redis://127.0.0.1:{port}/0", chosen.store or f"sqlite:///{Path(folder) / 'store.db'}"
            environment = {"RFID3_REDIS_URL": url, "RFID3_STORE_URL": store, "RFID3_HOME": folder}
            settings = Settings(redis_url=url, store_url=store, home=Path(folder))
            for which in chosen.only or WORKERS:
                measure(which, max(5, chosen.jobs // COLD_SHARE) if which == "cold" else chosen.jobs, settings, environment)
    finally:
        redis.terminate()
        redis.wait(10)


if __name__ == "__main__":
    main()
