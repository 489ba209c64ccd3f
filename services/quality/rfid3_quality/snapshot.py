"""In which form does training hand what it knows of condition to the service, and how is one item found among half a million?

A folder: `spec.json` (meaning of everything), `wear.json` (the learned wear) and arrays by unit, sorted by id and mapped into memory.
Nothing in it can run code. A loaded snapshot never changes.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from rfid3_quality.model.wear import Wear
from rfid3_shared.item_life.snapshot import CODES, ItemSnapshot, ItemSpec
from rfid3_shared.registry.array_folder import array_names, kept_in_folder

FORMAT = 1
HORIZONS_DAYS = (0, 30, 90, 180, 365)
"""0: the data's last moment."""
AHEAD_DAYS = HORIZONS_DAYS[1:]
WITHIN_DAYS = 30
"""The horizon that is written down and held against what is read."""
SCORES = ("mean", "median", "lower", "upper")
INPUTS = (
    "price_usd",
    "day_rate_usd",
    "turns_per_day",
    "repair_usd",
    "repairs_a_year",
    "repair_lift",
    "resale_ratio",
    "price_effect",
)
"""What a verdict in dollars rests on, as `decisions.replacement.Items` names it."""
VERDICT = ("replace_after_days", "confidence", "market_usd", "price_usd", "revenue_impact_usd", "replace_gain_usd")
ACTIONS = ("repair", "replace")
GAINS = ("score_gain", "score", "life_months")
FACTORS = {
    "environmental_exposure": ("days_a_rental", "rain_in_a_rental"),
    "maintenance_quality": ("washes_a_rental", "faults_a_rental"),
    "material_aging": ("age_years",),
}
"""How features are read to people, as endpoint 6 names it; usage_intensity is the unit's own turns beside its class's."""


@dataclass(frozen=True)
class Spec(ItemSpec):
    """What the arrays mean. reports_seq counts inspections; totals: mean score by category in 30 days."""

    discount: float
    price_effect: dict[str, Any]
    """What quality does to price: overall, by category, or what is missing."""


@dataclass(frozen=True)
class Snapshot(ItemSnapshot):
    """What is known and expected of every unit; all arrays have a row a unit, in the order of `ids`, but for new and class_grades.

    grade: at the last look, −1 = never graded. graded_at: its moment in days since 1970 (shop
    time), NaN = never. score (units, SCORES, horizons). x (units, features). rate (units, 3): turns a day, its standard deviation over
    it, turns since the look (or a repair after it). inputs (units, INPUTS, 3): value and 80 % interval; basis (units, INPUTS): codes of
    `decisions.amounts.Basis`. best: place in `decisions.replacement.OPTIONS`, −1 = no dollars known. verdict: columns VERDICT. action:
    place in ACTIONS, −1 = none. cents (units, 2): what the action costs and brings. gains: columns GAINS. look (units, 2): what looking
    is worth in dollars, and the chance that it changes what is done. new (classes, 3, horizons): mean, lower, upper of a new one.
    class_grades (classes, 11): units in service that were graded, by the grade that they are expected to have now.
    """

    spec: Spec
    wear: Wear
    grade: np.ndarray
    graded_at: np.ndarray
    score: np.ndarray
    x: np.ndarray
    rate: np.ndarray
    inputs: np.ndarray
    basis: np.ndarray
    best: np.ndarray
    verdict: np.ndarray
    action: np.ndarray
    cents: np.ndarray
    gains: np.ndarray
    look: np.ndarray
    new: np.ndarray
    class_grades: np.ndarray

    @cached_property
    def answerable(self) -> np.ndarray:
        """(units,) units of the rental fleet, neither gone nor for sale, whose condition can be told."""
        return np.asarray(self.in_service & np.isfinite(self.score[:, 0, 0]))

    @cached_property
    def usual_turns(self) -> np.ndarray:
        """(classes,) mean turns a day of each class's units."""
        group, classes = self.codes[:, CODES.index("rental_class")], len(self.spec.classes)
        return np.asarray(np.bincount(group, self.rate[:, 0], classes) / np.maximum(np.bincount(group, minlength=classes), 1))

    def column(self, name: str) -> np.ndarray:
        """(units,) one of VERDICT."""
        return np.asarray(self.verdict[:, VERDICT.index(name)], float)


ARRAYS = array_names(Snapshot)
write, load = kept_in_folder(Snapshot, FORMAT)
