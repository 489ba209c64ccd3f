"""Is every unit where the scans say it is? The shelf's days against a look at every unit and every day."""

from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfid3_demand.censoring import Sources, refused_demand
from rfid3_demand.censoring.shelf import shelves
from rfid3_demand.censoring.spells import series_of, spells

FIRST, DAYS = date(2025, 3, 3), 25
STORES = ("3607", "8101")
DEPARTURES = {
    "tag_id": pl.String, "rental_class": pl.String, "store": pl.String, "contract": pl.String, "left_at": pl.Datetime("us"),
}  # fmt: skip
SIGHTINGS = {"tag_id": pl.String, "seen_at": pl.Datetime("us"), "back": pl.Boolean, "status": pl.String}
TAGS = {
    "tag_id": pl.String, "rental_class": pl.String, "store": pl.String, "gone": pl.Boolean, "for_sale": pl.Boolean,
    "since": pl.Date,
}  # fmt: skip


class Unit(NamedTuple):
    """One tag: its store where the item master knows it, and per rental (day out, store, days out, how it came back)."""

    home: str
    rentals: list[tuple[int, str, int, str]]


def at(day: int, hour: int) -> datetime:
    return datetime.combine(FIRST + timedelta(days=day), datetime.min.time()) + timedelta(hours=hour)


@st.composite
def units(draw: st.DrawFn) -> Unit:
    rentals, day = [], draw(st.integers(0, 6))
    while day < DAYS - 1 and len(rentals) < 4:
        out = draw(st.integers(1, 6))
        rentals.append((day, draw(st.sampled_from(STORES)), out, draw(st.sampled_from(("returned", "seen", "unseen")))))
        day += out + draw(st.integers(1, 5))
    return Unit(draw(st.sampled_from(STORES)), rentals)


def sources(company: list[Unit]) -> Sources:
    """Rows as the queries give them: returns twice in the same second, a sighting at the customer's, contracts by day and store."""
    departures, sightings, tags = [], [], []
    for number, unit in enumerate(company):
        tag = f"T{number}"
        tags.append((tag, "1", unit.home, False, False, None))
        for day, store, out, how in unit.rentals:
            departures.append((tag, "1", store, f"C{day}{store}", at(day, 9)))
            sightings.append((tag, at(day, 9) + timedelta(minutes=20), False, "On Rent"))
            if how != "unseen" and day + out < DAYS:
                sightings += 2 * [(tag, at(day + out, 15), how == "returned", "Ready to Rent")]
    return Sources(
        pl.DataFrame(departures, schema=DEPARTURES, orient="row"), pl.DataFrame(sightings, schema=SIGHTINGS, orient="row"),
        pl.DataFrame(tags, schema=TAGS, orient="row"),
    )  # fmt: skip


def bounds(unit: Unit, store: str, day: int) -> tuple[int, int]:
    """Whether the unit surely, and whether it possibly, is at hand in a store on a day's morning or leaves on it."""
    last: tuple[int, str, int, str] | None = None
    for rental in unit.rentals:
        if rental[0] > day:
            break
        if rental[0] == day:
            return (1, 1) if rental[1] == store else (0, 0)
        last = rental
    ahead = [rental for rental in unit.rentals if rental[0] > day]
    stands = ahead[0][1] if ahead else last[1] if last else unit.home
    if stands != store:
        return 0, 0
    back = last[0] + last[2] if last else -1
    seen = last is None or (last[3] != "unseen" and back < min(day, DAYS))
    surely_out = last is not None and (last[3] == "returned" and back < DAYS and day <= back)
    return int(seen), int(not surely_out)


def looked_at(company: list[Unit]) -> tuple[Any, pl.DataFrame]:
    given_sources = sources(company)
    names = series_of(given_sources)
    return shelves(spells(given_sources, names, FIRST, DAYS), names.height, FIRST, DAYS), names


class TestShelves:
    @settings(max_examples=60, deadline=None)
    @given(st.lists(units(), min_size=1, max_size=7).filter(lambda company: any(unit.rentals for unit in company)))
    def test_units_at_hand_lie_between_what_is_certain_and_what_is_possible(self, company: list[Unit]) -> None:
        """Duplicates, missing returns, units that change store: never fewer than surely there, never more than possibly."""
        found, names = looked_at(company)

        for store, row in names.select("store", "series").iter_rows():
            for day in range(DAYS):
                low, high = (sum(bounds(unit, store, day)[at] for unit in company) for at in (0, 1))
                assert low - 1e-6 <= found.at_hand[row, day] <= high + 1e-6, (store, day)
                if low > found.served[row, day]:
                    assert found.empty[row, day] < 1e-9
                if high == found.served[row, day]:
                    assert found.empty[row, day] > 1 - 1e-9

    @settings(max_examples=60, deadline=None)
    @given(st.lists(units(), min_size=1, max_size=7).filter(lambda company: any(unit.rentals for unit in company)))
    def test_identities(self, company: list[Unit]) -> None:
        """Nobody owns fewer than leave; chances are chances."""
        found, _ = looked_at(company)

        assert (found.served <= found.at_hand + 1e-6).all()
        assert found.at_hand.sum(axis=0).max() <= len(company) + 1e-6
        assert ((found.empty >= 0) & (found.empty <= 1)).all()
        assert found.served.sum() == sum(len(unit.rentals) for unit in company)

    def test_an_unscanned_return_comes_with_its_companions(self) -> None:
        """Nine of ten units of a contract are scanned back on day 9: the tenth most likely came too."""
        company = [Unit("3607", [(4, "3607", 5, "returned"), (20, "3607", 2, "returned")]) for _ in range(9)]
        company.append(Unit("3607", [(4, "3607", 5, "unseen"), (20, "3607", 2, "returned")]))

        found, _ = looked_at(company)

        assert found.at_hand[0, 9] < 0.1
        assert found.at_hand[0, 10] > 9.8
        assert np.allclose(found.at_hand[0, 20], 10)

    @pytest.mark.parametrize("spare", [1, 4])
    def test_no_demand_is_added_when_the_shelf_is_never_empty(self, spare: int) -> None:
        """A shelf that always keeps a unit gets no demand added; one that is emptied does."""
        busy = [Unit("3607", [(day, "3607", 2, "returned") for day in range(1, 20, 4)]) for _ in range(3)]
        company = [*busy, *(Unit("3607", [(23, "3607", 1, "returned")]) for _ in range(spare))]
        last = FIRST + timedelta(days=DAYS - 1)

        full, emptied = (refused_demand(sources(one), {}, FIRST, last).weeks for one in (company, busy))

        assert full.filter(pl.col("week") < FIRST + timedelta(days=21))["units"].sum() < 1e-6
        assert emptied["units"].sum() > 0.1

    def test_goods_for_sale_have_no_shelf(self) -> None:
        """What is sold leaves like a rental and never comes back; nobody scans how the shelf is filled up."""
        given_sources = sources([Unit("3607", [(3, "3607", 5, "unseen")])])
        sold = Sources(
            given_sources.departures, given_sources.sightings, given_sources.tags.with_columns(for_sale=pl.lit(True))
        )

        assert series_of(sold).is_empty()
        assert series_of(given_sources).height == 1
