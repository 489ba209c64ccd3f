"""Which outside series does training learn from, and is it told which ones not?"""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import factories
import numpy as np
import polars as pl
import pytest
from demandlife import Silent

from rfid3_demand import fitting, history, predict, publication, regressors
from rfid3_demand.history import History
from rfid3_demand.schemas import ForecastQuery, RetrainRequest
from rfid3_demand.served import Served
from rfid3_demand.settings import DemandSettings
from rfid3_demand.snapshot import Snapshot
from rfid3_shared import db
from rfid3_shared.clock import FixedClock
from rfid3_shared.external.measurement import Measurement, write_measurements
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.source import tables

MONDAY = factories.FIRST_MONDAY
CLOCK = FixedClock(datetime(2025, 9, 1, 12, tzinfo=UTC))
WEEKS = [MONDAY + timedelta(days=7 * k) for k in range(10)]
HORIZON = 4
LAST = MONDAY + timedelta(days=69)
Series = dict[tuple[str, str], dict[int, float]]


def frame(series: Series, forecast_from: int = 10_000) -> pl.DataFrame:
    rows = [
        (MONDAY + timedelta(days=k), kind, name, value, k >= forecast_from)
        for (kind, name), values in series.items() for k, value in values.items()
    ]  # fmt: skip
    schema = {
        "date": pl.Date,
        "factor_type": pl.String,
        "factor_name": pl.String,
        "value": pl.Float64,
        "is_forecast": pl.Boolean,
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def days(*spans: tuple[int, int]) -> dict[int, float]:
    return {k: float(k) for first, last in spans for k in range(first, last)}


class TestWeekly:
    def test_takes_what_covers_enough_and_says_why_not_the_rest(self) -> None:
        """Past only, past and horizon, or neither: by coverage alone; each series is told with its reason."""
        series = {
            ("weather", "temperature"): days((0, 70)), ("weather", "rain"): days((0, 35)), ("events", "festivals"): days((0, 98)),
            ("economic", "gasoline"): {k: float(k) for k in range(0, 70, 7)}, ("economic", "cpi"): {0: 1.0, 31: 2.0, 59: 3.0},
            ("weather", "snow"): dict.fromkeys(range(70), 0.0),
        }  # fmt: skip

        made = regressors.weekly(frame(series), WEEKS, HORIZON, 0.9)

        assert sorted(made.past) == ["gasoline", "temperature"]
        assert list(made.known) == ["festivals"]
        assert made.past["temperature"][0] == pytest.approx(np.mean(range(7)))
        assert made.past["gasoline"].tolist() == list(range(0, 70, 7))
        assert made.known["festivals"].shape == (len(WEEKS) + HORIZON,)
        told = {note["factor_name"]: (note["use"], note["why"]) for note in made.notes()}
        assert set(told) == {name for _, name in series}
        assert told["rain"] == ("refused", "known for 50% of the history's days, needed 90%")
        assert told["snow"] == ("refused", "the same in every week of the history")
        assert told["cpi"][0] == "refused"

    def test_a_forecast_that_covers_the_horizon_is_marked(self) -> None:
        """It may be used, and whoever reads the notes sees how many days are only forecast."""
        made = regressors.weekly(frame({("weather", "temperature"): days((0, 98))}, forecast_from=70), WEEKS, HORIZON, 0.9)

        assert (list(made.known), made.judged[0].forecast_days) == (["temperature"], 28)

    def test_no_week_of_the_past_sees_a_later_day(self) -> None:
        """Values after the history change nothing in a series that is known for the past only."""
        early = regressors.weekly(frame({("weather", "t"): days((0, 70))}), WEEKS, HORIZON, 0.9)
        late = regressors.weekly(frame({("weather", "t"): days((0, 74))}), WEEKS, HORIZON, 0.9)

        assert late.past["t"].tobytes() == early.past["t"].tobytes()

    def test_two_kinds_of_one_name_are_both_kept(self) -> None:
        """Their columns must not be mixed up."""
        made = regressors.weekly(
            frame({("weather", "x"): days((0, 70)), ("economic", "x"): days((0, 70))}), WEEKS, HORIZON, 0.9
        )

        assert sorted(made.past) == ["weather_x", "x"]

    def test_nothing_known_is_nothing_used(self) -> None:
        """An empty frame is no fault."""
        assert regressors.weekly(frame({}), WEEKS, HORIZON, 0.9) == regressors.NONE


async def outside(dsn: str, ours: dict[int, float], theirs: dict[int, float], known_until: date) -> History:
    """The history of a steady shop of 12 weeks: rain in RFID3's table and in ours; ours a forecast after `known_until`."""
    engine = db.open_engine(dsn)
    await ensure_schema(engine)
    await factories.steady_shop(engine, 12)
    rows = [(str(MONDAY + timedelta(days=k)), "weather", "rain_in", value) for k, value in theirs.items()]
    await factories.insert(engine, tables.external_factors, ("date", "factor_type", "factor_name", "value"), rows)
    made = [Measurement("weather", "rain_in", MONDAY + timedelta(days=k), value) for k, value in ours.items()]
    made = [replace(row, is_forecast=row.day > known_until) for row in made]
    made += [Measurement("holiday", "public_holiday", MONDAY + timedelta(days=k), 1.0) for k in range(80)]
    async with db.transaction(engine) as connection:
        await write_measurements(connection, made, "open-meteo", CLOCK)
    try:
        return await history.read(engine, CLOCK, 1095, store=engine)
    finally:
        await engine.dispose()


class TestHistory:
    @pytest.mark.parametrize("dsn", ["store_dsn", pytest.param("mysql_dsn", marks=pytest.mark.mariadb)])
    async def test_reads_both_and_rfid3s_goes_first(self, dsn: str, request: pytest.FixtureRequest) -> None:
        """Ours where RFID3 has nothing, forecasts for days after the data only, and no kinds that the model has itself."""
        last = MONDAY + timedelta(days=84)  # of the shop's data: the day of its last scan
        stale = last - timedelta(days=3)
        past = await outside(
            request.getfixturevalue(dsn), days((0, 100)), {k: -float(k) for k in range(1, 40)}, known_until=stale
        )

        found = past.external
        values = {(at - MONDAY).days: value for at, value in found.select("date", "value").iter_rows()}
        assert past.span.last == last
        assert found["factor_name"].unique().to_list() == ["rain_in"]
        assert values == {k: -k for k in range(1, 40)} | {k: k for k in (*range(40, 82), *range(85, 100))}
        assert set(found.filter("is_forecast")["date"]) == {MONDAY + timedelta(days=k) for k in range(85, 100)}

    async def test_without_a_store_rfid3s_alone_are_read(self, store_dsn: str) -> None:
        """As before there was one."""
        await outside(store_dsn, days((0, 100)), {3: 1.0}, known_until=LAST)
        engine = db.open_engine(store_dsn)

        past = await history.read(engine, CLOCK, 1095)

        assert past.external.height == 1
        await engine.dispose()


def fitted(past: History, previous: Any = None) -> fitting.Trained:
    settings = DemandSettings(demand_horizon_weeks=4, demand_budget_s=0.1)
    return fitting.fit(past, settings, RetrainRequest(hyperparameter_tuning=False), Silent(), previous=previous)


class TestTraining:
    async def test_the_snapshot_tells_what_was_used_and_what_was_refused(self, store_dsn: str) -> None:
        """Used series are among the external factors considered; every series is in the notes, and its kind in the causes' words."""
        past = await outside(store_dsn, {k: float(k % 11) for k in range(84)}, {}, known_until=date(2030, 1, 1))
        wind = frame({("weather", "wind"): days((0, 20)), ("economic", "gasoline"): {k: k % 9 for k in range(0, 84, 7)},
                      ("events", "festivals"): {k: float(k % 13 == 0) for k in range(200)}})  # fmt: skip
        past = replace(past, external=pl.concat([past.external, wind]))

        trained = fitted(past)
        made = publication.snapshot_of(trained, DemandSettings(demand_horizon_weeks=4), "0" * 32)

        assert made.spec.external_factors == ["holidays", "gasoline", "rain_in", "festivals"]
        assert {note["factor_name"]: note["use"] for note in made.spec.notes["external"]} == {
            "gasoline": "past only", "festivals": "past and horizon", "rain_in": "past only", "wind": "refused",
        }  # fmt: skip
        answer = predict.forecast(Served(made), ForecastQuery(weeks=1))["predictions"][0]["key_factors"]
        assert "gasoline" in answer["economic_confidence"]
        assert "festivals" in answer["event_calendar_impact"]
        assert "rain_in" in answer["weather_impact"]
        assert "gasoline" not in answer["weather_impact"]
        again = fitted(past, previous=trained.forecast)
        assert again.forecast.notes["external"] == made.spec.notes["external"]

    def test_a_version_from_before_has_weather_only(self, snapshot: Snapshot) -> None:
        """Snapshots that noted no kinds go on saying what they said."""
        factors = predict.forecast(Served(snapshot), ForecastQuery(weeks=1))["predictions"][0]["key_factors"]

        assert "temperature" in factors["weather_impact"]
        assert factors["economic_confidence"] == "not used: no economic series covers the history"
