"""How is one item doing? Source: mission.md endpoint 5."""

from datetime import date
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class HealthFactors(BaseModel):
    """Parts of an item's health, each from 0 to 1, higher is healthier."""

    mechanical_condition: float = Field(ge=0, le=1, description="Chance of no repair within 90 days.")
    aesthetic_condition: float | None = Field(ge=0, le=1, description="Last grade (A+ = 1, F = 0); null while never graded.")
    usage_wear: float = Field(ge=0, le=1, description="Chance not to be retired within a year.")
    maintenance_history: float = Field(ge=0, le=1, description="0.5 is average; above, its services lower its hazard.")


class Timeline(BaseModel):
    """Chance of a wear failure within so many days; never decreasing."""

    model_config = ConfigDict(populate_by_name=True)

    days_7: float = Field(alias="7_days", ge=0, le=1)
    days_30: float = Field(alias="30_days", ge=0, le=1)
    days_90: float = Field(alias="90_days", ge=0, le=1)
    days_365: float = Field(alias="365_days", ge=0, le=1)


class Recommendation(BaseModel):
    """One thing to do."""

    action: str
    urgency: Literal["low", "medium", "high"]
    estimated_cost: float | None
    impact_on_health: float = Field(description="What it adds to the overall health score.")


class UsageStatistics(BaseModel):
    """What the item has been through, as far as scans tell."""

    total_rentals: int
    average_rental_duration: float | None = Field(description="Days; null when it was never rented.")
    damage_incidents: int
    last_maintenance: date | None


class HealthAnswer(BaseModel):
    """One item's health, chances and history."""

    equipment_id: str
    equipment_type: str
    overall_health_score: float = Field(ge=0, le=1, description="Chance of no wear failure within 90 days.")
    health_trend: Literal["improving", "stable", "declining"] = Field(
        description="Whether its daily hazard falls, stays or rises over the next 90 days."
    )
    health_factors: HealthFactors
    failure_probability_timeline: Timeline
    timeline_intervals: dict[str, dict[str, float]] = Field(description="80 % interval of each chance: {lower, upper}.")
    maintenance_recommendations: list[Recommendation]
    usage_statistics: UsageStatistics
    basis: dict[str, Any] = Field(description="What each chance rests on: form, events, units, prior.")
    reported: dict[str, Any] | None = Field(description="A service or failure reported since, which the chances take in.")
    prediction_id: str
