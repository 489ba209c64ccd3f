"""Which abilities are switched on, and how are they switched over HTTP? Reading needs a key, changing one of scope admin."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from rfid3_gateway.parts import answer, parts
from rfid3_gateway.routing import GATEWAY, Route
from rfid3_shared.auth import Caller
from rfid3_shared.db import transaction
from rfid3_shared.envelope import Envelope
from rfid3_shared.errors import StoreUnavailable
from rfid3_shared.flags import IN_FORCE_WITHIN_S, Flag, FlagState, audit, flag_named, read_states, set_flag

PREFIX = "/api/predictive/flags"
ROUTES = tuple(Route(GATEWAY, "SYS", path) for path in (PREFIX, f"{PREFIX}/audit", f"{PREFIX}/{{name}}"))
router = APIRouter(prefix=PREFIX, tags=[GATEWAY])
Name = Annotated[str, Path(max_length=64, description="A flag's name, e.g. DEMAND_FORECASTING_ENABLED.")]


class FlagAnswer(BaseModel):
    """One flag: what is set, and whether that is in force for the calling key."""

    name: str
    title: str
    description: str
    is_master: bool = Field(description="While this one is off, every other one is.")
    default: bool
    enabled: bool
    percent: float = Field(description="Share of keys for which it is on while enabled.")
    entities: list[str] = Field(description="kind:name for which it is on whatever the share.")
    version: int = Field(description="0 while nobody has set it.")
    updated_by: str | None
    updated_at: datetime | None
    in_force: bool = Field(description="Whether it is on for your key, as the gateway knows it now.")
    off_because: str | None = Field(description="Why it is not; null when it is.")


class FlagsAnswer(BaseModel):
    """Every flag, the master first."""

    flags: list[FlagAnswer]


class FlagChange(BaseModel):
    """What to change; what is left out stays as it is."""

    model_config = ConfigDict(extra="forbid")

    enabled: bool | None = Field(None, strict=True)
    percent: float | None = Field(None, ge=0, le=100, description="Share of keys, decided by a hash of the key's id.")
    entities: list[str] | None = Field(None, max_length=500, description="`key:…`, `store:…`, `category:…` or `item:…`.")
    reason: str = Field(min_length=1, max_length=500, description="Why: kept in the audit.")
    expected_version: int | None = Field(None, ge=0, description="409 CONFLICT when the flag has another version by now.")


class AuditQuery(BaseModel):
    """Which part of the audit."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, max_length=64, description="Only changes of this flag.")
    limit: int = Field(50, ge=1, le=500)
    offset: int = Field(0, ge=0)


class AuditEntry(BaseModel):
    """One change: the setting before and after, who, when, why and in which request."""

    name: str
    version: int
    before: dict[str, Any] | None = Field(description="null when nobody had set the flag until then.")
    after: dict[str, Any]
    reason: str
    changed_by: str
    request_id: str
    changed_at: datetime


class AuditAnswer(BaseModel):
    """Changes, newest first."""

    changes: list[AuditEntry]
    total: int = Field(description="How many there are in all.")


async def admin(request: Request) -> Caller:
    """The caller; raises Forbidden for a key without the scope admin, before its body is looked at."""
    caller: Caller = request.scope["caller"]
    caller.require("admin")
    return caller


@router.get("", operation_id="list_flags", response_model=Envelope[FlagsAnswer])
async def flags(request: Request) -> Response:
    """Every flag, and which of them are in force for your key."""
    states, meta = await _states(request)
    return answer(request, {"flags": [_shown(request, states[flag]) for flag in Flag]}, message="All flags.", meta=meta)


@router.get("/audit", operation_id="audit_flags", response_model=Envelope[AuditAnswer])
async def changes(request: Request, query: Annotated[AuditQuery, Query()]) -> Response:
    """Who changed which flag, when and why, newest first."""
    async with transaction(parts(request).store) as connection:
        page = await audit(connection, query.name, query.limit, query.offset)
    data = {"changes": [change.as_dict() for change in page.changes], "total": page.total}
    return answer(request, data, message=f"{len(page.changes)} of {page.total} changes.")


@router.get("/{name}", operation_id="get_flag", response_model=Envelope[FlagAnswer])
async def flag(request: Request, name: Name) -> Response:
    """One flag."""
    wanted = flag_named(name)
    states, meta = await _states(request)
    return answer(request, _shown(request, states[wanted]), message=f"The flag is {states[wanted].words}.", meta=meta)


@router.put("/{name}", operation_id="set_flag", response_model=Envelope[FlagAnswer])
async def change(request: Request, name: Name, caller: Annotated[Caller, Depends(admin)], wanted: FlagChange) -> Response:
    """Change a flag; in force in every process within five seconds. Needs the scope admin."""
    held = parts(request)
    async with transaction(held.store) as connection:
        state = await set_flag(
            connection, name, **wanted.model_dump(), changed_by=f"key:{caller.key_id}",
            request_id=request.scope["exchange"].request_id, clock=held.clock,
        )  # fmt: skip
    await held.flags.look()
    message = f"The flag is {state.words}; in force everywhere within {IN_FORCE_WITHIN_S} seconds."
    return answer(request, _shown(request, state), message=message)


async def _states(request: Request) -> tuple[dict[Flag, FlagState], dict[str, Any]]:
    """What the table says, or while it is out of reach what it last said, and what the answer's meta tells of that."""
    held = parts(request)
    try:
        async with transaction(held.store) as connection:
            return await read_states(connection), {}
    except StoreUnavailable:
        return {state.flag: state for state in held.flags.states()}, {"degraded": ["store"], "fallback": True}


def _shown(request: Request, state: FlagState) -> dict[str, Any]:
    hindrance = parts(request).flags.why_off(state.flag, key=request.scope["caller"].key_id)
    return {**state.as_dict(), "in_force": hindrance is None, "off_because": hindrance}
