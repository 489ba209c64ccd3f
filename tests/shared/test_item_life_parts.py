"""Are rentals, stays in the shop, faults, grades and losses of a unit what a reader of its scans would say?"""

import polars as pl
import pytest
from hypothesis import given, settings
from itemlife import (
    BACK,
    INSPECT,
    ON_RENT,
    OUT,
    READY,
    REPAIR,
    TOUCH,
    WASH,
    day,
    histories,
    rows,
    scan,
    scans_of,
    sources,
    tag,
)  # fmt: skip

from rfid3_shared.item_life.assemble import assemble
from rfid3_shared.item_life.grades import grade_steps
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.observations import price_observations, turnaround_observations
from rfid3_shared.source.departures import departures


def life_of(*scans: dict, **more: object) -> Life:
    return assemble(sources(scans, **more))


class TestStays:
    @settings(max_examples=20)
    @given(histories())
    def test_are_the_departures_of_the_rule(self, drawn) -> None:
        """One stay a departure, at its time and on its contract; each comes back between its bounds, before the next one begins."""
        read = sources(scans_of(drawn))
        life = assemble(read)
        named = read.scans.rename({"id": "arrival"})

        told = departures(named).select("tag_id", "scan_date", "contract_number").rows()
        found = life.stays

        assert found.select("tag_id", "left_at", "contract").rows() == told
        ended = found.filter(pl.col("back_at").is_not_null() & pl.col("back_upper").is_not_null())
        assert (ended["back_at"] >= ended["left_at"]).all()
        assert (ended["back_at"] <= ended["back_upper"]).all()
        assert (found["begun_at"] <= found["left_at"]).all()
        following = found.select("tag_id", "back_upper", next=pl.col("begun_at").shift(-1).over("tag_id")).drop_nulls()
        assert (following["back_upper"] <= following["next"]).all()

    def test_a_scanned_return_is_exact_and_an_unscanned_one_is_between(self) -> None:
        """A return at its second; a sighting as the latest; the next rental as the latest; nothing: not seen since."""
        life = life_of(
            scan("T1", OUT, 0), scan("T1", BACK, 4),
            scan("T1", OUT, 10), scan("T1", TOUCH, 10.02), scan("T1", TOUCH, 12, ON_RENT), scan("T1", TOUCH, 30),
            scan("T1", OUT, 40), scan("T1", OUT, 43), scan("T2", TOUCH, 60), tags=[tag("T1", ON_RENT), "T2"],
        )  # fmt: skip

        assert rows(life.stays, "left_at", "back_lower", "back_upper", "back_at", "seen_back", "days_out") == [
            (0, 0, 4, 4, True, 4), (10, 12, 30, 15, False, 5), (40, 40, 43, 43, False, 3), (43, 43, None, None, False, 17),
        ]  # fmt: skip

    def test_companions_tell_before_the_due_date_and_that_before_custom(self) -> None:
        """Of a contract whose other unit was scanned back on day 8: day 8. Due on day 6 without one: day 6. Never later than seen."""
        lines = [{"contract": name, "rental_class": "61825", "units": 2, "due_at": day(6)} for name in "AB"]
        life = life_of(
            scan("T1", OUT, 0, contract_number="A"), scan("T2", OUT, 0, contract_number="A"), scan("T2", BACK, 8), scan("T1", TOUCH, 20),
            scan("T3", OUT, 0, contract_number="B"), scan("T3", TOUCH, 20), scan("T3", OUT, 30), scan("T3", TOUCH, 32), lines=lines,
        )  # fmt: skip

        found = rows(life.stays.sort("tag_id", "left_at"), "tag_id", "back_at", "due_at")
        assert found == [("T1", 8, 6), ("T2", 8, 6), ("T3", 6, 6), ("T3", 32, None)]

    def test_the_item_master_may_know_of_a_return(self) -> None:
        """Ready to Rent after a rental of which nothing more was scanned: back, nobody knows when; scanned since: by then."""
        life = life_of(scan("T1", OUT, 0), scan("T2", OUT, 0), scan("T3", TOUCH, 50),
                       tags=["T1", tag("T2", ON_RENT, scanned_at=day(45)), "T3"])  # fmt: skip

        assert rows(life.stays, "tag_id", "back_upper", "back_at") == [("T1", None, 5), ("T2", 45, 5)]


class TestFaults:
    def test_a_fault_seen_again_is_one(self) -> None:
        """Within 30 days and without a rental between; each kind for itself; a defect found later belongs to it."""
        life = life_of(
            scan("T1", TOUCH, 0, REPAIR, defects=["rope"]), scan("T1", TOUCH, 20, REPAIR, defects=["rope", "buckle"]), scan("T1",
            TOUCH, 21, WASH),
            scan("T1", TOUCH, 49, INSPECT, defects=["rope"]), scan("T1", TOUCH, 80, REPAIR), scan("T1", OUT, 82), scan("T1", BACK, 84,
            REPAIR),
            scan("T2", BACK, 1, READY, defects=["wet"]), scan("T2", BACK, 2, READY, defects=["mold"]),
        )  # fmt: skip

        assert rows(life.faults, "tag_id", "at", "kind", "defects") == [
            ("T1", 0, "repair", ["rope", "buckle"]), ("T1", 80, "repair", []), ("T1", 84, "repair", []),
            ("T2", 2, "cleaning", ["mold"]),
        ]  # fmt: skip
        assert life.faults["defects_at"][0].to_list() == [day(0), day(20)]

    def test_reports_are_labels_beside_scans(self) -> None:
        """A reported failure is a fault with its cost, an inspection's defects are one, a service is a service; no fault is only a look."""
        events = [
            {"tag_id": "T1", "at": day(5), "event": "failure", "kind": "repair", "cost_usd": 40.0},
            {"tag_id": " T1", "at": day(9), "event": "serviced", "kind": "repair", "cost_usd": 25.0},
            {"tag_id": "T2", "at": day(6), "event": "no_fault", "kind": "repair"},
            {"tag_id": "a stranger", "at": day(6), "event": "failure", "kind": "repair"},
            {"tag_id": "T2", "at": day(401), "event": "failure", "kind": "repair"},
        ]  # fmt: skip
        looks = [{"tag_id": "T2", "at": day(7), "grade": "C", "defects": ["stain"]}]
        life = life_of(scan("T1", TOUCH, 4, REPAIR), scan("T2", TOUCH, 0, quality="A"), events=events, inspections=looks)

        assert rows(life.faults, "tag_id", "at", "kind", "source", "cost_usd") == [
            ("T1", 4, "repair", "scan", 40),
            ("T2", 7, "cleaning", "report", None),
        ]
        assert rows(life.services, "tag_id", "at", "kind") == [("T1", 9, "repair")]
        assert rows(life.inspections, "tag_id", "at") == [("T2", 6), ("T2", 7)]
        assert rows(life.grades, "tag_id", "grade", "source") == [("T2", 9, "scan"), ("T2", 3, "report")]
        assert (life.counts["reports"], life.counts["reports_left_out"]) == (5, 2)


class TestVisits:
    def test_are_stays_in_the_shop_of_the_gravest_kind(self) -> None:
        """From the first sign to the first ready scan or rental; what the item master alone says is ready by the end of the data. A scan at
        home that says Ready to Rent is the moment itself, a rental only a bound."""
        life = life_of(
            scan("T1", OUT, 0), scan("T1", BACK, 3, INSPECT), scan("T1", TOUCH, 4, WASH), scan("T1", TOUCH, 5, REPAIR), scan("T1",
            TOUCH, 6, INSPECT),
            scan("T1", TOUCH, 9), scan("T2", TOUCH, 2, "Wet"), scan("T2", OUT, 8), scan("T3", TOUCH, 7, INSPECT), scan("T4", TOUCH, 8,
            WASH),
            scan("T1", TOUCH, 20), tags=["T1", "T2", "T3", tag("T4", WASH)],
        )  # fmt: skip

        assert rows(life.visits, "tag_id", "kind", "begun_at", "ready_lower", "ready_upper", "seen_ready", "returned_at") == [
            ("T1", "repair", 3, 6, 9, True, 3), ("T2", "wet", 2, 2, 8, True, None), ("T3", "inspect", 7, 7, 20, False, None),
            ("T4", "wash", 8, 8, None, False, None),
        ]  # fmt: skip
        assert rows(life.steps.filter(pl.col("tag_id") == "T1"), "kind", "begun_at") == [
            ("inspect", 3),
            ("wash", 4),
            ("repair", 5),
            ("inspect", 6),
        ]
        assert rows(life.services, "tag_id", "at", "kind") == [("T1", 9, "repair")]
        assert turnaround_observations(life).select("kind", "lower_days", "upper_days").rows() == [
            ("repair", 6, 6),
            ("wet", 0, 6),
            ("inspect", 0, 13),
            ("wash", 0, None),
        ]


class TestGrades:
    def test_steps_say_what_happened_between_two_readings(self) -> None:
        """Rentals and days in between; a rise after a repair, and one without anything done, which is a new judgement."""
        life = life_of(
            scan("T1", TOUCH, 0, quality="A"), scan("T1", OUT, 2), scan("T1", BACK, 5, quality="B"), scan("T1", TOUCH, 5.1, quality="B"),
            scan("T1", TOUCH, 6, REPAIR, quality="C"), scan("T1", TOUCH, 9, quality="B+"), scan("T1", TOUCH, 12, quality="A+"),
            scan("T1", TOUCH, 13, quality="Z"), tags=[tag("T1", quality="A-"), tag("T2", quality="B"), "T3"],
        )  # fmt: skip

        assert rows(grade_steps(life), "from_at", "to_at", "from_grade", "to_grade", "to_source", "turns", "days", "repaired",
            "regraded") == [
            (0, 5, 9, 6, "scan", 1, 5, False, False), (5, 6, 6, 3, "scan", 0, 1, True, False), (6, 9, 3, 7, "scan", 0, 3, True, False),
            (9, 12, 7, 10, "scan", 0, 3, False, True), (12, 13, 10, 8, "item", 0, 1, False, False),
        ]  # fmt: skip
        assert life.counts["unknown_grade"] == 1
        assert rows(life.units, "tag_id", "grade") == [("T1", 8), ("T2", 6), ("T3", None)]

    def test_prices_stand_beside_the_grade_in_which_units_left(self) -> None:
        """A line of two units over four days; a contract nobody scanned says nothing of grades and is left out."""
        lines = [{"contract": name, "rental_class": "61825", "units": 2, "hours": 96, "price_usd": 80.0} for name in "AB"]
        life = life_of(scan("T1", OUT, 0, contract_number="A", quality="A"), scan("T2", OUT, 0, contract_number="A", quality="B"),
                       scan("T2", BACK, 1, quality="C"), lines=lines)  # fmt: skip

        found = price_observations(life).select("contract", "units", "scanned", "days", "usd_per_day", "grade", "graded").rows()

        assert found == [("A", 2, 2, 4, 10, 7.5, 2)]


class TestGone:
    def test_loss_needs_the_item_masters_word(self) -> None:
        """Not seen since: lost when the item master has it out and it is long overdue; not when it is Ready, or out since last week."""
        life = life_of(
            *(scan(name, OUT, 0) for name in ("lost", "ready", "unlisted")), scan("fresh", OUT, 80), scan("sold", TOUCH, 3),
            scan("missing", OUT, 4),
            scan("end", TOUCH, 90), classes=[{"rental_class": "61825"}],
            tags=[tag("lost", ON_RENT), tag("ready"), tag("fresh", ON_RENT), tag("sold", "Sold"), tag("missing", "Missing"), tag("end"),
                  tag("never", "Sold")],
        )  # fmt: skip

        assert rows(life.units.filter(pl.col("gone").is_not_null()), "tag_id", "gone", "gone_at") == [
            ("lost", "loss", 0), ("missing", "loss", 4), ("never", "retirement", None), ("sold", "retirement", 3),
        ]  # fmt: skip

    def test_reports_go_before_the_item_master_until_the_unit_is_seen(self) -> None:
        """Reported as retired: gone. Reported as lost and then scanned: there."""
        events = [
            {"tag_id": name, "at": day(5), "event": "failure", "kind": kind}
            for name, kind in (("T1", "retirement"), ("T2", "loss"))
        ]
        life = life_of(scan("T1", TOUCH, 1), scan("T2", TOUCH, 20), events=events)

        assert rows(life.units, "tag_id", "gone", "gone_at") == [
            ("T1", "retirement", 5),
            ("T2", None, None),
            ("T3", None, None),
        ]


class TestWhatIsLeftOut:
    def test_is_counted_by_reason(self) -> None:
        """Strange tags and words, wrong clocks, test rows: none of them makes a life, each is told."""
        good = scan("T1", OUT, 10)
        life = life_of(
            good, good, {**good, "tag_id": " "}, {**good, "scan_date": None}, scan("T1", TOUCH, 500), scan("T1", TOUCH, -20_000),
            scan("T1", "Teleport", 3), scan("T2", TOUCH, 3, rental_class="9"), scan("X", TOUCH, 3, rental_class="77"),
            scan("T1", TOUCH, 12, "3F8469D0AEE24297317E551D"), scan("unlisted", TOUCH, 11), scan("unlisted", TOUCH, 12, rental_class=None),
            classes=[{"rental_class": "9", "category": "testing"}, {"rental_class": "61825", "category": "Beverage Dispeners"}],
            tags=["T1", tag(" T1"), "T2", tag("a test", rental_class="9"), tag("T3", "beyond repair")],
        )  # fmt: skip

        told = {name: count for name, count in life.counts.items() if count}
        assert told == {
            "items": 5, "items_test_or_blank": 1, "items_twice": 1, "items_unknown_status": 1, "scans": 12, "no_tag": 1, "no_time": 1,
            "time_in_the_future": 1, "time_before_1990": 1, "unknown_scan_type": 1, "test_rows": 1, "unknown_tag": 1, "unknown_status": 1,
            "repeated_in_one_second": 1,
        }  # fmt: skip
        assert rows(life.units, "tag_id", "category", "listed", "first_seen", "condition") == [
            ("T1", "Beverage Dispensers", True, 10, "available"), ("T2", "Beverage Dispensers", True, None, "available"),
            ("T3", "Beverage Dispensers", True, None, None), ("unlisted", "Beverage Dispensers", False, 11, None),
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("place", "for_sale", "pack"),
        [("resale", True, False), ("pack", False, True), ("sold", False, False), ("NR4x1", False, False), (None, False, False)],
    )
    def test_goods_for_sale_do_not_wear(self, place: str | None, for_sale: bool, pack: bool) -> None:
        """Resale goods are told from the fleet, and units of packs are marked."""
        life = life_of(scan("T1", TOUCH, 0, REPAIR), tags=[tag("T1", bin_location=place)])

        assert life.units.select("for_sale", "pack").row(0) == (for_sale, pack)
