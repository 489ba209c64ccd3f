"""What does wear see of a unit beside its class, its turns and its days? From the shared features of items; pure."""

import numpy as np
import polars as pl

from rfid3_shared.item_life.describing import columns_of

NAMES = ("days_a_rental", "rain_in_a_rental", "washes_a_rental", "faults_a_rental", "age_years")


def matrix(frame: pl.DataFrame) -> np.ndarray:
    """(rows, NAMES) float32 of an item frame (`item_life.frames.item_frame`); NaN = unknown, as all but age are before a first rental."""
    rentals = pl.when(pl.col("rentals_total") > 0).then(pl.col("rentals_total"))
    made = frame.select(
        days_a_rental=(pl.col("days_out_total") / rentals).log1p(), rain_in_a_rental=pl.col("rain_in_total") / rentals,
        washes_a_rental=pl.col("washes_total") / rentals, faults_a_rental=pl.col("repairs_total") / rentals,
        age_years=pl.col("days_since_first_seen") / 365.25,
    )  # fmt: skip
    return columns_of(made, NAMES)
