"""What may be asked of the ledger and its alerts over HTTP, and what do the answers hold?"""

from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from rfid3_shared.ledger.lookup import MOST_COUNTED
from rfid3_shared.ledger.prediction import PredictionType, Role

Limit = Annotated[int, Field(ge=1, le=500)]
Offset = Annotated[int, Field(ge=0, le=1_000_000_000)]


class PredictionsQuery(BaseModel):
    """Which predictions to list."""

    model_config = ConfigDict(extra="forbid")

    prediction_type: PredictionType | None = Field(None, description="Only predictions of this kind.")
    item: str | None = Field(
        None, max_length=255, description="Only those of this class, item or pack; empty: of none of them."
    )
    category: str | None = Field(None, max_length=100, description="Only those of this category; empty: of none.")
    store: str | None = Field(None, max_length=10, description="Only those of this store, as its id or ALL.")
    since: date | None = Field(None, description="Only days (or weeks' Mondays) from this one on.")
    until: date | None = Field(None, description="Only days up to this one.")
    role: Role | None = Field(None, description="`shown` to somebody, or made beside by a `shadow` version.")
    scored: bool | None = Field(None, description="Only those with a score, or only those that wait for one.")
    limit: Limit = 50
    offset: Offset = 0


class FeedbackRequest(BaseModel):
    """What somebody thinks of a prediction, what they do instead, or both."""

    model_config = ConfigDict(extra="forbid")

    rating: Annotated[int, Field(strict=True, ge=1, le=5)] | None = Field(None, description="1 (useless) to 5 (just right).")
    override_value: float | None = Field(None, allow_inf_nan=False, description="The value used instead; needs a reason.")
    reason: str = Field("", max_length=500, description="Why; needed for an override.")


class AlertsQuery(BaseModel):
    """Which alerts to list."""

    model_config = ConfigDict(extra="forbid")

    service: str | None = Field(None, max_length=50, description="Only alerts about this service, e.g. demand.")
    open_only: bool = Field(True, description="False lists closed ones too.")
    limit: Limit = 50
    offset: Offset = 0


class CloseRequest(BaseModel):
    """Why an alert is closed."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500, description="What was done, or why nothing needs to be.")


class OutcomeAnswer(BaseModel):
    """What happened."""

    actual_value: float
    known_at: str
    restated: int = Field(description="How often a later look at the source found another value.")


class ScoreAnswer(BaseModel):
    """How good it was."""

    error: float = Field(description="Predicted minus actual.")
    pinball_loss: float | None = Field(description="Mean pinball loss at the interval's ends.")
    inside_interval: bool | None
    accuracy_score: float
    validated_at: str


class PredictionAnswer(BaseModel):
    """One prediction that was recorded."""

    model_config = ConfigDict(protected_namespaces=())

    prediction_id: str
    role: Role
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
    request_id: str = Field(description="The request that it was shown to first.")
    created_at: str
    feedback_rating: int | None = Field(description="The latest rating.")
    outcome: OutcomeAnswer | None = Field(description="null while nobody knows it.")
    score: ScoreAnswer | None = Field(description="null until it is reckoned with that outcome.")


class FeedbackAnswer(BaseModel):
    """What somebody thought."""

    id: int
    prediction_id: str
    rating: int | None
    override_value: float | None
    reason: str
    given_by: str = Field(description="The id of the key.")
    created_at: str


class OneAnswer(PredictionAnswer):
    """One prediction, and what people thought of it, newest first."""

    feedback: list[FeedbackAnswer]
    feedback_total: int


class PredictionsAnswer(BaseModel):
    """Predictions, newest first."""

    predictions: list[PredictionAnswer]
    total: int = Field(description=f"How many there are on all pages; counting stops at {MOST_COUNTED:,}.")
    next_offset: int | None = Field(description="Where the next page begins; null on the last one.")


class AlertsAnswer(BaseModel):
    """Alerts, newest first."""

    alerts: list[dict[str, Any]]
    total: int
    next_offset: int | None
