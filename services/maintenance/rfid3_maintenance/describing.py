"""What has each unit been through? The numbers of a snapshot beside its curves. Pure."""

import numpy as np
import polars as pl

from rfid3_maintenance import features
from rfid3_shared.item_life.describing import days_of
from rfid3_shared.item_life.life import Life


def facts_of_units(
    life: Life, units: pl.DataFrame, frame: pl.DataFrame, purchase_usd: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(units, FACTS) and (units, MOMENTS)."""
    of = life.stays.group_by("tag_id").agg(rentals=pl.len(), stay=pl.col("days_out").mean())
    faults = life.faults.filter(pl.col("kind") == "repair").group_by("tag_id").agg(faults=pl.len())
    services = life.services.group_by("tag_id").agg(last_service=pl.col("at").max())
    told = units.select("tag_id", "grade", "first_seen", "last_seen")
    for part in (of, faults, services):
        told = told.join(part, on="tag_id", how="left", maintain_order="left")
    age = frame["days_since_first_seen"].cast(pl.Float64)
    seen = age.clip(features.YOUNGEST_DAYS)
    turns = frame["rentals_365_days"].cast(pl.Float64) / np.minimum(seen.fill_null(features.YOUNGEST_DAYS).to_numpy(), 365.0)
    columns = [
        told["rentals"].fill_null(0), told["stay"], told["faults"].fill_null(0), turns.fill_null(0.0), age, told["grade"],
        pl.Series(purchase_usd),
    ]  # fmt: skip
    facts = np.stack([one.cast(pl.Float64).fill_null(float("nan")).to_numpy() for one in columns], axis=1)
    moments = np.stack([days_of(told[name]) for name in ("first_seen", "last_seen", "last_service")], axis=1)
    return facts.astype(np.float32), moments
