"""What was known of a unit at a moment, and how long was it then seen without the event? The rows a hazard is learned from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

SHORTEST = 1e-3
"""An event at the landmark itself is counted this share of the first interval later, so that it has a moment to happen in."""


@dataclass(frozen=True)
class Landmarks:
    """One row per unit and landmark moment; rows of one unit may overlap in time.

    Raises ValueError where lengths differ, time runs backwards or is unknown, weights are negative, or names repeat.
    """

    x: np.ndarray
    """(rows, features) float32; NaN = unknown."""
    names: tuple[str, ...]
    group: np.ndarray
    """(rows,) int32 pooling group (0..groups-1); -1 = none."""
    unit: np.ndarray
    """(rows,) int32: rows of one unit are kept together in cross-fitting and counted as one witness."""
    at_days: np.ndarray
    """(rows,) float64: age at the landmark (delayed entry); NaN = unknown."""
    after_days: np.ndarray
    """(rows,) days from the landmark to the event or to the end of sight."""
    event: np.ndarray
    """(rows,) bool: False = sight ended first."""
    weight: np.ndarray | None = None
    aged: bool = True
    """False: at_days is a time at which no unit was new; it tells rows of one event apart, and no hazard may run in it."""

    def __post_init__(self) -> None:
        rows = len(self.x)
        if self.x.ndim != 2 or self.x.shape[1] != len(self.names):
            raise ValueError(f"x has shape {self.x.shape}, but there are {len(self.names)} names")
        if len(set(self.names)) != len(self.names):
            raise ValueError("names of features repeat")
        for name in ("group", "unit", "at_days", "after_days", "event", "weight"):
            column = getattr(self, name)
            if column is not None and column.shape != (rows,):
                raise ValueError(f"{name} has shape {column.shape}, expected ({rows},)")
        if not np.all(np.isfinite(self.after_days) & (self.after_days >= 0)):
            raise ValueError("after_days must be known and not negative")
        if self.weight is not None and not np.all(np.isfinite(self.weight) & (self.weight >= 0)):
            raise ValueError("weight must be known and not negative")
        if rows and self.group.min() < -1:
            raise ValueError("group must be -1 (none) or an index")

    def __len__(self) -> int:
        return len(self.x)

    def take(self, rows: np.ndarray) -> Landmarks:
        """The rows at these positions, or where a mask is true."""
        columns = ("x", "group", "unit", "at_days", "after_days", "event")
        weight = None if self.weight is None else self.weight[rows]
        return replace(self, weight=weight, **{name: getattr(self, name)[rows] for name in columns})

    def weights(self) -> np.ndarray:
        """(rows,) float64: the given weights, or ones."""
        return np.ones(len(self)) if self.weight is None else self.weight.astype(float)

    def within(self, cuts_days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(days seen, event) when nobody looks beyond the last cut; an event at the landmark itself gets a moment to happen in."""
        last = float(cuts_days[-1])
        event = self.event & (self.after_days <= last)
        seen = np.minimum(self.after_days, last)
        return np.where(event, np.maximum(seen, SHORTEST * float(cuts_days[0])), seen), event


@dataclass(frozen=True)
class Seen:
    """What the rows come to when each unit's overlapping rows are counted once."""

    units: int
    events: int
    """Distinct events within the last cut of some landmark."""
    days: float
    """Unit-days under sight."""
    overlap: float
    """How many rows tell of the event that a row tells of (of the same day where there is no event), on average over rows; at least 1.

    Rows divided by it are worth what they are worth as witnesses: an event told by n rows moves estimates by n and their variance by n².
    """


def seen_once(given: Landmarks, cuts_days: np.ndarray) -> Seen:
    """Counts without repetition. A unit whose ages are unknown counts by its longest row, and at most one event."""
    after, event = given.within(cuts_days)
    known = np.isfinite(given.at_days)
    of_unknown = ~np.isin(given.unit, given.unit[known])
    at = np.where(known, given.at_days, np.where(of_unknown, 0.0, np.nan))
    rows = np.flatnonzero(np.isfinite(at))
    rows = rows[np.lexsort((at[rows], given.unit[rows]))]
    unit, begin, end = given.unit[rows], at[rows], at[rows] + after[rows]
    days = _union(unit, begin, end)
    moments = np.where(of_unknown[rows], 0.0, np.round(end, 3))[event[rows]]
    _, told = np.unique(np.stack([unit[event[rows]].astype(float), moments]), axis=1, return_counts=True)
    events, total = len(told), float(after.sum())
    overlap = float((told**2).sum() / told.sum()) if events else total / days if days > 0 else 1.0
    return Seen(len(np.unique(given.unit)), events, days, max(overlap, 1.0))


def _union(unit: np.ndarray, begin: np.ndarray, end: np.ndarray) -> float:
    """Length of the union of intervals within each unit, summed; rows sorted by unit, begin."""
    if not len(unit):
        return 0.0
    first = np.r_[True, unit[1:] != unit[:-1]]
    start = begin[first].min()
    # units are laid one behind the other, so that one running maximum serves all
    stride = float(end.max() - start) + 1.0
    shift = (np.cumsum(first) - 1) * stride - start
    ends = np.maximum.accumulate(end + shift)
    before = np.r_[-np.inf, ends[:-1]]
    return float(np.maximum(ends - np.maximum(begin + shift, before), 0.0).sum())
