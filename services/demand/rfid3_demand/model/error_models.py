"""Which weights make a hierarchy's forecasts add up best? Learned from rolling origins, within a time limit.

Candidates: the bottom series alone (bottom-up), and a variance per node that falls with the number of series a node sums, by
several powers (0: as its errors say; 1: as structure says too, Athanasopoulos et al. 2017). Each origin is reconciled with what
the other origins taught. The usual power stays unless another is surely better: by two standard errors in the logarithm of
squared errors relative to it, levels counting alike. The least loss of a handful of origins suited an era that was over.
Without any time it is the bottom series. Errors in common (the full minimum-trace covariance) were tried and left out:
overlapping origins tell them twice, and held-out quarters were worse at every level.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from rfid3_demand.model.reconcile import ErrorModel, reconcile

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

PRIOR_ERRORS = 100.0
"""A node's error variance counts as if its scale had been seen this often as an error."""
USUAL = ("weighted", 0.75)
"""With it, on 13 earlier cuts of Australian tourism and four of the demo company, every level of both was better than with the
power of least loss out of 0 to 1.5 and bottom-up, by 0.1 to 2 %; 0.5 was worse on the one, 1 on the other."""
OPTIONS = (USUAL, ("weighted", 0.0), ("weighted", 1.5), ("bottom-up", 0.0))
"""Name and power, compared in this order."""
LEAST_ORIGINS = 3
CHECKED_ORIGINS = 5
LEAST_LOSS = 1e-9
"""What was foretold exactly counts as this, so that ratios exist."""
SURE = 2.0
"""Standard errors by which another must be better than the usual one."""


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
    independent: float = np.inf, limit_s: float = np.inf, clock: Callable[[], float] = time.monotonic,
) -> ErrorModel:  # fmt: skip
    """The error model to reconcile with.

    outcomes, said: (nodes, origins, steps), NaN where unknown. scale: (nodes,) units. levels: (nodes,) names. independent:
    stretches of time that the origins cover together. limit_s: seconds that choosing may take; what has been compared by then
    decides.
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
    losses: dict[tuple[str, float], np.ndarray] = {}
    for option in OPTIONS:
        if losses and clock() >= until:
            break
        losses[option] = np.stack([_losses(summing, outcomes, said, scale, levels, k, option, nonnegative) for k in checked])
    return error_model(error, scale, children, _chosen(losses, min(float(len(checked)), independent)))


def _chosen(losses: dict[tuple[str, float], np.ndarray], seen: float) -> tuple[str, float]:
    """The option with the least loss of those surely better than the usual one, else that; losses: (origins, levels) each.

    seen: origins that tell of time of their own.
    """
    best, least = USUAL, 0.0
    for option, loss in losses.items():
        gain = np.nanmean(np.log(loss / losses[USUAL]), axis=1)
        mean, error = float(gain.mean()), float(gain.std(ddof=1)) / np.sqrt(seen)
        if mean + SURE * error < 0 and mean < least:
            best, least = option, mean
    return best


def _losses(
    summing: csr_matrix, outcomes: np.ndarray, said: np.ndarray, scale: np.ndarray, levels: np.ndarray, origin: int,
    option: tuple[str, float], nonnegative: bool,
) -> np.ndarray:  # fmt: skip
    """Mean scaled squared error of each level at one origin, reconciled with what the others taught; NaN where none is known."""
    others = np.arange(said.shape[1]) != origin
    children = np.asarray(summing.sum(axis=1)).ravel()
    model = error_model((outcomes - said)[:, others], scale, children, option)
    coherent = reconcile(summing, said[:, origin], model, nonnegative)
    square = ((outcomes[:, origin] - coherent) / scale[:, None]) ** 2
    square[~np.isfinite(said[:, origin])] = np.nan
    parts = [part[np.isfinite(part)] for part in (square[levels == level] for level in np.unique(levels))]
    return np.array([max(float(part.mean()), LEAST_LOSS) if len(part) else np.nan for part in parts])
