"""What may be asked about past forecasts, and in which shape is it answered? Source: mission.md endpoint 2."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rfid3_demand.schemas.forecast import CATEGORY_TEXT, MODEL_TYPE_TEXT, ModelType


class AccuracyQuery(BaseModel):
    """GET /demand/accuracy."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    days_back: int = Field(90, ge=7, le=730, description="Days before the data's last day that are scored.")
    model_type: ModelType = Field("ensemble", description=MODEL_TYPE_TEXT)
    category: str = Field("all", max_length=100, description=CATEGORY_TEXT)
    metric: Literal["mae", "rmse", "mape", "accuracy_score"] = Field(
        "mape", description="Which metric `selected_metric` repeats."
    )


class AccuracyMetrics(BaseModel):
    """Errors in units per week; accuracy is 1 − WAPE, not below 0."""

    overall_accuracy: float
    mae: float
    rmse: float
    mape: float | None
    coverage_80: float | None = None


class AccuracyTrend(BaseModel):
    """Accuracy of the last 30 days beside the 30 before; null where no week was tested."""

    last_30_days: float | None
    previous_30_days: float | None
    trend: Literal["improving", "stable", "declining"] | None


class CoverageShare(BaseModel):
    """How often intervals of one nominal level held."""

    level: float
    share: float
    predictions: int


class LiveErrors(BaseModel):
    """Errors of predictions that people were shown, in units per week; null where there is nothing to divide by."""

    predictions: int
    targets: int
    weeks: int
    mae: float | None
    rmse: float | None
    mape: float | None
    wape: float | None
    bias: float | None = Field(description="Mean of predicted minus actual.")
    pinball: float | None = Field(description="Mean pinball loss at the interval's ends.")
    coverage: list[CoverageShare]


class LiveScores(LiveErrors):
    """Errors of the latest prediction of each target, and of every showing."""

    every_showing: LiveErrors
    first_week: date | None
    last_week: date | None
    last_scored_at: datetime | None
    waiting: int = Field(description="Predictions whose outcome is not known yet.")


class AccuracyAnswer(BaseModel):
    """How good the forecasts were."""

    basis: Literal["back-test", "live"] = Field(
        description="Where `accuracy_metrics` come from: rolling-origin forecasts of past weeks from what was known before them, or, "
        "from four scored weeks on, forecasts that were shown."
    )
    back_test: AccuracyMetrics = Field(description="What the back-test promised.")
    live: LiveScores | None = Field(description="What became of forecasts that were shown; null before the first is scored.")
    live_waiting: int | None = Field(description="Shown forecasts of the span without a known outcome.")
    everything_shown: LiveScores | None = Field(description="With category=all: over every class, category and store shown.")
    monitors: dict[str, Any] = Field(description="Error, coverage and freshness watched week by week; see GET /alerts.")
    tested_from: date
    tested_to: date
    tested_forecasts: int
    selected_metric: dict[str, float | None]
    accuracy_metrics: AccuracyMetrics
    accuracy_by_category: dict[str, dict[str, float]]
    accuracy_trend: AccuracyTrend
    prediction_distribution: dict[str, float] = Field(description="Shares by confidence score: above 0.8, 0.6–0.8, below.")
    baselines: dict[str, float | None] = Field(
        description="Accuracy of the seasonal naive and the 4-week mean on the same weeks."
    )
