"""How soon does a scan move the forecast? Seconds from posting an event to an answer that rests on it, at 50 events a second.

`python -m bench.event_latency [--seconds 30] [--rate 50]`. A demo company on its own home, everything through the gateway: batches
are posted five times a second while another client asks again and again for the forecast of a class, and an event counts as taken
in by the first answer whose `meta.features.seq` has reached its number. Beside it stands what there was before: a refresh of the
model, which is what moved forecasts, once a night.
"""

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

import aiohttp
import psutil
from sqlalchemy import func, select

from bench.processes import running, wait_until
from bench.servers import free_port
from rfid3_deploy.sockets import status_of
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.errors import InsufficientData
from rfid3_shared.source.tables import items
from rfid3_shared.twin import busy_day

BIN = Path(sys.executable).parent
POSTS_PER_S, GOAL_P95_S = 5, 5.0
EVENTS, FORECAST = "/api/predictive/events", "/api/predictive/demand/forecast"


async def scans(home: Path, count: int) -> list[dict[str, Any]]:
    """That many scans of different units that stand ready, of many classes, mixed."""
    engine = open_engine(f"sqlite:///{home / 'rfid3.db'}", read_only=True)
    found: list[list[dict[str, Any]]] = []
    async with transaction(engine) as connection:
        query = select(items.c.rental_class_num).where(items.c.rental_class_num.is_not(None)).group_by(items.c.rental_class_num)
        for (rental_class,) in (await connection.execute(query.order_by(func.count().desc()))).all():
            try:
                day = await busy_day.plan(connection, Clock(), rental_class=rental_class, units=10_000)
            except InsufficientData:
                continue
            found.append(list(day.events()))
    await engine.dispose()
    mixed = [each[at] for at in range(max(map(len, found))) for each in found if at < len(each)]
    return list(islice(mixed, count))


async def measure(base: str, key: str, events: list[dict[str, Any]], rate: int) -> tuple[list[float], list[float]]:
    """Seconds until each batch was in an answer, and seconds each post took."""
    headers, size = {"X-API-Key": key}, rate // POSTS_PER_S
    waiting: list[tuple[int, float]] = []
    taken_in_s: list[float] = []
    posted_s: list[float] = []
    done = asyncio.Event()

    async def ask(session: aiohttp.ClientSession) -> None:
        asked = {"rental_class": events[0]["rental_class"], "weeks": "1"}
        while not (done.is_set() and not waiting):
            async with session.get(base + FORECAST, params=asked, headers=headers) as reply:
                body = await reply.json()
            seq = (body["meta"].get("features") or {}).get("seq") or 0
            now = time.perf_counter()
            taken_in_s.extend(now - at for number, at in waiting if number <= seq)
            waiting[:] = [pair for pair in waiting if pair[0] > seq]
            await asyncio.sleep(0.05)

    async with aiohttp.ClientSession() as session:
        asking = asyncio.create_task(ask(session))
        begun = time.perf_counter()
        for number, first in enumerate(range(0, len(events), size)):
            await asyncio.sleep(max(0.0, begun + number / POSTS_PER_S - time.perf_counter()))
            at = time.perf_counter()
            async with session.post(base + EVENTS, json=events[first : first + size], headers=headers) as reply:
                body = await reply.json()
                if reply.status != 200 or body["data"]["refused_count"]:
                    raise SystemExit(f"events were answered {reply.status}: {body}")
            posted_s.append(time.perf_counter() - at)
            waiting.append((body["data"]["last_seq"], at))
        done.set()
        async with asyncio.timeout(60):
            await asking
    return taken_in_s, posted_s


def suite_cpu_s(parent: psutil.Process) -> float:
    """CPU seconds of all processes of the suite."""
    return sum(sum(each.cpu_times()[:2]) for each in (parent, *parent.children(recursive=True)))


def main() -> int:
    """Print the latencies and how much CPU the suite used; 1 when the goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--rate", type=int, default=50, help="events a second")
    parser.add_argument("--items", type=int, default=5000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="rfid3-bench-") as folder:
        home, port = Path(folder), free_port()
        environment = {
            **os.environ, "RFID3_HOME": folder, "RFID3_PORT": str(port), "RFID3_RATE_REALTIME_PER_MIN": "1000000",
            "RFID3_RATE_EVENTS_PER_MIN": "1000000",
        }  # fmt: skip
        with running([str(BIN / "rfid3"), "up", "--items", str(asked.items), "--months", "14"], environment) as parent:
            wait_until(lambda: status_of(port, "/ready") == 200)
            key = (home / "demo.key").read_text().strip()
            events = asyncio.run(scans(home, asked.seconds * asked.rate))
            before, begun = suite_cpu_s(parent), time.perf_counter()
            taken_in_s, posted_s = asyncio.run(measure(f"http://127.0.0.1:{port}", key, events, asked.rate))
            used = (suite_cpu_s(parent) - before) / (time.perf_counter() - begun)
            begun = time.perf_counter()
            subprocess.run(
                [str(BIN / "rfid3"), "train", "demand"],
                env=environment,
                check=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            retrained_s = time.perf_counter() - begun
    cuts = statistics.quantiles(taken_in_s, n=100)
    print(
        f"{len(events)} scans in batches of {asked.rate // POSTS_PER_S}, {asked.rate} a second, {asked.items} units, through the gateway"
    )
    print(f"  event → updated forecast   p50 {cuts[49]:.2f} s   p95 {cuts[94]:.2f} s   longest {max(taken_in_s):.2f} s")
    print(
        f"  one post                   p50 {1000 * statistics.median(posted_s):.0f} ms   longest {1000 * max(posted_s):.0f} ms"
    )
    print(f"  CPU of the whole suite     {used:.0%} of a core, the client's questions included")
    print(f"  before: a training run     {retrained_s:.0f} s, once a night (nightly batch elsewhere)")
    print(f"goal: p95 ≤ {GOAL_P95_S:.0f} s")
    return int(cuts[94] > GOAL_P95_S)


if __name__ == "__main__":
    sys.exit(main())
