"""What is each unit called, where is it, and what is to be known of it beside numbers? Words and codes of a snapshot. Pure."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import polars as pl

from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.snapshot import FOR_SALE, GONE, NEVER_RENTED, NEVER_SEEN, NO_RELATIVES, STORE_INFERRED, UNMAPPED
from rfid3_shared.source.store_codes import STORE_NAMES

DAY_US = 86_400_000_000


def classes_of(life: Life) -> tuple[str, ...]:
    """The rental classes, sorted: the groups that models are pooled over."""
    return tuple(sorted(life.units["rental_class"].drop_nulls().unique().to_list()))


def categories_of(life: Life) -> tuple[str, ...]:
    """The categories, sorted; UNMAPPED is one of them."""
    return tuple(sorted({*life.units["category"].drop_nulls().to_list(), UNMAPPED}))


def places(words: pl.Series, table: Sequence[str], otherwise: int = -1) -> np.ndarray:
    """(rows,) position of each word in the table."""
    at = {word: place for place, word in enumerate(table)}
    found = words.replace_strict(at, default=otherwise, return_dtype=pl.Int32).fill_null(otherwise)
    return np.asarray(found.to_numpy(), np.int32)


def described(life: Life, units: pl.DataFrame) -> tuple[dict[str, Any], np.ndarray]:
    """The fields of `ItemSpec` that are tables of words, and (units, CODES) positions in them. units: of the life, all or some."""
    classes, categories = classes_of(life), categories_of(life)
    named = units.group_by("rental_class").agg(pl.col("name").drop_nulls().first(), pl.col("category").drop_nulls().first())
    known = {row["rental_class"]: row for row in named.iter_rows(named=True)}
    told = [
        {"rental_class": one, "name": row.get("name") or "", "category": row.get("category") or UNMAPPED}
        for one in (*classes, "") for row in [known.get(one) or {}]
    ]  # fmt: skip
    stores, statuses = (sorted(units[name].drop_nulls().unique().to_list()) for name in ("store", "status"))
    columns = [
        places(units["rental_class"], classes, len(classes)), places(units["category"].fill_null(UNMAPPED), categories),
        places(units["store"], stores), places(units["status"], statuses), places(units["gone"], GONE, 0),
        units.select(_flags(life, units)).to_series().to_numpy().astype(np.int32),
    ]  # fmt: skip
    table = {"classes": told, "categories": list(categories), "store_ids": stores, "statuses": statuses,
             "stores": {one: STORE_NAMES.get(one, one) for one in stores}}  # fmt: skip
    return table, np.ascontiguousarray(np.stack(columns, axis=1))


def days_of(at: pl.Series) -> np.ndarray:
    """(rows,) moments in days since 1970; NaN where unknown."""
    days = at.cast(pl.Datetime("us")).to_physical().cast(pl.Float64) / DAY_US
    return np.asarray(days.fill_null(float("nan")).to_numpy(), float)


def day_of(at: datetime) -> float:
    """A naive moment in days since 1970."""
    return float(np.datetime64(at, "us").astype(np.int64)) / DAY_US


def columns_of(frame: pl.DataFrame, names: Sequence[str]) -> np.ndarray:
    """(rows, names) float32 of a frame's columns; NaN = unknown."""
    columns = [frame[name].cast(pl.Float32).fill_null(float("nan")).to_numpy() for name in names]
    return np.ascontiguousarray(np.stack(columns, axis=1))


def _flags(life: Life, units: pl.DataFrame) -> pl.Expr:
    """Bits that say what is to be known of a unit beside its numbers."""
    rented, never_seen = life.stays["tag_id"].unique().implode(), pl.col("last_seen").is_null()
    seen_classes = units.filter(pl.col("last_seen").is_not_null())["rental_class"].unique().drop_nulls().implode()
    bits = {
        STORE_INFERRED: pl.col("store_inferred").fill_null(False), FOR_SALE: pl.col("for_sale").fill_null(False),
        NEVER_SEEN: never_seen, NEVER_RENTED: ~pl.col("tag_id").is_in(rented),
        NO_RELATIVES: never_seen & ~pl.col("rental_class").is_in(seen_classes).fill_null(False),
    }  # fmt: skip
    return pl.sum_horizontal(pl.when(holds).then(bit).otherwise(0) for bit, holds in bits.items())
