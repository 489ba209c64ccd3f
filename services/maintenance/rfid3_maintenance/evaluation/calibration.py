"""Do ten machines with a chance of 30 % lose three? Slope, intercept and the curve. Cox 1958; Van Calster et al. 2016."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEAST_CHANCE = 1e-6
BINS = 10
RIDGE = 1e-6


@dataclass(frozen=True)
class Calibration:
    """Slope 1 and intercept 0 are right; a slope below 1 means chances are too extreme, above 1 too timid."""

    slope: float
    intercept: float
    """With the slope held at 1: how much all log-odds are too low (positive) or too high."""
    expected: float
    """Mean chance told."""
    happened: float
    """Share that failed."""


def fit(chance: np.ndarray, failed: np.ndarray, weight: np.ndarray | None = None) -> Calibration:
    """Logistic regression of what happened on the log-odds told, by Newton's method; NaN where only one outcome was seen."""
    w = np.ones(len(chance)) if weight is None else weight
    chance, failed, w = chance[w > 0], failed[w > 0].astype(float), w[w > 0]
    told, happened = float(np.average(chance, weights=w)), float(np.average(failed, weights=w))
    if not 0 < failed.sum() < len(failed):
        return Calibration(float("nan"), float("nan"), told, happened)
    bounded = np.clip(chance, LEAST_CHANCE, 1 - LEAST_CHANCE)
    odds = np.log(bounded / (1 - bounded))
    both = _newton(np.column_stack([odds, np.ones(len(odds))]), failed, w, np.zeros(len(odds)), np.array([1.0, 0.0]))
    alone = _newton(np.ones((len(odds), 1)), failed, w, odds, np.zeros(1))
    return Calibration(float(both[0]), float(alone[0]), told, happened)


def _newton(x: np.ndarray, y: np.ndarray, w: np.ndarray, offset: np.ndarray, start: np.ndarray) -> np.ndarray:
    """Coefficients of a logistic regression, steps halved until they help; a whisper of ridge keeps separable outcomes finite."""

    def loss(beta: np.ndarray) -> float:
        eta = offset + x @ beta
        return float((w * (np.logaddexp(0.0, eta) - y * eta)).sum() + 0.5 * RIDGE * (beta @ beta))

    beta, now = start, loss(start)
    for _ in range(100):
        p = 1.0 / (1.0 + np.exp(-np.clip(offset + x @ beta, -500, 500)))
        curve = x.T @ (x * (w * p * (1 - p))[:, None]) + RIDGE * np.eye(x.shape[1])
        move = np.linalg.solve(curve, x.T @ (w * (y - p)) - RIDGE * beta)
        size = 1.0
        while (then := loss(beta + size * move)) > now and size > 1e-9:
            size /= 2.0
        beta, gain, now = beta + size * move, now - then, then
        if gain < 1e-12 * (1.0 + abs(now)):
            break
    return beta


def curve(chance: np.ndarray, failed: np.ndarray, weight: np.ndarray | None = None, bins: int = BINS) -> np.ndarray:
    """(bins, 3): mean chance told, share that failed, rows; bins of equally many rows, equal chances kept together."""
    w = np.ones(len(chance)) if weight is None else weight
    edges = np.unique(np.quantile(chance, np.linspace(0, 1, bins + 1)))
    place = np.clip(np.searchsorted(edges, chance, side="right") - 1, 0, max(len(edges) - 2, 0))
    found = []
    for k in np.unique(place):
        rows = (place == k) & (w > 0)
        if rows.any():
            found.append(
                (np.average(chance[rows], weights=w[rows]), np.average(failed[rows], weights=w[rows]), float(rows.sum()))
            )
    return np.array(found)
