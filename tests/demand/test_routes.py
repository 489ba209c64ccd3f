"""Does the service keep the API contract, from a training run to the answers, on real stores and a real Redis?"""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import factories
import httpx
import pytest
from demandlife import FORECAST, prepare, serving, trained
from doorway import Wire
from sqlalchemy import func, select
from sqlalchemy.engine import make_url

from rfid3_demand.settings import DemandSettings
from rfid3_shared import db
from rfid3_shared.jobs import list_jobs
from rfid3_shared.ledger import analytics_predictions

pytestmark = pytest.mark.xdist_group("learned shop")  # one training serves them all


@pytest.fixture
async def settings(tmp_path: Path, redis_url: str) -> DemandSettings:
    return DemandSettings(home=tmp_path, redis_url=redis_url, demand_horizon_weeks=13)


LEARNED: dict[str, tuple[Path, dict[str, str]]] = {}


async def learned(settings: DemandSettings, folders: pytest.TempPathFactory) -> dict[str, str]:
    """Give the home a steady shop that has learned, made once and copied for each test; a key for each scope."""
    if "shop" not in LEARNED:
        own = settings.model_copy(update={"home": folders.mktemp("learned")})
        keys = await prepare(own)
        await trained(own)
        LEARNED["shop"] = own.home, keys
    home, keys = LEARNED["shop"]
    shutil.copytree(home, settings.home, dirs_exist_ok=True)
    return keys


class TestForecast:
    async def test_a_steady_shop_is_forecast_steadily(
        self, settings: DemandSettings, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """Three classes that rent 20, 6 and 10 every week are forecast to, by class, category, store and overall."""
        keys = await learned(settings, tmp_path_factory)

        async with serving(settings, keys["read"]) as (client, _):
            expected = {
                "rental_class=61825": 20, "rental_class=63131": 10, "category=Round%20Linen": 26, "category=Round%20Linen&store=003": 20,
                "store=001": 6, "category=round%20linen&subcategory=90%20Round": 26, "weeks=1": 36,
            }  # fmt: skip
            for query, units in expected.items():
                answer = (await client.get(f"{FORECAST}?{query}")).json()
                week = answer["data"]["predictions"][0]
                assert week["predicted_demand"] == pytest.approx(units, rel=0.15), query
                assert week["confidence_lower"] <= units <= week["confidence_upper"], query
                assert answer["meta"]["data_as_of"] == "2025-08-04"
                if query != "weeks=1":
                    for week in answer["data"]["predictions"]:
                        causes = sum(week["key_factors"]["contributions_units"].values()) + week.get("observed_so_far", 0)
                        assert causes == pytest.approx(week["predicted_demand"], abs=0.01), query
            linen = (await client.get(f"{FORECAST}?category=Round%20Linen")).json()["data"]["predictions"][0]["business_impact"]
            assert linen["revenue_opportunity"] == pytest.approx(26 * 24, rel=0.15)
            assert linen["units_in_service"] == 52

    async def test_a_new_category_is_forecast_from_its_relatives(self, settings: DemandSettings) -> None:
        """Three weeks of own history are a pooled forecast, a wide one, for a few weeks only, and `meta` says so."""
        keys = await prepare(settings)
        engine = db.open_engine(settings.source_dsn)
        await factories.newcomer_class(engine, weeks=30)
        await engine.dispose()
        await trained(settings)

        async with serving(settings, keys["read"]) as (client, _):
            heaters = (await client.get(f"{FORECAST}?category=Heaters&weeks=2")).json()
            tables = (await client.get(f"{FORECAST}?category=Tables&weeks=2")).json()
            too_far = await client.get(f"{FORECAST}?category=Heaters&weeks=8")

        assert heaters["meta"]["sufficiency"] == "pooled"
        assert tables["meta"]["sufficiency"] != "pooled"
        wide, narrow = ((week["confidence_upper"] - week["confidence_lower"]) / week["predicted_demand"]
                        for week in (heaters["data"]["predictions"][1], tables["data"]["predictions"][1]))  # fmt: skip
        assert wide > narrow
        assert (too_far.status_code, too_far.json()["error"]["code"]) == (409, "INSUFFICIENT_DATA")

    @pytest.mark.mariadb
    async def test_trains_and_answers_on_mariadb(self, mysql_dsn: str, tmp_path: Path, redis_url: str) -> None:
        """Source and store on MariaDB give the forecast that SQLite gives, and the ledger is written there."""
        settings = DemandSettings(
            home=tmp_path, redis_url=redis_url, source_url=mysql_dsn, store_url=mysql_dsn, demand_horizon_weeks=8
        )  # fmt: skip
        keys = await prepare(settings)
        await trained(settings)

        async with serving(settings, keys["read"]) as (client, _):
            answer = (await client.get(f"{FORECAST}?category=Round%20Linen&store=003&weeks=2")).json()
        store = db.open_engine(mysql_dsn)
        async with db.transaction(store) as connection:
            rows = (await connection.execute(select(func.count()).select_from(analytics_predictions))).scalar()
        await store.dispose()

        assert answer["data"]["predictions"][1]["predicted_demand"] == pytest.approx(20, rel=0.15)
        assert rows == 2

    async def test_the_same_question_gets_the_same_numbers(
        self, settings: DemandSettings, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """A repeated request is answered from the cache, with equal data, and written to the ledger once."""
        keys = await learned(settings, tmp_path_factory)

        async with serving(settings, keys["read"]) as (client, _):
            first, second = [(await client.get(f"{FORECAST}?weeks=4")).json() for _ in range(2)]
        store = db.open_engine(settings.store_dsn)
        async with db.transaction(store) as connection:
            rows = (await connection.execute(select(func.count()).select_from(analytics_predictions))).scalar()
        await store.dispose()

        assert (first["meta"]["cached"], second["meta"]["cached"]) == (False, True)
        assert first["data"] == second["data"]
        assert rows == 4

    @pytest.mark.parametrize(
        ("query", "status", "code", "fact"),
        [
            ("weeks=0", 422, "INVALID_PARAMETERS", "weeks"),
            ("weeks=53", 422, "INVALID_PARAMETERS", "weeks"),
            ("week=4", 422, "INVALID_PARAMETERS", "week"),
            ("confidence_level=0.4", 422, "INVALID_PARAMETERS", "confidence_level"),
            ("model_type=oracle", 422, "INVALID_PARAMETERS", "model_type"),
            ("category=Tabels", 404, "NOT_FOUND", "Tables"),
            ("store=9999", 404, "NOT_FOUND", "Fridley"),
            ("category=Tents", 409, "INSUFFICIENT_DATA", "needed_weeks"),
            ("weeks=52", 409, "INSUFFICIENT_DATA", "supported_weeks"),
            ("api_key=x", 422, "INVALID_PARAMETERS", "X-API-Key"),
        ],
    )
    async def test_wrong_questions_are_answered_in_the_envelope(
        self, service: httpx.AsyncClient, query: str, status: int, code: str, fact: str
    ) -> None:
        """Each kind of wrong question has its status, its code and the fact that helps."""
        response = await service.get(f"{FORECAST}?{query}")

        assert response.status_code == status
        assert response.json()["error"]["code"] == code
        assert fact in response.text

    @pytest.fixture
    async def service(
        self, settings: DemandSettings, tmp_path_factory: pytest.TempPathFactory
    ) -> AsyncIterator[httpx.AsyncClient]:
        keys = await learned(settings, tmp_path_factory)
        async with serving(settings, keys["read"]) as (client, _):
            yield client

    async def test_without_a_key_nothing_is_said(self, settings: DemandSettings) -> None:
        """No key and a wrong key are 401, in the envelope."""
        await prepare(settings, weeks=2)
        async with serving(settings, None) as (client, _):
            for headers in ({}, {"X-API-Key": "rfid3_nobody"}, {"Authorization": "Bearer rfid3_nobody"}):
                response = await client.get(FORECAST, headers=headers)
                assert (response.status_code, response.json()["error"]["code"]) == (401, "UNAUTHORIZED")

    async def test_before_the_first_training_the_model_is_unavailable(self, settings: DemandSettings) -> None:
        """503 MODEL_UNAVAILABLE with Retry-After, never a made-up number."""
        keys = await prepare(settings, weeks=2)
        async with serving(settings, keys["read"]) as (client, _):
            response = await client.get(FORECAST)

        assert (response.status_code, response.json()["error"]["code"]) == (503, "MODEL_UNAVAILABLE")
        assert int(response.headers["retry-after"]) > 0

    async def test_a_source_without_departures_is_told_apart_from_a_missing_model(self, settings: DemandSettings) -> None:
        """Where training could not help the answer is 409 INSUFFICIENT_DATA with what is missing."""
        keys = await prepare(settings, weeks=0)
        async with serving(settings, keys["read"]) as (client, _):
            response = await client.get(FORECAST)

        assert (response.status_code, response.json()["error"]["code"]) == (409, "INSUFFICIENT_DATA")
        assert "id_transactions" in response.json()["error"]["details"]["missing"]


class TestRetrain:
    async def test_needs_the_scope_and_runs_once(self, settings: DemandSettings) -> None:
        """A reader is refused, a trainer gets a job, a second request meets the first."""
        keys = await prepare(settings, weeks=2)
        async with serving(settings, None) as (client, app):
            refused, accepted, met = [
                await client.post("/api/predictive/demand/retrain", json={}, headers={"X-API-Key": keys[scope]})
                for scope in ("read", "train", "train")
            ]
            async with db.transaction(app.state.resources.store) as connection:
                jobs = await list_jobs(connection)

        assert [response.status_code for response in (refused, accepted, met)] == [403, 202, 409]
        assert accepted.json()["data"]["training_job_id"] == jobs[0].id == met.json()["error"]["details"]["job_id"]
        assert len(jobs) == 1
        assert accepted.json()["data"]["models_scheduled"] == ["average", "lightgbm", "statistical"]

    async def test_unknown_fields_change_nothing(self, settings: DemandSettings) -> None:
        """A body that cannot be understood is refused and schedules nothing."""
        keys = await prepare(settings, weeks=2)
        async with serving(settings, keys["train"]) as (client, app):
            response = await client.post("/api/predictive/demand/retrain", json={"training_period_days": 3, "x": 1})
            async with db.transaction(app.state.resources.store) as connection:
                assert await list_jobs(connection) == []

        assert response.status_code == 422
        assert {problem["parameter"] for problem in response.json()["error"]["details"]["problems"]} == {
            "training_period_days",
            "x",
        }


class TestSwap:
    async def test_a_new_version_takes_over_without_a_failed_request(
        self, settings: DemandSettings, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """While a second version is trained and loaded every request is answered, in the end by the new one."""
        keys = await learned(settings, tmp_path_factory)
        async with serving(settings, keys["read"]) as (client, _):
            retraining = asyncio.create_task(trained(settings, model_types=["linear"], job_id="1" * 32))
            statuses, versions = set(), []
            for _ in range(400):
                response = await client.get(f"{FORECAST}?weeks=2")
                statuses.add(response.status_code)
                versions.append(response.json()["meta"]["model_version"])
                if len(set(versions)) == 2:
                    break
                await asyncio.sleep(0.05)
            published = (await retraining)["model_version"]

        assert statuses == {200}
        assert versions[-1] == published != versions[0]

    @pytest.mark.mariadb
    async def test_without_its_databases_answers_go_on_and_are_written_down_later(
        self, mysql_dsn: str, tmp_path: Path, redis_url: str
    ) -> None:
        """With source and store cut off forecasts come from memory, `meta` says so, and the ledger catches up when they are back."""
        url = make_url(mysql_dsn)
        wire = Wire(url.port or 3306)
        await wire.mend()
        cut = url.set(host="127.0.0.1", port=wire.port).render_as_string(hide_password=False)
        settings = DemandSettings(home=tmp_path, redis_url=redis_url, source_url=cut, store_url=cut, demand_horizon_weeks=8)
        keys = await prepare(settings)
        await trained(settings, model_types=["linear"])
        async with serving(settings, keys["read"]) as (client, app):
            assert (await client.get(f"{FORECAST}?weeks=1")).status_code == 200
            await wire.cut()
            await app.state.reach.look()
            answers = [await client.get(f"{FORECAST}?weeks={weeks}") for weeks in (2, 3)]
            await wire.mend()
        store = db.open_engine(mysql_dsn)
        async with db.transaction(store) as connection:
            rows = (await connection.execute(select(func.count()).select_from(analytics_predictions))).scalar()
        await store.dispose()
        await wire.cut()

        assert [answer.status_code for answer in answers] == [200, 200]
        assert answers[0].json()["meta"]["degraded"] == ["source", "store"]
        # the weeks overlap: 1, 2 and 3 weeks ahead are three predictions, each written once
        assert rows == 3

    async def test_without_redis_answers_go_on_and_say_so(
        self, tmp_path: Path, free_redis: tuple[str, Any], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        """With Redis killed the service answers as before; `meta.degraded` names what is missing."""
        url, redis = free_redis
        settings = DemandSettings(home=tmp_path, redis_url=url, demand_horizon_weeks=13)
        keys = await learned(settings, tmp_path_factory)
        async with serving(settings, keys["read"]) as (client, app):
            assert (await client.get(f"{FORECAST}?weeks=1")).status_code == 200
            redis.kill()
            redis.wait()
            await app.state.reach.look()

            response = await client.get(f"{FORECAST}?weeks=3")

        assert response.status_code == 200
        assert response.json()["meta"]["degraded"] == ["redis"]
