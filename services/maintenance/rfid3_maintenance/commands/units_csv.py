"""How does a CSV of machines become a table, and what is said of the first fault in it? Files in, arrays out; options too."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from rfid3_maintenance.unit_history.table import EVENT, TIME, UNIT, UnitTable, build
from rfid3_shared.csv_text import read_text
from rfid3_shared.errors import InvalidParameters


def read_units(path: Path, needs: Sequence[str] = (UNIT, TIME, EVENT)) -> UnitTable:
    """The table in a CSV (or .csv.gz): unit, t, event and features. Raises InvalidParameters naming line and column of a fault."""
    return build(read_text(path), path.name, needs)


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
