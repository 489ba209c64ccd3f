"""Whom does one trust now, and whom would one have trusted at each past origin? Weights of methods from rolling-origin errors; pure.

A mixture judged on the errors that chose its weights looks better than it will be: by 7 to 10 % on earlier years of the tourism
sets. What is learned from the mixture's past therefore uses weights that have not seen that origin.
"""

from __future__ import annotations

import numpy as np

from rfid3_demand.model import backtest, ensemble, prior_shares, stacking
from rfid3_demand.model.tree_features import TreeData

BRIEF_STEPS, BRIEF_CELLS = 40, 20_000
"""With fewer steps and fewer observations than these, past errors tell little about which method is best."""


def trust_in(data: TreeData, rounds: backtest.Rounds, peers: np.ndarray, scale: np.ndarray) -> dict[str, np.ndarray]:
    """Weights per method and node: by deviance for counts, whose mean is wanted; otherwise half by the size of absolute errors
    and half by what the errors of a mixture would have been."""
    loss = ensemble.deviance if data.counts else lambda y, said: np.abs(y - said)
    unit = np.maximum(1.0, scale) if data.counts else scale
    # one method's errors at a time: all of them need not fit into memory
    sums = {
        name: ensemble.summed(loss(rounds.outcomes, said).reshape(len(data.y), -1), unit)
        for name, said in rounds.forecasts.items()
    }
    brief = data.y.shape[1] < BRIEF_STEPS and np.isfinite(data.y).sum() < BRIEF_CELLS
    if brief and len(sums) > 1:
        # a tree takes the ramp of a first half-year for a law: measured on the real export it doubles the error of its company
        sums["lightgbm"] = (np.zeros(len(data.y), dtype=int), np.zeros(len(data.y)))
    power = ensemble.BRIEF_SHARPNESS if brief else ensemble.COUNT_SHARPNESS if data.counts else ensemble.SHARPNESS
    prior = ensemble.COUNT_PRIOR_ERRORS if data.counts else ensemble.PRIOR_ERRORS
    alone = ensemble.weights_of(sums, peers, power, prior)
    if data.counts or brief:
        return prior_shares.leaning(alone)
    signed = {name: (rounds.outcomes - said).reshape(len(data.y), -1) for name, said in rounds.forecasts.items()}
    return prior_shares.leaning(ensemble.halved(alone, stacking.weights(signed, unit, peers)))


def trust_at_origins(
    data: TreeData, rounds: backtest.Rounds, peers: np.ndarray, scale: np.ndarray, now: dict[str, np.ndarray]
) -> list[dict[str, np.ndarray]]:
    """Per origin the weights that the origins apart from it teach; `now`, the weights of all, where those know nothing of a node.

    Counts keep the weights of all: a prior of so many errors hardly moves with an origin.
    """
    if data.counts:
        return [now] * len(rounds.cutoffs)
    return [_filled(trust_in(data, rounds.only(row), peers, scale), now) if row.any() else now for row in rounds.apart]


def _filled(shares: dict[str, np.ndarray], now: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    unknown = np.sum(list(shares.values()), axis=0) == 0
    return {name: np.where(unknown, now[name], share) for name, share in shares.items()}
