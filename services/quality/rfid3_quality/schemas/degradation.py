"""Where will an item's condition stand? Source: mission.md endpoint 6, and the same for many items."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rfid3_shared.envelope import ErrorBody

MOST_IDS = 1_000
SCORE = "Quality score: F is 0, A+ is 1, a tenth a grade."
FACTOR = "0.5 is the average item; above, it wears faster because of it."


class Ends(BaseModel):
    """An 80 % interval."""

    lower: float = Field(ge=0, le=1)
    upper: float = Field(ge=0, le=1)


class Ahead(BaseModel):
    """Expected score at each horizon, without a repair: never rising."""

    model_config = ConfigDict(populate_by_name=True)

    days_30: float = Field(ge=0, le=1, alias="30_days")
    days_90: float = Field(ge=0, le=1, alias="90_days")
    days_180: float = Field(ge=0, le=1, alias="180_days")
    days_365: float = Field(ge=0, le=1, alias="365_days")


class QualityFactors(BaseModel):
    """What moves the item's wear beside its class."""

    usage_intensity: float = Field(ge=0, le=1, description=f"Its turns a day beside its class's. {FACTOR}")
    environmental_exposure: float = Field(ge=0, le=1, description=f"Days out and rain while out. {FACTOR}")
    maintenance_quality: float = Field(
        ge=0, le=1, description="Washing and faults; above 0.5 it wears more slowly because of it."
    )
    material_aging: float = Field(ge=0, le=1, description=f"Its age. {FACTOR}")


class CostBenefit(BaseModel):
    """Dollars of replacing it; null where a price, a rate or turns are missing."""

    model_config = ConfigDict(extra="allow")

    current_market_value: float | None
    replacement_cost: float | None
    revenue_impact: float | None = Field(description="Revenue of the first year that a new one earns beyond this one.")


class Replacement(BaseModel):
    """When it is best replaced, by comparing keep, repair, resell and retire in dollars."""

    optimal_replacement_date: date | None = Field(description="Null: see why_no_date.")
    replacement_confidence: float | None = Field(description="Chance that replacing then is the better choice.")
    why_no_date: str | None
    best_option: Literal["keep", "repair", "resell", "retire"] | None
    cost_benefit_analysis: CostBenefit


class DegradationAnswer(BaseModel):
    """One item's condition now and later."""

    model_config = ConfigDict(protected_namespaces=())

    item_id: str
    item_type: str
    current_quality_score: float = Field(ge=0, le=1, description=SCORE)
    current_interval: Ends
    quality_trend: Literal["stable", "declining"]
    degradation_prediction: Ahead
    degradation_intervals: dict[str, Ends] = Field(description="80 % interval of the score at each horizon.")
    quality_factors: QualityFactors
    replacement_recommendations: Replacement
    actionable_insights: list[str]
    confidence: float = Field(ge=0, le=1, description="1 less the width of the 80 % interval in 30 days.")
    basis: dict[str, Any] = Field(
        description="The readings behind the wear, the prior where it decides, and the grade it starts from."
    )
    model_version: str
    prediction_id: str = Field(description="Names the score expected in 30 days in the ledger.")


class BatchRequest(BaseModel):
    """POST /quality/degradation/batch."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, json_schema_extra={"example": {"item_ids": ["300F4F573AD0004043E86E10"]}}
    )

    item_ids: list[str] = Field(min_length=1, max_length=MOST_IDS)


class Answered(BaseModel):
    """What a GET for the item would have answered in `data`."""

    ok: Literal[True]
    data: DegradationAnswer


class NotAnswered(BaseModel):
    """Why one item has no answer; the others have."""

    ok: Literal[False]
    error: ErrorBody


class BatchAnswer(BaseModel):
    """One result an id; `meta.answered` and `meta.refused` count them."""

    results: dict[str, Answered | NotAnswered]
