"""The training job: what does the past say about the next weeks? load → features → fit → evaluate → publish.

Runs in a process of its own, started by the worker; nothing that answers requests imports this module's model libraries.
Publishing is idempotent: the snapshot is made of the data, the arguments and the job's id, so a job that ran twice published once.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from rfid3_demand import availability, features, history, publication, snapshot
from rfid3_demand.history import History
from rfid3_demand.model import LEVELS, Forecast, Hierarchy, Panel, fit_forecast
from rfid3_demand.nodes import Node
from rfid3_demand.schemas import DEPRECATED_MODEL_TYPES, RetrainRequest
from rfid3_demand.settings import DemandSettings
from rfid3_shared.clock import week_start
from rfid3_shared.errors import CandidateRejected
from rfid3_shared.jobs import Progress
from rfid3_shared.registry import announce
from rfid3_shared.resources import open_resources
from rfid3_shared.settings import Settings

SERVICE = "demand"


@dataclass(frozen=True)
class Trained:
    """What a fit leaves behind, before it becomes a snapshot."""

    past: History
    bottom: Panel
    labels: pl.DataFrame
    tree: Hierarchy
    nodes: list[Node]
    forecast: Forecast


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


def fit(past: History, settings: DemandSettings, wanted: RetrainRequest, progress: Progress) -> Trained:
    """Panel, hierarchy and forecast of the past; pure but for its progress."""
    progress.report("features", 0, 1)
    weeks = features.complete_weeks(past.span.first, past.span.last)
    horizon = settings.demand_horizon_weeks
    external = features.weekly_external(past.external, weeks, settings.demand_external_coverage_ratio) if weeks else {}
    bottom, labels = features.panel(past.units, past.begun, past.classes, weeks, horizon, external)
    tree, nodes = features.hierarchy(bottom, labels)
    progress.report("features", 1, 1)
    families = {DEPRECATED_MODEL_TYPES.get(name, name) for name in wanted.model_types}
    forecast = fit_forecast(
        bottom, horizon, hierarchy=tree, levels=LEVELS, progress=progress.report,
        families=None if "ensemble" in families else frozenset(families),
        check_share=wanted.validation_split, tune=wanted.hyperparameter_tuning,
    )  # fmt: skip
    return Trained(past, bottom, labels, tree, nodes, forecast)


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


def week_in_progress(trained: Trained) -> tuple[np.ndarray, float] | None:
    """Units per node that left in the first forecast week up to the data's last day, and the share of the week still ahead.

    None when that week has not begun.
    """
    last, first_week = trained.past.span.last, trained.forecast.dates[0]
    if last < first_week:
        return None
    begun = trained.past.units.filter(pl.col("week") == week_start(last))
    row_of = {key: at for at, key in enumerate(trained.labels.select("rental_class", "store").iter_rows())}
    so_far = np.zeros(len(trained.bottom.ids))
    for rental_class, store, units in begun.select("rental_class", "store", "units").iter_rows():
        if (rental_class, store) in row_of:
            so_far[row_of[rental_class, store]] += units
    return np.asarray(trained.tree.summing @ so_far), float(sum(trained.past.weekday_shares[last.weekday() + 1 :]))


def stockout(trained: Trained, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Chance of running short (nodes, weeks) and fleet (nodes,); NaN where no tag of any class below is known."""
    bottom = len(trained.bottom.ids)
    fleet, unavailable = (_per_series(trained, name) for name in ("units", "unavailable"))
    ensemble = trained.forecast.variants["ensemble"]
    staying = availability.still_out(np.array(trained.past.gaps_days), weeks=8)
    mean = np.nan_to_num(ensemble.mean[:bottom, :steps].astype(float))
    units = availability.at_hand(np.nan_to_num(fleet), np.nan_to_num(unavailable), mean, staying)
    units[np.isnan(fleet)] = np.nan
    chance = availability.stockout_chance(
        units, ensemble.quantiles[:bottom, :steps].astype(float), np.array(trained.forecast.levels)
    )
    return availability.over_nodes(trained.tree.summing, chance, mean), np.asarray(trained.tree.summing @ np.nan_to_num(fleet))


def _per_series(trained: Trained, column: str) -> np.ndarray:
    joined = trained.labels.join(trained.past.fleet, on=["rental_class", "store"], how="left", maintain_order="left")
    return joined[column].cast(pl.Float64).to_numpy().copy()
