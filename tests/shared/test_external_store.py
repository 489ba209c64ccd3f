"""Is what is known of outside factors told as it is: how many values, which one counts on a day, and whether they are enough?"""

import subprocess
import sys
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import create_tables, insert_rows, transaction
from rfid3_shared.external.correlation import Correlation
from rfid3_shared.external.coverage import Span, coverage, judge
from rfid3_shared.external.findings import Findings, keep_findings, latest_findings
from rfid3_shared.external.measurement import Measurement, write_measurements
from rfid3_shared.external.summary import summary
from rfid3_shared.external.values import DailyFactor, load_daily
from rfid3_shared.source.tables import external_factors, source_metadata

MONDAY = date(2025, 1, 6)
NOON = datetime(2026, 6, 10, 12, tzinfo=UTC)


def day(k: int) -> date:
    return MONDAY + timedelta(days=k)


async def rfid3_says(engine: AsyncEngine, rows: list[tuple[date, str, str, float | None]]) -> None:
    await create_tables(engine, source_metadata)
    async with transaction(engine) as connection:
        columns = ["date", "factor_type", "factor_name", "value", "source"]
        await insert_rows(
            connection, external_factors, columns, [(str(at), kind, name, value, "NOAA") for at, kind, name, value in rows]
        )


async def we_say(engine: AsyncEngine, *rows: Measurement, source: str = "open-meteo", later_hours: int = 0) -> None:
    async with transaction(engine) as connection:
        await write_measurements(connection, rows, source, FixedClock(NOON + timedelta(hours=later_hours)))


def rain(k: int, value: float, **more: object) -> Measurement:
    return Measurement("weather", "rain_in", day(k), value, **more)  # type: ignore[arg-type]


class TestOnEachBackend:
    async def test_values_summary_and_coverage(self, engine: AsyncEngine) -> None:
        """RFID3's value goes before ours, a measurement before a forecast, the surer before the other; forecasts only of days to come."""
        await rfid3_says(
            engine, [(day(0), "weather", "rain_in", 9.0), (day(1), "weather", "rain_in", None), (day(0), "holiday", "New", 1.0)]
        )
        await we_say(engine, *(rain(k, k, is_forecast=k > 6) for k in range(10)), rain(3, 30.0, location="Duluth"))
        await we_say(engine, rain(2, 2.5, quality=0.5), rain(3, 3.5, is_forecast=True), source="other", later_hours=1)
        await we_say(engine, rain(4, 4.5), source="other", later_hours=1)
        await we_say(engine, rain(5, 5.25), later_hours=2)

        async with transaction(engine) as connection:
            daily = await load_daily(connection, connection, day(0), day(20), day(7), ("weather", "economic"))
            told = await summary(connection, connection)
            ours = await summary(connection, None)
            covered = await coverage(connection, connection, Span(day(0), day(7), day(9)))

        assert [(one.factor_type, one.factor_name) for one in daily] == [("weather", "rain_in")]
        assert daily[0].values == {
            day(0): 9,
            day(1): 1,
            day(2): 2,
            day(3): 3,
            day(4): 4.5,
            day(5): 5.25,
            day(6): 6,
            day(8): 8,
            day(9): 9,
        }
        assert daily[0].forecast == {day(8), day(9)}
        found = {one.key: one for one in told}
        assert list(found) == [("holiday", "New", ""), ("weather", "rain_in", ""), ("weather", "rain_in", "Duluth")]
        here = found["weather", "rain_in", ""]
        assert (here.record_count, here.first_date, here.last_date, here.forecast_count) == (14, day(0), day(9), 4)
        assert (here.sources, here.last_updated) == (
            ("NOAA", "open-meteo", "other"),
            NOON.replace(tzinfo=None) + timedelta(hours=2),
        )
        assert found["holiday", "New", ""].last_updated is None
        assert [one.key for one in ours] == list(found)[1:]
        assert [(one.history_ratio, one.horizon_ratio, one.forecast_days, one.use) for one in covered] == [
            (0.875, 1.0, 2, "refused")
        ]

    async def test_findings_are_kept_whole_and_replaced_whole(self, engine: AsyncEngine) -> None:
        """What was found comes back as it was, surest first; the next analysis leaves nothing of it."""
        async with transaction(engine) as connection:
            assert await latest_findings(connection) == Findings(None, None, 0, None, 0, [], [])
        links = [
            Correlation("weather", "rain_in", "units", lag, 0.5, 0.25, 0.75, 0.01, q, 60) for lag, q in ((1, 0.5), (3, 0.04))
        ]
        at = NOON.replace(tzinfo=None)
        made = Findings(at, day(60), 2, (day(0), day(60)), 2, links, [], "differences")

        async with transaction(engine) as connection:
            await keep_findings(connection, made, [("economic", "gasoline", 12)])
        async with transaction(engine) as connection:
            found = await latest_findings(connection)
        async with transaction(engine) as connection:
            await keep_findings(connection, Findings(at, day(67), 0, None, 0, [], [], ""), [])
        async with transaction(engine) as connection:
            emptied = await latest_findings(connection)

        assert (found.computed_at, found.data_as_of, found.date_range, found.tried) == (at, day(60), (day(0), day(60)), 2)
        assert [(one.lag_weeks, one.significant) for one in found.correlations] == [(3, True), (1, False)]
        assert found.correlations[0] == links[1]
        assert [one.sentence for one in found.not_enough] == ["gasoline: not enough overlap: 12 weeks, needed 26."]
        assert (emptied.correlations, emptied.not_enough, emptied.date_range) == ([], [], None)


class TestLightness:
    def test_what_the_gateway_reads_with_needs_no_numerical_library(self) -> None:
        """Summary and findings are asked for by processes that shall stay small."""
        script = (
            "import sys, rfid3_shared.external.summary, rfid3_shared.external.findings;"
            "print([name for name in ('numpy', 'polars', 'httpx', 'holidays') if name in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

        assert done.stdout.strip() == "[]"


class TestWriteMeasurements:
    @pytest.mark.parametrize(
        "row",
        [rain(0, float("nan")), rain(0, 1e9), Measurement("wether", "x", day(0), 1), Measurement("weather", "", day(0), 1),
         Measurement("weather", "x" * 101, day(0), 1), rain(0, 1, location="x" * 51), rain(0, 1, quality=1.5)],
    )  # fmt: skip
    async def test_refuses_what_the_table_cannot_hold(self, row: Measurement) -> None:
        """Before any SQL: NaN, huge values, unknown types, names without or with too many letters."""
        with pytest.raises(ValueError, match=str(row.day)):
            await write_measurements(None, [row], "test", FixedClock(NOON))  # type: ignore[arg-type]


SPAN = Span(day(0), day(69), day(139))


def factor(days: list[int], forecast: list[int] | None = None) -> DailyFactor:
    return DailyFactor("weather", "x", values={day(k): float(k) for k in days}, forecast={day(k) for k in forecast or []})


class TestJudge:
    @pytest.mark.parametrize(
        ("days", "use", "past", "ahead"),
        [
            (range(140), "past and horizon", 1.0, 1.0),
            (range(70), "past only", 1.0, 0.0),
            (range(84), "past only", 1.0, 0.2),
            (range(7, 133), "past and horizon", 0.9, 0.9),
            (range(8, 140), "refused", 62 / 70, 1.0),
            ([k for k in range(140) if k % 3], "refused", 46 / 70, 47 / 70),
            (range(70, 140), "refused", 0.0, 1.0),
        ],
    )  # fmt: skip
    def test_a_daily_factor_is_held_against_every_day(self, days: range, use: str, past: float, ahead: float) -> None:
        """Ninety percent of the history's days or nothing; ninety percent of the horizon or only its past."""
        said = judge(factor(list(days)), SPAN)

        assert (said.use, said.history_ratio, said.horizon_ratio) == (
            use,
            pytest.approx(past, abs=1e-4),
            pytest.approx(ahead, abs=1e-4),
        )
        assert said.weekdays == tuple(range(7))
        assert f"{past:.0%}" in said.why

    @pytest.mark.parametrize(("weekdays", "name"), [((5,), "weekly"), ((0, 1, 2, 3, 4), "exchange")])
    def test_a_factor_told_on_certain_weekdays_is_held_against_those(self, weekdays: tuple[int, ...], name: str) -> None:
        """A figure a week, or prices from Monday to Friday less a holiday now and then, cover their weeks."""
        said = judge(factor([k for k in range(70) if k % 7 in weekdays and k != 21]), SPAN)

        assert (said.weekdays, said.use) == (weekdays, "past only")
        assert said.history_ratio > 0.9

    def test_a_monthly_factor_is_refused(self) -> None:
        """One value a month says nothing of a week."""
        said = judge(factor([0, 31, 59]), SPAN)

        assert (said.use, said.history_ratio) == ("refused", pytest.approx(3 / 70, abs=1e-4))

    def test_forecast_days_are_marked(self) -> None:
        """A horizon that only a forecast covers is used, and says so."""
        said = judge(factor(list(range(140)), forecast=list(range(70, 140))), SPAN)

        assert (said.use, said.forecast_days) == ("past and horizon", 70)
        assert "70 of its days as a forecast" in said.why

    @given(st.sets(st.integers(-20, 160)))
    def test_more_days_never_cover_less(self, days: set[int]) -> None:
        """For a daily factor the ratios are shares of days, and adding a day inside lowers none of them."""
        every = sorted({*days, *range(0, 140, 2), *range(1, 140, 4)})
        more = sorted({*every, 3})

        one, other = (judge(factor(list(each)), SPAN) for each in (every, more))

        assert 0 <= one.history_ratio <= other.history_ratio <= 1
        assert one.history_ratio == pytest.approx(sum(0 <= k < 70 for k in every) / 70, abs=1e-4) or one.weekdays != tuple(
            range(7)
        )

    def test_nothing_covers_nothing(self) -> None:
        """A factor without a value is refused, not a fault."""
        assert judge(factor([]), SPAN).use == "refused"
