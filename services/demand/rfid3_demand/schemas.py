"""What may be asked of the demand service, and in which shape does it answer? Source: mission.md endpoints 1, 2 and 3.

A price or a score that no data supports is null, never a default.
"""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ModelType = Literal["ensemble", "statistical", "lightgbm", "average", "prophet", "random_forest", "linear"]
DEPRECATED_MODEL_TYPES = {"prophet": "statistical", "random_forest": "lightgbm", "linear": "average"}
"""Names of RFID3's first attempt → the variant that stands in their place; the answer names what truly ran."""

MODEL_TYPE_TEXT = (
    "`ensemble` (weighted by rolling-origin error), or one family of it: `statistical`, `lightgbm`, `average`. "
    "`prophet`, `random_forest` and `linear` are deprecated names for the three families."
)
CATEGORY_TEXT = "A category of the class mapping, or `all`. Letter case does not matter."
STORE_TEXT = "As RFID3 writes it (3607, 6800, 8101, 728), as POS writes it (001 … 004, 1.0 … 4.0), or `all` / `000`."


class ForecastQuery(BaseModel):
    """GET /demand/forecast."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    weeks: int = Field(4, ge=1, le=52, description="Weeks ahead, counted from the data's own last day.")
    category: str = Field("all", max_length=100, description=CATEGORY_TEXT)
    subcategory: str | None = Field(None, max_length=100, description="Narrows the category; needs `category`.")
    rental_class: str | None = Field(None, max_length=255, description="One rental class number; goes without `category`.")
    store: str = Field("all", max_length=20, description=STORE_TEXT)
    confidence_level: float = Field(0.8, ge=0.5, le=0.99, description="Level of the central prediction interval.")
    include_external_factors: bool = Field(
        True, description="False takes the effects of holidays and weather out of the forecast."
    )
    model_type: ModelType = Field("ensemble", description=MODEL_TYPE_TEXT)


class KeyFactors(BaseModel):
    """Why this number: parts of the forecast, in units per week, from the global model's contributions."""

    seasonal_effect: float = Field(description="Units above (+) or below (−) the level, by time of year.")
    weather_impact: str
    economic_confidence: str
    event_calendar_impact: str
    contributions_units: dict[str, float] = Field(
        description="Units by cause; with `observed_so_far` they sum to the ensemble's forecast."
    )


class BusinessImpact(BaseModel):
    """What the week means for the shop."""

    revenue_opportunity: float | None = Field(description="Dollars: expected units times their rates; null without rates.")
    revenue_coverage: float = Field(description="Share of past units whose class has a rate.")
    inventory_requirement: int = Field(description="Units to have at hand to serve the week's upper bound.")
    units_in_service: int = Field(description="Units of the fleet neither sold nor missing.")
    stockout_risk: float | None = Field(description="Chance that a unit asked for is of a class that runs short.")


class WeekForecast(BaseModel):
    """One week of the forecast."""

    prediction_id: str = Field(description="Names it in the ledger: feedback and its outcome are found under it.")
    week_starting: date
    predicted_demand: float = Field(ge=0, description="Expected units leaving, Monday to Sunday.")
    confidence_score: float = Field(
        ge=0, le=1, description="Chance that the outcome is within 20 % (at least half a unit) of it."
    )
    confidence_lower: float = Field(ge=0)
    confidence_upper: float = Field(ge=0)
    key_factors: KeyFactors
    business_impact: BusinessImpact
    observed_so_far: float | None = Field(None, description="For the week in progress: units that have left already.")


class ModelPerformance(BaseModel):
    """How the same method did on past weeks it had not seen."""

    mae: float | None
    rmse: float | None
    mape: float | None = Field(description="Percent, over weeks with any demand.")
    wape: float | None
    wape_seasonal_naive: float | None
    wape_four_week_mean: float | None
    coverage_80: float | None = Field(description="Share of past weeks inside an 80 % interval made the same way.")
    accuracy_trend: Literal["improving", "stable", "declining"] | None
    tested_weeks: int


class Basis(BaseModel):
    """What the answer rests on."""

    history_weeks: int
    history_units: float
    sufficiency: Literal["full", "short", "pooled"]


class ForecastAnswer(BaseModel):
    """Weekly demand with intervals, causes and consequences."""

    model_config = ConfigDict(protected_namespaces=())

    forecast_period: str
    store_filter: str
    category_filter: str
    model_ensemble: dict[str, float] = Field(description="Weights of the methods that made this forecast; they sum to 1.")
    predictions: list[WeekForecast]
    external_factors_considered: list[str]
    model_performance: ModelPerformance
    recommendations: list[str]
    basis: Basis


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


class RetrainRequest(BaseModel):
    """POST /demand/retrain."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    model_types: list[ModelType] = Field(["prophet", "random_forest", "linear"], min_length=1, description="Families to train.")
    training_period_days: int = Field(730, ge=30, le=3650, description="Days of history to learn from.")
    validation_split: float = Field(0.2, ge=0.05, le=0.5, description="Share of the history that rolling origins forecast.")
    hyperparameter_tuning: bool = Field(True, description="Choose the tree model's settings by rolling-origin error.")
    force_retrain: bool = Field(False, description="Publish even when no better than a naive forecast.")


class RetrainAnswer(BaseModel):
    """The job that was scheduled."""

    model_config = ConfigDict(protected_namespaces=())

    training_job_id: str
    models_scheduled: list[str]
    estimated_completion: datetime | None = Field(description="From the last runs' durations; null before the first.")
    training_data_size: int | None = Field(
        description="Weekly observations of the current model's history; null before the first."
    )
    validation_data_size: int | None
