"""In which envelope is a refusal told? In the suite's; below /rfid3 as RFID3's page reads it: `success: false`, `error` a text."""

from datetime import datetime
from typing import Any, Literal

import orjson
from pydantic import BaseModel, Field

from rfid3_gateway.plain import plain
from rfid3_shared.envelope import failure
from rfid3_shared.errors import AppError

PAGE = "/rfid3"
"""Below it are the routes of RFID3's own page."""


class PageRefusal(BaseModel):
    """Why RFID3's page gets no answer; the HTTP status says the same."""

    success: Literal[False] = False
    error: str = Field(description="In plain words, without markup.", examples=["Demand forecasting is switched off."])
    code: str = Field(examples=["FEATURE_DISABLED"])
    details: dict[str, Any]
    timestamp: datetime
    request_id: str


def refusal(path: str, error: AppError, *, request_id: str, at: datetime) -> bytes:
    """The error answer to a request for `path`, as JSON bytes."""
    if not path.startswith(f"{PAGE}/"):
        return failure(error, request_id=request_id, at=at)
    body = {
        "success": False, "error": plain(_in_words(error)), "code": error.code, "details": error.details,
        "timestamp": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"), "request_id": request_id,
    }  # fmt: skip
    return orjson.dumps(body, default=str, option=orjson.OPT_NON_STR_KEYS)


def _in_words(error: AppError) -> str:
    """The message, with what is wrong with each parameter: the page shows this text and nothing else."""
    problems = error.details.get("problems")
    if not isinstance(problems, list):
        return error.message
    return " ".join([error.message, *(f"{one['parameter']}: {one['problem']}." for one in problems)])
