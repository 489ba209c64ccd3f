"""Does the crew's plan rest on stays that were seen and on hours that are named as stated?"""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from handmade import AS_OF, made

from rfid3_maintenance import planning
from rfid3_maintenance.costing import costs_of
from rfid3_maintenance.decisions.recorded_share import wear_of_all
from rfid3_maintenance.schemas.planning import PlanRequest
from rfid3_maintenance.settings import MaintenanceSettings
from rfid3_maintenance.snapshot import Snapshot
from rfid3_maintenance.timing import avoided_on_days

SNAPSHOT = made(20, 4)
REQUEST = PlanRequest.model_validate({"days_ahead": 6, "crew": [{"skill": "repair", "hours_per_day": 4}], "most_items": 10})


def staying(days: float, visits: int, category: str = "Tents") -> Snapshot:
    """The snapshot with so long a stay of repairs seen in a category."""
    own = {"kind": "repair", "category": category, "median_days": days, "lower_days": 1.0, "upper_days": 9.0, "visits": visits,
           "basis": "its group's visits" if visits else "stated prior"}  # fmt: skip
    return replace(SNAPSHOT, spec=replace(SNAPSHOT.spec, turnaround=[own]))


class TestAsked:
    def test_hours_of_work_are_stated_and_settable(self) -> None:
        """Twice the hours a service, half the services; the answer names the setting, and what is missing to know better."""
        one, two = (planning.asked(SNAPSHOT, REQUEST, AS_OF, hours) for hours in (2.0, 4.0))

        assert (len(one["plan"]), len(two["plan"])) == (10, 6)
        assert {service["hours"] for service in two["plan"]} == {4.0}
        assert (two["stated"]["hours_per_service"], two["stated"]["setting"]) == (4.0, "RFID3_MAINTENANCE_SERVICE_HOURS")
        assert "neither RFID3 nor the POS" in two["stated"]["missing"]

    @pytest.mark.parametrize(("days", "visits", "kept"), [(2.4, 9, 3), (0.2, 9, 1), (2.4, 0, 1)])
    def test_an_item_stands_in_the_shop_as_long_as_its_kind_does(self, days: float, visits: int, kept: int) -> None:
        """Whole days of the category's repairs, where any was seen; a booking within them stands in the way, one after them does not."""
        snapshot = staying(days, visits)
        item = snapshot.id_of(int(planning.candidates(snapshot, np.ones(len(snapshot.ids), bool), 1)[0]))

        def why(leaves: int) -> list[str]:
            booked = {"item_id": item, "starts_in_days": leaves}
            found = planning.asked(snapshot, REQUEST.model_copy(update={"bookings": [type_of(booked)]}), AS_OF, 1.0)
            return [one["item_id"] for one in found["infeasible_bookings"]]

        assert why(kept) == []
        assert kept == 1 or why(kept - 1) == [item]
        told = planning.asked(snapshot, REQUEST, AS_OF, 1.0)
        assert told["shop_days"] == ({"Tents": days} if visits else {})
        assert told["stated"]["shop_days"] == 1.0


class TestFirstDay:
    @pytest.mark.parametrize(("days_later", "shift"), [(0, 0), (1, 1), (14, 14), (15, 0), (400, 0), (-1, 0)])
    def test_plans_begin_today_while_the_data_are_fresh(self, days_later: int, shift: int) -> None:
        """Data end yesterday: nobody can work yesterday. Old data are planned as of their own end, as is a clock that runs behind."""
        today = AS_OF + timedelta(days=days_later)

        told = planning.asked(SNAPSHOT, REQUEST, today, 1.0)

        begins = AS_OF + timedelta(days=shift)
        assert told["first_day"] == str(begins)
        assert {one["date"] for one in told["plan"]} == {str(begins + timedelta(days=one["day"])) for one in told["plan"]}
        assert min(one["day"] for one in told["plan"]) == 0

    def test_a_service_later_avoids_what_it_avoids_on_that_day(self) -> None:
        """Planned a week on, each service is worth what the curves say of that day; the nightly plan counts days from the data's end."""
        later = AS_OF + timedelta(days=7)
        own = MaintenanceSettings(maintenance_crew="repair:4", maintenance_plan_days=3)
        at_once, week = planning.asked(SNAPSHOT, REQUEST, AS_OF, 1.0), planning.asked(SNAPSHOT, REQUEST, later, 1.0)

        rows = np.array([SNAPSHOT.row_of(one["equipment_id"]) for one in week["plan"]])
        per = SNAPSHOT.per_recorded(rows)
        curves = (wear_of_all(part[rows], per) for part in (SNAPSHOT.survival, SNAPSHOT.renewed))
        by_day = avoided_on_days(*curves, SNAPSHOT.spec.cuts_days, costs_of(SNAPSHOT, rows), 20, SNAPSHOT.even(rows))
        expected = [by_day[at, 7 + one["day"]] for at, one in enumerate(week["plan"])]
        assert [one["avoided_usd"] for one in week["plan"]] == pytest.approx(expected, abs=0.01)
        assert week["avoided_usd"] < at_once["avoided_usd"]
        nightly = planning.with_nightly_plan(SNAPSHOT, own, later)
        assert set(nightly.planned_day[nightly.planned_day >= 0].tolist()) == {7, 8, 9}
        assert nightly.spec.plan["first_day"] == str(later)


def type_of(booked: dict[str, object]) -> object:
    return PlanRequest.model_validate({"crew": [], "bookings": [booked]}).bookings[0]
