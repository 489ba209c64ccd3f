"""Are a budget's totals exact, lists in order, and filters helpful?"""

import httpx
import numpy as np
import pytest
from qualitylife import QUALITY

from rfid3_quality import recommendations
from rfid3_quality.fleet import Judgements
from rfid3_quality.schemas.fleet import InspectionsAnswer, OptimizationAnswer, PriceEffectAnswer, ReplacementsAnswer
from rfid3_quality.snapshot import ACTIONS, Snapshot

pytestmark = pytest.mark.xdist_group("learned quality")


async def ask(client: httpx.AsyncClient, path: str) -> dict:
    response = await client.get(f"{QUALITY}/{path}")
    assert response.status_code == 200, response.text
    return response.json()["data"]


class TestOptimization:
    @pytest.mark.parametrize("priority", ["roi", "quality_impact", "cost"])
    async def test_totals_are_exact(self, client: httpx.AsyncClient, priority: str) -> None:
        """The allocation adds up to the budget, and its lines to what the opportunities take, to the cent."""
        data = await ask(client, f"optimization?optimization_budget=1234.56&quality_threshold=0.9&priority={priority}")

        OptimizationAnswer.model_validate(data)
        lines = data["budget_allocation"]["recommended_allocation"]
        cents = {name: round(usd * 100) for name, usd in lines.items()}
        assert sum(cents.values()) == 123456
        for line in ("preventive_maintenance", "quality_improvements"):
            paid = [one for one in data["optimization_opportunities"] if one["budget_line"] == line]
            assert cents[line] == sum(round(one["investment_required"] * 100) for one in paid)
        assert data["items_treated"] == sum(one["items_affected"] for one in data["optimization_opportunities"]) > 0
        assert data["expected_outcomes"]["revenue_protection"] == pytest.approx(
            sum(one["benefit"] for one in data["optimization_opportunities"]), abs=0.01
        )
        assert data["optimal"]

    async def test_no_money_buys_nothing(self, client: httpx.AsyncClient) -> None:
        """A budget of 0 is allowed: every line is 0, and what would be worth it is named."""
        data = await ask(client, "optimization?optimization_budget=0")

        assert data["optimization_opportunities"] == []
        assert set(data["budget_allocation"]["recommended_allocation"].values()) == {0.0}

    async def test_more_money_never_does_less_good(self, snapshot: Snapshot) -> None:
        """What is gained beyond what is spent never falls with the budget, and no choice of the opportunities beats the best one."""
        gains = []
        for budget in (0, 5_000, 20_000, 100_000, 10**9):
            data = recommendations.spent(Judgements().fleet(snapshot, {}), None, 0.9, budget, "roi")
            spent = sum(one["investment_required"] for one in data["optimization_opportunities"])
            gains.append(data["expected_outcomes"]["revenue_protection"] - spent)
        worth = (snapshot.cents[:, 1] - snapshot.cents[:, 0])[(snapshot.action >= 0) & (snapshot.gains[:, 1] < 0.9)]

        assert gains == sorted(gains)
        assert gains[-1] == pytest.approx(worth[worth > 0].sum() / 100, abs=0.01)

    async def test_a_category_is_found_whatever_its_case(self, client: httpx.AsyncClient, snapshot: Snapshot) -> None:
        """A filter keeps its category alone; one misspelt is 404 with names that look alike; thresholds beyond 1 are refused."""
        name = snapshot.spec.categories[int(np.bincount(snapshot.codes[snapshot.action >= 0, 1]).argmax())]
        data = await ask(client, f"optimization?quality_threshold=1&category_filter={name.upper()}")
        wrong = await client.get(f"{QUALITY}/optimization?category_filter={name[:-1]}x")
        beyond = await client.get(f"{QUALITY}/optimization?quality_threshold=1.5")

        shown = data["optimization_opportunities"] + data["beyond_budget"]
        assert {one["category"] for one in shown} <= {name}
        assert (wrong.status_code, name in wrong.json()["error"]["details"]["suggestion"]) == (404, True)
        assert beyond.status_code == 422


class TestReplacements:
    async def test_pages_are_parts_of_one_order(self, client: httpx.AsyncClient) -> None:
        """Most dollars gained first; pages of two are the whole list; each is due within a year."""
        whole = await ask(client, "replacement-recommendations?limit=500")
        pages = [
            await ask(client, f"replacement-recommendations?limit=2&offset={offset}") for offset in range(0, whole["total"], 2)
        ]

        ReplacementsAnswer.model_validate(whole)
        assert [one for page in pages for one in page["recommendations"]] == whole["recommendations"]
        gains = [one["gain"] for one in whole["recommendations"]]
        assert gains == sorted(gains, reverse=True)
        assert whole["total"] == len(gains) > 0

    async def test_a_budget_is_kept(self, client: httpx.AsyncClient) -> None:
        """What is recommended costs no more than the budget; nothing for nothing."""
        some = await ask(client, "replacement-recommendations?budget=300")
        none = await ask(client, "replacement-recommendations?budget=0")

        assert some["total_cost"] <= 300
        assert sum(one["net_cost"] for one in some["recommendations"]) == pytest.approx(some["total_cost"], abs=0.05)
        assert none["total_cost"] == 0


class TestInspectionsAndPrice:
    async def test_looks_are_worth_what_they_cost(self, client: httpx.AsyncClient, snapshot: Snapshot) -> None:
        """Each look is worth more than its minutes cost, the best first; minutes bound the list."""
        fleet = Judgements().fleet(snapshot, {})
        rows = recommendations.looked_at(fleet, None, 500, np.inf, 0.001, 0.5)
        few = recommendations.looked_at(fleet, None, 500, 0.002, 0.001, 0.5)
        values = [one["value"] for one in rows]

        InspectionsAnswer.model_validate(await ask(client, "inspections?minutes=60"))
        assert values == sorted(values, reverse=True)
        assert len(few) == min(2, len(rows))

    async def test_the_price_effect_says_what_is_missing_or_how_sure_it_is(self, client: httpx.AsyncClient) -> None:
        """Either an effect with its interval, or what is missing."""
        data = await ask(client, "price-effect")

        PriceEffectAnswer.model_validate(data)
        assert (data["effect"] is None) == bool(data["missing"])
        if data["effect"]:
            assert data["effect"]["lower"] <= data["effect"]["value"] <= data["effect"]["upper"]

    def test_actions_are_known_to_the_budget(self, snapshot: Snapshot) -> None:
        """Every unit's action is one that a line of the budget pays for, and its money is known where it has one."""
        has = snapshot.action >= 0
        assert set(np.unique(snapshot.action[has])) <= set(range(len(ACTIONS)))
        assert (snapshot.cents[has, 0] >= 0).all()
        assert (snapshot.best[has] >= 0).all()
