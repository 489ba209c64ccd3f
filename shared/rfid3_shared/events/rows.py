"""Which of the rows somebody sent are events, and what is wrong with the others? Pure.

A row is a JSON object: a scan, or a line of a POS contract. What an event may say is listed here; other fields, names of customers
and staff among them, are counted and left out, so that nothing can keep them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import blake2b
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from rfid3_shared.events.event import Kind
from rfid3_shared.events.moments import shop_moment
from rfid3_shared.events.refusal import BadField, Refused
from rfid3_shared.events.words import known_word, store_number, text

SCAN_WORDS = ("status", "quality", "bin_location")
SCAN_FIELDS = frozenset(
    {"kind", "event_id", "tag_id", "scan_type", "occurred_at", "contract_number", "rental_class", "store", *SCAN_WORDS}
)
LINE_DATES = ("contract_date", "promised_delivery_date", "actual_delivery_date", "close_date")
LINE_FIELDS = frozenset(
    {"kind", "event_id", "contract_no", "line_number", "store_no", "item_num", "qty", "status", "occurred_at", *LINE_DATES}
)
LONGEST_ID = 64
MOST_LINES, MOST_UNITS = 1_000_000, 1_000_000
APART = "\x1f"
"""Between parts of what is hashed; it cannot be printed, so no part holds it."""


@dataclass(frozen=True)
class Window:
    """When an event may have happened, and what else depends on the moment and the shop.

    earliest, latest: naive UTC. lived_until: naive shop time up to which a simulated company has lived, None for a real one.
    """

    zone: ZoneInfo
    earliest: datetime
    latest: datetime
    lived_until: datetime | None = None
    store_codes: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Posted:
    """A row that is an event; `sameness` is equal for the same fact under whatever id."""

    row: int
    event_id: str
    kind: Kind
    sameness: str
    occurred_at: datetime
    tag_id: str
    rental_class: str
    contract: str
    facts: dict[str, Any]


@dataclass(frozen=True)
class Sorted:
    """What became of the rows; `ignored` counts fields that were left out, by name."""

    posted: list[Posted]
    refused: list[Refused]
    ignored: Counter[str]


def sort_out(rows: Sequence[Any], window: Window) -> Sorted:
    """Tell events from rows that are none, in their order; a row may be `Refused` already."""
    found = Sorted([], [], Counter())
    for number, row in enumerate(rows):
        if isinstance(row, Refused):
            found.refused.append(row)
            continue
        try:
            found.posted.append(_posted(number, row, window, found.ignored))
        except BadField as fault:
            found.refused.append(Refused(number, _shown_id(row), fault.parameter, fault.reason, fault.suggestion))
    return found


def _posted(number: int, row: Any, window: Window, ignored: Counter[str]) -> Posted:
    if not isinstance(row, dict):
        raise BadField(None, "is no JSON object")
    kind = row.get("kind") or ("scan" if "tag_id" in row else None)
    if kind not in ("scan", "line"):
        raise BadField("kind", "is neither scan nor line", "scan, line")
    event_id = text(row, "event_id", LONGEST_ID)
    if not event_id:
        raise BadField("event_id", f"is missing: 1 to {LONGEST_ID} characters that name this event for ever")
    made = (_scan if kind == "scan" else _line)(number, event_id, row, window)
    for name in row.keys() - (SCAN_FIELDS if kind == "scan" else LINE_FIELDS):
        ignored[name] += 1
    return made


def _scan(number: int, event_id: str, row: Mapping[str, Any], window: Window) -> Posted:
    tag_id = _needed(row, "tag_id")
    facts: dict[str, Any] = {"scan_type": known_word("scan_type", _needed(row, "scan_type"))}
    at = _happened(row, window)
    for name in SCAN_WORDS:
        if word := text(row, name):
            facts[name] = known_word(name, word)
    if store := store_number(row, "store", window.store_codes):
        facts["store"] = store
    contract = text(row, "contract_number")
    same = _sameness("scan", tag_id, facts["scan_type"], at.isoformat(), contract)
    return Posted(number, event_id, "scan", same, at, tag_id, text(row, "rental_class"), contract, facts)


def _line(number: int, event_id: str, row: Mapping[str, Any], window: Window) -> Posted:
    contract, rental_class = _needed(row, "contract_no", 50), _needed(row, "item_num", 50)
    facts: dict[str, Any] = {
        "line_number": _whole(row, "line_number", 0, MOST_LINES),
        "store_no": store_number(row, "store_no", window.store_codes),
        "qty": _whole(row, "qty", -MOST_UNITS, MOST_UNITS),
    }
    if not facts["store_no"]:
        raise BadField("store_no", "is missing")
    at = _happened(row, window)
    if status := text(row, "status", 50):
        facts["status"] = status
    for name in LINE_DATES:
        if row.get(name) not in (None, ""):
            facts[name] = shop_moment(row[name], name, window.zone, date_will_do=True)[0].isoformat()
    content = orjson.dumps(facts, option=orjson.OPT_SORT_KEYS).decode()
    same = _sameness("line", contract, rental_class, at.isoformat(), content)
    return Posted(number, event_id, "line", same, at, "", rental_class, contract, facts)


def _happened(row: Mapping[str, Any], window: Window) -> datetime:
    if row.get("occurred_at") in (None, ""):
        raise BadField("occurred_at", "is missing", "2026-05-09T14:30:00")
    at, utc = shop_moment(row["occurred_at"], "occurred_at", window.zone)
    if utc > window.latest and (window.lived_until is None or at > window.lived_until):
        raise BadField("occurred_at", "lies in the future: look at the clock of the reader and at the offset")
    if utc < window.earliest:
        raise BadField(
            "occurred_at", f"lies before {window.earliest:%Y-%m-%d}: older events are RFID3's to tell (events_oldest_days)"
        )
    return at


def _needed(row: Mapping[str, Any], parameter: str, longest: int = 255) -> str:
    if word := text(row, parameter, longest):
        return word
    raise BadField(parameter, "is missing")


def _whole(row: Mapping[str, Any], parameter: str, least: int, most: int) -> int:
    value = row.get(parameter)
    if value in (None, ""):
        raise BadField(parameter, "is missing")
    try:
        number = int(value) if isinstance(value, str) and len(value) <= 20 else value
        if isinstance(number, float) and number.is_integer():
            number = int(number)
    except ValueError:
        number = None
    if type(number) is not int or not least <= number <= most:
        raise BadField(parameter, f"is no whole number from {least:,} to {most:,}")
    return number


def _sameness(*parts: str) -> str:
    return blake2b(APART.join(parts).encode(), digest_size=16).hexdigest()


def _shown_id(row: Any) -> str | None:
    given = row.get("event_id") if isinstance(row, dict) else None
    return given if isinstance(given, str) and len(given) <= LONGEST_ID and given.isprintable() else None
