"""Is the advice to keep, repair, resell or retire right in dollars, and does the date move the way quality and prices do?"""

from dataclasses import replace
from datetime import date
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfid3_quality.decisions import inspection, priors, replacement, verdict_words, views, worth
from rfid3_quality.decisions.amounts import Amount, Basis, amount, missing
from rfid3_quality.decisions.opportunities import REMEDIES, opportunities
from rfid3_quality.decisions.outcome import NEW_YEARS, OLD_YEARS
from rfid3_quality.decisions.replacement import Items
from rfid3_quality.decisions.score_path import ScorePath, scores_on
from rfid3_shared.errors import InvalidParameters

DAYS = np.array([0.0, 30.0, 90.0, 180.0, 365.0])
PACE = np.array([[0.12 / 365]])
"""Score that a new one, as below, loses a day."""
REPAIR, REPLACE = (REMEDIES.index(name) for name in ("repair", "replace"))
falls = st.lists(st.floats(0, 0.3), min_size=5, max_size=5)


def path(score: list[list[float]], spread: float = 0.0) -> ScorePath:
    mean = np.array(score)
    return ScorePath(DAYS, mean, np.clip(mean - spread, 0, 1), np.clip(mean + spread, 0, 1))


def items(score: ScorePath, **changed: Amount | ScorePath) -> Items:
    """Tables of $100, rented 36 days a year at $8; everything else as measured without error, unless changed."""
    n = len(score.mean)
    given = {
        "price_usd": 100.0, "day_rate_usd": 8.0, "turns_per_day": 0.1, "repair_usd": 20.0, "repairs_a_year": 0.2, "repair_lift": 0.2,
        "resale_ratio": 0.5, "price_effect": 0.25,
    }  # fmt: skip
    amounts = {name: amount(np.full(n, value)) for name, value in given.items()}
    return Items(**{"score": score, "new": path([[1.0, 0.99, 0.97, 0.94, 0.88]]), **amounts, **changed})  # type: ignore[arg-type]


def drawn(rng: np.random.Generator, n: int) -> Items:
    """Items that differ in everything, some inputs missing here and there."""

    def some(low: float, high: float) -> Amount:
        value = rng.uniform(low, high, n)
        return amount(
            np.where(rng.random(n) < 0.8, value, np.nan), value * rng.uniform(0.5, 1, n), value * rng.uniform(1, 2, n)
        )

    old, new = (np.sort(rng.uniform(0, 1, (n, 5)))[:, ::-1] for _ in range(2))
    return Items(
        path(old.tolist(), 0.05), path(new.tolist(), 0.02), some(10, 500), some(1, 40), some(0, 0.5), some(1, 100), some(0.01, 1),
        some(0.05, 0.4), some(0.2, 0.8), some(0, 1),
    )  # fmt: skip


def everything(given: Items, by_grade: np.ndarray) -> list[np.ndarray]:
    """Every number that is said of items, an array of each."""
    found = replacement.judge(given)
    told = [*found.values_usd.values(), found.replace_after_days, found.market_value_usd, found.revenue_impact_usd]
    ends = [getattr(one, name) for one in told for name in ("value", "lower", "upper")]
    spending, payoffs = opportunities(given, found), inspection.payoffs(given, by_grade)
    looks = inspection.value_of_looking(np.full((len(payoffs), 11), 1 / 11), payoffs)
    return [
        *ends,
        found.best,
        found.replacement_confidence,
        found.new_pays,
        *vars(spending).values(),
        payoffs,
        *vars(looks).values(),
    ]


def date_of(given: Items) -> np.ndarray:
    return replacement.judge(given).replace_after_days.value


class TestDate:
    @given(falls, st.lists(st.floats(0, 0.5), min_size=5, max_size=5), st.floats(1, 400), st.floats(0.01, 0.5))
    def test_lower_quality_is_never_later(self, steps: list[float], lower: list[float], price: float, turns: float) -> None:
        """However two projections differ, the one that is nowhere better has no later date."""
        high = np.clip(1.0 - np.cumsum(steps), 0, 1)
        low = np.clip(high - np.array(lower), 0, 1)
        given = items(
            path([list(high), list(low)]), price_usd=amount(np.full(2, price)), turns_per_day=amount(np.full(2, turns))
        )
        better, worse = date_of(given)
        assert worse <= better

    @given(falls, st.floats(1, 400), st.floats(1, 5), st.floats(0.01, 0.5))
    def test_dearer_new_one_is_never_earlier(self, steps: list[float], price: float, times: float, turns: float) -> None:
        """A higher price of a new one, all else the same, never brings the date forward."""
        score = list(np.clip(1.0 - np.cumsum(steps), 0, 1))
        given = items(
            path([score, score]), price_usd=amount(np.array([price, price * times])), turns_per_day=amount(np.full(2, turns))
        )
        cheap, dear = date_of(given)
        assert dear >= cheap

    @pytest.mark.parametrize("price", [40.0, 100.0, 200.0])
    def test_is_the_cheapest_day_of_all(self, price: float) -> None:
        """Day by day over five years: old one's running costs until then, a new one's yearly cost after; none is cheaper."""
        given = items(path([[0.9, 0.87, 0.81, 0.72, 0.55]]), price_usd=amount(np.array([price])))
        point, _ = replacement._belief(given)
        rate = 0.08
        new_days = np.arange(0, 15 * 365.25)
        new = worth.running_usd_a_year(point, scores_on(DAYS, given.new.mean, new_days, PACE))[0] / 365.25
        worth_new = (1 + rate) ** (-new_days / 365.25)
        sold = worth.resale_usd(point, scores_on(DAYS, given.new.mean, new_days, PACE))[0]
        spent = price + np.cumsum(new * worth_new) - sold * worth_new
        yearly = (spent[90:] / np.cumsum(worth_new)[90:] * 365.25).min()
        days = np.arange(0, round(5 * 365.25))
        gone = (1 + rate) ** (-days / 365.25)
        running = worth.running_usd_a_year(point, scores_on(DAYS, given.score.mean, days.astype(float), PACE))[0]
        cost = np.cumsum((running - yearly) * gone)
        assert date_of(given)[0] == pytest.approx(int(np.argmin(cost)), abs=12)

    def test_none_within_five_years(self) -> None:
        """A good item in whose place a new one is dear is not replaced: no date, and the reason."""
        found = replacement.judge(items(path([[0.98] * 5]), price_usd=amount(np.array([400.0]))))
        assert verdict_words.optimal_replacement_date(found, 0, date(2025, 7, 1)) is None
        assert verdict_words.why_no_date(found, 0) == "not within five years"
        assert found.replacement_confidence[0] < 0.5

    def test_nothing_new_for_an_item_nobody_rents(self) -> None:
        """Never rented: a new one would not earn its price, so there is no date however worn it is, and no place is filled."""
        found = replacement.judge(items(path([[0.2, 0.1, 0.0, 0.0, 0.0]]), turns_per_day=amount(np.zeros(1))))
        assert np.isinf(found.replace_after_days.value[0])
        assert "would not earn" in str(verdict_words.why_no_date(found, 0))
        assert found.values_usd["retire"].value[0] == 0.0
        assert found.revenue_impact_usd.value[0] == 0.0
        assert verdict_words.best_option(found, 0) == "resell"

    def test_wider_score_widens_the_date(self) -> None:
        """The date's ends come from the projection's: the lower one is earlier, the upper one later."""
        found = replacement.judge(items(path([[0.8, 0.77, 0.71, 0.62, 0.45]], spread=0.05)))
        middle = found.replace_after_days
        assert middle.lower[0] < middle.value[0] < middle.upper[0]


class TestOptions:
    def test_worth_of_each_option_adds_up(self) -> None:
        """Present values, recomputed month by month on paper's terms: what is earned, what the sale brings, what a new one earns on."""
        given = items(path([[0.7, 0.68, 0.64, 0.58, 0.46]]))
        found = replacement.judge(given)
        point, _ = replacement._belief(given)
        fine = np.linspace(0, 5, 50_001)
        score = scores_on(DAYS, given.score.mean, fine * 365.25, PACE)
        gone = 1.08**-fine
        net = point.revenue_a_year_usd - worth.running_usd_a_year(point, score)
        earned = np.concatenate([[0.0], np.cumsum((net[0, 1:] * gone[1:] + net[0, :-1] * gone[:-1]) / 2 * np.diff(fine))])
        gain = float(found.values_usd["retire"].value[0]) / ((1 - 1.08**-5) / np.log(1.08))  # what a new one earns a year
        later = gain * (gone - gone[-1]) / np.log(1.08)
        kept = earned + worth.resale_usd(point, score)[0] * gone + later
        assert found.values_usd["keep"].value[0] == pytest.approx(kept[fine >= 1 / 12].max(), rel=2e-3)
        market = found.market_value_usd.value[0]
        assert market == pytest.approx(100 * 0.5 * (0.7 - 0.1) / 0.9)
        assert found.values_usd["resell"].value[0] == pytest.approx(found.values_usd["retire"].value[0] + market)

    @pytest.mark.parametrize(
        ("option", "score", "changed"),
        [
            ("keep", 0.95, {}),
            ("repair", 0.4, {"repair_usd": 5.0, "repair_lift": 0.5, "price_usd": 200.0}),
            ("resell", 0.9, {"turns_per_day": 0.0005}),
            ("retire", 0.05, {"repair_lift": 0.0}),
        ],
    )
    def test_each_is_best_where_it_should_be(self, option: str, score: float, changed: dict[str, float]) -> None:
        """A good busy item stays, a cheap repair that lifts much is done, what nobody rents is sold, scrap goes."""
        given = items(path([[score] * 5]), **{name: amount(np.array([value])) for name, value in changed.items()})
        assert verdict_words.best_option(replacement.judge(given), 0) == option

    @given(st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3), st.floats(0.0, 0.2))
    def test_intervals_hold_the_value(self, scores: list[float], spread: float) -> None:
        """Lower ≤ value ≤ upper for every option; with everything known exactly but beliefs, wider scores are no narrower."""
        narrow = replacement.judge(items(path([[s] * 5 for s in scores])))
        wide = replacement.judge(items(path([[s] * 5 for s in scores], spread)))
        for name in replacement.OPTIONS:
            one, other = narrow.values_usd[name], wide.values_usd[name]
            assert (one.lower <= one.value).all()
            assert (one.value <= one.upper).all()
            assert (other.upper - other.lower >= one.upper - one.lower - 1e-9).all()
        assert ((wide.replacement_confidence >= 0) & (wide.replacement_confidence <= 1)).all()

    def test_interval_agrees_with_drawing_the_inputs(self) -> None:
        """Inputs drawn from their intervals: the 80 % interval of each option covers 80 % of what follows, within a few points."""
        rng = np.random.default_rng(5)
        base = items(path([[0.7, 0.68, 0.64, 0.58, 0.46]], spread=0.04))
        wide = {
            name: amount(*(np.array([v * k]) for k in (1.0, 0.8, 1.2)))
            for name, v in [("price_usd", 100.0), ("turns_per_day", 0.1)]
        }
        found = replacement.judge(replace(base, **wide))
        draws = 1500
        z = rng.normal(size=(2, draws)) * 0.2 / 1.2816
        shift = rng.normal(size=(draws, 1)) * 0.04 / 1.2816
        many = items(
            path((base.score.mean + shift).clip(0, 1).tolist()),
            price_usd=amount(100.0 * (1 + z[0])), turns_per_day=amount(0.1 * (1 + z[1])),
        )  # fmt: skip
        point, _ = replacement._belief(many)
        beliefs = {"refusal_score": priors.REFUSAL_SCORE, "repair_growth": priors.REPAIR_GROWTH}
        drawn = {n: rng.normal(p.value, (p.upper - p.lower) / 2.5631, (draws, 1)) for n, p in beliefs.items()}
        old, new = (scores_on(DAYS, s, y * 365.25, PACE) for s, y in ((many.score.mean, OLD_YEARS), (many.new.mean, NEW_YEARS)))
        every = replacement.follow(replace(point, **drawn), old, new, 0.08).options
        for k, name in enumerate(replacement.OPTIONS):
            inside = (every[:, k] >= found.values_usd[name].lower) & (every[:, k] <= found.values_usd[name].upper)
            assert inside.mean() == pytest.approx(0.8, abs=0.05)
        outcome = replacement.follow(replace(point, **drawn), old, new, 0.08)
        then = np.full(draws, found.replace_after_days.value[0])
        pays = (outcome.row(then)[:, 6:] > 0).all(axis=1)
        assert found.replacement_confidence[0] == pytest.approx(pays.mean(), abs=0.08)

    @given(st.integers(0, 2**32 - 1), st.sampled_from([1, 2, 3, 64]))
    @settings(max_examples=6)
    def test_many_equal_one_by_one(self, seed: int, at_once: int) -> None:
        """Items of every kind, gaps included, get alone, in blocks of any size, and whichever way views are followed, the same digits."""
        rng = np.random.default_rng(seed)
        given, by_grade = drawn(rng, n := 5), rng.uniform(0, 1, (n, 11, 5))
        together = everything(given, by_grade)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(replacement, "ITEMS_AT_ONCE", at_once)
            patch.setattr(views, "FEW_ITEMS", 0)
            in_blocks = everything(given, by_grade)
        alone = [everything(given.take(slice(k, k + 1)), by_grade[k : k + 1]) for k in range(n)]

        for k, column in enumerate(together):
            assert np.array_equal(column, in_blocks[k], equal_nan=True)
            assert np.array_equal(column, np.concatenate([one[k] for one in alone]), equal_nan=True)

    @pytest.mark.parametrize("discount", [-0.1, 1.5, float("nan")])
    def test_refuses_a_discount_outside(self, discount: float) -> None:
        """Interest below nothing or above 100 % is a caller's fault."""
        with pytest.raises(InvalidParameters):
            replacement.judge(items(path([[0.5] * 5])), discount)


class TestWords:
    def test_no_price_no_dollars(self) -> None:
        """Without a price nothing is said in dollars: no date, no chance, and what is missing by name; others are not touched."""
        given = items(path([[0.5] * 5, [0.5] * 5]), price_usd=amount(np.array([np.nan, 100.0])), repair_usd=missing(2))
        found = replacement.judge(given)
        said = verdict_words.cost_benefit_analysis(found, 0)
        assert (said["current_market_value"], said["replacement_cost"], said["best_option"]) == (None, None, None)
        assert all(option == {"value": None, "interval": [None, None]} for option in said["options"].values())
        assert said["missing"] == ["price_usd"]
        assert said["basis"]["price_usd"] == "missing"
        assert verdict_words.optimal_replacement_date(found, 0, date(2025, 7, 1)) is None
        assert verdict_words.replacement_confidence(found, 0) is None
        assert verdict_words.why_no_date(found, 0) == "missing: price_usd"
        assert verdict_words.cost_benefit_analysis(found, 1)["replacement_cost"] == Decimal("100.00")

    def test_says_where_each_input_comes_from(self) -> None:
        """Measured, pooled and stated inputs are told apart, and every prior used is shown with its numbers."""
        lift = amount(np.array([0.2]), np.array([0.1]), np.array([0.3]), Basis.POOLED)
        said = verdict_words.cost_benefit_analysis(
            replacement.judge(items(path([[0.5] * 5]), repair_usd=missing(1), repair_lift=lift)), 0
        )
        basis = said["basis"]
        assert (basis["price_usd"], basis["repair_lift"], basis["repair_usd"]) == ("measured", "pooled", "stated prior")
        assert set(said["priors"]) == {"repair_usd", "refusal_score", "repair_growth"}
        assert said["priors"]["repair_usd"]["upper"] == priors.REPAIR_PRICE_RATIO.upper
        assert said["current_market_value"].as_tuple().exponent == -2

    def test_a_date_is_a_day_from_today(self) -> None:
        """Days from now become a date; a worn, busy item is due today."""
        found = replacement.judge(items(path([[0.1] * 5]), turns_per_day=amount(np.array([0.5]))))
        assert verdict_words.optimal_replacement_date(found, 0, date(2025, 7, 1)) == date(2025, 7, 1)
        assert verdict_words.why_no_date(found, 0) is None
        assert found.replacement_confidence[0] > 0.8


class TestOpportunities:
    def test_are_what_the_verdicts_say(self) -> None:
        """With dollars known: the action worth more, its cost, and benefit less cost = gain over keeping; without, none."""
        scores = [[0.95] * 5, [0.5, 0.5, 0.49, 0.48, 0.45], [0.1] * 5, [0.3] * 5]
        price = amount(np.array([200.0, 200.0, 200.0, np.nan]))
        given = items(path(scores), price_usd=price, repair_usd=amount(np.full(4, 5.0)), turns_per_day=amount(np.full(4, 0.3)))
        found = replacement.judge(given)
        listed = opportunities(given, found)
        value = {name: worth.value for name, worth in found.values_usd.items()}
        net = (listed.benefit_cents - listed.cost_cents) / 100

        assert [int(place) for place in listed.remedy] == [REPAIR, REPAIR, REPLACE, -1]
        assert list(listed.cost_cents) == [500, 500, 20_000, 0]
        assert net[1] == pytest.approx(value["repair"][1] - value["keep"][1], abs=0.01)
        assert net[2] == pytest.approx(value["resell"][2] - value["keep"][2], abs=0.01)
        assert listed.score_gain[:3] == pytest.approx([0.05, 0.2, 0.9])
        assert listed.score[:3] == pytest.approx([0.95, 0.5, 0.1])
        assert 0 < listed.life_months[1] < listed.life_months[2]
        assert np.isnan([listed.score_gain[3], listed.score[3], listed.life_months[3]]).all()

    def test_a_new_ones_days_may_be_others(self) -> None:
        """What a new one lasts is the same whether its path is told on the item's days or on more of them along the same line."""
        given = items(path([[0.1] * 5]), new=path([[1.0, 0.99, 0.97, 0.94, 0.88]]), turns_per_day=amount(np.array([0.3])))
        finer = np.array([0.0, 30.0, 60.0, 90.0, 180.0, 365.0])
        told = np.interp(finer, DAYS, given.new.mean[0])[None]
        other = replace(given, new=ScorePath(finer, told, told, told))

        same, anew = (opportunities(each, replacement.judge(each)).life_months for each in (given, other))
        assert same == pytest.approx(anew)

    def test_nobody_rents_it(self) -> None:
        """What nobody rents is not replaced; its repair's benefit is below its cost."""
        given = items(path([[0.3] * 5]), turns_per_day=amount(np.zeros(1)))
        listed = opportunities(given, replacement.judge(given))
        assert list(listed.remedy) == [REPAIR]
        assert listed.benefit_cents[0] < listed.cost_cents[0]


class TestWorth:
    @given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 2), st.floats(0, 3))
    def test_better_is_never_worth_less(self, one: float, other: float, effect: float, growth: float) -> None:
        """More score: no less revenue, no less resale, no dearer year."""
        columns = [np.array([[v]]) for v in (100.0, 300.0, effect, 0.25, 0.1, growth, 20.0, 0.2, 0.5)]
        score = np.array([sorted([one, other])])
        point = worth.Point(*columns)
        assert np.diff(worth.earning_ratio(point, score))[0, 0] >= 0
        assert np.diff(worth.resale_usd(point, score))[0, 0] >= 0
        assert np.diff(worth.running_usd_a_year(point, score))[0, 0] <= 1e-12

    def test_repairs_as_new_turns_the_growth_back(self) -> None:
        """The rate seen at a score, taken back to as good as new, grows to the rate seen."""
        rate = float(worth.repairs_as_new(np.array([2.0]), np.array([0.4]))[0])
        growth = priors.REPAIR_GROWTH.value
        point = worth.Point(*(np.array([[v]]) for v in (0.0, 0.0, 0.0, 0.25, rate, growth, 1.0, 0.0, 0.5)))
        assert worth.running_usd_a_year(point, np.array([[0.4]]))[0, 0] == pytest.approx(2.0)
