"""Does the budget do the most good it can, and does every cent add up?"""

from decimal import Decimal
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_quality.decisions import budget
from rfid3_quality.decisions.budget import Opportunity
from rfid3_quality.decisions.knapsack import solve
from rfid3_quality.decisions.money import cents_of, rounded_usd, usd_of
from rfid3_shared.errors import InvalidParameters

numbers = st.lists(st.tuples(st.integers(0, 60), st.integers(-5, 60)), max_size=11)


def best_of_all(cost: np.ndarray, gain: np.ndarray, room: int) -> int:
    """The greatest gain of any subset within the room: all of them are tried."""
    if not len(cost):
        return 0
    taken = np.array(list(product([0, 1], repeat=len(cost))))
    return int((taken @ gain)[taken @ cost <= room].max())


def by_cents(cost: np.ndarray, gain: np.ndarray, room: int) -> int:
    """The greatest gain by dynamic programming over every cent."""
    best = np.zeros(room + 1, dtype=np.int64)
    for c, g in zip(cost, gain, strict=True):
        if c <= room and g > 0:
            best[c:] = np.maximum(best[c:], best[: room + 1 - c] + g)
    return int(best[room])


def opportunity(n: int, cost: int, benefit: int, gain: float = 0.1, action: str = "repair", items: int = 1) -> Opportunity:
    return Opportunity(f"T{n}", "Tents", action, items, cost, benefit, gain, 0.5, life_months=6.0)


class TestSolve:
    @given(numbers, st.integers(0, 250))
    def test_equals_trying_every_subset(self, pairs: list[tuple[int, int]], room: int) -> None:
        """Exact for anything small: costs of nothing, benefits below nothing, no room at all."""
        cost, gain = np.array([c for c, _ in pairs], dtype=np.int64), np.array([g for _, g in pairs], dtype=np.int64)
        choice = solve(cost, gain, room)
        assert choice.optimal
        assert choice.cost == cost[choice.chosen].sum() <= room
        assert choice.benefit == gain[choice.chosen].sum() == best_of_all(cost, gain, room)

    @pytest.mark.parametrize("kind", ["unrelated", "in proportion", "a fixed gain more", "near", "even costs, odd room"])
    def test_equals_dynamic_programming_over_cents(self, kind: str) -> None:
        """Exact for hundreds, also where every dollar does the same good and the greedy choice has no order to follow."""
        rng = np.random.default_rng(7)
        for _ in range(4):
            cost = rng.integers(50, 4000, 200)
            room = 20_001
            gain = {
                "unrelated": rng.integers(50, 4000, 200),
                "in proportion": cost,
                "a fixed gain more": cost + 300,
                "near": cost + rng.integers(-12, 12, 200),
                "even costs, odd room": cost * 2,
            }[kind]
            cost = cost * 2 if kind == "even costs, odd room" else cost
            choice = solve(cost, gain, room)
            assert choice.optimal
            assert choice.cost <= room
            assert choice.benefit == gain[choice.chosen].sum() == by_cents(cost, gain, room)

    def test_agrees_with_an_integer_programme(self) -> None:
        """Thousands of opportunities in dollars and cents: HiGHS, with no gap allowed, finds nothing better."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        rng = np.random.default_rng(3)
        cost = rng.integers(500, 200_000, 3000)
        gain = np.round(cost * rng.lognormal(0, 0.4, 3000)).astype(np.int64)
        choice = solve(cost, gain, 5_000_00)
        rows = LinearConstraint(cost[None].astype(float), ub=5_000_00.0)
        found = milp(-gain.astype(float), constraints=rows, integrality=1, bounds=Bounds(0, 1), options={"mip_rel_gap": 0.0})
        assert choice.optimal
        assert choice.benefit == round(-found.fun)

    def test_says_when_it_is_not_proved(self) -> None:
        """Out of states, it answers with something that fits and a bound that holds."""
        rng = np.random.default_rng(1)
        cost = rng.integers(1000, 9000, 60) * 10 + 1
        full = solve(cost, cost + 5000, 100_007)
        short = solve(cost, cost + 5000, 100_007, most_states=3)
        assert full.optimal
        assert short.cost <= 100_007
        assert short.benefit <= full.benefit <= short.bound

    def test_sums_beyond_what_a_float_holds(self) -> None:
        """Benefits above 2⁵³, one unit apart, are told apart."""
        far = 2**55
        assert list(solve(np.array([5, 5]), np.array([far, far + 1]), 5).chosen) == [False, True]


class TestPlan:
    @given(
        st.lists(st.tuples(st.integers(0, 300), st.integers(-50, 900), st.sampled_from(sorted(budget.LINES))), max_size=8),
        st.integers(0, 1500), st.integers(0, 400), st.sampled_from(["roi", "quality_impact", "cost"]),
    )  # fmt: skip
    def test_allocation_adds_up_to_the_cent(
        self, given: list[tuple[int, int, str]], total: int, reserve: int, priority: budget.Priority
    ) -> None:
        """The three lines are the budget; lines hold what was chosen; the reserve asked for stays whenever there is one."""
        found = budget.plan([opportunity(n, c, b, action=a) for n, (c, b, a) in enumerate(given)], total, priority, reserve)
        lines = budget.allocation_usd(found)
        assert sum(lines.values()) == usd_of(total)
        assert all(amount >= 0 and amount.as_tuple().exponent == -2 for amount in lines.values())
        assert found.allocation_cents["emergency_reserve"] >= min(reserve, total)
        for line in ("preventive_maintenance", "quality_improvements"):
            assert found.allocation_cents[line] == sum(o.cost_cents for o in found.chosen if budget.LINES[o.action] == line)

    @given(st.lists(st.tuples(st.integers(0, 300), st.integers(1, 5)), min_size=1, max_size=8), st.integers(0, 900))
    def test_by_cost_treats_most_items_for_least(self, given: list[tuple[int, int]], total: int) -> None:
        """Priority cost: no choice treats more items, and none treats as many for less."""
        found = budget.plan([opportunity(n, c, 0, items=k) for n, (c, k) in enumerate(given)], total, "cost")
        every = []
        for take in product([False, True], repeat=len(given)):
            taken = [pair for pair, yes in zip(given, take, strict=True) if yes]
            every.append((sum(k for _, k in taken), -sum(c for c, _ in taken)))
        assert (sum(o.items for o in found.chosen), -found.spent_cents) == max(pair for pair in every if -pair[1] <= total)

    def test_each_priority_serves_its_own_end(self) -> None:
        """One budget, three ends: most dollars, most score, most items."""
        rich, good = opportunity(1, 1000, 9000, 0.1), opportunity(2, 1000, 1100, 0.9)
        many = opportunity(3, 1000, 1050, 0.01, items=9)
        ends = {"roi": rich, "quality_impact": good, "cost": many}
        for priority, expected in ends.items():
            assert budget.plan([rich, good, many], 1000, priority).chosen == [expected]  # type: ignore[arg-type]

    def test_nothing_is_bought_that_does_not_pay(self) -> None:
        """Money for everything: what brings less than it costs is left, and the rest of the money stays in reserve."""
        found = budget.plan([opportunity(1, 1000, 999), opportunity(2, 500, 2000)], 10**9)
        assert [o.key for o in found.chosen] == ["T2"]
        assert found.allocation_cents["emergency_reserve"] == 10**9 - 500

    @pytest.mark.parametrize("total", [0, 99])
    def test_no_money_or_too_little(self, total: int) -> None:
        """Nothing fits: nothing is chosen, everything is reserve, and no mean is taken over nothing."""
        found = budget.plan([opportunity(1, 100, 9000)], total)
        assert (found.chosen, found.spent_cents, found.avg_quality_improvement) == ([], 0, 0.0)
        assert found.allocation_cents["emergency_reserve"] == total

    def test_outcomes_are_means_over_items(self) -> None:
        """A group counts as many times as it has items."""
        found = budget.plan([opportunity(1, 10, 500, 0.4, items=3), opportunity(2, 10, 500, 0.0, items=1)], 100)
        assert found.avg_quality_improvement == pytest.approx(0.3)
        assert found.extended_lifecycle_months == pytest.approx(6.0)

    @pytest.mark.parametrize("fault", [{"budget_cents": -1}, {"reserve_cents": -1}, {"action": "paint"}, {"cost": -5}])
    def test_refuses_what_makes_no_sense(self, fault: dict[str, object]) -> None:
        """Negative money and actions that no line pays for are the caller's faults, and named."""
        one = opportunity(1, int(fault.get("cost", 5)), 9, action=str(fault.get("action", "repair")))
        with pytest.raises(InvalidParameters):
            budget.plan([one], int(fault.get("budget_cents", 10)), reserve_cents=int(fault.get("reserve_cents", 0)))


class TestGrouped:
    def test_adds_up(self) -> None:
        """Categories and actions together: cost, benefit and items add up; scores are means over items."""
        some = [opportunity(1, 100, 500, 0.2, items=3), opportunity(2, 50, 100, 0.6), opportunity(3, 7, 9, action="clean")]
        first, second = budget.grouped(some)
        assert (first.key, first.items, first.cost_cents, first.benefit_cents) == ("Tents/repair", 4, 150, 600)
        assert first.score_gain == pytest.approx(0.3)
        assert second.action == "clean"

    def test_return_and_payback(self) -> None:
        """$100 that bring $300 in a year: $2 a dollar, back after four months; what brings nothing never pays back."""
        one = opportunity(1, 100_00, 300_00)
        assert (budget.roi_estimate(one), budget.payback_months(one)) == (pytest.approx(2.0), pytest.approx(4.0))
        assert budget.payback_months(opportunity(1, 100, 0)) is None
        assert (budget.roi_estimate(opportunity(1, 0, 5)), budget.payback_months(opportunity(1, 0, 5))) == (None, 0.0)


class TestMoney:
    @given(st.integers(0, 10**12))
    def test_there_and_back(self, cents: int) -> None:
        """Cents to dollars to cents is the identity, also by way of the printed number."""
        assert cents_of(usd_of(cents)) == cents == cents_of(str(usd_of(cents)))

    def test_rounds_half_up_and_reads_floats_as_printed(self) -> None:
        """0.005 is a cent, 1.005 is 1.01 although the float lies below it."""
        assert (cents_of(0.005), cents_of(1.005), cents_of(Decimal("2.004"))) == (1, 101, 200)
        assert (rounded_usd(-1.005), rounded_usd(float("nan"))) == (Decimal("-1.01"), None)

    @pytest.mark.parametrize("wrong", ["ten", float("nan"), float("inf"), -0.01, 1e11])
    def test_refuses_what_is_no_amount(self, wrong: object) -> None:
        """No number, no negative amount, none beyond what sums can hold."""
        with pytest.raises(InvalidParameters):
            cents_of(wrong)  # type: ignore[arg-type]
