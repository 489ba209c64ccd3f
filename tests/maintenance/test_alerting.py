"""Do alerts come within their budget, never twice, and do snoozed items rest?"""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from handmade import made, served
from maintenancelife import MAINTENANCE

from rfid3_maintenance import alerting, attending
from rfid3_maintenance.settings import MaintenanceSettings
from rfid3_shared import db
from rfid3_shared.clock import Clock

SNAPSHOT = made(12, 6, pace=4.0)


@pytest.fixture
def settings(tmp_path: Path, redis_url: str) -> MaintenanceSettings:
    return MaintenanceSettings(home=tmp_path, redis_url=redis_url, maintenance_alerts_a_day=3)


class LaterClock(Clock):
    """The real clock, some days later."""

    days = 0

    def now(self):  # type: ignore[no-untyped-def]
        return super().now() + timedelta(days=self.days)


class TestAlerts:
    async def test_a_budget_a_day_and_no_item_twice(self, settings: MaintenanceSettings) -> None:
        """The three with most at stake today; looking again raises nothing; tomorrow the next three."""
        async with served(settings, SNAPSHOT) as (client, app):
            held = app.state.resources
            clock = LaterClock()
            object.__setattr__(held, "clock", clock)
            first = await attending.look(held, settings, SNAPSHOT, "v1")
            again = await attending.look(held, settings, SNAPSHOT, "v1")
            one = (await client.get(f"{MAINTENANCE}/alerts")).json()["data"]
            clock.days = 1
            tomorrow = await attending.look(held, settings, SNAPSHOT, "v2")
            two = (await client.get(f"{MAINTENANCE}/alerts")).json()["data"]

        assert (first["raised"], again["raised"], tomorrow["raised"]) == (3, 0, 3)
        assert {alert["item_id"] for alert in one["alerts"]} == {"TAG-T011", "TAG-T010", "TAG-T009"}
        assert (one["total"], two["total"], one["budget_a_day"]) == (3, 6, 3)
        assert len({alert["item_id"] for alert in two["alerts"]}) == 6
        usd = [alert["evidence"]["at_stake_usd"] for alert in one["alerts"]]
        assert min(usd) > 50

    async def test_a_snoozed_item_rests_and_comes_back(self, settings: MaintenanceSettings) -> None:
        """It has no alert until its day, whatever is at stake; its alert is closed and says until when; its place goes to another."""
        async with served(settings, SNAPSHOT) as (client, app):
            held, clock = app.state.resources, LaterClock()
            object.__setattr__(held, "clock", clock)
            await attending.look(held, settings, SNAPSHOT, "v1")
            reply = await client.post(f"{MAINTENANCE}/alerts/tag-t011/snooze", json={"days": 5, "reason": "on order"})
            quiet = await client.post(f"{MAINTENANCE}/alerts/TAG-T002/snooze")
            unknown = await client.post(f"{MAINTENANCE}/alerts/nobody/snooze", json={"days": 5})
            clock.days = 1
            await attending.look(held, settings, SNAPSHOT, "v1")
            async with db.transaction(held.store) as connection:
                now = set(await alerting.open_items(connection))
                resting = await alerting.resting(connection, clock)
            clock.days = 8
            await attending.look(held, settings, SNAPSHOT, "v1")
            async with db.transaction(held.store) as connection:
                later = set(await alerting.open_items(connection))

        data = reply.json()["data"]
        assert (reply.status_code, quiet.status_code, unknown.status_code) == (200, 200, 404)
        assert data["alert"]["open"] is False
        assert data["alert"]["evidence"]["snoozed_until"] == data["snoozed_until"].replace("Z", "+00:00")
        assert "on order" in data["alert"]["closed_reason"]
        assert set(resting) == {"TAG-T011", "TAG-T002"}
        assert "TAG-T011" not in now
        assert now == {"TAG-T010", "TAG-T009", "TAG-T008", "TAG-T007", "TAG-T006"}
        assert "TAG-T011" in later

    async def test_an_alert_ends_with_its_reason(self, settings: MaintenanceSettings) -> None:
        """A service makes the chance fall: the next look closes the alert and says why; needs the scope decide to snooze."""
        from dataclasses import replace

        mended = replace(SNAPSHOT, survival=np.sqrt(np.sqrt(np.sqrt(SNAPSHOT.survival))))
        async with served(settings, SNAPSHOT, scope="events") as (client, app):
            held = app.state.resources
            await attending.look(held, settings, SNAPSHOT, "v1")
            after = await attending.look(held, settings, mended, "v2")
            left = (await client.get(f"{MAINTENANCE}/alerts")).json()["data"]
            refused = await client.post(f"{MAINTENANCE}/alerts/TAG-T011/snooze")

        assert after["closed"] == 3
        assert left["total"] == 0
        assert refused.status_code == 403
