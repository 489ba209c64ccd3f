"""Does the twin look like the real shop it imitates: sizes, shares, seasons, weekdays, contracts, refusals?

The figures are those counted in a real export (design notes, "What real data looks like").
"""

from collections import Counter
from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest

from rfid3_shared.twin.calendar import is_closed, season_flags
from rfid3_shared.twin.demand import Demand
from rfid3_shared.twin.popularity import class_sizes, quantity_location, rank_shares
from rfid3_shared.twin.scans import DELIVERY, PICKUP, RENTAL, RETURN, TOUCH
from rfid3_shared.twin.simulate import DayRecord, step
from rfid3_shared.twin.state import fresh_state
from rfid3_shared.twin.wear import LOSS, RETIREMENT
from rfid3_shared.twin.weather import simulate_weather
from rfid3_shared.twin.world import TwinSpec, World, build_world

START, DAYS = date(2025, 1, 1), 365


@pytest.fixture(scope="module")
def world() -> World:
    """A company of 5,000 tags."""
    return build_world(TwinSpec(seed=3, items=5000, start=START))


@pytest.fixture(scope="module")
def year(world: World) -> list[DayRecord]:
    """One year of its life."""
    demand, state = Demand(world, DAYS), fresh_state(world)
    return [step(demand, state) for _ in range(DAYS)]


def scanned_lines(world: World, record: DayRecord) -> np.ndarray:
    """Request lines of scanned classes."""
    return world.classes.scanned[world.pools.cls[record.requests.pool]]


class TestClassSizes:
    @pytest.mark.parametrize("items", [400, 5000, 12477, 100_000])
    def test_sum_to_the_tags_and_keep_the_real_median_mean_and_maximum(self, items: int) -> None:
        """A class has 12 tags at the median, 26 on average, 614 at most."""
        sizes = class_sizes(items)

        assert sizes.sum() == items
        assert np.median(sizes) == pytest.approx(12, abs=1.5)
        assert sizes.mean() == pytest.approx(26, rel=0.05)
        assert sizes.max() == (614 if items >= 5000 else items // 8)


class TestRankShares:
    def test_few_classes_make_most_rentals(self) -> None:
        """Of 468 classes 5 make 34 % of rentals, 20 make 63 %, 100 make 94 %."""
        shares = rank_shares(468)

        assert [shares[:k].sum() for k in (5, 20, 100, 468)] == pytest.approx([0.34, 0.63, 0.94, 1.0])
        assert all(a >= b for a, b in pairwise(shares))


class TestQuantityLocation:
    def test_gives_the_mean_that_was_asked_for(self) -> None:
        """The whole-numbered, capped lognormal has the mean the class should have (checked by drawing)."""
        mean, most = np.array([1.5, 4.0, 20.0]), np.array([6, 40, 300])
        location = quantity_location(mean, most)

        normal = np.random.default_rng(0).standard_normal((200_000, 1))
        drawn = np.minimum(1 + np.floor(np.exp(location + 0.95 * normal)), most)
        assert drawn.mean(axis=0) == pytest.approx(mean, rel=0.03)


class TestBuildWorld:
    def test_stock_of_the_stores_adds_up_to_that_of_the_class(self, world: World) -> None:
        """Every unit of a class stands in exactly one store, and every class in one to four stores."""
        per_class = np.bincount(world.pools.cls, weights=world.pools.stock)

        assert (per_class == world.classes.stock).all()
        assert set(np.bincount(world.pools.cls)) == {1, 2, 3, 4}
        assert np.bincount(world.tags.pool).tolist() == world.pools.stock.tolist()

    def test_a_tenth_of_the_classes_carry_no_tags(self, world: World) -> None:
        """Bulk classes come on top of the scanned ones, one for every ten."""
        scanned = world.classes.scanned

        assert (~scanned).sum() / scanned.sum() == pytest.approx(0.10, abs=0.01)
        assert world.classes.stock[scanned].sum() == 5000

    def test_names_and_numbers_are_distinct(self, world: World) -> None:
        """No two classes share a name or a number."""
        assert len(set(world.classes.name)) == len(world.classes.name)
        assert len(set(world.classes.item_num.tolist())) == len(world.classes.name)


class TestSeason:
    def test_goods_leave_on_the_weekdays_of_a_real_shop(self, world: World, year: list[DayRecord]) -> None:
        """Tuesday 28 %, Friday 25, Wednesday 20, Thursday 19, Monday 6, weekend 1."""
        units = np.zeros(7)
        for record in year:
            units[(START + timedelta(days=record.day)).weekday()] += record.allocation.served[
                scanned_lines(world, record)
            ].sum()

        assert units / units.sum() == pytest.approx([0.06, 0.28, 0.20, 0.19, 0.25, 0.005, 0.005], abs=0.04)

    def test_summer_is_many_times_winter(self, year: list[DayRecord]) -> None:
        """June brings at least six times January and is the strongest month; May to September make most of the year."""
        units: Counter[int] = Counter()
        for record in year:
            units[(START + timedelta(days=record.day)).month] += int(record.requests.units.sum())

        assert max(units, key=units.__getitem__) == 6
        assert units[6] > 6 * units[1]
        assert sum(units[month] for month in (5, 6, 7, 8, 9)) > 0.65 * units.total()

    def test_nothing_leaves_on_a_great_holiday(self, year: list[DayRecord]) -> None:
        """On closed weekdays hardly anything is asked for."""
        closed = [r for r in year if is_closed(day := START + timedelta(days=r.day)) and day.weekday() < 5]
        usual = sum(int(r.requests.units.sum()) for r in year) / DAYS

        assert len(closed) >= 5
        assert sum(int(r.requests.units.sum()) for r in closed) / len(closed) < 0.1 * usual

    def test_flags_mark_weddings_and_graduations(self) -> None:
        """Weddings are May to September, graduations from mid-May to mid-June."""
        assert season_flags(date(2026, 6, 1)) == {"wedding_season": 1.0, "graduation_season": 1.0, "school_year": 1.0}
        assert season_flags(date(2026, 8, 1)) == {"wedding_season": 1.0, "graduation_season": 0.0, "school_year": 0.0}
        assert season_flags(date(2026, 1, 1)) == {"wedding_season": 0.0, "graduation_season": 0.0, "school_year": 1.0}


class TestContracts:
    def test_have_the_size_of_real_ones(self, world: World, year: list[DayRecord]) -> None:
        """13 items on average and 6 at the median, of 2.5 classes and 2 at the median, as far as scans show them."""
        classes: list[int] = []
        items: list[int] = []
        for record in year:
            shown = scanned_lines(world, record)
            owner = record.requests.contract[shown]
            count, units = np.bincount(owner), np.bincount(owner, weights=record.requests.units[shown])
            classes += count[count > 0].tolist()
            items += units[count > 0].tolist()

        assert np.mean(items) == pytest.approx(13, rel=0.3)
        assert np.median(items) == pytest.approx(6, abs=2)
        assert np.mean(classes) == pytest.approx(2.5, rel=0.15)
        assert np.median(classes) == 2

    def test_goods_stay_out_as_long_as_in_a_real_shop(self, year: list[DayRecord]) -> None:
        """Out to back takes 4.6 days at the median, 5.9 on average, 11 at 90 %."""
        days = np.concatenate([record.back_day - record.day for record in year])

        assert np.median(days) == pytest.approx(4.6, abs=0.6)
        assert days.mean() == pytest.approx(5.9, abs=0.6)
        assert np.quantile(days, 0.9) == pytest.approx(11, abs=1.5)


class TestRefusals:
    def test_are_a_few_percent_and_fall_in_the_season(self, year: list[DayRecord]) -> None:
        """3 to 8 % of the units asked for are refused, a larger share of them from May to September."""
        asked, refused = np.zeros(2), np.zeros(2)
        for record in year:
            summer = int(5 <= (START + timedelta(days=record.day)).month <= 9)
            asked[summer] += record.requests.units.sum()
            refused[summer] += (record.requests.units - record.allocation.served).sum()

        assert 0.03 <= refused.sum() / asked.sum() <= 0.08
        assert refused[1] / asked[1] > 1.5 * refused[0] / asked[0]

    def test_a_tag_is_rented_a_healthy_number_of_times(self, world: World, year: list[DayRecord]) -> None:
        """Four to eight rentals a tag and year."""
        rentals = sum(int(record.allocation.served[scanned_lines(world, record)].sum()) for record in year)

        assert 4 <= rentals / world.spec.items <= 8


class TestScans:
    def test_a_third_of_returns_leave_no_scan(self, world: World, year: list[DayRecord]) -> None:
        """32 % of the tags that come back are scanned neither as returned nor as seen that day."""
        back = seen = 0
        for record in year:
            tags = record.returned[world.classes.scanned[world.tag_class_of(record.returned)]]
            kinds = np.isin(record.scans["kind"], (RETURN, PICKUP, TOUCH))
            back += len(tags)
            seen += np.isin(tags, record.scans["tag"][kinds]).sum()

        assert 1 - seen / back == pytest.approx(0.32, abs=0.02)

    def test_a_delivery_is_mostly_scanned_as_a_rental_first(self, year: list[DayRecord]) -> None:
        """As in a real export, one departure may carry both words on one contract, so scans must not be added up."""
        both = only = 0
        for record in year:
            kinds = [set(zip(*(record.scans[c][record.scans["kind"] == k].tolist() for c in ("contract", "tag")), strict=True))
                     for k in (RENTAL, DELIVERY)]  # fmt: skip
            both, only = both + len(kinds[0] & kinds[1]), only + len(kinds[1] - kinds[0])

        assert 0 < only < both


class TestStock:
    def test_no_tag_leaves_twice_and_no_store_lends_what_it_lacks(self, world: World, year: list[DayRecord]) -> None:
        """Replayed one unit at a time: a tag that is out cannot leave, and a class is never out beyond its store's stock."""
        out: dict[int, int] = {}
        units_out: Counter[int] = Counter()
        for record in year:
            for tag, back in zip(record.allocation.tag.tolist(), record.back_day.tolist(), strict=True):
                assert tag not in out
                assert back > record.day
                out[tag] = back
                units_out[int(world.tags.pool[tag])] += 1
            assert all(count <= world.pools.stock[pool] for pool, count in units_out.items())
            due = sorted(tag for tag, back in out.items() if back == record.day)
            lost = record.wear.turns.tag[record.wear.turns.outcome == LOSS].tolist()
            assert due == sorted([*record.returned.tolist(), *lost])
            for tag in record.returned.tolist():
                del out[tag]
                units_out[int(world.tags.pool[tag])] -= 1

    def test_a_request_is_refused_only_when_the_shelf_is_empty(self, world: World, year: list[DayRecord]) -> None:
        """Where a unit was refused, every unit of that class in that store was out, left that day, was in the shop or gone."""
        out = np.zeros(len(world.tags.pool), bool)
        ready_day = np.zeros(len(world.tags.pool), np.int64)
        for record in year:
            out[record.allocation.tag] = True
            lacking = record.requests.pool[record.allocation.served < record.requests.units]
            idle = np.isin(world.tags.pool, lacking) & world.tags.usable & ~out & (ready_day <= record.day)
            assert not idle.any()
            turns, visits = record.wear.turns, record.wear.visits
            out[record.returned] = False
            # a lost unit stays out for good, a retired one is as good as out
            out[turns.tag[turns.outcome == RETIREMENT]] = True
            ready_day[visits["tag"]] = visits["ready_day"]


class TestSimulateWeather:
    def test_more_days_leave_earlier_ones_as_they_were(self) -> None:
        """The future does not change the past."""
        short, long = simulate_weather(5, START, 40), simulate_weather(5, START, 90)

        assert long.mean_f[:40].tolist() == short.mean_f.tolist()

    def test_is_that_of_minneapolis(self) -> None:
        """January is near 16 °F, July near 74 °F, and about a quarter of days are wet."""
        weather = simulate_weather(5, START, 365 * 3)
        month = np.array([(START + timedelta(days=k)).month for k in range(365 * 3)])

        assert weather.mean_f[month == 1].mean() == pytest.approx(17, abs=5)
        assert weather.mean_f[month == 7].mean() == pytest.approx(76, abs=4)
        assert (weather.precipitation_in > 0).mean() == pytest.approx(0.27, abs=0.05)
