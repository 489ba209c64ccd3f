"""Is a time budget kept, and are the dear things left out first?"""

import itertools
from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_demand.model import Panel, fit_forecast
from rfid3_demand.model.budget import CHEAPEST, USED_SHARE, Budget, Costs, Plan, affordable, ladder
from rfid3_demand.model.method import Method
from rfid3_shared.series import parse_frequency

METHODS = (
    Method("seasonal_naive", lambda past: None),
    Method("moving_average_4", lambda past: None),
    Method("ets", lambda past: None),
    Method("holt_winters", lambda past: None, cost=2),
    Method("regression", lambda past: None, cost=3),
)
WHOLE = Plan(METHODS, origins=5, tune=True, tree=True)
COSTS = Costs({method.name: float(method.cost) for method in METHODS}, tree=10.0, tree_origin=1.0, rest=2.0)


class Ticking:
    """A clock that moves on by the same step each time it is read."""

    def __init__(self, step_s: float) -> None:
        self.now, self.step_s = 0.0, step_s

    def __call__(self) -> float:
        self.now += self.step_s
        return self.now


def panel() -> Panel:
    """Six series of counts over forty-five weeks."""
    weeks = np.arange(45)
    y = np.round(5 + 4 * np.sin(weeks / 6 + np.arange(6)[:, None]) + (weeks * 7 + np.arange(6)[:, None] * 5) % 4)
    dates = tuple(date(2024, 1, 1) + timedelta(weeks=int(week)) for week in weeks)
    return Panel(tuple(f"s{k}" for k in range(6)), dates, np.maximum(y, 0.0), parse_frequency("W-MON"), 52)


class TestLadder:
    def test_every_rung_costs_less_than_the_one_before(self) -> None:
        """Each sacrifice saves time, and none is taken back."""
        rungs = list(ladder(WHOLE))
        seconds = [rung.seconds(COSTS, trees=2, tuned_trees=3) for rung in rungs]
        assert all(after < before for before, after in itertools.pairwise(seconds))
        for before, after in itertools.pairwise(rungs):
            assert set(after.methods) <= set(before.methods)

    def test_the_order_of_sacrifices(self) -> None:
        """Origins, then tuning, then the tree, then methods of cost 3, of cost 2, then all but naive and averages."""
        rungs = list(ladder(WHOLE))
        assert [rung.origins for rung in rungs] == [5, 3, 3, 3, 3, 3, 2]
        assert [rung.tune for rung in rungs] == [True, True, False, False, False, False, False]
        assert [rung.tree for rung in rungs] == [True, True, True, False, False, False, False]
        assert [max(method.cost for method in rung.methods) for rung in rungs] == [3, 3, 3, 3, 2, 1, 1]
        assert {method.name for method in rungs[-1].methods} <= set(CHEAPEST)

    def test_what_is_left_out_is_named(self) -> None:
        """The last rung names everything that is missing, once."""
        last = list(ladder(WHOLE))[-1]
        assert {"lightgbm", "ets", "holt_winters", "regression", "search for tree settings"} <= set(last.left_out)
        assert len(set(last.left_out)) == len(last.left_out)
        assert next(iter(ladder(WHOLE))).left_out == ()


class TestAffordable:
    @given(st.floats(0.0, 500.0))
    def test_fits_or_is_the_least(self, seconds: float) -> None:
        """The plan takes at most its share of the time, unless it is the last rung; and no richer rung would have fitted."""
        chosen = affordable(WHOLE, seconds, COSTS, 2, 3)
        rungs = list(ladder(WHOLE))
        at = rungs.index(chosen)
        assert at == len(rungs) - 1 or chosen.seconds(COSTS, 2, 3) <= USED_SHARE * seconds
        assert all(rung.seconds(COSTS, 2, 3) > USED_SHARE * seconds for rung in rungs[:at])

    def test_seconds_by_hand(self) -> None:
        """Five origins and the forecast, methods of 1+1+1+2+3 s, asking the tree 1 s; 2+1+3 trees of 10 s; 2 s for the rest."""
        assert WHOLE.seconds(COSTS, trees=2, tuned_trees=3) == 6 * 8 + 6 * 1 + 6 * 10 + 2


class TestBudget:
    def test_without_a_limit_the_clock_is_never_read(self) -> None:
        """Nothing that depends on time can enter a forecast without a budget."""

        def unreadable() -> float:
            raise AssertionError("the clock was read")

        budget = Budget(None, unreadable)
        assert budget.allows(1e9, "anything")
        assert budget.notes() == {}

    def test_says_once_what_was_left_out(self) -> None:
        """What does not fit is refused and noted, however often it is asked for."""
        budget = Budget(10.0, Ticking(1.0))
        assert budget.allows(5.0, "early")
        assert not budget.allows(9.0, "late")
        assert not budget.allows(9.0, "late")
        assert budget.notes() == {"budget_s": 10.0, "left_out": ["late"]}


class TestFitForecast:
    def test_no_time_at_all_still_gives_a_whole_answer(self) -> None:
        """Naive and moving averages with intervals and causes, and the notes say what is missing."""
        said = fit_forecast(panel(), 6, budget_s=0.01, clock=Ticking(0.5), ensemble_only=True)
        ensemble = said.variants["ensemble"]
        assert np.isfinite(ensemble.quantiles).all()
        assert (np.diff(ensemble.quantiles, axis=2) >= 0).all()
        assert set(ensemble.weights) <= set(CHEAPEST)
        assert said.booster_text is None
        assert said.notes["budget_s"] == 0.01
        assert {"lightgbm", "ets", "theta"} <= set(said.notes["left_out"])
        total = sum(part.astype(float) for part in said.contributions.values())
        assert np.allclose(total, ensemble.mean, rtol=1e-3, atol=1e-3)

    def test_the_same_readings_give_the_same_forecast(self) -> None:
        """The clock decides, and nothing else does: equal readings, equal bytes."""
        one, other = [fit_forecast(panel(), 6, budget_s=1.0, clock=Ticking(0.01), ensemble_only=True) for _ in range(2)]
        assert one.variants["ensemble"].quantiles.tobytes() == other.variants["ensemble"].quantiles.tobytes()
        assert one.notes == other.notes

    def test_time_in_plenty_leaves_nothing_out(self) -> None:
        """With an hour on a standing clock the forecast is that of no budget at all."""
        limited = fit_forecast(panel(), 6, budget_s=3600.0, clock=lambda: 0.0, ensemble_only=True)
        free = fit_forecast(panel(), 6, ensemble_only=True)
        assert limited.notes["left_out"] == []
        assert limited.variants["ensemble"].quantiles.tobytes() == free.variants["ensemble"].quantiles.tobytes()

    @pytest.mark.parametrize("step_s", [0.02, 0.2])
    def test_a_clock_that_runs_away_ends_the_back_test_early(self, step_s: float) -> None:
        """Whatever the readings say, there is a forecast with intervals and at least one origin behind it."""
        said = fit_forecast(panel(), 6, budget_s=4.0, clock=Ticking(step_s), ensemble_only=True)
        assert said.backtest["cutoff"].n_unique() >= 1
        assert np.isfinite(said.variants["ensemble"].quantiles).all()
