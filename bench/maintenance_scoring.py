"""What does it cost to score half a million items, and what does one item's answer cost then? Seconds, memory and milliseconds.

A small demo company learns its hazards; its lives are copied under new tags until there are ITEMS of them. Timed are: what was known of
each (features), everything that is said of each (curves of four kinds, now and after a service, bounds, reasons, costs, best moment, crew
plan), writing, and loading. Then one item after the other is asked through the whole ASGI app, never the same twice. One process.
"""

import asyncio
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import fields, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, TypeVar

import httpx
import polars as pl

from bench.gateway import make_key
from rfid3_maintenance import fitting, planning, publication, snapshot
from rfid3_maintenance.app import create_app
from rfid3_maintenance.publication import Read
from rfid3_maintenance.settings import SERVICE, MaintenanceSettings
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.flags import MASTER, Flag, set_flag
from rfid3_shared.item_life.frames import facts_of
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.rebuild import rebuild
from rfid3_shared.registry import Verdict
from rfid3_shared.resources import ensure_store, open_resources
from rfid3_shared.twin import build as twin

ITEMS, SEED_ITEMS, MONTHS, REQUESTS = 500_000, 1_000, 6, 2_000
T = TypeVar("T")


async def a_company(settings: MaintenanceSettings, folder: Path) -> Life:
    """The lives of a demo company, and a store with its flags on."""
    engine = open_engine(settings.source_dsn)
    await twin.create(engine, folder / "truth.db", items=SEED_ITEMS, months=MONTHS, seed=7, end=date(2026, 10, 31))
    async with transaction(engine) as connection:
        life = await rebuild(connection, Clock())
    await engine.dispose()
    store = open_engine(settings.store_dsn)
    assert await ensure_store(store)
    async with transaction(store) as connection:
        for flag in (MASTER, Flag.MAINTENANCE_PREDICTION):
            await set_flag(connection, flag, enabled=True, reason="bench", changed_by="bench", clock=Clock())
    await store.dispose()
    return life


def copied(life: Life, times: int) -> Life:
    """So many companies of the same lives, each with tags of its own."""
    frames = {
        each.name: getattr(life, each.name) for each in fields(life) if isinstance(getattr(life, each.name), pl.DataFrame)
    }

    def many(frame: pl.DataFrame) -> pl.DataFrame:
        if "tag_id" not in frame.columns:
            return frame
        return pl.concat([frame.with_columns(pl.col("tag_id") + f"-{k:04d}") for k in range(times)])

    copies: dict[str, Any] = {name: many(frame) for name, frame in frames.items()}
    return replace(life, **copies)


def timed(what: str, work: Callable[[], T]) -> T:
    """Do it and say how long it took."""
    begun, cpu = time.perf_counter(), time.process_time()
    done = work()
    print(f"  {what:32} {time.perf_counter() - begun:7.1f} s   CPU {time.process_time() - cpu:7.1f} s", flush=True)
    return done


async def publish(settings: MaintenanceSettings, made: snapshot.Snapshot) -> None:
    """Make it what the service answers from."""
    async with open_resources(settings) as held:
        with tempfile.TemporaryDirectory() as name:
            timed("written", lambda: snapshot.write(made, Path(name)))
            print(f"  {'its size':32} {sum(path.stat().st_size for path in Path(name).iterdir()) / 1e6:7.0f} MB")
            version = await held.registry.publish(
                SERVICE, Path(name), model_type="bench", metrics={}, data_from=made.spec.data_from, data_to=made.spec.data_as_of,
                parameters={}, trained_at=datetime.now(UTC),
            )  # fmt: skip
        await held.registry.settle(version, Verdict("champion", "bench", {}), by="bench")


async def latencies(settings: MaintenanceSettings, key: str) -> None:
    """Ask one item after the other, and the schedule."""
    app = create_app(settings)
    async with app.router.lifespan_context(app), httpx.AsyncClient(
        transport=httpx.ASGITransport(app), base_url="http://bench", headers={"X-API-Key": key}, timeout=60
    ) as client:  # fmt: skip
        loaded = app.state.snapshots.get().snapshot
        ids = [
            loaded.id_of(int(row))
            for row in loaded.answerable.nonzero()[0][:: max(1, int(loaded.answerable.sum()) // REQUESTS)]
        ]
        for path in ("probability", "health", "booking-survival"):
            await asked(client, [f"/{path}/{item}" for item in ids[:REQUESTS]], path)
        await asked(client, [f"/schedule?days_ahead={days}&min_failure_probability=0.1" for days in range(20, 30)], "schedule")


async def asked(client: httpx.AsyncClient, paths: list[str], what: str) -> None:
    """Median and 99th percentile of answers to these questions, one after the other."""
    spent: list[float] = []
    cpu = time.process_time()
    for path in paths:
        begun = time.perf_counter()
        reply = await client.get(f"/api/predictive/maintenance{path}")
        spent.append((time.perf_counter() - begun) * 1000)
        if reply.status_code != 200:
            raise SystemExit(f"{path} answered {reply.status_code}: {reply.text[:300]}")
    cpu_ms = (time.process_time() - cpu) / len(paths) * 1000
    high = statistics.quantiles(spent, n=100)[98] if len(spent) >= 100 else max(spent)
    print(
        f"  {what:32} {statistics.median(spent):7.2f} ms   p99 {high:7.2f} ms   CPU {cpu_ms:7.2f} ms   ({len(spent)} questions)",
        flush=True,
    )


def main() -> None:
    """Print what it costs."""
    with tempfile.TemporaryDirectory() as name:
        settings: Any = MaintenanceSettings(home=Path(name), redis_url="redis://127.0.0.1:1/0", rate_realtime_per_min=10**8)
        life = asyncio.run(a_company(settings, Path(name)))
        past = fitting.past_of(life, 28.0, Clock().zone)
        hazards = timed("hazards learned (1,000 items)", lambda: fitting.fit(past))
        print("  forms: " + ", ".join(f"{kind} {hazard.basis['form']}" for kind, hazard in hazards.items()))
        fleet = copied(life, ITEMS // life.units.height)
        print(f"{fleet.units.height:,} items")
        facts = timed("facts in order", lambda: facts_of(fleet))
        whole = replace(past, facts=facts)
        read = Read(0, {}, {})

        def scored() -> snapshot.Snapshot:
            made = publication.snapshot_of(fleet, whole, hazards, read, settings, Clock().zone, "0" * 32, {})
            return planning.with_nightly_plan(made, settings, made.spec.data_as_of)

        made = timed("features, scores, costs, plan", scored)
        asyncio.run(publish(settings, made))
        print(f"  {'peak memory of this process':32} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:7.0f} MB")
        key = asyncio.run(make_key(settings.store_dsn))
        asyncio.run(latencies(settings, key))


if __name__ == "__main__":
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    main()
