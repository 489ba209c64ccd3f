"""What do the usual peers say? statsforecast's models, series by series, with the settings they come with."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from rfid3_demand.evaluation.rolling import Window
from rfid3_demand.evaluation.said import LEVELS, Contender, Said, Share, exogenous, observed, series_in_turn

STATSFORECAST = ("SeasonalNaive", "AutoETS", "AutoARIMA", "AutoTheta", "CrostonOptimized")
POINT_ONLY = ("CrostonOptimized",)
_CENTRAL = (20, 40, 60, 80, 95)
"""Central intervals, in percent, whose ends are LEVELS."""


def _answer(name: str, windows: Sequence[Window], share: Share) -> Iterator[Said]:
    import statsforecast.models

    kind = getattr(statsforecast.models, name)
    model = kind() if name in POINT_ONLY else kind(season_length=share.season)
    for k, row in series_in_turn(windows, share):
        began = perf_counter()
        at = np.array([row])
        try:
            mean, quantiles = _one(name, model, windows[k], row)
        except Exception as fault:  # noqa: BLE001 - whatever a peer stumbles over is its answer for this series
            yield Said(name, k, at, None, None, perf_counter() - began, f"{type(fault).__name__}: {fault}"[:200])
            continue
        yield Said(name, k, at, mean[None], None if quantiles is None else quantiles[None], perf_counter() - began)


def _one(name: str, model: Any, window: Window, row: int) -> tuple[np.ndarray, np.ndarray | None]:
    y, horizon = observed(window, row), window.horizon
    if name in POINT_ONLY:
        return np.asarray(model.forecast(y, horizon)["mean"], dtype=float), None
    regressors = exogenous(window, row) if name == "AutoARIMA" else None
    options = {} if regressors is None else {"X": regressors[: len(y)], "X_future": regressors[len(y) :]}
    said = model.forecast(y, horizon, level=list(_CENTRAL), **options)
    mean = np.asarray(said["mean"], dtype=float)
    return mean, np.stack([_quantile(said, mean, level) for level in LEVELS], axis=1)


def _quantile(said: dict[str, Any], mean: np.ndarray, level: float) -> np.ndarray:
    if level == 0.5:  # their intervals are symmetric around the point forecast
        return mean
    central = round(100 * abs(1 - 2 * level))
    return np.asarray(said[f"{'lo' if level < 0.5 else 'hi'}-{central}"], dtype=float)


PEERS = tuple(Contender(name, "peer", partial(_answer, name), processes=2, needs="statsforecast") for name in STATSFORECAST)
