"""Does every recommendation rest on numbers that can be worked out again from the snapshot?"""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from rfid3_demand import predict
from rfid3_demand.schemas import ForecastQuery
from rfid3_demand.served import Served
from rfid3_demand.snapshot import Snapshot


def advice(snapshot: Snapshot, **query: Any) -> list[dict[str, Any]]:
    return predict.forecast(Served(snapshot), ForecastQuery(**query))["advice"]  # type: ignore[no-any-return]


def with_arrays(snapshot: Snapshot, **cells: tuple[tuple[int, int], float]) -> Snapshot:
    """The snapshot with one cell of each named array changed."""
    changed = {}
    for name, (where, value) in cells.items():
        changed[name] = np.array(getattr(snapshot, name))
        changed[name][where] = value
    return replace(snapshot, **changed)


class TestShortage:
    def test_says_how_many_to_move_and_who_can_spare_them(self, snapshot: Snapshot) -> None:
        """Needed is the 90 % quantile, missing is what of it is not there, spare is what another store has above its own."""
        short = with_arrays(snapshot, at_hand=((1, 2), 18.0))

        (found, *_) = advice(short, weeks=4)

        needed, elsewhere = float(snapshot.quantiles[0, 1, 2, 6]), float(snapshot.quantiles[0, 0, 2, 6])
        assert found["kind"] == "shortage"
        assert found["weeks"] == [snapshot.weeks[2]]
        assert found["numbers"] == {
            "class": "61825", "store": "8101", "expected": 20.0, "lower": 10.0, "upper": 30.0, "can_leave": 18.0,
            "stockout_risk": pytest.approx(0.46), "safe_level": 0.9, "needed_for_safe_level": needed,
            "move_or_sub_rent": math.ceil(needed - 18), "spare_store": "3607", "spare_units": math.floor(25 - elsewhere),
        }  # fmt: skip
        assert found["text"] == (
            "Expect 20 of 90 ROUND WHITE (class 61825, store 8101) in the week of 2025-07-14 (80%: 10 to 30); 18 can leave: 46% chance "
            "of running short. Move or sub-rent 12 to be safe at 90%. Store 3607 can spare 7."
        )

    def test_the_class_itself_is_told_from_the_forecast_that_is_answered(self, snapshot: Snapshot) -> None:
        """Asked for another family, the numbers are that family's; one sentence speaks of the class, not two."""
        bottom = replace(snapshot, spec=replace(snapshot.spec, nodes=[*snapshot.spec.nodes]))
        said = predict.recommendations.advise(
            Served(bottom), next(node for node, row in snapshot.rows.items() if row == 1), 1, np.asarray(snapshot.means[1, 1, :4], float),
            np.asarray(snapshot.quantiles[1, 1, :4], float), 0.8,
        )  # fmt: skip

        assert [one["kind"] for one in said if one["kind"] in ("shortage", "expectation")] == ["shortage"]
        assert said[0]["numbers"]["expected"] == 10.0

    def test_nothing_is_said_of_running_short_where_no_tag_is_known(self, snapshot: Snapshot) -> None:
        """Without units at hand there is no chance to name; what is missing is said instead."""
        unknown = replace(snapshot, at_hand=np.full_like(snapshot.at_hand, np.nan))

        found = advice(unknown)

        assert "shortage" not in {one["kind"] for one in found}
        assert "not known" in next(one for one in found if one["kind"] == "missing")["text"]


class TestAdvice:
    def test_the_busiest_week_and_its_interval_are_the_answers_own(self, snapshot: Snapshot) -> None:
        """Expected, lower and upper are those of the busiest week of the same answer, at the level asked for."""
        data = predict.forecast(Served(snapshot), ForecastQuery(rental_class="61825", weeks=8, confidence_level=0.9))

        told = next(one for one in data["advice"] if one["kind"] == "expectation")
        peak = max(data["predictions"], key=lambda week: week["predicted_demand"])
        assert told["weeks"] == [peak["week_starting"]]
        assert [told["numbers"][name] for name in ("expected", "lower", "upper")] == pytest.approx(
            [peak["predicted_demand"], peak["confidence_lower"], peak["confidence_upper"]], abs=1e-3
        )
        assert told["confidence"] == 0.9

    def test_booked_refused_and_short_history_are_told_when_they_are_there(self, snapshot: Snapshot) -> None:
        """Each appears with its numbers, and not at all without them."""
        row = 5
        known = with_arrays(snapshot, booked=((row, 0), 11.0), refused=((row, -1), 9.0))
        short = replace(known, spec=replace(known.spec, sufficiency=["short"] * len(known.spec.nodes)))

        silent = {one["kind"] for one in advice(snapshot, category="Round Linen", store="3607", weeks=1)}
        told = {one["kind"]: one["numbers"] for one in advice(short, category="Round Linen", store="3607", weeks=1)}

        assert not silent & {"booked", "refused", "history"}
        assert told["booked"] == {"booked": 11.0, "expected": 10.0}
        assert told["refused"] == {"refused_estimate": 9.0, "left": float(sum(range(12, 20)))}
        assert told["history"] == {"history_weeks": 20.0, "supported_weeks": 8.0}

    def test_a_trend_or_an_old_shift_is_told_at_most_once_and_only_when_it_matters(self, snapshot: Snapshot) -> None:
        """A rise of units in a quarter is a sentence; a slight one, an old shift, and what may be the time of year are none."""
        first = snapshot.spec.first_week
        new, old = ({"at": str(first - timedelta(weeks=back)), "before": 40.0, "after": 60.0} for back in (10, 60))

        def said(**kept: Any) -> list[tuple[str, dict[str, float]]]:
            spec = replace(snapshot.spec, diagnosis=[{"kind": "smooth", **kept}] * len(snapshot.spec.nodes))
            found = advice(replace(snapshot, spec=spec), rental_class="61825")
            return [(one["kind"], one["numbers"]) for one in found if one["kind"] in ("level_shift", "trend")]

        assert said(trend=-0.5) == [("trend", {"trend_per_week": -0.5, "over_weeks": 13.0, "moved": -6.5})]
        assert said(trend=0.05) == said(shifts=[old]) == said(shifts=[new], may_be_season=True) == said() == []
        assert said(shifts=[old, new], trend=0.5) == [("level_shift", {"before": 40.0, "after": 60.0, "ratio": 1.5})]
        assert [kind for kind, _ in said(shifts=[old], trend=0.5)] == ["trend"]

    def test_every_sentence_has_numbers(self, snapshot: Snapshot) -> None:
        """Whatever is asked, nothing is advised without a number, and the texts are the recommendations."""
        for query in ({}, {"rental_class": "61839"}, {"store": "8101"}, {"category": "Round Linen", "weeks": 8}):
            data = predict.forecast(Served(snapshot), ForecastQuery(**query))

            assert data["recommendations"] == [one["text"] for one in data["advice"]] != []
            assert all(one["numbers"] for one in data["advice"])
