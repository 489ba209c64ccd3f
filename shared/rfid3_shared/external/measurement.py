"""What is one value of an outside factor, and how does it get into the store, once however often it is told?"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Insert, Table
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.external.tables import FACTOR_TYPES
from rfid3_shared.external.tables import external_data_factors as stored
from rfid3_shared.jobs.requests import stored_now

KEY = ("measurement_date", "factor_type", "factor_name", "location", "data_source")
CHANGED = ("factor_value", "is_forecast", "quality_confidence", "created_at")
LARGEST = 1e9
"""Values lie below it: D(15,6)."""
BATCH_ROWS = 1_000
Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Measurement:
    """The value of a factor on a day. `is_forecast`: it was said before the day had passed."""

    factor_type: str
    factor_name: str
    day: date
    value: float
    location: str = ""
    is_forecast: bool = False
    quality: float = 1.0


async def write_measurements(connection: AsyncConnection, rows: Iterable[Measurement], source: str, clock: Clock) -> int:
    """Keep what one source says, in the caller's transaction; of two rows for one day and place the last counts. Returns how many.

    Raises ValueError for a value that cannot be kept: no number, too large, of an unknown type, without a name or with one too long.
    """
    now = stored_now(clock)
    wanted: dict[tuple[Any, ...], Row] = {}
    for row in rows:
        if why := why_not_kept(row):
            raise ValueError(f"{row.factor_name} on {row.day}: {why}")
        made = {
            "measurement_date": row.day, "factor_type": row.factor_type, "factor_name": row.factor_name, "location": row.location,
            "data_source": source, "factor_value": round(float(row.value), 6), "is_forecast": row.is_forecast,
            "quality_confidence": round(row.quality, 2), "created_at": now,
        }  # fmt: skip
        wanted[tuple(made[name] for name in KEY)] = made
    made_rows = list(wanted.values())
    statement = insert_or_change(connection.dialect.name, stored, KEY, CHANGED)
    for at in range(0, len(made_rows), BATCH_ROWS):
        await connection.execute(statement, made_rows[at : at + BATCH_ROWS])
    return len(made_rows)


def why_not_kept(row: Measurement) -> str | None:
    """What is wrong with a value, in a few words; None when it can be kept."""
    if row.factor_type not in FACTOR_TYPES:
        return f"the type is none of {', '.join(FACTOR_TYPES)}"
    if not row.factor_name or len(row.factor_name) > 100:
        return "a name has 1 to 100 letters"
    if len(row.location) > 50:
        return "a place has 50 letters at most"
    if not math.isfinite(row.value) or abs(row.value) >= LARGEST:
        return f"the value must be a number below {LARGEST:,.0f}"
    return None if 0 <= row.quality <= 1 else "the quality lies between 0 and 1"


def insert_or_change(dialect: str, table: Table, key: Sequence[str], names: Sequence[str]) -> Insert:
    """Insert a row, or change these columns of the one that has its key; on each backend."""
    if dialect == "sqlite":
        new = sqlite.insert(table)
        return new.on_conflict_do_update(index_elements=list(key), set_={name: new.excluded[name] for name in names})
    change = mysql.insert(table)
    return change.on_duplicate_key_update({name: change.inserted[name] for name in names})
