"""What is said of a failure kind before any event was seen? A stated rate with its width, moved by what is seen.

Rates are events per unit-year, Gamma(events, unit_years): as if `events` had been seen in `unit_years`. After d events in T
unit-years the posterior is Gamma(events + d, unit_years + T), so that few events move it, and many bury it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

DAYS_PER_YEAR = 365.25

STATED_PER_YEAR = {"repair": 0.2, "cleaning": 1.0, "retirement": 0.2, "loss": 0.02}
"""Assumptions, not findings. Retirement: a life of 1,825 days (mission.md S4-02); repair: as often; cleaning: once a year;
loss: one unit in fifty a year."""
STATED_EVENTS = 1.0
"""How firmly they are held: as one event would be. The 80 % range is then 0.11 to 2.3 times the rate."""


@dataclass(frozen=True)
class Prior:
    """Gamma belief about events per unit-year."""

    kind: str
    events: float
    unit_years: float
    stated: bool = True
    """True: an assumption; False: nothing was assumed but ignorance (Jeffreys)."""

    @property
    def per_year(self) -> float:
        """Expected events per unit-year; infinite while no time was seen."""
        return self.events / self.unit_years if self.unit_years > 0 else math.inf

    def quantile(self, level: float) -> float:
        """Quantile of the events per unit-year."""
        return gamma_quantile(level, self.events) / self.unit_years if self.unit_years > 0 else math.inf

    def after(self, events: float, days: float) -> Prior:
        """The belief after `events` in `days` unit-days."""
        return Prior(self.kind, self.events + events, self.unit_years + days / DAYS_PER_YEAR, self.stated)

    def words(self) -> dict[str, Any]:
        """The belief as every answer that rests on it shows it."""
        return {
            "kind": self.kind, "stated": self.stated, "per_unit_year": self.per_year, "level": 0.8,
            "lower_per_unit_year": self.quantile(0.1), "upper_per_unit_year": self.quantile(0.9), "worth_events": self.events,
            "worth_unit_years": self.unit_years,
        }  # fmt: skip


def default_prior(kind: str) -> Prior:
    """The stated belief about a failure kind; KeyError for an unknown one."""
    return Prior(kind, STATED_EVENTS, STATED_EVENTS / STATED_PER_YEAR[kind])


def ignorance() -> Prior:
    """Jeffreys' prior of a rate: half an event in no time; says nothing until time has been seen."""
    return Prior("any", 0.5, 0.0, stated=False)


def gamma_quantile(level: float, shape: float) -> float:
    """Quantile of a Gamma variable with scale 1, by bisection of its distribution function; level in (0, 1)."""
    low, high = 0.0, shape + 1.0
    while gamma_cdf(high, shape) < level:
        high *= 2.0
    for _ in range(200):
        middle = (low + high) / 2.0
        if middle in (low, high):
            break
        low, high = (middle, high) if gamma_cdf(middle, shape) < level else (low, middle)
    return (low + high) / 2.0


def gamma_cdf(x: float, shape: float) -> float:
    """Regularised lower incomplete gamma function P(shape, x): series below shape + 1, continued fraction above (NR 6.2)."""
    if x <= 0.0:
        return 0.0
    scale = math.exp(shape * math.log(x) - x - math.lgamma(shape))
    if x < shape + 1.0:
        term = total = 1.0 / shape
        n = shape
        while abs(term) > abs(total) * 1e-15:
            n += 1.0
            term *= x / n
            total += term
        return min(total * scale, 1.0)
    b, c = x + 1.0 - shape, 1e300
    d = h = 1.0 / b
    for i in range(1, 10_000):
        an = -i * (i - shape)
        b += 2.0
        d = 1.0 / _not_zero(an * d + b)
        c = _not_zero(b + an / c)
        h *= d * c
        if abs(d * c - 1.0) < 1e-15:
            break
    return 1.0 - scale * h


def _not_zero(value: float) -> float:
    return value if abs(value) > 1e-300 else 1e-300
