"""What would M4's benchmark say? Naive2: the last value of the series without its season, with the season put back.

Source: Makridakis, Spiliotis and Assimakopoulos 2020, and the competition's published R code: the season is taken out by classical
multiplicative decomposition when the autocorrelation at its lag is significant at 90 %.
"""

import numpy as np

CRITICAL = 1.645
"""Two-sided 90 % point of the normal distribution."""


def naive_two(history: np.ndarray, horizon: int, season: int) -> np.ndarray:
    """Forecast (H,) of one series (T,) without holes."""
    y = np.asarray(history, dtype=float)
    indices = seasonal_indices(y, season) if is_seasonal(y, season) else np.ones(max(season, 1))
    if not (np.isfinite(indices).all() and (indices > 0).all()):
        indices = np.ones(len(indices))
    phase = (len(y) + np.arange(horizon)) % len(indices)
    return np.asarray(y[-1] / indices[(len(y) - 1) % len(indices)] * indices[phase])


def is_seasonal(y: np.ndarray, season: int) -> bool:
    """Whether the autocorrelation at the seasonal lag exceeds its 90 % limit, with at least three seasons seen."""
    if season <= 1 or len(y) < 3 * season:
        return False
    centred = y - y.mean()
    power = float(centred @ centred)
    if power <= 0:
        return False
    r = np.array([centred[lag:] @ centred[:-lag] for lag in range(1, season + 1)]) / power
    limit = CRITICAL * np.sqrt((1 + 2 * float(r[:-1] @ r[:-1])) / len(y))
    return bool(abs(r[-1]) > limit)


def seasonal_indices(y: np.ndarray, season: int) -> np.ndarray:
    """Multiplicative indices (season,) by position from the first step, averaging 1: ratios to a centred moving average."""
    width = season if season % 2 else season + 1
    weight = np.ones(width) / season
    if season % 2 == 0:
        weight[[0, -1]] /= 2
    half = width // 2
    trend = np.full(len(y), np.nan)
    trend[half : len(y) - half] = np.convolve(y, weight, mode="valid")
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = y / trend
    means = np.array([np.mean(part[np.isfinite(part)]) if np.isfinite(part).any() else np.nan for part in
                      (ratio[at::season] for at in range(season))])  # fmt: skip
    return np.asarray(means / means.mean())
