"""Which store does a code name, and which store does a scanned unit belong to?

Pure. RFID3 writes store ids (3607), the POS writes codes (001, 1, 1.0). Scanned tags mostly carry no store, so it is taken
from the tag, else from its contract in the POS, else from the POS item of its class, and then marked inferred.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

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


def _translation(column: pl.Series, codes: Mapping[str, str]) -> pl.DataFrame:
    """Code to store id for every spelling that occurs; unassigned and unknown codes are left null."""
    spellings = column.unique().drop_nulls().to_list()
    found = [store_id(code, codes) for code in spellings]
    known = [None if one == UNASSIGNED else one for one in found]
    return pl.DataFrame({"code": spellings, "id": known}, schema={"code": pl.String, "id": pl.String})


def with_store_ids(frame: pl.DataFrame, columns: Iterable[str], codes: Mapping[str, str]) -> pl.DataFrame:
    """The frame with each code column rewritten as RFID3's store id; null where unassigned or unknown."""
    for name in columns:
        table = _translation(frame[name].cast(pl.String), codes)
        frame = frame.with_columns(pl.col(name).cast(pl.String).replace_strict(table["code"], table["id"], default=None))
    return frame


def place(frame: pl.DataFrame, class_stores: Mapping[str, str], codes: Mapping[str, str] = DEFAULT_CODES) -> pl.DataFrame:
    """Each row with its store and how it is known.

    Columns in: rental_class, current_store, home_store (the tag's own), contract_store (codes as written, or null).
    Columns out: the others, then store (`000` = unassigned), store_rule (tag, contract, class or none) and store_inferred
    (true only for the rule class: the class's POS item stands in one store, this very unit may stand in another).
    """
    codes_in = ("current_store", "home_store", "contract_store")
    frame = with_store_ids(frame, codes_in, codes)
    classes = pl.col("rental_class").cast(pl.String).replace_strict(
        pl.Series(list(class_stores), dtype=pl.String), pl.Series(list(class_stores.values()), dtype=pl.String), default=None
    )  # fmt: skip
    own = pl.coalesce("current_store", "home_store")
    rule = (
        pl.when(own.is_not_null()).then(pl.lit("tag"))
        .when(pl.col("contract_store").is_not_null()).then(pl.lit("contract"))
        .when(pl.col("_class").is_not_null()).then(pl.lit("class"))
        .otherwise(pl.lit("none"))
    )  # fmt: skip
    return (
        frame.with_columns(_class=classes)
        .with_columns(store=pl.coalesce(own, "contract_store", "_class", pl.lit(UNASSIGNED)), store_rule=rule)
        .with_columns(store_inferred=pl.col("store_rule") == "class")
        .drop(*codes_in, "_class")
    )


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
