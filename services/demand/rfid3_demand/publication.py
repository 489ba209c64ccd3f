"""How does a trained model become the snapshot that the service answers from? Arrays and their meaning; pure."""

from dataclasses import asdict
from datetime import timedelta
from typing import Any

import numpy as np

from rfid3_demand import availability, events, features, model
from rfid3_demand.fitting import Trained, refused, stockout, week_in_progress
from rfid3_demand.model import diagnosis
from rfid3_demand.model.panel import first_seen
from rfid3_demand.model.summing import aggregate
from rfid3_demand.nodes import ALL
from rfid3_demand.performance import EPOCH
from rfid3_demand.present import week
from rfid3_demand.settings import DemandSettings
from rfid3_demand.snapshot import Snapshot, Spec

STAYING_WEEKS = 8
"""Weeks for which it is looked how many units are still out."""
CAUSES = ("level", "season", "holidays", "weather", "outside", "trend")


def snapshot_of(trained: Trained, settings: DemandSettings, job_id: str) -> Snapshot:
    """The snapshot of a fit; the same fit, settings and job give the same bytes."""
    forecast, past = trained.forecast, trained.past
    names = list(forecast.variants)
    means = np.stack([forecast.variants[name].mean for name in names]).astype(np.float32)
    quantiles = np.stack([forecast.variants[name].quantiles for name in names]).astype(np.float32)
    whole_means, whole_quantiles = means[:, :, 0].copy(), quantiles[:, :, 0].copy()
    begun, bookings, ensemble = week_in_progress(trained), trained.bottom.bookings, names.index("ensemble")
    if begun is not None:
        for v in range(len(names)):
            means[v, :, 0], quantiles[v, :, 0] = week.split_week(*begun, means[v, :, 0], quantiles[v, :, 0])
        _at_least_booked(trained, means, quantiles)
    staying = availability.still_out(np.array(past.gaps_days), weeks=STAYING_WEEKS)
    chance, fleet, at_hand = stockout(trained, means[ensemble], quantiles[ensemble], begun and begun[0], staying)
    revenue, rate_coverage = _revenue(trained, means[ensemble])
    causes, contributions = _contributions(trained, None if begun is None else means[ensemble, :, 0] - begun[0])
    past_units = np.nan_to_num(trained.bottom.y).sum(axis=1)
    missed, missed_whole = refused(trained)
    spec = Spec(
        job_id=job_id, data_from=past.span.first, data_as_of=past.span.last, first_week=forecast.dates[0],
        horizon_weeks=len(forecast.dates), history_weeks=len(trained.bottom.dates), levels=list(forecast.levels), variants=names,
        weights=[_weights(forecast.variants[name]) for name in names], causes=causes,
        external_factors=["holidays", *trained.bottom.past, *_known_outside(trained)], nodes=[asdict(node) for node in trained.nodes],
        labels=_labels(trained), bottom=_above(trained), sufficiency=list(forecast.sufficiency),
        max_horizon_weeks=[int(h) for h in forecast.max_horizon], rate_coverage=rate_coverage,
        inferred_store_share=_inferred(trained, past_units), stores=past.stores, store_aliases=past.store_aliases,
        categories=sorted({*past.categories, *(n.name for n in trained.nodes if n.level == "category")}),
        week_in_progress=None if begun is None else {"units": [float(u) for u in begun[0]], "share_ahead": round(begun[1], 4)},
        holiday_names=features.holiday_names(list(forecast.dates)), stockout_alert_ratio=settings.demand_stockout_alert_ratio,
        backtest_levels=list(model.backtest_levels()), scores=forecast.scores.to_dicts(),
        counts={**past.counts, "units_refused": int(missed_whole.sum()), "training_observations": int(np.isfinite(trained.bottom.y).sum()),
                "validation_observations": int(forecast.backtest.select("node", "ds").unique().height)},
        notes=forecast.notes, past_holiday_names=features.holiday_names(list(trained.bottom.dates)),
        events=events.summary(past.contracts, trained.contracts, list(trained.bottom.dates), list(forecast.dates)),
        season_source=list(forecast.season_source), diagnosis=_diagnosis(trained), weekday_shares=past.weekday_shares,
        hour_shares=past.hour_shares, staying=staying.tolist(), lost_share=0.0 if bookings is None else bookings.lost_share,
    )  # fmt: skip
    return Snapshot(
        spec=spec, means=means, quantiles=quantiles,
        contributions=contributions,
        stockout=chance.astype(np.float32), fleet=fleet.astype(np.float32), revenue=revenue.astype(np.float32),
        history=_history(trained, missed_whole), backtest=_backtest(trained, names), at_hand=at_hand.astype(np.float32),
        refused=_refused(trained, missed),
        booked=_booked(trained, means.shape[2]), whole_means=whole_means, whole_quantiles=whole_quantiles,
    )  # fmt: skip


def _known_outside(trained: Trained) -> list[str]:
    """Outside series known for the horizon too; the calendar's own columns are no outside series."""
    own = features.calendar([trained.bottom.dates[0]], 0)
    return [name for name in trained.bottom.known if name not in own]


def _at_least_booked(trained: Trained, means: np.ndarray, quantiles: np.ndarray) -> None:
    """Lift the week in progress, in place, to what is on contracts for it less the share that usually never leaves."""
    bookings, summing = trained.bottom.bookings, trained.tree.summing
    if bookings is None:
        return
    floor = week.certain(bookings.ahead[:, 0], bookings.lost_share)
    for v in range(len(means)):
        short = week.short_of(floor, means[v, : len(floor), 0])
        means[v, :, 0], quantiles[v, :, 0] = week.lifted(summing.__matmul__, means[v, :, 0], quantiles[v, :, 0], short, floor)


def _booked(trained: Trained, weeks: int) -> np.ndarray:
    """Units on contracts per node and week ahead; NaN where nothing is booked ahead at all."""
    bookings = trained.bottom.bookings
    if bookings is None:
        return np.full((len(trained.nodes), weeks), np.nan, np.float32)
    return np.asarray(trained.tree.summing @ bookings.ahead[:, :weeks], np.float32)


def _contributions(trained: Trained, still_ahead: np.ndarray | None) -> tuple[list[str], np.ndarray]:
    """Causes, and units by cause, node and week; with what has left already they sum to the ensemble's mean.

    still_ahead (nodes,): units of the week in progress that have not left; None where no week has begun.

    "outside": series that are neither calendar nor weather, such as the economy and local events.
    """
    units = {name: part.astype(float) for name, part in trained.forecast.contributions.items()}
    if (other := units.pop("regressors", None)) is not None:
        units["outside"] = other
    causes = [name for name in CAUSES if name in units]
    stacked = np.stack([units[name] for name in causes])
    if still_ahead is not None:
        stacked[:, :, 0] = week.told_apart(stacked[:, :, 0], still_ahead, causes.index("level"))
    return causes, stacked.astype(np.float32)


def _diagnosis(trained: Trained) -> list[dict[str, Any]]:
    """What is found in what was asked for of each node; the kind is the one that errors are pooled by."""
    weeks, step = trained.bottom.dates, trained.bottom.frequency.step
    found = diagnosis.diagnose(aggregate(trained.tree.summing, trained.bottom.y), step, (trained.bottom.season,))
    return [diagnosis.values(found, row, lambda at: str(weeks[at])) for row in range(len(trained.nodes))]


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


def _history(trained: Trained, refused_units: np.ndarray) -> np.ndarray:
    """What left; the panel holds what was asked for."""
    y = trained.bottom.y - refused_units
    begun = np.arange(y.shape[1]) >= first_seen(trained.tree.summing, trained.bottom)[:, None]
    return np.where(begun, np.asarray(trained.tree.summing @ np.nan_to_num(y)), np.nan).astype(np.float32)


def _refused(trained: Trained, units: np.ndarray) -> np.ndarray:
    """Estimated refused units per node and week; NaN where no tag of any class below is known, or nothing was to be estimated."""
    tagged = trained.labels.join(trained.past.fleet, on=["rental_class", "store"], how="left", maintain_order="left")["units"]
    known = np.asarray(trained.tree.summing @ tagged.is_not_null().to_numpy().astype(float)) > 0
    told = known & (trained.past.refused.height > 0)
    return np.where(told[:, None], np.asarray(trained.tree.summing @ units), np.nan).astype(np.float32)


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
