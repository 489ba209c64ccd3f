"""Which items are to be serviced, and what does that come to? Endpoint 4 from items in order; pure."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np

from rfid3_maintenance.costing import cost_origins, priority_of, usd_words
from rfid3_maintenance.decisions.priority import PRIORITIES, priorities
from rfid3_maintenance.decisions.service_moment import Moment
from rfid3_maintenance.kinds import GROUPS
from rfid3_maintenance.predict import logistic
from rfid3_maintenance.ranking import Ranked, chances, taken, within
from rfid3_maintenance.schemas.schedule import ScheduleQuery
from rfid3_maintenance.snapshot import COSTS, Snapshot
from rfid3_maintenance.timing import first_day

TYPES = {"service": "preventive", "run to failure": "run_to_failure", "not within the horizon": "not_within_horizon"}
Revenue = Mapping[str, float | None]
"""Rental class → dollars that a unit of it brings a day, as demand expects; None where demand knows no rate."""


def page_of(found: Ranked, query: ScheduleQuery) -> Ranked:
    """The items of the page asked for."""
    at = np.arange(query.offset, min(query.offset + query.limit, len(found.rows)))
    return Ranked(found.rows[at], found.chance[at], found.lower[at], found.upper[at], taken(found.moment, at), found.monitored)


def classes_of(snapshot: Snapshot, page: Ranked) -> list[str]:
    """The rental classes on a page."""
    return sorted({snapshot.spec.classes[code]["rental_class"] for code in snapshot.codes[page.rows, 0].tolist()})


def entries(
    snapshot: Snapshot, page: Ranked, query: ScheduleQuery, revenue: Revenue | None, today: date
) -> list[dict[str, Any]]:
    """One entry an item of the page, without its prediction's id. revenue: None when demand did not answer."""
    return [_entry(snapshot, page, at, query, revenue, today) for at in range(len(page.rows))]


def summary(snapshot: Snapshot, found: Ranked, query: ScheduleQuery, told: str) -> dict[str, Any]:
    """Counts and sums over all items that meet the question. told: what is to be said of revenue at risk."""
    counts = np.bincount(priorities(found.moment), minlength=len(PRIORITIES)) if len(found.rows) else np.zeros(4, int)
    serviced = np.isfinite(found.moment.day_days)
    dollars = query.include_cost_analysis
    cost = float(np.asarray(snapshot.costs[found.rows, 0], float)[serviced].sum())
    confidence = 1 - (found.upper - found.lower)
    return {
        "total_items_monitored": found.monitored, "high_priority_count": int(counts[2] + counts[3]),
        "medium_priority_count": int(counts[1]), "total_estimated_cost": round(cost, 2) if dollars else None,
        **_avoidance(found.moment, np.arange(len(found.rows)), dollars),
        "average_confidence": round(float(confidence.mean()), 4) if len(found.rows) else None,
        "total": len(found.rows), "revenue_at_risk": told,
    }  # fmt: skip


def recommendations(snapshot: Snapshot, found: Ranked, query: ScheduleQuery) -> list[str]:
    """What follows, in words."""
    if not len(found.rows):
        most = chances(snapshot, query.days_ahead)[within(snapshot, query.equipment_filter) & snapshot.answerable].max(
            initial=0.0
        )
        return [f"No item has a chance of {query.min_failure_probability:.0%} or more to fail within {query.days_ahead} days: "
                f"the highest is {most:.1%}."]  # fmt: skip
    pays = np.isfinite(found.moment.day_days)
    said = [f"{int(pays.sum())} of {len(found.rows)} items are worth a planned service within a year; "
            f"that avoids {usd_words(found.moment)}."]  # fmt: skip
    if (~pays).any():
        said.append(f"{int((~pays).sum())} cost less when they are used until they fail.")
    urgent = int((priorities(found.moment) >= 2).sum())
    if urgent:
        said.append(f"{urgent} come first: high or critical.")
    if share := snapshot.spec.recorded.get("all"):
        said.append(
            f"{share['median']:.0%} of repairs are written down ({share['lower']:.0%} to {share['upper']:.0%}), as the money spent on them "
            "tells: dates and dollars are of all failures, chances of those written down."
        )
    elif missing := snapshot.spec.recorded.get("missing"):
        said.append(f"Dollars are of failures that are written down; how many are not cannot be told without {missing}.")
    forms = {basis.get("form") for kind, basis in snapshot.spec.basis.items() if kind in ("repair", "retirement")}
    if "prior" in forms:
        said.append(
            "Some chances rest on a stated prior, because no such failure was ever seen: report failures, and they become labels."
        )
    return said


def _entry(
    snapshot: Snapshot, page: Ranked, at: int, query: ScheduleQuery, revenue: Revenue | None, today: date
) -> dict[str, Any]:
    row, chance, moment = int(page.rows[at]), float(page.chance[at]), page.moment
    kind = snapshot.spec.classes[snapshot.code(row, "rental_class")]
    costs = dict(zip(COSTS, np.asarray(snapshot.costs[row], float).tolist(), strict=True))
    as_of, dollars = snapshot.spec.data_as_of, query.include_cost_analysis
    planned, first = int(snapshot.planned_day[row]), first_day(as_of, today)
    best = _day(as_of, float(moment.day_days[at]))
    best = None if best is None else max(best, first)
    return {
        "equipment_id": snapshot.id_of(row), "equipment_type": kind["name"] or kind["rental_class"],
        "failure_probability": round(chance, 6), "failure_probability_lower": round(float(page.lower[at]), 6),
        "failure_probability_upper": round(float(page.upper[at]), 6),
        "predicted_failure_date": _day(as_of, float(moment.failure_days[at])), "optimal_maintenance_date": best,
        "days_until_optimal": None if best is None else (best - first).days,
        "planned_date": as_of + timedelta(days=planned) if planned >= 0 else None,
        "maintenance_type": _type(snapshot, row, moment.advice[at]),
        "estimated_cost": round(costs["planned_usd"], 2) if dollars else None,
        "cost_basis": cost_origins(snapshot, row) if dollars else {},
        "downtime_hours": round(24 * costs["downtime_days"], 1),
        "business_impact": _impact(snapshot, row, chance, kind["rental_class"], revenue if dollars else None)
        | _avoidance(moment, np.array([at]), dollars),
        "maintenance_factors": {
            name: round(logistic(float(value)), 4) for name, value in zip(GROUPS, snapshot.factors[row], strict=True)
        },
        "confidence_score": round(1 - float(page.upper[at] - page.lower[at]), 4), "priority": priority_of(moment, at),
    }  # fmt: skip


def _avoidance(moment: Moment, at: np.ndarray, dollars: bool) -> dict[str, float | None]:
    """What services of these items avoid together, with its ends."""
    ends = {"": moment.avoided_usd, "_lower": moment.avoided_lower_usd, "_upper": moment.avoided_upper_usd}
    return {f"total_cost_avoidance{end}": round(float(usd[at].sum()), 2) if dollars else None for end, usd in ends.items()}


def _impact(snapshot: Snapshot, row: int, chance: float, rental_class: str, revenue: Revenue | None) -> dict[str, float | None]:
    a_day = None if revenue is None else revenue.get(rental_class)
    days, price = float(snapshot.costs[row, COSTS.index("downtime_days")]), snapshot.fact(row, "purchase_usd")
    return {
        "revenue_at_risk": None if a_day is None else round(chance * days * a_day, 2),
        "replacement_cost": None if np.isnan(price) else round(price, 2),
    }


def _type(snapshot: Snapshot, row: int, advice: str) -> str:
    status = snapshot.code(row, "status")
    return "corrective" if status >= 0 and snapshot.spec.statuses[status] == "Repair" else TYPES[advice]


def _day(as_of: date, days: float) -> date | None:
    return None if np.isnan(days) else as_of + timedelta(days=int(days))
