"""What do a service and a breakdown of each unit cost: as RFID3 and reports tell, else by which stated share? Pure.

RFID3 knows almost no costs: what the POS says a class's repairs cost, and what people reported. mission.md C-07 states $500 for a
service and $5,000 for a failure, which is far too much for a tablecloth: where nothing is known of an item, its class or its category,
a share of its purchase price is taken, and only without any price those defaults. Each number's origin is kept beside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl

from rfid3_maintenance.decisions.costs import (
    BOOKED_RATIO,
    DOWNTIME_DAYS,
    FAILURE_USD,
    PLANNED_RATIO,
    PLANNED_USD,
    best_known,
    group_medians,
)
from rfid3_maintenance.snapshot import ORIGINS
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.observations import turnaround_observations

OF_PRICE = ORIGINS.index("share of the purchase price")
STATED = ORIGINS.index("stated default")
WEEK_DAYS = 7.0


@dataclass(frozen=True)
class Values:
    """costs and origins (units, COSTS), purchase_usd (units,), NaN where RFID3 knows none; in the order of Life.units."""

    costs: np.ndarray
    origins: np.ndarray
    purchase_usd: np.ndarray


def values_of(
    life: Life, classes: np.ndarray, categories: np.ndarray, class_repair_usd: Mapping[str, float], *, planned_ratio: float,
    repair_ratio: float, out_ratio: np.ndarray,
) -> Values:  # fmt: skip
    """What is known of each unit, else of its class, else of its category, else stated.

    classes, categories: (units,) positions, −1 = none. class_repair_usd: dollars a repair of a rental class, as the POS tells.
    out_ratio: (units,) share of the last year that a unit was out, NaN = not known.
    """
    units = life.units
    price = _filled(units["purchase_usd"], classes, categories)
    measured = _repair_usd(life)
    of_class = np.array([class_repair_usd.get(name or "", np.nan) for name in units["rental_class"].to_list()], float)
    of_class = np.where(np.isfinite(of_class), of_class, group_medians(measured, classes))
    repair, repair_from = best_known(measured, of_class, group_medians(measured, categories), FAILURE_USD)
    by_price = (repair_from == STATED) & np.isfinite(price)
    repair = np.where(by_price, repair_ratio * price, repair)
    known_repair = repair_from < STATED
    repair_from = np.where(by_price, OF_PRICE, repair_from)
    planned = np.where(known_repair, PLANNED_RATIO * repair, np.where(np.isfinite(price), planned_ratio * price, PLANNED_USD))
    planned_from = np.where(known_repair, repair_from, np.where(np.isfinite(price), OF_PRICE, STATED))
    downtime, downtime_from = _downtime(life, classes, categories)
    revenue, revenue_from = _a_day(units, classes, categories)
    booked, booked_from = best_known(
        out_ratio, group_medians(out_ratio, classes), group_medians(out_ratio, categories), BOOKED_RATIO
    )
    costs = np.stack([planned, repair, downtime, revenue, np.clip(booked, 0, 1)], axis=1)
    origins = np.stack([planned_from, repair_from, downtime_from, revenue_from, booked_from], axis=1)
    return Values(
        costs.astype(np.float32),
        origins.astype(np.int8),
        units["purchase_usd"].cast(pl.Float64).fill_null(float("nan")).to_numpy(),
    )


def stated(planned_ratio: float, repair_ratio: float) -> dict[str, float | str]:
    """The priors that costs rest on where nothing is known, as answers show them."""
    return {
        "planned_share_of_purchase": planned_ratio, "repair_share_of_purchase": repair_ratio,
        "planned_share_of_repair": PLANNED_RATIO, "planned_usd": PLANNED_USD, "repair_usd": FAILURE_USD,
        "downtime_days": DOWNTIME_DAYS, "booked_ratio": BOOKED_RATIO, "revenue_usd_per_day": 0.0,
        "note": "Stated, not measured; used only where neither the item, its class nor its category tells.",
    }  # fmt: skip


def _repair_usd(life: Life) -> np.ndarray:
    """(units,) dollars a repair: the mean of reported costs, else what the item master has ever booked over the repairs seen."""
    faults = life.faults.filter(pl.col("kind") == "repair").group_by("tag_id").agg(
        mean=pl.col("cost_usd").mean(), count=pl.len()
    )  # fmt: skip
    joined = life.units.select("tag_id", "repair_cost_usd").join(faults, on="tag_id", how="left", maintain_order="left")
    booked = pl.when(pl.col("repair_cost_usd") > 0).then(pl.col("repair_cost_usd") / pl.col("count").fill_null(1).clip(1))
    told = joined.select(usd=pl.coalesce("mean", booked).cast(pl.Float64).fill_null(float("nan")))["usd"].to_numpy()
    return np.where(told > 0, told, np.nan)


def _downtime(life: Life, classes: np.ndarray, categories: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    visits = turnaround_observations(life).filter(pl.col("kind") == "repair")
    middle = (pl.col("lower_days") + pl.col("upper_days")) / 2
    own = visits.group_by("tag_id").agg(days=middle.median())
    joined = life.units.select("tag_id").join(own, on="tag_id", how="left", maintain_order="left")
    days = joined["days"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    nobody = np.full(len(days), np.nan)  # one visit of one's own is luck: its class knows better
    return best_known(nobody, group_medians(days, classes), group_medians(days, categories), DOWNTIME_DAYS)


def _a_day(units: pl.DataFrame, classes: np.ndarray, categories: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    day, rental = (units[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in ("day_rate_usd", "rental_usd"))
    known = np.where(day > 0, day, np.where(rental > 0, rental / WEEK_DAYS, np.nan))
    return best_known(known, group_medians(known, classes), group_medians(known, categories), 0.0)


def _filled(prices: pl.Series, classes: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """(units,) purchase price, else the median of the class, else of the category; NaN where none is known."""
    own = prices.cast(pl.Float64).fill_null(float("nan")).to_numpy()
    own = np.where(own > 0, own, np.nan)
    of_class, of_category = group_medians(own, classes), group_medians(own, categories)
    return np.where(np.isfinite(own), own, np.where(np.isfinite(of_class), of_class, of_category))
