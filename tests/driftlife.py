"""What tests of watched features of items do: give a champion other references than its data would, and look at what follows."""

from collections.abc import Awaitable, Callable
from typing import Any

from learnedlife import Silent
from sqlalchemy import select, update

from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.item_life import feature_drift
from rfid3_shared.item_life.definitions import WATCHED
from rfid3_shared.item_life.rebuild import rebuild
from rfid3_shared.monitor import drift, feature_spec
from rfid3_shared.monitor.alerts import Alert, list_alerts
from rfid3_shared.registry.tables import ml_model_performance as published
from rfid3_shared.settings import Settings

Score = Callable[[Any, dict[str, Any], Silent], Awaitable[dict[str, Any]]]


async def kept(settings: Settings) -> list[Any]:
    """What the registry keeps of each version's features."""
    store = db.open_engine(settings.store_dsn)
    async with db.transaction(store) as connection:
        found = (await connection.execute(select(published.c.feature_spec))).scalars().all()
    await store.dispose()
    return list(found)


async def learned_of_another_shop(settings: Settings, moved: str) -> None:
    """The champion's references become the values of today, but for one feature, of which all were four more."""
    source, store = db.open_engine(settings.source_dsn), db.open_engine(settings.store_dsn)
    async with db.transaction(source) as connection:
        life = await rebuild(connection, Clock())
    now = feature_drift.live(life, {name: {} for name in WATCHED.names})
    bins = {name: drift.reference(values + 4 * (name == moved)) for name, values in now.items()}
    spec = feature_spec.spec_of({str(life.data_to.date()): bins})
    async with db.transaction(store) as connection:
        await connection.execute(update(published).values(feature_spec=spec))
    await source.dispose()
    await store.dispose()


async def open_alerts(settings: Settings, service: str) -> list[Alert]:
    """Drift that is open."""
    store = db.open_engine(settings.store_dsn)
    async with db.transaction(store) as connection:
        found = await list_alerts(connection, service=service, monitor="drift")
    await store.dispose()
    return found


async def short_records_are_said(score: Score, settings: Settings, service: str) -> None:
    """Of a company of ten months training keeps no references, and the scoring job says what is missing instead of nothing."""
    found = await score(settings, {}, Silent())

    assert await kept(settings) == [{"features": {}}]
    (said,) = [one for one in found["findings"] if one["monitor"] == "drift"]
    assert (said["subject"], said["status"]) == ("items", "too little data")
    assert said["figures"]["found_days"] < said["figures"]["needed_days"]
    assert await open_alerts(settings, service) == []


async def a_changed_shop_asks_for_training(score: Score, settings: Settings, service: str) -> None:
    """Of the feature that moved there is one alert, seen again at the next look, and one training run; of the others none."""
    await learned_of_another_shop(settings, "rentals_count")

    found = await score(settings, {}, Silent())
    again = await score(settings, {}, Silent())

    for looked in (found, again):
        drift_of = {one["subject"]: one["status"] for one in looked["findings"] if one["monitor"] == "drift"}
        assert [name for name, status in drift_of.items() if status == "alarm"] == ["rentals_count"]
        assert len(drift_of) > 8
    (alert,) = await open_alerts(settings, service)
    assert (alert.subject, alert.level, len(alert.retrain_job_id or "")) == ("rentals_count", "warning", 32)
