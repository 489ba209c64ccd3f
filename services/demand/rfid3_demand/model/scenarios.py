"""What might all series do together? Joint scenarios whose sums give every node's quantiles, so that quantiles are coherent too.

Every bottom series keeps its own calibrated distribution; what goes up together is told by one latent factor per upper node
(a Gaussian copula, one loading per level). The loadings are those whose sums spread as widely as the upper nodes were
calibrated to: non-negative least squares over all upper nodes (Panagiotelis et al. 2023 on coherent distributions; Ben Taieb et
al. 2021 on sums through copulas). Scenarios are scrambled Sobol points with a fixed seed: the same input gives the same answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import nnls
from scipy.sparse import diags
from scipy.special import ndtri
from scipy.stats import qmc

from rfid3_demand.model.summing import bottom_rows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

SCENARIOS = 512
MOST_DIMENSIONS = 20_000
"""Sobol points are known for so many series and upper nodes together."""
MOST_MOVED = 1.5
"""Scenarios are moved to the forecast's mean by this factor at most."""
MOST_SHARED = 0.95
"""A series keeps some fortune of its own."""


def coherent_quantiles(
    summing: csr_matrix, node_levels: np.ndarray, quantiles: np.ndarray, grid: np.ndarray, levels: np.ndarray, whole: bool,
    mean: np.ndarray | None = None, limit_s: float = np.inf, clock: Callable[[], float] = time.monotonic,
) -> np.ndarray | None:  # fmt: skip
    """Quantiles (nodes, H, levels) of sums over joint scenarios; None where there is nothing to join or no time to do it.

    quantiles: (nodes, H, grid) calibrated node by node at the probabilities `grid`; NaN rows stay NaN. whole: scenarios are
    whole numbers. mean: (nodes, H) that the scenarios of a step have in common; None = what they have by themselves.
    limit_s: seconds it may take.
    """
    nodes, bottom = summing.shape
    until = clock() + limit_s
    if nodes == bottom or nodes > MOST_DIMENSIONS:
        return None
    own = bottom_rows(summing)
    known = np.isfinite(quantiles).all(axis=(1, 2))
    at_bottom = np.nan_to_num(quantiles[own])
    rank = _ranks(summing, node_levels, _loadings(summing, node_levels, quantiles, own, grid, known), own)
    low, share = _places(grid)
    wanted = np.clip(np.ceil(levels * SCENARIOS).astype(int) - 1, 0, SCENARIOS - 1)
    result = np.full((*quantiles.shape[:2], len(levels)), np.nan, dtype=np.float32)
    for step in range(quantiles.shape[1]):
        if clock() >= until:
            return None
        ordered = at_bottom[:, step, low] * (1.0 - share) + at_bottom[:, step, low + 1] * share
        if mean is not None:
            ordered = ordered * _to_mean(ordered, mean[own, step])
        drawn = np.take_along_axis(_rounded(ordered) if whole else ordered, rank, axis=1)
        sums = np.sort(np.asarray(summing @ drawn), axis=1)
        result[:, step] = sums[:, wanted]
    result[~known] = np.nan
    return result


def _to_mean(ordered: np.ndarray, mean: np.ndarray) -> float:
    """The factor, one for all series, that gives the scenarios the forecast's mean: skewed parts must not lift their sum."""
    known = np.isfinite(mean)
    have, want = float(ordered[known].mean(axis=1).sum()), float(mean[known].sum())
    return float(np.clip(want / have, 1.0 / MOST_MOVED, MOST_MOVED)) if have > 0 and want > 0 else 1.0


def _rounded(ordered: np.ndarray) -> np.ndarray:
    """Whole numbers with the same mean: neighbouring scenarios are rounded up in the share that the fraction says."""
    golden = (np.sqrt(5.0) - 1.0) / 2.0
    offset = (np.arange(ordered.shape[1]) * golden) % 1.0
    return np.asarray(np.sort(np.floor(ordered + offset), axis=1))


def _places(grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where the scenarios' probabilities lie between grid points: index of the lower one, and the share of the upper."""
    probability = (np.arange(SCENARIOS) + 0.5) / SCENARIOS
    low = np.clip(np.searchsorted(grid, probability) - 1, 0, len(grid) - 2)
    share = np.clip((probability - grid[low]) / (grid[low + 1] - grid[low]), 0.0, 1.0)
    return low, share


def _spread(quantiles: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """Standard deviation of each node, averaged over steps, from its quantiles, (nodes,)."""
    low, share = _places(grid)
    values = quantiles[:, :, low] * (1.0 - share) + quantiles[:, :, low + 1] * share
    return np.asarray(np.sqrt(np.nanmean(values.var(axis=2), axis=1)))


def _loadings(
    summing: csr_matrix, node_levels: np.ndarray, quantiles: np.ndarray, own: np.ndarray, grid: np.ndarray, known: np.ndarray
) -> dict[str, float]:
    """Share of a series' variance that it has in common with the others below the same node, per level of upper nodes."""
    children = np.asarray(summing.sum(axis=1)).ravel()
    upper = np.flatnonzero((children > 1) & known)
    names = list(dict.fromkeys(node_levels[upper].tolist()))
    if not names:
        return {}  # no node has two series below it
    spread = np.zeros(len(quantiles))
    spread[known] = _spread(quantiles[known], grid)
    below = spread[own]
    alone = np.asarray(summing @ below**2)
    columns = []
    for name in names:
        groups = summing[node_levels == name]
        # of the pairs of series below an upper node, those that share a node of this level
        together = (summing[upper] @ diags(below) @ groups.T).power(2).sum(axis=1)
        columns.append(
            np.asarray(together).ravel() - np.asarray(summing[upper] @ ((groups.T @ np.ones(groups.shape[0])) * below**2))
        )
    pairs = np.stack(columns, axis=1)
    goal = spread[upper] ** 2
    # relative errors, every level counting alike
    _, at, size = np.unique(node_levels[upper], return_inverse=True, return_counts=True)
    weight = 1.0 / np.sqrt(size[at])
    scale = weight / np.maximum(goal, 1e-12)
    found = nnls(pairs * scale[:, None], (goal - alone[upper]) * scale)[0]
    found *= min(1.0, MOST_SHARED / max(found.sum(), 1e-12))
    return dict(zip(names, found.tolist(), strict=True))


def _ranks(summing: csr_matrix, node_levels: np.ndarray, loadings: dict[str, float], own: np.ndarray) -> np.ndarray:
    """Rank of every bottom series in every scenario, (bottom, SCENARIOS)."""
    factors = [(name, np.flatnonzero(node_levels == name)) for name, loading in loadings.items() if loading > 0]
    dimensions = len(own) + sum(len(rows) for _, rows in factors)
    points = qmc.Sobol(dimensions, seed=11).random(SCENARIOS).T
    normal = ndtri(np.clip(points, 1e-9, 1 - 1e-9))
    shared = sum(loadings[name] for name, _ in factors)
    latent = np.sqrt(1.0 - shared) * normal[: len(own)]
    at = len(own)
    for name, rows in factors:
        latent += np.sqrt(loadings[name]) * np.asarray(summing[rows].T @ normal[at : at + len(rows)])
        at += len(rows)
    return np.asarray(latent.argsort(axis=1, kind="stable").argsort(axis=1, kind="stable"))
