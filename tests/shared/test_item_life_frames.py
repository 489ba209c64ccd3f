"""Is what a unit's features say of a moment what was known then? No later scan moves an earlier row; the numbers are a count's."""

from zoneinfo import ZoneInfo

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st
from itemlife import (
    BACK,
    DELIVERED,
    INSPECT,
    OUT,
    REPAIR,
    TAGS_OF_THREE,
    TOUCH,
    WASH,
    day,
    histories,
    scan,
    scans_of,
    sources,
)  # fmt: skip

from rfid3_shared.clock import SHOP_ZONE
from rfid3_shared.item_life.assemble import assemble
from rfid3_shared.item_life.definitions import ITEM
from rfid3_shared.item_life.frames import facts_of, item_frame

ZONE = ZoneInfo(SHOP_ZONE)
RAIN = [{"day": day(number).date(), "rain_in": 0.1 * (number % 7)} for number in range(-1, 60)]
LINES = [{"contract": "A", "rental_class": "61825", "units": 1, "due_at": day(9), "meter_out": 10.0, "meter_in": 14.5, "price_usd": 60.0,
          "hours": 48}]  # fmt: skip
MOMENT_HOURS = 24 * 60


def asked(*moments: float) -> pl.DataFrame:
    return pl.DataFrame(
        [(name, day(at)) for name in TAGS_OF_THREE for at in moments],
        schema={"tag_id": pl.String, "at": pl.Datetime("us")},
        orient="row",
    )


class TestNothingLaterIsKnown:
    @settings(max_examples=25)
    @given(histories(most_hours=MOMENT_HOURS), histories(MOMENT_HOURS + 1, 24 * 120), st.sampled_from([0.0, 6.3, 30.0, 60.0]))
    def test_later_scans_move_no_earlier_row(self, before, after, at: float) -> None:
        """Scans that come later, in any number, leave every feature of every unit at an earlier moment as it was."""
        told = {"rain": RAIN, "lines": LINES}
        moments = asked(at, MOMENT_HOURS / 24)
        first = scans_of(before)

        without = item_frame(assemble(sources(first, **told)), moments, ZONE)
        with_later = item_frame(assemble(sources(first + scans_of(after, first=1000), **told)), moments, ZONE)

        assert with_later.equals(without)

    @settings(max_examples=15)
    @given(histories(), st.floats(0, 150))
    def test_a_cut_history_says_the_same(self, drawn, at: float) -> None:
        """The row of a moment is that of a source that ends with it."""
        every = scans_of(drawn)
        cut = [one for one in every if one["scan_date"] <= day(at)]

        full, then = (item_frame(assemble(sources(some)), asked(at), ZONE) for some in (every, cut))

        assert full.equals(then)


class TestItemFrame:
    def test_counts_a_life(self) -> None:
        """One unit's year, counted by hand."""
        told = [
            scan("T1", TOUCH, 0, quality="A"),
            scan("T1", OUT, 5, contract_number="A"),
            scan("T1", DELIVERED, 6, contract_number="A"),  # the same rental
            scan("T1", BACK, 9, INSPECT),
            scan("T1", TOUCH, 9.5, WASH, defects=["mold"]),
            scan("T1", TOUCH, 10, "Ready to Rent", quality="B"),
            scan("T1", OUT, 20, contract_number="B"),
            scan("T1", TOUCH, 26, REPAIR, defects=["rip_or_tear"]),  # never scanned back
            scan("T1", TOUCH, 27, REPAIR, defects=["rip_or_tear", "rope"]),  # the same fault
            scan("T1", TOUCH, 30),
        ]
        life = assemble(sources(told, rain=RAIN, lines=LINES))

        row = item_frame(life, asked(40).head(1), ZONE).row(0, named=True)

        expected = {
            "rentals_total": 2, "rentals_365_days": 2, "rentals_90_days": 2, "days_out_total": 3 + 5, "days_out_365_days": 8,
            "washes_total": 1, "repairs_total": 1, "cleanings_total": 1, "inspections_total": 1, "defects_total": 3, "grade": 6,
            "meter_hours_total": 4.5, "days_since_first_seen": 40, "days_since_last_seen": 10, "days_since_last_rental": 20,
            "days_since_last_repair": 14, "days_since_last_service": 10, "days_since_last_inspection": 31, "days_since_grade": 30,
            "rental_class": "61825", "for_sale": False,
        }  # fmt: skip
        assert {name: row[name] for name in expected} == expected
        # out on days 6, 7, 8 and 20 … 24
        assert row["rain_in_total"] is not None
        assert round(row["rain_in_total"], 6) == round(sum(0.1 * (n % 7) for n in (6, 7, 8, 20, 21, 22, 23, 24)), 6)

    def test_nothing_known_is_null_and_nothing_happened_is_nought(self) -> None:
        """A unit that was never rented has 0 rentals and no days since; nobody knows the rain without weather."""
        life = assemble(sources([scan("T1", TOUCH, 0), scan("T2", OUT, 0), scan("T2", BACK, 3)]))

        one, two, three = item_frame(life, asked(10), ZONE).rows(named=True)

        assert (one["rentals_total"], one["days_since_last_rental"], one["grade"]) == (0, None, None)
        assert (two["days_out_total"], two["rain_in_total"], two["meter_hours_total"]) == (3, None, None)
        assert (three["days_since_first_seen"], three["rental_class"]) == (None, "61825")

    def test_rain_of_a_day_that_is_not_known_makes_it_unknown(self) -> None:
        """Of a rental of three days one was not measured: what fell on it is not taken for nothing."""
        rain = [one for one in RAIN if one["day"] != day(11).date()]
        life = assemble(
            sources([scan("T1", OUT, 2), scan("T1", BACK, 4), scan("T1", OUT, 10), scan("T1", BACK, 13)], rain=rain)
        )

        found = item_frame(life, asked(5, 20).head(2), ZONE)

        assert [None if inches is None else round(inches, 6) for inches in found["rain_in_total"]] == [0.5, None]

    def test_keeps_the_order_asked_for_and_takes_ready_facts(self) -> None:
        """Rows come back as they were asked for, also twice, also for units nobody knows."""
        life = assemble(sources([scan("T1", OUT, 0), scan("T2", OUT, 0)]))
        wanted = pl.concat([asked(3, 1), asked(3)]).with_columns(pl.col("tag_id").replace("T3", "a stranger"))

        found = item_frame(life, wanted, ZONE, facts=facts_of(life))

        assert found.select("tag_id", "at").equals(wanted)
        stranger = found.filter(pl.col("tag_id") == "a stranger")
        assert stranger["rentals_total"].to_list() == [0, 0, 0]
        assert stranger["rental_class"].null_count() == 3

    def test_has_every_feature_of_the_view(self) -> None:
        """What is declared is computed."""
        found = item_frame(assemble(sources()), asked(0), ZONE)

        assert set(ITEM.names) <= set(found.columns)
        assert {each.facts for each in ITEM.features} == set(facts_of(assemble(sources())))
