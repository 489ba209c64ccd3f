"""Is what people report a label, once, and does it move the item's chances at once?"""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import numpy as np
import pytest
from doorway import Wire
from handmade import AS_OF, made, publish
from maintenancelife import MAINTENANCE, serving
from sqlalchemy.engine import make_url

from rfid3_maintenance.settings import MaintenanceSettings
from rfid3_shared import db
from rfid3_shared.item_reports.read import load_events

SNAPSHOT = made(6, 6)
ITEM, FEEDBACK = "TAG-T005", f"{MAINTENANCE}/feedback"


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> MaintenanceSettings:
    return MaintenanceSettings(home=tmp_path, redis_url=redis_url)


@pytest.fixture
async def client(settings: MaintenanceSettings) -> AsyncIterator[httpx.AsyncClient]:
    keys = await publish(settings, SNAPSHOT)
    async with serving(settings, keys["events"]) as (client, _):
        yield client


def body(**changes: object) -> dict[str, object]:
    return {"item_id": ITEM, "event": "serviced", "occurred_at": f"{AS_OF + timedelta(days=1)}T09:00:00", **changes}


class TestFeedback:
    async def test_a_service_begins_the_curve_anew(self, client: httpx.AsyncClient) -> None:
        """From the report on the item has the chances of such an item just serviced, and its answers say why; the schedule too."""
        before = (await client.get(f"{MAINTENANCE}/health/{ITEM}")).json()["data"]
        reply = await client.post(FEEDBACK, json=body(cost=40.5, notes="ask Jane"))
        after = (await client.get(f"{MAINTENANCE}/health/{ITEM}")).json()["data"]
        other = (await client.get(f"{MAINTENANCE}/health/TAG-T004")).json()["data"]
        rows = (await client.get(f"{MAINTENANCE}/schedule?min_failure_probability=0")).json()["data"]["maintenance_schedule"]

        assert (reply.status_code, reply.json()["data"]["known_before"]) == (201, False)
        assert "not kept" in reply.json()["data"]["takes_effect"]
        row = SNAPSHOT.row_of(ITEM)
        renewed = 1 - np.prod([SNAPSHOT.renewed[row, kind, 4].astype(float) for kind in (0, 2)])
        assert after["failure_probability_timeline"]["90_days"] == pytest.approx(renewed, abs=1e-5)
        assert after["failure_probability_timeline"]["90_days"] < before["failure_probability_timeline"]["90_days"]
        assert (before["reported"], other["reported"]) == (None, None)
        assert after["reported"]["event"] == "serviced"
        assert after["usage_statistics"]["last_maintenance"] == str(AS_OF + timedelta(days=1))
        assert after["prediction_id"] != before["prediction_id"]
        scheduled = next(one for one in rows if one["equipment_id"] == ITEM)
        assert scheduled["failure_probability"] == pytest.approx(after["failure_probability_timeline"]["30_days"], abs=1e-5)

    async def test_the_same_twice_is_one(self, client: httpx.AsyncClient, settings: MaintenanceSettings) -> None:
        """The same fact has one id, whoever sends it, in whichever zone; another moment is another fact."""
        first = await client.post(FEEDBACK, json=body())
        again = await client.post(
            FEEDBACK, json=body(item_id=ITEM.lower(), occurred_at=f"{AS_OF + timedelta(days=1)}T15:00:00Z")
        )
        other = await client.post(FEEDBACK, json=body(event="no_fault"))
        engine = db.open_engine(settings.store_dsn)
        async with db.transaction(engine) as connection:
            kept = await load_events(connection, [ITEM])
        await engine.dispose()

        assert [reply.status_code for reply in (first, again, other)] == [201, 200, 201]
        assert first.json()["data"]["feedback_id"] == again.json()["data"]["feedback_id"] != other.json()["data"]["feedback_id"]
        assert sorted(one.event for one in kept) == ["no_fault", "serviced"]
        assert kept[0].occurred_at == datetime(2026, 11, 1, 15, tzinfo=UTC)

    async def test_refuses_what_cannot_be(self, client: httpx.AsyncClient) -> None:
        """The future: 422; an unknown item: 404 with near ids; words nobody knows: 422; a key that may only read: 403."""
        ahead = await client.post(FEEDBACK, json=body(occurred_at="2999-01-01T00:00:00"))
        unknown = await client.post(FEEDBACK, json=body(item_id="TAG-T0055"))
        words = [
            await client.post(FEEDBACK, json=body(**bad)) for bad in ({"event": "x"}, {"kind": "x"}, {"cost": -1}, {"who": 1})
        ]

        assert (ahead.status_code, ahead.json()["error"]["details"]["parameter"]) == (422, "occurred_at")
        assert unknown.status_code == 404
        assert ITEM in unknown.json()["error"]["details"]["suggestion"]
        assert [reply.status_code for reply in words] == [422] * 4

    async def test_items_newer_than_the_model_are_taken(self, client: httpx.AsyncClient) -> None:
        """A tag that the source knows and the model does not is a label all the same."""
        reply = await client.post(FEEDBACK, json=body(item_id="61825-001"))

        assert (reply.status_code, reply.json()["data"]["item_id"]) == (201, "61825-001")

    async def test_a_loss_ends_it(self, client: httpx.AsyncClient) -> None:
        """Reported as retired or lost, an item has no chances any more."""
        await client.post(FEEDBACK, json=body(event="failure", kind="loss"))
        reply = await client.get(f"{MAINTENANCE}/probability/{ITEM}")

        assert (reply.status_code, reply.json()["error"]["code"]) == (409, "CONFLICT")


class TestOnMariaDB:
    @pytest.mark.mariadb
    async def test_reports_are_kept_once_and_move_the_item(self, mysql_dsn: str, tmp_path: Path, redis_url: str) -> None:
        """As on SQLite: one row a fact, and chances that begin anew."""
        settings = MaintenanceSettings(home=tmp_path, redis_url=redis_url, source_url=mysql_dsn, store_url=mysql_dsn)
        keys = await publish(settings, SNAPSHOT)
        async with serving(settings, keys["events"]) as (client, _):
            replies = [await client.post(FEEDBACK, json=body()) for _ in range(2)]
            data = (await client.get(f"{MAINTENANCE}/health/{ITEM}")).json()["data"]

        assert [reply.status_code for reply in replies] == [201, 200]
        assert len({reply.json()["data"]["feedback_id"] for reply in replies}) == 1
        assert data["reported"]["event"] == "serviced"


class TestScope:
    async def test_reading_is_not_enough(self, tmp_path: Path, redis_url: str) -> None:
        """Posting what happened needs events or decide."""
        settings = MaintenanceSettings(home=tmp_path, redis_url=redis_url)
        keys = await publish(settings, SNAPSHOT)
        async with serving(settings, None) as (client, _):
            found = {
                scope: (await client.post(FEEDBACK, json=body(), headers={"X-API-Key": keys[scope]})).status_code
                for scope in ("read", "train", "decide", "events")
            }

        assert found == {"read": 403, "train": 403, "decide": 201, "events": 200}


class TestStoreDown:
    @pytest.mark.mariadb
    async def test_answers_go_on_and_say_what_is_missing(self, mysql_dsn: str, tmp_path: Path, redis_url: str) -> None:
        """Without the store an item is answered from the snapshot, the answer names what it lacks, and a report is refused clearly."""
        wire = Wire(make_url(mysql_dsn).port or 3306)
        await wire.mend()
        dsn = make_url(mysql_dsn).set(port=wire.port).render_as_string(hide_password=False)
        settings = MaintenanceSettings(home=tmp_path, redis_url=redis_url, store_url=dsn)
        keys = await publish(settings, SNAPSHOT)
        async with serving(settings, keys["events"]) as (client, app):
            await client.get(f"{MAINTENANCE}/health/{ITEM}")
            await wire.cut()
            app.state.reports.forget()
            health = await client.get(f"{MAINTENANCE}/health/{ITEM}")
            schedule = await client.get(f"{MAINTENANCE}/schedule")
            refused = await client.post(FEEDBACK, json=body())

        assert (health.status_code, schedule.status_code, refused.status_code) == (200, 200, 503)
        assert "what was reported since" in health.json()["meta"]["degraded"]
        assert "what was reported since" in schedule.json()["meta"]["degraded"]
