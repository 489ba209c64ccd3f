"""How do forecasts of a class, its category and the whole add up without contradicting each other?

Weighted least squares over the bottom series (diagonal MinT, Wickramasuriya et al. 2019), solved by conjugate gradients
with a fixed number of steps, clipped at zero where demand cannot be negative, then summed upwards: coherent exactly, in
bounded time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

MOST_STEPS = 100
TOLERANCE = 1e-7


def reconcile(summing: csr_matrix, base: np.ndarray, variance: np.ndarray, nonnegative: bool) -> np.ndarray:
    """Coherent means (nodes, H) closest to `base` in units of each node's error variance (nodes,).

    Nodes whose base is NaN have no say. Bottom series that nothing is known of become 0.
    """
    nodes, bottom = summing.shape
    row_sums = np.asarray(summing.sum(axis=1)).ravel()
    own = summing[row_sums == 1]
    start = np.zeros((bottom, base.shape[1]))
    start[own.indices] = np.nan_to_num(base[row_sums == 1])
    alive = np.zeros((bottom, 1))
    alive[own.indices] = np.isfinite(base[row_sums == 1]).all(axis=1, keepdims=True)
    if nodes > bottom:
        say = np.isfinite(base).all(axis=1)
        weight = np.where(say, 1.0 / np.maximum(variance, 1e-9), 0.0)[:, None]
        start = _conjugate_gradients(summing, weight, np.nan_to_num(base), start, alive)
    if nonnegative:
        start = np.maximum(start, 0.0)
    return np.asarray(summing @ start)


def _conjugate_gradients(
    summing: csr_matrix, weight: np.ndarray, base: np.ndarray, start: np.ndarray, alive: np.ndarray
) -> np.ndarray:
    """Solve (S'WS) b = S'W base for all columns at once, with a diagonal preconditioner; series that are not alive stay as
    they are."""
    up, down = summing, summing.T.tocsr()
    diagonal = np.maximum(np.asarray(down @ weight), 1e-12)
    solution = start.copy()
    residual = alive * np.asarray(down @ (weight * (base - np.asarray(up @ solution))))
    z = residual / diagonal
    direction = z.copy()
    energy = (residual * z).sum(axis=0)
    goal = TOLERANCE * np.maximum(energy, 1e-30)
    for _ in range(MOST_STEPS):
        if (energy <= goal).all():
            break
        image = alive * np.asarray(down @ (weight * np.asarray(up @ direction)))
        curvature = (direction * image).sum(axis=0)
        step = np.divide(energy, curvature, out=np.zeros_like(energy), where=curvature > 0)
        solution += step * direction
        residual -= step * image
        z = residual / diagonal
        renewed = (residual * z).sum(axis=0)
        direction = z + np.divide(renewed, energy, out=np.zeros_like(energy), where=energy > 0) * direction
        energy = renewed
    return solution
