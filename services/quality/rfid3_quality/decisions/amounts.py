"""A number for each item, how far it may be off, and where it comes from: measured, pooled, stated or missing; pure."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

Z80 = 1.2815515655446004
"""Half-width of a normal's central 80 % interval, in standard deviations."""


class Basis(IntEnum):
    """Where a number comes from, surest first."""

    MEASURED = 0
    """Read from the item's own record."""
    POOLED = 1
    """Estimated from other items of its class or category."""
    STATED_PRIOR = 2
    """Believed before anything was measured: see `priors`."""
    MISSING = 3

    @property
    def words(self) -> str:
        """As answers say it."""
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True)
class Prior:
    """What is believed where nothing was measured: a middle, an 80 % range, and the reason, which answers show."""

    value: float
    lower: float
    upper: float
    why: str


@dataclass(frozen=True)
class Amount:
    """One input of every item, (n,) each; NaN where missing."""

    value: np.ndarray
    lower: np.ndarray
    """Ends of the 80 % interval; equal to the value where it is known exactly."""
    upper: np.ndarray
    basis: np.ndarray
    """Codes of Basis, int8."""

    def filled(self, prior: Prior) -> "Amount":
        """The same with the prior where nothing is known."""
        gap = self.basis == Basis.MISSING
        return Amount(
            np.where(gap, prior.value, self.value),
            np.where(gap, prior.lower, self.lower),
            np.where(gap, prior.upper, self.upper),
            np.where(gap, Basis.STATED_PRIOR, self.basis).astype(np.int8),
        )

    def at_least(self, floor: float) -> "Amount":
        """The same with nothing below the floor."""
        value, lower, upper = (np.maximum(part, floor) for part in (self.value, self.lower, self.upper))
        return Amount(value, lower, upper, self.basis)

    def take(self, rows: slice) -> "Amount":
        """The same of some items."""
        return Amount(self.value[rows], self.lower[rows], self.upper[rows], self.basis[rows])


@dataclass(frozen=True)
class Interval:
    """A result of every item with its 80 % interval, (n,) each; NaN where it cannot be said."""

    value: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def amount(
    value: np.ndarray, lower: np.ndarray | None = None, upper: np.ndarray | None = None, basis: Basis = Basis.MEASURED
) -> Amount:
    """Numbers of that basis, exact unless their interval is given; missing where the value is no finite number."""
    value = np.asarray(value, dtype=np.float64)
    known = np.isfinite(value)
    ends = [np.where(np.isfinite(e), e, value) if e is not None else value for e in (lower, upper)]
    low, high = (np.where(known, e, np.nan) for e in ends)
    codes = np.where(known, basis, Basis.MISSING).astype(np.int8)
    return Amount(np.where(known, value, np.nan), np.minimum(low, value), np.maximum(high, value), codes)


def missing(items: int) -> Amount:
    """Nothing known of any of so many items."""
    return amount(np.full(items, np.nan))
