"""What can be done in the time that is given? A plan by measured cost, and a clock that is asked before each stage; pure but
for that clock.

The ladder, cheapest sacrifice first: fewer origins, no search for tree settings, no tree, no dear methods (cost 3, then 2), then
naive and moving averages alone. With a budget the clock decides, so two runs may differ; without one it is never read and the same
input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from math import inf
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rfid3_demand.model.method import Method

LEAST_MEASURED_S = 3.0
"""With less time than this nothing is measured: the last rung of the ladder is taken at once."""
MEASURING_SHARE = 0.2
"""Share of the budget that measuring may take; beyond it the last rung is taken too."""
USED_SHARE = 0.8
"""Share of the time left that a plan may fill; the rest is for what the estimate missed."""
FEWER_ORIGINS, FEWEST_ORIGINS = 3, 2
CHEAPEST = ("seasonal_naive", "moving_average_4", "moving_average_13", "pooled")


@dataclass(frozen=True)
class Costs:
    """Estimated seconds for all series."""

    methods: dict[str, float]
    """Each method's forecast at one origin."""
    tree: float = 0.0
    """Growing one tree."""
    tree_origin: float = 0.0
    """Asking a tree at one origin."""
    rest: float = 0.0
    """What follows the back-test whatever was left out: weights, intervals, scores."""


@dataclass(frozen=True)
class Plan:
    """What is done, and what is not."""

    methods: tuple[Method, ...]
    origins: int
    tune: bool
    tree: bool
    left_out: tuple[str, ...] = ()

    def seconds(self, costs: Costs, trees: int, tuned_trees: int) -> float:
        """What the plan takes, `trees` being trained for the back-test and one for the forecast."""
        rounds = self.origins + 1
        total = costs.rest + rounds * sum(costs.methods.get(method.name, 0.0) for method in self.methods)
        if self.tree:
            total += (trees + 1 + (tuned_trees if self.tune else 0)) * costs.tree + rounds * costs.tree_origin
        return total


class Budget:
    """Seconds that may pass from now on; None = as many as it takes."""

    def __init__(self, seconds: float | None, clock: Callable[[], float]) -> None:
        self.seconds, self.clock = seconds, clock
        self._end = inf if seconds is None else clock() + seconds
        self.left_out: list[str] = []

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return self.seconds is not None

    def left(self) -> float:
        """Seconds left; the clock is not read when there is no limit."""
        return inf if self.seconds is None else self._end - self.clock()

    def allows(self, seconds: float, what: str) -> bool:
        """Whether there is time for `seconds` more; if not, `what` is noted as left out."""
        if self.left() >= seconds:
            return True
        self.leave_out(what)
        return False

    def leave_out(self, *what: str) -> None:
        """Note what was left out, once each."""
        self.left_out += [each for each in what if each not in self.left_out]

    def notes(self) -> dict[str, Any]:
        """For `Forecast.notes`: nothing without a limit."""
        return {"budget_s": self.seconds, "left_out": list(self.left_out)} if self.limited else {}


def ladder(whole: Plan) -> Iterator[Plan]:
    """The whole plan, then ever less of it; the last rung is the least that is still an answer."""
    yield whole
    plan = whole
    if plan.origins > FEWER_ORIGINS:
        plan = _less(plan, f"origins beyond the newest {FEWER_ORIGINS}", origins=FEWER_ORIGINS)
        yield plan
    if plan.tune:
        plan = _less(plan, "search for tree settings", tune=False)
        yield plan
    if plan.tree:
        plan = _less(plan, "lightgbm", tree=False, tune=False)
        yield plan
    for cost in (3, 2):
        if dear := [method.name for method in plan.methods if method.cost >= cost]:
            plan = _less(plan, *dear, methods=tuple(m for m in plan.methods if m.name not in dear))
            yield plan
    yield least(plan)


def least(plan: Plan) -> Plan:
    """The last rung: naive and moving averages, two origins."""
    others = [method.name for method in plan.methods if method.name not in CHEAPEST]
    if plan.tree:
        others.append("lightgbm")
    if plan.origins > FEWEST_ORIGINS:
        others.append(f"origins beyond the newest {FEWEST_ORIGINS}")
    kept = tuple(method for method in plan.methods if method.name in CHEAPEST)
    origins = min(plan.origins, FEWEST_ORIGINS)
    return _less(plan, *others, methods=kept, origins=origins, tree=False, tune=False)


def affordable(whole: Plan, seconds: float, costs: Costs, trees: int, tuned_trees: int) -> Plan:
    """The first rung of the ladder that fits into USED_SHARE of the seconds, or the last."""
    rung = whole
    for rung in ladder(whole):
        if rung.seconds(costs, trees, tuned_trees) <= USED_SHARE * seconds:
            break
    return rung


def _less(plan: Plan, *what: str, **changes: Any) -> Plan:
    known = [each for each in plan.left_out if not (each.startswith("origins") and "origins" in changes)]
    return replace(plan, left_out=(*known, *(each for each in what if each not in known)), **changes)
