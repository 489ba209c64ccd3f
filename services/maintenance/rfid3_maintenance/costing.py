"""What do a service and a breakdown of each item cost, and when is it best serviced? A snapshot's numbers as decisions take them. Pure."""

from typing import Literal

import numpy as np

from rfid3_maintenance.decisions.costs import Costs
from rfid3_maintenance.decisions.doubts import Known
from rfid3_maintenance.decisions.priority import PRIORITIES, priorities
from rfid3_maintenance.decisions.service_moment import Moment
from rfid3_maintenance.item import Item
from rfid3_maintenance.snapshot import ADVICE, BEST, COSTS, ORIGINS, Snapshot
from rfid3_maintenance.timing import best_in_season

HORIZON_DAYS = 365.0
"""Costs with and without service are counted over a year."""
URGENCY: dict[str, Literal["low", "medium", "high"]] = {"low": "low", "medium": "medium", "high": "high", "critical": "high"}


def costs_of(snapshot: Snapshot, rows: np.ndarray) -> Costs:
    """What a service and a breakdown of these items cost."""
    planned, repair, downtime, revenue, booked = np.asarray(snapshot.costs[rows], float).T
    return Costs(planned, repair, downtime, revenue, booked, origin={})


def cost_origins(snapshot: Snapshot, row: int) -> dict[str, str]:
    """Where each cost of an item comes from, in words."""
    return {name: ORIGINS[int(code)] for name, code in zip(COSTS, snapshot.origins[row], strict=True)}


def moment_of(item: Item) -> Moment:
    """The best moment to service one item, from its curves as they are now, all failures counted where their share is known."""
    rows, snapshot = np.array([item.row]), item.snapshot
    known = Known(
        item.survival[None], np.asarray(snapshot.renewed[rows], float), item.proportion, snapshot.per_recorded_ends(rows),
        snapshot.spec.services,
    )  # fmt: skip
    return best_in_season(
        known, snapshot.spec.cuts_days, costs_of(snapshot, rows), snapshot.even(rows), horizon_days=HORIZON_DAYS
    )


def kept_moments(snapshot: Snapshot, rows: np.ndarray) -> Moment:
    """The best moments of items as training worked them out."""
    best = dict(zip(BEST, np.asarray(snapshot.best[rows], float).T, strict=True))
    advice = [ADVICE[int(code)] for code in snapshot.advice[rows]]
    return Moment(**best, rate_usd_per_day=np.full(len(rows), np.nan), advice=advice, horizon_days=HORIZON_DAYS)


def usd_words(moment: Moment) -> str:
    """The dollars that services of all these items avoid, with their 80 % interval, in words."""
    total, lower, upper = (one.sum() for one in (moment.avoided_usd, moment.avoided_lower_usd, moment.avoided_upper_usd))
    return f"${total:,.2f} (80 %: {_usd(lower)} to {_usd(upper)})"


def _usd(value: float) -> str:
    return f"{'−' if value < 0 else ''}${abs(value):,.2f}"


def priority_of(moment: Moment, at: int = 0) -> str:
    """low, medium, high or critical."""
    return PRIORITIES[int(priorities(moment)[at])]


def urgency_of(moment: Moment) -> Literal["low", "medium", "high"]:
    """The same in the three words of a recommendation."""
    return URGENCY[priority_of(moment)]
