"""What is said when hardly any event was seen? One rate for all: the prior, moved by what was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from rfid3_maintenance.model.prior import DAYS_PER_YEAR, Prior


@dataclass(frozen=True)
class Rate:
    """The same constant hazard for every unit; its chances are averaged over the belief about the rate."""

    cuts_days: np.ndarray
    belief: Prior
    """After what was seen."""
    before: Prior

    def cumulative(self, x: np.ndarray, group: np.ndarray, at_days: np.ndarray | None = None) -> np.ndarray:
        """(rows, cuts) cumulative hazard whose survival is the belief's average: (T / (T + t))**events."""
        years = self.cuts_days / DAYS_PER_YEAR
        return np.tile(self.belief.events * np.log1p(years / self.belief.unit_years), (len(x), 1))

    def bounds(self, rows: int, level: float) -> tuple[np.ndarray, np.ndarray]:
        """(rows, cuts) bounds of the probability that hold `level` of the belief, widened to hold its average."""
        tails = (0.5 - level / 2.0, 0.5 + level / 2.0)
        years = self.cuts_days / DAYS_PER_YEAR
        lower, upper = (-np.expm1(-self.belief.quantile(tail) * years) for tail in tails)
        average = -np.expm1(-self.belief.events * np.log1p(years / self.belief.unit_years))
        return np.tile(np.minimum(lower, average), (rows, 1)), np.tile(np.maximum(upper, average), (rows, 1))

    def contributions(self, x: np.ndarray, group: np.ndarray) -> np.ndarray:
        """(rows, features) zeros: nothing tells units apart."""
        return np.zeros(x.shape)

    def words(self) -> dict[str, Any]:
        """What the basis says of it."""
        return {"prior": self.before.words(), "posterior": self.belief.words()}
