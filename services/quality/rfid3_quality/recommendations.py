"""What is best done with the whole fleet: where to spend a budget, what to replace, whom to look at next? Pure."""

from datetime import datetime, timedelta
from difflib import get_close_matches
from typing import Any

import numpy as np

from rfid3_quality.decisions.budget import (
    LINES,
    Opportunity,
    Plan,
    Priority,
    allocation_usd,
    grouped,
    payback_months,
    plan,
    roi_estimate,
)
from rfid3_quality.decisions.inspection import Looks, next_to_inspect
from rfid3_quality.decisions.knapsack import solve
from rfid3_quality.decisions.money import cents_of, rounded_usd, usd_of
from rfid3_quality.decisions.outcome import HORIZON_YEARS
from rfid3_quality.fleet import Fleet
from rfid3_quality.item import days_of
from rfid3_quality.model.grades import name_of
from rfid3_quality.snapshot import ACTIONS, VERDICT, Snapshot
from rfid3_shared.errors import NotFound
from rfid3_shared.item_life.snapshot import CODES

ALL = "all"
MONTHS = 12.0
DUE_DAYS = 365.0
"""A replacement is recommended when it is best within a year."""


def category_of(snapshot: Snapshot, asked: str, parameter: str) -> int | None:
    """The position of a category, whatever its letter case; None for all. Raises NotFound with names that look alike."""
    by_fold = {name.casefold(): at for at, name in enumerate(snapshot.spec.categories)}
    folded = asked.strip().casefold()
    if folded == ALL:
        return None
    if folded not in by_fold:
        near = [snapshot.spec.categories[by_fold[one]] for one in get_close_matches(folded, by_fold, 3, 0.4)]
        raise NotFound(f"No category is called {asked!r}.", parameter=parameter, given=asked, suggestion=near)
    return by_fold[folded]


def spent(fleet: Fleet, category: int | None, threshold: float, budget_cents: int, priority: Priority) -> dict[str, Any]:
    """Endpoint 7: what the budget does most good for among items whose score is below the threshold; totals are exact."""
    rows = np.flatnonzero(_asked(fleet, category) & (fleet.action >= 0) & (fleet.gains[:, 1] < threshold))
    # what serves the priority in no way is never paid for; a loss is not sold as an opportunity
    good = rows[fleet.cents[rows, 1] > fleet.cents[rows, 0]] if priority == "roi" else rows
    found = [_opportunity(fleet, row) for row in good.tolist()]
    chosen = plan(found, budget_cents, priority)
    return {
        "optimization_opportunities": [_shown(one) for one in grouped(chosen.chosen)],
        "beyond_budget": [_shown(one) for one in grouped(_left(found, chosen))],
        "budget_allocation": {"total_budget": float(usd_of(budget_cents)),
                              "recommended_allocation": {line: float(usd) for line, usd in allocation_usd(chosen).items()}},
        "expected_outcomes": {
            "avg_quality_improvement": round(chosen.avg_quality_improvement, 6),
            "extended_lifecycle_months": round(chosen.extended_lifecycle_months, 2),
            "revenue_protection": float(usd_of(chosen.benefit_cents)),
        },
        "items_below_threshold": int((_asked(fleet, category) & (fleet.score < threshold)).sum()),
        "items_treated": sum(one.items for one in chosen.chosen), "optimal": chosen.optimal,
    }  # fmt: skip


def replaced(
    fleet: Fleet, category: int | None, budget_cents: int | None, limit: int, offset: int
) -> tuple[list[dict[str, Any]], int, float]:
    """A3: items that are best replaced within DUE_DAYS, most dollars gained first; of a budget the exact best choice.

    Returns the page, how many there are, and what all of them cost.
    """
    verdict = {name: fleet.column(name) for name in VERDICT}
    days, gain, cost = verdict["replace_after_days"], verdict["replace_gain_usd"], verdict["price_usd"] - verdict["market_usd"]
    rows = np.flatnonzero(_asked(fleet, category) & (days <= DUE_DAYS) & np.isfinite(cost) & np.isfinite(gain))
    cents = np.maximum(np.round(cost[rows] * 100), 0).astype(np.int64)
    if budget_cents is not None:
        choice = solve(cents, np.round(gain[rows] * 100).astype(np.int64), budget_cents)
        rows, cents = rows[choice.chosen], cents[choice.chosen]
    order = np.lexsort((rows, -gain[rows]))
    page = [
        _replacement(fleet, row, {name: float(column[row]) for name, column in verdict.items()})
        for row in rows[order][offset : offset + limit].tolist()
    ]
    return page, len(rows), float(usd_of(int(cents.sum())))


def looked_at(
    fleet: Fleet, category: int | None, limit: int, minutes_left: float, minutes_each: float, minute_usd: float
) -> list[dict[str, Any]]:
    """Whom to look at next: items whose grade is worth more to know than the look costs, most dollars a minute first.

    Of an item that was just inspected there is nothing more to know; one inspected long ago has worn since.
    """
    rows = np.flatnonzero(_asked(fleet, category))
    looks = Looks(fleet.look[rows, 0].astype(float), fleet.best[rows].astype(int), fleet.look[rows, 1].astype(float))
    best = next_to_inspect(looks, np.full(len(rows), minutes_each), limit, minutes_left, minute_usd)
    return [_look(fleet, row, minutes_each) for row in rows[best].tolist()]


def _asked(fleet: Fleet, category: int | None) -> np.ndarray:
    """(units,) units of a category, or of all, about which something can be said."""
    kind = fleet.snapshot.codes[:, CODES.index("category")]
    return np.asarray(fleet.answerable & (True if category is None else kind == category))


def _opportunity(fleet: Fleet, row: int) -> Opportunity:
    cost, benefit = fleet.cents[row].tolist()
    gain, score, life = fleet.gains[row].tolist()
    category = fleet.snapshot.spec.categories[fleet.snapshot.code(row, "category")]
    return Opportunity(
        str(row), category, ACTIONS[fleet.action[row]], 1, cost, benefit, gain, score, life, HORIZON_YEARS * MONTHS
    )


def _left(found: list[Opportunity], chosen: Plan) -> list[Opportunity]:
    """What would pay for itself, but is not paid for."""
    paid = {one.key for one in chosen.chosen}
    return [one for one in found if one.key not in paid and one.benefit_cents > one.cost_cents]


def _shown(one: Opportunity) -> dict[str, Any]:
    roi, payback = roi_estimate(one), payback_months(one)
    return {
        "category": one.category, "items_affected": one.items, "avg_quality_score": round(one.avg_quality_score, 6),
        "recommended_action": one.action, "budget_line": LINES[one.action], "investment_required": float(usd_of(one.cost_cents)),
        "quality_improvement": round(one.score_gain, 6), "roi_estimate": None if roi is None else round(roi, 4),
        "payback_period_months": None if payback is None else round(payback, 2), "benefit": float(usd_of(one.benefit_cents)),
    }  # fmt: skip


def _replacement(fleet: Fleet, row: int, verdict: dict[str, float]) -> dict[str, Any]:
    price, market, confidence = (verdict[name] for name in ("price_usd", "market_usd", "confidence"))
    return {
        "item_id": fleet.snapshot.id_of(row), **_kind(fleet.snapshot, row), "score": round(float(fleet.score[row]), 6),
        "optimal_replacement_date": fleet.snapshot.spec.data_as_of + timedelta(days=round(verdict["replace_after_days"])),
        "cost": _usd(price), "current_market_value": _usd(market), "net_cost": _usd(max(price - market, 0.0)),
        "revenue_impact": _usd(verdict["revenue_impact_usd"]), "gain": _usd(verdict["replace_gain_usd"]),
        "confidence": round(confidence, 3) if np.isfinite(confidence) else None,
    }  # fmt: skip


def _look(fleet: Fleet, row: int, minutes: float) -> dict[str, Any]:
    grade, at = int(fleet.grade[row]), float(fleet.graded_at[row])
    end = days_of(datetime.fromisoformat(fleet.snapshot.spec.data_to))
    return {
        "item_id": fleet.snapshot.id_of(row), **_kind(fleet.snapshot, row), "value": _usd(float(fleet.look[row, 0])), "minutes": minutes,
        "chance_to_change_plan": round(float(fleet.look[row, 1]), 6), "score": round(float(fleet.score[row]), 6),
        "last_grade": name_of(grade) if grade >= 0 else None, "days_since_grade": round(max(0.0, end - at), 2) if np.isfinite(at) else None,
    }  # fmt: skip


def _kind(snapshot: Snapshot, row: int) -> dict[str, Any]:
    known, store = snapshot.spec.classes[snapshot.code(row, "rental_class")], snapshot.code(row, "store")
    return {"item_type": known["name"] or known["rental_class"], "category": snapshot.spec.categories[snapshot.code(row, "category")],
            "store": snapshot.spec.store_ids[store] if store >= 0 else None}  # fmt: skip


def _usd(value: float) -> float | None:
    exact = rounded_usd(value)
    return None if exact is None else float(exact)


__all__ = ["category_of", "cents_of", "looked_at", "replaced", "spent"]
