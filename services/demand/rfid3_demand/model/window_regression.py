"""What do the last weeks' values say of the next steps, in all series alike and in each one by itself?

A linear regression from a window of normalised values to every step ahead at once (direct, multi-step), so that hour of day,
day of week and their interplay need no model of their own. First one ridge regression over the windows of all series; then,
per series, the correction its own windows ask for, shrunk towards none (a Gaussian prior around the pooled coefficients).
Sources: Hoerl & Kennard 1970; Montero-Manso & Hyndman 2021 (global linear models); Zeng et al. 2023 (linear maps of windows).
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

CLIP = 6.0
"""Normalised values beyond this are outliers, and one of them must not turn the coefficients."""
POOLED_PENALTY = 3e-3
"""Ridge penalty in units of the mean square of a column."""
OWN_PENALTY = 500.0
"""Precision of the prior around the pooled coefficients."""
MOST_OWN_WINDOWS, MOST_POOLED_WINDOWS = 120, 30_000
LEAST_WINDOWS = 100
CELLS_AT_ONCE = 1_000_000
FLOOR = 1e-3
"""Before taking logarithms values below this part of a series' mean are raised to it."""


def look_back(seasons: tuple[int, ...], steps: int, horizon: int) -> int:
    """Steps of a window: two of the longest season, three of a short one; 0 where the history is too short for it."""
    if not seasons:
        return 0
    longest = max(seasons)
    wanted = max(2 * longest, min(3 * longest, 36))
    return wanted if steps >= wanted + horizon + longest else 0


def forecasts(y: np.ndarray, horizon: int, seasons: tuple[int, ...], positive: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """Forecasts (n, H) by the pooled coefficients and by each series' own; NaN for series shorter than a window.

    y: (n, T), NaN before a series began. positive: work on logarithms. None where there are too few windows to learn from.
    """
    look = look_back(seasons, y.shape[1], horizon)
    if not look:
        return None
    z = _logarithms(y) if positive else y
    near = min(seasons)
    coefficients = _pooled(z, look, horizon, near)
    if coefficients is None:
        return None
    last, centre, unit = _normalised(z[:, None, -look:], near, look)
    usable = np.isfinite(z[:, -look:]).all(axis=1)
    common = np.clip(last[:, 0] @ coefficients, -CLIP, CLIP)
    own = np.clip(common + _own_correction(z, last[:, 0], coefficients, look, horizon, near), -CLIP, CLIP)
    said = [np.where(usable[:, None], centre + unit * part, np.nan) for part in (common, own)]
    return (np.exp(said[0]), np.exp(said[1])) if positive else (said[0], said[1])


def _logarithms(y: np.ndarray) -> np.ndarray:
    seen = np.isfinite(y)
    mean = np.where(seen, y, 0.0).sum(axis=1, keepdims=True) / np.maximum(seen.sum(axis=1, keepdims=True), 1)
    return np.asarray(np.log(np.maximum(y, np.maximum(FLOOR * mean, 1e-9))))


def _normalised(windows: np.ndarray, near: int, look: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Windows (n, W, L) as (n, W, look + 1) with a constant, in units of spread around the last `near` values; centre, unit."""
    past = windows[..., :look]
    centre = past[..., -near:].mean(axis=-1, keepdims=True)
    unit = np.sqrt(((past - centre) ** 2).mean(axis=-1, keepdims=True))
    unit = np.where(unit > 1e-6 * (np.abs(centre) + 1.0), unit, np.inf)  # a flat window says nothing
    scaled = np.clip((past - centre) / unit, -CLIP, CLIP)
    return (
        np.concatenate([scaled, np.ones_like(centre)], axis=-1),
        centre[:, 0],
        np.where(np.isfinite(unit), unit, 0.0)[:, 0],
    )


def _blocks(z: np.ndarray, look: int, horizon: int, near: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Inputs (n, W, look + 1) and targets (n, W, H) of evenly picked windows, newest last; zeros where one is not whole."""
    windows = sliding_window_view(z, look + horizon, axis=1)
    picks = np.unique(np.linspace(windows.shape[1] - 1, 0, min(most, windows.shape[1])).round().astype(int))
    windows = windows[:, picks]
    whole = np.isfinite(windows).all(axis=-1, keepdims=True)
    past = windows[..., :look]
    centre = past[..., -near:].mean(axis=-1, keepdims=True)
    unit = np.sqrt(((past - centre) ** 2).mean(axis=-1, keepdims=True))
    whole &= np.nan_to_num(unit) > 1e-6 * (np.abs(np.nan_to_num(centre)) + 1.0)
    scaled = np.where(whole, np.clip((windows - centre) / np.where(whole, unit, 1.0), -CLIP, CLIP), 0.0)
    return np.concatenate([scaled[..., :look], whole.astype(float)], axis=-1), scaled[..., look:]


def _chunks(series: int, cells: int) -> list[slice]:
    size = max(1, CELLS_AT_ONCE // max(cells, 1))
    return [slice(k, k + size) for k in range(0, series, size)]


def _pooled(z: np.ndarray, look: int, horizon: int, near: int) -> np.ndarray | None:
    """Coefficients (look + 1, H) of the ridge regression over the windows of all series."""
    places = z.shape[1] - look - horizon + 1
    most = int(np.clip(MOST_POOLED_WINDOWS // max(len(z), 1), 4, places))
    gram, cross, count = np.zeros((look + 1, look + 1)), np.zeros((look + 1, horizon)), 0
    for rows in _chunks(len(z), most * (look + horizon)):
        x, target = _blocks(z[rows], look, horizon, near, most)
        x, target = x.reshape(-1, look + 1), target.reshape(-1, horizon)
        gram += x.T @ x
        cross += x.T @ target
        count += int(x[:, -1].sum())
    if count < LEAST_WINDOWS:
        return None
    penalty = np.full(look + 1, POOLED_PENALTY * np.trace(gram) / len(gram) + 1e-9)
    penalty[-1] = 1e-9
    return np.linalg.solve(gram + np.diag(penalty), cross)


def _own_correction(
    z: np.ndarray, last: np.ndarray, coefficients: np.ndarray, look: int, horizon: int, near: int
) -> np.ndarray:
    """What each series' own windows add to the pooled answer, (n, H): the posterior mean, in its kernel form."""
    added = np.zeros((len(z), horizon))
    most = min(MOST_OWN_WINDOWS, z.shape[1] - look - horizon + 1)
    for rows in _chunks(len(z), most * (look + horizon)):
        x, target = _blocks(z[rows], look, horizon, near, most)
        missed = target - x @ coefficients
        missed *= x[..., -1:]
        kernel = x @ x.transpose(0, 2, 1)
        kernel[:, np.arange(x.shape[1]), np.arange(x.shape[1])] += OWN_PENALTY
        near_now = np.einsum("nwl,nl->nw", x, np.nan_to_num(last[rows]))
        weight = np.linalg.solve(kernel, near_now[..., None])[..., 0]
        added[rows] = np.einsum("nw,nwh->nh", weight, missed)
    return added
