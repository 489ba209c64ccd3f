"""What share is still running at each moment, whatever else is known? Kaplan and Meier 1958, with late entry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Steps:
    """A survival curve that falls at `times`."""

    times: np.ndarray
    survival: np.ndarray

    def at(self, moments: np.ndarray) -> np.ndarray:
        """S(t) = chance to get beyond t: falls at t itself counted."""
        place = np.searchsorted(self.times, moments, side="right")
        return np.asarray(np.concatenate([[1.0], self.survival])[place])

    def before(self, moments: np.ndarray) -> np.ndarray:
        """S(t-): falls before t only."""
        place = np.searchsorted(self.times, moments, side="left")
        return np.asarray(np.concatenate([[1.0], self.survival])[place])


def estimate(after: np.ndarray, event: np.ndarray, entry: np.ndarray | None = None) -> Steps:
    """The product-limit curve; entry (rows,): from when on a row was under sight (at risk after it), by default 0.

    Who is censored at a moment is still at risk for an event of that moment.
    """
    times, deaths = np.unique(after[event], return_counts=True)
    ends = np.sort(after)
    at_risk = len(after) - np.searchsorted(ends, times, side="left")
    if entry is not None:
        at_risk = at_risk - (len(entry) - np.searchsorted(np.sort(entry), times, side="left"))
    factor = 1.0 - np.divide(deaths, at_risk, out=np.ones(len(times)), where=at_risk > 0)
    return Steps(times, np.cumprod(factor))


def of_censoring(after: np.ndarray, event: np.ndarray) -> Steps:
    """G, the chance not to be censored yet: the same estimate with the roles changed, events of a moment going first."""
    times, lost = np.unique(after[~event], return_counts=True)
    at_risk = len(after) - np.searchsorted(np.sort(after), times, side="left")
    ends = np.sort(after[event])
    base = at_risk - (np.searchsorted(ends, times, side="right") - np.searchsorted(ends, times, side="left"))
    factor = 1.0 - np.divide(lost, base, out=np.ones(len(times)), where=base > 0)
    return Steps(times, np.cumprod(factor))
