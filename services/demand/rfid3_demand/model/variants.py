"""What does a family of methods say once weighted, made to add up, and calibrated on its own past errors?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rfid3_demand.model import backtest, ensemble, intervals
from rfid3_demand.model.panel import Variant
from rfid3_demand.model.reconcile import reconcile
from rfid3_demand.model.tree_features import TreeData

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

BRIEF_STEPS, BRIEF_CELLS = 40, 20_000
"""With fewer steps and fewer observations than these, past errors tell little about which method is best."""
PRIOR_ERRORS = 10.0
"""A node's error variance counts as if its scale had been seen this often as an error."""
AVERAGE = ("moving_average_4", "moving_average_13", "pooled")


def families_of(said: dict[str, np.ndarray]) -> dict[str, list[str]]:
    """Methods of each family; `pooled` is in all, because nothing else speaks for a series without a history."""
    return {
        "statistical": [name for name in said if name != "lightgbm"],
        "lightgbm": ["lightgbm", "pooled"],
        "average": list(AVERAGE),
    }


def trust_in(data: TreeData, rounds: backtest.Rounds, peers: np.ndarray, scale: np.ndarray) -> dict[str, np.ndarray]:
    """Weights per method and node: by deviance for counts, whose mean is wanted, by absolute errors otherwise."""
    loss = ensemble.deviance if data.counts else lambda y, said: np.abs(y - said)
    flat = {name: loss(rounds.outcomes, said).reshape(len(data.y), -1) for name, said in rounds.forecasts.items()}
    unit = np.maximum(1.0, scale) if data.counts else scale
    brief = data.y.shape[1] < BRIEF_STEPS and np.isfinite(data.y).sum() < BRIEF_CELLS
    if brief and len(flat) > 1:
        # a tree takes the ramp of a first half-year for a law: measured on the real export it doubles the error of its company
        flat["lightgbm"] = np.full_like(flat["ets"], np.nan)
    power = ensemble.BRIEF_SHARPNESS if brief else ensemble.COUNT_SHARPNESS if data.counts else ensemble.SHARPNESS
    return ensemble.weights(flat, unit, peers, power)


def variant(
    summing: csr_matrix, data: TreeData, rounds: backtest.Rounds, trust: dict[str, np.ndarray], said: dict[str, np.ndarray],
    methods: list[str], kinds: np.ndarray, scale: np.ndarray, horizon: int, levels: np.ndarray,
) -> tuple[Variant, np.ndarray]:  # fmt: skip
    """A family of methods, weighted, reconciled and calibrated: its future and its past means (nodes, origins, steps)."""
    future, shares = ensemble.combine({m: said[m] for m in methods}, trust)
    silent = np.full((len(data.y), rounds.steps), np.nan)
    earlier = [
        ensemble.combine({m: rounds.forecasts[m][:, k] if m in rounds.forecasts else silent for m in methods}, trust)[0]
        for k in range(len(rounds.cutoffs))
    ]
    stacked = np.stack(earlier, axis=1) if earlier else np.empty_like(rounds.outcomes)
    error = np.where(np.isfinite(rounds.outcomes - stacked), (rounds.outcomes - stacked) ** 2, np.nan)
    known = np.isfinite(error).sum(axis=(1, 2))
    variance = (np.nansum(error, axis=(1, 2)) + PRIOR_ERRORS * scale**2) / (known + PRIOR_ERRORS)
    coherent = np.stack([reconcile(summing, part, variance, data.counts) for part in earlier], axis=1) if earlier else stacked
    coherent = np.where(np.isfinite(stacked), coherent, np.nan)
    mean = reconcile(summing, future, variance, data.counts)
    mean = np.where(np.isfinite(data.y).any(axis=1)[:, None], mean, np.nan)
    calibration = intervals.calibrate(
        rounds.outcomes, coherent, kinds, scale, horizon, data.counts, rounds.independent, rounds.first_season
    )
    quantiles = intervals.quantiles(calibration, mean, levels)
    if data.multiplicative:
        quantiles = np.maximum(quantiles, 0.0)  # what was never negative is not forecast to be
    return Variant(mean.astype(np.float32), quantiles, {m: s for m, s in shares.items() if s.any()}), coherent


def checked_quantiles(
    rounds: backtest.Rounds, mean: np.ndarray, kinds: np.ndarray, scale: np.ndarray, counts: bool
) -> np.ndarray:
    """Quantiles at past origins, each calibrated on the other origins only, (nodes, origins, steps, CHECKED_LEVELS)."""
    y, origins = rounds.outcomes, rounds.outcomes.shape[1]
    levels = np.array(backtest.CHECKED_LEVELS)
    result = np.full((*y.shape, len(levels)), np.nan, dtype=np.float32)
    for k in range(origins):
        others = [j for j in range(origins) if j != k] or [k]
        calibration = intervals.calibrate(
            y[:, others], mean[:, others], kinds, scale, y.shape[2], counts, rounds.independent, rounds.first_season
        )
        result[:, k] = intervals.quantiles(calibration, mean[:, k], levels)
    return result
