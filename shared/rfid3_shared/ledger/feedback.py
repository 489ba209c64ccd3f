"""What did people think of a prediction, and what did they do instead? Kept for ever beside it; nothing is overwritten."""

from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from sqlalchemy import RowMapping, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.clock import Clock
from rfid3_shared.errors import InvalidParameters, NotFound
from rfid3_shared.jobs.requests import stored_now
from rfid3_shared.ledger.outcomes import predictions
from rfid3_shared.ledger.tables import analytics_predictions, prediction_feedback

given = prediction_feedback.c
RATINGS = range(1, 6)
LONGEST_REASON = 500
GREATEST_OVERRIDE = 1e10
NOT_THERE = (
    "No prediction has this id. A new one is written down within a second or two of its answer, or when the store is back: "
    "if yours is new, try again."
)


@dataclass(frozen=True)
class Feedback:
    """One row of `prediction_feedback`: a rating from 1 (useless) to 5 (just right), what was done instead, or both."""

    id: int
    prediction_id: str
    rating: int | None
    override_value: float | None
    reason: str
    given_by: str
    created_at: datetime

    def as_dict(self) -> dict[str, Any]:
        """What a caller is shown."""
        return {**asdict(self), "created_at": self.created_at.isoformat(timespec="milliseconds").replace("+00:00", "Z")}


async def give_feedback(
    connection: AsyncConnection, prediction_id: str, *, rating: int | None = None, override_value: float | None = None,
    reason: str, given_by: str, clock: Clock,
) -> Feedback:  # fmt: skip
    """Write down what somebody thinks; the prediction's own rating is the latest one.

    Raises NotFound for an unknown id, InvalidParameters for a rating outside 1 to 5, for neither rating nor override, and for an
    override without a reason.
    """
    _check(rating, override_value, reason)
    known = select(predictions.id).where(predictions.prediction_id == prediction_id)
    if (await connection.execute(known)).first() is None:
        raise NotFound(NOT_THERE, prediction_id=prediction_id[:64])
    row = {
        "prediction_id": prediction_id, "rating": rating, "reason": reason.strip(), "given_by": given_by,
        "override_value": None if override_value is None else round(override_value, 4), "created_at": stored_now(clock),
    }  # fmt: skip
    written = await connection.execute(insert(prediction_feedback).values(row))
    if rating is not None:
        rated = update(analytics_predictions).where(predictions.prediction_id == prediction_id)
        await connection.execute(rated.values(feedback_rating=rating))
    (number,) = written.inserted_primary_key or (0,)
    return _feedback({**row, "id": number})


async def list_feedback(
    connection: AsyncConnection, *, prediction_id: str | None = None, limit: int = 50, offset: int = 0
) -> list[Feedback]:
    """Feedback, newest first."""
    query = select(prediction_feedback).order_by(given.id.desc()).limit(limit).offset(offset)
    if prediction_id is not None:
        query = query.where(given.prediction_id == prediction_id)
    return [_feedback(row) for row in (await connection.execute(query)).mappings()]


async def count_feedback(connection: AsyncConnection, *, prediction_id: str | None = None) -> int:
    """How many `list_feedback` would give without a limit."""
    query = select(func.count()).select_from(prediction_feedback)
    if prediction_id is not None:
        query = query.where(given.prediction_id == prediction_id)
    return (await connection.execute(query)).scalar_one()


def _check(rating: int | None, override_value: float | None, reason: str) -> None:
    if rating is None and override_value is None:
        raise InvalidParameters("Give a rating from 1 to 5, a value to use instead, or both.", parameter="rating")
    if rating is not None and rating not in RATINGS:
        raise InvalidParameters("A rating is a whole number from 1 to 5.", parameter="rating", value=rating)
    if override_value is not None:
        if not isfinite(override_value) or abs(override_value) > GREATEST_OVERRIDE:
            raise InvalidParameters("The value to use instead is no usable number.", parameter="override_value")
        if not reason.strip():
            raise InvalidParameters("Say why another value is used: later predictions learn from it.", parameter="reason")
    if len(reason.strip()) > LONGEST_REASON:
        raise InvalidParameters(f"A reason has at most {LONGEST_REASON} characters.", parameter="reason", found=len(reason))


def _feedback(row: RowMapping | dict[str, Any]) -> Feedback:
    values = {field.name: row[field.name] for field in fields(Feedback)}
    return Feedback(**{**values, "created_at": values["created_at"].replace(tzinfo=UTC)})
