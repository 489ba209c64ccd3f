"""Does the job hold the shop's own figures against outside factors, and does the command show what it found?"""

import asyncio
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import factories
import numpy as np
import polars as pl
import pytest
from demandlife import Silent
from joblife import ask, done
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncEngine
from typer.testing import CliRunner

from rfid3_demand import correlations
from rfid3_demand.settings import SERVICE, DemandSettings
from rfid3_demand.worker import KINDS
from rfid3_shared import db
from rfid3_shared.clock import FixedClock
from rfid3_shared.errors import InsufficientData
from rfid3_shared.external.commands import app
from rfid3_shared.external.findings import Findings, latest_findings
from rfid3_shared.external.measurement import Measurement, write_measurements
from rfid3_shared.external.values import DailyFactor
from rfid3_shared.flags import Flag, set_flag
from rfid3_shared.jobs.work import locate
from rfid3_shared.jobs.worker import JobWorker
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.service_worker import schedules_of
from rfid3_shared.source import tables

CLOCK = FixedClock(datetime(2025, 6, 1, tzinfo=UTC))
WEEKS, LAG = 80, 2
FIRST = factories.FIRST_MONDAY - timedelta(days=7 * 52)


async def shop(dsn: str, weeks: int = WEEKS) -> None:
    """A shop that rents more two weeks after warm weeks, with weather for all of its days and gasoline for nine whole weeks."""
    rng = np.random.default_rng(6)
    warm = rng.normal(size=weeks)
    units = np.round(
        np.exp(2.5 + 0.4 * np.concatenate([rng.normal(size=LAG), warm[:-LAG]]) + 0.1 * rng.normal(size=weeks))
    ).astype(int)
    engine = db.open_engine(dsn)
    await ensure_schema(engine)
    await factories.steady_shop(engine, 0)
    rows = [
        (1000 * week + unit, f"C{week:03d}", f"61825-{unit:03d}", "Rental",
         str(datetime.combine(FIRST + timedelta(days=7 * week + 1), time(9)) + timedelta(seconds=unit)), "On Rent", "61825")
        for week in range(weeks) for unit in range(units[week])
    ]  # fmt: skip
    await factories.insert(engine, tables.scans, factories.OUT, rows)
    weather = [
        Measurement("weather", "warmth", FIRST + timedelta(days=7 * w + d), warm[w] + d / 10)
        for w in range(weeks)
        for d in range(7)
    ]
    weather += [Measurement("economic", "gasoline", FIRST + timedelta(days=7 * w), w) for w in range(min(10, weeks))]
    async with db.transaction(engine) as connection:
        await write_measurements(connection, weather, "station", CLOCK)
    await engine.dispose()


def settings_of(dsn: str, folder: Path) -> DemandSettings:
    return DemandSettings(home=folder, store_url=dsn, source_url=dsn)


async def found(dsn: str) -> Findings:
    engine = db.open_engine(dsn)
    async with db.transaction(engine) as connection:
        findings = await latest_findings(connection)
    await engine.dispose()
    return findings


async def switch_on(engine: AsyncEngine) -> None:
    async with db.transaction(engine) as connection:
        for flag in (Flag.PREDICTIVE_ANALYTICS, Flag.EXTERNAL_DATA_INTEGRATION):
            await set_flag(connection, flag, enabled=True, reason="test", changed_by="test", clock=CLOCK)


class TestRun:
    async def test_finds_the_planted_link_and_says_what_is_too_short(self, store_dsn: str, tmp_path: Path) -> None:
        """The lag that was planted is the surest for units and for revenue; nine weeks of gasoline are not enough."""
        await shop(store_dsn)

        told = await correlations.run(settings_of(store_dsn, tmp_path), {"asked_by_person": True}, Silent())
        findings = await found(store_dsn)

        assert [(one.factor_name, one.lag_weeks) for one in findings.correlations if one.significant] == [("warmth", LAG)] * 2
        assert {one.metric for one in findings.correlations[:2]} == {"units", "revenue"}
        assert all(one.effect > 0.6 for one in findings.correlations[:2])
        assert [(one.factor, one.overlap_weeks) for one in findings.not_enough] == [("gasoline", 9)]
        assert (told["significant"], told["not_enough"], told["factors"]) == (2, 1, 2)
        assert findings.tried == len(findings.correlations) == told["tried"]

    async def test_is_switched_by_its_flag(self, store_dsn: str, tmp_path: Path) -> None:
        """By the clock nothing is analysed while outside data is off; afterwards it is, and too short a history is said to be."""
        await shop(store_dsn, weeks=6)
        own = settings_of(store_dsn, tmp_path)

        assert "skipped" in await correlations.run(own, {}, Silent())
        engine = db.open_engine(store_dsn)
        await switch_on(engine)
        await engine.dispose()
        with pytest.raises(InsufficientData):
            await correlations.run(own, {}, Silent())


class TestMetricsOf:
    def test_counts_units_contracts_and_dollars_by_week(self) -> None:
        """Weeks without any are zero; a class without a rate has no dollars; what is nothing throughout is left out."""
        weeks = [factories.FIRST_MONDAY + timedelta(days=7 * k) for k in range(3)]
        units = pl.DataFrame({"rental_class": ["a", "b", "a"], "week": [weeks[0], weeks[0], weeks[2]], "units": [2, 5, 4]})
        contracts = pl.DataFrame({"day": [weeks[0] + timedelta(days=2), weeks[0], weeks[1] - timedelta(days=1)]})

        made = correlations.metrics_of(units, contracts, {"a": 10.0}, weeks)

        assert {name: values.tolist() for name, values in made.items()} == {
            "units": [7, 0, 4], "contracts": [3, 0, 0], "revenue": [20, 0, 40],
        }  # fmt: skip
        assert "revenue" not in correlations.metrics_of(units, contracts, {}, weeks)


class TestToldSeldom:
    def test_a_value_a_month_is_named_as_such(self) -> None:
        """Weekly ones are not, with a hole either; of one value nothing can be said."""
        every = {name: DailyFactor("economic", name, values={FIRST + timedelta(days=k): 1.0 for k in range(0, 70, step)})
                 for name, step in (("daily", 1), ("weekly", 7), ("monthly", 30), ("once", 100))}  # fmt: skip

        assert correlations.told_seldom(list(every.values())) == ["monthly"]
        assert np.isnan(correlations.by_week([every["monthly"]], [FIRST])["economic", "monthly"]).all()


class TestWorker:
    def test_fetching_and_comparing_are_kinds_of_jobs_with_times(self) -> None:
        """Both can be asked for by name, and run by themselves; their functions are there."""
        times = {each.kind: each.cron for each in schedules_of(SERVICE, KINDS, DemandSettings())}

        assert {times["external_fetch"], times["correlate"]} == {"15 2 * * *", "45 5 * * 1"}
        assert all(callable(locate(KINDS[kind])) for kind in ("external_fetch", "correlate"))

    async def test_a_worker_fetches_and_compares(self, store_dsn: str, tmp_path: Path, redis_url: str) -> None:
        """Asked for as the gateway does, each in a process of its own: what was fetched is kept, what was found too."""
        await shop(store_dsn, weeks=40)
        events = tmp_path / "events.csv"
        events.write_text("date,name\n2024-02-04,Fair\n2024-03-31,Run\n")
        own = settings_of(store_dsn, tmp_path).model_copy(
            update={"redis_url": SecretStr(redis_url), "external_events": str(events)}
        )
        engine = db.open_engine(store_dsn)
        await switch_on(engine)

        worker, stop = JobWorker(own, service="demand", kinds=KINDS), asyncio.Event()
        task = asyncio.create_task(worker.run(stop))
        fetched = await done(engine, await ask(engine, redis_url, "external_fetch", providers=[]))
        compared = await done(engine, await ask(engine, redis_url, "correlate"))
        stop.set()
        await task
        await engine.dispose()

        assert (fetched.state, compared.state) == ("succeeded", "succeeded")
        assert fetched.result is not None
        assert compared.result is not None
        states = {one["provider"]: one["state"] for one in fetched.result["providers"]}
        assert states == {"open-meteo": "off", "fred": "off", "calendar": "off", "events": "ok"}
        assert fetched.result["total_stored"] == 57
        assert (compared.result["factors"], compared.result["not_enough"]) == (3, 2)
        assert (await found(store_dsn)).tried == compared.result["tried"] > 0


class TestCommand:
    def test_computes_and_shows(self, store_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """`rfid3 external correlate` runs the analysis of each installed service and tells its links in sentences."""
        asyncio.run(shop(store_dsn))
        for name in ("STORE", "SOURCE"):
            monkeypatch.setenv(f"RFID3_{name}_URL", store_dsn)

        shown = CliRunner().invoke(app, ["correlate"])

        assert shown.exit_code == 0
        assert "Weeks with more warmth than usual had higher units rented than usual 2 weeks later" in shown.stdout
        assert "gasoline: not enough overlap: 9 weeks, needed 26." in shown.stdout
        assert shown.stdout == CliRunner().invoke(app, ["correlate", "--last"]).stdout
