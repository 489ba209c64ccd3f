"""What value of RFID3's does a text in a CSV field stand for?

Pure: one converter for each column type. A converter takes trimmed text that is not empty and gives what the driver stores,
or raises ValueError with what was expected, in plain words that do not repeat the value.
"""

import json
import math
import re
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import JSON, Boolean, Column, Date, DateTime, Integer, Numeric, String

Converter = Callable[[str], object]

_TRUTHS = {"0": 0, "1": 1, "false": 0, "true": 1, "no": 0, "yes": 1, "f": 0, "t": 1, "n": 0, "y": 1, "0.0": 0, "1.0": 1}
_WHOLE = re.compile(r"[+-]?\d+(?:\.0+)?")
ZERO_DATE = "0000-00-00"
"""MySQL's way to write no date."""


def converter(column: Column[object], zone: ZoneInfo) -> Converter:
    """The converter for a column's type; times with an offset become shop time in `zone`."""
    kind = column.type
    if isinstance(kind, JSON):
        return json_text
    if isinstance(kind, Boolean):
        return truth
    if isinstance(kind, Integer):
        return whole_number
    if isinstance(kind, Numeric):
        return number
    if isinstance(kind, DateTime):
        return lambda text: shop_time(text, zone)
    if isinstance(kind, Date):
        return lambda text: shop_time(text, zone)[:10]
    return limited_text(kind.length) if isinstance(kind, String) and kind.length else str


def shop_time(text: str, zone: ZoneInfo) -> str:
    """ISO date or time as `YYYY-MM-DD HH:MM:SS`; a time with an offset is moved to the shop's zone."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError("expected a date and time such as 2025-05-20 09:35:29") from None
    if moment.tzinfo is not None:
        moment = moment.astimezone(zone)
    if moment.year < 1900:
        raise ValueError("expected a year from 1900 on")
    return moment.replace(microsecond=0, tzinfo=None).isoformat(" ")


def truth(text: str) -> int:
    """0 or 1 for 0/1, true/false, yes/no."""
    try:
        return _TRUTHS[text.lower()]
    except KeyError:
        raise ValueError("expected 0 or 1") from None


def whole_number(text: str) -> int:
    """An integer; `12.0` is one."""
    if not _WHOLE.fullmatch(text):
        raise ValueError("expected a whole number")
    value = int(text.partition(".")[0])
    if not -(2**63) <= value < 2**63:
        raise ValueError("the number is too large")
    return value


def number(text: str) -> float:
    """A finite number."""
    try:
        value = float(text)
    except ValueError:
        raise ValueError("expected a number") from None
    if not math.isfinite(value):
        raise ValueError("expected a finite number")
    return value


def json_text(text: str) -> str:
    """JSON, checked and kept as text."""
    try:
        json.loads(text)
    except ValueError:
        raise ValueError("expected JSON") from None
    return text


def limited_text(length: int) -> Converter:
    """Text no longer than RFID3's column is."""

    def within(text: str) -> str:
        if len(text) > length:
            raise ValueError(f"longer than {length} characters")
        return text

    return within
