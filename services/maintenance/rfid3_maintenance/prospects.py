"""What comes next for a class: days in the shop, its next booking, its usual stay, a repair's price? From lives. Pure."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from rfid3_maintenance.decisions.turnaround_fit import Visits, fit_turnaround
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.observations import turnaround_observations
from rfid3_shared.item_life.snapshot import UNMAPPED

LEVELS = (0.1, 0.5, 0.9)
MOST_VISITS = 20_000
"""Visits that turnaround is learned from; of more, every n-th: quantiles of days need no more."""


def turnaround(life: Life) -> list[dict[str, Any]]:
    """Days to Ready to Rent, by kind and category: quantiles, what they rest on, and how many visits that are."""
    seen = turnaround_observations(life)
    seen = seen.gather_every(-(-seen.height // MOST_VISITS) or 1)
    fitted = fit_turnaround(Visits(
        seen["kind"].to_numpy(), seen["category"].fill_null(UNMAPPED).to_numpy(), seen["lower_days"].to_numpy(),
        seen["upper_days"].cast(pl.Float64).fill_null(float("inf")).to_numpy(),
    ))  # fmt: skip
    found = []
    for kind, fit in fitted.kinds.items():
        for name in (None, *sorted(fit.groups)):
            days = fitted.days(kind, name, levels=LEVELS)
            low, middle, high = (round(one, 3) for one in days.quantiles_days)
            found.append({"kind": kind, "category": name or "all", "median_days": middle, "lower_days": low, "upper_days": high,
                          "basis": days.basis, "visits": days.visits})  # fmt: skip
    return found


def bookings(life: Life, ahead: Mapping[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Next booking and usual stay of each rental class."""
    over = life.stays.filter(pl.col("back_at").is_not_null())
    usual = dict(over.group_by("rental_class").agg(pl.col("days_out").median()).drop_nulls().iter_rows())
    found = {}
    for name in sorted({*usual, *ahead}):
        one = dict(ahead.get(name, {"leaves_in_days": None, "out_days": None, "units": None}))
        one["usual_days"] = usual.get(name)
        one["out_days"] = one["out_days"] if one["out_days"] is not None else usual.get(name)
        found[name] = one
    return found


def usd_per_repair(life: Life, booked_usd: Mapping[str, float], repairs: Mapping[str, float]) -> dict[str, float]:
    """Dollars a repair: what the POS booked this year for a class over its repairs; only where there were some.

    repairs: class → repairs behind the money, as `recording` estimates them; where there is none, those seen.
    """
    year = life.data_to.replace(month=1, day=1, hour=0, minute=0, second=0, microsecond=0)
    seen = life.faults.filter((pl.col("kind") == "repair") & (pl.col("at") >= year)).join(
        life.units.select("tag_id", "rental_class"), on="tag_id", how="left"
    )  # fmt: skip
    counts = dict(seen.group_by("rental_class").len().iter_rows())
    return {name: usd / many for name, usd in booked_usd.items() if (many := repairs.get(name) or counts.get(name))}
