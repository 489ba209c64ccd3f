"""What does one forecast cost in CPU? The demand service alone and through the gateway, cached and not, beside FastAPI's constant.

A small demo company is trained, then demand, gateway and a FastAPI route that returns a constant run as processes of their own.
`cached` asks one question again and again; `not cached` never asks the same one twice. Rounds alternate; medians. CPU is what the
named processes used themselves.
"""

import asyncio
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from itertools import count, repeat
from pathlib import Path
from typing import Any

import aiohttp

from bench.gateway import cpu_s, make_key
from bench.servers import PATH, free_port, python_server, redis_server, start, stop
from rfid3_demand import train
from rfid3_demand.settings import DemandSettings
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.flags import MASTER, Flag, set_flag
from rfid3_shared.resources import ensure_store
from rfid3_shared.twin import build as twin

ROUNDS, REQUESTS, CONCURRENCY = 5, 1500, 16


class Silent:
    """Progress that nobody watches."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Say nothing."""


async def train_demo(
    settings: DemandSettings, folder: Path, *, items: int = 1000, months: int = 24, end: date = date(2026, 10, 31)
) -> None:
    """A company of so many tags and a model of it."""
    engine = open_engine(settings.source_dsn)
    await twin.create(engine, folder / "truth.db", items=items, months=months, seed=7, end=end)
    await engine.dispose()
    store = open_engine(settings.store_dsn)
    assert await ensure_store(store)
    async with transaction(store) as connection:
        for flag in (MASTER, Flag.DEMAND_FORECASTING, Flag.MODEL_TRAINING, Flag.EXTERNAL_DATA_INTEGRATION):
            await set_flag(connection, flag, enabled=True, reason="bench", changed_by="bench", clock=Clock())
    await store.dispose()
    await train.run(settings, {"job_id": "0" * 32, "hyperparameter_tuning": False, "force_retrain": True}, Silent())


async def ask(base: str, queries: Iterator[str], key: str) -> None:
    """REQUESTS questions, CONCURRENCY at once; any status but 200 ends the run."""

    async def one(session: aiohttp.ClientSession) -> None:
        for _ in range(REQUESTS // CONCURRENCY):
            async with session.get(base + next(queries), headers={"X-API-Key": key}) as reply:
                await reply.read()
                if reply.status != 200:
                    raise SystemExit(f"{base} answered {reply.status}")

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(one(session) for _ in range(CONCURRENCY)))


@contextmanager
def servers(folder: Path, settings: DemandSettings) -> Iterator[dict[str, tuple[list[Any], str]]]:
    """Name → (processes whose CPU counts, base URL)."""
    ports = {name: free_port() for name in ("redis", "demand", "gateway", "constant")}
    shared = {
        "RFID3_HOME": str(folder), "RFID3_REDIS_URL": f"redis://127.0.0.1:{ports['redis']}/0", "OPENBLAS_NUM_THREADS": "1",
        "RFID3_RATE_REALTIME_PER_MIN": "100000000", "RFID3_UPSTREAM_DEMAND": f"http://127.0.0.1:{ports['demand']}",
    }  # fmt: skip
    with ExitStack() as stack:
        running: dict[str, subprocess.Popen[bytes]] = {}
        launches: tuple[tuple[str, Callable[[], subprocess.Popen[bytes]]], ...] = (
            ("redis", lambda: redis_server(ports["redis"])),
            ("demand", lambda: python_server("rfid3_demand.app:app", ports["demand"], shared)),
            ("gateway", lambda: python_server("rfid3_gateway.app:app", ports["gateway"], shared)),
            ("constant", lambda: python_server("bench.servers:constant", ports["constant"], {})),
        )
        for name, launch in launches:
            running[name] = launch()
            stack.callback(stop, running[name])
            start(running[name], ports[name])
        base = {name: f"http://127.0.0.1:{port}{PATH}" for name, port in ports.items()}
        yield {
            "constant route": ([running["constant"]], base["constant"]),
            "demand alone": ([running["demand"]], base["demand"]),
            "gateway + demand": ([running["gateway"], running["demand"]], base["gateway"]),
        }


def main() -> None:
    """Print microseconds of CPU a request and their ratio to the constant route."""
    asks: dict[str, Callable[[], Iterator[str]]] = {"cached": lambda: repeat("?weeks=4")}
    fresh = count()
    asks["not cached"] = lambda: (f"?weeks=4&confidence_level={0.5 + (n % 480_000) * 1e-6:.6f}" for n in fresh)
    spent: dict[tuple[str, str], list[float]] = {}
    with tempfile.TemporaryDirectory() as name:
        settings = DemandSettings(home=Path(name), redis_url="redis://127.0.0.1:1/0", demand_horizon_weeks=13)
        asyncio.run(train_demo(settings, Path(name)))
        key = asyncio.run(make_key(settings.store_dsn))
        with servers(Path(name), settings) as known:
            for _ in range(ROUNDS):
                for kind, queries in asks.items():
                    for server, (processes, base) in known.items():
                        before = sum(map(cpu_s, processes))
                        asyncio.run(ask(base, queries(), key))
                        spent.setdefault((server, kind), []).append((sum(map(cpu_s, processes)) - before) / REQUESTS * 1e6)
    print(f"CPU per request, c={CONCURRENCY}, medians of {ROUNDS} paired rounds of {REQUESTS}")
    for (server, kind), values in spent.items():
        peers = spent["constant route", kind]
        ratio = statistics.median(ours / theirs for ours, theirs in zip(values, peers, strict=True))
        print(f"  {server:18} {kind:11} {statistics.median(values):8.0f} µs   {ratio:5.2f} × a constant route")


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
