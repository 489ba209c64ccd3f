"""What happened to the targets that were predicted? Which outcomes are still to be found, and where they are written down.

A service knows how to count its outcomes; the ledger knows for which targets it wants them. Scans come in late and are
corrected, so a young outcome is asked for again; one that turns out otherwise is restated, and its predictions wait for `score`
once more.
"""

from collections.abc import Iterable
from datetime import date, datetime
from math import isfinite
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Date, Insert, and_, bindparam, case, exists, func, literal_column, null, select, update
from sqlalchemy.dialects import mysql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.jobs.requests import stored_now
from rfid3_shared.ledger.tables import analytics_predictions, prediction_outcomes

predictions, outcomes = analytics_predictions.c, prediction_outcomes.c
CHUNK_ROWS = 1000


class Target(NamedTuple):
    """What a prediction speaks of; names as in `Prediction`."""

    target_item_id: str
    target_category: str
    store: str
    prediction_date: date


class Outcome(NamedTuple):
    """What happened to a target, in the unit that was predicted."""

    target: Target
    actual_value: float


def same_target() -> ColumnElement[bool]:
    """Whether a prediction and an outcome speak of the same thing."""
    kind = predictions.prediction_type == outcomes.prediction_type
    return and_(kind, *(predictions[name] == outcomes[name] for name in Target._fields))


async def targets_due(connection: AsyncConnection, prediction_type: str, *, upto: date, restate_since: date) -> list[Target]:
    """Targets with predictions for a day up to `upto` whose outcome is not known, or is known and may have changed since.

    The latter are those of `restate_since` or later. Sorted by day; each target once.
    """
    names = [predictions.target_item_id, predictions.target_category, predictions.store]
    young = select(*names, predictions.prediction_date).where(
        predictions.prediction_type == prediction_type, predictions.prediction_date.between(restate_since, upto)
    )
    # the day inside a function keeps SQLite on the index of what waits for a score; by day it would read all of history
    day = func.coalesce(predictions.prediction_date, null(), type_=Date)
    known = exists().where(same_target())
    waiting = select(*names, day).where(
        predictions.prediction_type == prediction_type, predictions.validated_at.is_(None), day <= upto, ~known
    )
    found = {Target._make(row) for query in (young, waiting) for row in await connection.execute(query.distinct())}
    return sorted(found, key=lambda target: (target.prediction_date, target))


async def write_outcomes(connection: AsyncConnection, prediction_type: str, rows: Iterable[Outcome], clock: Clock) -> None:
    """Write outcomes down; a value that is there already changes nothing, another one restates it.

    Predictions of a restated outcome count as not scored until `score` has been there again. An outcome that is no number is not
    known, and left out. Values are kept with four decimals, as predictions are.
    """
    now = stored_now(clock)
    written: list[dict[str, Any]] = [
        {"prediction_type": prediction_type, **target._asdict(), "actual_value": round(actual, 4), "known_at": now, "restated": 0}
        for target, actual in rows if isfinite(actual)
    ]  # fmt: skip
    statement = _upsert(connection.dialect.name)
    for start in range(0, len(written), CHUNK_ROWS):
        await connection.execute(statement, written[start : start + CHUNK_ROWS])
    await _wait_again(connection, prediction_type, now)


async def _wait_again(connection: AsyncConnection, prediction_type: str, now: datetime) -> None:
    """Let the predictions of outcomes that were restated now wait for another score.

    One update a target, by index: joined in one statement, SQLite would read every prediction of the type.
    """
    names = (*Target._fields, "actual_value")
    changed = and_(outcomes.prediction_type == prediction_type, outcomes.known_at == now, outcomes.restated > 0)
    found = (await connection.execute(select(*(outcomes[name] for name in names)).where(changed))).all()
    if found:
        same = [predictions[name] == bindparam(f"its_{name}") for name in Target._fields]
        stale = and_(
            predictions.prediction_type == prediction_type, *same, predictions.actual_value != bindparam("its_actual_value")
        )
        await connection.execute(
            update(analytics_predictions).where(stale).values(validated_at=None),
            [{f"its_{name}": row._mapping[name] for name in names} for row in found],
        )


def _upsert(dialect: str) -> Insert:
    if dialect == "sqlite":
        lite = sqlite.insert(prediction_outcomes)
        return lite.on_conflict_do_update(
            index_elements=["prediction_type", "prediction_date", "target_item_id", "target_category", "store"],
            set_={
                "actual_value": lite.excluded.actual_value,
                "known_at": lite.excluded.known_at,
                "restated": outcomes.restated + 1,
            },
            where=outcomes.actual_value != lite.excluded.actual_value,
        )
    full = mysql.insert(prediction_outcomes)
    differs = outcomes.actual_value != full.inserted.actual_value
    # MySQL assigns from left to right: the value comes last, so that the others can still see whether it differs. Numbers are
    # written out, because the driver joins many rows into one statement and fills in those of the VALUES list only.
    return full.on_duplicate_key_update([
        ("restated", outcomes.restated + case((differs, literal_column("1")), else_=literal_column("0"))),
        ("known_at", case((differs, full.inserted.known_at), else_=outcomes.known_at)),
        ("actual_value", full.inserted.actual_value),
    ])  # fmt: skip
