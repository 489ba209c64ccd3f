"""Do a service's live predictions, inputs and data still keep their promises? Runs every monitor, opens and closes alerts.

Nothing is remembered between two looks but the alerts: each monitor is computed anew from the ledger, so that looking every five
minutes is looking once. The weeks of error and coverage begin after the day their last alert was closed, else with January three
years back; a new model does not begin them anew, or daily and weekly training would leave a single week to judge by. Only the model
that was trained because of an alert ends it by taking over. Each monitor has the set false-alarm rate for itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import and_, func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from rfid3_shared.clock import Clock
from rfid3_shared.db import transaction
from rfid3_shared.ledger.live import WeekScore, weekly_scores
from rfid3_shared.monitor import findings
from rfid3_shared.monitor.alerts import Alert, close_alert, last_closed, list_alerts, raise_alert
from rfid3_shared.monitor.findings import Finding
from rfid3_shared.registry.tables import ml_model_performance as published
from rfid3_shared.registry.tables import registry_events
from rfid3_shared.settings import Settings

BY = "monitor"
YEARS = 3
SNOOZE = timedelta(days=7)
"""What a person closed although it goes on (drift, stale data) is left alone for so long."""
MOST_OPEN = 1000
ALL_OF_THEM: Mapping[str, str] = {}
SEQUENTIAL = ("error", "coverage")
"""Monitors of weeks, which begin anew when their alert is closed."""
LEARNABLE = (*SEQUENTIAL, "drift")
"""Monitors whose alarm a training run may help."""
Learned = Mapping[str, Mapping[str, Any]]
Live = Mapping[str, Sequence[float] | np.ndarray]


@dataclass(frozen=True)
class Memory:
    """What the store remembers of a service: alerts by monitor and subject, and the UTC day of its first model."""

    open: dict[tuple[str, str], Alert]
    closed: dict[tuple[str, str], Alert]
    modelled_since: date | None


@dataclass(frozen=True)
class Facts:
    """What the caller knows: feature → its bins, feature → values now, last day with data, the model's back-test, the day, how long
    data usually pause, of which kind of model predictions count (None = of any), and columns of those the back-test speaks of."""

    reference: Learned
    live: Live
    data_as_of: date | None
    backtest_wape: float | None
    today: date
    usual_gap_days: int
    model_type: str | None
    tested_like: Mapping[str, str]


async def watch(
    engine: AsyncEngine, service: str, prediction_type: str, settings: Settings, clock: Clock, *, reference: Learned, live: Live,
    data_as_of: date | None, backtest_wape: float | None, model_version: str = "", today: date | None = None,
    usual_gap_days: int = 0, model_type: str | None = None, tested_like: Mapping[str, str] = ALL_OF_THEM,
) -> list[Finding]:  # fmt: skip
    """Every monitor's finding, after alerts were opened, seen again or closed accordingly, in one transaction.

    `reference`: feature → its bins; `live`: feature → values now; `backtest_wape`: what the model promised for targets with
    `tested_like` (a class is harder than a category), which are those that live errors count; `model_type`: which kind of model's
    predictions count; `model_version`: the one that answers now, for the record. `should_retrain` is set while the alarm has led to
    no training run: enqueue one and call `note_retrain`; when its model takes over, alerts about error and coverage are closed.
    Raises StoreUnavailable.
    """
    facts = Facts(reference, live, data_as_of, backtest_wape, today or clock.today(), usual_gap_days, model_type, tested_like)
    async with transaction(engine) as connection:
        memory = await _remember(connection, service)
        for alert, successor in await _succeeded(connection, service, memory):
            key, reason = (alert.monitor, alert.subject), f"{successor}, trained because of it, took over"
            memory.closed[key] = await close_alert(connection, alert.id, by=BY, reason=reason, clock=clock)
            del memory.open[key]
        found = await _judge(connection, prediction_type, settings, memory, facts)
        return [await _follow(connection, one, memory, service, model_version, settings, clock) for one in found]


async def look(
    connection: AsyncConnection, service: str, prediction_type: str, settings: Settings, clock: Clock, *, reference: Learned,
    live: Live, data_as_of: date | None, backtest_wape: float | None, today: date | None = None, usual_gap_days: int = 0,
    model_type: str | None = None, tested_like: Mapping[str, str] = ALL_OF_THEM,
) -> list[Finding]:  # fmt: skip
    """The same findings, with the ids of open alerts, for somebody who asks; changes nothing."""
    memory = await _remember(connection, service)
    facts = Facts(reference, live, data_as_of, backtest_wape, today or clock.today(), usual_gap_days, model_type, tested_like)
    found = await _judge(connection, prediction_type, settings, memory, facts)
    return [replace(one, alert_id=alert.id) if (alert := memory.open.get((one.monitor, one.subject))) else one for one in found]


def report(found: Sequence[Finding]) -> dict[str, dict[str, Any]]:
    """Findings as JSON by monitor; drift has one entry a feature: {error: {status, message, alert_id, e_value, …}, drift: {name: {…}}}."""
    shown: dict[str, dict[str, Any]] = {}
    for one in found:
        facts = {"status": one.status, "message": one.message, "alert_id": one.alert_id, **one.figures}
        if one.monitor == "drift":
            shown.setdefault("drift", {})[one.subject] = facts
        else:
            shown[one.monitor] = facts
    return shown


async def _remember(connection: AsyncConnection, service: str) -> Memory:
    opened = await list_alerts(connection, service=service, limit=MOST_OPEN)
    query = select(func.min(published.c.created_at)).where(published.c.service_name == service)
    first: datetime | None = (await connection.execute(query)).scalar_one()
    return Memory(
        open={(alert.monitor, alert.subject): alert for alert in opened},
        closed=await last_closed(connection, service),
        modelled_since=first.date() if first else None,
    )


async def _succeeded(connection: AsyncConnection, service: str, memory: Memory) -> list[tuple[Alert, str]]:
    """Open alerts of weekly monitors whose training run made a model that has become champion, and that model's version."""
    waiting = [alert for alert in memory.open.values() if alert.retrain_job_id and alert.monitor in SEQUENTIAL]
    if not waiting:
        return []
    same = and_(
        registry_events.c.service == published.c.service_name, registry_events.c.model_version == published.c.model_version
    )
    query = select(published.c.job_id, published.c.model_version).join(registry_events, same).where(
        published.c.service_name == service, published.c.job_id.in_({alert.retrain_job_id for alert in waiting}),
        registry_events.c.to_state == "champion",
    )  # fmt: skip
    successors = {row.job_id: row.model_version for row in await connection.execute(query)}
    return [(alert, successors[alert.retrain_job_id]) for alert in waiting if alert.retrain_job_id in successors]


async def _judge(
    connection: AsyncConnection, prediction_type: str, settings: Settings, memory: Memory, facts: Facts
) -> list[Finding]:
    ratio, since = settings.monitor_false_alarm_ratio, date(facts.today.year - YEARS, 1, 1)
    weeks = await weekly_scores(connection, prediction_type, since=since, model_type=facts.model_type)
    tested = await weekly_scores(connection, prediction_type, since=since, model_type=facts.model_type, **facts.tested_like)

    def stream(monitor: str, weeks: list[WeekScore]) -> tuple[list[WeekScore], date | None]:
        """The weeks a monitor may look at, and the day from which an open alert speaks."""
        closed, opened = memory.closed.get((monitor, "all")), memory.open.get((monitor, "all"))
        first = closed.closed_at.date() + timedelta(days=1) if closed and closed.closed_at else since
        return [week for week in weeks if week.day >= first], opened.opened_at.date() if opened else None

    error_weeks, error_opened = stream("error", tested)
    coverage_weeks, coverage_opened = stream("coverage", weeks)
    looks = max((facts.today - memory.modelled_since).days, 0) + 1 if memory.modelled_since else 1
    return [
        findings.error(error_weeks, backtest_wape=facts.backtest_wape, false_alarm_ratio=ratio, opened=error_opened),
        findings.coverage(coverage_weeks, false_alarm_ratio=ratio, opened=coverage_opened),
        *findings.inputs(
            facts.reference, facts.live, look=looks, false_alarm_ratio=ratio, practical_threshold=settings.drift_psi_threshold
        ),
        findings.age(facts.data_as_of, facts.today, limit_days=settings.freshness_days, usual_gap_days=facts.usual_gap_days),
    ]


async def _follow(
    connection: AsyncConnection,
    found: Finding,
    memory: Memory,
    service: str,
    model_version: str,
    settings: Settings,
    clock: Clock,
) -> Finding:
    """What a finding does to its alert."""
    key = (found.monitor, found.subject)
    alert = memory.open.get(key)
    if alert and found.over:
        await close_alert(connection, alert.id, by=BY, reason=f"Over: {found.message}", clock=clock)
        return replace(found, status="quiet")
    if found.status != "alarm":
        return replace(found, alert_id=alert.id if alert else None)
    if alert is None and _snoozed(memory.closed.get(key), found, clock):
        return found
    alert, is_new = await raise_alert(
        connection, service=service, monitor=found.monitor, subject=found.subject, level=found.level, message=found.message,
        evidence=found.figures, model_version=model_version, clock=clock,
    )  # fmt: skip
    helps = settings.retrain_on_alarm and found.monitor in LEARNABLE and alert.retrain_job_id is None
    return replace(found, alert_id=alert.id, is_new=is_new, should_retrain=helps)


def _snoozed(closed: Alert | None, found: Finding, clock: Clock) -> bool:
    """Whether a person has closed the same a short while ago; weekly monitors begin anew at a close and need no rest."""
    if closed is None or closed.closed_at is None or closed.closed_by == BY or found.monitor in SEQUENTIAL:
        return False
    return clock.now() - closed.closed_at < SNOOZE
