"""Does a broken promise lead to an alert and to one training run?"""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import factories
from demandlife import Silent, prepare, trained

from rfid3_demand import live_features
from rfid3_demand.settings import DemandSettings
from rfid3_shared import db
from rfid3_shared.clock import Clock
from rfid3_shared.jobs import list_jobs
from rfid3_shared.ledger import Outcome, Prediction, Target, score, write_outcomes
from rfid3_shared.ledger.write import write
from rfid3_shared.monitor import list_alerts

WEEKS = 30


async def a_year_of_wrong_forecasts(settings: DemandSettings) -> None:
    """Fifty weeks for which three times too much was promised, all outside their 80 % intervals, scored."""
    store = db.open_engine(settings.store_dsn)
    mondays = [factories.FIRST_MONDAY - timedelta(days=7 * k) for k in range(50)]
    shown = [
        Prediction(
            prediction_type="demand", prediction_date=monday, horizon_days=7, predicted_value=108.0, model_version="an earlier one",
            model_type="ensemble", created_at=datetime(2025, 1, 1, tzinfo=UTC), target_category="all", store="all",
            interval_level=0.8, confidence_lower=100.0, confidence_upper=116.0,
        )
        for monday in mondays
    ]  # fmt: skip
    await write(store, shown)
    async with db.transaction(store) as connection:
        happened = [Outcome(Target("", "all", "all", monday), 36.0) for monday in mondays]
        await write_outcomes(connection, "demand", happened, Clock())
    await score(store, "demand", Clock(), Silent())
    await store.dispose()


class TestLook:
    async def test_an_alarm_opens_an_alert_and_asks_for_training_once(self, tmp_path: Path, redis_url: str) -> None:
        """A year of misses is an alert that names its training job; looking again asks for no other.

        The steady shop is forecast without any error in the back-test, so there is no error to be held against.
        """
        settings = DemandSettings(home=tmp_path, redis_url=redis_url, demand_horizon_weeks=8)
        await prepare(settings, WEEKS)
        await trained(settings, model_types=["linear"])
        await a_year_of_wrong_forecasts(settings)

        found = [await live_features.run(settings, {}, Silent()) for _ in range(2)]

        store = db.open_engine(settings.store_dsn)
        async with db.transaction(store) as connection:
            alerts = await list_alerts(connection, service="demand")
            jobs = [job for job in await list_jobs(connection) if job.kind == "train"]
        await store.dispose()
        alarmed = {finding["monitor"] for finding in found[0]["findings"] if finding["status"] == "alarm"}
        assert "coverage" in alarmed
        assert [(job.requested_by, job.state) for job in jobs] == [("monitor", "queued")]
        assert [alert.retrain_job_id for alert in alerts if alert.monitor == "coverage"] == [jobs[0].id]

    async def test_with_retraining_switched_off_there_is_only_the_alert(self, tmp_path: Path, redis_url: str) -> None:
        """`retrain_on_alarm` off: somebody decides."""
        settings = DemandSettings(home=tmp_path, redis_url=redis_url, demand_horizon_weeks=8, retrain_on_alarm=False)
        await prepare(settings, WEEKS)
        await trained(settings, model_types=["linear"])
        await a_year_of_wrong_forecasts(settings)

        await live_features.run(settings, {}, Silent())

        store = db.open_engine(settings.store_dsn)
        async with db.transaction(store) as connection:
            alerts = await list_alerts(connection, service="demand")
            jobs = [job for job in await list_jobs(connection) if job.kind == "train"]
        await store.dispose()
        assert "coverage" in {alert.monitor for alert in alerts}
        assert jobs == []
