"""How does a trained model become the snapshot that the service answers from? Arrays and their meaning; pure."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import numpy as np

from rfid3_demand import features, model
from rfid3_demand.fitting import Trained, stockout, week_in_progress
from rfid3_demand.model.panel import first_seen
from rfid3_demand.nodes import ALL
from rfid3_demand.performance import EPOCH
from rfid3_demand.settings import DemandSettings
from rfid3_demand.snapshot import Snapshot, Spec

CAUSES = ("level", "season", "holidays", "weather", "trend")


def snapshot_of(trained: Trained, settings: DemandSettings, job_id: str) -> Snapshot:
    """The snapshot of a fit; the same fit, settings and job give the same bytes."""
    forecast, past = trained.forecast, trained.past
    names = list(forecast.variants)
    means = np.stack([forecast.variants[name].mean for name in names]).astype(np.float32)
    quantiles = np.stack([forecast.variants[name].quantiles for name in names]).astype(np.float32)
    begun = week_in_progress(trained)
    if begun is not None:
        for v in range(len(names)):
            means[v, :, 0], quantiles[v, :, 0] = features.split_week(*begun, means[v, :, 0], quantiles[v, :, 0])
    chance, fleet = stockout(trained, means.shape[2])
    revenue, rate_coverage = _revenue(trained, means[names.index("ensemble")])
    causes, contributions = _contributions(trained, 1.0 if begun is None else begun[1])
    past_units = np.nan_to_num(trained.bottom.y).sum(axis=1)
    spec = Spec(
        job_id=job_id, data_from=past.span.first, data_as_of=past.span.last, first_week=forecast.dates[0],
        horizon_weeks=len(forecast.dates), history_weeks=len(trained.bottom.dates), levels=list(forecast.levels), variants=names,
        weights=[_weights(forecast.variants[name]) for name in names], causes=causes,
        external_factors=["holidays", *trained.bottom.past], nodes=[asdict(node) for node in trained.nodes],
        labels=_labels(trained), bottom=_above(trained), sufficiency=list(forecast.sufficiency),
        max_horizon_weeks=[int(h) for h in forecast.max_horizon], rate_coverage=rate_coverage,
        inferred_store_share=_inferred(trained, past_units), stores=past.stores, store_aliases=past.store_aliases,
        categories=sorted({*past.categories, *(n.name for n in trained.nodes if n.level == "category")}),
        week_in_progress=None if begun is None else {"units": [float(u) for u in begun[0]], "share_ahead": round(begun[1], 4)},
        holiday_names=features.holiday_names(list(forecast.dates)), stockout_alert_ratio=settings.demand_stockout_alert_ratio,
        backtest_levels=list(model.backtest_levels()), scores=forecast.scores.to_dicts(),
        counts={**past.counts, "training_observations": int(np.isfinite(trained.bottom.y).sum()),
                "validation_observations": int(forecast.backtest.select("node", "ds").unique().height)},
    )  # fmt: skip
    return Snapshot(
        spec=spec, means=means, quantiles=quantiles,
        contributions=contributions,
        stockout=chance.astype(np.float32), fleet=fleet.astype(np.float32), revenue=revenue.astype(np.float32),
        history=_history(trained), backtest=_backtest(trained, names),
    )  # fmt: skip


def _contributions(trained: Trained, share_ahead: float) -> tuple[list[str], np.ndarray]:
    """Causes, and units by cause, node and week; with what has left already they sum to the ensemble's mean.

    Wedding and graduation weeks are regressors of the model and season to everybody else.
    """
    units = {name: part.astype(float) for name, part in trained.forecast.contributions.items()}
    if (other := units.pop("regressors", None)) is not None:
        units["season"] = units["season"] + other
    causes = [name for name in CAUSES if name in units]
    stacked = np.stack([units[name] for name in causes])
    stacked[:, :, 0] *= share_ahead
    return causes, stacked.astype(np.float32)


def _weights(variant: model.Variant) -> dict[str, list[float]]:
    return {name: [round(float(share), 4) for share in np.nan_to_num(shares)] for name, shares in variant.weights.items()}


def _labels(trained: Trained) -> list[str]:
    named = dict(trained.labels.select("rental_class", "name").iter_rows())
    return [
        named[node.name] if node.level == "class" else "everything" if node.level == ALL else node.name
        for node in trained.nodes
    ]


def _above(trained: Trained) -> list[dict[str, str]]:
    return [
        {
            "class": row["rental_class"],
            "subcategory": f"{row['category']} / {row['subcategory']}",
            "category": row["category"],
            ALL: ALL,
        }
        for row in trained.labels.iter_rows(named=True)
    ]


def _revenue(trained: Trained, mean: np.ndarray) -> tuple[np.ndarray, list[float]]:
    """Dollars per node and week of the units whose class has a rate, and the share of past units that have one."""
    rates = np.array([trained.past.unit_rates.get(number, np.nan) for number in trained.labels["rental_class"]])
    bottom = np.nan_to_num(mean[: len(rates)].astype(float)) * np.nan_to_num(rates)[:, None]
    units = np.nan_to_num(trained.bottom.y).sum(axis=1)
    total = np.asarray(trained.tree.summing @ units)
    rated = np.asarray(trained.tree.summing @ (units * np.isfinite(rates)))
    coverage = np.where(total > 0, rated / np.where(total > 0, total, 1), 0.0)
    return np.asarray(trained.tree.summing @ bottom), [round(float(share), 4) for share in coverage]


def _inferred(trained: Trained, units: np.ndarray) -> list[float]:
    joined = trained.labels.join(trained.past.inferred, on=["rental_class", "store"], how="left", maintain_order="left")
    inferred = np.minimum(joined["inferred"].fill_null(0).to_numpy(), units)
    total, part = np.asarray(trained.tree.summing @ units), np.asarray(trained.tree.summing @ inferred)
    return [round(float(share), 4) for share in np.where(total > 0, part / np.where(total > 0, total, 1), 0.0)]


def _history(trained: Trained) -> np.ndarray:
    y = trained.bottom.y
    begun = np.arange(y.shape[1]) >= first_seen(trained.tree.summing, trained.bottom)[:, None]
    return np.where(begun, np.asarray(trained.tree.summing @ np.nan_to_num(y)), np.nan).astype(np.float32)


def _backtest(trained: Trained, variants: list[str]) -> np.ndarray:
    """Rows as `Snapshot.backtest` describes them, sorted by node, cutoff and week."""
    table: Any = trained.forecast.backtest
    row_of = {key: at for at, key in enumerate(trained.tree.nodes)}
    columns = [
        np.array([row_of[key] for key in table["node"]], float), _days(table["cutoff"]), _days(table["ds"]), table["y"].to_numpy(),
        table["seasonal_naive"].to_numpy(), table["mean_4"].to_numpy(),
        *(table["mean" if name == "ensemble" else f"mean_{name}"].to_numpy() for name in variants),
        *(table[f"q_{level:g}"].to_numpy() for level in model.backtest_levels()),
    ]  # fmt: skip
    rows = (
        np.stack([np.asarray(column, np.float32) for column in columns], axis=1)
        if table.height
        else np.empty((0, len(columns)), np.float32)
    )
    return rows[np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))]


def _days(dates: Any) -> np.ndarray:
    return np.array([(day - EPOCH) // timedelta(days=1) for day in dates], float)
