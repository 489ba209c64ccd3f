"""What does training make of the past? Panel, hierarchy, forecast, and what follows for the shelf; pure but for its progress."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from rfid3_demand import availability, features
from rfid3_demand.history import History
from rfid3_demand.model import LEVELS, Forecast, Hierarchy, Panel, fit_forecast
from rfid3_demand.nodes import Node
from rfid3_demand.schemas import DEPRECATED_MODEL_TYPES, RetrainRequest
from rfid3_demand.settings import DemandSettings
from rfid3_shared.clock import week_start
from rfid3_shared.jobs import Progress


@dataclass(frozen=True)
class Trained:
    """What a fit leaves behind, before it becomes a snapshot."""

    past: History
    bottom: Panel
    labels: pl.DataFrame
    tree: Hierarchy
    nodes: list[Node]
    forecast: Forecast


def fit(
    past: History, settings: DemandSettings, wanted: RetrainRequest, progress: Progress, *,
    tree_settings: dict[str, Any] | None = None, earlier_origins: Iterable[date] = (),
) -> Trained:  # fmt: skip
    """Panel, hierarchy and forecast of the past; pure but for its progress.

    tree_settings: what a search found before, for when none is wanted. earlier_origins: where the serving model was checked, so
    that this one is checked there too.
    """
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
        tree_settings=tree_settings, earlier_origins=earlier_origins,
    )  # fmt: skip
    return Trained(past, bottom, labels, tree, nodes, forecast)


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
