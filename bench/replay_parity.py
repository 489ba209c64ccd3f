"""Do logged predictions come out again to the last digit, and how long does that take?

`python -m bench.replay_parity`. A small simulated company is trained; its present changes PRESENTS times over three weeks, values kept
as they change, and each time questions are answered as the service answers them, until ROWS predictions are in the ledger. Then all
are made again from what the store knew at the time. A changed value of the store is planted last, to see that it is found.
"""

import asyncio
import os
import random
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import func, select, update

from bench.forecast_endpoint import train_demo
from rfid3_demand import replay, snapshot
from rfid3_demand.live_reading import Live
from rfid3_demand.present.definitions import LIVE, entity
from rfid3_demand.routes.answering import predicted, served_for
from rfid3_demand.schemas import ForecastQuery
from rfid3_demand.series_view import question
from rfid3_demand.served import Served
from rfid3_demand.settings import DemandSettings
from rfid3_demand.snapshot import Snapshot
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.feature_store import history
from rfid3_shared.feature_store.online import Reading, TakenIn
from rfid3_shared.feature_store.tables import ml_feature_store
from rfid3_shared.ledger import Recorder, analytics_predictions
from rfid3_shared.ledger.replay import Report
from rfid3_shared.ledger.replay import replay as make_again
from rfid3_shared.registry import Loaded, Registry

ROWS, PRESENTS, WEEKS = 10_000, 250, 4
Values = dict[str, tuple[float | None, ...]]


def first(made: Snapshot, luck: random.Random) -> Values:
    """Some fleet for every class in a store."""
    found: Values = {}
    for place in made.spec.nodes[: len(made.spec.bottom)]:
        fleet = float(luck.randint(5, 80))
        found[entity(place["name"], place["store"])] = (0.0, fleet, 0.0, float(luck.randint(0, 5)), 0.0, 0.0, 0.0)
    return found


def moved(values: Values, luck: random.Random) -> Values:
    """A few units more have left, and some contracts were written."""
    found = dict(values)
    for name in luck.sample(sorted(values), min(5, len(values))):
        left, fleet, out, booked, *rest = found[name]
        assert left is not None
        assert out is not None
        assert booked is not None
        found[name] = (left + luck.randint(0, 4), fleet, out + luck.randint(0, 3), booked + luck.randint(0, 2), *rest)
    return found


async def show(settings: DemandSettings, folder: Path) -> tuple[int, int]:
    """Log ROWS predictions; (presents used, rows in the ledger)."""
    store, clock, luck = open_engine(settings.store_dsn), Clock(), random.Random(8)
    registry = Registry(settings.artefact_dir, store, clock)
    version = await registry.current("demand")
    if version is None:
        raise SystemExit("training published nothing")
    made = snapshot.load(registry.open_artefact(version))
    loaded: Loaded[Snapshot] = Loaded(made, version, clock.now())
    recorder = Recorder(store, folder / "spill", clock, queue_rows=4 * ROWS)
    values, shown = first(made, luck), 0
    known: Values = {}
    as_of, nodes = datetime(2026, 7, 1, 5, tzinfo=UTC), list(_asked(made))
    moment = as_of.replace(tzinfo=None) - timedelta(hours=5)
    for seq in range(PRESENTS):
        moment, as_of, values = (
            moment + timedelta(hours=2, seconds=7),
            as_of + timedelta(hours=2, seconds=7),
            moved(values, luck),
        )
        async with transaction(store) as connection:
            await history.append(connection, LIVE, values, as_of, known)
        known = values
        reading = Reading("FRESH", dict.fromkeys(LIVE.names, "FRESH"), TakenIn(seq, moment, as_of, as_of), values)
        live = Live(reading, {above["class"] for above in made.spec.bottom})
        for query in luck.sample(nodes, ROWS // PRESENTS // WEEKS):
            rows = predicted(loaded, served_for(loaded, live, query), query, clock.now(), "bench")[1]
            shown += len(rows)
            recorder.record(rows)
    await recorder.start()
    await recorder.aclose()
    async with transaction(store) as connection:
        kept = (await connection.execute(select(func.count()).select_from(analytics_predictions))).scalar_one()
    await store.dispose()
    if kept != shown:
        raise SystemExit(f"{kept} rows in the ledger instead of {shown}")
    return PRESENTS, kept


def _asked(made: Snapshot) -> Iterator[ForecastQuery]:
    """Every node that supports enough weeks, at three levels."""
    served = Served(made)
    for row in made.rows.values():
        if made.spec.max_horizon_weeks[row] >= WEEKS + 4 and made.spec.sufficiency[row] != "none":
            for level in (0.8, 0.9, 0.5):
                yield question(served, row, ForecastQuery(weeks=WEEKS, confidence_level=level))


async def again(settings: DemandSettings) -> tuple[Report, float]:
    """What came of making them again, and the seconds it took."""
    store = open_engine(settings.store_dsn)
    begun = time.perf_counter()
    registry = Registry(settings.artefact_dir, store, Clock())
    report = await make_again(replay.REPLAYED, store, registry, Clock(), limit=ROWS)
    took = time.perf_counter() - begun
    await store.dispose()
    return report, took


async def plant(settings: DemandSettings) -> None:
    """Change one kept value by one unit."""
    store, kept = open_engine(settings.store_dsn), ml_feature_store.c
    async with transaction(store) as connection:
        newest = select(func.max(kept.id)).where(kept.feature_name == "units_left_week").scalar_subquery()
        await connection.execute(update(ml_feature_store).where(kept.id == newest).values(feature_value=kept.feature_value + 1))
    await store.dispose()


async def measure(folder: Path) -> None:
    """Train, show, make again, plant a change, make again; print."""
    settings = DemandSettings(home=folder, redis_url="redis://127.0.0.1:1/0", demand_horizon_weeks=13)
    await train_demo(settings, folder, items=300, months=14, end=date(2026, 6, 30))
    presents, rows = await show(settings, folder)
    report, seconds = await again(settings)
    print(
        f"{rows:,} predictions of {presents} presents: {report.equal:,} of {report.replayed:,} made again are equal to the last digit"
    )
    each_ms = 1e3 * seconds / max(report.replayed, 1)
    print(f"  {seconds:.1f} s, {each_ms:.2f} ms a prediction; not replayable: {report.not_replayable or 'none'}")
    await plant(settings)
    planted, _ = await again(settings)
    print(f"  after one kept value was changed by one unit: {planted.replayed - planted.equal} differ")
    if not report.holds or report.replayed != rows or planted.holds:
        raise SystemExit(1)


def main() -> None:
    """Measure in a folder of its own."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as name:
        asyncio.run(measure(Path(name)))


if __name__ == "__main__":
    main()
