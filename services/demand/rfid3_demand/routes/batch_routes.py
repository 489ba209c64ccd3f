"""How are up to 1,000 forecasts answered in one request, the impossible ones in their place?"""

import asyncio
from datetime import datetime
from typing import Any

import orjson
from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import ValidationError

from rfid3_demand.routes.answering import LoadedSnapshot, Open, Reader, SwitchedOn, meta_of, predicted, write_down
from rfid3_demand.schemas import BatchAnswer, BatchRequest, ForecastQuery
from rfid3_demand.snapshot import Snapshot
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
    keyed = _keyed(wanted.queries)
    results: dict[str, Any] = {}
    for first in range(0, len(keyed), SLICE):
        part, asked, rows = await held.compute.off_loop(
            _slice, loaded, keyed[first : first + SLICE], held.clock.now(), request.scope["state"]["request_id"]
        )  # fmt: skip
        results |= part
        write_down(request, asked, rows)
        await asyncio.sleep(0)
    answered = sum(result.startswith(b'{"ok":true') for result in results.values())
    meta = meta_of(request, loaded, held.clock.today(), answered=answered, refused=len(results) - answered)
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


def _slice(
    loaded: Loaded[Snapshot], keyed: list[tuple[str, dict[str, Any]]], at: datetime, request_id: str
) -> tuple[dict[str, bytes], list[ForecastQuery], list[Prediction]]:
    """The results of some queries as JSON, the queries that were answered, and the ledger's rows."""
    results, asked, shown = {}, [], []
    for key, parameters in keyed:
        try:
            query = ForecastQuery(**parameters)
            data, rows = predicted(loaded, query, at, request_id)
        except ValidationError as fault:
            problems = in_words(RequestValidationError(fault.errors(include_url=False, include_context=False)))
            results[key] = _refusal(InvalidParameters("Some parameters cannot be used.", problems=problems))
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
