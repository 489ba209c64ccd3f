"""How does what a training run has made come before the gate, and into service? publish → judge → settle → announce.

Publishing is idempotent: the version's name is made of its content and of the job, so a job that ran twice published once, and what
became of a candidate is settled once.
"""

import tempfile
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from rfid3_shared.errors import ModelUnavailable
from rfid3_shared.flags import Flag
from rfid3_shared.registry import gate
from rfid3_shared.registry.announcement import announce
from rfid3_shared.registry.code_version import code_version
from rfid3_shared.registry.gate import Comparison
from rfid3_shared.registry.version import Version
from rfid3_shared.resources import Resources

Model = TypeVar("Model")


@dataclass(frozen=True)
class Candidate:
    """What a training run has made.

    write: puts the artefact into an empty folder. metrics: headline scores. comparison: it beside champion and naive forecasts.
    parameters: what a refresh needs to know. feature_spec: bins of its inputs, for the drift monitor.
    """

    write: Callable[[Path], None]
    model_type: str
    metrics: dict[str, float | None]
    data_from: date
    data_to: date
    comparison: Comparison
    parameters: dict[str, Any] = field(default_factory=dict)
    feature_spec: dict[str, Any] | None = None


async def contest(
    held: Resources, service: str, made: Candidate, *, champion: Version | None, job_id: str, forced: bool = False,
    shadow: bool = True,
) -> dict[str, Any]:  # fmt: skip
    """Publish a candidate and settle what becomes of it; returns {model_version, state, reason, metrics}.

    shadow: whether it has to prove itself beside the champion first; a first model never has to.
    """
    with tempfile.TemporaryDirectory(prefix=f"rfid3-{service}-") as folder:
        made.write(Path(folder))
        version = await held.registry.publish(
            service, Path(folder), model_type=made.model_type, metrics=made.metrics, data_from=made.data_from, data_to=made.data_to,
            parameters=made.parameters, trained_at=held.clock.now(), feature_spec=made.feature_spec,
            code_version=code_version(f"rfid3_{service}", "rfid3_shared"), job_id=job_id,
        )  # fmt: skip
    verdict = gate.judge(
        made.comparison, tolerance_ratio=held.settings.promotion_tolerance_ratio, forced=forced, first=champion is None,
        shadow=shadow,
    )  # fmt: skip
    version = await held.registry.settle(version, verdict, by=f"job {job_id}")
    await announce(held.redis, service)
    return {
        "model_version": version.model_version, "state": version.state, "reason": version.state_reason, "metrics": made.metrics
    }  # fmt: skip


def why_not_now(held: Resources) -> dict[str, str] | None:
    """What a training job returns while training is switched off; None while it is on."""
    why = held.flags.why_off(Flag.MODEL_TRAINING)
    return {"skipped": f"{Flag.MODEL_TRAINING}: {why}"} if why else None


async def why_no_refresh(held: Resources, service: str, champion: Version | None) -> dict[str, str] | None:
    """What a refresh returns when there is nothing to refresh yet, or a newer model is on trial; None when it may go on."""
    if champion is None:
        return {"skipped": "nothing serves yet: the first model is trained, not refreshed"}
    if await held.registry.shadow(service) is not None:
        # a new champion would end the trial of a model that was compared with the old one
        return {"skipped": "a newer model is on trial beside the champion"}
    return None


def why_not_newer(champion: Version | None, last: date) -> dict[str, str] | None:
    """What a refresh returns when the champion knows the data's last day already."""
    known = None if champion is None else champion.data_to
    return {"skipped": f"no data newer than {known}"} if known is not None and last <= known else None


def job_id_of(arguments: Mapping[str, Any]) -> str:
    """The job's id; one of its own for a run that no job asked for, such as `rfid3 train`."""
    return str(arguments.get("job_id") or uuid.uuid4().hex)


def opened(held: Resources, champion: Version | None, load: Callable[[Path], Model]) -> Model | None:
    """What the champion's files hold; None when they are gone, damaged or of another format: then newer data decide."""
    with suppress(ModelUnavailable, ValueError, OSError, KeyError, TypeError):
        return None if champion is None else load(held.registry.open_artefact(champion))
    return None
