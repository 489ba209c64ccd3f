"""How are predictions held against outcomes, by the million? In SQL, a batch of rows a transaction.

A row that `validated_at` leaves empty waits for its score. Each batch takes the next waiting rows by id and scores those whose
outcome is known, so that a run that is killed goes on where it stopped, a run after a run finds nothing to do, and no lock is
held for longer than a batch. The arithmetic is that of `scoring.score_of`, rounded to four decimals.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Float, Integer, Update, and_, case, func, literal_column, null, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.jobs.progress import Progress
from rfid3_shared.jobs.requests import stored_now
from rfid3_shared.ledger.outcomes import outcomes, predictions, same_target
from rfid3_shared.ledger.tables import analytics_predictions

BATCH_ROWS = 10_000


@dataclass(frozen=True)
class Scored:
    """What a run did: rows scored for the first time, rows scored again, rows whose outcome nobody knows yet."""

    scored: int
    restated: int
    waiting: int


async def score(engine: AsyncEngine, prediction_type: str, clock: Clock, progress: Progress) -> Scored:
    """Score every prediction of this type whose outcome is known and not yet reckoned with; shadow rows too.

    Raises StoreUnavailable when the store goes away; what was scored until then stays scored.
    """
    total = await count_waiting(engine, prediction_type)
    looked_at = changed = restated = after = 0
    progress.report("scoring", 0, total)
    while True:
        async with transaction(engine) as connection:
            last, rows, again = await _next_batch(connection, prediction_type, after)
            if not rows:
                break
            statement = _scored_rows(prediction_type, after, last).values(validated_at=stored_now(clock))
            changed += (await connection.execute(statement)).rowcount
        after, looked_at, restated = last, looked_at + rows, restated + again
        progress.report("scoring", min(looked_at, total), total)
    return Scored(changed - restated, restated, await count_waiting(engine, prediction_type))


async def count_waiting(engine: AsyncEngine, prediction_type: str) -> int:
    """Predictions of this type without a score."""
    async with transaction(engine) as connection:
        query = select(func.count()).select_from(analytics_predictions).where(_waits(prediction_type))
        return int((await connection.execute(query)).scalar_one())


def _waits(prediction_type: str) -> Any:
    return and_(predictions.prediction_type == prediction_type, predictions.validated_at.is_(None))


async def _next_batch(connection: AsyncConnection, prediction_type: str, after: int) -> tuple[int, int, int]:
    """(last id, rows, rows that had a score before) of the next waiting rows."""
    batch = (
        select(predictions.id, predictions.actual_value).where(_waits(prediction_type), predictions.id > after)
        .order_by(predictions.id).limit(BATCH_ROWS).subquery()
    )  # fmt: skip
    query = select(func.max(batch.c.id), func.count(), func.count(batch.c.actual_value))
    last, rows, again = (await connection.execute(query)).one()
    return last or after, rows, again


def _scored_rows(prediction_type: str, after: int, last: int) -> Update:
    """The UPDATE of waiting rows in (after, last] whose outcome is known. No assignment reads what another one writes."""
    actual, predicted = outcomes.actual_value, predictions.predicted_value
    lower, upper, level = predictions.confidence_lower, predictions.confidence_upper, predictions.interval_level
    error = predicted - actual
    has_none = or_(lower.is_(None), upper.is_(None), level <= 0)
    # the two ends' mean loss, rearranged: a quarter of (1 - level) times the width, and half of what the outcome lies outside
    outside = case((actual < lower, lower - actual), else_=0) + case((actual > upper, actual - upper), else_=0)
    loss = (1 - level) * _exact("0.25") * (upper - lower) + _exact("0.5") * outside
    most = case((func.abs(actual) > func.abs(predicted), func.abs(actual)), else_=func.abs(predicted))
    return (
        update(analytics_predictions)
        .where(_waits(prediction_type), predictions.id > after, predictions.id <= last, same_target())
        .values(
            actual_value=actual,
            error=func.round(error, 4),
            pinball_loss=case((has_none, null()), else_=func.round(loss, 4)),
            inside_interval=case(
                (has_none, null()), (and_(actual >= lower, actual <= upper), _whole("1")), else_=_whole("0")
            ),
            accuracy_score=case((most == 0, _whole("1")), else_=func.round(_exact("1.0") - func.abs(error) / most, 4)),
        )
    )  # fmt: skip


def _exact(number: str) -> Any:
    """A decimal written into the statement: MariaDB reckons with it exactly, a bound float might make it a double."""
    return literal_column(number, Float)


def _whole(number: str) -> Any:
    return literal_column(number, Integer)
