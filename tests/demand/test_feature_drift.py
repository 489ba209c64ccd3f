"""Are live features what they say, and is the right season their reference?"""

from datetime import date, timedelta

import numpy as np
import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from rfid3_demand import feature_drift

FIRST = date(2025, 1, 6)
SCHEMA = {"rental_class": pl.String, "week": pl.Date, "units": pl.Int64}


def frame(units: list[tuple[str, int, int]]) -> pl.DataFrame:
    """Rows (class, week number, units) as a frame."""
    return pl.DataFrame(
        [(name, FIRST + timedelta(days=7 * week), count) for name, week, count in units], schema=SCHEMA, orient="row"
    )


class TestByClass:
    @settings(deadline=None)
    @given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 39), st.integers(1, 9)), min_size=1, max_size=40))
    def test_equals_a_count_by_hand(self, units: list[tuple[str, int, int]]) -> None:
        """Units of the week, of four weeks, and weeks since the last departure, week by week."""
        weeks = [FIRST + timedelta(days=7 * k) for k in range(40)]

        names, found = feature_drift.by_class(frame(units), weeks)

        for at, name in enumerate(names):
            left = [sum(count for other, week, count in units if (other, week) == (name, k)) for k in range(40)]
            for week in range(40):
                values = [found[feature][at, week] for feature in feature_drift.NAMES]
                busy = [k for k in range(week + 1) if left[k]]
                if not busy:
                    assert np.isnan(values).all()
                else:
                    assert values == [left[week], sum(left[max(0, week - 3) : week + 1]), min(week - busy[-1], 26)]


def old_formulas(units: pl.DataFrame, weeks: list[date]) -> tuple[list[str], dict[str, np.ndarray]]:
    """The features as they were computed before they were declared: by sums and running maxima over a matrix of weeks."""
    inside = units.filter(pl.col("week").is_in(weeks))
    names = sorted(inside["rental_class"].unique().to_list())
    row_of, column_of = {name: at for at, name in enumerate(names)}, {week: at for at, week in enumerate(weeks)}
    left = np.zeros((len(names), len(weeks)))
    for name, week, count in inside.select("rental_class", "week", "units").iter_rows():
        left[row_of[name], column_of[week]] += count
    begun = np.maximum.accumulate(left > 0, axis=1)
    sums = np.cumsum(np.pad(left, ((0, 0), (4, 0))), axis=1)
    at = np.arange(len(weeks))
    last = np.maximum.accumulate(np.where(left > 0, at, -1), axis=1)
    found = {
        "units_week": left, "units_4_weeks": sums[:, 4:] - sums[:, :-4],
        "weeks_since_departure": np.minimum(at - last, 26).astype(float),
    }  # fmt: skip
    return names, {name: np.where(begun, values, np.nan) for name, values in found.items()}


class TestDeclared:
    @given(
        st.lists(st.tuples(st.sampled_from(["61825", "7", "ä"]), st.integers(-5, 50), st.integers(0, 400)), max_size=60),
        st.integers(0, 20), st.integers(0, 40),
    )  # fmt: skip
    def test_say_what_the_formulas_said(self, units: list[tuple[str, int, int]], first: int, count: int) -> None:
        """Same classes, same numbers to the bit, over any stretch of weeks: weeks outside it, nothing left and no week at all too."""
        weeks = [FIRST + timedelta(days=7 * (first + k)) for k in range(count)]

        names, found = feature_drift.by_class(frame(units), weeks)

        old_names, old = old_formulas(frame(units), weeks)
        assert (names, list(found)) == (old_names, list(old))
        for name, values in old.items():
            np.testing.assert_array_equal(found[name], values, strict=True)


class TestReferences:
    def test_are_those_of_the_weeks_own_month(self) -> None:
        """A week in June is held against the Junes of the history; a month never seen has no reference."""
        units = frame([(f"c{number}", week, number + week) for number in range(1, 21) for week in range(30)])
        spec = feature_drift.spec_of(units, FIRST, FIRST + timedelta(days=7 * 30 - 1))

        june = feature_drift.references_of(spec, date(2026, 6, 1))

        assert set(june) == set(feature_drift.NAMES)
        assert june["units_week"]["count"] == 20
        assert min(june["units_week"]["edges"]) > 20
        assert feature_drift.references_of(spec, date(2026, 12, 7)) == {}
        assert feature_drift.references_of(None, date(2026, 6, 1)) == {}
