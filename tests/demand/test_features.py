"""Do the features say what the frames say, and never look ahead?"""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_demand import features
from rfid3_demand.nodes import Node
from rfid3_demand.present.week import split_week
from rfid3_shared.errors import InsufficientData

MONDAY = date(2025, 1, 6)
WEEKS = [MONDAY + timedelta(days=7 * k) for k in range(10)]
UNITS = {"rental_class": pl.String, "store": pl.String, "week": pl.Date, "units": pl.Int64}
rows = st.lists(
    st.tuples(st.sampled_from(["1", "2", "3"]), st.sampled_from(["3607", "8101"]), st.sampled_from(WEEKS), st.integers(1, 9)),
    max_size=30,
)  # fmt: skip
CLASSES = pl.DataFrame(
    {
        "rental_class": ["1", "2"],
        "name": ["TABLE", "CHAIR"],
        "category": ["Tables", "Chairs"],
        "subcategory": ["Round", "Folding"],
    }
)


def frame(content: list[tuple[str, str, date, int]]) -> pl.DataFrame:
    return pl.DataFrame(content, schema=UNITS, orient="row")


def begun(units: pl.DataFrame) -> pl.DataFrame:
    return units.group_by("rental_class").agg(pl.col("week").min().alias("first_week"))


class TestWeeklyUnits:
    @given(rows, rows)
    def test_no_class_and_week_counts_twice(self, scanned: list, posted: list) -> None:
        """Each class and week comes from scans or from POS lines, as a plain loop over the rows says."""
        result = features.weekly_units(frame(scanned), frame(posted))

        first = {name: min(week for other, _, week, _ in scanned if other == name) for name, *_ in scanned}
        expected: dict[tuple[str, str, date], int] = {}
        for name, store, week, units in scanned:
            expected[name, store, week] = expected.get((name, store, week), 0) + units
        for name, store, week, units in posted:
            if name not in first or week < first[name]:
                expected[name, store, week] = expected.get((name, store, week), 0) + units
        assert {row[:3]: row[3] for row in result.select("rental_class", "store", "week", "units").iter_rows()} == expected
        assert result.group_by("rental_class", "week").agg(pl.col("origin").n_unique().alias("n"))["n"].max() in (None, 1)


class TestCompleteWeeks:
    @given(st.dates(date(2020, 1, 1), date(2030, 1, 1)), st.integers(0, 400))
    def test_every_week_lies_wholly_between_the_days(self, first: date, days: int) -> None:
        """All whole weeks and no other."""
        last = first + timedelta(days=days)
        mondays = [first + timedelta(days=k) for k in range(days + 1) if (first + timedelta(days=k)).weekday() == 0]

        assert features.complete_weeks(first, last) == [day for day in mondays if day + timedelta(days=6) <= last]


class TestPanel:
    def test_weeks_before_a_class_began_are_unknown_and_later_gaps_are_zero(self) -> None:
        """NaN until four weeks before the first sign of life, zero where nothing left afterwards."""
        units = frame([("1", "3607", WEEKS[7], 5), ("2", "8101", WEEKS[0], 2)])
        first = pl.DataFrame({"rental_class": ["1", "2"], "first_week": [WEEKS[6], WEEKS[0]]})

        bottom, labels = features.panel(units, first, CLASSES, WEEKS[:9], 4, {})

        assert labels["category"].to_list() == ["Chairs", "Tables"]
        assert np.array_equal(bottom.y[1], [np.nan, np.nan, 0, 0, 0, 0, 0, 5, 0], equal_nan=True)
        assert bottom.y[0].tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0]
        assert bottom.seen is not None
        assert bottom.seen.tolist() == [0, 6]

    @given(rows.filter(bool), st.integers(1, 100))
    def test_the_week_in_progress_moves_nothing(self, content: list, more: int) -> None:
        """Units of a week that is not complete change no number of the panel."""
        units = frame(content)
        later = pl.concat([units, frame([("1", "3607", WEEKS[-1] + timedelta(days=7), more)])])

        panels = [features.panel(one, begun(units), CLASSES, WEEKS, 4, {})[0] for one in (units, later)]

        assert np.array_equal(panels[0].y, panels[1].y, equal_nan=True)

    def test_nothing_to_learn_from_is_said(self) -> None:
        """Without a unit in a complete week there is no panel."""
        with pytest.raises(InsufficientData):
            features.panel(frame([]), begun(frame([])), CLASSES, WEEKS, 4, {})

    def test_a_class_without_mapping_is_kept_and_named(self) -> None:
        """Unmapped classes are forecast too, under a category that says so."""
        units = frame([("9", "3607", WEEKS[0], 1)])

        assert features.panel(units, begun(units), CLASSES, WEEKS, 4, {})[1]["category"].to_list() == [features.UNMAPPED]


class TestHierarchy:
    @given(rows.filter(bool))
    def test_every_node_is_the_sum_of_its_rows(self, content: list) -> None:
        """Totals by category and store equal a group-by over the rows."""
        units = frame(content)
        bottom, labels = features.panel(units, begun(units), CLASSES, WEEKS, 4, {})
        tree, nodes = features.hierarchy(bottom, labels)
        totals = dict(zip(nodes, np.asarray(tree.summing @ np.nan_to_num(bottom.y)).sum(axis=1), strict=True))

        named = units.join(CLASSES, on="rental_class", how="left").with_columns(pl.col("category").fill_null(features.UNMAPPED))
        for (category, store), part in named.group_by("category", "store"):
            assert totals[Node("category", str(category), str(store))] == part["units"].sum()
        for (number,), part in units.group_by("rental_class"):
            assert totals[Node("class", str(number), "all")] == part["units"].sum()
        assert totals[Node("all", "all", "all")] == units["units"].sum()
        assert [node.key for node in nodes[: len(bottom.ids)]] == list(bottom.ids)
        assert len(set(nodes)) == len(nodes)


class TestCalendar:
    @pytest.mark.parametrize(
        ("year", "memorial", "labor"),
        [(2024, date(2024, 5, 27), date(2024, 9, 2)), (2026, date(2026, 5, 25), date(2026, 9, 7))],
    )
    def test_seasons_move_with_the_holidays_they_hang_on(self, year: int, memorial: date, labor: date) -> None:
        """Summer is Memorial Day's Saturday to Labor Day, graduations lie around Memorial Day, counted day by day."""
        monday = date(year, 1, 1) - timedelta(days=date(year, 1, 1).weekday())
        weeks = [monday + timedelta(weeks=k) for k in range(52)]

        known = features.calendar(weeks, 1)

        for k, week in enumerate(weeks):
            days = [week + timedelta(days=n) for n in range(7)]
            assert known["summer_weeks"][k] == sum(memorial - timedelta(days=2) <= day <= labor for day in days) / 7
            around = [day for day in days if -14 <= (day - memorial).days <= 21]
            assert known["graduation_weeks"][k] == len(around) / 7

    def test_knows_the_holidays_that_move_rentals(self) -> None:
        """Memorial Day 2025 is Monday 26 May: it lies in its own week and lengthens the weekend before."""
        weeks = [date(2025, 5, 12) + timedelta(days=7 * k) for k in range(4)]
        known = features.calendar(weeks, 2)

        assert known["holiday_days"].tolist()[:4] == [0, 0, 1, 0]
        assert known["long_weekend"].tolist()[:3] == [0, 1, 0]
        assert features.holiday_names(weeks)[2] == ["Memorial Day"]
        assert all(len(values) == 6 for values in known.values())


class TestSplitWeek:
    @given(st.lists(st.integers(0, 30), min_size=3, max_size=3), st.floats(0, 1))
    def test_what_has_left_is_a_lower_bound_and_sums_stay_sums(self, so_far: list[int], ahead: float) -> None:
        """The nowcast adds up over nodes, never falls below what left already, and keeps quantiles in order."""
        summing = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
        units, mean = summing @ np.array(so_far, float), summing @ np.array([5.0, 0.2, 40.0])
        quantiles = np.maximum(mean[:, None] * np.array([0.2, 1.0, 2.0]), 0)

        now, spread = split_week(units, ahead, mean, quantiles)

        assert now[3] == pytest.approx(now[:3].sum())
        assert (spread >= units[:, None] - 1e-9).all()
        assert (np.diff(spread, axis=1) >= 0).all()
