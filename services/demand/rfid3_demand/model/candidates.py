"""What does each method say at one origin? Every candidate's forecast for every node, from the past alone.

Methods work on seasonally adjusted series and get the season back afterwards; intermittent methods answer for intermittent
nodes only, Holt–Winters for dense ones with a short season.
"""

import numpy as np

from rfid3_demand.model import intermittent, naive, seasonal, smoothing
from rfid3_demand.model.panel import MINIMUM_OBSERVATIONS, observations
from rfid3_demand.model.tree_features import TreeData

INTERMITTENT_FROM = 1.32
LONGEST_HOLT_WINTERS_SEASON = 24
LONGEST_FILTER = 1500
"""Filters look at this many recent steps: older ones no longer move the level."""


def statistical(data: TreeData, cut: int, horizon: int) -> dict[str, np.ndarray]:
    """Forecasts (nodes, H) by method name; NaN where a method does not apply."""
    y = data.y[:, max(0, cut - LONGEST_FILTER) : cut]
    season = max(data.seasons, default=1)
    profile = seasonal.profile(y, data.seasons, data.multiplicative, data.relatives)
    past, future = seasonal.factors(profile, y.shape[1], horizon)
    x = y / past if data.multiplicative else y - past

    def restored(flat: np.ndarray) -> np.ndarray:
        return np.asarray(flat * future if data.multiplicative else flat + future)

    count = observations(y)
    sparse = (intermittent.mean_interval(y) >= INTERMITTENT_FROM) & (np.nanmin(np.where(np.isfinite(y), y, 0.0), axis=1) >= 0)
    enough = count >= MINIMUM_OBSERVATIONS
    adida, imapa = intermittent.adida_and_imapa(x, horizon)
    result = {
        "seasonal_naive": np.where((count >= season)[:, None], naive.seasonal_naive(y, horizon, season), np.nan),
        "moving_average_4": restored(naive.window_mean(x, horizon, 4)),
        "moving_average_13": restored(naive.window_mean(x, horizon, 13)),
        "ets": restored(smoothing.ets(x, horizon)),
        "theta": restored(smoothing.theta(x, horizon)),
        "croston_sba": _only(sparse, restored(intermittent.croston_sba(x, horizon))),
        "tsb": _only(sparse, restored(intermittent.tsb(x, horizon))),
        "adida": _only(sparse, restored(adida)),
        "imapa": _only(sparse, restored(imapa)),
    }
    if data.seasons and data.seasons[0] <= LONGEST_HOLT_WINTERS_SEASON and y.shape[1] >= 3 * data.seasons[0]:
        short = seasonal.profile(y, data.seasons[:1], data.multiplicative, data.relatives)
        dense = ~sparse & (count >= 3 * data.seasons[0])
        if dense.any():
            result["holt_winters"] = np.full((len(y), horizon), np.nan)
            result["holt_winters"][dense] = smoothing.holt_winters(y[dense], horizon, short[dense], data.multiplicative)
    result = {name: _only(enough, values) for name, values in result.items()}
    result["pooled"] = _only(~enough, restored(naive.pooled_level(x, horizon, data.relatives)))
    if data.counts:
        result = {name: np.maximum(values, 0.0) for name, values in result.items()}
    return result


def _only(rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.where(rows[:, None], values, np.nan)
