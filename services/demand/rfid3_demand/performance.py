"""How good were the forecasts? Errors of the rolling-origin back-test that a snapshot carries.

Accuracy is 1 − WAPE, not below 0. Pure over the snapshot's back-test rows.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from rfid3_demand.nodes import ALL, Node
from rfid3_demand.snapshot import Snapshot

EPOCH = date(1970, 1, 1)
STABLE_WITHIN = 0.02
"""Accuracies closer than this are called stable."""


@dataclass(frozen=True)
class Tested:
    """Back-test rows of one node, oldest week first: arrays of equal length, units per week."""

    day: np.ndarray
    actual: np.ndarray
    mean: np.ndarray
    seasonal_naive: np.ndarray
    four_week_mean: np.ndarray
    quantiles: np.ndarray
    levels: list[float]


def tested(snapshot: Snapshot, row: int, variant: str = "ensemble", since: date | None = None) -> Tested:
    """The back-test of a node, from a day on."""
    rows = snapshot.backtest
    first, last = np.searchsorted(rows[:, 0], [row, row + 1])
    part = np.asarray(rows[first:last])
    if since is not None:
        part = part[part[:, 2] >= (since - EPOCH).days]
    part = part[np.argsort(part[:, 2], kind="stable")]
    width, at = len(snapshot.spec.variants), 6 + snapshot.spec.variants.index(variant)
    # an origin before a series began has no forecast to judge
    part = part[np.isfinite(part[:, 3]) & np.isfinite(part[:, at])]
    return Tested(
        day=part[:, 2], actual=part[:, 3], seasonal_naive=part[:, 4], four_week_mean=part[:, 5],
        mean=part[:, at], quantiles=part[:, 6 + width :],
        levels=snapshot.spec.backtest_levels,
    )  # fmt: skip


def wape(actual: np.ndarray, forecast: np.ndarray) -> float | None:
    """Sum of absolute errors over the sum of demand; None without demand."""
    known = np.isfinite(forecast)
    total = float(np.abs(actual[known]).sum())
    return float(np.abs(actual[known] - forecast[known]).sum()) / total if total > 0 else None


def accuracy(actual: np.ndarray, forecast: np.ndarray) -> float | None:
    """1 − WAPE, not below 0; None without demand."""
    error = wape(actual, forecast)
    return None if error is None else max(0.0, 1.0 - error)


def mape(actual: np.ndarray, forecast: np.ndarray) -> float | None:
    """Mean absolute percentage error in percent, over weeks with demand; None without any."""
    busy = actual > 0
    return float(np.mean(np.abs(actual[busy] - forecast[busy]) / actual[busy])) * 100 if busy.any() else None


def coverage(rows: Tested, level: float) -> float | None:
    """Share of outcomes inside the central interval of a level that the back-test stores."""
    ends = [round((1 - level) / 2, 6), round((1 + level) / 2, 6)]
    places = [next((k for k, stored in enumerate(rows.levels) if abs(stored - end) < 1e-6), None) for end in ends]
    if None in places or not len(rows.actual):
        return None
    low, high = rows.quantiles[:, places[0]], rows.quantiles[:, places[1]]
    return float(np.mean((rows.actual >= low) & (rows.actual <= high)))


def trend(recent: float | None, earlier: float | None) -> str | None:
    """Whether accuracy improves; None when one side is unknown."""
    if recent is None or earlier is None:
        return None
    return "stable" if abs(recent - earlier) <= STABLE_WITHIN else "improving" if recent > earlier else "declining"


def summary(rows: Tested) -> dict[str, Any]:
    """The `model_performance` part of a forecast answer."""
    if not len(rows.actual):
        names = ("mae", "rmse", "mape", "wape", "wape_seasonal_naive", "wape_four_week_mean", "coverage_80", "accuracy_trend")
        return {**dict.fromkeys(names), "tested_weeks": 0}
    error = rows.actual - rows.mean
    half = len(error) // 2
    found = {
        "mae": float(np.abs(error).mean()), "rmse": float(np.sqrt((error**2).mean())), "mape": mape(rows.actual, rows.mean),
        "wape": wape(rows.actual, rows.mean), "wape_seasonal_naive": wape(rows.actual, rows.seasonal_naive),
        "wape_four_week_mean": wape(rows.actual, rows.four_week_mean), "coverage_80": coverage(rows, 0.8),
        "accuracy_trend": trend(accuracy(rows.actual[half:], rows.mean[half:]), accuracy(rows.actual[:half], rows.mean[:half])),
        "tested_weeks": len(np.unique(rows.day)),
    }  # fmt: skip
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in found.items()}


def by_category(snapshot: Snapshot, variant: str, since: date, only: str | None = None) -> dict[str, dict[str, float]]:
    """Accuracy and mean absolute error of every category with demand in the span."""
    found: dict[str, dict[str, float]] = {}
    for node, row in snapshot.rows.items():
        if node.level == "category" and node.store == ALL and only in (None, node.name):
            rows = tested(snapshot, row, variant, since)
            score = accuracy(rows.actual, rows.mean) if len(rows.actual) else None
            if score is not None:
                found[node.name] = {"accuracy": round(score, 4), "mae": round(float(np.abs(rows.actual - rows.mean).mean()), 4)}
    return found


def recent_accuracy(rows: Tested, as_of: date) -> tuple[float | None, float | None]:
    """Accuracy of the last 30 days of weeks and of the 30 before."""
    last = (as_of - EPOCH).days
    spans = [(rows.day > last - 30), (rows.day > last - 60) & (rows.day <= last - 30)]
    recent, earlier = (accuracy(rows.actual[span], rows.mean[span]) if span.any() else None for span in spans)
    return recent, earlier


def span_start(as_of: date, days_back: int) -> date:
    """First day scored."""
    return as_of - timedelta(days=days_back)


def node_of(category: str) -> Node:
    """The overall node of a category or of everything."""
    return Node(ALL if category == ALL else "category", category, ALL)
