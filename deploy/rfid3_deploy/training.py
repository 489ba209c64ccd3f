"""Does each service have a model, and how does it get one from the command line?

The work runs exactly as a worker's job does: in a process of its own, within the limits of memory and time.
"""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from rfid3_deploy.topology import Service
from rfid3_shared.clock import Clock
from rfid3_shared.db import open_engine
from rfid3_shared.errors import AppError, InsufficientData, InvalidParameters
from rfid3_shared.jobs.process import run_work
from rfid3_shared.migrate import ensure_schema
from rfid3_shared.registry import Registry
from rfid3_shared.settings import Settings

TRAIN = "train"
STEPS = 1000
Report = Callable[[str, int, int], None]


class TrainingFailed(AppError):
    """A training run ended without a model; the message says why."""


async def train_where_needed(services: Sequence[Service], report: Report, *, again: bool) -> str:
    """Train every service that has no current model, or all of them when `again`; what came of it in words.

    A service that cannot be trained starts all the same: it goes on with the model it has, or says that it has none.
    """
    outcomes = []
    for service in services:
        known = await current_version(service.settings(), service.name)
        if known and not again:
            outcomes.append(f"{known} is current")
            continue
        try:
            outcomes.append(await train_service(service, report))
        except InsufficientData as fault:
            outcomes.append(f"{service.name} cannot learn from this data: {fault.message}")
        except TrainingFailed as fault:
            outcomes.append(f"{service.name} has no new model: {fault.message} See prepare.log")
    return "; ".join(outcomes)


async def current_version(settings: Settings, service: str) -> str | None:
    """The model version that answers for a service; None before the first."""
    store = open_engine(settings.store_dsn, pool_size=1, overflow=0)
    try:
        await ensure_schema(store)
        version = await Registry(settings.artefact_dir, store, Clock()).current(service)
    finally:
        await store.dispose()
    return version.model_version if version else None


async def train_service(service: Service, report: Report, *, force: bool = False, engine: str | None = None) -> str:
    """Train a candidate and hold it against what serves, or with `force` let it serve whatever it is worth; the outcome in words.

    engine: where it is computed, instead of the setting RFID3_TRAIN_ENGINE. Raises InsufficientData when the source holds too
    little, InvalidParameters for an engine that the service does not have, TrainingFailed for any other reason.
    """
    settings = service.settings()
    if engine is not None:
        if "train_engine" not in type(settings).model_fields:
            raise InvalidParameters(f"The service {service.name} trains in one process only.", parameter="engine")
        settings = settings.model_copy(update={"train_engine": engine})
    path = import_module(service.worker_module).KINDS[TRAIN]
    outcome = await run_work(
        path, settings, {"force_retrain": force}, lambda step, done: report(step, round(done * STEPS), STEPS)
    )
    if fault := outcome.get("error"):
        kind = {each.code: each for each in (InsufficientData, InvalidParameters)}.get(fault["code"], TrainingFailed)
        raise kind(fault["message"], service=service.name)
    return _in_words(outcome["result"], await current_version(settings, service.name))


def _in_words(result: Mapping[str, Any], current: str | None) -> str:
    if "skipped" in result:
        return f"not trained ({result['skipped']}); {current} is current"
    made = result["model_version"]
    if made == current:
        return f"{made} is current"
    what = "answers beside it, unseen, until it has proved itself" if result["state"] == "shadow" else f"was {result['state']}"
    return f"{current} is current; {made} {what}: {result['reason']}"
