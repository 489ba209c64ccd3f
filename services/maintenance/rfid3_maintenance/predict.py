"""What is said of one item: chances, days left, health? Pure over a snapshot's row."""

from datetime import date, timedelta
from statistics import NormalDist
from typing import Any

import numpy as np

from rfid3_maintenance.costing import costs_of, moment_of, urgency_of, usd_words
from rfid3_maintenance.decisions.booking import survives_booking
from rfid3_maintenance.item import Item, basis_of
from rfid3_maintenance.kinds import GROUPS, HORIZONS_DAYS, KINDS
from rfid3_maintenance.model.curves import remaining
from rfid3_shared.normal import Z_80

STEADY_RATIO = 0.1
"""A daily hazard that changes by less than this share is called stable."""
EPOCH = date(1970, 1, 1)
IN_THE_SHOP = {"Wet": "wet", "Wash": "wash", "Needs to be Inspected": "inspect", "Repair": "repair"}
"""Status → the work it waits for."""


def probability(item: Item, horizon_days: int) -> dict[str, Any]:
    """Chances of a wear failure by horizon with intervals and by kind, why, and what is left; without version and id."""
    days = sorted({*HORIZONS_DAYS, horizon_days})
    low, high = item.interval(horizon_days)
    spec, row = item.snapshot.spec, item.row
    factors = [
        {"feature": spec.features[feature], "contribution": round(float(value), 4)}
        for feature, value in zip(item.snapshot.top_feature[row], item.snapshot.top_value[row], strict=True)
        if feature >= 0 and abs(value) > 1e-6
    ]  # fmt: skip
    left = remaining(item.wear, spec.cuts_days, (0.1, 0.5, 0.9))[0]
    turns = item.snapshot.fact(row, "turns_per_day")
    return {
        "item_id": item.item_id, "item_type": item.type_name, "horizon_days": horizon_days,
        "failure_probability": _p(item.chance(horizon_days)), "timeline": [_point(item, each) for each in days],
        "confidence": _p(1 - (high - low)), "factors": factors, "remaining_days": _remaining(left, spec.cuts_days[-1]),
        "remaining_turns": _turns(left, turns, spec.cuts_days[-1]), "basis": basis_of(item),
        "reported": None if item.report is None else item.report.as_dict(),
    }  # fmt: skip


def health(item: Item) -> dict[str, Any]:
    """Endpoint 5 for one item; without version and id."""
    snapshot, row = item.snapshot, item.row
    grade, rentals = snapshot.fact(row, "grade"), snapshot.fact(row, "rentals")
    history = -float(snapshot.factors[row, GROUPS.index("last_maintenance_factor")])
    chances = np.maximum.accumulate([_p(item.chance(days)) for days in HORIZONS_DAYS]).tolist()
    intervals = {
        f"{days}_days": dict(zip(("lower", "upper"), map(_p, item.interval(days)), strict=True)) for days in HORIZONS_DAYS
    }
    last, stay = snapshot.moments[row, 2], snapshot.fact(row, "mean_rental_days")
    return {
        "equipment_id": item.item_id, "equipment_type": item.type_name, "overall_health_score": _p(1 - item.chance(90)),
        "health_trend": trend(item),
        "health_factors": {
            "mechanical_condition": _p(1 - item.chance_of("repair", 90)),
            "aesthetic_condition": None if np.isnan(grade) else _p(grade / 10),
            "usage_wear": _p(1 - item.chance_of("retirement", 365)), "maintenance_history": _p(logistic(history)),
        },
        "failure_probability_timeline": {f"{days}_days": chance for days, chance in zip(HORIZONS_DAYS, chances, strict=True)},
        "timeline_intervals": intervals, "maintenance_recommendations": _advice(item),
        "usage_statistics": {
            "total_rentals": int(np.nan_to_num(rentals)), "average_rental_duration": None if np.isnan(stay) else round(stay, 2),
            "damage_incidents": int(np.nan_to_num(snapshot.fact(row, "faults"))), "last_maintenance": _last_service(item, float(last)),
        },
        "basis": basis_of(item), "reported": None if item.report is None else item.report.as_dict(),
    }  # fmt: skip


def booking(item: Item, starts_in_days: float | None, days: float | None) -> dict[str, Any]:
    """Chance to get through a booking: the one given, the next of its class, or else a usual rental of it; without version and id."""
    spec = item.snapshot.spec
    known = spec.bookings.get(item.kind_of_thing["rental_class"], {})
    if starts_in_days is not None:
        leaves, origin = starts_in_days, "given"
    elif known.get("leaves_in_days") is not None:
        leaves, origin = float(known["leaves_in_days"]), "next booking of its class"
    else:
        leaves, origin = 0.0, "no booking is known: a usual rental that begins now"
    out = days if days is not None else float(known.get("out_days") or spec.stated["usual_stay_days"])
    ready, ready_from = _ready(item, leaves)
    found = survives_booking(item.wear, spec.cuts_days, np.array([leaves]), np.array([out]), np.array([ready]))
    parts = {"ready": found.ready, "until_leaving": found.until_leaving, "while_out": found.while_out}
    return {
        "item_id": item.item_id, "item_type": item.type_name, "survival_probability": _p(float(found.chance[0])),
        "parts": {name: _p(float(value[0])) for name, value in parts.items()},
        "booking": {"leaves_in_days": round(leaves, 2), "out_days": round(out, 2), "known_from": origin,
                    "units_booked": known.get("units") if origin.startswith("next") else None, "ready_from": ready_from},
        "beyond_curve": bool(found.beyond_curve[0]), "basis": basis_of(item),
    }  # fmt: skip


def _ready(item: Item, by_days: float) -> tuple[float, str]:
    """Chance to be Ready to Rent by then, and what it rests on; how long it has been in the shop already is not taken in."""
    at = item.snapshot.code(item.row, "status")
    status = item.snapshot.spec.statuses[at] if at >= 0 else None
    kind = IN_THE_SHOP.get(status or "")
    if kind is None:
        return 1.0, "it is not in the shop" if status else "its status is not known: taken to be ready"
    rows = [row for row in item.snapshot.spec.turnaround if row["kind"] == kind]
    own = next((row for row in rows if row["category"] == item.kind_of_thing["category"]), None)
    row = own or next(row for row in rows if row["category"] == "all")
    if by_days <= 0:
        return 0.0, f"it is in the shop: {status}"
    spread = np.log(max(row["upper_days"], 1e-6) / max(row["median_days"], 1e-6)) / Z_80
    return float(
        NormalDist().cdf(np.log(by_days / max(row["median_days"], 1e-6)) / max(spread, 1e-6))
    ), f"turnaround of {status}"


def trend(item: Item) -> str:
    """Whether the daily hazard of an item that stays whole falls, stays or rises from the next 30 days to the 60 after."""
    near, later = item.hazard(30) / 30, (item.hazard(90) - item.hazard(30)) / 60
    if abs(later - near) <= STEADY_RATIO * max(near, 1e-12):
        return "stable"
    return "declining" if later > near else "improving"


def logistic(value: float) -> float:
    """Log-hazard as a number between 0 and 1; 0 gives 0.5."""
    return float(1 / (1 + np.exp(-np.clip(value, -30, 30))))


def _advice(item: Item) -> list[dict[str, Any]]:
    costs, best = costs_of(item.snapshot, np.array([item.row])), moment_of(item)
    quarter = list(item.snapshot.spec.cuts_days).index(90.0)
    gain = _p(float(item.renewed[0, quarter] - item.wear[0, quarter]))
    if best.advice[0] != "service":
        words = {"run to failure": "Use it until it fails: no planned service pays.",
                 "not within the horizon": "No service now: it would not pay itself back within a year."}  # fmt: skip
        return [{"action": words[best.advice[0]], "urgency": "low", "estimated_cost": None, "impact_on_health": 0.0}]
    days = int(best.day_days[0])
    when = "now" if days == 0 else f"within {days} days"
    return [{"action": f"Service it {when}: that avoids {usd_words(best)} in a year.", "urgency": urgency_of(best),
             "estimated_cost": round(float(costs.planned_usd[0]), 2), "impact_on_health": gain}]  # fmt: skip


def _point(item: Item, days: int) -> dict[str, Any]:
    low, high = item.interval(days)
    kinds = {kind: _p(item.chance_of(kind, days)) for kind in KINDS}
    return {"days": days, "probability": _p(item.chance(days)), "lower": _p(low), "upper": _p(high), "by_kind": kinds}


def _turns(left_days: np.ndarray, turns_per_day: float, reach_days: float) -> dict[str, float | None]:
    """Rentals left at the item's own pace; unknown for one that is not rented."""
    if not turns_per_day > 0:
        return {"median": None, "lower": None, "upper": None, "reach": None}
    return _remaining(left_days * turns_per_day, reach_days * turns_per_day)


def _remaining(left: np.ndarray, reach: float) -> dict[str, float | None]:
    low, middle, high = (round(float(value), 2) if np.isfinite(value) else None for value in left)
    return {"median": middle, "lower": low, "upper": high, "reach": round(float(reach), 2) if np.isfinite(reach) else None}


def _last_service(item: Item, days_since_epoch: float) -> date | None:
    if item.report is not None and item.report.event == "serviced":
        return item.report.occurred_at.date()
    return None if np.isnan(days_since_epoch) else EPOCH + timedelta(days=int(days_since_epoch))


def _p(value: float) -> float:
    return round(min(1.0, max(0.0, value)), 6)
