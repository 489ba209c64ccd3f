"""What is best done with all items? Source: mission.md endpoint 7 and A3; inspections and what quality does to price."""

from datetime import date
from decimal import Decimal
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

MOST_USD = Decimal(10_000_000_000)


class OptimizationQuery(BaseModel):
    """GET /quality/optimization."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    category_filter: str = Field("all", max_length=100)
    quality_threshold: float = Field(0.7, ge=0, le=1, description="Items whose score is below it are looked at.")
    optimization_budget: Decimal = Field(Decimal(5000), ge=0, le=MOST_USD, description="Dollars.")
    priority: Literal["roi", "quality_impact", "cost"] = Field(
        "roi", description="roi: most dollars beyond what they cost; quality_impact: most score; cost: most items treated."
    )


class OpportunityGroup(BaseModel):
    """One action on the items of a category that are paid for."""

    category: str
    items_affected: int
    avg_quality_score: float = Field(ge=0, le=1)
    recommended_action: str
    budget_line: str
    investment_required: float
    quality_improvement: float = Field(ge=0, le=1, description="Score gained by an item, on average.")
    roi_estimate: float | None = Field(
        description="Dollars beyond each dollar spent, over five years; null when nothing is spent."
    )
    payback_period_months: float | None = Field(description="Null when it never pays back.")
    benefit: float


class Allocation(BaseModel):
    """The budget's three lines: they add up to it, to the cent."""

    preventive_maintenance: float
    quality_improvements: float
    emergency_reserve: float = Field(description="What nothing worth doing takes.")


class BudgetAllocation(BaseModel):
    """The budget and how it is best spent."""

    total_budget: float
    recommended_allocation: Allocation


class ExpectedOutcomes(BaseModel):
    """What the chosen actions do."""

    avg_quality_improvement: float = Field(ge=0, le=1)
    extended_lifecycle_months: float
    revenue_protection: float = Field(description="Dollars over five years, before what is spent.")


class OptimizationAnswer(BaseModel):
    """The best use of the budget: an exact choice among single items, shown by category and action."""

    optimization_opportunities: list[OpportunityGroup]
    beyond_budget: list[OpportunityGroup] = Field(description="What would pay for itself, but is not paid for.")
    budget_allocation: BudgetAllocation
    expected_outcomes: ExpectedOutcomes
    items_below_threshold: int
    items_treated: int
    optimal: bool = Field(description="Whether it is proved that no other choice serves the priority better.")


class ReplacementsQuery(BaseModel):
    """GET /quality/replacement-recommendations."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    category: str = Field("all", max_length=100)
    limit: int = Field(50, ge=1, le=500)
    offset: int = Field(0, ge=0)
    budget: Decimal | None = Field(None, ge=0, le=MOST_USD, description="Dollars; by default all that are due are listed.")


class ReplacementItem(BaseModel):
    """One item that is best replaced within a year."""

    item_id: str
    item_type: str
    category: str
    store: str | None
    score: float
    optimal_replacement_date: date
    cost: float | None = Field(description="A new one's price.")
    current_market_value: float | None
    net_cost: float | None
    revenue_impact: float | None = Field(description="Revenue of the first year that a new one earns beyond this one.")
    gain: float | None = Field(description="Dollars over five years that replacing is worth beyond keeping.")
    confidence: float | None


class ReplacementsAnswer(BaseModel):
    """Most dollars gained first."""

    recommendations: list[ReplacementItem]
    total: int
    total_cost: float = Field(description="Of all that are recommended, less what the old ones bring.")


class InspectionsQuery(BaseModel):
    """GET /quality/inspections."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    category: str = Field("all", max_length=100)
    limit: int = Field(20, ge=1, le=500)
    minutes: float | None = Field(None, ge=0, le=100_000, description="An inspector's minutes; by default as many as it takes.")


class InspectionsAnswer(BaseModel):
    """Items whose grade is worth more to know than the look costs, most dollars a minute first."""

    inspections: list[dict[str, Any]]
    minutes: float
    value: float = Field(description="What these looks are worth at most, in dollars.")


class PriceEffectQuery(BaseModel):
    """GET /quality/price-effect."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    category: str = Field("all", max_length=100)


class PriceEffectAnswer(BaseModel):
    """What the score does to the price of a day, within classes; null with what is missing."""

    category: str
    effect: dict[str, Any] | None = Field(description="Change in log price per unit of score, with its 80 % interval.")
    price_ratio_a_grade: dict[str, float] | None = Field(description="What one grade better multiplies the price by.")
    missing: list[str]
