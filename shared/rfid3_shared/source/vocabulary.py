"""What does each word in RFID3's tables mean?

Pure. Every function here is total: a known word gives its meaning, an empty one gives None, anything else gives UNKNOWN
(or, for grades and stores, None). Nothing is guessed: words are compared as they are written, after trimming, and the
caller counts what is unknown (`unknown_words`). The tuples of words are for filters in SQL.
Source: design notes, "Words in use".
"""

import re
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum


class Movement(StrEnum):
    """What a scan tells about where the unit is."""

    OUT = "out"
    BACK = "back"
    SEEN = "seen"
    UNKNOWN = "unknown"


class Condition(StrEnum):
    """What a status tells about whether the unit can go out."""

    AVAILABLE = "available"
    OUT = "out"
    COMMITTED = "committed"
    TURNAROUND = "turnaround"
    """Being inspected, dried, washed or repaired: out of service for now."""
    GONE = "gone"
    UNKNOWN = "unknown"


class Bin(StrEnum):
    """What a bin location tells about the unit."""

    RESALE = "resale"
    """Sold, not rented."""
    PACK = "pack"
    """Belongs to a pack and leaves with it."""
    SOLD = "sold"
    BURST = "burst"
    RACK = "rack"
    """A place on a shelf, such as NR4x1."""
    UNKNOWN = "unknown"


OUT_SCAN_TYPES = ("Rental", "Delivery")
BACK_SCAN_TYPES = ("Return", "Pickup")
SEEN_SCAN_TYPES = ("Touch Scan",)
AVAILABLE_STATUSES = ("Ready to Rent",)
OUT_STATUSES = ("On Rent", "Delivered")
COMMITTED_STATUSES = ("Staged",)
TURNAROUND_STATUSES = ("Needs to be Inspected", "Wet", "Wash", "Repair")
BUSY_STATUSES = OUT_STATUSES + COMMITTED_STATUSES + TURNAROUND_STATUSES
"""Of the fleet, and not there to leave now."""
GONE_STATUSES = ("Missing", "Sold")
NOT_RENTED_BINS = ("resale", "sold")
"""Bins whose units are no part of the rental fleet."""
GRADES = ("A+", "A", "A-", "B+", "B", "B-", "C+", "C", "C-", "D", "F")
"""Quality grades, best first."""
DEFECTS = (
    "dirty_or_mud", "leaves", "oil", "mold", "stain", "oxidation", "rip_or_tear", "sewing_repair_needed", "grommet",
    "rope", "buckle", "wet",
)  # fmt: skip
"""Flags of a scan, as their columns are called."""
CANCELLED_WORDS = ("Cancelled", "Canceled", "Void")
"""POS contract statuses of a contract that was written and then withdrawn."""
NOT_LEFT_WORDS = (*CANCELLED_WORDS, "Quote", "Reservation")
"""POS contract statuses under which nothing has left the shop."""
EMPTY_WORDS = frozenset({"", "null", "NULL", r"\N"})
"""How an absent value is spelt in exports: RFID3 itself writes the text `null` into bin_location."""

_MOVEMENTS = {
    **dict.fromkeys(OUT_SCAN_TYPES, Movement.OUT),
    **dict.fromkeys(BACK_SCAN_TYPES, Movement.BACK),
    **dict.fromkeys(SEEN_SCAN_TYPES, Movement.SEEN),
}
_CONDITIONS = {
    **dict.fromkeys(AVAILABLE_STATUSES, Condition.AVAILABLE),
    **dict.fromkeys(OUT_STATUSES, Condition.OUT),
    **dict.fromkeys(COMMITTED_STATUSES, Condition.COMMITTED),
    **dict.fromkeys(TURNAROUND_STATUSES, Condition.TURNAROUND),
    **dict.fromkeys(GONE_STATUSES, Condition.GONE),
}
_SCORES = {grade: len(GRADES) - 1 - place for place, grade in enumerate(GRADES)}
_BINS = {kind.value: kind for kind in (Bin.RESALE, Bin.PACK, Bin.SOLD, Bin.BURST)}
_RACK = re.compile(r"[A-Z]{1,3}\d{1,3}(?:[A-Za-z]\d{1,3})?")
_TAG_NUMBER = re.compile(r"[0-9A-Fa-f]{16,32}")

CATEGORY_ALIASES = {
    "Beverage Dispeners": "Beverage Dispensers",  # a letter left out; both spellings stand in RFID3's own mapping
}
"""Categories spelt in two ways, each with the spelling that is meant."""
_TEST_CATEGORY = re.compile(r"test(ing)?( category)?( [a-z0-9]{1,2})?|added new category", re.IGNORECASE)


def trimmed(word: str | None) -> str | None:
    """The word without blanks around it; None when nothing is there or it says `null`."""
    bare = (word or "").strip()
    return None if bare in EMPTY_WORDS else bare


def movement(scan_type: str | None) -> Movement | None:
    """The movement a scan type stands for; None when empty."""
    word = trimmed(scan_type)
    return _MOVEMENTS.get(word, Movement.UNKNOWN) if word else None


def condition(status: str | None) -> Condition | None:
    """The condition a status stands for; None when empty (rows from the POS have none)."""
    word = trimmed(status)
    return _CONDITIONS.get(word, Condition.UNKNOWN) if word else None


def grade_score(quality: str | None) -> int | None:
    """A grade as a number, one step a grade: F is 0, C- 2, A+ 10; None when it is empty or no grade."""
    word = trimmed(quality)
    return _SCORES.get(word) if word else None


def bin_kind(bin_location: str | None) -> Bin | None:
    """The kind of place a bin location names; None when empty."""
    word = trimmed(bin_location)
    if word is None:
        return None
    return _BINS.get(word) or (Bin.RACK if _RACK.fullmatch(word) else Bin.UNKNOWN)


def category_name(category: str | None) -> str | None:
    """The category with known misspellings repaired; None when empty."""
    word = trimmed(category)
    return CATEGORY_ALIASES.get(word, word) if word else None


def is_test_category(category: str | None) -> bool:
    """Whether a category was only typed in to try the system: `testing`, `Test Category A`, `Added New Category`."""
    word = trimmed(category)
    return word is not None and _TEST_CATEGORY.fullmatch(word) is not None


def known_scan_type(word: str) -> bool:
    """Whether the suite knows this scan type."""
    return movement(word) is not Movement.UNKNOWN


def known_status(word: str) -> bool:
    """Whether the suite knows this status."""
    return condition(word) is not Condition.UNKNOWN


def known_grade(word: str) -> bool:
    """Whether this is a grade."""
    return trimmed(word) is None or grade_score(word) is not None


def known_bin(word: str) -> bool:
    """Whether this names a kind of bin or a rack position."""
    return bin_kind(word) is not Bin.UNKNOWN


def unknown_words(counts: Iterable[tuple[str | None, int]], known: Callable[[str], bool]) -> dict[str, int]:
    """The words nobody knows with their counts, most frequent first; tag numbers that strayed in count as one word."""
    unknown: dict[str, int] = {}
    for word, count in counts:
        bare = trimmed(word)
        if bare is not None and not known(bare):
            label = "(a tag number)" if _TAG_NUMBER.fullmatch(bare) else bare
            unknown[label] = unknown.get(label, 0) + count
    return dict(sorted(unknown.items(), key=lambda pair: (-pair[1], pair[0])))


KNOWN: Mapping[str, Callable[[str], bool]] = {
    "scan_type": known_scan_type,
    "status": known_status,
    "quality": known_grade,
    "bin_location": known_bin,
}
"""Column name to the test of its words; store codes are tested in `stores`."""
