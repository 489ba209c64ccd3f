"""Which weights make a hierarchy's forecasts add up best? Learned from rolling origins, within a time limit.

Candidates: the bottom series alone (bottom-up), and a variance per node that falls with the number of series a node sums, by
several powers (0: as its errors say; 1: as structure says, Athanasopoulos et al. 2017). Each origin is reconciled with what the
other origins taught; the candidate with the least scaled squared error, every level counting alike, is used. Out of time or
origins, the middle power is used; without any time at all, the bottom series. Errors in common (the full minimum-trace
covariance) were tried and left out: overlapping origins tell them twice, and held-out quarters were worse at every level.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from rfid3_demand.model.reconcile import ErrorModel, reconcile

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

PRIOR_ERRORS = 10.0
"""A node's error variance counts as if its scale had been seen this often as an error."""
USUAL = ("weighted", 0.5)
OPTIONS = (USUAL, ("weighted", 0.0), ("weighted", 1.0), ("weighted", 1.5), ("bottom-up", 0.0))
"""Name and power, compared in this order."""
LEAST_ORIGINS = 3
CHECKED_ORIGINS = 5
ADVANTAGE = 0.99
"""Another than the usual one must be better by 1 %: a handful of origins cannot tell less from luck."""


def error_model(error: np.ndarray, scale: np.ndarray, children: np.ndarray, option: tuple[str, float] = USUAL) -> ErrorModel:
    """The model of errors (nodes, origins, steps), NaN where unknown, in units of `scale` (nodes,) where there are few.

    children: (nodes,) bottom series each node sums. option: one of OPTIONS.
    """
    name, power = option
    known = np.isfinite(error)
    square = np.where(known, error, 0.0) ** 2
    variance = (square.sum(axis=(1, 2)) + PRIOR_ERRORS * scale**2) / (known.sum(axis=(1, 2)) + PRIOR_ERRORS)
    return ErrorModel(name, variance / children**power, power)


def learn(
    summing: csr_matrix, outcomes: np.ndarray, said: np.ndarray, scale: np.ndarray, levels: np.ndarray, nonnegative: bool,
    limit_s: float = np.inf, clock: Callable[[], float] = time.monotonic,
) -> ErrorModel:  # fmt: skip
    """The error model to reconcile with.

    outcomes, said: (nodes, origins, steps), NaN where unknown. scale: (nodes,) units. levels: (nodes,) names. limit_s: seconds
    that choosing may take; what has been compared by then decides.
    """
    until = clock() + limit_s
    error = outcomes - said
    children = np.asarray(summing.sum(axis=1)).ravel()
    if limit_s <= 0:
        return error_model(error, scale, children, ("bottom-up", 0.0))
    usable = [k for k in range(said.shape[1]) if np.isfinite(error[:, k]).any()]
    if len(usable) < LEAST_ORIGINS or summing.shape[0] == summing.shape[1]:
        return error_model(error, scale, children)
    checked = [usable[k] for k in np.unique(np.linspace(0, len(usable) - 1, CHECKED_ORIGINS).round().astype(int))]
    losses: dict[tuple[str, float], float] = {}
    for option in OPTIONS:
        if losses and clock() >= until:
            break
        parts = [_loss(summing, outcomes, said, scale, levels, k, option, nonnegative) for k in checked]
        losses[option] = float(np.mean(parts))
    best = min(losses, key=losses.__getitem__)
    return error_model(error, scale, children, best if losses[best] < ADVANTAGE * losses[USUAL] else USUAL)


def _loss(
    summing: csr_matrix, outcomes: np.ndarray, said: np.ndarray, scale: np.ndarray, levels: np.ndarray, origin: int,
    option: tuple[str, float], nonnegative: bool,
) -> float:  # fmt: skip
    """Mean over levels of the scaled squared error at one origin, reconciled with what the others taught."""
    others = np.arange(said.shape[1]) != origin
    children = np.asarray(summing.sum(axis=1)).ravel()
    model = error_model((outcomes - said)[:, others], scale, children, option)
    coherent = reconcile(summing, said[:, origin], model, nonnegative)
    square = ((outcomes[:, origin] - coherent) / scale[:, None]) ** 2
    square[~np.isfinite(said[:, origin])] = np.nan
    parts = [part[np.isfinite(part)] for part in (square[levels == level] for level in np.unique(levels))]
    return float(np.mean([part.mean() for part in parts if len(part)])) if any(len(part) for part in parts) else np.inf
