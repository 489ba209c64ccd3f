"""Which rows are in the body of POST /events? A JSON array, an object {"events": [...]}, or NDJSON: one row a line."""

from typing import Any

import orjson

from rfid3_shared.errors import InvalidParameters
from rfid3_shared.events.intake import MOST_ROWS
from rfid3_shared.events.refusal import Refused

NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl", "application/x-jsonlines")
JSON = ("application/json", "text/json", "")


def rows_in(body: bytes, content_type: str) -> list[Any]:
    """The rows, in their order; of NDJSON a line that is no JSON is `Refused`, and empty lines do not count.

    Raises InvalidParameters for a body of another kind, without rows, or with more than 5,000.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind in NDJSON:
        rows = [_line(number, line) for number, line in enumerate(line for line in body.split(b"\n") if line.strip())]
    elif kind in JSON:
        rows = _array(body)
    else:
        raise InvalidParameters(
            "The body's content type is not known.", parameter="content-type", accepted=["application/json", NDJSON[0]]
        )
    if not rows:
        raise InvalidParameters("There is no row in the body.", parameter="events")
    if len(rows) > MOST_ROWS:
        raise InvalidParameters(
            f"These are {len(rows):,} rows; send at most {MOST_ROWS:,} at once.",
            parameter="events",
            rows=len(rows),
            most=MOST_ROWS,
        )
    return rows


def _array(body: bytes) -> list[Any]:
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidParameters(
            f"The body is no JSON. One JSON object a line is sent as {NDJSON[0]}.", parameter="body", suggestion=NDJSON[0]
        ) from None
    if isinstance(found, dict):
        found = found.get("events")
    if not isinstance(found, list):
        raise InvalidParameters('The body is neither an array of rows nor {"events": [...]}.', parameter="events")
    return found


def _line(number: int, line: bytes) -> Any:
    try:
        return orjson.loads(line)
    except orjson.JSONDecodeError:
        return Refused(number, None, None, "is no JSON")
