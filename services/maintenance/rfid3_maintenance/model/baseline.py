"""How does the hazard of an average unit run: with age (Weibull), or with time since the landmark (steps)?

Both measure time on a clock: the cumulative hazard from age a to a + u is the level times clock(a, u). Delayed entry is nothing
but a clock that starts at a: only what happened under sight counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rfid3_maintenance.model.cuts import exposure


@dataclass(frozen=True)
class Weibull:
    """Clock (t / unit)**shape in age t; shape 1 = no ageing. The unit only keeps numbers small."""

    shape: float
    unit_days: float

    def clock(self, age: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Clock time from `age` on for `days`."""
        begin, end = age / self.unit_days, (age + days) / self.unit_days
        return np.asarray(end**self.shape - begin**self.shape)

    def rate(self, age: np.ndarray) -> np.ndarray:
        """Clock time per day at an age > 0."""
        return np.asarray(self.shape / self.unit_days * (age / self.unit_days) ** (self.shape - 1.0))

    def slopes(self, age: np.ndarray, days: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Clock time with its first and second derivative by the logarithm of the shape."""
        (b, b1, b2), (e, e1, e2) = (self._power(t / self.unit_days) for t in (age, age + days))
        first = self.shape * (e1 - b1)
        return e - b, first, first + self.shape**2 * (e2 - b2)

    def _power(self, t: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        log = np.log(np.maximum(t, 1e-300))
        value = np.where(t > 0, t**self.shape, 0.0)
        return value, value * log, value * log**2


@dataclass(frozen=True)
class Steps:
    """Clock whose pace is constant within each interval after the landmark, whatever the age."""

    cuts_days: np.ndarray
    pace: np.ndarray
    """(cuts,) pace of each interval; about 1 on average."""
    unit_days: float

    def clock(self, age: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Clock time from the landmark on for `days`; the age does not matter."""
        return np.asarray(exposure(days, self.cuts_days) @ self.pace / self.unit_days)
