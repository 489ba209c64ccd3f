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
