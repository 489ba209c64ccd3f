"""What follows when a monitor's alarm asks for a new model? One training run an alert, whoever noticed it first."""

from collections.abc import Mapping, Sequence
from typing import Any

from rfid3_shared.db import transaction
from rfid3_shared.errors import Conflict
from rfid3_shared.flags import Flag
from rfid3_shared.jobs import enqueue_and_send
from rfid3_shared.monitor.alerts import note_retrain
from rfid3_shared.monitor.findings import Finding
from rfid3_shared.monitor.watch import BY
from rfid3_shared.resources import Resources


async def follow_up(held: Resources, service: str, findings: Sequence[Finding], arguments: Mapping[str, Any]) -> None:
    """Ask for a training run where an alarm wants one, unless training on alarms, or at all, is switched off."""
    for finding in findings:
        if finding.should_retrain and held.settings.retrain_on_alarm and held.flags.on(Flag.MODEL_TRAINING):
            await _retrain(held, service, finding, arguments)


async def _retrain(held: Resources, service: str, finding: Finding, arguments: Mapping[str, Any]) -> None:
    """Ask for a training run, at most once an alert; one that is active already will do."""
    if finding.alert_id is None:
        return
    try:
        job = await enqueue_and_send(
            held.store, held.redis, held.clock, service=service, kind="train", arguments=dict(arguments), requested_by=BY,
            idempotency_key=f"alert/{finding.alert_id}",
        )  # fmt: skip
        job_id = job.id
    except Conflict as fault:
        if (active := fault.details.get("job_id")) is None:
            return  # asked for at the same moment by somebody else: the next look finds it
        job_id = str(active)
    async with transaction(held.store) as connection:
        await note_retrain(connection, finding.alert_id, job_id)
