"""What do the demand service's larger answers cost? 1,000 forecasts in a batch, a series, a page of series, a picture.

`python -m bench.demand_views [--requests 30]`. A small demo company is trained and served by a process of its own; questions come one
after the other, each a new one unless `again`. CPU is what that process used. `beside` is a plain forecast while batches are answered.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from bench.forecast_endpoint import train_demo
from bench.gateway import cpu_s, make_key
from bench.servers import free_port, python_server, redis_server, start, stop
from rfid3_demand.settings import DemandSettings

DEMAND = "/api/predictive/demand"
BATCH = 1000
Request = tuple[str, str, Any]
"""Method, path and body."""


@dataclass
class Cost:
    """Seconds of each answer, and of CPU for all of them."""

    spans: list[float] = field(default_factory=list)
    cpu: float = 0.0

    def told(self) -> str:
        """One line of figures."""
        p99 = sorted(self.spans)[min(len(self.spans) - 1, round(0.99 * len(self.spans)))]
        cpu = f"  CPU {self.cpu / len(self.spans) * 1e3:8.2f} ms" if self.cpu else ""
        return f"p50 {statistics.median(self.spans) * 1e3:8.2f} ms  p99 {p99 * 1e3:8.2f} ms{cpu}"


@contextmanager
def served(folder: Path) -> Iterator[tuple[Any, str]]:
    """The demand service as a process, and its URL."""
    ports = {name: free_port() for name in ("redis", "demand")}
    shared = {
        "RFID3_HOME": str(folder), "RFID3_REDIS_URL": f"redis://127.0.0.1:{ports['redis']}/0", "OPENBLAS_NUM_THREADS": "1",
    }  # fmt: skip
    with ExitStack() as stack:
        redis = redis_server(ports["redis"])
        stack.callback(stop, redis)
        start(redis, ports["redis"])
        demand = python_server("rfid3_demand.app:app", ports["demand"], shared)
        stack.callback(stop, demand)
        start(demand, ports["demand"])
        yield demand, f"http://127.0.0.1:{ports['demand']}"


def questions(classes: list[str]) -> dict[str, Callable[[], Request]]:
    """By name, what gives the next request of that kind."""
    numbers = count()

    def new() -> str:
        return f"{0.5 + (next(numbers) % 480_000) * 1e-6:.6f}"

    def batch() -> Request:
        level = float(new())
        queries = [
            {"key": k, "weeks": 4, "confidence_level": level, "rental_class": classes[k % len(classes)]} for k in range(BATCH)
        ]
        return "POST", f"{DEMAND}/forecast/batch", {"queries": queries}

    return {
        "forecast": lambda: ("GET", f"{DEMAND}/forecast?weeks=4&confidence_level={new()}", None),
        f"batch of {BATCH}": batch,
        "series": lambda: ("GET", f"{DEMAND}/series?weeks=8&confidence_level={new()}", None),
        "series again": lambda: ("GET", f"{DEMAND}/series?weeks=8", None),
        "page of series": lambda: ("GET", f"{DEMAND}/series?level=class&confidence_level={new()}", None),
        "picture": lambda: ("GET", f"{DEMAND}/forecast.png?confidence_level={new()}", None),
        "picture again": lambda: ("GET", f"{DEMAND}/forecast.png", None),
    }


async def ask(session: aiohttp.ClientSession, request: Request, cost: Cost) -> bytes:
    """Ask once and note how long it took; any status but 200 ends the run."""
    method, path, body = request
    begun = time.perf_counter()
    async with session.request(method, path, json=body) as reply:
        said = await reply.read()
        if reply.status != 200:
            raise SystemExit(f"{path} answered {reply.status}: {said[:300]!r}")
    cost.spans.append(time.perf_counter() - begun)
    return said


@asynccontextmanager
async def busy(session: aiohttp.ClientSession, make: Callable[[], Request]) -> AsyncIterator[None]:
    """Ask this again and again while the block lasts."""

    async def for_ever() -> None:
        while True:
            await ask(session, make(), Cost())

    task = asyncio.create_task(for_ever())
    yield
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def measure(base: str, key: str, process: Any, requests: int) -> None:
    """Ask every kind of question and print what it cost."""
    async with aiohttp.ClientSession(base, headers={"X-API-Key": key}, timeout=aiohttp.ClientTimeout(120)) as session:
        page = await ask(session, ("GET", f"{DEMAND}/series?level=class&limit=200", None), Cost())
        kinds = questions([item["name"] for item in orjson.loads(page)["data"]["items"]])
        for name, make in kinds.items():
            await ask(session, make(), Cost())  # what is loaded at the first one is not counted
            cost, before = Cost(), cpu_s(process)
            for _ in range(requests):
                await ask(session, make(), cost)
            cost.cpu = cpu_s(process) - before
            print(f"{name:16} {cost.told()}", flush=True)
        beside = Cost()
        async with busy(session, kinds[f"batch of {BATCH}"]):
            for _ in range(requests * 5):
                await ask(session, kinds["forecast"](), beside)
        print(f"{'beside':16} {beside.told()}", flush=True)


def main() -> None:
    """Train, serve, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=30)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        settings = DemandSettings(home=Path(name), redis_url="redis://127.0.0.1:1/0", demand_horizon_weeks=13)
        asyncio.run(train_demo(settings, Path(name)))
        key = asyncio.run(make_key(settings.store_dsn))
        with served(Path(name)) as (process, base):
            asyncio.run(measure(base, key, process, chosen.requests))


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
