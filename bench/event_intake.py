"""How many events a second are taken in, beside the bare INSERT of the same rows?

`python -m bench.event_intake [--batches 20] [--rows 1000]`. Each batch holds scans of other tags, nine tenths as JSON decodes them new,
one tenth repeated reads. `take in` sorts them out, looks for duplicates and repeats, keeps and announces them (a real Redis), in batches
of 1,000 and one by one; `again` is the same batches once more, all of them duplicates; `through the gateway` posts them over HTTP with a
key. The peer is one executemany of the rows that are kept, in a transaction a batch. SQLite, and MariaDB where it is installed
(or RFID3_BENCH_MYSQL_URL is set). Medians of batches.
"""

import argparse
import asyncio
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import orjson
from redis.asyncio import Redis
from sqlalchemy import delete, text
from sqlalchemy.ext.asyncio import AsyncEngine

from bench.servers import free_port, python_server, redis_server, start, stop
from rfid3_shared.auth import create_key
from rfid3_shared.clock import Clock
from rfid3_shared.db import create_tables, insert_rows, open_engine, transaction
from rfid3_shared.events.intake import take_in
from rfid3_shared.events.keeping import COLUMNS
from rfid3_shared.events.rows import Window, sort_out
from rfid3_shared.events.tables import shop_events
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.source.tables import items, source_metadata

CLASSES, SINGLES, REPEATED_EVERY = 400, 200, 10


def made(batch: int, rows: int, begun: datetime) -> list[dict[str, Any]]:
    """Scans of one batch; every tenth is the one before it, read again ten seconds later."""
    found: list[dict[str, Any]] = []
    for number in range(rows):
        at = begun + timedelta(seconds=batch)
        tag = f"{batch:08X}{number:016X}"
        if number % REPEATED_EVERY == REPEATED_EVERY - 1:
            tag, at = found[-1]["tag_id"], at + timedelta(seconds=10)
        found.append({
            "event_id": f"bench-{batch}-{number}", "tag_id": tag, "scan_type": "Rental" if number % 2 else "Touch Scan",
            "occurred_at": at.isoformat(), "contract_number": str(200_000 + number // 13), "rental_class": str(61_000 + number % CLASSES),
            "status": "On Rent", "quality": "A-",
        })  # fmt: skip
        if number % REPEATED_EVERY == REPEATED_EVERY - 1:
            found[-1] |= {name: found[-2][name] for name in ("scan_type", "contract_number", "rental_class")}
    return found


async def timed(work: Callable[[int], Awaitable[Any]], batches: int) -> float:
    """Median seconds a batch; the first one warms up and does not count."""
    took = []
    for batch in range(batches + 1):
        begun = time.perf_counter()
        await work(batch)
        took.append(time.perf_counter() - begun)
    return statistics.median(took[1:])


async def measure(dsn: str, redis_url: str, folder: Path, batches: int, rows: int) -> dict[str, float]:
    """Events a second of each way, on one database."""
    engine, clock = open_engine(dsn), Clock()
    await ensure_schema(engine)
    await create_tables(engine, source_metadata)
    begun = clock.now().astimezone(clock.zone).replace(tzinfo=None) - timedelta(days=1)
    every = [made(batch, rows, begun) for batch in range(batches + 1)]
    async with transaction(engine) as connection:
        known = [(row["tag_id"], row["rental_class"]) for batch in every for row in batch]
        await insert_rows(connection, items, ("tag_id", "rental_class_num"), list(dict(known).items()))
    redis, figures = Redis.from_url(redis_url), {}

    async def taken(batch: int) -> None:
        receipt = await take_in(engine, engine, redis, clock, every[batch], "http")
        if receipt.refused or receipt.accepted + receipt.duplicates + receipt.repeated != rows:
            raise SystemExit(f"unexpected: {receipt}")

    async def alone(batch: int) -> None:
        await take_in(
            engine, engine, redis, clock, [{**every[0][batch], "event_id": f"single-{batch}", "tag_id": f"S{batch}"}], "http"
        )

    figures["take in, new"] = rows / await timed(taken, batches)
    figures["take in, again"] = rows / await timed(taken, batches)
    figures["take in, one by one"] = 1 / await timed(alone, min(SINGLES, rows - 1))
    kept = await _kept(engine)
    per_batch = len(kept) // (batches + 1)

    async def bare(batch: int) -> None:
        async with transaction(engine) as connection:
            await insert_rows(connection, shop_events, COLUMNS, kept[batch * per_batch : (batch + 1) * per_batch])

    await _empty(engine)
    figures["bare executemany (peer)"] = per_batch / await timed(bare, batches)
    await _empty(engine)
    async with transaction(engine) as connection:
        _, key = await create_key(connection, owner="bench", scopes=["events"], clock=clock)
    figures["through the gateway, new"] = rows / await through_gateway(dsn, redis_url, folder, key, every)
    await redis.aclose()
    await engine.dispose()
    return figures


async def _kept(engine: AsyncEngine) -> list[tuple[Any, ...]]:
    async with transaction(engine) as connection:
        found = await connection.execute(text(f"SELECT {', '.join(COLUMNS)} FROM shop_events ORDER BY seq"))
        return [tuple(str(value) if isinstance(value, datetime) else value for value in row) for row in found]


async def _empty(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await connection.execute(delete(shop_events))


async def through_gateway(dsn: str, redis_url: str, folder: Path, key: str, every: list[list[dict[str, Any]]]) -> float:
    """Median seconds a batch, posted one after the other to a gateway process."""
    port = free_port()
    gateway = python_server("rfid3_gateway.app:app", port, {
        "RFID3_STORE_URL": dsn, "RFID3_SOURCE_URL": dsn, "RFID3_REDIS_URL": redis_url, "RFID3_HOME": str(folder),
        "RFID3_RATE_EVENTS_PER_MIN": "1000000",
    })  # fmt: skip
    try:
        start(gateway, port)
        bodies = [b"\n".join(orjson.dumps(row) for row in rows) for rows in every]
        headers = {"X-API-Key": key, "content-type": "application/x-ndjson"}
        async with aiohttp.ClientSession() as session:

            async def post(batch: int) -> None:
                url = f"http://127.0.0.1:{port}/api/predictive/events"
                async with session.post(url, data=bodies[batch], headers=headers) as reply:
                    told = await reply.json()
                    if reply.status != 200 or not told["data"]["accepted"]:
                        raise SystemExit(f"the gateway answered {reply.status}: {told}")

            return await timed(post, len(every) - 1)
    finally:
        stop(gateway)


@contextmanager
def mariadb(folder: Path) -> Iterator[str | None]:
    """The address of an empty database on a MariaDB of one's own, or on the one that is named; None without any."""
    given, server, install = (
        os.environ.get("RFID3_BENCH_MYSQL_URL"),
        shutil.which("mariadbd"),
        shutil.which("mariadb-install-db"),
    )
    if given or not server or not install:
        yield given
        return
    data, port = folder / "data", free_port()
    user = ["--user=root"] if os.geteuid() == 0 else []
    subprocess.run(
        [install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal", "--skip-test-db", *user],
        check=True, capture_output=True,
    )  # fmt: skip
    process = subprocess.Popen(
        [server, "--no-defaults", f"--datadir={data}", f"--port={port}", "--bind-address=127.0.0.1", f"--socket={folder / 'm.sock'}",
         f"--pid-file={folder / 'm.pid'}", "--skip-name-resolve", *user], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        start(process, port)
        asyncio.run(_create_database(f"mysql://root@127.0.0.1:{port}/mysql"))
        yield f"mysql://root@127.0.0.1:{port}/bench"
    finally:
        stop(process)


async def _create_database(dsn: str) -> None:
    engine = open_engine(dsn)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE DATABASE bench CHARACTER SET utf8mb4"))
    await engine.dispose()


def sorting(rows: int) -> float:
    """Microseconds a row of telling events from other rows."""
    clock = Clock()
    now = clock.now().replace(tzinfo=None)
    window = Window(clock.zone, now - timedelta(days=90), now + timedelta(minutes=5))
    batch, took = made(1, rows, now - timedelta(days=1)), []
    for _ in range(20):
        begun = time.perf_counter()
        sort_out(batch, window)
        took.append((time.perf_counter() - begun) / rows * 1e6)
    return statistics.median(took)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--rows", type=int, default=1_000)
    options = parser.parse_args()
    print(
        f"events a second; medians of {options.batches} batches of {options.rows:,}; sorting out {sorting(options.rows):.1f} µs a row"
    )
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder, port = Path(name), free_port()
        redis = redis_server(port)
        stack.callback(stop, redis)
        start(redis, port)
        stores = {"SQLite": f"sqlite:///{folder / 'bench.db'}", "MariaDB": stack.enter_context(mariadb(folder))}
        for database, dsn in stores.items():
            if dsn is None:
                print(f"  {database}: skipped, it is not on PATH")
                continue
            figures = asyncio.run(measure(dsn, f"redis://127.0.0.1:{port}/0", folder, options.batches, options.rows))
            for way, per_s in figures.items():
                print(f"  {database:8} {way:26} {per_s:10,.0f} /s")


if __name__ == "__main__":
    main()
