"""How far are chances from what happened, when some were lost from sight? Brier scores weighted by the chance to be seen.

Graf, Schmoor, Sauerbrei and Schumacher 1999: events by t weigh 1/G(T-), rows still running at t weigh 1/G(t), rows lost before t
weigh nothing; G is the Kaplan–Meier curve of censoring in the sample judged.
"""

from __future__ import annotations

import numpy as np

from rfid3_maintenance.evaluation import kaplan_meier

LEAST_SEEN = 0.02
"""Where fewer than this share would still be seen, G is held here: single rows would decide everything."""


def weights(after: np.ndarray, event: np.ndarray, moment: float) -> np.ndarray:
    """(rows,) inverse-probability-of-censoring weights at one moment."""
    seen = kaplan_meier.of_censoring(after, event)
    failed, running = event & (after <= moment), (after > moment) | (~event & (after >= moment))
    of_failed = 1.0 / np.maximum(seen.before(after), LEAST_SEEN)
    of_running = 1.0 / max(float(seen.before(np.array([moment]))[0]), LEAST_SEEN)
    return np.where(failed, of_failed, np.where(running, of_running, 0.0))


def score(survival: np.ndarray, after: np.ndarray, event: np.ndarray, moment: float) -> float:
    """Brier score at a moment; survival (rows,) is the chance told to get beyond it. 0 is perfect, 0.25 says 50 % of everyone."""
    failed = event & (after <= moment)
    squared = (np.where(failed, 0.0, 1.0) - survival) ** 2
    return float(np.mean(weights(after, event, moment) * squared))


def integrated(survival: np.ndarray, after: np.ndarray, event: np.ndarray, grid: np.ndarray) -> float:
    """Mean Brier score over the grid's span (trapezoids); survival (rows, grid), grid ascending."""
    scores = np.array([score(survival[:, k], after, event, float(moment)) for k, moment in enumerate(grid)])
    if len(grid) == 1:
        return float(scores[0])
    return float(np.sum((scores[1:] + scores[:-1]) / 2 * np.diff(grid)) / (grid[-1] - grid[0]))
