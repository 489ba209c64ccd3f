"""Which rows of which unit are there, in which order, and is the table fit to be learned from? Frames in, arrays out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from rfid3_shared.errors import InvalidParameters

UNIT, TIME, EVENT = "unit", "t", "event"
_BLANK = ("", "na", "nan", "null", "none")
_ALIASES = {
    UNIT: ("id", "unit_id", "machine", "machine_id", "engine", "asset", "unique_id", "item", "tag_id", "udi"),
    TIME: ("time", "day", "days", "cycle", "cycles", "hours", "age", "ds", "date", "timestamp", "lifetime", "duration"),
    EVENT: ("failure", "failed", "machine_failure", "label", "broken", "fault", "target", "status", "y"),
}
_YES, _NO = ("1", "1.0", "true", "yes"), ("0", "0.0", "false", "no")


@dataclass(frozen=True)
class UnitTable:
    """Rows of units, sorted by unit (in order of first appearance) and t."""

    source: str
    """The name said in faults."""
    names: tuple[str, ...]
    unit: np.ndarray
    """(rows,) int64: place in `names`."""
    life: np.ndarray
    """(rows,) int64, ascending: a unit that goes on after an event begins another life."""
    t: np.ndarray
    """(rows,) float64; all zero where the table has no t."""
    event: np.ndarray
    """(rows,) bool; all False where the table has no event."""
    columns: dict[str, np.ndarray]
    """Features by name: float64 (NaN = unknown) or object (words; None = unknown)."""
    timed: bool = True

    def __len__(self) -> int:
        return len(self.unit)

    @property
    def single(self) -> bool:
        """Is there exactly one row for each unit?"""
        return len(self.names) == len(self.unit)

    def life_starts(self) -> np.ndarray:
        """The first row of each life, and the number of rows at the end: (lives + 1,)."""
        first = np.flatnonzero(np.diff(self.life, prepend=-1))
        return np.append(first, len(self.life))

    def rows(self, chosen: np.ndarray) -> UnitTable:
        """Only these rows (a mask or ascending places); names stay."""
        columns = {name: values[chosen] for name, values in self.columns.items()}
        return UnitTable(
            self.source,
            self.names,
            self.unit[chosen],
            self.life[chosen],
            self.t[chosen],
            self.event[chosen],
            columns,
            self.timed,
        )


def build(frame: pl.DataFrame, source: str, needs: Sequence[str] = (UNIT, TIME, EVENT)) -> UnitTable:
    """A table from a frame with columns unit, t, event and features, numbers or words, typed or all text.

    t may be left out of `needs`: then a frame without it is a table of single observations. Raises InvalidParameters for a column
    that is missing (and names the nearest), an empty table, a t that is no number, an event that is neither 0 nor 1, and two
    rows for one unit and t; line numbers count the header as line 1.
    """
    frame = frame.rename({name: name.strip().lstrip("\ufeff") for name in frame.columns})
    require(frame.columns, needs, source)
    if frame.is_empty():
        raise InvalidParameters(f"{source} has no rows below its header.", parameter=source)
    units = frame[UNIT].cast(pl.String).str.strip_chars()
    _no_blank(units, source)
    timed = TIME in frame.columns
    t = _times(frame[TIME], source) if timed else np.zeros(len(frame))
    event = _events(frame[EVENT], source) if EVENT in frame.columns else np.zeros(len(frame), dtype=bool)
    names = units.unique(maintain_order=True)
    place = {name: at for at, name in enumerate(names)}
    unit = np.array([place[name] for name in units], dtype=np.int64)
    order = np.lexsort((t, unit))
    if not timed and len(names) < len(frame):
        require(frame.columns, (TIME,), source)  # several rows a unit tell a course of time
    _no_doubles(unit[order], t[order], order, units, source)
    columns = {name: _column(frame[name], source)[order] for name in frame.columns if name not in (UNIT, TIME, EVENT)}
    unit, t, event = unit[order], t[order], event[order]
    return UnitTable(source, tuple(names), unit, _lives(unit, event), t, event, columns, timed)


def joined(past: UnitTable, current: UnitTable) -> tuple[UnitTable, np.ndarray]:
    """Rows of `current` with what `past` has on the same units before them; and the places of current's rows, in its order.

    A row of `past` at the same moment or later is left out: what is asked must not know what comes.
    """
    place = {name: at for at, name in enumerate(current.names)}
    of_past = np.array([place.get(name, -1) for name in past.names], dtype=np.int64)[past.unit] if len(past) else past.unit
    first = np.full(len(current.names), np.inf)
    np.minimum.at(first, current.unit, current.t)
    kept = (of_past >= 0) & (past.t < first[of_past])
    unit = np.concatenate([of_past[kept], current.unit])
    t = np.concatenate([past.t[kept], current.t])
    event = np.concatenate([past.event[kept], np.zeros(len(current), dtype=bool)])
    order = np.lexsort((t, unit))
    columns = {
        name: np.concatenate([past.columns[name][kept], values])[order]
        for name, values in current.columns.items()
        if name in past.columns
    }
    unit, t, event = unit[order], t[order], event[order]
    whole = UnitTable(current.source, current.names, unit, _lives(unit, event), t, event, columns, current.timed)
    return whole, np.flatnonzero(order >= int(kept.sum()))


def require(found: Sequence[str], needed: Sequence[str], source: str) -> None:
    """Raises InvalidParameters naming the columns that are missing and what they may be called in the table."""
    missing = [name for name in needed if name not in found]
    if not missing:
        return
    hints = []
    lower = {name.lower(): name for name in found if name not in needed}
    for name in missing:
        near = meant(name, lower) or difflib.get_close_matches(name.lower(), lower, n=1, cutoff=0.5)
        hints += [f"is {lower[near[0]]!r} meant for {name!r}? Rename it."] if near else []
    said = f" ({' '.join(hints)})" if hints else ""
    raise InvalidParameters(
        f"{source}, line 1: column {', '.join(missing)} is missing{said}; found {', '.join(found)}.", missing=missing
    )


def meant(name: str, found: Iterable[str]) -> list[str]:
    """Those of the lower-case names that others use for one of ours."""
    known = set(found)
    return [alias for alias in _ALIASES.get(name, ()) if alias in known]


def _lives(unit: np.ndarray, event: np.ndarray) -> np.ndarray:
    """A new number for each unit, and after each event."""
    begins = np.diff(unit, prepend=-1) != 0
    begins[1:] |= event[:-1]
    return np.asarray(np.cumsum(begins) - 1)


def _no_blank(units: pl.Series, source: str) -> None:
    blank = units.is_null() | (units == "")
    if blank.any():
        line = int(blank.arg_max() or 0) + 2
        raise InvalidParameters(f"{source}, line {line}, column {UNIT}: the field is empty.", line=line, column=UNIT)


def _times(given: pl.Series, source: str) -> np.ndarray:
    numbers = given.cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)
    bad = numbers.is_null() | ~numbers.is_finite().fill_null(False)
    if bad.any():
        line = int(bad.arg_max() or 0)
        raise InvalidParameters(
            f"{source}, line {line + 2}, column {TIME}: {given[line]!r} is not a number. t counts days, cycles or hours from any "
            "beginning; turn dates into days first.", line=line + 2, column=TIME,
        )  # fmt: skip
    return numbers.to_numpy().astype(float)


def _events(given: pl.Series, source: str) -> np.ndarray:
    words = given.cast(pl.String).str.strip_chars().str.to_lowercase()
    good = words.is_in([*_YES, *_NO])
    if not good.fill_null(False).all():
        line = int((~good.fill_null(False)).arg_max() or 0)
        raise InvalidParameters(
            f"{source}, line {line + 2}, column {EVENT}: {given[line]!r} is neither 0 nor 1. The last row of a unit that failed has 1, "
            "all others 0.", line=line + 2, column=EVENT,
        )  # fmt: skip
    return words.is_in(list(_YES)).to_numpy()


def _no_doubles(unit: np.ndarray, t: np.ndarray, order: np.ndarray, units: pl.Series, source: str) -> None:
    twice = np.flatnonzero((np.diff(unit) == 0) & (np.diff(t) == 0))
    if not len(twice):
        return
    one, other = sorted((int(order[twice[0]]), int(order[twice[0] + 1])))
    raise InvalidParameters(
        f"{source}, lines {one + 2} and {other + 2}: two rows for unit {units[one]!r} and t {t[twice[0]]:g} "
        f"({len(twice)} such in all).",
        line=other + 2, column=UNIT, doubles=len(twice),
    )  # fmt: skip


def _column(given: pl.Series, source: str) -> np.ndarray:
    """Numbers where all entries are such, words where most are not; raises InvalidParameters for a few words among numbers."""
    if given.dtype.is_numeric() or given.dtype == pl.Boolean:
        numbers = given.cast(pl.Float64)
        return np.where(np.isfinite(found := numbers.fill_null(np.nan).to_numpy()), found, np.nan)
    clean = given.cast(pl.String).str.strip_chars()
    clean = clean.set(clean.str.to_lowercase().is_in(_BLANK).fill_null(False), None)
    numbers = clean.cast(pl.Float64, strict=False)
    bad = (numbers.is_null() & clean.is_not_null()) | numbers.is_infinite().fill_null(False)
    if not bad.any():
        return numbers.fill_null(np.nan).to_numpy().astype(float)
    if bad.sum() > 0.5 * clean.count():
        words: Any = np.array(clean.to_list(), dtype=object)
        return np.asarray(words)
    line = int(bad.arg_max() or 0)
    raise InvalidParameters(
        f"{source}, line {line + 2}, column {given.name}: {given[line]!r} is not a number, though most of the column are.",
        line=line + 2, column=given.name,
    )  # fmt: skip
