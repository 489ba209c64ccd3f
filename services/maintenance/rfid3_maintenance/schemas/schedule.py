"""Which items are to be serviced, when, and what does that avoid? Source: mission.md endpoint 4."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Priority = Literal["low", "medium", "high", "critical"]
AVOIDANCE = "80 % interval of what is expected of such items: chances, recorded share and the effect of a service in doubt, costs as given."
FACTOR = "0.5 is the average item; above, this raises the chance of failure."


class ScheduleQuery(BaseModel):
    """GET /maintenance/schedule."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days_ahead: int = Field(30, ge=1, le=365, description="Days from the data's last day in which a failure counts.")
    equipment_filter: str = Field("all", max_length=255, description="A category, a rental class number, or `all`.")
    min_failure_probability: float = Field(0.3, ge=0, le=1, description="Least chance of a failure within `days_ahead`.")
    include_cost_analysis: bool = Field(True, description="False leaves dollars out: they are null.")
    sort_by: Literal["priority", "date", "cost", "probability"] = Field(
        "priority", description="priority: by the dollars that a service avoids, then by those at stake."
    )
    limit: int = Field(50, ge=1, le=500)
    offset: int = Field(0, ge=0)


class BusinessImpact(BaseModel):
    """Dollars of one item; null where costs were not asked for, or demand did not answer."""

    revenue_at_risk: float | None = Field(
        description="Rentals lost to a breakdown, times its chance; null when the demand service does not answer."
    )
    replacement_cost: float | None = Field(description="Purchase price; null where RFID3 knows none.")
    total_cost_avoidance: float | None = Field(description="Expected cost over a year without service, less that with it.")
    total_cost_avoidance_lower: float | None = Field(description=AVOIDANCE)
    total_cost_avoidance_upper: float | None


class MaintenanceFactors(BaseModel):
    """Why: parts of the hazard, from the model's contributions."""

    equipment_age_factor: float = Field(ge=0, le=1, description=FACTOR)
    usage_intensity_factor: float = Field(ge=0, le=1, description=FACTOR)
    quality_degradation_factor: float = Field(ge=0, le=1, description=FACTOR)
    last_maintenance_factor: float = Field(ge=0, le=1, description=FACTOR)


class ScheduledItem(BaseModel):
    """One item to be serviced, or to be left until it fails."""

    equipment_id: str
    equipment_type: str
    failure_probability: float = Field(ge=0, le=1)
    failure_probability_lower: float = Field(ge=0, le=1, description="80 % interval of that chance.")
    failure_probability_upper: float = Field(ge=0, le=1)
    predicted_failure_date: date | None = Field(description="By which half of such items have failed; null beyond a year.")
    optimal_maintenance_date: date | None = Field(description="Not before today; null where no planned service pays.")
    days_until_optimal: int | None = Field(
        description="From today, or from the data's last day where that is over two weeks ago."
    )
    planned_date: date | None = Field(description="In the crew's plan; null where it is not in it.")
    maintenance_type: Literal["preventive", "corrective", "run_to_failure", "not_within_horizon"]
    estimated_cost: float | None
    cost_basis: dict[str, str] = Field(description="Where each cost comes from.")
    downtime_hours: float
    business_impact: BusinessImpact
    maintenance_factors: MaintenanceFactors
    confidence_score: float = Field(ge=0, le=1, description="1 less the width of the 80 % interval of the chance.")
    priority: Priority
    prediction_id: str


class ScheduleSummary(BaseModel):
    """All items that meet the question, not only those of the page."""

    total_items_monitored: int
    high_priority_count: int = Field(description="High and critical ones.")
    medium_priority_count: int
    total_estimated_cost: float | None
    total_cost_avoidance: float | None
    total_cost_avoidance_lower: float | None = Field(description="Sum of the items' lower ends: as if all erred the same way.")
    total_cost_avoidance_upper: float | None
    average_confidence: float | None
    total: int = Field(description="Items that meet the question.")
    revenue_at_risk: str = Field(description="Whether it is known, in words.")


class ScheduleAnswer(BaseModel):
    """Items by the dollars at stake."""

    maintenance_schedule: list[ScheduledItem]
    summary: ScheduleSummary
    expected_failures: list[dict[str, Any]] = Field(description="By category within 30 days, with an 80 % interval.")
    recommendations: list[str]
    recorded_share: dict[str, Any] = Field(
        description="Which share of repairs is written down, by category with its 80 % interval: chances are of those, dates and dollars "
        "of all; or what is missing to tell it, and then they are of those written down as well."
    )
    service_effect: dict[str, dict[str, Any]] = Field(
        description="By kind, by how much its log-rate rises in `per_turns` rentals since the last service, with an 80 % interval and "
        "what it rests on: a service takes that off again."
    )
