"""What do the gateway's own routes answer from, and in which envelope?"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.responses import Response
from redis.asyncio import Redis
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_gateway.admission import Door
from rfid3_gateway.catalogue import Catalogue
from rfid3_gateway.health import Health
from rfid3_gateway.routing import GATEWAY
from rfid3_gateway.settings import GatewaySettings
from rfid3_gateway.upstream import Upstreams
from rfid3_gateway.usage import Usage
from rfid3_shared.clock import Clock
from rfid3_shared.envelope import success
from rfid3_shared.flags import Flags
from rfid3_shared.jobs.tally import Tally
from rfid3_shared.registry import Registry


@dataclass(frozen=True)
class Parts:
    """Everything the own routes may ask; on `app.state.parts` while the gateway runs."""

    settings: GatewaySettings
    clock: Clock
    store: AsyncEngine
    source: AsyncEngine
    redis: Redis
    door: Door
    health: Health
    catalogue: Catalogue
    upstreams: Upstreams
    registry: Registry
    usage: Usage
    flags: Flags
    tally: Tally


def parts(request: Request) -> Parts:
    """The gateway's parts."""
    return request.app.state.parts  # type: ignore[no-any-return]


def answer(request: Request, data: Any, *, message: str, meta: Mapping[str, Any] | None = None, status: int = 200) -> Response:
    """A success envelope for this request."""
    clock, exchange = parts(request).clock, request.scope["exchange"]
    body = success(
        data, message=message, request_id=exchange.request_id, at=clock.now(),
        execution_time_ms=round((clock.monotonic() - exchange.started) * 1000),
        meta={"served_by": f"{GATEWAY}/{os.getpid()}", **(meta or {})},
    )  # fmt: skip
    return Response(body, status_code=status, media_type="application/json")
