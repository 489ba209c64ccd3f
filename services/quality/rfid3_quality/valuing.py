"""Which dollars and rates does each unit's verdict rest on, with what interval, and where does each come from? Pure.

RFID3 prices classes, not units; what a class lacks is pooled from its category, and what both lack is missing or a stated prior: see
`decisions.priors`. Nothing is invented: without a price, a rate or turns no dollars are said.
"""

from typing import Any

import numpy as np
import polars as pl

from rfid3_quality.decisions.amounts import Z80, Basis
from rfid3_quality.decisions.price_effect import PriceEffect, price_effect
from rfid3_quality.decisions.slopes import Slope
from rfid3_quality.decisions.worth import repairs_as_new
from rfid3_quality.rates import Rates, pooled
from rfid3_quality.snapshot import INPUTS
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.observations import price_observations

YEAR_DAYS = 365.25
RECENT_DAYS = 365.0
LEAST_PRICED, LEAST_COSTS = 3, 3
MOSTLY = 0.5
Ends = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Values and their 80 % interval, (units,) each; NaN = not known."""


def turn_rates(life: Life, units: pl.DataFrame, group: np.ndarray, material: np.ndarray, groups: int, materials: int) -> Rates:
    """Turns a day of each unit in its last year, pooled over class and category."""
    since = pl.max_horizontal((pl.lit(life.data_to) - pl.col("first_seen")).dt.total_seconds() / 86_400.0, pl.lit(0.0))
    days = units.select(days=since.clip(0, RECENT_DAYS).fill_null(0.0))["days"].to_numpy()
    recent = life.stays.filter((pl.lit(life.data_to) - pl.col("begun_at")).dt.total_seconds() <= RECENT_DAYS * 86_400)
    return pooled(_per_unit(units, recent), days, group, material, groups, materials)


def inputs_of(
    life: Life, units: pl.DataFrame, group: np.ndarray, material: np.ndarray, turns: Rates, score: np.ndarray,
    effect: PriceEffect, categories: tuple[str, ...],
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """(units, INPUTS, 3) values with their 80 % intervals and (units, INPUTS) codes of Basis. score: (units,) now, NaN = unknown."""
    values = np.full((units.height, len(INPUTS), 3), np.nan)
    basis = np.full((units.height, len(INPUTS)), int(Basis.MISSING), np.int8)

    def put(name: str, ends: Ends, code: np.ndarray | Basis) -> None:
        value, low, high = ends
        at, known = INPUTS.index(name), np.isfinite(value)
        values[known, at] = np.stack([value, np.minimum(low, value), np.maximum(high, value)], axis=1)[known]
        basis[known, at] = np.broadcast_to(np.asarray(code, np.int8), known.shape)[known]

    for name, column in (("price_usd", pl.col("purchase_usd")), ("day_rate_usd", pl.coalesce("day_rate_usd", "rental_usd"))):
        put(name, *_priced(units.select(usd=column.cast(pl.Float64))["usd"], group, material))
    own = np.where(turns.own_share >= MOSTLY, Basis.MEASURED, Basis.POOLED)
    put("turns_per_day", (np.where(turns.mean > 0, turns.mean, np.nan), *turns.ends), own)
    put("repair_usd", _repair_costs(life, units, group), Basis.POOLED)
    put("repairs_a_year", _repairs(life, units, group, material, len(categories), score), Basis.POOLED)
    if effect.overall is not None:
        slopes = [effect.by_category.get(name, effect.overall) for name in categories]
        value, low, high = (np.array([getattr(one, end) for one in slopes])[material] for end in ("value", "lower", "upper"))
        put("price_effect", (value, low, high), Basis.POOLED)
    return values.astype(np.float32), basis


def price_effect_of(life: Life) -> PriceEffect:
    """What the grade does to the price of a day, within classes and months."""
    seen = price_observations(life).filter(pl.col("grade").is_not_null() & (pl.col("usd_per_day") > 0))
    category = seen["category"].fill_null("Unmapped").to_numpy()
    return price_effect(
        seen["rental_class"].to_numpy(), category, seen["grade"].to_numpy() / 10.0, seen["usd_per_day"].to_numpy(),
        seen["at"].dt.strftime("%Y-%m").to_numpy(),
    )  # fmt: skip


def told_effect(effect: PriceEffect) -> dict[str, Any]:
    """The effect as the snapshot keeps it."""

    def slope(one: Slope) -> dict[str, Any]:
        return {name: getattr(one, name) for name in ("value", "lower", "upper", "standard_error", "classes", "units")}

    return {
        "overall": None if effect.overall is None else slope(effect.overall), "missing": list(effect.missing),
        "by_category": {name: slope(one) for name, one in sorted(effect.by_category.items())}, "between": effect.between,
    }  # fmt: skip


def _priced(usd: pl.Series, group: np.ndarray, material: np.ndarray) -> tuple[Ends, np.ndarray]:
    """What RFID3 says; else the median of the category's priced classes with its middle 80 %, where there are some."""
    value = usd.fill_null(float("nan")).to_numpy().astype(float).copy()
    low, high, code = value.copy(), value.copy(), np.full(len(value), Basis.MEASURED)
    gap = ~np.isfinite(value)
    first = np.unique(group[~gap], return_index=True)[1]
    classes, kinds = value[~gap][first], material[~gap][first]
    for kind in np.unique(material[gap]):
        known = classes[kinds == kind]
        if len(known) >= LEAST_PRICED:
            rows = gap & (material == kind)
            value[rows], low[rows], high[rows] = np.median(known), np.quantile(known, 0.1), np.quantile(known, 0.9)
            code[rows] = Basis.POOLED
    return (value, low, high), code


def _repair_costs(life: Life, units: pl.DataFrame, group: np.ndarray) -> Ends:
    """Dollars a repair: the mean of what was reported for the class's repairs, where there are some."""
    known = life.faults.filter((pl.col("kind") == "repair") & (pl.col("cost_usd") > 0))
    place = units.select("tag_id", group=pl.Series(group))
    by_class = known.join(place, on="tag_id").group_by("group").agg(
        pl.col("cost_usd").mean().alias("mean"), pl.col("cost_usd").std().fill_null(0).alias("sd"), pl.len().alias("n")
    ).filter(pl.col("n") >= LEAST_COSTS)  # fmt: skip
    mean, half = np.full(int(group.max(initial=0)) + 1, np.nan), np.full(int(group.max(initial=0)) + 1, np.nan)
    at = by_class["group"].to_numpy()
    mean[at], half[at] = by_class["mean"].to_numpy(), Z80 * by_class["sd"].to_numpy() / np.sqrt(by_class["n"].to_numpy())
    return mean[group], np.maximum(mean - half, 0.0)[group], (mean + half)[group]


def _repairs(
    life: Life, units: pl.DataFrame, group: np.ndarray, material: np.ndarray, materials: int, score: np.ndarray
) -> Ends:
    """Repairs a year as good as new, pooled; NaN where no repair of any unit was ever seen."""
    nothing = np.full(units.height, np.nan)
    seen = life.faults.filter(pl.col("kind") == "repair")
    if not seen.height:
        return nothing, nothing, nothing
    end = pl.coalesce("under_watch_to", "last_seen")
    days = units.select(days=((end - pl.col("first_seen")).dt.total_seconds() / 86_400.0).clip(0).fill_null(0.0))[
        "days"
    ].to_numpy()
    rates = pooled(_per_unit(units, seen), days, group, material, int(group.max(initial=0)) + 1, materials)
    at = np.where(np.isfinite(score), score, 1.0)
    low, high = (repairs_as_new(end * YEAR_DAYS, at) for end in rates.ends)
    return repairs_as_new(rates.mean * YEAR_DAYS, at), low, high


def _per_unit(units: pl.DataFrame, rows: pl.DataFrame) -> np.ndarray:
    counted = rows.group_by("tag_id").agg(n=pl.len())
    return (
        units.select("tag_id")
        .join(counted, on="tag_id", how="left", maintain_order="left")["n"]
        .fill_null(0)
        .to_numpy()
        .astype(float)
    )
