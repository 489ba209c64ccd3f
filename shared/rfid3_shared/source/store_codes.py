"""Which store does a code name, and where does the POS item of a class stand? Pure, and without a numerical library: the gateway asks.

RFID3 writes store ids (3607), the POS writes codes (001, 1, 1.0). `stores` places whole frames of units by it.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rfid3_shared.source.vocabulary import trimmed

ALL_STORES = UNASSIGNED = "000"
"""As a question: every store together. As an answer: no store is known."""
STORE_NAMES = {"3607": "Wayzata", "6800": "Brooklyn Park", "8101": "Fridley", "728": "Elk River"}
DEFAULT_CODES: Mapping[str, str] = {"001": "3607", "002": "6800", "003": "8101", "004": "728"}
"""POS code to RFID3 store id, where the table store_mappings is empty."""
_NUMBER = re.compile(r"(\d+)(?:\.0*)?")


def store_id(code: object, codes: Mapping[str, str] = DEFAULT_CODES) -> str | None:
    """RFID3's id of the store a code names, written either way.

    `000`, `0.0`, an empty code and None give `000`. A code that is neither a known POS code nor a known store id gives None:
    the caller counts it as unknown.
    """
    word = trimmed(None if code is None else str(code))
    if word is None:
        return UNASSIGNED
    number = _NUMBER.fullmatch(word)
    if number is None:
        return None
    digits = number.group(1)
    if int(digits) == 0:
        return UNASSIGNED
    short = digits.lstrip("0")
    return short if short in codes.values() else codes.get(short.zfill(3))


def store_codes(rows: Iterable[tuple[str | None, str | None]]) -> Mapping[str, str]:
    """POS code to store id from rows (pos_store_code, store_id) of store_mappings; the default where there are none.

    Codes of three digits, ids without leading zeros; the row 000 (unassigned) and incomplete rows are left out.
    """
    codes: dict[str, str] = {}
    for pos_code, identifier in rows:
        pos, own = _NUMBER.fullmatch((pos_code or "").strip()), _NUMBER.fullmatch((identifier or "").strip())
        if pos and own and int(pos.group(1)) and int(own.group(1)):
            codes[pos.group(1).lstrip("0").zfill(3)] = own.group(1).lstrip("0")
    return codes or DEFAULT_CODES


def class_stores(
    item_rows: Iterable[Sequence[Any]],
    equipment_rows: Iterable[Sequence[Any]],
    codes: Mapping[str, str] = DEFAULT_CODES,
) -> dict[str, str]:
    """Rental class to the store of its POS item.

    Rows: (item_num, current_store, home_store) of the item master, (item_num, current_store) of pos_equipment, which
    only fills what the item master leaves open. Classes without a known store are left out.
    """
    known: dict[str | None, str | None] = {}
    found: dict[str, str] = {}
    for item_num, *written in [*((n, c) for n, c in equipment_rows), *((n, h, c) for n, c, h in item_rows)]:
        for code in written:
            if code not in known:
                known[code] = store_id(code, codes)
            if (store := known[code]) not in (None, UNASSIGNED):
                found[str(item_num).strip()] = str(store)
    return found
