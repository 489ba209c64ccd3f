"""How are up to 1,000 forecasts answered in one request, the impossible ones in their place?"""

import asyncio
from datetime import datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ValidationError

from rfid3_demand.live_reading import Live
from rfid3_demand.routes.answering import (
    LoadedSnapshot,
    SwitchedOn,
    meta_of,
    predicted,
    read_present,
    rows_of_queries,
    served_for,
    write_down,
)
from rfid3_demand.schemas import BatchAnswer, BatchRequest, ForecastQuery
from rfid3_demand.snapshot import Snapshot
from rfid3_shared.answering import Open, Reader
from rfid3_shared.app import answer, in_words
from rfid3_shared.envelope import Envelope
from rfid3_shared.errors import AppError, InvalidParameters
from rfid3_shared.ledger import Prediction
from rfid3_shared.registry import Loaded

router = APIRouter()
SLICE = 50
"""Queries worked on before other requests get their turn."""
LONGEST_KEY = 200


@router.post("/forecast/batch", response_model=Envelope[BatchAnswer], dependencies=[SwitchedOn])
async def batch(request: Request, wanted: BatchRequest, loaded: LoadedSnapshot, held: Open, _: Reader) -> Response:
    """Up to 1,000 forecasts in one request, each under its caller's key: {ok: true, data} as GET /demand/forecast would answer, or
    {ok: false, error}. A query that cannot be answered harms no other; two queries of one key refuse the whole."""
    keyed = [(key, _parsed(parameters)) for key, parameters in _keyed(wanted.queries)]
    rows_asked = rows_of_queries([query for _, query in keyed if isinstance(query, ForecastQuery)])
    # one reading for all: answers of one request speak of the same moment
    live = await read_present(request, loaded, rows_asked)
    results: dict[str, Any] = {}
    for first in range(0, len(keyed), SLICE):
        part, asked, rows = await held.compute.off_loop(
            _slice, loaded, live, keyed[first : first + SLICE], held.clock.now(), request.scope["state"]["request_id"]
        )  # fmt: skip
        results |= part
        write_down(request, live, asked, rows)
        await asyncio.sleep(0)
    answered = sum(result.startswith(b'{"ok":true') for result in results.values())
    served = None if live is None else live.served(loaded.snapshot, rows_asked(loaded.snapshot))
    meta = meta_of(request, loaded, held.clock.today(), served, answered=answered, refused=len(results) - answered)
    data = {"results": {key: orjson.Fragment(result) for key, result in results.items()}}
    return answer(request, data, message=f"{answered} of {len(results)} queries are answered.", meta=meta)


def _keyed(queries: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    """Each query with its key; raises InvalidParameters for keys that are no key or come twice."""
    keyed: dict[str, dict[str, Any]] = {}
    twice = []
    for at, query in enumerate(queries):
        key = query.get("key", at)
        if isinstance(key, bool) or not isinstance(key, (str, int)) or not 0 < len(str(key)) <= LONGEST_KEY:
            raise InvalidParameters(
                f"queries.{at}.key is to be a text of 1 to {LONGEST_KEY} characters, or a whole number.",
                parameter=f"queries.{at}.key",
            )
        if str(key) in keyed:
            twice.append(str(key))
        keyed[str(key)] = {name: value for name, value in query.items() if name != "key"}
    if twice:
        raise InvalidParameters(
            "Every query needs a key of its own; a query without one has its position as key.", parameter="queries.key",
            duplicate_keys=sorted(set(twice)),
        )  # fmt: skip
    return list(keyed.items())


def _parsed(parameters: dict[str, Any]) -> ForecastQuery | InvalidParameters:
    try:
        return ForecastQuery(**parameters)
    except ValidationError as fault:
        problems = in_words(RequestValidationError(fault.errors(include_url=False, include_context=False)))
        return InvalidParameters("Some parameters cannot be used.", problems=problems)


def _slice(
    loaded: Loaded[Snapshot],
    live: Live | None,
    keyed: list[tuple[str, ForecastQuery | InvalidParameters]],
    at: datetime,
    request_id: str,
) -> tuple[dict[str, bytes], list[ForecastQuery], list[Prediction]]:
    """The results of some queries as JSON, the queries that were answered, and the ledger's rows."""
    results, asked, shown = {}, [], []
    for key, query in keyed:
        if isinstance(query, InvalidParameters):
            results[key] = _refusal(query)
            continue
        try:
            data, rows = predicted(loaded, served_for(loaded, live, query), query, at, request_id)
        except AppError as fault:
            results[key] = _refusal(fault)
        else:
            results[key] = orjson.dumps({"ok": True, "data": data}, option=orjson.OPT_SERIALIZE_NUMPY)
            asked.append(query)
            shown += rows
    return results, asked, shown


def _refusal(error: AppError) -> bytes:
    told = {"code": error.code, "message": error.message, "details": error.details}
    return orjson.dumps({"ok": False, "error": told}, default=str, option=orjson.OPT_NON_STR_KEYS)
