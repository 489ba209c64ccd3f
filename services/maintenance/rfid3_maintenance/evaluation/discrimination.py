"""Are the failed told from the sound? Area under the ROC curve, and F1 of alerts."""

from __future__ import annotations

import numpy as np


def auc(chance: np.ndarray, failed: np.ndarray) -> float:
    """Chance that a failed row is told more than a sound one, ties one half (Mann and Whitney 1947); NaN with one outcome only."""
    n_failed = int(failed.sum())
    n_sound = len(failed) - n_failed
    if not n_failed or not n_sound:
        return float("nan")
    _, place, count = np.unique(chance, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(count) - (count - 1) / 2)[place]
    return float((ranks[failed].sum() - n_failed * (n_failed + 1) / 2) / (n_failed * n_sound))


def f1(alert: np.ndarray, failed: np.ndarray) -> float:
    """2 · right / (alerts + failures): harmonic mean of precision and recall; NaN with neither an alert nor a failure."""
    both = int(alert.sum()) + int(failed.sum())
    return 2.0 * int((alert & failed).sum()) / both if both else float("nan")
