"""Does the crew's plan rest on stays that were seen and on hours that are named as stated?"""

from dataclasses import replace

import numpy as np
import pytest
from handmade import made

from rfid3_maintenance import planning
from rfid3_maintenance.schemas.planning import PlanRequest
from rfid3_maintenance.snapshot import Snapshot

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
        one, two = planning.asked(SNAPSHOT, REQUEST, 2.0), planning.asked(SNAPSHOT, REQUEST, 4.0)

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
            found = planning.asked(snapshot, REQUEST.model_copy(update={"bookings": [type_of(booked)]}), 1.0)
            return [one["item_id"] for one in found["infeasible_bookings"]]

        assert why(kept) == []
        assert kept == 1 or why(kept - 1) == [item]
        told = planning.asked(snapshot, REQUEST, 1.0)
        assert told["shop_days"] == ({"Tents": days} if visits else {})
        assert told["stated"]["shop_days"] == 1.0


def type_of(booked: dict[str, object]) -> object:
    return PlanRequest.model_validate({"crew": [], "bookings": [booked]}).bookings[0]
