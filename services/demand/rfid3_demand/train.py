"""The training job: what does the past say about the next weeks? load → features → fit → evaluate → publish.

Runs in a process of its own, started by the worker; nothing that answers requests imports this module's model libraries.
Publishing is idempotent: the snapshot is made of the data, the arguments and the job's id, so a job that ran twice published once.
"""

import tempfile
from pathlib import Path
from typing import Any

import polars as pl

from rfid3_demand import history, publication, snapshot
from rfid3_demand.fitting import fit
from rfid3_demand.schemas import RetrainRequest
from rfid3_demand.settings import DemandSettings
from rfid3_shared.errors import CandidateRejected
from rfid3_shared.jobs import Progress
from rfid3_shared.registry import announce
from rfid3_shared.resources import open_resources
from rfid3_shared.settings import Settings

SERVICE = "demand"


async def run(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Train and publish; returns {model_version, metrics}.

    arguments: the fields of RetrainRequest, and job_id.
    Raises InsufficientData when nothing can be learned, CandidateRejected when a naive forecast is better and not forced.
    """
    own = settings if isinstance(settings, DemandSettings) else DemandSettings(**settings.model_dump())
    wanted = RetrainRequest.model_validate({key: value for key, value in arguments.items() if key != "job_id"})
    job_id = str(arguments.get("job_id", "by-hand"))
    async with open_resources(own) as held:
        progress.report("loading", 0, 1)
        past = await history.read(held.source, held.clock, wanted.training_period_days)
        progress.report("loading", 1, 1)
        trained = fit(past, own, wanted, progress)
        metrics = headline(trained.forecast.scores)
        # with nothing serving yet even a model that a naive forecast beats is better than no answer: its accuracy says so
        if not wanted.force_retrain and await held.registry.current(SERVICE) is not None:
            refuse_if_naive_is_better(metrics)
        progress.report("publishing", 0, 1)
        with tempfile.TemporaryDirectory(prefix="rfid3-demand-") as folder:
            made = publication.snapshot_of(trained, own, job_id)
            snapshot.write(made, trained.forecast.booster_text, Path(folder))
            version = await held.registry.publish(
                SERVICE, Path(folder), model_type="ensemble", metrics=metrics, data_from=past.span.first, data_to=past.span.last,
                parameters=wanted.model_dump(), trained_at=held.clock.now(), job_id=job_id,
            )  # fmt: skip
        await announce(held.redis, SERVICE)
        progress.report("publishing", 1, 1)
    return {"model_version": version.model_version, "metrics": metrics}


def headline(scores: pl.DataFrame) -> dict[str, float | None]:
    """The scores of category totals over all stores, which is where the model is judged: WAPE beside its baselines, coverage."""
    level = "category/all" if "category/all" in scores["level"].to_list() else scores["level"][0]
    row = scores.filter((pl.col("level") == level) & (pl.col("kind") == "all")).row(0, named=True)
    names = ("wape", "mase", "wql", "coverage_80", "coverage_95", "naive_wape", "mean_4_wape")
    return {name: None if row[name] is None else round(float(row[name]), 4) for name in names}


def refuse_if_naive_is_better(metrics: dict[str, float | None]) -> None:
    """Raises CandidateRejected when the seasonal naive or the 4-week mean did better on the same origins."""
    ours = metrics["wape"]
    for name, text in (("naive_wape", "seasonal naive"), ("mean_4_wape", "4-week mean")):
        theirs = metrics[name]
        if ours is not None and theirs is not None and theirs < ours:
            raise CandidateRejected(
                f"The {text} forecast is better on past weeks (WAPE {theirs:.3f} beside {ours:.3f}); what serves stays.",
                wape=ours, baseline_wape=theirs, suggestion="force_retrain publishes it all the same",
            )  # fmt: skip
