"""Anybody's tables: which series are refused and in which words, and that the others are unharmed."""

from datetime import UTC, date, datetime, timedelta, timezone

import numpy as np
import polars as pl
import pytest

from rfid3_demand.model import own_series
from rfid3_demand.model.stamp_zones import without_zone
from rfid3_shared.errors import InvalidParameters
from rfid3_shared.series import parse_frequency

DAILY = parse_frequency("D")
FIRST = date(2024, 1, 1)


def days(name: str, values: list[float | None], first: date = FIRST) -> pl.DataFrame:
    """One daily series."""
    stamps = [first + timedelta(days=k) for k in range(len(values))]
    return pl.DataFrame({"unique_id": [name] * len(values), "ds": stamps, "y": pl.Series(values, dtype=pl.Float64)})


def built(*frames: pl.DataFrame, horizon: int = 7, fill: str | None = None, **more: object) -> own_series.OwnSeries:
    """The panel of these series."""
    return own_series.build(pl.concat(frames), DAILY, 7, horizon, fill, **more)  # type: ignore[arg-type]


GOOD = days("good", [float(k % 5) for k in range(40)])


class TestBuild:
    """A faulty series is left out with its reason; the rest of the batch is as if it had come alone."""

    @pytest.mark.parametrize(
        ("bad", "said"),
        [
            (pl.concat([days("bad", [1.0, 2.0]), days("bad", [3.0])]), "two rows for the period of 2024-01-01"),
            (days("bad", [None, None]), "no row with a value"),
            (days("bad", [float("nan")]), "no row with a value"),
            (days("bad", [1.0, float("inf"), 2.0]), "beyond 1e+15"),
        ],
    )
    def test_one_bad_series_leaves_the_others_as_they_are(self, bad: pl.DataFrame, said: str) -> None:
        """Reason by name of the series; identical arrays for the good one."""
        series, alone = built(GOOD, bad), built(GOOD)
        assert said in series.refused["bad"]
        assert series.panel.ids == ("good",)
        np.testing.assert_array_equal(series.panel.y, alone.panel.y)
        assert series.last == alone.last

    def test_refuses_when_nothing_is_left(self) -> None:
        """The first reason is the message, all of them are in the details."""
        with pytest.raises(InvalidParameters, match="no row with a value") as caught:
            built(days("a", [None]), days("b", [None]))
        assert set(caught.value.details["refused"]) == {"a", "b"}

    def test_gaps_can_be_refused_per_series(self) -> None:
        """fill = error refuses the series with a hole, not its neighbours."""
        holey = days("holey", [1.0, 2.0, None, 4.0]).drop_nulls()
        series = built(GOOD, holey, fill="error")
        assert series.refused == {"holey": "Series 'holey' has missing dates inside it."}
        assert built(GOOD, holey).filled == 1

    def test_order_of_rows_does_not_matter(self) -> None:
        """Unsorted input gives the same panel."""
        frame = pl.concat([GOOD, days("other", [3.0, 1.0, 2.0])])
        shuffled = frame[np.random.default_rng(1).permutation(len(frame)).tolist()]
        np.testing.assert_array_equal(built(shuffled).panel.y, built(frame).panel.y)

    def test_an_overlong_series_keeps_its_last_steps(self) -> None:
        """100,000 rows: the last 10,000 steps, said in a note; the dates end where the series does."""
        values = [float(k % 7) for k in range(100_000)]
        frame = pl.DataFrame({"unique_id": ["a"] * len(values), "ds": range(len(values)), "y": values})
        series = own_series.build(frame, DAILY, 7, 3, None)
        assert series.panel.y.shape == (1, 10_000)
        np.testing.assert_array_equal(series.panel.y[0], values[-10_000:])
        assert series.panel.dates[-1] == 99_999
        assert "last 10,000 steps" in series.notes[0]

    def test_a_stray_date_centuries_ago_costs_no_memory(self) -> None:
        """The span is cut before arrays are made; the window starts at its first known value."""
        series = built(pl.concat([days("a", [5.0], date(1024, 1, 1)), days("a", [0.5, 2.0, 3.0])]))
        assert series.panel.y.shape[1] <= own_series.MOST_STEPS
        np.testing.assert_array_equal(series.panel.y[0, -3:], [0.5, 2.0, 3.0])
        assert np.isnan(series.panel.y[0, :-3]).all()

    @pytest.mark.parametrize("horizon", [0, -1, 3651])
    def test_horizons_beyond_reason_are_refused(self, horizon: int) -> None:
        """Whole request: no history supports more than ten years of days."""
        with pytest.raises(InvalidParameters, match="beyond reason"):
            built(GOOD, horizon=horizon)

    def test_a_horizon_beyond_one_series_history_refuses_that_series(self) -> None:
        """More than ten times its own length (and 60): only that one is left out."""
        series = built(GOOD, days("young", [1.0]), horizon=365)
        assert "1 steps of history: 365 ahead are beyond reason, at most 60" in series.refused["young"]
        assert series.panel.ids == ("good",)
        assert built(days("young", [1.0]), horizon=60).refused == {}

    def test_days_with_a_zone_keep_the_date_on_the_wall(self) -> None:
        """Midnight in Madrid is not the evening before."""
        stamps = [datetime(2024, 3, 30, tzinfo=timezone(timedelta(hours=1))) + timedelta(days=k) for k in range(4)]
        zoned = pl.Series(stamps).dt.convert_time_zone("Europe/Madrid")
        series = built(pl.DataFrame({"unique_id": ["a"] * 4, "ds": zoned, "y": [1.0, 2, 3, 4]}))
        assert series.last[0].day == 2
        assert series.filled == 0
        assert "local dates" in series.notes[0]

    def test_hours_with_a_zone_count_in_utc(self) -> None:
        """The hour that clocks show twice in October is two hours."""
        stamps = [datetime(2024, 10, 26, 20, tzinfo=UTC) + timedelta(hours=k) for k in range(12)]
        zoned = pl.Series(stamps).dt.convert_time_zone("Europe/Madrid")
        frame = pl.DataFrame({"unique_id": ["a"] * 12, "ds": zoned, "y": [float(k) for k in range(12)]})
        series = own_series.build(frame, parse_frequency("h"), 24, 3, None)
        np.testing.assert_array_equal(series.panel.y[0], range(12))
        assert series.last[0] == datetime(2024, 10, 27, 7)

    def test_regressors_without_any_future_are_past_only(self) -> None:
        """Offered for no series up to the horizon: said, and used as known for the past."""
        frame = GOOD.with_columns(temperature=pl.lit(3.0))
        short = pl.DataFrame({"unique_id": ["good"], "ds": [FIRST + timedelta(days=40)], "temperature": [1.0]})
        series = own_series.build(frame, DAILY, 7, 7, None, short)
        assert list(series.panel.past) == ["temperature"]
        assert not series.panel.known
        assert "temperature lacks future values" in series.notes[0]

    def test_a_series_that_lacks_future_values_takes_them_from_no_other(self) -> None:
        """It is refused by name; the others keep the regressor as known ahead."""
        frame = pl.concat([GOOD, days("poor", [1.0] * 40)]).with_columns(promo=pl.lit(1.0))
        ahead = [FIRST + timedelta(days=40 + k) for k in range(7)]
        future = pl.DataFrame({"unique_id": ["good"] * 7, "ds": ahead, "promo": [0.0] * 7})
        series = own_series.build(frame, DAILY, 7, 7, None, future)
        assert "lacks values of 'promo'" in series.refused["poor"]
        np.testing.assert_array_equal(series.panel.known["promo"][0, -7:], 0.0)


class TestBuildParts:
    """One negative or fractional series must not turn a thousand counts into sizes."""

    def test_a_few_other_series_are_set_apart(self) -> None:
        """Counts stay counts; the fractional and the negative series form the second part."""
        counts = [days(f"c{k}", [float((k + j) % 4) for j in range(30)]) for k in range(10)]
        parts = own_series.build_parts(pl.concat([*counts, days("n", [-1.0, 2.0]), days("f", [0.5, 2.0])]), DAILY, 7, 7, None)
        assert [part.panel.counts for part in parts] == [True, False]
        assert set(parts[1].panel.ids) == {"f", "n"}
        assert len(parts[0].panel.ids) == 10

    def test_mostly_sizes_stay_together(self) -> None:
        """A series of sizes that happens to be whole is no count."""
        frame = pl.concat([days("w", [1.0, 2.0]), days("f", [0.5, 2.0])])
        parts = own_series.build_parts(frame, DAILY, 7, 7, None)
        assert len(parts) == 1
        assert not parts[0].whole

    def test_a_refused_part_leaves_the_other(self) -> None:
        """All of the second part is faulty: its reasons are with the first."""
        counts = [days(f"c{k}", [1.0, 2.0, 3.0]) for k in range(10)]
        bad = pl.concat([days("f", [0.5]), days("f", [0.5])])
        parts = own_series.build_parts(pl.concat([*counts, bad]), DAILY, 7, 7, None)
        assert len(parts) == 1
        assert "two rows" in parts[0].refused["f"]


class TestWithoutZone:
    """Text of stamps with a zone."""

    def test_dates_without_a_zone_stay(self) -> None:
        """A date's last hyphen is no offset."""
        text = pl.Series(["2024-01-01", "2024-01-02 10:00:00"])
        assert without_zone(text, True)[0].to_list() == text.to_list()
        assert without_zone(text, True)[1] is None

    def test_hours_become_utc_and_days_keep_their_date(self) -> None:
        """+02:00, +0200 and Z alike."""
        text = pl.Series(["2024-06-01T00:00:00+02:00", "2024-06-01T03:00:00Z", "2024-06-01T00:00:00-0100"])
        parsed = without_zone(text, True)[1]
        assert parsed is not None
        assert parsed.to_list() == [datetime(2024, 5, 31, 22), datetime(2024, 6, 1, 3), datetime(2024, 6, 1, 1)]
        assert without_zone(text, False)[0].to_list() == ["2024-06-01T00:00:00", "2024-06-01T03:00:00", "2024-06-01T00:00:00"]
