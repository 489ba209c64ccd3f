"""What does LightGBM with its defaults say? Lags, season and calendar of one table over all series, one model per level."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter

import numpy as np

from rfid3_demand.evaluation.rolling import Window
from rfid3_demand.evaluation.said import LEVELS, Contender, Said, Share
from rfid3_shared.lean_lightgbm import lightgbm_here
from rfid3_shared.series import future_dates

NAME = "LightGBM"
MOST_ROWS = 200_000
RECENT = 8


def _answer(windows: Sequence[Window], share: Share) -> Iterator[Said]:
    for k, window in enumerate(windows):
        began = perf_counter()
        try:
            mean, quantiles = _one(window, share.season)
        except Exception as fault:  # noqa: BLE001 - whatever a peer stumbles over is its answer
            yield Said(NAME, k, np.arange(len(window.truth)), None, None, perf_counter() - began, str(fault)[:200])
            continue
        yield Said(NAME, k, np.arange(len(window.truth)), mean, quantiles, perf_counter() - began)


def _one(window: Window, season: int) -> tuple[np.ndarray, np.ndarray]:
    lightgbm = lightgbm_here()

    y, horizon = window.panel.y, window.horizon
    length, calendar = y.shape[1], _calendar(window)
    origins = np.arange(min(season + RECENT, length // 2), length)
    most = max(1, MOST_ROWS // (len(y) * min(horizon, 8)))
    origins = origins[np.unique(np.linspace(0, len(origins) - 1, min(most, len(origins))).round().astype(int))]
    tables, targets = [], []
    for cut in origins:
        steps = np.unique(np.linspace(1, min(horizon, length - cut), 8).round().astype(int))
        tables.append(_rows(window, calendar, int(cut), steps, season))
        targets.append(y[:, cut - 1 + steps].ravel())
    x, target = np.vstack(tables), np.concatenate(targets)
    ok = np.isfinite(target)
    ahead = _rows(window, calendar, length, np.arange(1, horizon + 1), season)

    def fitted(**objective: object) -> np.ndarray:
        model = lightgbm.train({"num_threads": 2, "verbosity": -1, **objective}, lightgbm.Dataset(x[ok], target[ok]))
        return np.asarray(model.predict(ahead)).reshape(-1, horizon)

    quantiles = np.stack([fitted(objective="quantile", alpha=level) for level in LEVELS], axis=2)
    return fitted(), np.sort(quantiles, axis=2)


def _rows(window: Window, calendar: np.ndarray, cut: int, steps: np.ndarray, season: int) -> np.ndarray:
    """One row per series and step: recent values, the same phase of the last seasons, step, calendar, known regressors."""
    y, n = window.panel.y[:, :cut], len(window.panel.y)
    recent = np.stack([y[:, -lag] if lag <= cut else np.full(n, np.nan) for lag in range(1, RECENT + 1)], axis=1)
    parts = [np.repeat(np.column_stack([recent, np.arange(n)]), len(steps), axis=0), np.tile(steps, n)[:, None].astype(float)]
    for seasons in (1, 2):
        lag = season * seasons - (steps - 1) % season
        column = np.where(lag <= cut, cut - lag, 0)
        parts.append(np.where(lag <= cut, y[:, column], np.nan).reshape(-1, 1))
    parts.append(np.tile(calendar[cut - 1 + steps], (n, 1)))
    for values in window.panel.known.values():
        full = np.broadcast_to(values, (n, values.shape[-1]))
        parts.append(full[:, cut - 1 + steps].reshape(-1, 1))
    return np.hstack(parts)


def _calendar(window: Window) -> np.ndarray:
    """Month, weekday, hour and day of year per step, (T + H, 4); the phase alone for whole numbers."""
    panel = window.panel
    dates = [*panel.dates, *future_dates(panel.dates[-1], panel.frequency, window.horizon)]
    if isinstance(dates[0], int):
        return np.array([[day % panel.season, 0, 0, 0] for day in dates], dtype=float)
    return np.array(
        [[day.month, day.weekday(), getattr(day, "hour", 0), day.timetuple().tm_yday] for day in dates], dtype=float
    )


LIGHTGBM = Contender(NAME, "peer", _answer, needs="lightgbm")
