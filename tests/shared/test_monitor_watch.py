"""All monitors over a ledger: which alerts they open, close and leave alone, on both databases."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import orjson
import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from rfid3_shared.clock import FixedClock
from rfid3_shared.db import transaction
from rfid3_shared.ledger import Prediction, analytics_predictions
from rfid3_shared.ledger.live import WeekScore
from rfid3_shared.monitor import Alert, close_alert, drift, findings, list_alerts, note_retrain
from rfid3_shared.monitor.findings import Finding
from rfid3_shared.monitor.watch import look, report, watch
from rfid3_shared.registry.tables import ml_model_performance, registry_events
from rfid3_shared.settings import Settings

NOON = datetime(2026, 3, 4, 18, tzinfo=UTC)
TODAY = date(2026, 3, 4)
LAST_WEEK = date(2026, 2, 23)
BACKTEST = 0.2
DAY = timedelta(days=1)


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock(NOON)


def monday(back: int) -> date:
    """The Monday so many weeks before the last complete one."""
    return LAST_WEEK - timedelta(weeks=back)


def scored(day: date, *, outside: int = 2, ratio: float = 1.0, level: float = 0.8, **changes: Any) -> list[dict[str, Any]]:
    """Ten scored predictions of a week: so many outside their interval, errors so many times the back-test's."""
    error = ratio * BACKTEST * 100
    return [
        Prediction(
            prediction_type="demand", prediction_date=day, horizon_days=7, predicted_value=100 + error, model_version="demand_v1",
            model_type="ensemble", created_at=NOON, target_item_id=str(k), interval_level=level, confidence_lower=90,
            confidence_upper=130, **changes,
        ).as_row()
        | {"actual_value": 100, "error": error, "inside_interval": k >= outside, "validated_at": NOON.replace(tzinfo=None)}
        for k in range(10)
    ]  # fmt: skip


async def fill(engine: AsyncEngine, *weeks: list[dict[str, Any]]) -> None:
    """Put scored weeks into the ledger."""
    async with transaction(engine) as connection:
        await connection.execute(insert(analytics_predictions), [row for week in weeks for row in week])


async def publish(engine: AsyncEngine, version: str, *, states: tuple[str, ...], job_id: str = "", at: datetime = NOON) -> None:
    """A version of the registry (with `job_id`), and changes of its state."""
    moment = at.replace(tzinfo=None)
    async with transaction(engine) as connection:
        if job_id:
            row = {
                "service_name": "demand", "model_type": "ensemble", "model_version": version, "training_date": moment,
                "performance_metrics": {}, "hyperparameters": {}, "artefact_digest": "0" * 64, "artefact_bytes": 1, "job_id": job_id,
                "state_since": moment, "created_at": moment,
            }  # fmt: skip
            await connection.execute(insert(ml_model_performance), row)
        for state in states:
            event = {
                "service": "demand", "model_version": version, "from_state": "", "to_state": state, "changed_by": "Ann",
                "reason": "", "changed_at": moment,
            }  # fmt: skip
            await connection.execute(insert(registry_events), event)


async def watched(
    engine: AsyncEngine, clock: FixedClock, settings: Settings | None = None, **changes: Any
) -> dict[str, Finding]:
    """What the monitors find, by monitor; drift by feature."""
    facts: dict[str, Any] = {
        "reference": {}, "live": {}, "data_as_of": clock.today() - DAY, "backtest_wape": BACKTEST, "model_version": "demand_v1",
    }  # fmt: skip
    found = await watch(engine, "demand", "demand", settings or Settings(), clock, **{**facts, **changes})
    return {one.subject if one.monitor == "drift" else one.monitor: one for one in found}


async def alerts_of(engine: AsyncEngine, *, open_only: bool = True) -> list[Alert]:
    async with transaction(engine) as connection:
        return await list_alerts(connection, service="demand", open_only=open_only)


async def close(engine: AsyncEngine, alert_id: int | None, clock: FixedClock) -> None:
    assert alert_id is not None
    async with transaction(engine) as connection:
        await close_alert(connection, alert_id, by="Ann", reason="seen", clock=clock)


class TestErrorAndCoverage:
    async def test_an_empty_ledger_is_too_little_data(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Nothing known yet: said so, with the widest interval, and no alert."""
        found = await watched(engine, clock)

        assert (found["error"].status, found["coverage"].status) == ("too little data", "too little data")
        assert found["error"].figures["interval"] == [0.0, 3.0]
        assert found["coverage"].figures["interval"] == [0.0, 1.0]
        assert found["coverage"].figures["coverage"] is None
        assert await alerts_of(engine) == []

    async def test_weeks_as_promised_are_quiet(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Errors of the back-test's size and a fifth outside 80 % intervals: nothing to say."""
        await fill(engine, *(scored(monday(k)) for k in range(40)))

        found = await watched(engine, clock)

        assert {one.status for one in found.values()} == {"quiet"}
        error, coverage = found["error"].figures, found["coverage"].figures
        assert (error["weeks"], error["ratio"], error["alarm_week"]) == (40, 1.0, None)
        assert (coverage["weeks"], coverage["coverage"], coverage["promised"]) == (40, 0.8, 0.8)
        assert coverage["interval"][0] < 0.8 < coverage["interval"][1]
        assert await alerts_of(engine) == []

    async def test_few_weeks_have_a_wide_interval(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Three bad weeks are no alarm, yet they are shown for what they are."""
        await fill(engine, *(scored(monday(k), outside=6, ratio=2.5) for k in range(3)))

        found = await watched(engine, clock)

        assert {found[name].status for name in ("error", "coverage")} == {"too little data"}
        assert found["error"].figures["ratio"] == 2.5
        assert found["error"].figures["weeks"] < found["error"].figures["weeks_needed"]
        low, high = found["error"].figures["interval"]
        assert low < 1 < 2.5 < high

    async def test_errors_that_doubled_are_found(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """A good year, then half a year with twice the errors: an alert that says so, and when."""
        await fill(engine, *(scored(monday(26 + k)) for k in range(52)), *(scored(monday(k), ratio=2.0) for k in range(26)))

        found = await watched(engine, clock)

        assert found["error"].status == "alarm"
        assert monday(26) < date.fromisoformat(found["error"].figures["alarm_week"]) <= LAST_WEEK
        assert found["coverage"].status == "quiet"
        (alert,) = await alerts_of(engine)
        assert (alert.monitor, alert.subject, alert.model_version) == ("error", "all", "demand_v1")
        assert alert.evidence["highest"] >= alert.evidence["threshold"] == 100
        assert found["error"].alert_id == alert.id

    async def test_intervals_that_miss_are_found(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Half of the outcomes outside 80 % intervals, while errors are as promised."""
        await fill(engine, *(scored(monday(k), outside=5) for k in range(30)))

        found = await watched(engine, clock)

        assert (found["coverage"].status, found["error"].status) == ("alarm", "quiet")
        assert (found["coverage"].figures["coverage"], found["coverage"].figures["promised"]) == (0.5, 0.8)

    async def test_intervals_are_held_to_their_own_level(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """A fifth outside is what 80 % intervals promise, and far too many for 95 % ones."""
        await fill(engine, *(scored(monday(k), level=0.95) for k in range(30)))

        assert (await watched(engine, clock))["coverage"].status == "alarm"

    async def test_only_what_was_shown_counts(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """A version on trial may be as wrong as it likes."""
        await fill(engine, *(scored(monday(k)) + scored(monday(k), ratio=9, outside=10, role="shadow") for k in range(30)))

        found = await watched(engine, clock)

        assert (found["error"].status, found["coverage"].status) == ("quiet", "quiet")

    async def test_looking_again_is_the_same_look(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """However often it is watched: the same evidence, and one alert."""
        await fill(engine, *(scored(monday(k), ratio=2.5) for k in range(26)))
        first = await watched(engine, clock)
        clock.advance(minutes=5)

        again = await watched(engine, clock)

        assert (first["error"].is_new, again["error"].is_new) == (True, False)
        assert first["error"].figures == again["error"].figures
        assert first["error"].alert_id == again["error"].alert_id
        (alert,) = await alerts_of(engine)
        assert alert.last_seen_at > alert.opened_at


class TestRetraining:
    async def test_is_asked_for_once_an_alert(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Until the caller noted its training run, and not after."""
        await fill(engine, *(scored(monday(k), ratio=2.5) for k in range(26)))
        found = await watched(engine, clock)
        assert found["error"].alert_id is not None
        asked = [found["error"].should_retrain, (await watched(engine, clock))["error"].should_retrain]

        async with transaction(engine) as connection:
            await note_retrain(connection, found["error"].alert_id, "a" * 32)

        assert asked == [True, True]
        assert not (await watched(engine, clock))["error"].should_retrain

    async def test_is_a_setting(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Switched off, an alarm opens its alert and nothing else."""
        await fill(engine, *(scored(monday(k), ratio=2.5) for k in range(26)))

        found = await watched(engine, clock, Settings(retrain_on_alarm=False))

        assert (found["error"].status, found["error"].should_retrain) == ("alarm", False)

    async def test_does_not_help_old_data(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Nobody learns anything from data that do not come."""
        found = await watched(engine, clock, data_as_of=TODAY - timedelta(days=9))

        assert (found["freshness"].status, found["freshness"].should_retrain) == ("alarm", False)


class TestHowAlertsEnd:
    async def test_the_model_trained_because_of_it_ends_it(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Not before that took over, and no other model; then its weeks are only those that follow."""
        await fill(engine, *(scored(monday(k), ratio=2.5) for k in range(26)))
        alert_id = (await watched(engine, clock))["error"].alert_id
        assert alert_id is not None
        async with transaction(engine) as connection:
            await note_retrain(connection, alert_id, "a" * 32)
        await publish(engine, "demand_v2", job_id="b" * 32, states=("champion",))
        await publish(engine, "demand_v3", job_id="a" * 32, states=("shadow",))
        waiting = await watched(engine, clock, model_version="demand_v2")
        await publish(engine, "demand_v3", states=("champion",))

        found = await watched(engine, clock, model_version="demand_v3")

        assert (waiting["error"].status, waiting["error"].alert_id) == ("alarm", alert_id)
        assert (found["error"].status, found["error"].figures["weeks"], found["error"].alert_id) == ("too little data", 0, None)
        (alert,) = await alerts_of(engine, open_only=False)
        assert (alert.closed_by, alert.closed_reason) == ("monitor", "demand_v3, trained because of it, took over")

    async def test_by_hand_the_weeks_begin_anew(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """What was known when somebody closed it does not open it again; new bad weeks do, after as many as it takes."""
        await fill(engine, *(scored(monday(k), ratio=2.5) for k in range(26)))
        await close(engine, (await watched(engine, clock))["error"].alert_id, clock)
        quiet = await watched(engine, clock)

        await fill(engine, *(scored(monday(-2 - k), ratio=2.5) for k in range(26)))
        clock.advance(weeks=30)
        again = await watched(engine, clock)

        assert (quiet["error"].status, quiet["error"].figures["weeks"]) == ("too little data", 0)
        assert (again["error"].status, again["error"].figures["weeks"], again["error"].is_new) == ("alarm", 26, True)
        assert len(await alerts_of(engine, open_only=False)) == 2

    async def test_good_weeks_before_it_do_not_end_it(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """A year of small errors is no reason to think well of the half year that followed."""
        await fill(
            engine, *(scored(monday(26 + k), ratio=0.2) for k in range(52)), *(scored(monday(k), ratio=3.0) for k in range(26))
        )
        await watched(engine, clock)

        again = await watched(engine, clock)

        assert (again["error"].status, again["error"].over) == ("alarm", False)
        assert len(await alerts_of(engine)) == 1

    async def test_good_weeks_end_it(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """As much evidence as opened it, now for errors below the limit, closes it."""
        await fill(engine, *(scored(monday(k), ratio=2.5) for k in range(26)))
        await watched(engine, clock)
        clock.advance(weeks=5)
        await fill(engine, *(scored(monday(-2 - k), ratio=0.2) for k in range(4)))
        still = await watched(engine, clock)
        clock.advance(weeks=40)
        await fill(engine, *(scored(monday(-6 - k), ratio=0.2) for k in range(40)))

        found = await watched(engine, clock)

        assert (still["error"].status, found["error"].status) == ("alarm", "quiet")
        (alert,) = await alerts_of(engine, open_only=False)
        assert alert.closed_by == "monitor"
        assert str(alert.closed_reason).startswith("Over: ")


class TestDrift:
    values = np.random.default_rng(5).normal(size=400)
    reference: dict[str, Any] = {"units": drift.reference(values), "rest": drift.reference(values)}  # noqa: RUF012

    async def test_names_the_feature_that_moved(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """One finding a feature; the one that moved has an alert of its own and asks for training."""
        live = {"units": self.values[:100] + 3, "rest": self.values[100:300]}

        found = await watched(engine, clock, reference=self.reference, live=live)

        assert (found["units"].status, found["rest"].status) == ("alarm", "quiet")
        assert found["units"].should_retrain
        (alert,) = await alerts_of(engine)
        assert (alert.monitor, alert.subject) == ("drift", "units")
        assert alert.evidence["psi"] > alert.evidence["threshold"] >= 0.2

    async def test_ends_when_the_feature_is_back(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Not at the first value below the threshold, but when the difference has gone."""
        await watched(engine, clock, reference=self.reference, live={"units": self.values[:100] + 3})
        few = await watched(engine, clock, reference=self.reference, live={"units": self.values[:10] + 0.5})
        between = await alerts_of(engine)

        back = await watched(engine, clock, reference=self.reference, live={"units": self.values})

        assert (few["units"].status, len(between)) == ("quiet", 1)
        assert back["units"].status == "quiet"
        assert await alerts_of(engine) == []

    async def test_closed_by_hand_it_rests_for_a_week(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """The feature is as far away as before: said, but not raised again until the week is over."""
        facts: dict[str, Any] = {"reference": self.reference, "live": {"units": self.values[:100] + 3}}
        await close(engine, (await watched(engine, clock, **facts))["units"].alert_id, clock)

        at_once = await watched(engine, clock, **facts)
        clock.advance(days=8)
        later = await watched(engine, clock, **facts)

        assert (at_once["units"].status, at_once["units"].alert_id) == ("alarm", None)
        assert later["units"].is_new

    async def test_training_does_not_end_it_while_it_lasts(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """A model that learned from the new values may call them normal; one that does not leaves the alert open, untrained."""
        facts: dict[str, Any] = {"reference": self.reference, "live": {"units": self.values[:100] + 3}}
        alert_id = (await watched(engine, clock, **facts))["units"].alert_id
        assert alert_id is not None
        async with transaction(engine) as connection:
            await note_retrain(connection, alert_id, "a" * 32)
        await publish(engine, "demand_v2", job_id="a" * 32, states=("champion",))

        found = await watched(engine, clock, **facts, model_version="demand_v2")

        assert (found["units"].alert_id, found["units"].should_retrain) == (alert_id, False)

    async def test_more_looks_make_it_more_careful(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """The false-alarm chance is spent over the days since the service's first model, whichever answers now."""
        await publish(engine, "demand_v1", job_id="a" * 32, states=("champion",))
        await publish(engine, "demand_v2", job_id="b" * 32, states=("champion",), at=NOON + 20 * DAY)
        facts: dict[str, Any] = {"reference": self.reference, "live": {"units": self.values[:50]}}
        first = await watched(engine, clock, **facts)
        clock.advance(days=30)

        later = await watched(engine, clock, **facts)

        bound = drift.compare(
            self.reference["units"], self.values[:50], false_alarm_ratio=drift.spend(0.01, look=31, features=2)
        )
        assert later["units"].figures["threshold"] == pytest.approx(bound.threshold, abs=1e-4)
        assert first["units"].figures["threshold"] < later["units"].figures["threshold"]


class TestFreshness:
    async def test_old_data_open_an_alert_and_new_ones_close_it(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Stale on the fourth day; over as soon as there are data again."""
        stale = await watched(engine, clock, data_as_of=TODAY - timedelta(days=4))
        again = await watched(engine, clock, data_as_of=TODAY - timedelta(days=4), model_version="demand_v2")
        fresh = await watched(engine, clock, data_as_of=TODAY)

        assert (stale["freshness"].status, stale["freshness"].figures["age_days"]) == ("alarm", 4)
        assert again["freshness"].alert_id == stale["freshness"].alert_id, "another model does not make data younger"
        assert (fresh["freshness"].status, fresh["freshness"].alert_id) == ("quiet", None)
        assert await alerts_of(engine) == []

    async def test_a_usual_gap_is_no_alarm(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Data that come once a week are a week old before the next."""
        found = await watched(engine, clock, data_as_of=TODAY - timedelta(days=7), usual_gap_days=7)

        assert found["freshness"].status == "quiet"

    async def test_no_data_at_all_are_critical(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Nothing to be old."""
        await watched(engine, clock, data_as_of=None)

        (alert,) = await alerts_of(engine)
        assert (alert.level, alert.evidence["state"]) == ("critical", "MISSING")


class TestLook:
    async def test_changes_nothing(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """Who only asks opens no alert, closes none, and learns of those that are open."""
        await fill(engine, *(scored(monday(k), ratio=2.5) for k in range(26)))
        facts: dict[str, Any] = {"reference": {}, "live": {}, "data_as_of": None, "backtest_wape": BACKTEST}

        async with transaction(engine) as connection:
            before = await look(connection, "demand", "demand", Settings(), clock, **facts)
        none_yet = await alerts_of(engine)
        opened = (await watched(engine, clock, data_as_of=TODAY))["error"].alert_id
        async with transaction(engine) as connection:
            after = await look(connection, "demand", "demand", Settings(), clock, **facts)

        assert none_yet == []
        assert [(one.monitor, one.status, one.alert_id) for one in before] == [
            ("error", "alarm", None), ("coverage", "quiet", None), ("freshness", "alarm", None)
        ]  # fmt: skip
        assert after[0].alert_id == opened
        assert len(await alerts_of(engine)) == 1


class TestReport:
    async def test_says_for_each_monitor_how_it_stands(self, engine: AsyncEngine, clock: FixedClock) -> None:
        """JSON by monitor, drift by feature, with evidence, weeks and interval."""
        await fill(engine, *(scored(monday(k)) for k in range(20)))
        learned = {"units": TestDrift.reference["units"]}

        found = await watched(engine, clock, reference=learned, live={"units": TestDrift.values})
        shown = orjson.loads(orjson.dumps(report(list(found.values()))))

        assert set(shown) == {"error", "coverage", "drift", "freshness"}
        assert set(shown["drift"]) == {"units"}
        for name in ("error", "coverage"):
            assert {"status", "e_value", "threshold", "weeks", "interval", "message", "alert_id"} <= set(shown[name])


class TestErrorFinding:
    def weeks(self, *pairs: tuple[float, float]) -> list[WeekScore]:
        """Weeks of (absolute error, volume)."""
        return [WeekScore(monday(-k), 10, error, actual, 8, 10, 0.8) for k, (error, actual) in enumerate(pairs)]

    def found(self, *pairs: tuple[float, float], backtest: float | None = 0.5) -> Finding:
        return findings.error(self.weeks(*pairs), backtest_wape=backtest, false_alarm_ratio=0.01)

    def test_one_terrible_week_does_not_decide(self) -> None:
        """A week a thousand times as bad counts as three times."""
        assert self.found(*[(5.0, 10.0)] * 30, (5_000.0, 10.0)).status == "quiet"
        assert self.found((5_000.0, 10.0)).figures["ratio"] == 3.0

    def test_a_week_in_which_nothing_happened(self) -> None:
        """Perfect when nothing was predicted, worst when something was."""
        assert self.found((0.0, 0.0)).figures["ratio"] == 0.0
        assert self.found((7.0, 0.0)).figures["ratio"] == 3.0

    @pytest.mark.parametrize("backtest", [None, 0.0])
    def test_without_a_back_test_nothing_can_be_held_against_it(self, backtest: float | None) -> None:
        """A model without a promise cannot break one."""
        assert self.found((5.0, 10.0), backtest=backtest).status == "too little data"
