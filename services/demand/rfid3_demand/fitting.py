"""What does training make of the past? Panel, hierarchy, forecast, and what follows for the shelf; pure but for its progress."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from rfid3_demand import availability, bookings, events, features, regressors, yearly_prior
from rfid3_demand.history import History
from rfid3_demand.model import LEVELS, Forecast, Hierarchy, Panel, fit_forecast, refresh
from rfid3_demand.model.engine import LOCAL, Engine
from rfid3_demand.model.learned import NeedsFullRun
from rfid3_demand.nodes import Node
from rfid3_demand.schemas import DEPRECATED_MODEL_TYPES, RetrainRequest
from rfid3_demand.settings import DemandSettings
from rfid3_shared.clock import week_start
from rfid3_shared.jobs import Progress
from rfid3_shared.series import future_dates


@dataclass(frozen=True)
class Trained:
    """What a fit leaves behind, before it becomes a snapshot."""

    past: History
    bottom: Panel
    labels: pl.DataFrame
    tree: Hierarchy
    nodes: list[Node]
    forecast: Forecast
    contracts: Forecast | None
    """Contracts per week, by store and together; None where too few weeks are known."""


def fit(
    past: History, settings: DemandSettings, wanted: RetrainRequest, progress: Progress, *,
    tree_settings: dict[str, Any] | None = None, earlier_origins: Iterable[date] = (), previous: Forecast | None = None,
    engine: Engine = LOCAL,
) -> Trained:  # fmt: skip
    """Panel, hierarchy and forecast of the past; pure but for its progress.

    tree_settings: what a search found before, for when none is wanted. earlier_origins: where the serving model was checked, so
    that this one is checked there too. previous: what serves, for a refresh from what it has learned; where that cannot be, the
    notes say why and everything is learned anew.
    """
    progress.report("features", 0, 1)
    weeks = features.complete_weeks(past.span.first, past.span.last)
    horizon = settings.demand_horizon_weeks
    outside = (
        regressors.weekly(past.external, weeks, horizon, settings.demand_external_coverage_ratio) if weeks else regressors.NONE
    )
    asked = features.demand_units(past.units, past.refused, weeks)
    bottom, labels = features.panel(asked, past.begun, past.classes, weeks, horizon, outside.past)
    bottom = replace(
        bottom, known={**bottom.known, **outside.known}, bookings=bookings.of_panel(past.booked, labels, weeks, past.span.last, horizon),
        yearly=yearly_prior.log_shape([*weeks, *future_dates(weeks[-1], bottom.frequency, horizon)]),
    )  # fmt: skip
    tree, nodes = features.hierarchy(bottom, labels)
    progress.report("features", 1, 1)
    told: dict[str, Any] = {"external": outside.notes()}
    if previous is not None:
        try:
            if not same_regressors(previous, bottom):
                raise NeedsFullRun("other outside series are known than the model before this one learned from")
            again = refresh(bottom, horizon, previous, hierarchy=tree, progress=progress.report, engine=engine)
            again.notes.update(told)
            return Trained(past, bottom, labels, tree, nodes, again, _contracts(past, bottom, weeks, horizon))
        except NeedsFullRun as why:
            told["full_run_because"] = str(why)
    families = {DEPRECATED_MODEL_TYPES.get(name, name) for name in wanted.model_types}
    forecast = fit_forecast(
        bottom, horizon, hierarchy=tree, levels=LEVELS, progress=progress.report,
        families=None if "ensemble" in families else frozenset(families),
        check_share=wanted.validation_split, tune=wanted.hyperparameter_tuning,
        tree_settings=tree_settings, earlier_origins=earlier_origins, budget_s=settings.demand_budget_s, engine=engine,
    )  # fmt: skip
    forecast.notes.update(told)
    return Trained(past, bottom, labels, tree, nodes, forecast, _contracts(past, bottom, weeks, horizon))


def same_regressors(previous: Forecast, bottom: Panel) -> bool:
    """Whether the tree learned from the series that the panel has; its columns are told apart by name."""
    names = None if previous.learned is None else previous.learned.tree_names
    if names is None:
        return True
    wanted = {f"past_{name}_4" for name in bottom.past}
    wanted |= {column for name in bottom.known for column in (f"known_{name}", f"known_{name}_change")}
    return {name for name in names if name.startswith(("past_", "known_"))} == wanted


def _contracts(past: History, bottom: Panel, weeks: list[date], horizon: int) -> Forecast | None:
    made = events.panel(past.contracts, weeks, bottom.known)
    if made is None:
        return None
    series, tree = made
    series = replace(series, yearly=bottom.yearly)
    # a handful of series: trees have nothing to learn from them that smoothing does not say sooner
    return fit_forecast(series, horizon, hierarchy=tree, levels=LEVELS, families=frozenset({"statistical"}))


def refused(trained: Trained) -> tuple[np.ndarray, np.ndarray]:
    """Units that met an empty shelf by series and week: as estimated, and as whole units within the panel; (n, T) each."""
    weeks = list(trained.bottom.dates)
    row_of = {key: at for at, key in enumerate(trained.labels.select("rental_class", "store").iter_rows())}
    known = trained.past.refused.filter(pl.col("week").is_in(weeks))
    whole = features.demand_units(trained.past.units.clear(), known, weeks)
    tables = []
    for frame in (known, whole):
        table = np.zeros((len(row_of), len(weeks)))
        for rental_class, store, week, units in frame.select("rental_class", "store", "week", "units").iter_rows():
            if (rental_class, store) in row_of:
                table[row_of[rental_class, store], weeks.index(week)] = units
        tables.append(table)
    return tables[0], tables[1]


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


def stockout(
    trained: Trained, mean: np.ndarray, quantiles: np.ndarray, so_far: np.ndarray | None, staying: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Chance of running short (nodes, weeks), fleet (nodes,) and units that can leave (nodes, weeks).

    mean (nodes, weeks), quantiles (nodes, weeks, levels): as they are published. so_far (nodes,): units of the first week that have
    left. NaN where no tag of any class below is known.
    """
    bottom, summing = len(trained.bottom.ids), trained.tree.summing
    days_ahead = 7.0 if so_far is None else 6.0 - trained.past.span.last.weekday()
    fleet, unavailable = (_per_series(trained, name) for name in ("units", "unavailable"))
    units, chance = availability.outlook(
        fleet, unavailable, mean[:bottom], quantiles[:bottom].astype(float), np.array(trained.forecast.levels), staying,
        0.0 if so_far is None else so_far[:bottom], days_ahead,
    )  # fmt: skip
    known = np.asarray(summing @ np.isfinite(fleet).astype(float)) > 0
    at_hand = np.where(known[:, None], np.asarray(summing @ np.nan_to_num(units)), np.nan)
    risk = availability.over_nodes(summing.__matmul__, chance, mean[:bottom].astype(float))
    return risk, np.asarray(summing @ np.nan_to_num(fleet)), at_hand


def _per_series(trained: Trained, column: str) -> np.ndarray:
    joined = trained.labels.join(trained.past.fleet, on=["rental_class", "store"], how="left", maintain_order="left")
    return joined[column].cast(pl.Float64).to_numpy().copy()
