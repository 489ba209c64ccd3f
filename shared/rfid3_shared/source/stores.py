"""Which store does a scanned unit belong to? Whole frames of units at once; what a single code means is in `store_codes`.

Pure. Scanned tags mostly carry no store, so it is taken from the tag, else from its contract in the POS, else from the POS item of
its class, and then marked inferred.
"""

from collections.abc import Iterable, Mapping

import polars as pl

from rfid3_shared.source.store_codes import (
    ALL_STORES,
    DEFAULT_CODES,
    STORE_NAMES,
    UNASSIGNED,
    class_stores,
    store_codes,
    store_id,
)

__all__ = [
    "ALL_STORES",
    "DEFAULT_CODES",
    "STORE_NAMES",
    "UNASSIGNED",
    "class_stores",
    "place",
    "store_codes",
    "store_id",
    "with_store_ids",
]


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
