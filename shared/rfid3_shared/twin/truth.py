"""What was truly asked for, served and refused? Kept apart from RFID3's tables, in an SQLite file of its own.

Only tests, benches and proofs of benefit may read it; no service does.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Boolean, Column, Date, Float, Integer, MetaData, String, Table, Text, delete
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.db import insert_rows, open_engine
from rfid3_shared.twin.catalogue import KINDS
from rfid3_shared.twin.labels import Labels
from rfid3_shared.twin.simulate import DayRecord
from rfid3_shared.twin.world import STORES, World

truth_metadata = MetaData()

parameters = Table(
    "twin_parameters", truth_metadata,
    Column("key", String(50), primary_key=True),
    Column("value", Text, nullable=False),
)  # fmt: skip
true_classes = Table(
    "twin_truth_classes", truth_metadata,
    Column("rental_class_num", String(50), primary_key=True),
    Column("common_name", String(255)),
    Column("category", String(100)),
    Column("subcategory", String(100)),
    Column("scanned", Boolean),
    Column("stock_units", Integer),
    Column("units_per_year", Float),
    Column("units_per_line", Float),
    Column("growth_log_per_year", Float),
    Column("launch_date", Date),
    Column("heat_log_per_10f", Float),
    Column("rain_log_per_in", Float),
)  # fmt: skip
true_demand = Table(
    "twin_truth_demand", truth_metadata,
    Column("rental_class_num", String(50), primary_key=True),
    Column("store_id", String(10), primary_key=True),
    Column("date", Date, primary_key=True),
    Column("demand_units", Integer, nullable=False),
    Column("served_units", Integer, nullable=False),
    Column("refused_units", Integer, nullable=False),
)  # fmt: skip
"""Units asked for, served and refused by class, store and day of leaving; days without a request have no row."""


def open_truth(path: Path) -> AsyncEngine:
    """An engine on the truth file."""
    return open_engine(f"sqlite:///{path.resolve()}", pool_size=1, overflow=0)


def demand_rows(world: World, labels: Labels, records: Sequence[DayRecord]) -> Iterator[tuple[Any, ...]]:
    """Rows of `true_demand` for the days of these records."""
    store_ids = [store.store_id for store in STORES]
    for record in records:
        pool, at = np.unique(record.requests.pool, return_inverse=True)
        asked = np.bincount(at, weights=record.requests.units, minlength=len(pool)).astype(np.int64)
        served = np.bincount(at, weights=record.allocation.served, minlength=len(pool)).astype(np.int64)
        day = (world.spec.start + timedelta(days=record.day)).isoformat()
        names, homes = labels.class_num[world.pools.cls[pool]].tolist(), world.pools.store[pool].tolist()
        for k, name in enumerate(names):
            yield name, store_ids[homes[k]], day, int(asked[k]), int(served[k]), int(asked[k] - served[k])


async def describe(connection: AsyncConnection, world: World, labels: Labels) -> None:
    """Write the parameters of the company and of its classes, replacing what is there."""
    spec, classes = world.spec, world.classes
    await connection.execute(delete(parameters))
    await connection.execute(delete(true_classes))
    facts: dict[str, Any] = {"seed": spec.seed, "items": spec.items, "start": spec.start.isoformat()}
    facts["recorded_ratio"] = spec.recorded_ratio
    if spec.blocked_ratio:
        facts["blocked_ratio"] = spec.blocked_ratio
    await insert_rows(connection, parameters, ("key", "value"), [(key, json.dumps(value)) for key, value in facts.items()])
    rows = []
    for k, number in enumerate(labels.class_num.tolist()):
        kind = KINDS[int(classes.kind[k])]
        launch = (spec.start + timedelta(days=int(classes.launch_day[k]))).isoformat()
        rows.append((
            number, classes.name[k], kind.category, kind.subcategory, int(classes.scanned[k]), int(classes.stock[k]),
            float(classes.units_per_year[k]), float(classes.mean_quantity[k]), float(classes.growth[k]), launch,
            float(classes.heat[k]), float(classes.rain[k]),
        ))  # fmt: skip
    await insert_rows(connection, true_classes, [column.name for column in true_classes.columns], rows)
