"""Do live predictions and inputs still look as they should, and what follows when they do not?"""

from datetime import date
from typing import Any

from rfid3_demand import feature_drift
from rfid3_demand.history import Weekly
from rfid3_demand.ledger_rows import HEADLINE_TYPE, PREDICTION_TYPE, TOTALS
from rfid3_demand.schemas import RetrainRequest
from rfid3_demand.settings import SERVICE, DemandSettings
from rfid3_shared.db import transaction
from rfid3_shared.errors import Conflict
from rfid3_shared.flags import Flag
from rfid3_shared.jobs import enqueue_and_send
from rfid3_shared.monitor import freshness, note_retrain
from rfid3_shared.monitor.findings import Finding
from rfid3_shared.monitor.watch import watch
from rfid3_shared.resources import Resources

BY = "monitor"
GAP_DAYS = 90


def days_with_departures(past: Weekly) -> list[date]:
    """Business days of the last GAP_DAYS of the data on which anything left."""
    known = {*past.daily["day"].to_list(), *past.posted["day"].to_list()}
    return sorted(day for day in known if (past.span.last - day).days <= GAP_DAYS)


async def look(held: Resources, own: DemandSettings, past: Weekly) -> list[dict[str, Any]]:
    """Run every monitor of the service; opens and closes alerts, and schedules a training run where an alarm asks for one."""
    champion = await held.registry.current(SERVICE)
    if champion is None:
        return []
    week, _, values = feature_drift.live(past.units, past.span.last)
    reference = feature_drift.references_of(champion.feature_spec, week) if week else {}
    findings = await watch(
        held.store, SERVICE, PREDICTION_TYPE, own, held.clock, reference=reference, live=values,
        data_as_of=past.span.last, backtest_wape=champion.metrics.get("wape"), model_version=champion.model_version,
        usual_gap_days=freshness.usual_gap(days_with_departures(past)), model_type=HEADLINE_TYPE, today=past.today, tested_like=TOTALS,
    )  # fmt: skip
    for finding in findings:
        if finding.should_retrain and own.retrain_on_alarm and held.flags.on(Flag.MODEL_TRAINING):
            await _retrain(held, finding)
    return [finding.as_dict() for finding in findings]


async def _retrain(held: Resources, finding: Finding) -> None:
    """Ask for a training run, at most once an alert; one that is active already will do."""
    if finding.alert_id is None:
        return
    try:
        job = await enqueue_and_send(
            held.store, held.redis, held.clock, service=SERVICE, kind="train", arguments=RetrainRequest().model_dump(),
            requested_by=BY, idempotency_key=f"alert/{finding.alert_id}",
        )  # fmt: skip
        job_id = job.id
    except Conflict as fault:
        if (active := fault.details.get("job_id")) is None:
            return  # asked for at the same moment by somebody else: the next look finds it
        job_id = str(active)
    async with transaction(held.store) as connection:
        await note_retrain(connection, finding.alert_id, job_id)
