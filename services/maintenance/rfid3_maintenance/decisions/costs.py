"""What does a planned service cost, what does a breakdown cost, and where does each number come from?

A breakdown costs its repair, dearer by a share because it is an emergency, and the days the item stands in the shop times what it
earns a day times the chance that it would have been booked. Each number is the best there is: measured on the item, else the median
of its class, else of its category, else a stated default; which one is kept beside the number and belongs in every answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

Origin = Literal["measured", "class median", "category median", "stated default"]
ORIGINS: tuple[Origin, ...] = ("measured", "class median", "category median", "stated default")
"""Best first; `Costs.origin` holds positions in this."""

PLANNED_USD, FAILURE_USD, REVENUE_USD_PER_DAY = 500.0, 5000.0, 200.0
"""Stated defaults of mission.md C-07: base cost of a service, cost of a failure, revenue a day. Used where nothing is known at all."""
PLANNED_RATIO = PLANNED_USD / FAILURE_USD
"""A planned service as a share of a failure's repair, where only the latter is known: the ratio of the same two defaults."""
DOWNTIME_DAYS = 5.0
"""Days in the shop after a breakdown, where no turnaround is known: the stated prior of `turnaround` for repairs."""
BOOKED_RATIO = 0.2
"""Chance that an idle item would have been out, where nothing is known: RFID3's own bound for low use."""
EMERGENCY_RATIO = 0.25
"""What an unplanned repair costs above a planned one of the same work (hurry, overtime, a substitute): the share the owner wants saved."""
LEAST_FOR_MEDIAN = 3
"""Fewer values than these are no median of a class or category."""


@dataclass(frozen=True)
class Costs:
    """One row an item, all arrays (rows,); every number finite and at least 0.

    origin: name of a number → (rows,) positions in ORIGINS. emergency_ratio is one stated share for all.
    """

    planned_usd: np.ndarray
    repair_usd: np.ndarray
    downtime_days: np.ndarray
    revenue_usd_per_day: np.ndarray
    booked_ratio: np.ndarray
    origin: Mapping[str, np.ndarray]
    emergency_ratio: float = EMERGENCY_RATIO

    @property
    def revenue_at_risk_usd(self) -> np.ndarray:
        """What a breakdown costs in rentals that cannot go out."""
        lost: np.ndarray = self.downtime_days * self.revenue_usd_per_day * self.booked_ratio
        return lost

    @property
    def unplanned_usd(self) -> np.ndarray:
        """What a breakdown costs in all."""
        cost: np.ndarray = self.repair_usd * (1 + self.emergency_ratio) + self.revenue_at_risk_usd
        return cost

    def of(self, rows: np.ndarray) -> "Costs":
        """Those of some rows."""
        return Costs(
            self.planned_usd[rows], self.repair_usd[rows], self.downtime_days[rows], self.revenue_usd_per_day[rows],
            self.booked_ratio[rows], {name: codes[rows] for name, codes in self.origin.items()}, self.emergency_ratio,
        )  # fmt: skip

    def origins(self, row: int) -> dict[str, Origin]:
        """Where each of an item's numbers comes from, in words."""
        return {name: ORIGINS[int(codes[row])] for name, codes in self.origin.items()}


def best_known(
    measured: np.ndarray, of_class: np.ndarray, of_category: np.ndarray, default: float
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """The first that is known (finite, at least 0) of an item's own number and two medians, else the default; and its origin.

    All (rows,), NaN = unknown. Returns values and positions in ORIGINS.
    """
    columns = np.stack(
        [*(np.asarray(one, float) for one in (measured, of_class, of_category)), np.full(len(measured), default)]
    )
    known = np.isfinite(columns) & (columns >= 0)
    first = np.argmax(known, axis=0)
    return columns[first, np.arange(columns.shape[1])], first.astype(np.int8)


def group_medians(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Each row's median of its group, (rows,); NaN for group −1 and for groups with fewer than LEAST_FOR_MEDIAN known values."""
    out = np.full(len(values), np.nan)
    usable = np.isfinite(values) & (values >= 0) & (groups >= 0)
    order = np.argsort(groups[usable], kind="stable")
    of, at = np.unique(groups[usable][order], return_index=True)
    middles = np.full(int(groups.max(initial=-1)) + 1, np.nan)
    for group, part in zip(of, np.split(values[usable][order], at[1:]), strict=False):
        if len(part) >= LEAST_FOR_MEDIAN:
            middles[group] = np.median(part)
    out[groups >= 0] = middles[groups[groups >= 0]]
    return out
