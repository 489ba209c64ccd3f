"""What does a hazard see of a unit, and in which groups is it read to people? From the shared features of items; pure."""

import numpy as np
import polars as pl

from rfid3_maintenance.kinds import GROUPS
from rfid3_shared.item_life.definitions import ITEM
from rfid3_shared.item_life.describing import columns_of

OWN = ("rentals_a_year", "out_ratio", "days_a_rental")
"""Made of the shared ones: rates do not depend on how long a unit has been known."""
STATIC = ("purchase_usd", "day_rate_usd")
NAMES = (*ITEM.names, *OWN, *STATIC)
YOUNGEST_DAYS = 28.0
"""A rate is not taken over fewer days: a unit seen yesterday for the first time has none."""
_WORDS = {
    "equipment_age_factor": ("first_seen", "meter", "purchase", "day_rate"),
    "usage_intensity_factor": ("rental", "days_out", "out_ratio", "last_seen", "rain"),
    "quality_degradation_factor": ("grade", "defects", "cleanings", "washes"),
    "last_maintenance_factor": ("repair", "service", "inspection"),
}


def group_of(feature: str) -> int:
    """The position in GROUPS of the group that a feature is read under; use where no word says otherwise."""
    # maintenance first: "days_since_last_repair" is about the repair
    order = ("last_maintenance_factor", "quality_degradation_factor", "usage_intensity_factor", "equipment_age_factor")
    found = next((name for name in order if any(word in feature for word in _WORDS[name])), "usage_intensity_factor")
    return GROUPS.index(found)


def matrix(frame: pl.DataFrame) -> np.ndarray:
    """(rows, NAMES) float32 of an item frame; NaN = unknown. Columns in: those of `item_life.frames.item_frame`."""
    known = pl.col("days_since_first_seen").clip(YOUNGEST_DAYS)
    year = pl.min_horizontal(known, pl.lit(365.0))
    own = frame.with_columns(
        rentals_a_year=pl.col("rentals_365_days") / year * 365.0, out_ratio=(pl.col("days_out_365_days") / year).clip(0, 1),
        days_a_rental=pl.when(pl.col("rentals_total") > 0).then(pl.col("days_out_total") / pl.col("rentals_total")),
    )  # fmt: skip
    return columns_of(own, NAMES)
