"""Do weeks know their occasions, and are contracts and baskets counted as a plain loop counts them?"""

from datetime import date, timedelta

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from rfid3_demand import events
from rfid3_demand.model import fit_forecast

MONDAY = date(2025, 3, 3)
SCHEMA = {"contract": pl.String, "store": pl.String, "day": pl.Date, "units": pl.Int64, "classes": pl.Int64}
contracts = st.lists(
    st.tuples(st.sampled_from(["3607", "8101"]), st.integers(0, 40), st.integers(1, 30), st.integers(1, 5)),
    min_size=1,
    max_size=30,
)


def frame(content: list[tuple[str, int, int, int]]) -> pl.DataFrame:
    """Contracts from (store, day, units, classes)."""
    rows = [
        (f"C{k}", store, MONDAY + timedelta(days=day), units, classes) for k, (store, day, units, classes) in enumerate(content)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


class TestNames:
    def test_knows_the_year_of_an_event_rental_shop(self) -> None:
        """Holidays with their dates, the fair's twelve days up to Labor Day, and the seasons."""
        weeks = [date(2025, 1, 13), date(2025, 5, 19), date(2025, 8, 18), date(2025, 8, 25), date(2025, 9, 8)]

        named = events.names(weeks)

        assert named[0] == ["Martin Luther King Jr. Day (2025-01-20)"]
        assert named[1] == ["Memorial Day (2025-05-26)", "graduation open houses", "wedding season"]
        assert named[2] == ["Minnesota State Fair", "wedding season"]  # 21 August – 1 September 2025
        assert named[3] == ["Labor Day (2025-09-01)", "Minnesota State Fair", "wedding season"]
        assert named[4] == ["wedding season"]


class TestOneRowAContract:
    def test_the_pos_goes_before_the_scans(self) -> None:
        """A contract known to both counts once, with the POS's basket, bulk goods included."""
        posted = frame([("3607", 1, 20, 3)])
        scanned = pl.concat([posted.with_columns(units=pl.lit(12), classes=pl.lit(1)).cast(SCHEMA),
                             frame([("8101", 2, 5, 1)] * 2).filter(pl.col("contract") == "C1")])  # fmt: skip

        both = events.one_row_a_contract(posted, scanned)

        assert both.select("contract", "units").rows() == [("C0", 20), ("C1", 5)]


class TestWeekly:
    @given(contracts)
    def test_counts_as_a_loop_does(self, content: list) -> None:
        """Contracts, mean baskets and the share before a weekend, per store and over all stores."""
        table = events.weekly(frame(content))

        for store, week, count, units, most, classes, weekend in table.iter_rows():
            inside = [
                row for row in content
                if store in ("all", row[0]) and week <= MONDAY + timedelta(days=row[1]) < week + timedelta(days=7)
            ]  # fmt: skip
            assert count == len(inside)
            assert np.isclose(units, np.mean([row[2] for row in inside]))
            assert np.isclose(classes, np.mean([row[3] for row in inside]))
            assert sum(row[2] <= most for row in inside) >= 0.9 * len(inside)
            assert np.isclose(weekend, np.mean([(MONDAY + timedelta(days=row[1])).weekday() in (3, 4, 5) for row in inside]))


class TestPanel:
    def test_stores_add_up(self) -> None:
        """Contracts of the stores sum to all, past and ahead, and too short a past is no panel."""
        content = [
            (store, 7 * week + k, 10, 2)
            for week in range(20)
            for store, most in (("3607", 3), ("8101", 5))
            for k in range(most)
        ]
        weeks = [MONDAY + timedelta(days=7 * k) for k in range(20)]

        made = events.panel(frame(content), weeks, {})

        assert made is not None
        series, tree = made
        assert series.y.sum(axis=1).tolist() == [60, 100]
        forecast = fit_forecast(series, 4, hierarchy=tree, families=frozenset({"statistical"}))
        assert np.allclose(forecast.variants["ensemble"].mean, [[3] * 4, [5] * 4, [8] * 4], atol=0.2)
        assert events.panel(frame(content), weeks[:7], {}) is None

        alone = events.panel(frame(content).filter(pl.col("store") == "3607"), weeks, {})
        assert alone is not None
        one = fit_forecast(alone[0], 4, hierarchy=alone[1], families=frozenset({"statistical"}))
        assert np.allclose(one.variants["ensemble"].mean, [[3] * 4] * 2, atol=0.2)

        told = events.summary(frame(content), forecast, weeks, [weeks[-1] + timedelta(days=7 * k) for k in range(1, 5)])
        assert len(told["weeks"]) == len(told["names"]) == 24
        assert told["contracts"]["all"]["history"] == [8] * 20
        assert told["contracts"]["all"]["units_per_contract"] == 10
        assert len(told["contracts"]["8101"]["high"]) == 4
