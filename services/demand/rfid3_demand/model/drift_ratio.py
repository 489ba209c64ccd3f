"""By how much were forecasts too low or too high together, and how much of that is believed? Pure; counts only.

A shop that grows is forecast too low by every method at once: weights between them cannot mend it, and intervals that mend it
node by node no longer add up. So all means of a step are multiplied by one ratio of outcomes to forecasts, learned over all
series and past origins by ranges of steps, and believed the more the less those origins overlap. While no season has been seen
twice nothing is corrected: a ramp into the season is no drift.
"""

import numpy as np

from rfid3_demand.model.corrected_levels import STEP_EDGES

MOST = 1.25
"""No ratio beyond this, nor below its inverse."""
DOUBT = 1.0
"""Stretches of time that would have to be seen for half of a ratio to be believed."""


def ratios(outcomes: np.ndarray, said: np.ndarray, independent: float, horizon: int) -> np.ndarray:
    """Factor per step (H,), from outcomes and means (series, origins, steps), NaN where unknown; the last holds beyond.

    independent: stretches of time that the origins cover together.
    """
    known = np.isfinite(outcomes) & np.isfinite(said)
    happened = np.where(known, outcomes, 0.0).sum(axis=(0, 1))
    expected = np.where(known, said, 0.0).sum(axis=(0, 1))
    result = np.ones(horizon)
    belief = independent / (independent + DOUBT) if np.isfinite(independent) else 1.0
    for low, high in zip(STEP_EDGES, (*STEP_EDGES[1:], horizon + 1), strict=True):
        part = slice(low - 1, high - 1)
        if happened[part].sum() > 0 and expected[part].sum() > 0:
            ratio = (happened[part].sum() / expected[part].sum()) ** belief
            result[low - 1 :] = np.clip(ratio, 1.0 / MOST, MOST)
    return result
