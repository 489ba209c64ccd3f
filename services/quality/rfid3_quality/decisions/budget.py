"""What does a given sum of money do most good for? Endpoint 7's problem: opportunities, a budget, exact totals; pure.

An opportunity is one item, or a group of items, and one action: it is paid for whole or not at all, and an item stands in one
opportunity only (the caller picks each item's best action first: `replacement`). The choice is a 0/1 knapsack, solved
exactly (`knapsack`); every total is in whole cents, and the three lines of the allocation add up to the budget.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

import numpy as np

from rfid3_quality.decisions.knapsack import solve
from rfid3_quality.decisions.money import usd_of
from rfid3_shared.errors import InvalidParameters

Priority = Literal["roi", "quality_impact", "cost"]
Line = Literal["preventive_maintenance", "quality_improvements"]
LINES: dict[str, Line] = {
    "clean": "preventive_maintenance",
    "inspect": "preventive_maintenance",
    "service": "preventive_maintenance",
    "repair": "quality_improvements",
    "replace": "quality_improvements",
}
"""The line of the budget that pays for an action: keeping a grade is prevention, gaining one is improvement."""
SCORE_PARTS = 1_000_000
"""Quality gained is counted in millionths of a score, so that sums are exact."""
MOST_GAIN = 10**17
"""Benefits of all opportunities together stay below this, well inside 64-bit whole numbers."""


@dataclass(frozen=True)
class Opportunity:
    """One action on one item or on a group of items of a category."""

    key: str
    """Names it: a tag, or category and action."""
    category: str
    action: str
    """A key of LINES."""
    items: int
    cost_cents: int
    benefit_cents: int
    """Revenue protected and cost avoided over `benefit_months`; may be nothing, or negative."""
    score_gain: float
    """Quality gained by an item, 0–1, on average over its items."""
    avg_quality_score: float
    life_months: float = 0.0
    """Months of life that an item gains, on average over its items."""
    benefit_months: float = 12.0


@dataclass(frozen=True)
class Plan:
    """The opportunities that are paid for, in the order given, and exact totals."""

    chosen: list[Opportunity]
    allocation_cents: dict[str, int]
    """preventive_maintenance, quality_improvements and emergency_reserve: together the budget, to the cent."""
    spent_cents: int
    benefit_cents: int
    avg_quality_improvement: float
    """Mean gain in score over the items that are treated; 0 when none is."""
    extended_lifecycle_months: float
    optimal: bool
    """Whether it is proved that no other choice serves the priority better."""


def plan(opportunities: Sequence[Opportunity], budget_cents: int, priority: Priority = "roi", reserve_cents: int = 0) -> Plan:
    """What to pay for so that the priority is served best.

    priority: roi = most dollars beyond what they cost; quality_impact = most score, summed over items;
    cost = most items treated, and of such choices the cheapest. reserve_cents are kept back in any case; what is not spent
    joins them. What adds nothing to the priority is not paid for.
    Raises InvalidParameters for negative money, an unknown action, or sums beyond 64 bits.
    """
    _check(opportunities, budget_cents, reserve_cents)
    room = min(max(budget_cents - reserve_cents, 0), sum(o.cost_cents for o in opportunities))
    cost = np.array([o.cost_cents for o in opportunities], dtype=np.int64)
    gain = np.array([_gain(o, priority, room) for o in opportunities], dtype=object)
    if sum(abs(g) for g in gain) > MOST_GAIN:
        raise InvalidParameters("The opportunities' benefits are too large to be added exactly.", most=MOST_GAIN)
    choice = solve(cost, gain.astype(np.int64), room)
    chosen = [o for o, yes in zip(opportunities, choice.chosen, strict=True) if yes]
    allocation: dict[str, int] = {"preventive_maintenance": 0, "quality_improvements": 0}
    for o in chosen:
        allocation[LINES[o.action]] += o.cost_cents
    return Plan(
        chosen,
        {**allocation, "emergency_reserve": budget_cents - choice.cost},
        choice.cost,
        sum(o.benefit_cents for o in chosen),
        _mean(chosen, [o.score_gain for o in chosen]),
        _mean(chosen, [o.life_months for o in chosen]),
        choice.optimal,
    )


def grouped(opportunities: Sequence[Opportunity]) -> list[Opportunity]:
    """The same by category and action, for showing: totals added, scores averaged over items; dearest benefit first."""
    groups: dict[tuple[str, str], list[Opportunity]] = {}
    for o in opportunities:
        groups.setdefault((o.category, o.action), []).append(o)
    together = []
    for (category, action), some in groups.items():
        items = sum(o.items for o in some)
        benefit = sum(o.benefit_cents for o in some)
        monthly = math.fsum(o.benefit_cents / o.benefit_months for o in some)
        months = benefit / monthly if monthly > 0 else some[0].benefit_months
        together.append(
            Opportunity(
                f"{category}/{action}",
                category,
                action,
                items,
                sum(o.cost_cents for o in some),
                benefit,
                _mean(some, [o.score_gain for o in some]),
                _mean(some, [o.avg_quality_score for o in some]),
                _mean(some, [o.life_months for o in some]),
                months,
            )
        )
    return sorted(together, key=lambda o: (-o.benefit_cents, o.key))


def roi_estimate(o: Opportunity) -> float | None:
    """Dollars that come back beyond each dollar spent, over its months; None where nothing is spent."""
    return (o.benefit_cents - o.cost_cents) / o.cost_cents if o.cost_cents else None


def payback_months(o: Opportunity) -> float | None:
    """Months until the benefit has paid the cost; None when it never does."""
    if o.cost_cents == 0:
        return 0.0
    return o.cost_cents / o.benefit_cents * o.benefit_months if o.benefit_cents > 0 else None


def allocation_usd(plan: Plan) -> dict[str, Decimal]:
    """`recommended_allocation` of endpoint 7: three amounts with two decimals that add up to the budget."""
    return {line: usd_of(cents) for line, cents in plan.allocation_cents.items()}


def _gain(o: Opportunity, priority: Priority, room: int) -> int:
    """What choosing it adds to the priority's sum, in whole numbers."""
    if priority == "roi":
        return o.benefit_cents - o.cost_cents
    if priority == "quality_impact":
        return round(o.score_gain * SCORE_PARTS) * o.items
    # one item more outweighs whatever the choice may cost
    return o.items * (room + 1) - o.cost_cents


def _mean(some: Sequence[Opportunity], values: Sequence[float]) -> float:
    """Mean over the items of all; 0 where there are none."""
    items = sum(o.items for o in some)
    return math.fsum(value * o.items for o, value in zip(some, values, strict=True)) / items if items else 0.0


def _check(opportunities: Sequence[Opportunity], budget_cents: int, reserve_cents: int) -> None:
    if budget_cents < 0 or reserve_cents < 0:
        raise InvalidParameters(
            "A budget and its reserve are at least 0.", budget_cents=budget_cents, reserve_cents=reserve_cents
        )
    for o in opportunities:
        if o.action not in LINES:
            raise InvalidParameters("No line of the budget pays for this action.", action=o.action, known=sorted(LINES))
        sound = o.cost_cents >= 0 and o.items >= 0 and o.benefit_months > 0 and math.isfinite(o.score_gain)
        if not sound:
            raise InvalidParameters("An opportunity needs a cost, items, months and a gain that are sound.", key=o.key)
