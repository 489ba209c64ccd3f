"""What does the gateway cost? CPU per forwarded request, beside a bare FastAPI route (and nginx where it is installed).

`python -m bench.gateway [--requests 4000] [--rounds 5]`. Every server is a process of its own on 127.0.0.1; rounds alternate,
so that a noisy machine hurts all alike; figures are medians. CPU is what each server's own process used. The gateway checks
the key, counts the limit in a real Redis, keeps its metrics and forwards to a real uvicorn service.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import aiohttp
import psutil

from bench.servers import PATH, free_port, python_server, redis_server, start, stop
from rfid3_shared.auth import create_key
from rfid3_shared.clock import Clock
from rfid3_shared.db import create_tables, open_engine, store_metadata, transaction

CONCURRENCY = (16, 64)
RATE_PER_S, RATE_SECONDS = 200, 5
GOAL_CPU, GOAL_P50_MS, GOAL_P99_MS = 5.0, 1.0, 5.0


async def make_key(dsn: str) -> str:
    """A fresh store with one key that may read."""
    engine = open_engine(dsn)
    await create_tables(engine, store_metadata)
    async with transaction(engine) as connection:
        _, key = await create_key(connection, owner="bench", scopes=["read"], clock=Clock())
    await engine.dispose()
    return key


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    """CPU seconds a server has used, its own workers included."""
    parent = psutil.Process(process.pid)
    return sum(sum(each.cpu_times()[:2]) for each in [parent, *parent.children(recursive=True)])


async def closed_loop(url: str, headers: dict[str, str], requests: int, concurrency: int) -> None:
    """Send that many requests, always `concurrency` at once; any status but 200 ends the run."""

    async def one(session: aiohttp.ClientSession, count: int) -> None:
        for _ in range(count):
            async with session.get(url, headers=headers) as reply:
                await reply.read()
                if reply.status != 200:
                    raise SystemExit(f"{url} answered {reply.status}")

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await asyncio.gather(*(one(session, requests // concurrency) for _ in range(concurrency)))


async def open_loop(url: str, headers: dict[str, str]) -> list[float]:
    """Milliseconds of each request at a steady rate, counted from when it was due, so that a stall is not hidden."""
    took_ms: list[float] = []

    async def one(session: aiohttp.ClientSession, due: float) -> None:
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        begun = time.perf_counter()
        async with session.get(url, headers=headers) as reply:
            await reply.read()
        took_ms.append((time.perf_counter() - begun) * 1000)

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        await one(session, 0.0)
        took_ms.clear()
        first = time.perf_counter() + 0.1
        await asyncio.gather(*(one(session, first + n / RATE_PER_S) for n in range(RATE_PER_S * RATE_SECONDS)))
    return sorted(took_ms)


@contextmanager
def all_servers(folder: Path) -> Iterator[dict[str, tuple[subprocess.Popen[bytes], str]]]:
    """Name → (process, URL) of service, gateway, bare FastAPI route, and nginx where it is installed."""
    dsn = f"sqlite:///{folder / 'store.db'}"
    os.environ["BENCH_KEY"] = asyncio.run(make_key(dsn))
    ports = {name: free_port() for name in ("redis", "service", "gateway", "fastapi", "nginx")}
    with ExitStack() as stack:

        def run(name: str, process: subprocess.Popen[bytes]) -> tuple[subprocess.Popen[bytes], str]:
            stack.callback(stop, process)
            start(process, ports[name])
            return process, f"http://127.0.0.1:{ports[name]}{PATH}"

        run("redis", redis_server(ports["redis"]))
        servers = {"service": run("service", python_server("bench.servers:service", ports["service"], {}))}
        servers["gateway"] = run("gateway", python_server("rfid3_gateway.app:app", ports["gateway"], {
            "RFID3_STORE_URL": dsn, "RFID3_SOURCE_URL": dsn, "RFID3_HOME": str(folder),
            "RFID3_REDIS_URL": f"redis://127.0.0.1:{ports['redis']}/0", "RFID3_RATE_REALTIME_PER_MIN": "100000000",
            "RFID3_UPSTREAM_DEMAND": f"http://127.0.0.1:{ports['service']}",
        }))  # fmt: skip
        servers["fastapi"] = run("fastapi", python_server("bench.servers:constant", ports["fastapi"], {}))
        if nginx := shutil.which("nginx"):
            servers["nginx"] = run("nginx", nginx_server(nginx, folder, ports["nginx"], ports["service"]))
        yield servers


def nginx_server(binary: str, folder: Path, port: int, upstream: int) -> subprocess.Popen[bytes]:
    """An nginx that forwards to the service over kept-alive connections, one worker, no logs."""
    text = (
        f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log /dev/null;\n"
        "events { worker_connections 1024; }\n"
        f"http {{ access_log off; upstream s {{ server 127.0.0.1:{upstream}; keepalive 128; }}\n"
        f"server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://s; proxy_http_version 1.1; "
        'proxy_set_header Connection ""; } } }\n'
    )
    (folder / "nginx.conf").write_text(text)
    return subprocess.Popen([binary, "-c", str(folder / "nginx.conf"), "-p", str(folder)], stderr=subprocess.DEVNULL)


def measure(requests: int, rounds: int) -> dict[str, float]:
    """All figures: microseconds of CPU per request by server and concurrency, and milliseconds the gateway adds."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder, all_servers(Path(folder)) as servers:
        headers = {"X-API-Key": os.environ["BENCH_KEY"]}
        for _, url in servers.values():
            asyncio.run(closed_loop(url, headers, 320, 16))
        for concurrency in CONCURRENCY:
            spent: dict[str, list[float]] = {}
            for _ in range(rounds):
                for name in [name for name in servers if name != "service"]:
                    process, url = servers[name]
                    before = cpu_s(process)
                    asyncio.run(closed_loop(url, headers, requests, concurrency))
                    spent.setdefault(name, []).append((cpu_s(process) - before) / requests * 1e6)
            for name, values in spent.items():
                figures[f"{name}_us_c{concurrency}"] = statistics.median(values)
            for peer in spent.keys() - {"gateway"}:
                ratios = [ours / theirs for ours, theirs in zip(spent["gateway"], spent[peer], strict=True)]
                figures[f"gateway_per_{peer}_c{concurrency}"] = statistics.median(ratios)
        added: dict[str, list[float]] = {"p50": [], "p99": []}
        for _ in range(3):
            direct, through = (asyncio.run(open_loop(servers[name][1], headers)) for name in ("service", "gateway"))
            for label, share in (("p50", 0.5), ("p99", 0.99)):
                added[label].append(through[int(len(through) * share)] - direct[int(len(direct) * share)])
        figures |= {f"added_{label}_ms": statistics.median(values) for label, values in added.items()}
    return figures


def main() -> None:
    """Print the figures and what they are held against."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    figures = measure(min(options.requests, 50_000), min(options.rounds, 20))
    print(
        f"gateway, forwarded GET with key, limit and metrics; medians of {options.rounds} rounds of {options.requests} requests"
    )
    for name, value in figures.items():
        print(f"  {name:28} {value:8.2f}")
    if "nginx_us_c16" not in figures:
        print("  nginx: skipped, it is not on PATH; the goal (at most 5 times its CPU, 43 µs where it was measured) stays open")
    print(f"  goals: ≤ {GOAL_CPU:g} × nginx; c64 ≤ 1.5 × c16; added p50 ≤ {GOAL_P50_MS:g} ms, p99 ≤ {GOAL_P99_MS:g} ms")


if __name__ == "__main__":
    main()
