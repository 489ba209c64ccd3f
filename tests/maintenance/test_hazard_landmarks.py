"""Rows with overlap are counted once, thinned without bias, and stacked as by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_maintenance.model.cuts import exposure, interval_of
from rfid3_maintenance.model.folds import unit_folds
from rfid3_maintenance.model.landmarks import Landmarks, seen_once
from rfid3_maintenance.model.periods import stacked
from rfid3_maintenance.model.thinning import thinned

CUTS = np.array([7.0, 30.0, 90.0])


def rows(unit: list[int], at: list[float], after: list[float], event: list[bool]) -> Landmarks:
    """Landmarks without features."""
    count = len(unit)
    return Landmarks(
        np.zeros((count, 0), np.float32), (), np.full(count, -1, np.int32), np.array(unit, np.int32), np.array(at, float),
        np.array(after, float), np.array(event, bool),
    )  # fmt: skip


class TestSeenOnce:
    def test_counts_an_event_of_overlapping_rows_once(self) -> None:
        """Three landmarks before one failure are one event in forty days; another unit adds its ten days."""
        given = rows([1, 1, 1, 2], [0.0, 10.0, 20.0, 5.0], [40.0, 30.0, 20.0, 10.0], [True, True, True, False])

        seen = seen_once(given, CUTS)

        assert (seen.units, seen.events, seen.days, seen.overlap) == (2, 1, 50.0, 3.0)

    def test_leaves_out_what_nobody_saw_between_landmarks(self) -> None:
        """Two spans with a gap are the sum of both; the last cut ends a span."""
        assert seen_once(rows([1, 1], [0.0, 500.0], [200.0, 20.0], [False, False]), CUTS).days == 110.0

    def test_counts_a_unit_of_unknown_age_by_its_longest_row(self) -> None:
        """Without ages rows cannot be laid out in time: at most one event a unit is believed."""
        seen = seen_once(rows([1, 1], [np.nan, np.nan], [40.0, 12.0], [True, True]), CUTS)

        assert (seen.events, seen.days) == (1, 40.0)


class TestStacked:
    @given(st.lists(st.tuples(st.floats(0.01, 120.0), st.booleans()), min_size=1, max_size=20))
    def test_equals_stacking_by_hand(self, lives: list[tuple[float, bool]]) -> None:
        """A row is at risk in the intervals at whose beginning it was under sight; the event lies in the last of them."""
        given = rows(list(range(len(lives))), [0.0] * len(lives), [days for days, _ in lives], [event for _, event in lives])
        days, event = given.within(CUTS)

        found = stacked(days, event, np.ones(len(lives)), CUTS)

        by_hand = []
        for row, (after, happened) in enumerate(lives):
            for begin, end in ((0.0, 7.0), (7.0, 30.0), (30.0, 90.0)):
                if after > begin:
                    inside = happened and after <= end
                    by_hand.append((row, inside, 1.0 if inside else min((after - begin) / (end - begin), 1.0)))
        assert list(zip(found.row.tolist(), found.event.astype(bool).tolist(), strict=True)) == [one[:2] for one in by_hand]
        assert found.share == pytest.approx([one[2] for one in by_hand])
        assert exposure(days, CUTS).sum(axis=1) == pytest.approx(days)

    def test_makes_up_for_periods_left_out(self) -> None:
        """Beyond the budget every event stays, and weights bring the time under sight back."""
        days = np.tile([90.0, 50.0, 20.0, 3.0], 500)
        event = np.tile([False, True, False, False], 500)

        few, all_of_them = (stacked(days, event, np.ones(2000), CUTS, budget) for budget in (1200, 10_000))

        assert len(few.row) < 0.4 * len(all_of_them.row)
        assert few.event.sum() == 500
        assert float((few.weight * few.share).sum()) == pytest.approx(float(all_of_them.share.sum()), rel=0.03)


class TestThinned:
    def test_keeps_events_and_totals(self) -> None:
        """Fewer rows, the same events, the same weight."""
        event = np.arange(10_000) % 50 == 0
        given = rows(list(range(10_000)), [0.0] * 10_000, [20.0] * 10_000, event.tolist())

        few = thinned(given, CUTS, 2000)

        assert len(few) <= 2200
        assert few.event.sum() == event.sum()
        assert few.weights().sum() == pytest.approx(10_000, rel=0.01)


def test_an_event_on_a_cut_lies_before_it() -> None:
    """Intervals are open to the left: what happens on day 7 happens within 7 days."""
    assert interval_of(np.array([0.1, 7.0, 7.1, 90.0, 500.0]), CUTS).tolist() == [0, 0, 1, 2, 2]


def test_folds_keep_units_whole_and_share_events() -> None:
    """No unit is in two folds, and each fold has its part of the events."""
    unit = np.repeat(np.arange(40), 5)
    event = unit < 8

    fold = unit_folds(unit, event, 4)

    assert all(len(np.unique(fold[unit == one])) == 1 for one in range(40))
    assert [int(event[fold == k].sum()) for k in range(4)] == [10, 10, 10, 10]


@pytest.mark.parametrize(
    "broken", [{"after_days": [-1.0]}, {"after_days": [np.nan]}, {"group": [-2]}, {"weight": [-1.0]}, {"unit": [1, 2]}]
)
def test_refuses_what_cannot_be(broken: dict[str, list[float]]) -> None:
    """Time runs forwards and is known; lengths agree."""
    columns = {"group": [-1], "unit": [0], "at_days": [0.0], "after_days": [1.0], "event": [False]} | broken
    with pytest.raises(ValueError, match=r"must be|shape"):
        Landmarks(np.zeros((1, 0), np.float32), (), **{name: np.array(value) for name, value in columns.items()})
