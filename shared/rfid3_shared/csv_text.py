"""How does anybody's CSV become a table of words, and what is said of a file that is none? What the words mean is for the caller."""

import csv
import gzip
from pathlib import Path
from typing import Any

import polars as pl

from rfid3_shared.errors import InvalidParameters

MOST_NAMED = 5


def read_text(path: Path, parameter: str = "input") -> pl.DataFrame:
    """Every column of a CSV (or .csv.gz) as text, empty fields null, column names trimmed.

    Raises InvalidParameters about `parameter`: no such file (and which there are), no CSV, or the first line of another width.
    """
    if not path.is_file():
        near = [other.name for other in sorted(path.parent.glob("*.csv*"))[:MOST_NAMED]] if path.parent.is_dir() else []
        there = f" There are {', '.join(near)}." if near else ""
        raise InvalidParameters(f"There is no file {path}.{there}", parameter=parameter)
    try:
        raw = pl.read_csv(path, infer_schema=False)
    except (pl.exceptions.PolarsError, OSError):
        raise _fault_of(path, parameter) from None
    return raw.rename({name: name.strip().lstrip("\ufeff") for name in raw.columns})


def _fault_of(path: Path, parameter: str) -> InvalidParameters:
    """What is wrong with a file that could not be read: the first line whose number of fields differs from the header's, if any."""
    opener: Any = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", errors="replace") as lines:
            reader = csv.reader(lines)
            header = next(reader, [])
            if not header:
                return InvalidParameters(f"{path.name} is empty.", parameter=parameter)
            for fields in reader:
                if fields and len(fields) != len(header):
                    line, column = reader.line_num, header[min(len(fields), len(header)) - 1]
                    found = f"{len(fields)} fields where the header has {len(header)}"
                    return InvalidParameters(
                        f"{path.name}, line {line}, column {column}: {found}.", line=line, column=column, parameter=parameter
                    )
    except (OSError, EOFError, csv.Error) as fault:
        return InvalidParameters(f"{path.name} cannot be read: {fault}.", parameter=parameter)
    return InvalidParameters(f"{path.name} cannot be read as CSV.", parameter=parameter)
