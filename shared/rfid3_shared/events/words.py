"""Is this a word that RFID3 uses, and which one is probably meant where it is not? Nothing is guessed: a suggestion is only told."""

import difflib
from collections.abc import Mapping
from functools import lru_cache

from rfid3_shared.events.refusal import BadField
from rfid3_shared.source.store_codes import store_id
from rfid3_shared.source.vocabulary import (
    AVAILABLE_STATUSES,
    BACK_SCAN_TYPES,
    COMMITTED_STATUSES,
    EMPTY_WORDS,
    GONE_STATUSES,
    GRADES,
    KNOWN,
    OUT_SCAN_TYPES,
    OUT_STATUSES,
    SEEN_SCAN_TYPES,
    TURNAROUND_STATUSES,
    Bin,
)  # fmt: skip

WORDS: Mapping[str, tuple[str, ...]] = {
    "scan_type": (*OUT_SCAN_TYPES, *BACK_SCAN_TYPES, *SEEN_SCAN_TYPES),
    "status": (*AVAILABLE_STATUSES, *OUT_STATUSES, *COMMITTED_STATUSES, *TURNAROUND_STATUSES, *GONE_STATUSES),
    "quality": GRADES,
    "bin_location": (Bin.RESALE, Bin.PACK, Bin.SOLD, Bin.BURST, "NR4x1"),
}
"""What may be meant, by column; a bin may also be any rack position, such as NR4x1."""
LONGEST_SHOWN = 40


def text(row: Mapping[str, object], parameter: str, longest: int = 255) -> str:
    """A text of a row without blanks around it; empty where there is none, or it says `null`. A whole number is a text too.

    Raises BadField for anything else, and for one that is too long or holds what cannot be printed.
    """
    value = row.get(parameter)
    if value is None:
        return ""
    if type(value) is int:
        value = str(value)
    if not isinstance(value, str):
        raise BadField(parameter, "is no text")
    bare = value.strip()
    if len(bare) > longest or not bare.isprintable():
        raise BadField(parameter, f"must have at most {longest} printable characters")
    return "" if bare in EMPTY_WORDS else bare


def known_word(column: str, word: str) -> str:
    """The word, known to mean something in this column. Raises BadField, with what may be meant."""
    if not _is_known(column, word):
        raise BadField(column, f"{word[:LONGEST_SHOWN]!r} is none of the words that RFID3 uses", _meant(column, word))
    return word


def store_number(row: Mapping[str, object], parameter: str, codes: Mapping[str, str] | None) -> str:
    """A store's number without zeros around it (`1` for 001 and 1.0); empty where none is given, 0 for no store.

    codes: POS code to store id; None where they cannot be asked for now: then any number will do. Raises BadField.
    """
    value = row.get(parameter)
    code = text({parameter: str(value)} if type(value) is float else row, parameter, 10)
    if not code:
        return ""
    number = code.partition(".")[0]
    if not number.isdecimal() or not number.isascii() or (codes is not None and store_id(code, codes) is None):
        known = "" if codes is None else ", ".join([*codes, *codes.values()])
        raise BadField(parameter, f"{code!r} is no store", known or None)
    return number.lstrip("0") or "0"


@lru_cache(maxsize=4096)
def _is_known(column: str, word: str) -> bool:
    return KNOWN[column](word)


@lru_cache(maxsize=512)
def _meant(column: str, word: str) -> str:
    folded = {each.casefold(): str(each) for each in WORDS[column]}
    near = difflib.get_close_matches(word.casefold()[:LONGEST_SHOWN], folded, n=2, cutoff=0.6)
    return ", ".join(folded[each] for each in near) or ", ".join(WORDS[column])
