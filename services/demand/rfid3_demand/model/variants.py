"""What does a family of methods say once weighted, made to add up, and calibrated on its own past errors?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rfid3_demand.model import backtest, count_intervals, drift_ratio, ensemble, error_models, intervals, pickup
from rfid3_demand.model.count_types import Seen
from rfid3_demand.model.learned import LearnedVariant
from rfid3_demand.model.panel import Variant
from rfid3_demand.model.reconcile import reconcile
from rfid3_demand.model.scenarios import coherent_quantiles
from rfid3_demand.model.summing import bottom_rows
from rfid3_demand.model.tree_features import TreeData

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

RECONCILIATION_LIMIT_S = 60.0
"""Seconds that choosing weights for a hierarchy, and joining its quantiles, may each take."""
AVERAGE = ("moving_average_4", "moving_average_13", "pooled")


def families_of(said: dict[str, np.ndarray]) -> dict[str, list[str]]:
    """Methods of each family; `pooled` is in all, because nothing else speaks for a series without a history."""
    return {
        "statistical": [name for name in said if name != "lightgbm"],
        "lightgbm": ["lightgbm", "pooled"],
        "average": list(AVERAGE),
    }


def learned_variant(
    summing: csr_matrix, data: TreeData, rounds: backtest.Rounds, trust: Sequence[dict[str, np.ndarray]], methods: list[str],
    kinds: np.ndarray, scale: np.ndarray, horizon: int, node_levels: np.ndarray,
    limit_s: float = RECONCILIATION_LIMIT_S, held: pickup.OnHand | None = None, seen: Seen | None = None,
) -> tuple[LearnedVariant, np.ndarray]:  # fmt: skip
    """What past origins teach about a family of methods, and its past means (nodes, origins, steps), weighted and reconciled.

    trust: for each origin, method -> (nodes,) weight, as learned without that origin: chosen by its own errors, the mixture's past
    errors would be smaller than those to come. held: what is booked already, joined with what the methods say, at past origins as now.
    """
    silent = np.full((len(data.y), rounds.steps), np.nan)
    earlier = [
        ensemble.combine({m: rounds.forecasts[m][:, k] if m in rounds.forecasts else silent for m in methods}, weights)[0]
        for k, weights in enumerate(trust)
    ]
    stacked = np.stack(earlier, axis=1) if earlier else np.empty_like(rounds.outcomes)
    believed = None if held is None else pickup.learn(held, rounds.outcomes, stacked, kinds)
    if held is not None and believed is not None:
        earlier = [pickup.joined(part, held.past[:, k], held.past_share[:, k], believed) for k, part in enumerate(earlier)]
        stacked = np.stack(earlier, axis=1) if earlier else stacked
    how = error_models.learn(
        summing, rounds.outcomes, stacked, scale, node_levels, data.multiplicative, rounds.independent, limit_s
    )
    coherent = (
        np.stack([reconcile(summing, part, how, data.multiplicative) for part in earlier], axis=1) if earlier else stacked
    )
    coherent = np.where(np.isfinite(stacked), coherent, np.nan)
    ratio = np.ones(horizon)
    if data.counts and not rounds.first_season:
        bottom = bottom_rows(summing)
        ratio = drift_ratio.ratios(rounds.outcomes[bottom], coherent[bottom], rounds.independent, horizon)
        coherent = coherent * ratio[: rounds.steps]
    calibration = intervals.calibrate(
        rounds.outcomes,
        coherent,
        kinds if seen is None else seen.kind[:, -1],
        scale,
        horizon,
        data.counts,
        rounds.independent,
        rounds.first_season,
        None if seen is None else seen.at(list(range(len(rounds.cutoffs)))),
        rounds.apart,
    )
    return LearnedVariant(methods, how, calibration, ratio, believed), coherent


def variant(
    summing: csr_matrix, data: TreeData, trust: dict[str, np.ndarray], said: dict[str, np.ndarray], learned: LearnedVariant,
    levels: np.ndarray, chances: np.ndarray | None = None, held: pickup.OnHand | None = None,
) -> Variant:  # fmt: skip
    """What a family of methods says of the future: weighted, made to add up, with intervals; chances: (nodes, types) of counts now."""
    future, shares = ensemble.combine({m: said[m] for m in learned.methods if m in said}, trust)
    if held is not None and learned.pickup is not None:
        future = pickup.joined(future, held.ahead, held.ahead_share, learned.pickup, held.begun)
    mean = reconcile(summing, future, learned.errors, data.multiplicative) * learned.ratio[: future.shape[1]]
    mean = np.where(np.isfinite(data.y).any(axis=1)[:, None], mean, np.nan)
    if held is not None:
        mean = pickup.lifted(summing, mean, held.floor[:, : mean.shape[1]])
    now = None if chances is None else Seen((chances,), learned.calibration.kind[:, None])
    quantiles = intervals.quantiles(learned.calibration, mean, levels, now)
    if held is not None:
        quantiles = pickup.above_floor(summing, quantiles, held.floor)
    if data.multiplicative:
        quantiles = np.maximum(quantiles, 0.0)  # what was never negative is not forecast to be
    return Variant(mean.astype(np.float32), quantiles, {m: s for m, s in shares.items() if s.any()})


def with_coherent_quantiles(
    summing: csr_matrix, node_levels: np.ndarray, said: Variant, levels: np.ndarray, whole: bool, limit_s: float = RECONCILIATION_LIMIT_S,
) -> tuple[Variant, str]:  # fmt: skip
    """The variant with quantiles that are those of sums over joint scenarios, and what a reader is told of them."""
    if summing.shape[0] == summing.shape[1]:
        return said, "per series"
    together = coherent_quantiles(
        summing, node_levels, said.quantiles.astype(float), levels, levels, whole, said.mean.astype(float), limit_s
    )
    if together is None:
        return said, "per node"
    return replace(said, quantiles=together), "of joint scenarios"


def checked_quantiles(
    rounds: backtest.Rounds, mean: np.ndarray, kinds: np.ndarray, scale: np.ndarray, counts: bool, seen: Seen | None = None
) -> np.ndarray:
    """Quantiles at past origins, each calibrated on other origins only, (nodes, origins, steps, CHECKED_LEVELS); of sizes on those
    that share no outcome with it."""
    y, origins = rounds.outcomes, rounds.outcomes.shape[1]
    levels = np.array(backtest.CHECKED_LEVELS)
    result = np.full((*y.shape, len(levels)), np.nan, dtype=np.float32)
    # the same whoever learns from it
    typed = count_intervals.typed(y, mean, seen.at(list(range(origins)))) if counts and seen is not None else None
    for k in range(origins):
        others = [j for j in range(origins) if (j != k if counts else rounds.apart[k, j])] or [k]
        calibration = intervals.calibrate(
            y[:, others],
            mean[:, others],
            kinds,
            scale,
            y.shape[2],
            counts,
            rounds.independent,
            rounds.first_season,
            None if seen is None else seen.at(others),
            rounds.apart[np.ix_(others, others)],
            None if typed is None else typed.of(others),
        )
        result[:, k] = intervals.quantiles(calibration, mean[:, k], levels, None if seen is None else seen.at([k]))
    return result
