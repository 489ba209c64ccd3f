"""Do outside factors get here, and do old ones stay whatever a provider does? Against a real server, on each backend."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from conftest import free_port
from outsideserver import Asked, Outsider, Reply, outsider
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import open_engine, transaction
from rfid3_shared.errors import NotFound
from rfid3_shared.external.calendar_factors import daylight_hours
from rfid3_shared.external.fetch import Outcome, fetch_all, run
from rfid3_shared.external.open_meteo import FACTORS
from rfid3_shared.external.provider import OVERLAP_DAYS
from rfid3_shared.external.providers import all_providers
from rfid3_shared.external.tables import external_data_factors, external_fetches
from rfid3_shared.flags.flag import MASTER, Flag
from rfid3_shared.flags.store import set_flag
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.settings import Settings

TODAY = date(2026, 6, 10)
HISTORY_DAYS = 60
Rows = list[dict[str, Any]]


def clock(**later: float) -> FixedClock:
    return FixedClock(datetime(2026, 6, 10, 18, tzinfo=UTC) + timedelta(**later))


@pytest.fixture
async def engine(store_dsn: str):
    """SQLite's; what a backend may do differently is tested with `each_engine`."""
    opened = open_engine(store_dsn)
    await ensure_schema(opened)
    yield opened
    await opened.dispose()


@pytest.fixture
async def each_engine(dsn: str):
    """An engine on each backend, its tables created."""
    opened = open_engine(dsn)
    await ensure_schema(opened)
    yield opened
    await opened.dispose()


@pytest.fixture
def server():
    with outsider() as plan:
        yield plan


@pytest.fixture
def settings(server: Outsider, tmp_path: Path) -> Settings:
    """Weather and economy are on, and ask the test's own server."""
    return Settings(
        home=tmp_path, external_weather="open-meteo", external_latitude=44.97, external_longitude=-93.5,
        external_weather_url=f"{server.url}/forecast", external_weather_archive_url=f"{server.url}/archive", external_fred_key="k-123",
        external_fred_url=f"{server.url}/fred", external_fred_series="GASREGW,DGS10", external_history_days=HISTORY_DAYS,
        external_timeout_s=5.0,
    )  # fmt: skip


def weather(asked: Asked) -> Reply:
    """As Open-Meteo answers: the archive lacks its last two days, the forecast reaches 16 days ahead; a day's number is its value."""
    if asked.path == "/archive":
        first, last = (date.fromisoformat(asked.query[name]) for name in ("start_date", "end_date"))
    else:
        first, last = TODAY - timedelta(days=int(asked.query["past_days"])), TODAY + timedelta(days=15)
    days = [first + timedelta(days=k) for k in range((last - first).days + 1)]
    behind = TODAY - timedelta(days=3) if asked.path == "/archive" else last
    values = [float(day.toordinal()) if day <= behind else None for day in days]
    daily = {"time": [day.isoformat() for day in days], **dict.fromkeys(FACTORS, values)}
    return Reply(body=orjson.dumps({"latitude": 44.97, "daily": daily}))


def economy(asked: Asked) -> Reply:
    """As FRED answers: weekly values, one of them missing."""
    found = [{"date": str(TODAY - timedelta(days=7 * k)), "value": "." if k == 2 else f"{3 + k / 10}"} for k in range(8)]
    return Reply(body=orjson.dumps({"count": len(found), "observations": found}))


def well(server: Outsider) -> None:
    server.answers |= {"/archive": weather, "/forecast": weather, "/fred": economy}


async def kept(engine: AsyncEngine, name: str) -> Rows:
    query = select(external_data_factors).where(external_data_factors.c.factor_name == name)
    async with transaction(engine) as connection:
        return [dict(row) for row in (await connection.execute(query.order_by("measurement_date"))).mappings()]


async def state_of(engine: AsyncEngine, name: str) -> dict[str, Any]:
    async with transaction(engine) as connection:
        query = select(external_fetches).where(external_fetches.c.provider == name)
        return dict((await connection.execute(query)).mappings().one())


async def ask(
    engine: AsyncEngine, settings: Settings, *names: str, at: FixedClock | None = None, again: bool = True
) -> dict[str, Outcome]:
    outcomes = await fetch_all(engine, at or clock(), settings, names, again=again, first_pause_s=0.001)
    return {one.provider: one for one in outcomes}


class TestFetchAll:
    async def test_keeps_weather_of_the_past_and_marks_what_is_forecast(
        self, engine: AsyncEngine, settings: Settings, server: Outsider
    ) -> None:
        """Every day wanted has one value, the archive's where it has one; today and later are forecasts."""
        well(server)

        said = (await ask(engine, settings, "open-meteo"))["open-meteo"]

        rows = await kept(engine, "temperature_mean_f")
        first, last = TODAY - timedelta(days=HISTORY_DAYS), TODAY + timedelta(days=15)
        assert [row["measurement_date"] for row in rows] == [first + timedelta(days=k) for k in range((last - first).days + 1)]
        assert all(row["factor_value"] == row["measurement_date"].toordinal() for row in rows)
        assert [row["measurement_date"] for row in rows if row["is_forecast"]] == [TODAY + timedelta(days=k) for k in range(16)]
        assert {row["quality_confidence"] for row in rows} == {1.0, 0.9, 0.7}
        assert (said.state, said.stored) == ("ok", len(rows) * len(FACTORS))
        assert server.asked[-1].query["temperature_unit"] == "fahrenheit"

    async def test_the_next_day_asks_for_what_is_new(
        self, each_engine: AsyncEngine, settings: Settings, server: Outsider
    ) -> None:
        """Not for the whole history again; a day that was forecast is measured now, and no row is told twice."""
        well(server)
        await ask(each_engine, settings, "open-meteo")
        before = await kept(each_engine, "temperature_mean_f")
        server.asked.clear()

        await ask(each_engine, settings, "open-meteo", at=clock(days=1))

        archive = next(asked for asked in server.asked if asked.path == "/archive")
        assert date.fromisoformat(archive.query["start_date"]) == TODAY - timedelta(days=1 + OVERLAP_DAYS)
        after = await kept(each_engine, "temperature_mean_f")
        assert len(after) == len(before)
        assert [row["is_forecast"] for row in after if row["measurement_date"] == TODAY] == [False]

    async def test_keeps_economic_series_under_names_that_say_what_they_are(
        self, engine: AsyncEngine, settings: Settings, server: Outsider
    ) -> None:
        """A point is FRED's word for a missing value; each series is one question, with the key."""
        well(server)

        await ask(engine, settings, "fred")

        rows = await kept(engine, "gasoline_usd_per_gallon")
        assert len(rows) == 7
        assert rows[-1]["factor_value"] == 3.0
        assert {asked.query["api_key"] for asked in server.asked} == {"k-123"}
        assert {row["factor_name"] for row in await kept(engine, "treasury_10_years_percent")} == {"treasury_10_years_percent"}

    @pytest.mark.parametrize(
        ("broken", "state", "words"),
        [
            (Reply(500), "failed", "500"),
            (Reply(body=b'{"daily"', hangs=3), "failed", "within"),
            (Reply(body=b"<html>maintenance</html>"), "refused", "no JSON"),
            (Reply(body=b'{"daily": {"time": ["soon"]}}'), "refused", "another shape"),
            (Reply(body=b'{"error": true, "reason": "x"}'), "refused", "another shape"),
            (Reply(body=b'{"daily": {"time": ["2026-06-12"], "temperature_2m_mean": [1e12]}}'), "refused", "cannot be kept"),
            (Reply(body=b'{"daily": {"time": [], "temperature_2m_mean": []}}'), "refused", "without a single value"),
            (Reply(400), "refused", "400"),
        ],
        ids=["unwell", "slow", "html", "dates", "error", "absurd value", "empty", "bad request"],
    )  # fmt: skip
    async def test_old_factors_stay_when_a_provider_is_broken(
        self, engine: AsyncEngine, settings: Settings, server: Outsider, broken: Reply, state: str, words: str
    ) -> None:
        """Nothing is lost, the others are asked all the same, and the record says what happened and when it last went well."""
        well(server)
        await ask(engine, settings, "open-meteo")
        before = await kept(engine, "temperature_mean_f")
        server.says("/forecast", broken)
        quick = settings.model_copy(update={"external_timeout_s": 0.3}) if broken.hangs else settings

        said = await ask(engine, quick, at=clock(days=1))

        assert (said["open-meteo"].state, said["fred"].state) == (state, "ok")
        assert await kept(engine, "temperature_mean_f") == before
        told = await state_of(engine, "open-meteo")
        assert words in told["note"]
        assert told["last_success_at"] == clock().now().replace(tzinfo=None)
        assert told["last_attempt_at"] == clock(days=1).now().replace(tzinfo=None)
        assert told["stored"] == len(before) * len(FACTORS)

    async def test_a_provider_that_is_gone_is_no_fault_of_the_others(
        self, engine: AsyncEngine, settings: Settings, server: Outsider
    ) -> None:
        """Nobody listens where the weather is asked for."""
        well(server)
        gone = settings.model_copy(update={"external_weather_url": f"http://127.0.0.1:{free_port()}/forecast"})

        said = await ask(engine, gone)

        assert [said[name].state for name in ("open-meteo", "fred")] == ["failed", "ok"]
        assert "cannot be reached" in said["open-meteo"].note

    async def test_a_key_is_never_written_down(self, engine: AsyncEngine, settings: Settings, server: Outsider) -> None:
        """A refused question says what to look at, and not with which key it was asked."""
        server.says("/fred", Reply(400, b'{"error_message": "api_key k-123 is not registered"}'))

        said = (await ask(engine, settings, "fred"))["fred"]

        assert said.state == "refused"
        assert "is the key right" in said.note
        assert "k-123" not in str(await state_of(engine, "fred"))

    async def test_a_series_that_is_not_answered_does_not_cost_the_others(
        self, engine: AsyncEngine, settings: Settings, server: Outsider
    ) -> None:
        """What came is kept, what did not is named."""
        server.answers["/fred"] = lambda asked: Reply(400) if asked.query["series_id"] == "DGS10" else economy(asked)

        said = (await ask(engine, settings, "fred"))["fred"]

        assert (said.state, said.stored) == ("ok", 7)
        assert said.note.endswith("not answered: DGS10")

    async def test_what_has_not_changed_is_kept_as_it_is(
        self, engine: AsyncEngine, settings: Settings, server: Outsider
    ) -> None:
        """A server that knows its ETags answers the second time without a body, and nothing is stored or lost."""

        def answer(asked: Asked) -> Reply:
            if asked.headers.get("if-none-match") == '"v1"':
                return Reply(304, b"")
            return Reply(body=b"date,name,attendance\n2026-06-01,Fair,500\n2026-06-04,Parade,100\n", headers={"ETag": '"v1"'})

        server.answers["/events.csv"] = answer
        on = settings.model_copy(update={"external_events": f"{server.url}/events.csv"})
        first = (await ask(engine, on, "events"))["events"]
        before = await kept(engine, "local_events")

        second = (await ask(engine, on, "events", at=clock(hours=2)))["events"]

        assert [row["factor_value"] for row in before] == [1, 0, 0, 1]
        assert (first.stored, second.stored, second.state) == (8, 0, "ok")
        assert await kept(engine, "local_events") == before

    async def test_does_not_ask_again_within_the_hour(self, engine: AsyncEngine, settings: Settings, server: Outsider) -> None:
        """Whoever presses a button twice costs a provider one question; and what is due later is asked later."""
        well(server)
        await ask(engine, settings, "open-meteo", again=False)
        count = len(server.asked)

        said = await ask(engine, settings, "open-meteo", at=clock(minutes=59), again=False)
        assert (len(server.asked), said["open-meteo"].stored) == (count, 0)
        assert "not again before 2026-06-10 19:00" in said["open-meteo"].note

        await ask(engine, settings, "open-meteo", at=clock(minutes=61), again=False)
        assert len(server.asked) == 2 * count

    async def test_nobody_is_asked_by_default(self, engine: AsyncEngine, tmp_path: Path) -> None:
        """Without settings every provider is off and says which setting would change that; that is on record."""
        said = await ask(engine, Settings(home=tmp_path))

        assert {one.state for one in said.values()} == {"off"}
        assert all("RFID3_EXTERNAL_" in one.note for one in said.values())
        assert set(said) == set(all_providers()) == {"open-meteo", "fred", "calendar", "events"}
        assert (await state_of(engine, "fred"))["last_success_at"] is None

    async def test_an_unknown_provider_is_met_with_a_suggestion(self, engine: AsyncEngine, settings: Settings) -> None:
        """A slip of the pen is recognised."""
        with pytest.raises(NotFound) as fault:
            await ask(engine, settings, "openmeteo")

        assert fault.value.details["suggestion"] == "open-meteo"


class TestCalendar:
    async def test_holidays_come_from_the_library_and_reach_into_the_future(self, engine: AsyncEngine, tmp_path: Path) -> None:
        """Independence Day is a public holiday, Mother's Day is kept; every day has a value, 400 days ahead."""
        on = Settings(home=tmp_path, external_calendar="us-mn", external_history_days=40, external_latitude=44.97)

        said = (await ask(engine, on, "calendar"))["calendar"]

        public = {row["measurement_date"]: row["factor_value"] for row in await kept(engine, "public_holiday")}
        kept_days = {row["measurement_date"]: row["factor_value"] for row in await kept(engine, "observance")}
        assert (public[date(2026, 7, 4)], public[date(2026, 6, 11)], kept_days[date(2026, 5, 10)]) == (1, 0, 1)
        assert len(public) == 441
        assert (said.state, len(await kept(engine, "daylight_hours"))) == ("ok", 441)

    @pytest.mark.parametrize(
        ("latitude", "day", "hours"),
        [(44.97, date(2026, 6, 21), 15.61), (44.97, date(2026, 12, 21), 8.77), (0.0, date(2026, 3, 20), 12.11),
         (80.0, date(2026, 6, 21), 24.0),
         (80.0, date(2026, 12, 21), 0.0)],
    )  # fmt: skip
    def test_the_length_of_the_day_is_that_of_the_almanac(self, latitude: float, day: date, hours: float) -> None:
        """Minneapolis at both solstices as the almanac has it, the equator, and beyond the polar circle; within four minutes."""
        assert daylight_hours(day, latitude) == pytest.approx(hours, abs=0.07)

    async def test_a_country_that_nobody_knows_is_refused(self, engine: AsyncEngine, tmp_path: Path) -> None:
        """In plain words, with the setting's name."""
        said = (await ask(engine, Settings(home=tmp_path, external_calendar="QQ"), "calendar"))["calendar"]

        assert said.state == "refused"
        assert "RFID3_EXTERNAL_CALENDAR" in said.note


class TestLocalEvents:
    async def test_counts_events_and_people_by_day(self, engine: AsyncEngine, tmp_path: Path) -> None:
        """An event of several days counts on each, its people are spread over them; bad rows are counted, not met."""
        path = tmp_path / "events.csv"
        path.write_text(
            "name,date,end_date,attendance\nFair,2026-08-01,2026-08-02,1000\nRun,2026-08-02,,300\n,2026-08-02,,1\nx,soon,,1\nRun,2026-08-04,,50\n"
        )

        said = (await ask(engine, Settings(home=tmp_path, external_events=str(path)), "events"))["events"]

        assert [row["factor_value"] for row in await kept(engine, "local_events")] == [1, 2, 0, 1]
        assert [row["factor_value"] for row in await kept(engine, "local_event_attendance")] == [500, 800, 0, 50]
        assert said.note == "3 events; 2 rows could not be read"

    async def test_people_are_not_guessed(self, engine: AsyncEngine, tmp_path: Path) -> None:
        """Where one event does not say how many came, there is no such factor."""
        path = tmp_path / "events.csv"
        path.write_text("date,name,attendance\n2026-08-01,Fair,1000\n2026-08-02,Run,\n")

        await ask(engine, Settings(home=tmp_path, external_events=str(path)), "events")

        assert (len(await kept(engine, "local_events")), await kept(engine, "local_event_attendance")) == (2, [])

    @pytest.mark.parametrize(
        "text",
        [None, "", "day,title\n2026-08-01,Fair\n", "date,name\nsoon,Fair\n"],
        ids=["absent", "empty", "header", "no row"],
    )
    async def test_a_list_that_says_nothing_is_refused(self, engine: AsyncEngine, tmp_path: Path, text: str | None) -> None:
        """And what is known of events stays."""
        path = tmp_path / "events.csv"
        path.write_text("date,name\n2026-08-01,Fair\n")
        on = Settings(home=tmp_path, external_events=str(path))
        await ask(engine, on, "events")
        path.unlink() if text is None else path.write_text(text)

        assert (await ask(engine, on, "events"))["events"].state == "refused"
        assert len(await kept(engine, "local_events")) == 1


class TestPlugIns:
    async def test_a_distribution_may_bring_a_provider(
        self, engine: AsyncEngine, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its class is found by its entry point; when it breaks, the others are kept all the same."""
        (tmp_path / "river_gauge.py").write_text(PLUG_IN)
        info = tmp_path / "river_gauge-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: river-gauge\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(
            "[rfid3.external_providers]\nriver = river_gauge:River\nweir = river_gauge:Weir\n"
        )
        monkeypatch.syspath_prepend(str(tmp_path))

        said = await ask(engine, settings, "river", "weir")

        assert [said[name].state for name in ("river", "weir")] == ["ok", "failed"]
        assert [row["factor_value"] for row in await kept(engine, "river_ft")] == [7.5]
        assert said["weir"].note == "Its plug-in failed (KeyError)."


PLUG_IN = """
from rfid3_shared.external.measurement import Measurement
from rfid3_shared.external.provider import Fetched


class River:
    name, about, least_interval_s = "river", "the river's level", 60.0

    def why_off(self, settings):
        return None

    async def fetch(self, outside, settings, wanted, validators):
        return Fetched([Measurement("market", "river_ft", wanted.first, 7.5)], "one level")


class Weir(River):
    name = "weir"

    async def fetch(self, outside, settings, wanted, validators):
        raise KeyError("level")
"""


class TestJob:
    async def test_is_switched_by_its_flag(self, store_dsn: str, server: Outsider, settings: Settings) -> None:
        """While outside data is off nobody is asked; then the job tells how much it stored."""
        well(server)
        engine = open_engine(store_dsn)
        await ensure_schema(engine)
        on = Settings(**{**settings.model_dump(), "store_url": store_dsn, "source_url": store_dsn})

        off = await run(on, {}, Silent())
        assert ("skipped" in off, server.asked) == (True, [])
        async with transaction(engine) as connection:
            for flag in (MASTER, Flag.EXTERNAL_DATA_INTEGRATION):
                await set_flag(
                    connection, flag.value, enabled=True, percent=100, reason="test", changed_by="test", clock=clock()
                )
        done = await run(on, {"providers": ["fred"]}, Silent())

        assert done["total_stored"] == 14
        assert [one["provider"] for one in done["providers"]] == ["fred"]
        assert orjson.dumps(done)
        await engine.dispose()


class Silent:
    def report(self, stage: str, done: int, total: int) -> None:
        """Nobody listens."""
