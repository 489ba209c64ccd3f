"""Alerts: one open one for each service, monitor and subject, on both databases."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import transaction
from rfid3_shared.errors import Conflict, NotFound
from rfid3_shared.monitor import Alert, close_alert, count_alerts, get_alert, list_alerts, note_retrain, raise_alert
from rfid3_shared.monitor.alerts import last_closed

NOON = datetime(2026, 3, 2, 12, 0, 0, 125_000, tzinfo=UTC)
ALARM: dict[str, Any] = {
    "service": "demand", "monitor": "drift", "subject": "units_week", "level": "warning", "message": "It moved.",
    "evidence": {"psi": 0.4}, "model_version": "demand_v1",
}  # fmt: skip


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


async def raised(engine: AsyncEngine, clock: FixedClock, **changes: Any) -> tuple[Alert, bool]:
    async with transaction(engine) as connection:
        return await raise_alert(connection, **{**ALARM, **changes}, clock=clock)


async def closed(engine: AsyncEngine, alert_id: int, clock: FixedClock, by: str = "Ann") -> Alert:
    async with transaction(engine) as connection:
        return await close_alert(connection, alert_id, by=by, reason="looked at it", clock=clock)


class TestRaiseAlert:
    async def test_opens_one(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """The first sighting opens an alert that says what was seen, of which model, and when."""
        alert, is_new = await raised(engine, clock)

        assert is_new
        assert alert.open
        assert (alert.opened_at, alert.last_seen_at) == (NOON, NOON)
        shown = alert.as_dict()
        assert shown["opened_at"] == "2026-03-02T12:00:00.125Z"
        assert {name: shown[name] for name in ALARM} == ALARM
        assert (shown["open"], shown["closed_at"], shown["retrain_job_id"]) == (True, None, None)

    @pytest.mark.parametrize("later", [timedelta(0), timedelta(hours=1), timedelta(hours=-1)])
    async def test_seen_again_is_the_same_one(self, engine: AsyncEngine, clock: FixedClock, later: timedelta) -> None:
        """A later sighting, at the same moment or by a clock set back too, moves evidence and time only."""
        first, _ = await raised(engine, clock)
        clock.at += later

        again, is_new = await raised(engine, clock, evidence={"psi": 0.9}, message="Worse.", level="critical")

        assert not is_new
        assert (again.id, again.opened_at, again.message, again.level) == (first.id, NOON, "It moved.", "warning")
        assert again.evidence == {"psi": 0.9}
        assert abs(again.last_seen_at - clock.at) <= timedelta(microseconds=1)

    async def test_other_subjects_have_their_own(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Another service, monitor or subject is another alert."""
        found = [await raised(engine, clock, **other) for other in (
            {}, {"service": "pricing"}, {"monitor": "freshness"}, {"subject": "all"},
        )]  # fmt: skip

        assert [is_new for _, is_new in found] == [True] * 4
        assert len({alert.id for alert, _ in found}) == 4

    async def test_many_at_once_open_one(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Eight processes that see the same alarm at the same moment: one opened it, none failed."""
        found = await asyncio.gather(*(raised(engine, clock, evidence={"psi": k}) for k in range(8)))

        assert sum(is_new for _, is_new in found) == 1
        assert len({alert.id for alert, _ in found}) == 1

    async def test_long_texts_are_cut(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """A message longer than its column does not lose the alert."""
        alert, _ = await raised(engine, clock, message="x" * 900)

        assert alert.message == "x" * 500

    async def test_nothing_is_left_of_a_transaction_that_fails(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """An alert belongs to its caller's transaction."""

        async def fail(connection: AsyncConnection) -> None:
            await raise_alert(connection, **ALARM, clock=clock)
            raise RuntimeError("stop")

        with pytest.raises(RuntimeError, match="stop"):
            async with transaction(engine) as connection:
                await fail(connection)

        async with transaction(engine) as connection:
            assert await count_alerts(connection, open_only=False) == 0


class TestCloseAlert:
    async def test_ends_it(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """It says who closed it, when and why; the next alarm opens another."""
        first, _ = await raised(engine, clock)
        clock.advance(hours=2)

        done = await closed(engine, first.id, clock)
        second, is_new = await raised(engine, clock)

        assert (done.open, done.closed_by, done.closed_reason) == (False, "Ann", "looked at it")
        assert done.closed_at == NOON + timedelta(hours=2)
        assert is_new
        assert second.id != first.id

    async def test_refuses_what_is_closed_or_unknown(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Closing twice is a conflict that names who was first; an unknown id is not found."""
        first, _ = await raised(engine, clock)
        await closed(engine, first.id, clock)

        with pytest.raises(Conflict) as caught:
            await closed(engine, first.id, clock, by="Bob")
        with pytest.raises(NotFound):
            await closed(engine, first.id + 1, clock)

        assert caught.value.details["closed_by"] == "Ann"

    async def test_the_last_closing_is_remembered(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """By monitor and subject: the one that was closed last."""
        for hour in range(3):
            clock.at = NOON + timedelta(hours=hour)
            alert, _ = await raised(engine, clock)
            await closed(engine, alert.id, clock)
        await raised(engine, clock, subject="still open")

        async with transaction(engine) as connection:
            found = await last_closed(connection, "demand")

        assert {key: alert.closed_at for key, alert in found.items()} == {("drift", "units_week"): NOON + timedelta(hours=2)}


class TestListAlerts:
    async def test_pages_through_the_newest_first(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Open ones of a service unless asked otherwise, with their count."""
        ids = [(await raised(engine, clock, subject=f"f{k}"))[0].id for k in range(5)]
        await raised(engine, clock, service="pricing")
        await closed(engine, ids[4], clock)

        async with transaction(engine) as connection:
            page = await list_alerts(connection, service="demand", limit=2, offset=1)
            everything = await list_alerts(connection, open_only=False)
            counts = [await count_alerts(connection, service="demand"), await count_alerts(connection, open_only=False)]
            one = await get_alert(connection, ids[0])

        assert [alert.id for alert in page] == [ids[2], ids[1]]
        assert len(everything) == 6
        assert counts == [4, 6]
        assert one.subject == "f0"


class TestNoteRetrain:
    async def test_an_alert_leads_to_one_training_run(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """The first run is remembered; a second is told that there was one."""
        alert, _ = await raised(engine, clock)

        async with transaction(engine) as connection:
            first = await note_retrain(connection, alert.id, "a" * 32)
            second = await note_retrain(connection, alert.id, "b" * 32)
            kept = (await get_alert(connection, alert.id)).retrain_job_id

        assert (first, second, kept) == (True, False, "a" * 32)
