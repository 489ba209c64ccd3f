"""What do people report of items, and which alerts do they see? Source: mission.md A2."""

from datetime import datetime
from typing import Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Kind = Literal["repair", "cleaning", "retirement", "loss"]


class FeedbackRequest(BaseModel):
    """POST /maintenance/feedback."""

    model_config = ConfigDict(
        extra="forbid", frozen=True,
        json_schema_extra={"example": {
            "item_id": "300F4F573AD0004043E86E10", "event": "failure", "kind": "repair", "occurred_at": "2026-11-20T15:30:00-06:00",
            "cost": 18.5,
        }},
    )  # fmt: skip

    item_id: str = Field(min_length=1, max_length=255)
    event: Literal["failure", "serviced", "no_fault"]
    kind: Kind = Field("repair", description="Which kind of failure or service.")
    occurred_at: AwareDatetime | datetime = Field(description="Without a zone it is shop time.")
    cost: float | None = Field(None, ge=0, le=1_000_000, description="Dollars.")
    notes: str | None = Field(None, max_length=2_000, description="Read by nobody and not kept: notes name people.")


class FeedbackAnswer(BaseModel):
    """The label as it is kept."""

    feedback_id: str
    item_id: str
    known_before: bool = Field(description="True when the same was reported before: nothing was added.")
    takes_effect: str


class AlertsQuery(BaseModel):
    """GET /maintenance/alerts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(50, ge=1, le=500)
    offset: int = Field(0, ge=0)


class AlertsAnswer(BaseModel):
    """Items that deserve a person's eye now."""

    alerts: list[dict[str, Any]]
    total: int
    budget_a_day: int


class SnoozeRequest(BaseModel):
    """POST /maintenance/alerts/{item_id}/snooze."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: int = Field(7, ge=1, le=90)
    reason: str = Field("", max_length=300)


class SnoozeAnswer(BaseModel):
    """Until when the item rests."""

    item_id: str
    snoozed_until: datetime
    alert: dict[str, Any]
