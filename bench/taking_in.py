"""How long from a posted event to its feature where the serving path reads it, and what does that cost?

`python -m bench.taking_in [--items 5000] [--months 24] [--rate 50] [--seconds 30]`. A demo company, Redis, and the worker's duty in a
process of its own; scans of tags of the item master are posted at the rate, in batches of five. The latency is from the receipt to the
moment at which one MGET says that the event has been taken in. The floor beside it is what no reader can beat: a receipt and an MGET
in turn, with nothing computed. CPU and memory are of the worker's process, while events come and while none do.
"""

import argparse
import asyncio
import contextlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import select

from bench.servers import free_port, redis_server, stop
from rfid3_demand.present.definitions import LIVE
from rfid3_demand.settings import DemandSettings
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine
from rfid3_shared.events.intake import take_in
from rfid3_shared.feature_store.online import OnlineFeatures
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.resources import open_redis
from rfid3_shared.source.tables import items
from rfid3_shared.twin.build import create

BATCH = 5
LOOK_S = 0.01


async def work() -> None:
    """The duty alone, as the worker runs it."""
    from rfid3_demand.taking_in.duty import DUTY
    from rfid3_shared.jobs.duties import Held

    settings = DemandSettings()
    store = open_engine(settings.store_dsn)
    with contextlib.suppress(asyncio.CancelledError):
        await DUTY.run(Held(store, open_redis(settings.redis_dsn), Clock(settings.time_zone), settings))


async def measured(settings: DemandSettings, process: psutil.Process, rate: float, seconds: float) -> dict[str, float]:
    """Latencies in seconds, share of a core and MiB of the worker."""
    source, store = open_engine(settings.source_dsn, read_only=True), open_engine(settings.store_dsn)
    redis, clock = open_redis(settings.redis_dsn), Clock(settings.time_zone)
    online = OnlineFeatures(redis, LIVE, clock)
    async with source.connect() as connection:
        query = select(items.c.tag_id).where(items.c.rental_class_num.is_not(None))
        tags = [row[0] for row in await connection.execute(query)]
    began = time.perf_counter()
    while (await online.read([])).taken_in is None:
        await asyncio.sleep(LOOK_S)
    first_s = time.perf_counter() - began
    await asyncio.sleep(3)
    idle = await share(process, 10.0)
    floors, latencies = list[float](), list[float]()
    waiting: dict[int, float] = {}

    async def watch() -> None:
        while True:
            taken_in = (await online.read([])).taken_in
            now = time.perf_counter()
            there = [seq for seq in waiting if taken_in and seq <= taken_in.seq]
            latencies.extend(now - waiting.pop(seq) for seq in there)
            await asyncio.sleep(LOOK_S)

    watching = asyncio.create_task(watch())
    drawn, begun, cpu = random.Random(1), time.perf_counter(), sum(process.cpu_times()[:2])
    for number in range(int(rate * seconds / BATCH)):
        await asyncio.sleep(max(0.0, begun + number * BATCH / rate - time.perf_counter()))
        at = clock.now().isoformat()
        kinds = drawn.choices(("Rental", "Return"), k=BATCH)
        rows: list[Any] = [
            {"event_id": f"b{number}-{n}", "tag_id": tag, "scan_type": kind, "occurred_at": at, "contract_number": f"9{number:06d}"}
            for n, (tag, kind) in enumerate(zip(drawn.sample(tags, BATCH), kinds, strict=True))
        ]  # fmt: skip
        asked = time.perf_counter()
        receipt = await take_in(store, source, redis, clock, rows, "http")
        await online.read([])
        floors.append(time.perf_counter() - asked)
        waiting[receipt.last_seq] = time.perf_counter()
    elapsed, used = time.perf_counter() - begun, sum(process.cpu_times()[:2]) - cpu
    until = time.perf_counter() + 10
    while waiting and time.perf_counter() < until:
        await asyncio.sleep(LOOK_S)
    watching.cancel()
    missing = len(waiting)
    await asyncio.gather(watching, return_exceptions=True)
    await redis.aclose()
    for engine in (source, store):
        await engine.dispose()
    cuts = statistics.quantiles(latencies, n=100)
    return {
        "first publication s": first_s, "latency p50 s": cuts[49], "latency p95 s": cuts[94], "latency max s": max(latencies),
        "never taken in": missing, "floor: post and read p50 s": statistics.median(floors), "worker's core, events coming": used / elapsed,
        "worker's core, nothing happens": idle, "worker's memory MiB": process.memory_info().rss / 2**20,
    }  # fmt: skip


async def share(process: psutil.Process, seconds: float) -> float:
    """Share of one core that the process uses."""
    before = sum(process.cpu_times()[:2])
    await asyncio.sleep(seconds)
    return float((sum(process.cpu_times()[:2]) - before) / seconds)


async def company(dsn: str, folder: Path, count: int, months: int) -> None:
    """The demo company and a store."""
    engine = open_engine(dsn)
    await create(engine, folder / "truth.db", items=count, months=months, seed=1, end=Clock().today())
    await ensure_schema(engine)
    await engine.dispose()


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name, default in (("items", 5000), ("months", 24), ("rate", 50), ("seconds", 30)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--work", action="store_true", help=argparse.SUPPRESS)
    wanted = parser.parse_args()
    if wanted.work:
        asyncio.run(work())
        return
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, port = Path(name), free_port()
        redis = redis_server(port)
        stack.callback(stop, redis)
        environment = {"RFID3_HOME": name, "RFID3_REDIS_URL": f"redis://127.0.0.1:{port}/0"}
        os.environ.update(environment)
        settings = DemandSettings()
        asyncio.run(company(settings.source_dsn, folder, wanted.items, wanted.months))
        worker = subprocess.Popen([sys.executable, "-m", "bench.taking_in", "--work"])
        stack.callback(worker.wait)
        stack.callback(worker.kill)
        figures = asyncio.run(measured(settings, psutil.Process(worker.pid), wanted.rate, wanted.seconds))
    for label, figure in figures.items():
        print(f"{label:35}{figure:10.3f}")


if __name__ == "__main__":
    main()
