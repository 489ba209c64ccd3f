"""How many units of which class will be asked for in vain, and what would they have brought? Pure.

From the demand service's forecast of a class: its 80 % interval gives the spread, its chance of running short says how far in that
spread the stock lies; together, on a normal curve, the units expected beyond the stock.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import floor
from statistics import NormalDist
from typing import Any

INTERVAL_LEVEL = 0.8
NORMAL = NormalDist()
SPREADS_OF_INTERVAL = 2 * NORMAL.inv_cdf((1 + INTERVAL_LEVEL) / 2)
SUREST = 1e-6


@dataclass(frozen=True)
class Shortage:
    """Expected over the weeks asked for."""

    rental_class: str
    label: str
    category: str
    units: float
    """Asked for in vain, all weeks together."""
    add_units: int
    """What the worst week lacks, to the nearest whole unit; 0 = too little to buy for."""
    usd: float | None
    """What they would have brought; None without a rate."""


def beyond_stock(lower: float, upper: float, risk: float) -> float:
    """Expected units beyond the stock, E[(demand - stock)+], of one week.

    lower, upper: the 80 % interval of the units. risk: chance that demand exceeds the stock.
    """
    spread = (upper - lower) / SPREADS_OF_INTERVAL
    chance = min(max(risk, SUREST), 1 - SUREST)
    at = NORMAL.inv_cdf(1 - chance)
    return max(0.0, spread * (NORMAL.pdf(at) - at * chance))


def shortage_of(rental_class: str, label: str, category: str, forecast: Mapping[str, Any]) -> Shortage | None:
    """The shortage that the `data` of a class's forecast tells of; None where it does not say."""
    units, usd, worst, rated = 0.0, 0.0, 0.0, True
    for week in forecast["predictions"]:
        impact = week["business_impact"]
        if impact["stockout_risk"] is None:
            return None
        short = beyond_stock(week["confidence_lower"], week["confidence_upper"], impact["stockout_risk"])
        # no more can be asked for in vain than is asked for
        short = min(short, week["predicted_demand"])
        units, worst = units + short, max(worst, short)
        if impact["revenue_opportunity"] is None:
            rated = False
        elif week["predicted_demand"] > 0:
            usd += short * impact["revenue_opportunity"] / week["predicted_demand"]
    return Shortage(rental_class, label, category, units, floor(worst + 0.5), usd if rated else None)
