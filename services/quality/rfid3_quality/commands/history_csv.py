"""How does a CSV of readings become records, and what is said of the first fault in it? Files in, records out."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from rfid3_quality.model.degradation import Record
from rfid3_shared.csv_text import read_text
from rfid3_shared.errors import InvalidParameters

UNIT, TIME, SCORE = "unit", "t", "score"
MOST_WORDS = 6
"""A column of words counts by indicators of its words when it has no more of them."""
ABSENT = ("", "na", "nan", "null", "none")
DATES = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S")


@dataclass(frozen=True)
class History:
    """Records by unit in the order of the file; how its times are written (None: numbers), their zero, and what was noticed.

    names: the further columns, as the records hold them.
    """

    records: list[Record]
    written: str | None
    zero: datetime | None
    notes: list[str]
    names: tuple[str, ...] = ()

    def shown(self, t: float) -> str | float | None:
        """A time as the file writes it; None beyond the horizon or beyond the calendar."""
        if t == float("inf"):
            return None
        if self.written is None or self.zero is None:
            return float(f"{t:.7g}")
        try:
            return (self.zero + timedelta(days=t)).strftime(self.written)
        except OverflowError:
            return None


def read_history(path: Path) -> History:
    """Columns unit, t (numbers or dates, which become days), score; further columns of numbers, or of a few words, are kept.

    Raises InvalidParameters naming line and column of the first fault, and the nearest name where a column is missing.
    """
    raw = read_text(path, "history")
    for name in (UNIT, TIME, SCORE):
        if name not in raw.columns:
            raise _missing(name, raw.columns, path)
    if raw.is_empty():
        raise InvalidParameters(f"{path.name} has no rows below its header.", parameter="history")
    raw = raw.with_columns(pl.col(UNIT, TIME, SCORE).str.strip_chars())
    _refuse(raw[UNIT].is_null() | (raw[UNIT] == ""), raw, UNIT, "the field is empty", path)
    times, written, zero = _times(raw, path)
    absent = raw[SCORE].is_null() | raw[SCORE].str.to_lowercase().is_in(ABSENT)
    score = raw[SCORE].set(absent, None).cast(pl.Float64, strict=False)
    _refuse((score.is_null() & ~absent) | score.is_infinite().fill_null(False), raw, SCORE, "is not a number", path)
    further, unread = _further(raw)
    frame = pl.DataFrame([raw[UNIT], times.alias(TIME), score.alias(SCORE), *further]).filter(~absent)
    frame = frame.sort(TIME, maintain_order=True)
    twice = frame.select(UNIT, TIME).is_duplicated()
    if twice.any():
        unit = frame.filter(twice)[UNIT][0]
        raise InvalidParameters(f"{path.name}: unit {unit} has two readings at one time; keep one or their mean.", column=TIME)
    notes = [f"{int(absent.sum())} rows have no score and were left out"] if absent.any() else []
    order = {name: place for place, name in enumerate(raw[UNIT].unique(maintain_order=True))}
    kept = frame.drop(UNIT, TIME, SCORE)
    records = [
        Record(str(part[UNIT][0]), part[TIME].to_numpy(), part[SCORE].to_numpy(), part[kept.columns].to_numpy() if kept.width else None)
        for part in frame.partition_by(UNIT, maintain_order=True)
    ]  # fmt: skip
    if unread:
        notes.append(f"{', '.join(unread)} not used: neither numbers nor at most {MOST_WORDS} words")
    return History(sorted(records, key=lambda record: order[record.unit]), written, zero, notes, tuple(kept.columns))


def _further(raw: pl.DataFrame) -> tuple[list[pl.Series], list[str]]:
    """Columns beside unit, time and score as numbers, NaN = absent: words as indicators of all but the commonest; and those unread."""
    found, unread = [], []
    for name in (name for name in raw.columns if name not in (UNIT, TIME, SCORE)):
        text = raw[name].str.strip_chars()
        text = text.set(text.is_null() | text.str.to_lowercase().is_in(ABSENT), None)
        number = text.cast(pl.Float64, strict=False)
        if (number.is_finite().fill_null(False) == text.is_not_null()).all():
            found.append(number.fill_null(np.nan).alias(name))
            continue
        words = text.drop_nulls().value_counts(sort=True).sort("count", name, descending=[True, False])[name].to_list()
        if len(words) > MOST_WORDS:
            unread.append(name)
            continue
        found += [(text == word).cast(pl.Float64).fill_null(np.nan).alias(f"{name}={word}") for word in words[1:]]
    return found, unread


def _times(raw: pl.DataFrame, path: Path) -> tuple[pl.Series, str | None, datetime | None]:
    numbers = raw[TIME].cast(pl.Float64, strict=False)
    if numbers.is_finite().fill_null(False).all():
        return numbers, None, None
    for written in DATES:
        stamps = raw[TIME].str.strptime(pl.Datetime("us"), written, strict=False)
        if stamps.is_not_null().all():
            zero = stamps.min()
            assert isinstance(zero, datetime)
            return ((stamps - zero).dt.total_seconds() / 86_400).cast(pl.Float64), written, zero
    bad = ~numbers.is_finite().fill_null(False)
    as_dates = raw[TIME].str.strptime(pl.Datetime("us"), DATES[0], strict=False).is_null()
    _refuse(as_dates if as_dates.sum() < bad.sum() else bad, raw, TIME, "is neither a number nor a date like 2025-06-30", path)
    raise AssertionError("one of them has a fault")


def _refuse(bad: pl.Series, raw: pl.DataFrame, column: str, what: str, path: Path) -> None:
    if bad.any():
        line = int(bad.arg_max() or 0)
        said = f"{raw[column][line]!r} {what}" if raw[column][line] else what
        raise InvalidParameters(f"{path.name}, line {line + 2}, column {column}: {said}.", line=line + 2, column=column)


def _missing(name: str, columns: list[str], path: Path) -> InvalidParameters:
    near = difflib.get_close_matches(name, [column.lower() for column in columns], n=1, cutoff=0.5)
    hint = f" Did you mean {next(column for column in columns if column.lower() == near[0])}?" if near else ""
    return InvalidParameters(
        f"{path.name}, line 1: column {name} is missing; found {', '.join(columns)}.{hint}", missing=[name], near=near
    )
