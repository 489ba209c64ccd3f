"""In which shape does every answer leave the suite?

Success: `{success, data, message, timestamp, request_id, execution_time_ms, meta}`; error: `{success, error, timestamp,
request_id}`. One place builds both, for services and gateway alike. Source: mission.md section 2.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Generic, Literal, TypeVar

import orjson
from pydantic import BaseModel, ConfigDict, Field

from rfid3_shared.errors import AppError

Data = TypeVar("Data")


class Meta(BaseModel):
    """What an answer rests on."""

    model_config = ConfigDict(extra="allow", protected_namespaces=())

    model_version: str | None = Field(None, description="Version of the snapshot that answered.")
    served_by: str = Field(description="Service and process that answered.")
    fallback: bool = Field(
        False, description="True when it is not known to be the current model that answered, but the last good one."
    )
    cached: bool = Field(False, description="True when the answer was kept from an earlier request.")
    data_as_of: date | None = Field(None, description="The last business day the data covers.")
    data_age_days: int | None = Field(None, description="Days between that day and today's business day.")
    imputed: list[str] = Field(default_factory=list, description="Inputs that were inferred rather than recorded.")
    sufficiency: Literal["full", "short", "pooled", "none"] | None = Field(
        None, description="How much own history stands behind it."
    )
    degraded: list[str] = Field(default_factory=list, description="Parts of the suite that are out of reach right now.")


class Envelope(BaseModel, Generic[Data]):
    """A successful answer."""

    success: Literal[True] = True
    data: Data
    message: str
    timestamp: datetime
    request_id: str
    execution_time_ms: int
    meta: Meta


class ErrorBody(BaseModel):
    """What went wrong, in words and in facts."""

    code: str = Field(examples=["INSUFFICIENT_DATA"])
    message: str
    details: dict[str, Any] = Field(default_factory=dict)


class ErrorEnvelope(BaseModel):
    """An error answer; never holds exception text."""

    success: Literal[False] = False
    error: ErrorBody
    timestamp: datetime
    request_id: str


def _utc(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def success(
    data: Any, *, message: str, request_id: str, at: datetime, execution_time_ms: int, meta: Mapping[str, Any]
) -> bytes:
    """The success envelope as JSON bytes; `data` holds JSON values, dates and numpy numbers."""
    body = {
        "success": True, "data": data, "message": message, "timestamp": _utc(at), "request_id": request_id,
        "execution_time_ms": execution_time_ms, "meta": dict(meta),
    }  # fmt: skip
    return orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)


def failure(error: AppError, *, request_id: str, at: datetime) -> bytes:
    """The error envelope as JSON bytes."""
    body = {
        "success": False,
        "error": {"code": error.code, "message": error.message, "details": error.details},
        "timestamp": _utc(at),
        "request_id": request_id,
    }
    return orjson.dumps(body, default=str, option=orjson.OPT_NON_STR_KEYS)


def error_headers(error: AppError) -> dict[str, str]:
    """Headers an error answer carries besides its body."""
    headers = {"content-type": "application/json"}
    if error.status in (429, 503):
        headers["retry-after"] = str(max(1, round(error.details.get("retry_after_s", 5))))
    if error.status == 401:
        headers["www-authenticate"] = "Bearer"
    return headers
