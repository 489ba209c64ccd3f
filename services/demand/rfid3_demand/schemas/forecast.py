"""What may be asked about coming weeks, and in which shape is it answered? Source: mission.md endpoint 1.

A price or a score that no data supports is null, never a default.
"""

from datetime import date
from typing import Literal

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

    weeks: int = Field(
        4, ge=1, le=52, description="Weeks ahead, counted from the data's own last day: the present where it is known."
    )
    category: str = Field("all", max_length=100, description=CATEGORY_TEXT)
    subcategory: str | None = Field(None, max_length=100, description="Narrows the category; needs `category`.")
    rental_class: str | None = Field(None, max_length=255, description="One rental class number; goes without `category`.")
    store: str = Field("all", max_length=20, description=STORE_TEXT)
    confidence_level: float = Field(0.8, ge=0.5, le=0.99, description="Level of the central prediction interval.")
    include_external_factors: bool = Field(
        True, description="False takes the effects of holidays, weather and other outside series out of the forecast."
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
    inventory_requirement: int = Field(
        description="Units to have at hand to serve the week's upper bound, those that have left already among them."
    )
    units_in_service: int = Field(description="Units of the fleet neither sold nor missing.")
    units_at_hand: float | None = Field(
        None,
        description="Units that can still leave in the week, returns to come among them; null where no tag is known.",
    )
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


class Advice(BaseModel):
    """One thing to know or to do, and the numbers it was derived from."""

    kind: Literal["expectation", "shortage", "event", "refused", "booked", "history", "missing", "level_shift", "trend"]
    text: str = Field(examples=["Expect 20 of 90 ROUND WHITE in the week of 2026-06-01 (80 %: 10 to 30); 25 can leave."])
    numbers: dict[str, float | str] = Field(description="Every number of the text, by name; units, or chances from 0 to 1.")
    weeks: list[date] = Field(description="The Mondays of the weeks it speaks of.")
    confidence: float | None = Field(description="Level of the interval it names; null where it names none.")


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
    recommendations: list[str] = Field(description="The texts of `advice`.")
    advice: list[Advice] = Field(description="What follows, in plain words, each with the numbers it rests on.")
    basis: Basis
