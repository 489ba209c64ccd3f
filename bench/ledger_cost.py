"""What does the ledger cost a forecast, in CPU? An answer of four weeks, never asked before, with and without being recorded.

`python -m bench.ledger_cost`. One process reads forecasts off a trained snapshot and makes JSON of them; `on the way` adds the ledger
rows, their ids and `record`, which is what a request waits for; `written` adds the batches that go to a SQLite store behind its back.
Rounds alternate; medians. A forecast asked for again is answered from memory and costs the ledger nothing.
"""

import asyncio
import os
import statistics
import tempfile
import time
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import func, select

from bench.forecast_endpoint import train_demo
from rfid3_demand import predict, resolve, snapshot
from rfid3_demand.ledger_rows import rows_of
from rfid3_demand.schemas import ForecastQuery
from rfid3_demand.served import Served
from rfid3_demand.settings import DemandSettings
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.ledger import Recorder, analytics_predictions
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.registry import Registry

ROUNDS, REQUESTS, WEEKS = 21, 250, 4


async def trained(settings: DemandSettings, folder: Path) -> Any:
    """The snapshot of a demo company."""
    await train_demo(settings, folder)
    store = open_engine(settings.store_dsn)
    registry = Registry(settings.artefact_dir, store, Clock())
    version = await registry.current("demand")
    await store.dispose()
    if version is None:
        raise SystemExit("training published nothing")
    return snapshot.load(registry.open_artefact(version))


def questions(loaded: Any) -> Iterator[ForecastQuery]:
    """Questions that differ in what is asked for or in the level of the interval."""
    levels = (round(0.5 + k / 10_000, 4) for k in range(4900))
    for level, category in product(levels, [None, *list(loaded.names["category"])[:4]]):
        named = {} if category is None else {"category": category}
        yield ForecastQuery(weeks=WEEKS, confidence_level=level, **named)


def cpu_us(begun: float) -> float:
    """Microseconds of this process's CPU a request, since then."""
    return (time.process_time() - begun) / REQUESTS * 1e6


async def without(loaded: Any, asked: list[ForecastQuery]) -> float:
    """The answers alone."""
    begun = time.process_time()
    for query in asked:
        orjson.dumps(predict.forecast(Served(loaded), query), option=orjson.OPT_SERIALIZE_NUMPY)
        await asyncio.sleep(0)
    return cpu_us(begun)


async def recorded(loaded: Any, asked: list[ForecastQuery], recorder: Recorder, version: str) -> tuple[float, float]:
    """(what requests took, that and what writing took afterwards)."""
    clock = Clock()
    begun = time.process_time()
    for number, query in enumerate(asked):
        served = Served(loaded)
        data, node = predict.forecast(served, query), resolve.node(loaded, query)[1]
        rows = rows_of(data, query, version, served.inputs(node), clock.now(), f"request-{number}")
        for week, row in zip(data["predictions"], rows, strict=True):
            week["prediction_id"] = row.id
        recorder.record(rows)
        orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY)
        await asyncio.sleep(0)
    on_the_way = cpu_us(begun)
    await recorder.start()
    await recorder.aclose()
    return on_the_way, cpu_us(begun)


async def measure(folder: Path, loaded: Any) -> None:
    """Alternate, check that every prediction is there, print medians."""
    engine = open_engine(f"sqlite:///{folder / 'ledger.db'}")
    await ensure_schema(engine)
    asked = [query for query, _ in zip(questions(loaded), range(REQUESTS), strict=False)]
    await without(loaded, asked)
    alone, on_the_way, written = [], [], []
    for number in range(ROUNDS):
        alone.append(await without(loaded, asked))
        # room for all of them, so that nothing is written before the last request is done
        recorder = Recorder(engine, folder / "spill", Clock(), queue_rows=REQUESTS * WEEKS, batch_wait_s=60.0)
        took, all_in_all = await recorded(loaded, asked, recorder, f"v{number}")
        on_the_way.append(took - alone[-1])
        written.append(all_in_all - took)
    async with transaction(engine) as connection:
        rows = (await connection.execute(select(func.count()).select_from(analytics_predictions))).scalar_one()
    await engine.dispose()
    if rows != ROUNDS * REQUESTS * WEEKS:
        raise SystemExit(f"{rows} rows instead of {ROUNDS * REQUESTS * WEEKS}")
    answer, way, behind = (statistics.median(values) for values in (alone, on_the_way, written))
    print(
        f"CPU of a forecast of {WEEKS} weeks, medians of {ROUNDS} paired rounds of {REQUESTS}; {rows:,} rows recorded, none lost"
    )
    print(f"  the answer alone             {answer:7.1f} µs")
    print(f"  recording it, on the way     {way:+7.1f} µs  ({way / WEEKS:.1f} a row)")
    print(f"  writing it, in the background{behind:+7.1f} µs  ({behind / WEEKS:.1f} a row)")


def main() -> None:
    """Train a demo company, then measure."""
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    with tempfile.TemporaryDirectory() as name:
        settings = DemandSettings(home=Path(name), redis_url="redis://127.0.0.1:1/0", demand_horizon_weeks=13)
        loaded = asyncio.run(trained(settings, Path(name)))
        asyncio.run(measure(Path(name), loaded))


if __name__ == "__main__":
    main()
