"""`rfid3 external`: what a person at a shell learns of outside data, and which exit code a script gets."""

import asyncio
import gzip
from datetime import UTC, datetime, timedelta
from pathlib import Path

import factories
import pytest
from typer.testing import CliRunner

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import create_tables, open_engine, transaction
from rfid3_shared.errors import InvalidParameters
from rfid3_shared.external.commands import app
from rfid3_shared.external.import_file import import_file
from rfid3_shared.external.measurement import Measurement, write_measurements
from rfid3_shared.external.summary import summary
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.source.tables import source_metadata

CLOCK = FixedClock(datetime(2026, 6, 10, 12, tzinfo=UTC))
GOOD = """date,factor_type,factor_name,value,source,metadata
2025-06-01,weather,temperature_mean_f,71.5,NOAA,
2025-06-02,Weather,temperature_mean_f,70,,{}
2025-06-01,economic,gasoline,3.1,,
"""
BAD = """2025-06-01,wether,x,1,,
soon,weather,x,1,,
2025-06-01,weather,x,warm,,
2025-06-01,weather,,1,,
2025-06-01,weather,x,1e12,,
2025-06-01,weather,x,1
"""


@pytest.fixture
def run(store_dsn: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RFID3_STORE_URL", store_dsn)
    monkeypatch.setenv("RFID3_SOURCE_URL", store_dsn)
    monkeypatch.setenv("COLUMNS", "220")
    return lambda *arguments: CliRunner().invoke(app, list(arguments))


@pytest.fixture
def shop(store_dsn: str) -> None:
    """Thirty weeks of a steady shop, rain known for all of them and two weeks more, wind for the second half."""

    async def fill() -> None:
        engine = open_engine(store_dsn)
        await ensure_schema(engine)
        await factories.steady_shop(engine, 30)
        first = factories.FIRST_MONDAY
        rows = [Measurement("weather", "rain_in", first + timedelta(days=k), k % 5, is_forecast=k > 210) for k in range(225)]
        rows += [Measurement("weather", "wind_max_mph", first + timedelta(days=k), k % 7) for k in range(105, 210)]
        async with transaction(engine) as connection:
            await write_measurements(connection, rows, "open-meteo", CLOCK)
        await engine.dispose()

    asyncio.run(fill())


class TestImport:
    async def test_takes_good_rows_and_names_bad_ones(self, tmp_path: Path, store_dsn: str) -> None:
        """RFID3's own form is understood; each bad row is told with its line and reason; the same file again changes nothing."""
        engine = open_engine(store_dsn)
        await ensure_schema(engine)
        path = tmp_path / "factors.csv.gz"
        path.write_bytes(gzip.compress((GOOD + BAD).encode()))

        report = await import_file(engine, path, CLOCK, "station")
        again = await import_file(engine, path, CLOCK, "station")

        async with transaction(engine) as connection:
            found = {(one.factor_name, one.sources): one.record_count for one in await summary(connection, None)}
        assert (report.rows_read, report.rows_new, report.rows_rejected) == (9, 3, 6)
        assert [(bad.line, bad.column) for bad in report.rejections] == [
            (5, "factor_type"), (6, "date"), (7, "value"), (8, None), (9, None), (10, None),
        ]  # fmt: skip
        assert "did you mean weather?" in report.rejections[0].reason
        assert report.ignored_columns == ["metadata"]
        assert again.rows_new == 3
        assert found == {("temperature_mean_f", ("NOAA", "station")): 2, ("gasoline", ("station",)): 1}
        await engine.dispose()

    @pytest.mark.parametrize("text", [None, "", "day,kind,name,value\n"])
    async def test_refuses_what_is_no_list_of_factors(self, tmp_path: Path, text: str | None) -> None:
        """No file, an empty one, other columns: said before the store is touched."""
        path = tmp_path / "factors.csv"
        if text is not None:
            path.write_text(text)

        with pytest.raises(InvalidParameters):
            await import_file(None, path, CLOCK)  # type: ignore[arg-type]

    def test_exit_code_tells_whether_all_rows_were_taken(self, run, tmp_path: Path) -> None:
        """0 all, 1 some, 2 none."""
        path = tmp_path / "factors.csv"
        path.write_text(GOOD)
        assert (run("import", str(path)).exit_code, "3 values of 3 rows" in run("import", str(path)).stdout) == (0, True)
        path.write_text(GOOD + BAD)
        some = run("import", str(path))
        assert (some.exit_code, "line 5, factor_type" in some.stdout) == (1, True)
        assert run("import", str(tmp_path / "none.csv")).exit_code == 2


class TestList:
    def test_shows_each_factor_and_where_it_comes_from(self, run, shop: None) -> None:
        """Counts, days and sources; one factor when it is named, however it is spelt."""
        shown, one = run("list"), run("list", "Rain-In")

        assert [shown.exit_code, one.exit_code] == [0, 0]
        assert "rain_in" in shown.stdout
        assert "wind_max_mph" in shown.stdout
        assert ("225" in one.stdout, "wind" in one.stdout, "open-meteo" in one.stdout) == (True, False, True)

    def test_a_name_nobody_has_is_met_with_a_suggestion(self, run, shop: None) -> None:
        """A slip of the pen gets the name that was meant."""
        missed = run("list", "rain_inn")

        assert missed.exit_code == 2
        assert "Did you mean rain_in?" in missed.stderr
        assert "rfid3 external list" in run("list", "zzzz").stderr

    def test_says_what_to_do_when_there_is_nothing(self, run) -> None:
        """Neither tables nor factors are needed to be told so."""
        assert "rfid3 external import" in run("list").stdout


class TestCoverage:
    def test_says_what_is_used_and_why_not(self, run, shop: None) -> None:
        """Rain covers the history, wind half of it; two weeks ahead are a forecast's."""
        long, short = run("coverage").stdout, run("coverage", "rain_in", "--weeks", "2").stdout

        assert "past only" in long
        assert "refused" in long
        assert "known for 50% of the history's days, needed 90%" in long
        assert "past and horizon" in short
        assert "as a forecast" in short
        assert "wind" not in short

    def test_without_demand_there_is_nothing_to_cover(self, run, store_dsn: str) -> None:
        """Said, and exit code 2."""
        asyncio.run(_empty_source(store_dsn))

        assert run("coverage").exit_code == 2


class TestFetch:
    def test_says_of_each_provider_how_to_switch_it_on(self, run) -> None:
        """By default all are off and nobody is asked: that is no failure."""
        shown = run("fetch")

        assert shown.exit_code == 0
        assert all(name in shown.stdout for name in ("open-meteo", "fred", "calendar", "events", "RFID3_EXTERNAL_FRED_KEY"))

    def test_exit_codes(self, run, monkeypatch: pytest.MonkeyPatch) -> None:
        """0 when what is on answered, 1 when it did not, 2 for a name nobody has."""
        monkeypatch.setenv("RFID3_EXTERNAL_CALENDAR", "US-MN")
        assert run("fetch", "calendar").exit_code == 0
        assert "public_holiday" in run("list").stdout
        monkeypatch.setenv("RFID3_EXTERNAL_EVENTS", "/nowhere/events.csv")
        assert run("fetch").exit_code == 1
        assert run("fetch", "calender").exit_code == 2


class TestCorrelate:
    def test_the_last_analysis_is_shown_without_computing(self, run) -> None:
        """Before the first there is none, and the way to it is named."""
        shown = run("correlate", "--last")

        assert (shown.exit_code, "rfid3 external correlate" in shown.stdout) == (0, True)


class TestHelp:
    @pytest.mark.parametrize("command", ["list", "coverage", "import", "fetch", "correlate"])
    def test_each_command_teaches_by_example(self, run, command: str) -> None:
        """Somebody who never saw the suite gets an example to type."""
        assert f"rfid3 external {command}" in run(command, "--help").stdout


async def _empty_source(dsn: str) -> None:
    engine = open_engine(dsn)
    await create_tables(engine, source_metadata)
    await engine.dispose()
