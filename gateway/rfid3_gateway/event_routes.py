"""How do scans and POS lines come in over HTTP, and how can one see what came in and who has taken it in?"""

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from pydantic import TypeAdapter

from rfid3_gateway.event_answers import (
    LINE,
    SCAN,
    EventsAnswer,
    EventsQuery,
    ReceiptAnswer,
    Row,
    StandingAnswer,
)
from rfid3_gateway.event_bodies import NDJSON, rows_in
from rfid3_gateway.parts import answer, parts
from rfid3_gateway.routing import GATEWAY, Route
from rfid3_shared.auth import Caller
from rfid3_shared.db import transaction
from rfid3_shared.envelope import Envelope, ErrorEnvelope
from rfid3_shared.errors import InvalidParameters
from rfid3_shared.events.event import ShopEvent
from rfid3_shared.events.intake import MOST_ROWS, Rules, take_in
from rfid3_shared.events.listing import count_events, list_events, similar_classes
from rfid3_shared.events.moments import shop_moment
from rfid3_shared.events.refusal import BadField
from rfid3_shared.events.standing import standing

EVENTS = "/api/predictive/events"
STATUS = f"{EVENTS}/status"
MOST_BYTES, DEADLINE_S = 5_000_000, 10.0
ROUTES = (Route(GATEWAY, "EVENTS", EVENTS, deadline_s=DEADLINE_S, body_bytes=MOST_BYTES), Route(GATEWAY, "SYS", STATUS))
SENDING_SCOPE, READING_SCOPE = "events", "read"
DECODED_AT_ONCE_BYTES = 50_000
"""Larger bodies are decoded in a thread."""
ERRORS: dict[int | str, dict[str, Any]] = {status: {"model": ErrorEnvelope} for status in (401, 403, 413, 422, 429, 503, 504)}
_ROWS = {"type": "array", "maxItems": MOST_ROWS, "items": TypeAdapter(Row).json_schema()}
_SCHEMAS = _ROWS["items"].pop("$defs")  # type: ignore[attr-defined]
_ROWS["items"] = {"anyOf": list(_SCHEMAS.values())}
_EXAMPLES = {
    "scans": {
        "summary": "Two scans",
        "value": [SCAN, {**SCAN, "event_id": "reader7-000184214", "tag_id": "82F3C5CBC15608777BE21A72"}],
    },
    "wrapped": {"summary": "A scan and a POS line, wrapped", "value": {"events": [SCAN, LINE]}},
}
_NDJSON_EXAMPLE = (
    '{"event_id":"reader7-000184213","tag_id":"482C3D87DE2B9B0634EAC37B","scan_type":"Return","occurred_at":"2026-05-11T16:20:05"}\n'
    '{"kind":"line","event_id":"pos-210774-3-2","contract_no":"210774","line_number":3,"store_no":"001","item_num":"61825","qty":20,'
    '"status":"Open","occurred_at":"2026-05-08T09:00:00"}\n'
)
BODY = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"anyOf": [_ROWS, {"type": "object", "required": ["events"], "properties": {"events": _ROWS}}]},
            "examples": _EXAMPLES,
        },
        NDJSON[0]: {
            "schema": {"type": "string", "description": "One row a line."},
            "examples": {"lines": {"summary": "A scan and a POS line", "value": _NDJSON_EXAMPLE}},
        },
    },
}
router = APIRouter(tags=[GATEWAY], responses=ERRORS)


async def sender(request: Request) -> Caller:
    """The caller; raises Forbidden for a key without the scope events."""
    caller: Caller = request.scope["caller"]
    caller.require(SENDING_SCOPE)
    return caller


async def reader(request: Request) -> Caller:
    """The caller; raises Forbidden for a key without the scope read: a reader in the shop may send, and see nothing."""
    caller: Caller = request.scope["caller"]
    caller.require(READING_SCOPE)
    return caller


@router.post(EVENTS, operation_id="post_events", response_model=Envelope[ReceiptAnswer], openapi_extra={"requestBody": BODY})
async def post(request: Request, caller: Annotated[Caller, Depends(sender)]) -> Response:
    """Up to 5,000 scans and POS lines, as JSON or NDJSON; sent again they change nothing. Needs the scope events, and no other.

    Good rows are kept, in one transaction; bad ones come back with their reasons. When no row is good the answer is 422 with the same
    reasons. What RFID3 has not written itself after two weeks does not count any longer.
    """
    held, body = parts(request), await request.body()
    kind = request.headers.get("content-type", "")
    rows = rows_in(body, kind) if len(body) <= DECODED_AT_ONCE_BYTES else await asyncio.to_thread(rows_in, body, kind)
    receipt = await take_in(held.store, held.source, held.redis, held.clock, rows, "http", Rules.of(held.settings))
    if receipt.is_all_bad:
        raise InvalidParameters("None of the rows is an event.", **receipt.refusals())
    told = f"{receipt.accepted} of {len(rows)} events are new; {receipt.duplicates} known, {receipt.repeated} repeated"
    message = f"{told}, {len(receipt.refused)} refused."
    return answer(request, receipt.as_dict(), message=message, meta={"degraded": receipt.degraded})


@router.get(EVENTS, operation_id="list_events", response_model=Envelope[EventsAnswer])
async def events(
    request: Request, caller: Annotated[Caller, Depends(reader)], query: Annotated[EventsQuery, Query()]
) -> Response:
    """Events as they were kept, newest first. Needs the scope read."""
    wanted = query.model_dump(include={"kind", "tag_id", "rental_class", "origin"})
    wanted |= {name: _moment(request, name, getattr(query, name)) for name in ("since", "until")}
    async with transaction(parts(request).store) as connection:
        found = await list_events(connection, limit=query.limit, offset=query.offset, before_seq=query.before_seq, **wanted)
        total = await count_events(connection, **wanted)
        similar = [] if total or query.rental_class is None else await similar_classes(connection, query.rental_class)
    end, is_full = query.offset + len(found), len(found) == query.limit
    data = {
        "events": [_shown(event) for event in found], "total": total,
        "next_offset": end if is_full and end < total and query.before_seq is None else None,
        "next_before_seq": found[-1].seq if is_full and found[-1].seq > 1 else None, "suggestions": similar,
    }  # fmt: skip
    hint = f" Did you mean the class {' or '.join(similar)}?" if similar else ""
    return answer(request, data, message=f"{len(found)} of {total} events.{hint}")


@router.get(STATUS, operation_id="events_status", response_model=Envelope[StandingAnswer])
async def status(request: Request) -> Response:
    """How many events came in lately and from where, and how far behind each reader of them is."""
    async with transaction(parts(request).store) as connection:
        found = await standing(connection, parts(request).clock)
    behind = [one.consumer for one in found.readers if one.lag_events]
    words = f"Behind: {', '.join(behind)}." if behind else "Every reader has taken in all of them."
    return answer(request, found.as_dict(), message=f"The newest event has the number {found.last_seq}. {words}")


def _moment(request: Request, name: str, given: str | None) -> datetime | None:
    if given is None:
        return None
    try:
        # a query string turns the + of an offset into a space
        return shop_moment(
            given.replace(" ", "+") if "T" in given else given, name, parts(request).clock.zone, date_will_do=True
        )[0]
    except BadField as fault:
        problem = {"parameter": name, "problem": fault.reason, "suggestion": fault.suggestion}
        raise InvalidParameters("Some parameters cannot be used.", problems=[problem]) from None


def _shown(event: ShopEvent) -> dict[str, Any]:
    return {
        "seq": event.seq, "event_id": event.event_id, "kind": event.kind, "origin": event.origin,
        "received_at": event.received_at.replace(tzinfo=UTC), "occurred_at": event.occurred_at, "tag_id": event.tag_id,
        "rental_class": event.rental_class, "contract": event.contract, "facts": event.facts,
    }  # fmt: skip
