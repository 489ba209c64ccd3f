"""How long does a request wait for the present? Online features of 1, 50 and 500 classes, beside one plain GET and the store's SQL.

`python -m bench.feature_read`. A Redis of its own holds 500 classes of four stores with demand's seven live features. `read` is what the
serving path calls: one MGET, unpacked, checked, aged; before each, CHANGED classes are published anew, more than a busy second brings
(packs whose bytes have not changed are not unpacked again). The peers in the same run: a GET of one pack's bytes, nothing unpacked; the
newest values of one class from the store, where each has changed HISTORY times (SQLite). Rounds alternate. Goal: p99 of read ≤ 5 ms.
"""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

from bench.servers import free_port, redis_server, start, stop
from rfid3_demand.present.definitions import LIVE, entity, pack
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.feature_store import history
from rfid3_shared.feature_store.online import OnlineFeatures, TakenIn
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.resources import open_redis

CLASSES, STORES, HISTORY = [str(60_000 + number) for number in range(500)], ("3607", "6800", "728", "8101"), 20
ROUNDS, READS, CHANGED, GOAL_MS = 10, 100, 50, 5.0
Timed = Callable[[], Awaitable[object]]


def values(chance: random.Random) -> dict[str, dict[str, list[float | None]]]:
    """Packs of every class, with values as a busy week has them."""
    return {
        pack(name): {entity(name, store): [float(chance.randrange(400)) for _ in LIVE.names] for store in STORES}
        for name in CLASSES
    }


async def spans_ms(ask: Timed, before: Timed | None, count: int) -> list[float]:
    """How long each of that many questions took, one after the other; what happens before each is not counted."""
    found = []
    for _ in range(count):
        if before is not None:
            await before()
        begun = time.perf_counter()
        await ask()
        found.append((time.perf_counter() - begun) * 1e3)
    return found


async def measure(folder: Path, redis_url: str) -> None:
    """Fill both stores, alternate, print."""
    clock, chance = Clock(), random.Random(7)
    redis, engine = open_redis(redis_url), open_engine(f"sqlite:///{folder / 'store.db'}")
    await ensure_schema(engine)
    now = clock.now()
    online = OnlineFeatures(redis, LIVE, clock)
    taken_in = TakenIn(1, now.replace(tzinfo=None), now, now)
    await online.publish(values(chance), taken_in)
    async with transaction(engine) as connection:
        known: dict[str, tuple[float | None, ...]] = {}
        for turn in range(HISTORY):
            changed = {name: row for one in values(chance).values() for name, row in one.items()}
            await history.append(connection, LIVE, changed, now - timedelta(minutes=HISTORY - turn), known)
            known = {name: tuple(row) for name, row in changed.items()}
    entities = [entity(CLASSES[0], store) for store in STORES]

    async def read(reader: OnlineFeatures, count: int) -> None:
        reading = await reader.read([pack(name) for name in chance.sample(CLASSES, count)])
        if reading.state != "FRESH" or len(reading.values) != count * len(STORES):
            raise SystemExit(f"{count} classes: {reading.state} {reading.why}")

    async def change() -> None:
        some = dict(chance.sample(sorted(values(chance).items()), CHANGED))
        await OnlineFeatures(redis, LIVE, clock).publish(some, taken_in)

    async def sql() -> None:
        async with engine.connect() as connection:
            found = await history.newest(connection, LIVE, entities)
        if found.keys() != set(entities):
            raise SystemExit("the store does not know what was written")

    asked: dict[str, tuple[Timed, Timed | None]] = {
        "read 1 class": (lambda: read(online, 1), change),
        "read 50 classes": (lambda: read(online, 50), change),
        "read 500 classes": (lambda: read(online, 500), change),
        "a process's first look at 500": (lambda: read(OnlineFeatures(redis, LIVE, clock), 500), None),
        "peer: one plain GET": (lambda: redis.get(f"rfid3:features:{LIVE.name}:{LIVE.digest}:{pack(CLASSES[0])}"), None),
        "peer: SQL, newest of 1 class": (sql, None),
    }
    took: dict[str, list[float]] = {name: [] for name in asked}
    for _ in range(ROUNDS):
        for name, (ask, before) in asked.items():
            took[name] += await spans_ms(ask, before, READS)
    await redis.aclose()
    await engine.dispose()
    features = len(LIVE.names)
    print(f"{len(CLASSES)} classes × {len(STORES)} stores × {features} features; {ROUNDS} rounds of {READS}, alternating; ms")
    print(f"  {'':30}{'p50':>8}{'p99':>8}")
    for name, spans in took.items():
        print(f"  {name:30}{statistics.median(spans):8.2f}{statistics.quantiles(spans, n=100)[-1]:8.2f}")
    worst = max(statistics.quantiles(spans, n=100)[-1] for name, spans in took.items() if name.startswith("read"))
    print(f"  goal: p99 of read ≤ {GOAL_MS:g} ms: {'met' if worst <= GOAL_MS else 'NOT met'}")


def main() -> None:
    """Start a Redis, measure, stop it."""
    port = free_port()
    process = redis_server(port)
    try:
        start(process, port)
        with tempfile.TemporaryDirectory() as name:
            asyncio.run(measure(Path(name), f"redis://127.0.0.1:{port}/0"))
    finally:
        stop(process)


if __name__ == "__main__":
    main()
