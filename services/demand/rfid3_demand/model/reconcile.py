"""How do forecasts of a class, its category and the whole add up without contradicting each other?

Minimum-trace reconciliation (Wickramasuriya, Athanasopoulos & Hyndman 2019): the coherent forecast closest to what every node
said, in units of how the nodes err. Solved by conjugate gradients in a bounded number of steps; where demand cannot be
negative, series that would be are held at zero and the rest is solved again (Wickramasuriya, Turlach & Hyndman 2020). Sums
over the bottom series are taken last, so every level adds up exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rfid3_demand.model.summing import bottom_rows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MOST_STEPS = 100
MOST_ROUNDS = 8
"""Rounds of holding negative series at zero; what is negative after them is cut."""
TOLERANCE = 1e-11


@dataclass(frozen=True)
class ErrorModel:
    """How the nodes' base forecasts err, each by itself."""

    name: str
    """weighted | bottom-up: what a reader is told."""
    variance: np.ndarray
    """(nodes,) squared units."""
    power: float = 0.0
    """How strongly variances fall with the number of series a node sums; for the record."""


def reconcile(summing: csr_matrix, base: np.ndarray, errors: ErrorModel, nonnegative: bool) -> np.ndarray:
    """Coherent means (nodes, H) closest to `base` as the nodes err.

    Nodes whose base is NaN have no say. Bottom series that nothing is known of become 0.
    """
    nodes, bottom = summing.shape
    own = base[bottom_rows(summing)]
    start = np.nan_to_num(own)
    alive = np.isfinite(own).all(axis=1, keepdims=True).astype(float)
    if nodes > bottom and errors.name != "bottom-up":
        say = np.isfinite(base).all(axis=1)
        free = np.repeat(alive, base.shape[1], axis=1)
        solve = _solver(summing, errors, say, np.nan_to_num(base))
        start = solve(start, free)
        for _ in range(MOST_ROUNDS if nonnegative else 0):
            negative = (start < 0) & (free > 0)
            if not negative.any():
                break
            free[negative] = 0.0
            start = solve(np.where(free > 0, start, np.where(alive > 0, 0.0, start)), free)
    if nonnegative:
        start = np.maximum(start, 0.0)
    return np.asarray(summing @ start)


def _solver(
    summing: csr_matrix, errors: ErrorModel, say: np.ndarray, base: np.ndarray
) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Solve (S'W⁻¹S) b = S'W⁻¹ base for all columns at once by preconditioned conjugate gradients.

    The solver takes a start (bottom, H) and which entries are free to move (bottom, H); the others stay as they are.
    """
    up, down = summing, summing.T.tocsr()
    weight = np.where(say, 1.0 / np.maximum(errors.variance, 1e-9), 0.0)[:, None]
    diagonal = np.maximum(np.asarray(down @ weight), 1e-12)

    def solve(start: np.ndarray, free: np.ndarray) -> np.ndarray:
        solution = start.copy()
        residual = free * np.asarray(down @ (weight * (base - np.asarray(up @ solution))))
        z = residual / diagonal
        direction = z.copy()
        energy = (residual * z).sum(axis=0)
        goal = TOLERANCE * np.maximum(energy, 1e-30)
        for _ in range(MOST_STEPS):
            if (energy <= goal).all():
                break
            image = free * np.asarray(down @ (weight * np.asarray(up @ direction)))
            curvature = (direction * image).sum(axis=0)
            step = np.divide(energy, curvature, out=np.zeros_like(energy), where=curvature > 0)
            solution += step * direction
            residual -= step * image
            z = residual / diagonal
            fresh = (residual * z).sum(axis=0)
            direction = z + np.divide(fresh, energy, out=np.zeros_like(energy), where=energy > 0) * direction
            energy = fresh
        return solution

    return solve
