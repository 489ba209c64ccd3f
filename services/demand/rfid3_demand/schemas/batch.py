"""How are many forecasts asked for at once, and how are those told that cannot be given?"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from rfid3_demand.schemas.forecast import ForecastAnswer
from rfid3_shared.envelope import ErrorBody

MOST_QUERIES = 1_000


class BatchRequest(BaseModel):
    """POST /demand/forecast/batch."""

    model_config = ConfigDict(
        extra="forbid", frozen=True,
        json_schema_extra={"example": {"queries": [
            {"key": "linen", "category": "Round Linen", "weeks": 4},
            {"key": "tables in Fridley", "category": "Tables", "store": "003", "confidence_level": 0.9},
            {"key": "one class", "rental_class": "61825", "weeks": 8},
        ]}},
    )  # fmt: skip

    queries: list[dict[str, Any]] = Field(
        min_length=1, max_length=MOST_QUERIES,
        description="The parameters of GET /demand/forecast, each with a `key` of the caller's; without one its position counts.",
    )  # fmt: skip


class Answered(BaseModel):
    """What a GET with the same parameters would have answered in `data`."""

    ok: Literal[True]
    data: ForecastAnswer


class NotAnswered(BaseModel):
    """Why one query has no answer; the others have."""

    ok: Literal[False]
    error: ErrorBody


class BatchAnswer(BaseModel):
    """One result a query, by its key; `meta.answered` and `meta.refused` count them."""

    results: dict[str, Answered | NotAnswered]
