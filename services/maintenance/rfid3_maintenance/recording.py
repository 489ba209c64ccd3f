"""How many repairs stand behind those that were written down? The POS's repair money of this year beside the scans; pure.

Chances are of faults that somebody writes down. What they cost, and when a service pays, is of all faults: where the books tell the
recorded share (`decisions.recorded_share`), decisions divide the hazard of repairs by it. What is retired or lost shows in the end.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl

from rfid3_maintenance.decisions.recorded_share import Books, Recorded, Share, recorded_share
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.snapshot import UNMAPPED

GRACE = timedelta(days=7)
"""Scans that begin so long after New Year still cover the year that the POS sums up."""


@dataclass(frozen=True)
class Recording:
    """told: as answers show it. classes and repairs: rental class → repairs this year behind its money; empty where nothing is known."""

    told: dict[str, Any]
    repairs: dict[str, float] = field(default_factory=dict)


def recording(life: Life, booked_usd: Mapping[str, float]) -> Recording:
    """What the POS's money of this year (dollars by rental class) says of the repairs written down since New Year."""
    year = life.data_to.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    if life.data_from > year + GRACE:
        return Recording({"missing": f"scans from {year.date()} on: the POS's repair cost is of the whole year"})
    table = books_of(life, booked_usd, year)
    found = recorded_share(Books(
        table["category"].to_numpy(), table["turns"].to_numpy(), table["recorded"].to_numpy(), table["usd"].to_numpy(),
        table["price_usd"].to_numpy(),
    ))  # fmt: skip
    if found.overall is None:
        return Recording({"missing": found.missing})
    known = zip(table["rental_class"].to_list(), found.repairs.tolist(), strict=True)
    return Recording(_told(found, found.overall, str(year.date())), {name: count for name, count in known if count > 0})


def books_of(life: Life, booked_usd: Mapping[str, float], since: Any) -> pl.DataFrame:
    """One row a rental class: rental_class, category, price_usd (NaN = unknown), turns, recorded (repairs), usd; sorted by class."""
    units = life.units.filter(~pl.col("for_sale") & pl.col("rental_class").is_not_null())
    tags = units.select("tag_id", "rental_class")
    repairs = life.faults.filter((pl.col("kind") == "repair") & (pl.col("at") >= since)).join(tags, on="tag_id")
    ended = (
        life.stays.select("tag_id", at=pl.coalesce("back_at", "left_at")).filter(pl.col("at") >= since).join(tags, on="tag_id")
    )
    found = units.group_by("rental_class").agg(
        pl.col("category").first().fill_null(UNMAPPED), price_usd=pl.col("purchase_usd").median()
    )  # fmt: skip
    for name, rows in (("recorded", repairs), ("turns", ended)):
        found = found.join(rows.group_by("rental_class").agg(pl.len().alias(name)), on="rental_class", how="left")
    usd = pl.col("rental_class").replace_strict(dict(booked_usd), default=0.0, return_dtype=pl.Float64)
    return found.with_columns(
        pl.col("recorded", "turns").fill_null(0).cast(pl.Float64), pl.col("price_usd").cast(pl.Float64).fill_null(float("nan")), usd=usd
    ).sort("rental_class")  # fmt: skip


def _told(found: Recorded, overall: Share, since: str) -> dict[str, Any]:
    return {
        "all": asdict(overall), "categories": {name: asdict(one) for name, one in found.categories.items()}, "since": since,
        "classes": found.classes, "classes_with_money": found.with_money, "repairs_recorded": found.recorded,
        "repairs_estimated": round(float(np.nansum(found.repairs)), 1),
        "rests_on": "repair cost in the POS this year beside the repairs written down, by rental class; 80 % intervals",
    }  # fmt: skip
