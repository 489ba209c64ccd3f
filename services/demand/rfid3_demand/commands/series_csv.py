"""How does a CSV of series become a frame, and what is said of the first fault in it? Files in, polars out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from rfid3_demand.model.stamp_zones import UTC_STAMP, without_zone
from rfid3_shared.csv_text import read_text
from rfid3_shared.errors import InvalidParameters
from rfid3_shared.series import KEY, TARGET, TIME

_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%dT%H:%M:%SZ",
    "%Y/%m/%d",
)


def read_series(
    path: Path, required: tuple[str, ...] = (KEY, TIME, TARGET), hourly: bool = False
) -> tuple[pl.DataFrame, str | None]:
    """A long frame from a CSV and the format its dates are written in (None: whole numbers).

    Columns: unique_id (text), ds (date, datetime or int), y and regressors (float; words become codes). Dates with a zone
    (…+02:00) become UTC when `hourly`, else the date on the wall: hours must not double when clocks change, days must not move.
    Raises InvalidParameters naming line and column of the first fault.
    """
    raw = read_text(path)
    missing = [name for name in required if name not in raw.columns]
    if missing:
        raise InvalidParameters(
            f"{path.name}, line 1: column {', '.join(missing)} is missing; found {', '.join(raw.columns)}.", missing=missing
        )
    if raw.is_empty():
        raise InvalidParameters(f"{path.name} has no rows below its header.", parameter="input")
    _no_blank(raw, KEY, path)
    _no_blank(raw, TIME, path)
    stamps, written = _parse_stamps(raw[TIME].str.strip_chars(), path, hourly)
    others = [name for name in raw.columns if name not in (KEY, TIME)]
    numbers = [_parse_numbers(raw[name], path, words_allowed=name != TARGET) for name in others]
    return pl.DataFrame([raw[KEY], stamps, *numbers]), written


def _parse_stamps(text: pl.Series, path: Path, hourly: bool) -> tuple[pl.Series, str | None]:
    whole = text.cast(pl.Int64, strict=False)
    if whole.is_not_null().all():
        return whole.alias(TIME), None
    text, zoned = without_zone(text, hourly)
    if zoned is not None:
        return zoned.alias(TIME), UTC_STAMP
    best: tuple[int, str, pl.Series] | None = None
    for written in _FORMATS:
        kind: Any = pl.Date if "%H" not in written else pl.Datetime("us")
        parsed = text.str.strptime(kind, written, strict=False)
        faults = parsed.null_count()
        if faults == 0:
            return parsed.alias(TIME), written
        if best is None or faults < best[0]:
            best = (faults, written, parsed)
    assert best is not None
    line = int(best[2].is_null().arg_max() or 0)
    raise InvalidParameters(
        f"{path.name}, line {line + 2}, column ds: {text[line]!r} is not a date like the others.", line=line + 2, column=TIME
    )


def _parse_numbers(text: pl.Series, path: Path, words_allowed: bool) -> pl.Series:
    clean = text.str.strip_chars()
    clean = clean.set(clean.str.to_lowercase().is_in(["", "na", "nan", "null", "none"]), None)
    numbers = clean.cast(pl.Float64, strict=False)
    bad = (numbers.is_null() & clean.is_not_null()) | numbers.is_infinite().fill_null(False)
    if not bad.any():
        return numbers.alias(text.name)
    if words_allowed and bad.sum() > 0.5 * clean.count():
        order = {word: float(code) for code, word in enumerate(sorted(clean.drop_nulls().unique().to_list()))}
        return clean.replace_strict(order, default=None, return_dtype=pl.Float64).alias(text.name)
    line = int(bad.arg_max() or 0)
    raise InvalidParameters(
        f"{path.name}, line {line + 2}, column {text.name}: {text[line]!r} is not a number.", line=line + 2, column=text.name
    )


def _no_blank(raw: pl.DataFrame, name: str, path: Path) -> None:
    blank = raw[name].is_null() | (raw[name].str.strip_chars() == "")
    if blank.any():
        line = int(blank.arg_max() or 0) + 2
        raise InvalidParameters(f"{path.name}, line {line}, column {name}: the field is empty.", line=line, column=name)
