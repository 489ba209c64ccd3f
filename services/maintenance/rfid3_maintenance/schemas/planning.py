"""How is a crew's plan asked for? Hours a day by skill, parts, bookings; and what comes back with its optimality gap."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rfid3_maintenance.schemas.schedule import AVOIDANCE


class CrewSkill(BaseModel):
    """So many hours a day of one skill."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    skill: str = Field(min_length=1, max_length=40, examples=["repair"])
    hours_per_day: float = Field(ge=0, le=1000)


class BookedItem(BaseModel):
    """An item that has to be back from service by a day."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    item_id: str = Field(max_length=255)
    starts_in_days: int = Field(ge=0, le=60, description="Days from the plan's first day until it leaves.")


class PlanRequest(BaseModel):
    """POST /maintenance/plan."""

    model_config = ConfigDict(
        extra="forbid", frozen=True,
        json_schema_extra={"example": {"days_ahead": 7, "crew": [{"skill": "repair", "hours_per_day": 8}]}},
    )  # fmt: skip

    days_ahead: int = Field(7, ge=1, le=28)
    crew: list[CrewSkill] = Field(max_length=20)
    parts: dict[str, int] = Field(default_factory=dict, max_length=100, description="Parts at hand, by name.")
    parts_needed: dict[str, dict[str, int]] = Field(
        default_factory=dict, max_length=500, description="Item id → part → how many its service takes."
    )
    bookings: list[BookedItem] = Field(default_factory=list, max_length=500)
    equipment_filter: str = Field("all", max_length=255)
    most_items: int = Field(200, ge=1, le=1000, description="The so many items with most to avoid are planned.")
    respond_async: bool = Field(False, description="True answers 202 at once.")


class PlannedService(BaseModel):
    """One service on one day."""

    equipment_id: str
    equipment_type: str
    category: str
    day: int
    date: str
    skill: str
    hours: float
    avoided_usd: float
    avoided_lower_usd: float = Field(description=AVOIDANCE)
    avoided_upper_usd: float


class PlanAnswer(BaseModel):
    """The plan, or the job that makes it."""

    job_id: str
    state: str
    plan: list[PlannedService] = Field(default_factory=list)
    first_day: str | None = Field(None, description="Day 0: today, or the data's last day where that is over two weeks ago.")
    avoided_usd: float | None = None
    avoided_lower_usd: float | None = Field(None, description="Sum of the services' lower ends: as if all erred the same way.")
    avoided_upper_usd: float | None = None
    gap_ratio: float | None = Field(None, description="How far the plan may be from the best one; 0 = proven best.")
    infeasible_bookings: list[dict[str, Any]] = Field(default_factory=list)
    not_planned: int = 0
    stated: dict[str, Any] = Field(default_factory=dict, description="What nobody has measured: hours of work of one service.")
    shop_days: dict[str, float] = Field(
        default_factory=dict,
        description="By category, days that half of its repairs stood in the shop: so long a service is taken to last.",
    )
    text: str | None = None
    result: str
