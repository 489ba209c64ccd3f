"""How do outside factors that somebody has in a file get into the store?

CSV, plain or gzipped, with the columns of RFID3's `external_factors` (date, factor_type, factor_name, value) and, where known,
location, source, is_forecast, quality. A bad row is named with its line, the others are taken; the same file again changes nothing.
"""

import asyncio
import difflib
from collections import defaultdict
from datetime import date
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.errors import InvalidParameters
from rfid3_shared.external.measurement import Measurement, why_not_kept, write_measurements
from rfid3_shared.external.tables import FACTOR_TYPES, external_data_factors
from rfid3_shared.source.csv_rows import DAMAGE, BrokenRow, CsvFile
from rfid3_shared.source.csv_values import number, truth
from rfid3_shared.source.import_report import FileReport

NEEDED = ("date", "factor_type", "factor_name", "value")
KNOWN = (*NEEDED, "location", "source", "is_forecast", "quality")
DEFAULT_SOURCE = "file"
MOST_ROWS = 1_000_000
TYPE_WORDS = {"economy": "economic", "event": "events", "holidays": "holiday", "season": "seasonal"}


class _Bad(Exception):
    """Why a row is not taken: its column, and the reason."""


async def import_file(store: AsyncEngine, path: Path, clock: Clock, source: str = DEFAULT_SOURCE) -> FileReport:
    """Take the factors of a file; source: who says so, for rows that name nobody.

    Raises InvalidParameters when there is no such file, or its header lacks a column; StoreUnavailable.
    """
    report = FileReport(path.name, external_data_factors.name)
    by_source = await asyncio.to_thread(_read, path, report, source)
    async with transaction(store) as connection:
        for name, rows in by_source.items():
            report.rows_new += await write_measurements(connection, rows, name, clock)
    return report


def _read(path: Path, report: FileReport, source: str) -> dict[str, list[Measurement]]:
    """Rows by source; what is left out is counted in the report."""
    if not path.is_file():
        raise InvalidParameters(f"There is no file {path}.", parameter="file")
    found: dict[str, list[Measurement]] = defaultdict(list)
    with CsvFile(path) as file:
        names = [name.lower() for name in file.header]
        if missing := [name for name in NEEDED if name not in names]:
            raise InvalidParameters(
                f"{path.name}, line 1: column {', '.join(missing)} is missing.", missing=missing, found=file.header, needed=list(NEEDED)
            )  # fmt: skip
        report.ignored_columns = [name for name in names if name not in KNOWN]
        try:
            for line, fields in file.rows():
                report.rows_read += 1
                if report.rows_read > MOST_ROWS:
                    report.fault = f"more than {MOST_ROWS:,} rows: the rest was not read"
                    break
                try:
                    row = _measurement(fields, names)
                except _Bad as why:
                    report.reject(line, *why.args)
                    continue
                found[row[0] or source].append(row[1])
        except DAMAGE:
            report.fault = "the file is damaged or cut off: its rows up to there were taken"
    return found


def _measurement(fields: list[str] | BrokenRow, names: list[str]) -> tuple[str, Measurement]:
    if isinstance(fields, BrokenRow):
        raise _Bad(None, fields.reason)
    if len(fields) != len(names):
        raise _Bad(None, f"{len(fields)} fields where the header has {len(names)}")
    row = {name: field.strip() for name, field in zip(names, fields, strict=True)}
    kind = TYPE_WORDS.get(row["factor_type"].lower(), row["factor_type"].lower())
    if kind not in FACTOR_TYPES:
        similar = difflib.get_close_matches(kind, FACTOR_TYPES, n=1)
        hint = f"did you mean {similar[0]}?" if similar else f"use one of {', '.join(FACTOR_TYPES)}"
        raise _Bad("factor_type", f"{row['factor_type']!r} is no type of factor: {hint}")
    try:
        day = date.fromisoformat(row["date"][:10])
    except ValueError:
        raise _Bad("date", "is no date of the form 2025-06-01") from None
    made = Measurement(
        kind,
        row["factor_name"],
        day,
        _number(row, "value", None),
        row.get("location", ""),
        _truth(row),
        _number(row, "quality", 1.0),
    )
    if why := why_not_kept(made):
        raise _Bad(None, why)
    return row.get("source", "")[:100], made


def _number(row: dict[str, str], name: str, absent: float | None) -> float:
    text = row.get(name, "")
    if not text and absent is not None:
        return absent
    try:
        return number(text)
    except ValueError:
        raise _Bad(name, "is no number") from None


def _truth(row: dict[str, str]) -> bool:
    try:
        return bool(row.get("is_forecast", "") and truth(row["is_forecast"]))
    except ValueError:
        raise _Bad("is_forecast", "is neither yes nor no") from None
