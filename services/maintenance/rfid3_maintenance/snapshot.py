"""In which form does training hand its curves to the service, and how is one item found among half a million?

A folder: `spec.json` (meaning of everything) and arrays by unit, sorted by id and mapped into memory: an item's answer touches a few
pages, whatever the size of the company. Nothing in it can run code. A loaded snapshot never changes.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from rfid3_maintenance.decisions.recorded_share import repairs_per_recorded
from rfid3_maintenance.decisions.service_moment import Advice
from rfid3_shared.item_life.snapshot import CODES, NO_RELATIVES, ItemSnapshot, ItemSpec
from rfid3_shared.registry.array_folder import array_names, kept_in_folder

FORMAT = 1
FACTS = ("rentals", "mean_rental_days", "faults", "turns_per_day", "age_days", "grade", "purchase_usd")
MOMENTS = ("first_seen", "last_seen", "last_service")
COSTS = ("planned_usd", "repair_usd", "downtime_days", "revenue_usd_per_day", "booked_ratio")
ORIGINS = ("measured", "class median", "category median", "stated default", "share of the purchase price")
"""Where a cost comes from; the first four are `decisions.costs.ORIGINS`."""
BEST = (
    "day_days", "avoided_usd", "avoided_lower_usd", "avoided_upper_usd", "without_usd", "with_usd", "at_stake_usd", "revenue_at_risk_usd",
    "failure_days",
)  # fmt: skip
ADVICE: tuple[Advice, ...] = ("service", "run to failure", "not within the horizon")


@dataclass(frozen=True)
class Spec(ItemSpec):
    """What the arrays mean. totals: expected wear failures by category, within 30 days and by week."""

    kinds: list[str]
    cuts_days: list[float]
    basis: dict[str, dict[str, Any]]
    """By kind: form, events, units, calibration, and the prior where it rests on one."""
    turnaround: list[dict[str, Any]]
    """Days to Ready to Rent by kind of visit and category: median and quantiles, and what they rest on."""
    bookings: dict[str, dict[str, Any]]
    """Rental class → its next booking and its usual stay: leaves_in_days, out_days, units, known."""
    stated: dict[str, Any]
    """Priors and defaults that costs rest on where nothing is known."""
    plan: dict[str, Any]
    """The crew's nightly plan, as `planning.planned` gives it; empty when none was made."""
    even_days: list[list[float]] = field(default_factory=list)
    """By category (the last of items without one): the calendar day by which as many busy days have passed as each cut says."""
    recorded: dict[str, Any] = field(default_factory=dict)
    """Which share of repairs is written down, as `recording.recording` tells it; `missing` says why it is not known."""
    services: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By kind, what a service does to its hazard and what that rests on: `service_effect.Effect.words`."""


@dataclass(frozen=True)
class Snapshot(ItemSnapshot):
    """What is known and expected of every unit; all arrays have a row a unit, in the order of `ids`.

    survival and renewed (units, kinds, cuts): chance to get beyond each cut from now on, and when serviced now.
    band (units, horizons, 2): 80 % interval of the chance of a wear failure. top_feature, top_value (units, few): features that move
    an item's hazard most, in units of log-hazard. factors (units, GROUPS): the same by group. facts, moments (days since 1970),
    costs, origins (positions in ORIGINS), best: columns as named above; advice: position in ADVICE. planned_day (units,): days
    from the data's last day to that of the crew's plan, −1 for none.
    """

    spec: Spec
    survival: np.ndarray
    renewed: np.ndarray
    band: np.ndarray
    top_feature: np.ndarray
    top_value: np.ndarray
    factors: np.ndarray
    facts: np.ndarray
    moments: np.ndarray
    costs: np.ndarray
    origins: np.ndarray
    best: np.ndarray
    advice: np.ndarray
    planned_day: np.ndarray

    def fact(self, row: int, name: str) -> float:
        """One of FACTS of an item; NaN = unknown."""
        return float(self.facts[row, FACTS.index(name)])

    def even(self, rows: np.ndarray) -> np.ndarray:
        """(rows, cuts) the calendar day by which as many busy days have passed as each cut says; the cuts where there is no season."""
        if not self.spec.even_days:
            return np.broadcast_to(np.array(self.spec.cuts_days), (len(rows), len(self.spec.cuts_days)))
        return np.asarray(np.array(self.spec.even_days)[np.asarray(self.codes[rows, CODES.index("category")], int)])

    def per_recorded(self, rows: np.ndarray) -> np.ndarray:
        """(rows,) repairs behind each that is written down; 1 where nobody can tell."""
        return self.per_recorded_ends(rows)[:, 1]

    def per_recorded_ends(self, rows: np.ndarray) -> np.ndarray:
        """(rows, 3) the same with its 80 % interval: least, middle, most."""
        every = repairs_per_recorded(self.spec.recorded, self.spec.categories)
        return np.asarray(every[np.asarray(self.codes[rows, CODES.index("category")], int)])

    @cached_property
    def answerable(self) -> np.ndarray:
        """(units,) units in service about which something honest can be said."""
        return np.asarray(self.in_service & (self.codes[:, CODES.index("flags")] & NO_RELATIVES == 0))


ARRAYS = array_names(Snapshot)
write, load = kept_in_folder(Snapshot, FORMAT)
