"""How does one service ask another one? Over HTTP, on behalf of its own caller, and with no answer as a possible answer.

The caller's own key goes along, so nobody learns through one service what another would not have told. Where a service answers is said
by RFID3_UPSTREAM_<SERVICE> (its first http address), as for the gateway. Whatever goes wrong comes back as words, never as a fault: an
answer that lacks a part says so.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Request

from rfid3_shared.errors import UpstreamError
from rfid3_shared.http import Outside, json_of

TOTAL_S = 5.0
CREDENTIALS = ("authorization", "x-api-key")


@dataclass(frozen=True)
class Reply:
    """`data` of the other service's envelope and its `meta`; or None, and why in plain words."""

    data: Any | None
    meta: Mapping[str, Any]
    why: str = ""


async def ask(request: Request, service: str, path: str, body: Mapping[str, Any], *, total_s: float = TOTAL_S) -> Reply:
    """POST to a path of another service (below /api/predictive) as the caller of this request; never raises for its faults."""
    address = address_of(service)
    if address is None:
        return Reply(None, {}, f"It is not set where the {service} service answers (RFID3_UPSTREAM_{service.upper()}).")
    headers = {name: value for name in CREDENTIALS if (value := request.headers.get(name))}
    headers |= {"content-type": "application/json", "x-request-id": request.scope["state"]["request_id"]}
    try:
        async with Outside(total_s=total_s) as outside:
            status, raw = await outside.post(f"{address}/api/predictive{path}", orjson.dumps(body), headers)
        answer = json_of(raw, f"The {service} service")
    except UpstreamError:
        return Reply(None, {}, f"The {service} service does not answer now.")
    if status != 200 or not answer.get("success"):
        return Reply(None, {}, refusal(service, answer))
    return Reply(answer.get("data"), answer.get("meta") or {})


def address_of(service: str) -> str | None:
    """The first http address under which a service answers; None when none is set."""
    given = os.environ.get(f"RFID3_UPSTREAM_{service.upper()}", "")
    return next((each.strip().rstrip("/") for each in given.split(",") if each.strip().startswith("http")), None)


def refusal(service: str, answer: Mapping[str, Any]) -> str:
    """Why it refused, by its code alone: texts of others are not passed on."""
    error = answer.get("error")
    code = str(error.get("code", "")) if isinstance(error, dict) else ""
    return f"The {service} service refused: {code}." if code.replace("_", "").isalpha() else f"The {service} service refused."
