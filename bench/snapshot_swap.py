"""What do requests notice of a new model? Failed requests (must be 0) and the longest pause between two answers, beside no swaps.

`python -m bench.snapshot_swap [--swaps 50] [--megabytes 60]`. An event loop answers from `Snapshots` without a break, while another
process promotes and rolls back, each time announced in a real Redis: once with room for both models, so that going back takes what is
still in memory, and once with room for one, so that every swap reads and verifies the files. `without swaps` runs as long as those.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import orjson
from redis.asyncio import Redis

from bench.servers import free_port, redis_server, start, stop
from rfid3_shared.clock import Clock
from rfid3_shared.db import create_tables, open_engine, store_metadata
from rfid3_shared.log import configure_logging
from rfid3_shared.registry import Registry, Snapshots, Verdict, announce

SERVICE, ARRAYS, COLUMNS, CLIENTS = "bench", 6, 128, 8
Arrays = list[np.ndarray]


@dataclass
class Seen:
    """What the clients of one round saw."""

    last: float
    answers: int = 0
    failed: int = 0
    seconds: float = 0.0
    pause_s: float = 0.0
    """The longest one since the last mark."""
    pauses_s: list[float] = field(default_factory=list)

    def mark(self) -> None:
        """A swap is done, or would be."""
        self.pauses_s.append(self.pause_s)
        self.pause_s = 0.0


def train(folder: Path, megabytes: int, offset: float) -> Path:
    """A model's folder: arrays of so many MB in all."""
    folder.mkdir()
    rows = megabytes * 2**20 // (ARRAYS * COLUMNS * 4)
    for number in range(ARRAYS):
        np.save(folder / f"{number}.npy", np.arange(rows * COLUMNS, dtype=np.float32).reshape(rows, COLUMNS) + offset + number)
    return folder


def load(folder: Path) -> Arrays:
    """As services do: memory-mapped."""
    return [np.load(path, mmap_mode="r", allow_pickle=False) for path in sorted(folder.glob("*.npy"))]


def registry_of(home: Path) -> Registry:
    """The registry in a folder, with its store."""
    return Registry(home / "registry", open_engine(f"sqlite:///{home / 'store.db'}"), Clock())


async def publish_two(home: Path, megabytes: int) -> None:
    """Two models, the second one champion."""
    await create_tables(open_engine(f"sqlite:///{home / 'store.db'}"), store_metadata)
    registry = registry_of(home)
    for number in range(2):
        trained_at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=number)
        version = await registry.publish(
            SERVICE, train(home / f"trained-{number}", megabytes, number), model_type="bench", metrics={}, data_from=None,
            data_to=None, parameters={}, trained_at=trained_at,
        )  # fmt: skip
        await registry.settle(version, Verdict("champion", "bench", {}), by="bench")


async def change(home: Path, redis_url: str) -> None:
    """The other process: at each line it reads it rolls back, or promotes again what it went back from; it prints the champion."""
    registry = registry_of(home)
    async with Redis.from_url(redis_url) as redis:
        print("ready", flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            former = await registry.versions(SERVICE, states=["retired"])
            champion = await registry.current(SERVICE)
            if champion and former[0].trained_at > champion.trained_at:
                champion = await registry.promote(SERVICE, former[0].model_version, by="bench", reason="bench")
            else:
                champion = await registry.rollback(SERVICE, by="bench", reason="bench")
            await announce(redis, SERVICE)
            print(champion.model_version, flush=True)


async def ask(snapshots: Snapshots[Arrays], seen: Seen, stop_asking: asyncio.Event) -> None:
    """A client that never rests: a few rows of each array, as JSON."""
    row = 0
    while not stop_asking.is_set():
        try:
            arrays = snapshots.get().snapshot
            row = (row + 7919) % len(arrays[0])
            orjson.dumps([array[row].tolist() for array in arrays])
            seen.answers += 1
        except Exception:  # noqa: BLE001 - whatever it is, a request has failed
            seen.failed += 1
        now = time.perf_counter()
        seen.pause_s, seen.last = max(seen.pause_s, now - seen.last), now
        await asyncio.sleep(0)


@asynccontextmanager
async def asked(snapshots: Snapshots[Arrays]) -> AsyncIterator[Seen]:
    """Clients at work while the block lasts."""
    stop_asking, begun = asyncio.Event(), time.perf_counter()
    seen = Seen(last=begun)
    clients = [asyncio.create_task(ask(snapshots, seen, stop_asking)) for _ in range(CLIENTS)]
    yield seen
    stop_asking.set()
    await asyncio.gather(*clients)
    seen.seconds = time.perf_counter() - begun


async def swapped(home: Path, redis_url: str, swaps: int, memory_mb: int) -> Seen:
    """Clients at work while the champion changes that often, each time waiting until it answers."""
    command = [sys.executable, "-m", "bench.snapshot_swap", "--change", str(home), redis_url]
    pipe = subprocess.PIPE
    other = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
    assert other.stdin is not None
    assert other.stdout is not None
    async with Redis.from_url(redis_url) as redis:
        snapshots = Snapshots(SERVICE, registry_of(home), load, redis=redis, memory_mb=memory_mb)
        await snapshots.start()
        await other.stdout.readline()
        async with asked(snapshots) as seen:
            for _ in range(swaps):
                other.stdin.write(b"\n")
                champion = (await other.stdout.readline()).decode().strip()
                async with asyncio.timeout(30):
                    while snapshots.get().version.model_version != champion:
                        await asyncio.sleep(0.001)
                seen.mark()
        await snapshots.aclose()
    other.stdin.close()
    await other.wait()
    return seen


async def untouched(home: Path, swaps: int, seconds: float) -> Seen:
    """Clients at work while nothing changes, for as long as so many swaps took."""
    snapshots = Snapshots(SERVICE, registry_of(home), load)
    await snapshots.start()
    async with asked(snapshots) as seen:
        for _ in range(swaps):
            await asyncio.sleep(seconds / swaps)
            seen.mark()
    await snapshots.aclose()
    return seen


async def measure(home: Path, redis_url: str, swaps: int, megabytes: int) -> int:
    """Print all rounds; 1 when a request failed."""
    await publish_two(home, megabytes)
    rounds = {
        "both in memory": (swaps, await swapped(home, redis_url, swaps, 4 * megabytes)),
        "loaded each time": (swaps, await swapped(home, redis_url, swaps, megabytes)),
    }
    rounds["without swaps"] = (0, await untouched(home, swaps, rounds["loaded each time"][1].seconds))
    print(f"{CLIENTS} clients on one event loop, models of {megabytes} MB; pause: between two answers of any client")
    for name, (count, seen) in rounds.items():
        usual, longest = statistics.median(seen.pauses_s) * 1000, max(seen.pauses_s) * 1000
        print(
            f"  {name:17} {count:3d} swaps in {seen.seconds:5.1f} s  {seen.answers / seen.seconds:>7,.0f} answers/s  {seen.failed} failed "
            f"(goal 0)  longest pause {longest:6.1f} ms, in the median swap {usual:5.1f} ms"
        )
    return 1 if any(seen.failed for _, seen in rounds.values()) else 0


def main() -> int:
    """Start Redis, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--swaps", type=int, default=50)
    parser.add_argument("--megabytes", type=int, default=60)
    parser.add_argument("--change", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.change:
        asyncio.run(change(Path(chosen.change[0]), chosen.change[1]))
        return 0
    configure_logging("bench", "WARNING")
    port = free_port()
    redis = redis_server(port)
    try:
        start(redis, port)
        with tempfile.TemporaryDirectory(prefix="rfid3-bench-") as folder:
            return asyncio.run(measure(Path(folder), f"redis://127.0.0.1:{port}/0", chosen.swaps, chosen.megabytes))
    finally:
        stop(redis)


if __name__ == "__main__":
    sys.exit(main())
