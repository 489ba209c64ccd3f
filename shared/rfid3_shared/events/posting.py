"""How do the events of a file reach a running suite? Batch after batch as NDJSON over HTTP; sent again they change nothing."""

import gzip
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import orjson

from rfid3_shared.errors import InvalidParameters
from rfid3_shared.http import AnswerRefused, Outside, json_of
from rfid3_shared.source.csv_rows import DAMAGE, BrokenRow, CsvFile

PATH = "/api/predictive/events"
BATCH_ROWS, BATCH_BYTES = 1_000, 4_000_000
CSV = (".csv", ".tsv", ".csv.gz", ".tsv.gz")
Row = tuple[int, bytes]
"""Where it stands in the file (line, or place in the array from 1), and the row as JSON, broken as it may be."""


@dataclass
class Outcome:
    """What became of a file: counts as POST /events tells them, and refused rows with their place in the file."""

    rows: int = 0
    accepted: int = 0
    duplicates: int = 0
    repeated: int = 0
    refused_count: int = 0
    unknown_tags: int = 0
    refused: list[dict[str, Any]] = field(default_factory=list)
    ignored_fields: dict[str, int] = field(default_factory=dict)
    degraded: set[str] = field(default_factory=set)


async def post_file(path: Path, url: str, key: str, tell: Callable[[int, int], None]) -> Outcome:
    """Post the events of a file; `tell(rows sent, bytes sent)` after each batch.

    Raises InvalidParameters for a file that cannot be read, AnswerRefused when the gateway will not have it, UpstreamError.
    """
    outcome, sent_bytes = Outcome(), 0
    headers = {"x-api-key": key, "content-type": "application/x-ndjson"}
    async with Outside() as outside:
        for batch in batches(rows_of(path)):
            status, reply = await outside.post(url.rstrip("/") + PATH, b"\n".join(row for _, row in batch), headers)
            _add(outcome, batch, status, json_of(reply, "the gateway"))
            sent_bytes += sum(len(row) for _, row in batch)
            tell(outcome.rows, sent_bytes)
    return outcome


def rows_of(path: Path) -> Iterator[Row]:
    """The rows of a CSV file with a header, a JSON array, {"events": [...]}, or NDJSON; plain or gzipped.

    Raises InvalidParameters for a file that is none of these, is damaged, or is not there.
    """
    if not path.is_file():
        raise InvalidParameters(f"There is no file {path}.", parameter="file")
    try:
        if path.name.lower().endswith(CSV):
            yield from _csv(path)
            return
        with _opened(path) as file:
            first = next((line for line in file if line.strip()), b"")
        yield from _lines(path) if _is_row(first) else _array(path)
    except DAMAGE:
        raise InvalidParameters(f"{path.name} is damaged or cut off.", parameter="file") from None


def batches(rows: Iterable[Row]) -> Iterator[list[Row]]:
    """The rows in batches that POST /events takes; a row that is longer than a batch may be is a batch of its own."""
    batch: list[Row] = []
    size = 0
    for row in rows:
        if batch and (len(batch) == BATCH_ROWS or size + len(row[1]) > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += len(row[1]) + 1
    if batch:
        yield batch


def _add(outcome: Outcome, batch: list[Row], status: int, reply: Mapping[str, Any]) -> None:
    outcome.rows += len(batch)
    told = reply.get("data") if status == 200 else reply.get("error", {}).get("details", {})
    if not isinstance(told, dict) or "refused" not in told:
        raise AnswerRefused(
            str(reply.get("error", {}).get("message", "The gateway gave another answer than it documents.")), status=status
        )
    for name in ("accepted", "duplicates", "repeated", "refused_count", "unknown_tags"):
        setattr(outcome, name, getattr(outcome, name) + (told.get(name) or 0))
    for name, count in told.get("ignored_fields", {}).items():
        outcome.ignored_fields[name] = outcome.ignored_fields.get(name, 0) + count
    outcome.refused += [{**one, "place": batch[one["row"]][0]} for one in told["refused"]]
    outcome.degraded |= set(reply.get("meta", {}).get("degraded", []))


def _opened(path: Path) -> IO[bytes]:
    return gzip.open(path, "rb") if path.suffix.lower() == ".gz" else path.open("rb")  # type: ignore[return-value]


def _is_row(line: bytes) -> bool:
    """Whether a file that begins with this line holds one row a line."""
    try:
        found = orjson.loads(line)
    except orjson.JSONDecodeError:
        return line.lstrip()[:1] == b"{" and line.rstrip()[-1:] == b"}"
    return isinstance(found, dict) and not isinstance(found.get("events"), list)


def _lines(path: Path) -> Iterator[Row]:
    with _opened(path) as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line.strip()


def _array(path: Path) -> Iterator[Row]:
    with _opened(path) as file:
        try:
            found = orjson.loads(file.read())
        except orjson.JSONDecodeError:
            found = None
    rows = found.get("events") if isinstance(found, dict) else found
    if not isinstance(rows, list):
        raise InvalidParameters(
            f"{path.name} is neither CSV (by its name) nor NDJSON nor a JSON array of events.", parameter="file"
        )
    yield from ((place, orjson.dumps(row)) for place, row in enumerate(rows, 1))


def _csv(path: Path) -> Iterator[Row]:
    with CsvFile(path) as file:
        for line, fields in file.rows():
            if isinstance(fields, BrokenRow) or len(fields) != len(file.header):
                yield line, b'"a broken row"'
            else:
                yield (
                    line,
                    orjson.dumps({name: value for name, value in zip(file.header, fields, strict=True) if value.strip()}),
                )
