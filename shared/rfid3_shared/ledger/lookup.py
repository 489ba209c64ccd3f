"""Which predictions were recorded, and what became of each? For people and programs that look at the ledger."""

from dataclasses import asdict, dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from rfid3_shared.errors import NotFound
from rfid3_shared.ledger.feedback import NOT_THERE
from rfid3_shared.ledger.outcomes import outcomes, predictions, same_target
from rfid3_shared.ledger.tables import analytics_predictions, prediction_outcomes

MOST_COUNTED = 100_000
SCORE = ("error", "pinball_loss", "inside_interval", "accuracy_score", "validated_at")


@dataclass(frozen=True)
class Recorded:
    """A row of `analytics_predictions` with its outcome; times aware, in UTC.

    `actual_value`, `known_at` and `restated` are those of the outcome, None while nobody knows it; `error` to `validated_at` are
    the score, None until it is reckoned with that outcome; where only `validated_at` is there it never will be (`void`).
    """

    prediction_id: str
    role: str
    prediction_type: str
    target_item_id: str
    target_category: str
    store: str
    prediction_date: date
    horizon_days: int
    predicted_value: float
    interval_level: float
    confidence_lower: float | None
    confidence_upper: float | None
    confidence_score: float | None
    business_impact_score: float | None
    model_version: str
    model_type: str
    features_digest: str
    input_features: dict[str, Any] | None
    external_factors: dict[str, Any] | None
    request_id: str
    created_at: datetime
    feedback_rating: int | None
    actual_value: float | None
    known_at: datetime | None
    restated: int | None
    error: float | None
    pinball_loss: float | None
    inside_interval: bool | None
    accuracy_score: float | None
    validated_at: datetime | None

    def as_dict(self) -> dict[str, Any]:
        """What a caller is shown: the prediction, and under `outcome` and `score` what became of it (or null)."""
        shown = {name: _iso(value) if isinstance(value, (date, datetime)) else value for name, value in asdict(self).items()}
        outcome = {name: shown.pop(name) for name in ("actual_value", "known_at", "restated")}
        score = {name: shown.pop(name) for name in SCORE}
        return {
            **shown,
            "outcome": None if self.actual_value is None else outcome,
            "score": None if self.error is None else score,
        }


async def get_prediction(connection: AsyncConnection, prediction_id: str) -> Recorded:
    """The prediction.

    Raises NotFound for an id that is not recorded, or not recorded yet.
    """
    query = _with_outcomes().where(predictions.prediction_id == prediction_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise NotFound(NOT_THERE, prediction_id=prediction_id[:64])
    return _recorded(row)


async def list_predictions(connection: AsyncConnection, *, limit: int = 50, offset: int = 0, **wanted: Any) -> list[Recorded]:
    """Predictions, newest first; `wanted` as in `matching`."""
    page = (
        select(predictions.id).where(*matching(**wanted)).order_by(predictions.id.desc()).limit(limit).offset(offset).subquery()
    )
    query = _with_outcomes().join(page, page.c.id == predictions.id).order_by(predictions.id.desc())
    return [_recorded(row) for row in (await connection.execute(query)).mappings()]


async def count_predictions(connection: AsyncConnection, **wanted: Any) -> int:
    """How many `list_predictions` would give without a limit; counting stops at MOST_COUNTED."""
    some = select(predictions.id).where(*matching(**wanted)).limit(MOST_COUNTED).subquery()
    return (await connection.execute(select(func.count()).select_from(some))).scalar_one()


def matching(
    *, prediction_type: str | None = None, item: str | None = None, category: str | None = None, store: str | None = None,
    since: date | None = None, until: date | None = None, role: str | None = None, scored: bool | None = None,
) -> list[ColumnElement[bool]]:  # fmt: skip
    """Conditions on the ledger; what is None is not asked for. `since` and `until` are days that predictions speak of."""
    equal = {
        "prediction_type": prediction_type, "target_item_id": item, "target_category": category, "store": store, "role": role
    }  # fmt: skip
    found = [predictions[name] == value for name, value in equal.items() if value is not None]
    if since is not None:
        found.append(predictions.prediction_date >= since)
    if until is not None:
        found.append(predictions.prediction_date <= until)
    if scored is not None:
        is_scored = and_(predictions.validated_at.is_not(None), predictions.actual_value.is_not(None))
        found.append(is_scored if scored else predictions.validated_at.is_(None))
    return found


def _with_outcomes() -> Any:
    of_prediction = [
        predictions[field.name] for field in fields(Recorded) if field.name not in ("actual_value", "known_at", "restated")
    ]
    together = analytics_predictions.outerjoin(prediction_outcomes, same_target())
    return select(*of_prediction, outcomes.actual_value, outcomes.known_at, outcomes.restated).select_from(together)


def _recorded(row: RowMapping) -> Recorded:
    values = {field.name: _aware(row[field.name]) for field in fields(Recorded)}
    if values["validated_at"] is None:  # a restated outcome leaves the old score in the row until it is reckoned anew
        values |= dict.fromkeys(SCORE)
    return Recorded(**values)


def _aware(value: Any) -> Any:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def _iso(at: date) -> str:
    if isinstance(at, datetime):
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return at.isoformat()
