"""Who is held out with whom? Units stay whole, and every fold gets its share of those with events."""

from __future__ import annotations

import numpy as np


def unit_folds(unit: np.ndarray, event: np.ndarray, folds: int) -> np.ndarray:
    """(rows,) fold 0..folds-1: units are dealt out in turn, those with most events first."""
    units, of_row = np.unique(unit, return_inverse=True)
    events = np.bincount(of_row, event.astype(float), len(units))
    # units in the order of their numbers may be in the order of their making: neighbours go to different folds
    order = np.lexsort((np.arange(len(units)), -events))
    fold = np.empty(len(units), dtype=np.int64)
    fold[order] = np.arange(len(units)) % folds
    return np.asarray(fold[of_row])
