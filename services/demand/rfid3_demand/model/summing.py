"""Which bottom series does each node of a hierarchy sum? What follows from the summing matrix (nodes, bottom series) alone; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


def bottom_rows(summing: csr_matrix) -> np.ndarray:
    """Row of each bottom series' own node, (bottom series,): the first that sums it alone, for a parent may have one child."""
    single = np.flatnonzero(np.asarray(summing.sum(axis=1)).ravel() == 1)[::-1]
    rows = np.zeros(summing.shape[1], dtype=int)
    rows[summing[single].indices] = single
    return rows


def aggregate(summing: csr_matrix, y: np.ndarray) -> np.ndarray:
    """Sums of bottom series per node, (nodes, T); NaN where no child had begun."""
    begun = np.isfinite(y)
    total = np.asarray(summing @ np.where(begun, y, 0.0))
    return np.where(np.asarray(summing @ begun.astype(float)) > 0, total, np.nan)
