"""How often has a machine been repaired by a given age, on average? The mean cumulative function, with its interval.

Nelson 1988: at each age, repairs over the machines still under sight; summed. Machines may come under sight late and leave at
different ages. No model, no independence of the repairs of one machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Z_95 = 1.959963984540054


@dataclass(frozen=True)
class MeanCumulative:
    """The function at the ages where something happened."""

    ages: np.ndarray
    mean: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    """95 % interval: mean times exp(± 1.96 · standard error / mean), which never goes below 0."""
    at_risk: np.ndarray

    def at(self, age: float) -> tuple[float, float, float]:
        """(mean, lower, upper) at an age; 0 before the first event."""
        place = int(np.searchsorted(self.ages, age, side="right")) - 1
        return (0.0, 0.0, 0.0) if place < 0 else (float(self.mean[place]), float(self.lower[place]), float(self.upper[place]))


def estimate(
    event_unit: np.ndarray, event_age: np.ndarray, unit: np.ndarray, seen_until: np.ndarray, seen_from: np.ndarray | None = None
) -> MeanCumulative:
    """The function from events (unit, age; repeated ages count each) and the span (from, until] in which each unit was seen.

    The variance is the robust one of Lawless and Nadeau 1995: each unit's deviations from the mean increments, summed over ages and
    squared; Nelson's differs by factors of n / (n - 1).
    Raises ValueError for an event of a unit whose span is not given.
    """
    begin = np.zeros(len(unit)) if seen_from is None else seen_from
    place = {name: at for at, name in enumerate(unit.tolist())}
    if unknown := set(event_unit.tolist()) - set(place):
        raise ValueError(f"no span is given for {sorted(map(str, unknown))[0]}")
    ages = np.unique(event_age)
    count = np.zeros((len(unit), len(ages)))
    row = np.array([place[name] for name in event_unit.tolist()], dtype=np.int64)
    np.add.at(count, (row, np.searchsorted(ages, event_age)), 1.0)
    under_sight = (begin[:, None] < ages) & (seen_until[:, None] >= ages)
    at_risk = under_sight.sum(axis=0)
    step = np.divide(count.sum(axis=0), at_risk, out=np.zeros(len(ages)), where=at_risk > 0)
    mean = np.cumsum(step)
    # each unit's own deviation from the mean increment, summed over ages: its square is its share of the variance
    share = np.divide(under_sight * (count - step), at_risk, out=np.zeros(count.shape), where=at_risk > 0)
    variance = (np.cumsum(share, axis=1) ** 2).sum(axis=0)
    width = Z_95 * np.sqrt(variance)
    ratio = np.exp(np.divide(width, mean, out=np.zeros(len(ages)), where=mean > 0))
    return MeanCumulative(ages, mean, mean / ratio, mean * ratio, at_risk)
