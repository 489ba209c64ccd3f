"""How worn was each unit truly, what went wrong, and how long was it in the shop? Tables of the truth file.

Only tests, benches and proofs of benefit may read them. Days are dates of the shop; conditions are on the scale of the grades'
scores, 0 (F) to 10 (A+), so that the nearest whole number is the true grade. `hazards.turn_probability` is the law behind the
faults, with the numbers in `twin_truth_wear`.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Boolean, Column, Date, Float, Integer, String, Table, delete
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.db import insert_rows
from rfid3_shared.twin.hazards import true_grade
from rfid3_shared.twin.labels import Labels
from rfid3_shared.twin.materials import FAULTS, MATERIALS, VISITS, Hazard
from rfid3_shared.twin.randomness import Array
from rfid3_shared.twin.simulate import DayRecord
from rfid3_shared.twin.state import State
from rfid3_shared.twin.truth import truth_metadata
from rfid3_shared.twin.wear import condition_on
from rfid3_shared.twin.world import World

GONE_WORDS = (None, "retirement", "loss")

true_wear = Table(
    "twin_truth_wear", truth_metadata,
    Column("material", String(20), primary_key=True),
    Column("parameter", String(40), primary_key=True),
    Column("value", Float, nullable=False),
)  # fmt: skip
"""The numbers of materials.MATERIALS; those of a fault's rate are named `repair.per_turn`, `repair.condition` …"""
true_items = Table(
    "twin_truth_items", truth_metadata,
    Column("tag_id", String(24), primary_key=True),
    Column("rental_class_num", String(50), nullable=False),
    Column("material", String(20), nullable=False),
    Column("age_days", Float, nullable=False),
    Column("frailty", Float, nullable=False),
    Column("condition", Float, nullable=False),
    Column("grade", Integer, nullable=False),
    Column("turns", Integer, nullable=False),
    Column("turns_since_service", Integer, nullable=False),
    Column("gone", String(20)),
    Column("gone_day", Date),
)  # fmt: skip
"""Units that wear, at the end of the last day: age_days at the company's first day, the rest now; what is out has the condition
and the turns with which it left. `gone`: retirement or loss. With a `turn_probability` of days out and rain, the truth about the
next turn of each unit; a company that is advanced then shows what came of it."""
true_faults = Table(
    "twin_truth_faults", truth_metadata,
    Column("tag_id", String(24), nullable=False),
    Column("day", Date, nullable=False),
    Column("kind", String(20), nullable=False),
    Column("cost_usd", Float, nullable=False),
    Column("recorded", Boolean, nullable=False),
)  # fmt: skip
"""Faults by day of coming back, losses by the day on which the unit should have. cost_usd: work, or the price of a new unit."""
true_visits = Table(
    "twin_truth_visits", truth_metadata,
    Column("tag_id", String(24), nullable=False),
    Column("kind", String(20), nullable=False),
    Column("begun_day", Date, nullable=False),
    Column("ready_day", Date, nullable=False),
)  # fmt: skip
"""Stays in the shop: wet, wash, inspect or repair. From ready_day on, which may lie beyond the last day, it can leave again."""
true_conditions = Table(
    "twin_truth_conditions", truth_metadata,
    Column("tag_id", String(24), nullable=False),
    Column("day", Date, nullable=False),
    Column("condition", Float, nullable=False),
    Column("grade", Integer, nullable=False),
)  # fmt: skip
"""Each unit on the first day, and whenever a turn or a repair changed its true grade."""
DAY_COLUMNS = (
    (true_faults, true_faults.c.day),
    (true_visits, true_visits.c.begun_day),
    (true_conditions, true_conditions.c.day),
)
"""Tables that grow, each with the column that says on which day a row was written."""

Row = tuple[Any, ...]


def wearing_tags(world: World) -> Array:
    """The tags that wear: rented, of a scanned class, and there on the first day."""
    return np.flatnonzero(world.tags.wears)


async def describe(connection: AsyncConnection) -> None:
    """Write the parameters of wear, replacing what is there."""
    await connection.execute(delete(true_wear))
    await insert_rows(connection, true_wear, ("material", "parameter", "value"), list(_parameters()))


def _parameters() -> Iterator[Row]:
    for material in MATERIALS:
        for name, value in material._asdict().items():
            if isinstance(value, Hazard):
                yield from ((material.name, f"{name}.{effect}", float(size)) for effect, size in value._asdict().items())
            elif isinstance(value, (int, float)):
                yield material.name, name, float(value)


def item_rows(world: World, labels: Labels, state: State) -> Iterator[Row]:
    """Rows of `true_items` on the morning of the state's day."""
    tag, wear = wearing_tags(world), state.wear
    out, there = state.back_day[tag] >= 0, wear.gone[tag] == 0
    until = np.where(out, wear.out_day[tag], np.where(there, state.day, wear.worn_day[tag]))
    condition = condition_on(world, wear, tag, until)
    names = np.array([material.name for material in MATERIALS], object)[world.tags.material[tag]]
    gone = np.array(GONE_WORDS, object)[wear.gone[tag]]
    gone_day = [day if word else None for day, word in zip(_dates(world, wear.gone_day[tag]), gone, strict=True)]
    return zip(
        labels.tag_id[tag].tolist(), labels.class_num[world.tag_class_of(tag)].tolist(), names.tolist(),
        world.tags.age_days[tag].tolist(), world.tags.frailty[tag].tolist(), condition.tolist(), true_grade(condition).tolist(),
        wear.turns[tag].tolist(), wear.turns_since_service[tag].tolist(), gone.tolist(), gone_day, strict=True,
    )  # fmt: skip


def first_condition_rows(world: World, labels: Labels) -> Iterator[Row]:
    """Rows of `true_conditions` on the first day."""
    tag = wearing_tags(world)
    condition = world.tags.first_condition[tag]
    day = [world.spec.start.isoformat()] * len(tag)
    return zip(labels.tag_id[tag].tolist(), day, condition.tolist(), true_grade(condition).tolist(), strict=True)


def fault_rows(world: World, labels: Labels, records: Sequence[DayRecord]) -> Iterator[Row]:
    """Rows of `true_faults` of these days."""
    for record in records:
        found, day = record.wear.faults, _date(world, record.day)
        kinds = np.array(FAULTS, object)[found["kind"]].tolist()
        costs = (found["cost_cents"] / 100).tolist()
        for tag, kind, cost, noted in zip(labels.tag_id[found["tag"]], kinds, costs, found["recorded"].tolist(), strict=True):
            yield tag, day, kind, cost, int(noted)


def visit_rows(world: World, labels: Labels, records: Sequence[DayRecord]) -> Iterator[Row]:
    """Rows of `true_visits` of these days."""
    for record in records:
        found, day = record.wear.visits, _date(world, record.day)
        kinds = np.array(VISITS, object)[found["kind"]].tolist()
        for tag, kind, ready in zip(labels.tag_id[found["tag"]], kinds, _dates(world, found["ready_day"]), strict=True):
            yield tag, kind, day, ready


def condition_rows(world: World, labels: Labels, records: Sequence[DayRecord]) -> Iterator[Row]:
    """Rows of `true_conditions` of these days."""
    for record in records:
        found, day = record.wear.conditions, _date(world, record.day)
        columns = labels.tag_id[found["tag"]], found["condition"].tolist(), found["grade"].tolist()
        for tag, condition, grade in zip(*columns, strict=True):
            yield tag, day, condition, grade


async def rewind(connection: AsyncConnection, last: date) -> None:
    """Take back what was written beyond a day."""
    for table, column in DAY_COLUMNS:
        await connection.execute(delete(table).where(column > last))


def _date(world: World, day: int) -> str:
    return (world.spec.start + timedelta(days=day)).isoformat()


def _dates(world: World, day: Array) -> list[str]:
    moments = np.datetime64(world.spec.start.isoformat(), "D") + np.asarray(day, np.int64).astype("timedelta64[D]")
    dates: list[str] = np.datetime_as_string(moments, unit="D").tolist()
    return dates
