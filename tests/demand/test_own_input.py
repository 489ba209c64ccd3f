"""Is each of a caller's series understood, or refused with what is wrong and where, by itself?"""

import contextlib
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_demand import own_input
from rfid3_shared.errors import AppError, InsufficientData, InvalidParameters

MONDAY = date(2026, 1, 5)


def days(count: int, step: int = 7) -> list[str]:
    return [str(MONDAY + timedelta(days=step * k)) for k in range(count)]


def weekly(**changes: Any) -> dict[str, Any]:
    return {"id": "a", "ds": days(4), "y": [1, 2, 3, 4], **changes}


class TestChecked:
    @given(st.permutations(list(range(8))))
    def test_order_does_not_matter(self, order: list[int]) -> None:
        """However the entries are ordered, the same series comes out."""
        ds, y = days(8), [float(k) for k in range(8)]

        own = own_input.checked({"id": "a", "ds": [ds[k] for k in order], "y": [y[k] for k in order]}, "W-MON", 1)

        assert (own.ds, own.y) == ([MONDAY + timedelta(days=7 * k) for k in range(8)], y)
        assert bool(own.warnings) == (order != sorted(order))

    def test_equal_doubles_are_one_and_contradictions_are_refused(self) -> None:
        """A value written twice counts once; two values for one week are named with their dates."""
        own = own_input.checked(weekly(ds=[*days(4), days(4)[3]], y=[1, 2, 3, 4, 4]), "W-MON", 1)
        with pytest.raises(InvalidParameters, match="2026-01-26"):
            own_input.checked(weekly(ds=[*days(4), days(4)[3]], y=[1, 2, 3, 4, 5]), "W-MON", 1)

        assert own.y == [1, 2, 3, 4]
        assert "twice" in own.warnings[0]

    def test_gaps_are_counted_and_their_filling_is_said(self) -> None:
        """Counts take 0 and sizes are interpolated, which the warning says; the dates stay as they were."""
        gap = days(6)
        counts = own_input.checked(weekly(ds=[gap[0], gap[1], gap[5]], y=[1, 2, 3]), "W-MON", 1)
        sizes = own_input.checked(weekly(ds=[gap[0], gap[1], gap[5]], y=[1.5, 2, 3]), "W-MON", 1)

        assert "3 of 6 steps" in counts.warnings[0]
        assert "0, as counts" in counts.warnings[0]
        assert "interpolated" in sizes.warnings[0]

    def test_time_zones_are_read_and_said(self) -> None:
        """By the day the written local day counts, by the hour UTC does; zoned and plain ones do not mix."""
        daily = own_input.checked(weekly(ds=["2026-01-05T23:30:00-06:00", "2026-01-06T23:30:00-06:00"], y=[1, 2]), "D", 1)
        hourly = own_input.checked(weekly(ds=["2026-01-05T23:30:00-06:00", "2026-01-06T06:30:00Z"], y=[1, 2]), "h", 1)
        with pytest.raises(InvalidParameters, match="different ways"):
            own_input.checked(weekly(ds=["2026-01-05T23:30:00-06:00", "2026-01-06T06:30:00"], y=[1, 2]), "h", 1)

        assert daily.ds == [date(2026, 1, 5), date(2026, 1, 6)]
        assert [str(stamp) for stamp in hourly.ds] == ["2026-01-06 05:30:00", "2026-01-06 06:30:00"]
        assert "time zone" in hourly.warnings[0]

    def test_a_long_history_keeps_its_latest_steps(self) -> None:
        """100,000 rows are cut to what is used, and the caller learns how many were left out."""
        own = own_input.checked({"id": "a", "ds": list(range(100_000)), "y": [1] * 100_000}, "h", 1)

        assert own.ds == list(range(95_000, 100_000))
        assert "95000 earlier entries" in own.warnings[-1]

    def test_a_century_between_two_hours_is_no_grid_of_a_million(self) -> None:
        """What lies further back than the steps used is left out, however few the entries."""
        own = own_input.checked(weekly(ds=["1926-01-01T00:00:00", "2026-01-01T00:00:00"], y=[1, 2]), "h", 1)

        assert len(own.ds) == 1

    def test_regressors_must_reach_over_the_horizon(self) -> None:
        """A hole in the future is refused with its step; none at all means that only the past is used."""
        rain = {"regressors": {"rain": [1, 2, None, 4]}}
        known = own_input.checked(weekly(**rain, future={"rain": [5, 6, 7]}), "W-MON", 2)
        lags = own_input.checked(weekly(**rain), "W-MON", 2)
        with pytest.raises(InvalidParameters, match="step 2 after 2026-01-26"):
            own_input.checked(weekly(**rain, future={"rain": [5, None]}), "W-MON", 2)

        assert known.future == {"rain": [5.0, 6.0]}
        assert lags.future == {}
        assert "only their past" in lags.warnings[-1]

    @pytest.mark.parametrize(
        ("given", "fact"),
        [
            ({"ds": [], "y": []}, "id"),
            ({"id": "a", "ds": [], "y": []}, "no value"),
            ({"id": "a", "ds": days(2), "y": [None, None]}, "no value"),
            ({"id": "a", "ds": days(2), "y": [1]}, "equal length"),
            ({"id": "a", "ds": days(2)}, "equal length"),
            ({"id": "a", "ds": days(2), "y": [1, "two"]}, "'two'"),
            ({"id": "a", "ds": days(2), "y": [1, True]}, "'True'"),
            ({"id": "a", "ds": days(2), "y": [1, 1e300]}, "1e+300"),
            ({"id": "a", "ds": ["yesterday"], "y": [1]}, "'yesterday'"),
            ({"id": "a", "ds": ["2026-02-30"], "y": [1]}, "2026-02-30"),
            ({"id": "a", "ds": [None], "y": [1]}, "'None'"),
            ({"id": "a", "ds": [1, "2026-01-05"], "y": [1, 2]}, "different ways"),
            ({"id": "a", "ds": days(2), "y": [1, 2], "z": 3}, "z"),
            ({"id": "a", "ds": days(2), "y": [1, 2], "regressors": {"p": [1]}}, "'p'"),
            ({"id": "a", "ds": days(2), "y": [1, 2], "regressors": [1]}, "regressors"),
            ({"id": "a", "ds": days(2), "y": [1, 2], "future": {"q": [1]}}, "'q'"),
            ({"id": ["a"], "ds": days(2), "y": [1, 2]}, "id"),
        ],
    )
    def test_what_has_no_meaning_is_refused_in_words(self, given: dict[str, Any], fact: str) -> None:
        """A fault of one series is an error of ours, never an exception of the language."""
        with pytest.raises((InvalidParameters, InsufficientData)) as refusal:
            own_input.checked(given, "W-MON", 1)

        assert fact in refusal.value.message

    @given(st.dictionaries(st.sampled_from(["id", "ds", "y", "regressors", "future"]),
                           st.recursive(st.none() | st.booleans() | st.floats() | st.text(max_size=12) | st.integers(),
                                        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
                                        max_leaves=8)))  # fmt: skip
    def test_anything_at_all_is_a_series_or_a_refusal(self, given: dict[str, Any]) -> None:
        """Whatever JSON holds, nothing but the suite's own errors comes out."""
        with contextlib.suppress(AppError):
            assert own_input.checked(given, "D", 2).ds


class TestSeriesOfRows:
    def test_long_rows_say_what_lists_say(self) -> None:
        """The same series in either form; rows after the last y are the regressors ahead, in whatever order."""
        rows = [
            {"id": "a", "ds": stamp, "y": value, "rain": k}
            for k, (stamp, value) in enumerate(zip(days(3), [1, 2, 3], strict=True))
        ]
        ahead = [{"id": "a", "ds": days(5)[4], "rain": 9}, {"id": "a", "ds": days(5)[3], "y": None, "rain": 8}]

        found = own_input.series_of_rows([ahead[0], *rows, ahead[1]], "W-MON", 2)

        assert own_input.checked(found[0], "W-MON", 2).future == {"rain": [8.0, 9.0]}
        assert own_input.checked(found[0], "W-MON", 2).past == {"rain": [0.0, 1.0, 2.0]}

    def test_rows_that_cannot_be_read_are_refused_as_a_series(self) -> None:
        """A bad date refuses its own series, with the date."""
        found = own_input.series_of_rows([{"id": "a", "ds": "soon", "y": 1}, {"id": "b", "ds": days(1)[0], "y": 1}], "D", 1)

        with pytest.raises(InvalidParameters, match="soon"):
            own_input.checked(found[0], "D", 1)
        assert own_input.checked(found[1], "D", 1).y == [1.0]
