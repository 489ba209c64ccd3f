"""The training jobs: what does the past say about the next weeks? load → features → fit → evaluate → publish → contest.

They run in a process of their own, started by the worker; nothing that answers requests imports this module's model libraries.
Publishing is idempotent: the snapshot is made of the data, the arguments and the job's id, so a job that ran twice published
once; and what became of a candidate is settled once.
"""

from pathlib import Path
from typing import Any

import polars as pl

from rfid3_demand import comparison, engine, feature_drift, history, learned, publication, queries, snapshot
from rfid3_demand.fitting import fit
from rfid3_demand.model import Forecast
from rfid3_demand.schemas import RetrainRequest
from rfid3_demand.settings import SERVICE, DemandSettings, demand_settings
from rfid3_demand.snapshot import Snapshot
from rfid3_shared.db import transaction
from rfid3_shared.flags import Flag
from rfid3_shared.jobs import Progress
from rfid3_shared.registry import Version
from rfid3_shared.registry.candidate import Candidate, contest, job_id_of, opened, why_no_refresh, why_not_newer, why_not_now
from rfid3_shared.resources import Resources, open_resources
from rfid3_shared.settings import Settings
from rfid3_shared.source.business_day import business_day


async def run(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Train a candidate and hold it against the champion; returns {model_version, state, reason, metrics}.

    arguments: the fields of RetrainRequest, and job_id. A candidate that is no better is published as rejected: the job did its
    work, what serves stays. {skipped: why} while training is switched off.
    Raises InsufficientData when nothing can be learned, InvalidParameters for an engine that there is not, before any work.
    """
    own = demand_settings(settings)
    engine.checked(own.train_engine)
    wanted = RetrainRequest.model_validate({name: arguments[name] for name in RetrainRequest.model_fields if name in arguments})
    async with open_resources(own) as held:
        if off := why_not_now(held):
            return off
        champion = await held.registry.current(SERVICE)
        return await _train(held, own, wanted, job_id_of(arguments), progress, champion, tree_settings={}, shadow=True)


async def refresh(settings: Settings, arguments: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Take in new data with the champion's own settings; no search for better ones, no time in the shadow.

    Returns what `run` returns, or {skipped: why} when nothing serves yet, a newer model is on trial, or there are no newer data.
    """
    own = demand_settings(settings)
    async with open_resources(own) as held:
        if off := why_not_now(held):
            return off
        champion = await held.registry.current(SERVICE)
        if off := await why_no_refresh(held, SERVICE, champion):
            return off
        assert champion is not None
        async with transaction(held.source) as connection:
            span = await queries.known_span(connection, await business_day(connection, held.clock))
        if off := why_not_newer(champion, span.last):
            return off
        known = {name: champion.parameters[name] for name in RetrainRequest.model_fields if name in champion.parameters}
        wanted = RetrainRequest.model_validate({**known, "hyperparameter_tuning": False, "force_retrain": False})
        tree_settings = champion.parameters.get("tree_settings") or {}
        return await _train(
            held, own, wanted, job_id_of(arguments), progress, champion, tree_settings=tree_settings, shadow=False
        )


async def _train(
    held: Resources, own: DemandSettings, wanted: RetrainRequest, job_id: str, progress: Progress, champion: Version | None, *,
    tree_settings: dict[str, Any], shadow: bool,
) -> dict[str, Any]:  # fmt: skip
    progress.report("loading", 0, 1)
    past = await history.read(
        held.source, held.clock, wanted.training_period_days, uncensor=own.demand_uncensor, store=held.store
    )
    if not held.flags.on(Flag.EXTERNAL_DATA_INTEGRATION):
        past = history.without_external(past)
    serving = opened(held, champion, snapshot.load)
    before = None if shadow else _learned(held, champion, serving)
    progress.report("loading", 1, 1)
    with engine.opened(own.train_engine) as where:
        trained = fit(
            past, own, wanted, progress, tree_settings=tree_settings, earlier_origins=comparison.origins_of(serving),
            previous=before, engine=where,
        )  # fmt: skip
    metrics = headline(trained.forecast.scores)
    progress.report("publishing", 0, 1)
    made = publication.snapshot_of(trained, own, job_id)

    def write(folder: Path) -> None:
        snapshot.write(made, trained.forecast.booster_text, folder)
        learned.write(trained.forecast, folder)

    candidate = Candidate(
        write, "ensemble", metrics, past.span.first, past.span.last, comparison.compare(made, serving),
        parameters={**wanted.model_dump(), "tree_settings": trained.forecast.tree_settings},
        feature_spec=feature_drift.spec_of(past.units, past.span.first, past.span.last),
    )  # fmt: skip
    settled = await contest(
        held, SERVICE, candidate, champion=champion, job_id=job_id, forced=wanted.force_retrain,
        shadow=shadow and serving is not None,
    )  # fmt: skip
    progress.report("publishing", 1, 1)
    return settled


def _learned(held: Resources, champion: Version | None, serving: Snapshot | None) -> Forecast | None:
    """What the champion's run has learned, for a refresh; None when it kept nothing, or another version of the suite wrote it."""
    if champion is None or serving is None:
        return None
    settings = champion.parameters.get("tree_settings") or {}
    return opened(held, champion, lambda folder: learned.previous(serving, folder, settings))


def headline(scores: pl.DataFrame) -> dict[str, float | None]:
    """The scores of category totals over all stores, which is where the model is judged: WAPE beside its baselines, coverage."""
    level = "category/all" if "category/all" in scores["level"].to_list() else scores["level"][0]
    row = scores.filter((pl.col("level") == level) & (pl.col("kind") == "all")).row(0, named=True)
    names = ("mae", "wape", "mase", "wql", "coverage_80", "coverage_95", "naive_wape", "mean_4_wape")
    return {name: None if row[name] is None else round(float(row[name]), 4) for name in names}
