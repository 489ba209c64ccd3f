"""Do answers over HTTP take in what is known of the present, all of them the same, and do they never fail for want of it?"""

import asyncio
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from demandlife import serving
from presentlife import MOMENT, SHOP, able, take_in
from redis.asyncio import Redis
from servedlife import DEMAND, publish, publish_shadow, served
from sqlalchemy import select

from rfid3_demand.present.definitions import LIVE
from rfid3_demand.settings import DemandSettings
from rfid3_demand.snapshot import Snapshot
from rfid3_shared import db
from rfid3_shared.ledger import analytics_predictions

LINEN = "category=Round%20Linen"


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> DemandSettings:
    return DemandSettings(home=tmp_path, redis_url=redis_url, demand_features_memory_s=0)


@pytest.fixture
def live(snapshot: Snapshot) -> Snapshot:
    return able(snapshot)


async def get(client: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await client.get(f"{DEMAND}/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


async def logged(settings: DemandSettings) -> list[Any]:
    """Rows of the ledger, oldest first; the service must have stopped."""
    engine = db.open_engine(settings.store_dsn)
    async with db.transaction(engine) as connection:
        rows = (await connection.execute(select(analytics_predictions).order_by(analytics_predictions.c.id))).mappings().all()
    await engine.dispose()
    return list(rows)


class TestForecast:
    async def test_what_has_left_is_in_the_answer(self, settings: DemandSettings, live: Snapshot) -> None:
        """The week is what left and the share ahead of the whole week's forecast; fleet and shelf are today's, and meta says so."""
        async with served(settings, live) as (client, _):
            as_of = await take_in(settings, SHOP, seq=41)
            body = await get(client, f"forecast?{LINEN}&weeks=2")
            alone = await get(client, "forecast?rental_class=61825&store=8101&weeks=1")

        ahead = (0.6 + 4) / 7  # from noon on six of the day's ten hours, and four days
        week, after = body["data"]["predictions"]
        assert week["observed_so_far"] == 16
        assert week["predicted_demand"] == pytest.approx(16 + ahead * 34, abs=1e-4)
        assert after["predicted_demand"] == pytest.approx(35, abs=1e-4)
        assert week["business_impact"]["units_in_service"] == 80
        # those that left, and those that are there or come back within the week
        # Wednesday noon: of the half that is back within a week, 4.5 sevenths are back within this one
        still_out = 1 - 0.5 * 4.5 / 7
        assert week["business_impact"]["units_at_hand"] == pytest.approx(80 - 19 * still_out, abs=1e-4)
        assert alone["data"]["predictions"][0]["business_impact"]["units_at_hand"] == pytest.approx(
            30 - 5 * still_out, abs=1e-4
        )
        assert sum(week["key_factors"]["contributions_units"].values()) == pytest.approx(ahead * 34, abs=0.01)
        said = body["meta"]["features"]
        assert (said["state"], said["moment"], said["seq"], said["stale"], said["why"]) == (
            "FRESH",
            "2025-07-02T12:00:00",
            41,
            [],
            "",
        )
        assert said["as_of"].startswith(as_of.isoformat(timespec="milliseconds")[:22])
        assert 0 <= said["age_s"] < 60
        assert body["meta"]["data_as_of"] == "2025-07-02"

    async def test_without_a_present_it_is_the_snapshots(self, settings: DemandSettings, live: Snapshot) -> None:
        """Nobody has taken in anything: the published forecast, and the ledger keeps that nothing was known."""
        async with served(settings, live) as (client, _):
            body = await get(client, f"forecast?{LINEN}&weeks=1")

        assert body["data"]["predictions"][0]["predicted_demand"] == 34
        assert (body["meta"]["features"]["state"], body["meta"]["data_as_of"]) == ("MISSING", "2025-06-30")
        assert body["meta"]["features"]["why"]
        assert [row["input_features"] for row in await logged(settings)] == [{"state": "MISSING"}]

    async def test_a_class_that_is_not_known_leaves_the_question_without(
        self, settings: DemandSettings, live: Snapshot
    ) -> None:
        """To count a class nobody has read as nothing would be a number made up; questions without it are answered."""
        async with served(settings, live) as (client, _):
            await take_in(settings, {key: values for key, values in SHOP.items() if key[0] == "61825"})
            whole, own = (
                await get(client, f"forecast?{LINEN}&weeks=1"),
                await get(client, "forecast?rental_class=61825&weeks=1"),
            )

        assert (whole["meta"]["features"]["state"], own["meta"]["features"]["state"]) == ("MISSING", "FRESH")
        assert "1 of 2 classes" in whole["meta"]["features"]["why"]
        assert whole["data"]["predictions"][0]["predicted_demand"] == 34
        assert own["data"]["predictions"][0]["observed_so_far"] == 16

    async def test_old_values_are_not_used(self, settings: DemandSettings, live: Snapshot) -> None:
        """Twenty minutes after the last look the answer is the snapshot's again, and says which features are stale."""
        async with served(settings, live) as (client, _):
            await take_in(settings, SHOP, age=timedelta(minutes=20))
            body = await get(client, f"forecast?{LINEN}&weeks=1")

        assert body["meta"]["features"]["state"] == "STALE"
        assert body["meta"]["features"]["stale"] == list(LIVE.names)
        assert body["data"]["predictions"][0]["predicted_demand"] == 34

    async def test_a_kept_answer_is_never_older_than_the_present(self, settings: DemandSettings, live: Snapshot) -> None:
        """The same question after one more unit is another answer and another prediction; the same present is answered from memory."""
        async with served(settings, live) as (client, _):
            await take_in(settings, SHOP)
            first, again = [await get(client, f"forecast?{LINEN}&weeks=1") for _ in range(2)]
            await take_in(settings, {**SHOP, ("61839", "8101"): (1, 10, 2, None)}, seq=2)
            later = await get(client, f"forecast?{LINEN}&weeks=1")

        assert (first["meta"]["cached"], again["meta"]["cached"], later["meta"]["cached"]) == (False, True, False)
        one, two = (body["data"]["predictions"][0] for body in (first, later))
        assert two["predicted_demand"] == pytest.approx(one["predicted_demand"] + 1)
        assert one["prediction_id"] != two["prediction_id"]
        rows = await logged(settings)
        assert [row["prediction_id"] for row in rows] == [one["prediction_id"], two["prediction_id"]]
        assert [row["input_features"]["seq"] for row in rows] == [1, 2]
        assert rows[0]["input_features"]["moment"] == "2025-07-02T12:00:00.000000"

    async def test_weeks_that_have_passed_are_no_longer_forecast(self, settings: DemandSettings, live: Snapshot) -> None:
        """Two weeks on, the third week is the first, its horizon one week, and two fewer are supported."""
        async with served(settings, live) as (client, _):
            await take_in(settings, SHOP, moment=MOMENT + timedelta(weeks=2))
            body = await get(client, f"forecast?{LINEN}&weeks=6")
            refused = await client.get(f"{DEMAND}/forecast?{LINEN}&weeks=7")

        assert body["data"]["predictions"][0]["week_starting"] == "2025-07-14"
        assert (refused.status_code, refused.json()["error"]["details"]["supported_weeks"]) == (409, 6)
        assert [row["horizon_days"] for row in await logged(settings)] == [7, 14, 21, 28, 35, 42]

    async def test_without_redis_it_answers(self, settings: DemandSettings, live: Snapshot) -> None:
        """The present is a gain, not a need."""
        nowhere = DemandSettings(home=settings.home, redis_url="redis://127.0.0.1:1/0", demand_features_memory_s=0)
        async with served(nowhere, live) as (client, _):
            body = await get(client, f"forecast?{LINEN}&weeks=1")
            listed = await get(client, "series?level=class")

        assert body["data"]["predictions"][0]["predicted_demand"] == 34
        assert listed["meta"]["features"]["state"] == "MISSING"


class TestShadow:
    async def test_it_answers_of_the_same_present(self, settings: DemandSettings, live: Snapshot) -> None:
        """What a version on trial says beside an answer rests on the very values of that answer."""
        keys = await publish(settings, live)
        await publish_shadow(settings, replace(live, **{name: 2 * getattr(live, name) for name in ("means", "whole_means")}))
        async with serving(settings, keys["read"]) as (client, app):
            await take_in(settings, SHOP, seq=5)
            await get(client, f"forecast?{LINEN}&weeks=1")
            while app.state.shadowing._questions or not app.state.shadowing._tallies:
                await asyncio.sleep(0.01)

        shown, beside = await logged(settings)
        ahead = (0.6 + 4) / 7
        assert (shown["role"], beside["role"]) == ("shown", "shadow")
        assert beside["input_features"] == shown["input_features"]
        assert float(shown["predicted_value"]) == pytest.approx(16 + ahead * 34, abs=1e-3)
        assert float(beside["predicted_value"]) == pytest.approx(16 + ahead * 68, abs=1e-3)


class TestEveryDoor:
    async def test_all_show_the_same_prediction(self, settings: DemandSettings, live: Snapshot) -> None:
        """Forecast, series, page, picture and batch speak of the same present: the same numbers under the same names, written once."""
        async with served(settings, live) as (client, _):
            await take_in(settings, {**SHOP, ("61839", "8101"): (2, 10, 2, 3)})
            week = (await get(client, "forecast?rental_class=61839&weeks=1"))["data"]["predictions"][0]
            one = await get(client, "series?rental_class=61839&weeks=1")
            page = await get(client, "series?level=class&weeks=1")
            picture = await client.get(f"{DEMAND}/forecast.svg?rental_class=61839&weeks=1")
            asked = {"queries": [{"key": "a", "rental_class": "61839", "weeks": 1}, {"key": "b", "category": "Tables"}]}
            batch = (await client.post(f"{DEMAND}/forecast/batch", json=asked)).json()

        shown = one["data"]["forecast"][0]
        listed = next(item for item in page["data"]["items"] if item["name"] == "61839")
        assert one["data"]["week_in_progress"] == {
            "week_starting": "2025-06-30", "observed_so_far": 2, "share_ahead": pytest.approx(4.6 / 7, abs=1e-4),
        }  # fmt: skip
        assert (shown["booked"], shown["stock_available"]) == (
            3,
            pytest.approx(week["business_impact"]["units_at_hand"] + week["observed_so_far"]),
        )
        assert shown["mean"] == listed["demand"] == week["predicted_demand"]
        assert listed["stock_available"] == shown["stock_available"]
        assert picture.status_code == 200
        assert batch["data"]["results"]["a"]["data"]["predictions"] == [week]
        assert batch["data"]["results"]["b"]["ok"] is False
        assert (
            batch["meta"]["features"]["state"]
            == one["meta"]["features"]["state"]
            == page["meta"]["features"]["state"]
            == "FRESH"
        )
        names = {each["prediction_id"] for each in (week, shown, listed["forecast"][0])}
        assert names == {week["prediction_id"]}
        assert len({row["prediction_id"] for row in await logged(settings)}) == len(await logged(settings))

    async def test_a_batch_reads_once(self, settings: DemandSettings, live: Snapshot, redis_url: str) -> None:
        """A thousand questions are one look at Redis, so that they speak of one moment."""
        async with served(settings, live) as (client, _), Redis.from_url(redis_url) as redis:
            await take_in(settings, SHOP)
            asked = {"queries": [{"rental_class": "61825", "weeks": 1 + k % 8} for k in range(120)]}
            await redis.config_resetstat()
            answer = (await client.post(f"{DEMAND}/forecast/batch", json=asked)).json()
            calls = (await redis.info("commandstats"))["cmdstat_mget"]["calls"]

        assert (answer["meta"]["answered"], calls) == (120, 1)


class TestFeatures:
    async def test_declares_what_is_taken_in(self, settings: DemandSettings, live: Snapshot) -> None:
        """Every feature with its unit, window and source; values only of a class that is named."""
        async with served(settings, live) as (client, _):
            body = (await get(client, "features"))["data"]

        assert [each["name"] for each in body["features"]] == list(LIVE.names)
        windows = {each["name"]: each["window"] for each in body["features"]}
        assert (windows["units_left_week"], windows["units_left_1_day"], windows["units_in_service"]) == (
            "since Monday", "the last day", "up to the moment",
        )  # fmt: skip
        assert (body["present"], body["state"]) == ([], None)

    async def test_shows_the_present_of_a_class(self, settings: DemandSettings, live: Snapshot) -> None:
        """By store, with the state of each value; what nobody knows is null and MISSING."""
        async with served(settings, live) as (client, _):
            await take_in(settings, SHOP)
            both = (await get(client, "features?rental_class=61825"))["data"]
            one = (await get(client, "features?rental_class=61825&store=003"))["data"]

        assert [part["store"] for part in both["present"]] == ["3607", "8101"]
        assert one["present"] == both["present"][1:]
        assert both["present"][0]["values"]["units_left_week"] == {"value": 7.0, "state": "FRESH"}
        assert both["present"][0]["values"]["units_booked_week"] == {"value": None, "state": "MISSING"}
        assert (both["state"], both["moment"], both["why"]) == ("FRESH", "2025-07-02T12:00:00", "")

    @pytest.mark.parametrize(
        ("query", "status", "fact"),
        [("rental_class=6182", 404, "61825"), ("rental_class=61825&store=77", 404, "8101"), ("store=003", 422, "rental class"),
         ("klass=1", 422, "klass")],
    )  # fmt: skip
    async def test_refuses_with_what_would_do(
        self, settings: DemandSettings, live: Snapshot, query: str, status: int, fact: str
    ) -> None:
        """A class or store that is not known comes back with names that are."""
        async with served(settings, live) as (client, _):
            answer = await client.get(f"{DEMAND}/features?{query}")

        assert answer.status_code == status
        assert fact in answer.text
