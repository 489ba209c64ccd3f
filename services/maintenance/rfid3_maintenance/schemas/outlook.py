"""Will an item get through its next booking, and when is something that came back ready to go out again?"""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class BookingQuery(BaseModel):
    """GET /maintenance/booking-survival/{item_id}; without days the next booking of its class counts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    starts_in_days: float | None = Field(None, ge=0, le=365, description="Days from the data's last day until it leaves.")
    days: float | None = Field(None, gt=0, le=365, description="Days it stays out; by default the class's usual stay.")


class BookingAnswer(BaseModel):
    """Chance that the item is ready, does not fail before it leaves, and comes back whole."""

    item_id: str
    item_type: str
    survival_probability: float = Field(ge=0, le=1)
    parts: dict[str, float] = Field(description="ready × until_leaving × while_out.")
    booking: dict[str, Any] = Field(description="Which booking this is about, and where it is known from.")
    beyond_curve: bool = Field(description="Whether the booking ends after the last day that the curve speaks of.")
    basis: dict[str, Any]
    prediction_id: str


class TurnaroundQuery(BaseModel):
    """GET /maintenance/turnaround."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str | None = Field(None, max_length=20, description="wet, wash, inspect or repair; by default each of them.")
    category: str = Field("all", max_length=100)


class TurnaroundAnswer(BaseModel):
    """Days from the return to Ready to Rent, by kind of work and category."""

    turnaround: list[dict[str, Any]]
