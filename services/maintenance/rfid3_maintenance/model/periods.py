"""Which person-periods does a tree learn from? Each row once per interval at whose beginning it was under sight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PERIOD_BUDGET = 50_000
GOLDEN = 0.6180339887498949
SQUARE_ROOT_OF_TWO = 0.41421356237309503


@dataclass(frozen=True)
class Periods:
    """Person-periods, all columns of the same length."""

    row: np.ndarray
    interval: np.ndarray
    share: np.ndarray
    """Of the interval that was under sight; 1 where the event happened inside (it would have been seen to its end)."""
    event: np.ndarray
    """Float 0/1: the event happened inside."""
    weight: np.ndarray


def stacked(
    days: np.ndarray, event: np.ndarray, weight: np.ndarray, cuts_days: np.ndarray, budget: int = PERIOD_BUDGET
) -> Periods:
    """Rows seen for `days` (at most the last cut) as person-periods, ordered by row and interval.

    Beyond the budget, of the periods without an event each so manieth is taken and weighs as many.
    """
    edges = np.r_[0.0, cuts_days]
    row, interval = np.nonzero(days[:, None] > edges[:-1])
    inside = event[row] & (days[row] <= edges[interval + 1])
    every = max(1, -(-int((~inside).sum()) // max(budget - int(inside.sum()), budget // 2)))
    # multiples of irrational numbers fall evenly whatever rhythm the rows have; every so manieth would beat with it
    turn = (row * GOLDEN + interval * SQUARE_ROOT_OF_TWO) % 1.0
    kept = np.flatnonzero(inside | (turn < 1.0 / every))
    row, interval, inside = row[kept], interval[kept], inside[kept]
    share = np.minimum((days[row] - edges[interval]) / np.diff(edges)[interval], 1.0)
    return Periods(
        row, interval, np.where(inside, 1.0, share), inside.astype(float), weight[row] * np.where(inside, 1.0, float(every))
    )


def interval_hazards(periods: Periods, count: int) -> np.ndarray:
    """(count,) hazard of each interval for all alike; half an event of the average hazard goes to each, so that none is zero."""
    events = np.bincount(periods.interval, periods.weight * periods.event, count)
    seen = np.bincount(periods.interval, periods.weight * periods.share, count)
    average = events.sum() / max(float(seen.sum()), 1e-12)
    return np.asarray((events + 0.5) / (seen + 0.5 / max(average, 1e-12)))
