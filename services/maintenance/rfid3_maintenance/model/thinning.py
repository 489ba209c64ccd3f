"""Which rows are learned from when there are too many? Rows with an event stay; of the others each so manieth, weighing as many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from rfid3_maintenance.model.landmarks import Landmarks
from rfid3_maintenance.model.periods import GOLDEN

ROW_BUDGET = 40_000


def thinned(given: Landmarks, cuts_days: np.ndarray, budget: int = ROW_BUDGET) -> Landmarks:
    """At most about `budget` rows, evenly taken; weights make up for those left out, so that rates stay what they are.

    Events are thinned as well only where they alone would take more than the budget.
    """
    if len(given) <= budget:
        return given
    _, event = given.within(cuts_days)
    weight = given.weights()
    every_event = max(1, -(-int(event.sum()) // budget))
    kept = int(event.sum()) // every_event
    every_other = max(1, -(-(len(given) - int(event.sum())) // max(budget - kept, budget // 2)))
    rank = np.where(event, np.cumsum(event), np.cumsum(~event)) - 1
    every = np.where(event, every_event, every_other)
    # not each so manieth: that would beat with landmarks that come at a regular pace, and take a unit's first ones only
    rows = np.flatnonzero((rank * GOLDEN) % 1.0 < 1.0 / every)
    return replace(given.take(rows), weight=weight[rows] * every[rows])
