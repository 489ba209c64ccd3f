"""How does a CSV of machines become a table, and what is said of the first fault in it? Files in, arrays out; options too."""

from __future__ import annotations

import csv
import gzip
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from rfid3_maintenance.unit_history.table import EVENT, TIME, UNIT, UnitTable, build
from rfid3_shared.errors import InvalidParameters


def read_units(path: Path, needs: Sequence[str] = (UNIT, TIME, EVENT)) -> UnitTable:
    """The table in a CSV (or .csv.gz): unit, t, event and features. Raises InvalidParameters naming line and column of a fault."""
    if not path.is_file():
        near = [other.name for other in sorted(path.parent.glob("*.csv*"))[:5]] if path.parent.is_dir() else []
        there = f" There are {', '.join(near)}." if near else ""
        raise InvalidParameters(f"There is no file {path}.{there}", parameter="input")
    try:
        frame = pl.read_csv(path, infer_schema=False)
    except pl.exceptions.PolarsError:
        raise _ragged(path) from None
    return build(frame, path.name, needs)


def horizons_of(text: str) -> tuple[float, ...]:
    """Ascending horizons from words like 7,30,90."""
    try:
        found = sorted({float(part) for part in text.split(",") if part.strip()})
    except ValueError:
        raise InvalidParameters(
            f"--horizons are numbers separated by commas, such as 7,30,90, not {text!r}.", parameter="horizons"
        ) from None
    if not found or not all(0 < value < float("inf") for value in found):
        raise InvalidParameters(f"--horizons are greater than 0, in the units of t; {text!r} is not.", parameter="horizons")
    return tuple(found)


def place_for(output: Path) -> None:
    """Raises InvalidParameters where a file could not be written after all the work."""
    if not output.parent.is_dir():
        raise InvalidParameters(f"There is no folder {output.parent}.", parameter="output")
    if output.is_dir():
        raise InvalidParameters(f"{output} is a folder; --output names a file.", parameter="output")


def write(table: pl.DataFrame, output: Path) -> None:
    """All or nothing: a half-written file never bears the name asked for."""
    part = output.with_name(output.name + ".part")
    table.write_csv(part)
    os.replace(part, output)


def _ragged(path: Path) -> InvalidParameters:
    """The fault that names the first line whose number of fields differs from the header's."""
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", errors="replace") as lines:
            reader = csv.reader(lines)
            header = next(reader, [])
            if not header:
                return InvalidParameters(f"{path.name} is empty.", parameter="input")
            for fields in reader:
                if fields and len(fields) != len(header):
                    return InvalidParameters(
                        f"{path.name}, line {reader.line_num}: {len(fields)} fields where the header has {len(header)}.",
                        line=reader.line_num,
                    )
    except OSError as fault:
        return InvalidParameters(f"{path.name} cannot be read: {fault}.", parameter="input")
    return InvalidParameters(f"{path.name} cannot be read as CSV.", parameter="input")
