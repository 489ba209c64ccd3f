"""How far off is the remaining time, and does its interval hold? For rows whose end was seen."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class RemainingScores:
    """Errors in units of t."""

    rows: int
    rmse_mean: float
    """Of the expected remaining time up to the cap: what a squared error asks for."""
    rmse_median: float
    """Of the median, cut at the cap."""
    coverage_80: float
    width_80: float
    """Median width of the interval."""


def judge(
    rul: np.ndarray | None, expected: np.ndarray | None, after: np.ndarray, event: np.ndarray, cap: float | None
) -> RemainingScores:
    """rul (rows, 3): lower, median, upper; expected (rows,): mean remaining time, counted up to the cap.

    Rows whose unit was lost from sight are left out: nobody knows their truth. With a cap, truth and forecasts are cut at it
    before the error is taken (PHM08's custom), without one at the longest stretch seen; the interval is judged uncut.
    """
    nothing = float("nan")
    truth = after[event]
    limit = float(after.max()) if cap is None else cap

    def rmse(told: np.ndarray | None) -> float:
        if told is None or not len(truth):
            return nothing
        return float(np.sqrt(np.mean((np.minimum(told[event], limit) - np.minimum(truth, limit)) ** 2)))

    if rul is None or not len(truth):
        return RemainingScores(len(truth), rmse(expected), nothing, nothing, nothing)
    lower, upper = rul[event, 0], rul[event, 2]
    inside = float(np.mean((truth >= lower) & (truth <= upper)))
    width = np.where(np.isfinite(lower), upper, np.inf) - np.where(np.isfinite(lower), lower, 0.0)
    return RemainingScores(len(truth), rmse(expected), rmse(rul[:, 1]), inside, float(np.median(width)))
