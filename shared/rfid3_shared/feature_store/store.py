"""How do single feature values get into the store, each once, and how do they go again?

A value is that of a feature of an entity ("class:…", "store:…", "global") at a moment. `history` reads them back, as of any moment.
"""

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Insert, RowMapping, bindparam, delete, func, select
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.db import sliced
from rfid3_shared.feature_store.precision import DIGITS, LARGEST
from rfid3_shared.feature_store.tables import ml_feature_store as stored
from rfid3_shared.jobs.requests import stored_now

KEY = ("feature_name", "target_entity", "feature_timestamp")
FACTS = ("feature_category", "feature_value", "data_source", "computation_method", "is_real_time", "quality_score")
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FeatureValue:
    """One value to be kept. `feature_timestamp` (aware) is the moment it speaks of, `quality_score` runs from 0 to 1."""

    feature_name: str
    feature_category: str
    target_entity: str
    feature_value: float
    feature_timestamp: datetime
    data_source: str
    computation_method: str
    is_real_time: bool = False
    quality_score: float = 1.0


async def write_features(connection: AsyncConnection, rows: Iterable[FeatureValue], clock: Clock) -> int:
    """Keep the values; those that are there already and unchanged are not written again. Returns how many were new or changed.

    Of two rows for the same feature, entity and moment the last counts.
    Raises ValueError for a value that is no number, or too large for the table, and for a moment without zone.
    """
    wanted = {_key(row): row for row in map(_row, rows)}
    known = await _known(connection, wanted)
    now = stored_now(clock)
    changed = [{**row, "created_at": now} for key, row in wanted.items() if known.get(key) != _facts(row)]
    if changed:
        await connection.execute(insert_or_change(connection.dialect.name), changed)
    return len(changed)


async def prune(connection: AsyncConnection, clock: Clock, *, older_than_days: float) -> int:
    """Delete values that speak of a moment longer ago, but for the newest of each feature and entity; how many.

    That one still holds: what was known at any moment since then can be read as before.
    """
    before = stored_now(clock) - timedelta(days=older_than_days)
    name, entity, at = stored.c.feature_name, stored.c.target_entity, stored.c.feature_timestamp
    count = func.count().label("count")
    old = select(name, entity, func.max(at).label("at"), count).where(at < before).group_by(name, entity).having(count > 1)
    outlived = [row._asdict() for row in await connection.execute(old)]
    # pair by pair, each a stretch of the unique index: MariaDB takes minutes for one DELETE that reads the table it deletes from
    each = delete(stored).where(name == bindparam("name"), entity == bindparam("entity"), at < bindparam("until"))
    if outlived:
        named = [{"name": row["feature_name"], "entity": row["target_entity"], "until": row["at"]} for row in outlived]
        await connection.execute(each, named)
    return sum(row["count"] - 1 for row in outlived)


def _row(value: FeatureValue) -> Row:
    number = float(value.feature_value)
    if not math.isfinite(number) or abs(number) >= LARGEST:
        raise ValueError(f"{value.feature_name} of {value.target_entity} must be a number below {LARGEST:g}, not {number}")
    if value.feature_timestamp.tzinfo is None:
        raise ValueError(f"{value.feature_name} of {value.target_entity} needs a moment with its zone")
    at = value.feature_timestamp.astimezone(UTC).replace(tzinfo=None)
    return {
        **asdict(value),
        "feature_value": round(number, DIGITS),
        "feature_timestamp": at,
        "quality_score": round(value.quality_score, 2),
    }


def _key(row: Row | RowMapping) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEY)


def _facts(row: Row | RowMapping) -> tuple[Any, ...]:
    return tuple(row[name] for name in FACTS)


async def _known(connection: AsyncConnection, wanted: dict[tuple[Any, ...], Row]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """What the table says of the features and moments in question."""
    names = sorted({row["feature_name"] for row in wanted.values()})
    known: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    for moments in sliced(sorted({row["feature_timestamp"] for row in wanted.values()})):
        query = select(*(stored.c[name] for name in KEY + FACTS))
        query = query.where(stored.c.feature_name.in_(names), stored.c.feature_timestamp.in_(moments))
        known |= {_key(row): _facts(row) for row in (await connection.execute(query)).mappings()}
    return known


def insert_or_change(dialect: str) -> Insert:
    """Insert rows; one of the same feature, entity and moment is replaced."""
    names = (*FACTS, "created_at")
    if dialect == "sqlite":
        new = sqlite.insert(stored)
        return new.on_conflict_do_update(index_elements=list(KEY), set_={name: new.excluded[name] for name in names})
    change = mysql.insert(stored)
    return change.on_duplicate_key_update({name: change.inserted[name] for name in names})
