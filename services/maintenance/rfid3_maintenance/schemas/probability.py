"""How likely is it that an item fails within so many days? Source: mission.md A1, and the same for many items."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rfid3_shared.envelope import ErrorBody

MOST_IDS = 1_000


class ProbabilityQuery(BaseModel):
    """GET /maintenance/probability/{item_id}."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    horizon_days: int = Field(30, ge=1, le=730)


class TimelinePoint(BaseModel):
    """Chance of a wear failure within so many days, with its 80 % interval."""

    days: int
    probability: float = Field(ge=0, le=1)
    lower: float | None = Field(ge=0, le=1)
    upper: float | None = Field(ge=0, le=1)
    by_kind: dict[str, float] = Field(description="repair, cleaning, retirement, loss: each for itself.")


class Remaining(BaseModel):
    """Days or rentals until half of such items have failed, and an 80 % interval; null = beyond the reach of the curve."""

    median: float | None
    lower: float | None
    upper: float | None
    reach: float | None = Field(description="How far the curve reaches.")


class Factor(BaseModel):
    """One feature that moves this item's hazard."""

    feature: str
    contribution: float = Field(description="In units of log-hazard: 0.69 doubles it, −0.69 halves it.")


class ProbabilityAnswer(BaseModel):
    """Chances of one item."""

    model_config = ConfigDict(protected_namespaces=())

    item_id: str
    item_type: str
    horizon_days: int
    failure_probability: float = Field(ge=0, le=1)
    timeline: list[TimelinePoint]
    confidence: float = Field(ge=0, le=1, description="1 less the width of the 80 % interval of the chance.")
    factors: list[Factor]
    remaining_days: Remaining
    remaining_turns: Remaining
    basis: dict[str, Any]
    reported: dict[str, Any] | None
    model_version: str
    prediction_id: str


class BatchRequest(BaseModel):
    """POST /maintenance/probability/batch."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        json_schema_extra={"example": {"item_ids": ["300F4F573AD0004043E86E10"], "horizon_days": 30}},
    )

    item_ids: list[str] = Field(min_length=1, max_length=MOST_IDS)
    horizon_days: int = Field(30, ge=1, le=730)


class Answered(BaseModel):
    """What a GET for the item would have answered in `data`."""

    ok: Literal[True]
    data: ProbabilityAnswer


class NotAnswered(BaseModel):
    """Why one item has no answer; the others have."""

    ok: Literal[False]
    error: ErrorBody


class BatchAnswer(BaseModel):
    """One result an id; `meta.answered` and `meta.refused` count them."""

    results: dict[str, Answered | NotAnswered]
