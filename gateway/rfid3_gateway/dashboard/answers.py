"""In which shapes does RFID3's page get its answers? `success: true` and `data`; what a number rests on stands beside it."""

from datetime import datetime
from typing import Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

Data = TypeVar("Data")


class PageAnswer(BaseModel, Generic[Data]):
    """A success as RFID3's page reads it."""

    success: Literal[True] = True
    data: Data
    timestamp: datetime
    request_id: str
    meta: dict[str, Any] = Field(
        description="model_version, data_as_of and fallback of the forecast behind it; what is missing."
    )


class OutsideFactor(BaseModel):
    """What there is of one factor."""

    record_count: int
    last_updated: str = Field(description="When a value was last stored; where only RFID3 has it, its last day up to today.")
    first_date: str
    last_date: str
    sources: list[str]


class Provider(BaseModel):
    """What came of the last fetch of one provider."""

    provider: str
    state: str = Field(description="ok, off, failed or refused.")
    note: str
    stored: int
    last_success_at: str | None


class Fetched(BaseModel):
    """What a fetch has brought."""

    total_stored: int = Field(description="Values stored by this fetch; while it goes on, by the last one of each provider.")
    state: Literal["queued", "running", "succeeded"] = Field(description="Of the fetch asked for now.")
    job_id: str
    providers: list[Provider]


class Factor(BaseModel):
    """What a factor has to do with demand."""

    factor: str
    correlation: float = Field(ge=-1, le=1)
    interpretation: str
    lead_weeks: int
    factor_type: str
    metric: str
    interval: list[float]
    q_value: float
    overlap_weeks: int


class TooFew(BaseModel):
    """A factor of which too few weeks lie beside demand."""

    factor: str
    overlap_weeks: int
    needed_weeks: int


class CorrelationInsights(BaseModel):
    """What stands out."""

    strong_correlations: list[Factor]
    not_enough_overlap: list[TooFew]
    criterion: str


class DataSummary(BaseModel):
    """What was looked at."""

    total_factors: int
    date_range: str
    pairs_tried: int
    pairs_standing_out: int
    computed_at: str | None
    data_as_of: str | None
    method: str


class Correlations(BaseModel):
    """Data of correlations/analyze."""

    insights: CorrelationInsights
    data_summary: DataSummary
    unavailable: dict[str, str]


class Indicator(Factor):
    """A factor that runs ahead of demand."""

    business_metric: str


class Indicators(BaseModel):
    """Data of insights/leading-indicators."""

    leading_indicators: list[Indicator]
    recommendations: list[str]
    criterion: str
    unavailable: dict[str, str]


class KeyFactors(BaseModel):
    """Why a week is as it is."""

    seasonal_effect: float | None = Field(description="Units above (+) or below (−) the level.")
    weather_impact: str
    economic_confidence: str
    event_calendar_impact: str


class RevenueWeek(BaseModel):
    """One week; dollars are null where no rate is known."""

    week_starting: str
    predicted_revenue: float | None
    confidence_lower: float | None
    confidence_upper: float | None
    key_factors: KeyFactors
    predicted_units: float | None
    units_lower: float | None
    units_upper: float | None
    prediction_id: str


class Revenue(BaseModel):
    """Data of demand/forecast."""

    model_config = ConfigDict(protected_namespaces=())

    predictions: list[RevenueWeek]
    model_accuracy: dict[str, float] = Field(description="mape in percent, mae, wape, coverage_80; left out where not known.")
    external_factors_considered: list[str]
    forecast_period: str
    store: str
    basis: dict[str, Any]
    unavailable: dict[str, str]


class HighDemand(BaseModel):
    """A category that will run short."""

    category: str
    current_utilization: str = Field(examples=["72%"])
    recommendation: str
    expected_revenue_impact: float = Field(description="Dollars that units asked for in vain would have brought.")
    units_short: float
    units_to_add: int


class Underperforming(BaseModel):
    """A category with units that never go out."""

    category: str
    current_utilization: str
    recommendation: str
    potential_resale_value: float
    idle_units: int
    priced_units: int


class Season(BaseModel):
    """What changes in the coming weeks; empty where no forecast is there."""

    next_month: str | None = None
    from_: str | None = Field(None, alias="from")
    to: str | None = None
    recommended_actions: list[str] | None = None


class InventoryOptimization(BaseModel):
    """What to have more of, what less, and when."""

    high_demand_categories: list[HighDemand]
    underperforming_items: list[Underperforming]
    seasonal_adjustments: Season


class FinancialImpact(BaseModel):
    """Dollars of what is in high demand; what cannot be known is left out."""

    potential_revenue_increase: float | None = None
    inventory_investment_needed: float | None = None
    roi_estimate: str | None = None
    payback_period_months: float | None = None


class Optimization(BaseModel):
    """Data of optimization/inventory."""

    inventory_optimization: InventoryOptimization
    financial_impact: FinancialImpact
    basis: dict[str, str]
    unavailable: dict[str, str]
