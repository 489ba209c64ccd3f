"""From a shown forecast to its score, and from a candidate to a champion: does the loop close on a real store?"""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import factories
import httpx
import pytest
from demandlife import FORECAST, Silent, prepare, serving, trained
from sqlalchemy import select

from rfid3_demand import live_features, score, snapshot, train
from rfid3_demand.settings import DemandSettings
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.flags import Flag, set_flag
from rfid3_shared.jobs import list_jobs
from rfid3_shared.ledger import analytics_predictions
from rfid3_shared.registry import Registry, Version
from rfid3_shared.source import tables

ACCURACY = "/api/predictive/demand/accuracy"
WEEKS = 30
LAST_MONDAY = factories.FIRST_MONDAY + timedelta(days=7 * (WEEKS - 1))


@pytest.fixture(params=["sqlite", pytest.param("mariadb", marks=pytest.mark.mariadb)])
async def settings(request: pytest.FixtureRequest, tmp_path: Path, redis_url: str) -> DemandSettings:
    """Settings on each kind of database."""
    own = {"home": tmp_path, "redis_url": redis_url, "demand_horizon_weeks": 8, "shadow_answers": 3}
    if request.param == "mariadb":
        dsn = request.getfixturevalue("mysql_dsn")
        own |= {"source_url": dsn, "store_url": dsn}
    return DemandSettings(**own)


async def pass_weeks(settings: DemandSettings, weeks: int, leaving: float = 1.0) -> None:
    """The steady shop goes on: so many more weeks, in which a part of the usual units leave."""
    engine = db.open_engine(settings.source_dsn)
    shift = 10**6
    rows = [
        (number + shift, contract + "x", *rest)
        for number, contract, *rest in factories.departures(weeks, LAST_MONDAY + timedelta(days=7))
        if int(rest[0].rpartition("-")[2]) < leaving * factories.SHOP[rest[-1]][3]
    ]
    await factories.insert(engine, tables.scans, factories.OUT, rows)
    await engine.dispose()


async def versions(settings: DemandSettings) -> list[Version]:
    """Published versions, the newest first."""
    store = db.open_engine(settings.store_dsn)
    found = await Registry(settings.artefact_dir, store, Clock()).versions("demand")
    await store.dispose()
    return list(found)


async def again(settings: DemandSettings, number: int, **wanted: Any) -> dict[str, Any]:
    """One more training run, not forced."""
    return await trained(settings, job_id=f"{number:032x}", force_retrain=False, **wanted)


class TestScoring:
    async def test_shown_forecasts_are_held_against_what_left(self, settings: DemandSettings) -> None:
        """Three weeks later every prediction of them has its outcome, error and hit, and /accuracy shows them beside the back-test."""
        keys = await prepare(settings, WEEKS)
        await trained(settings, model_types=["linear"])
        async with serving(settings, keys["read"]) as (client, _):
            shown = (await client.get(f"{FORECAST}?category=Round%20Linen&weeks=4")).json()["data"]["predictions"]
            before = (await client.get(f"{ACCURACY}?category=Round%20Linen")).json()["data"]
        await pass_weeks(settings, 3)

        outcome = await score.run(settings, {}, Silent())

        # the forecast began with the first of the new weeks; the fourth week it spoke of has not come
        assert (outcome["scored"], outcome["waiting"]) == (3, 1)
        async with serving(settings, keys["read"]) as (client, app):
            after = (await client.get(f"{ACCURACY}?category=Round%20Linen")).json()["data"]
            async with db.transaction(app.state.resources.store) as connection:
                rows = (await connection.execute(select(analytics_predictions).order_by("prediction_date"))).mappings().all()
        assert [row["prediction_id"] for row in rows] == [week["prediction_id"] for week in shown]
        assert [row["actual_value"] for row in rows] == [26, 26, 26, None]
        for row, week in list(zip(rows, shown, strict=True))[:3]:
            assert row["error"] == pytest.approx(week["predicted_demand"] - 26, abs=1e-3)
            assert bool(row["inside_interval"]) == (week["confidence_lower"] <= 26 <= week["confidence_upper"])
            assert len(row["features_digest"]) == 32
        assert before["live"] is None
        assert before["basis"] == after["basis"] == "back-test"
        assert after["live"]["predictions"] == 3
        assert after["live"]["mae"] == pytest.approx(sum(abs(w["predicted_demand"] - 26) for w in shown[:3]) / 3, abs=1e-3)
        assert after["live_waiting"] == 1
        assert {"error", "coverage"} <= after["monitors"].keys()

    async def test_scoring_twice_changes_nothing_and_a_late_scan_restates(self, settings: DemandSettings) -> None:
        """An outcome that turns out otherwise is scored again; one that does not is left alone."""
        keys = await prepare(settings, WEEKS)
        await trained(settings, model_types=["linear"])
        async with serving(settings, keys["read"]) as (client, _):
            await client.get(f"{FORECAST}?rental_class=63131&weeks=1")
        await pass_weeks(settings, 2)
        await score.run(settings, {}, Silent())

        again_ = await score.run(settings, {}, Silent())
        engine = db.open_engine(settings.source_dsn)
        late = [
            (9 * 10**6, "LATE", "63131-late", "Rental", str(LAST_MONDAY + timedelta(days=9)) + " 09:00:00", "On Rent", "63131")
        ]
        await factories.insert(engine, tables.scans, factories.OUT, late)
        await engine.dispose()
        restated = await score.run(settings, {}, Silent())

        assert (again_["scored"], again_["restated"]) == (0, 0)
        assert (restated["scored"], restated["restated"]) == (0, 1)

    async def test_the_feature_job_keeps_values_and_asks_for_scoring_once_a_day_of_data(self, settings: DemandSettings) -> None:
        """Live features of three classes are kept; a second run changes none and meets the scoring that is queued."""
        await prepare(settings, WEEKS)
        await trained(settings, model_types=["linear"])

        first, second = [await live_features.run(settings, {}, Silent()) for _ in range(2)]

        assert (first["classes"], first["values"], first["changed"], second["changed"]) == (3, 9, 9, 0)
        assert first["scoring_job_id"] == second["scoring_job_id"]
        assert first["scoring_job_id"] is not None


class TestContest:
    async def test_the_first_model_serves_and_the_same_again_is_rejected(self, settings: DemandSettings) -> None:
        """Nothing serves yet: champion. The same answers a second time: rejected, as what serves already."""
        await prepare(settings, WEEKS)

        first, second = [await again(settings, number, model_types=["linear"]) for number in (1, 2)]

        assert first["state"] == "champion"
        assert (second["state"], second["reason"]) == ("rejected", "it is what serves already")
        assert [version.state for version in await versions(settings)] == ["rejected", "champion"]

    async def test_newer_data_go_through_the_shadow(self, settings: DemandSettings) -> None:
        """A candidate with newer data that is as good answers in the shadow; meanwhile nothing is refreshed."""
        await prepare(settings, WEEKS)
        first = await again(settings, 1, model_types=["linear"])
        await pass_weeks(settings, 2)

        second = await again(settings, 2, model_types=["linear"])
        refreshed = await train.refresh(settings, {"job_id": f"{3:032x}"}, Silent())

        assert second["state"] == "shadow", second
        assert "on trial" in refreshed["skipped"]
        states = {version.model_version: version.state for version in await versions(settings)}
        assert states == {first["model_version"]: "champion", second["model_version"]: "shadow"}

    async def test_a_refresh_takes_in_newer_data_at_once(self, settings: DemandSettings) -> None:
        """The champion's own settings on newer data, without a trial; without newer data nothing is done."""
        await prepare(settings, WEEKS)
        first = await again(settings, 1, model_types=["linear"])
        nothing_new = await train.refresh(settings, {"job_id": f"{2:032x}"}, Silent())
        await pass_weeks(settings, 2)

        refreshed = await train.refresh(settings, {"job_id": f"{3:032x}"}, Silent())

        assert "no data newer" in nothing_new["skipped"]
        assert refreshed["state"] == "champion"
        store = db.open_engine(settings.store_dsn)
        registry = Registry(settings.artefact_dir, store, Clock())
        newest = (await registry.versions("demand"))[0]
        notes = snapshot.load(registry.open_artefact(newest)).spec.notes
        await store.dispose()
        # what the full run had learned came out of its artefact, and nothing was learned again
        assert notes["last_full_run"] == str(LAST_MONDAY)
        states = {version.model_version: version.state for version in await versions(settings)}
        assert states == {first["model_version"]: "retired", refreshed["model_version"]: "champion"}

    async def test_shadow_answers_are_recorded_and_never_shown(self, settings: DemandSettings) -> None:
        """Beside each answer of the champion the ledger holds the shadow's, under its own version and role."""
        keys = await prepare(settings, WEEKS)
        first = await again(settings, 1, model_types=["linear"])
        await pass_weeks(settings, 2)
        second = await again(settings, 2, model_types=["linear"])
        async with serving(settings, keys["read"]) as (client, app):
            answers = [(await client.get(f"{FORECAST}?weeks={weeks}&category=Tables")).json() for weeks in (1, 2, 3)]
            assert app.state.snapshots.shadow is not None
        store = db.open_engine(settings.store_dsn)
        async with db.transaction(store) as connection:
            rows = (await connection.execute(select(analytics_predictions))).mappings().all()
        await store.dispose()

        assert {answer["meta"]["model_version"] for answer in answers} == {first["model_version"]}
        assert {row["model_version"] for row in rows if row["role"] == "shown"} == {first["model_version"]}
        shadowed = {row["model_version"] for row in rows if row["role"] == "shadow"}
        assert shadowed <= {second["model_version"]}

    async def test_runs_that_no_job_asked_for_are_runs_of_their_own(self, settings: DemandSettings) -> None:
        """`rfid3 train` twice is two candidates: only a job's second attempt finds the first one's version."""
        await prepare(settings, WEEKS)
        wanted = {"model_types": ["linear"], "hyperparameter_tuning": False}

        first, second = [await train.run(settings, wanted, Silent()) for _ in range(2)]

        assert (first["state"], second["state"]) == ("champion", "rejected")
        assert len(await versions(settings)) == 2

    async def test_a_job_that_runs_twice_publishes_and_settles_once(self, settings: DemandSettings) -> None:
        """The second run of the same job finds its own version and leaves its state alone."""
        await prepare(settings, WEEKS)

        first, second = [await again(settings, 1, model_types=["linear"]) for _ in range(2)]

        assert (first["model_version"], first["state"]) == (second["model_version"], second["state"])
        assert len(await versions(settings)) == 1


class TestFlags:
    async def test_switched_off_is_503_and_trains_nothing(self, settings: DemandSettings) -> None:
        """With its flag off the service answers 503 FEATURE_DISABLED, and a training job that was queued before does nothing."""
        keys = await prepare(settings, WEEKS)
        await trained(settings, model_types=["linear"])
        store = db.open_engine(settings.store_dsn)
        async with db.transaction(store) as connection:
            for flag in (Flag.DEMAND_FORECASTING, Flag.MODEL_TRAINING):
                await set_flag(connection, flag, enabled=False, reason="test", changed_by="test", clock=Clock())

        async with serving(settings, keys["train"]) as (client, _):
            refused: list[httpx.Response] = [
                await client.get(FORECAST),
                await client.post("/api/predictive/demand/retrain", json={}),
            ]
        skipped = await again(settings, 5)
        async with db.transaction(store) as connection:
            assert await list_jobs(connection) == []
        await store.dispose()

        assert [(answer.status_code, answer.json()["error"]["code"]) for answer in refused] == [(503, "FEATURE_DISABLED")] * 2
        assert "flag off" in skipped["skipped"]


def test_the_weeks_of_the_shop_are_what_the_tests_say() -> None:
    """The last Monday of the steady shop, from which further weeks follow."""
    assert date(2025, 7, 28) == LAST_MONDAY
