"""What does Prophet say, where it is installed? With its defaults, and the regressors that are known ahead."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import perf_counter
from typing import Any

import numpy as np
import polars as pl

from rfid3_demand.evaluation.rolling import Window
from rfid3_demand.evaluation.said import LEVELS, Contender, Said, Share, exogenous, observed, series_in_turn
from rfid3_shared.series import future_dates

NAME = "Prophet"


def _answer(windows: Sequence[Window], share: Share) -> Iterator[Said]:
    import prophet

    for k, row in series_in_turn(windows, share):
        began = perf_counter()
        at = np.array([row])
        try:
            mean, quantiles = _one(prophet.Prophet, windows[k], row)
        except Exception as fault:  # noqa: BLE001 - whatever a peer stumbles over is its answer for this series
            yield Said(NAME, k, at, None, None, perf_counter() - began, f"{type(fault).__name__}: {fault}"[:200])
            continue
        yield Said(NAME, k, at, mean[None], quantiles[None], perf_counter() - began)


def _one(kind: Any, window: Window, row: int) -> tuple[np.ndarray, np.ndarray]:
    y, panel = observed(window, row), window.panel
    behind = 0 if panel.offset is None else int(panel.offset[row])
    dates = [*panel.dates, *future_dates(panel.dates[-1], panel.frequency, window.horizon)]
    end = len(dates) - behind
    if isinstance(dates[0], int):
        raise ValueError("ds are whole numbers, not dates")
    frame = pl.DataFrame({"ds": dates[end - len(y) - window.horizon : end]}).to_pandas()
    model = kind()
    regressors = exogenous(window, row)
    for column in range(0 if regressors is None else regressors.shape[1]):
        model.add_regressor(f"x{column}")
        frame[f"x{column}"] = np.asarray(regressors)[:, column]
    model.fit(frame.iloc[: len(y)].assign(y=y), seed=1)
    ahead = frame.iloc[len(y) :]
    mean = model.predict(ahead)["yhat"].to_numpy(dtype=float)
    np.random.seed(1)  # Prophet samples its intervals from numpy's global generator
    sample = model.predictive_samples(ahead)["yhat"]
    return mean, np.quantile(sample, LEVELS, axis=1).T


PROPHET = Contender(NAME, "peer", _answer, processes=2, needs="prophet")
