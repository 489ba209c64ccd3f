"""Which regressors of a long table are known ahead, which only for the past, and which series lack what others have? Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import polars as pl

from rfid3_demand.model.own_checks import PERIOD
from rfid3_shared.series import KEY, TARGET, TIME

Known = dict[str, np.ndarray]


def cells(frame: pl.DataFrame, place: dict[Any, int], last: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
    """Row and column of each row of the frame in an array aligned at the series' last steps; columns may lie outside."""
    rows = np.array([place[name] for name in frame[KEY].to_list()], dtype=int)
    return rows, length - 1 - (last[rows] - frame[PERIOD].to_numpy())


def regressors(
    frame: pl.DataFrame, future: pl.DataFrame | None, place: dict[Any, int], last: np.ndarray, length: int, horizon: int,
    periods: Callable[[pl.Series], np.ndarray],
) -> tuple[Known, Known, list[str], dict[Any, str]]:  # fmt: skip
    """Regressors known ahead (n, T+H) and those of the past only (n, T), holes carried forward; notes; series that lack some.

    A column no series has complete future values of is used for the past only, which a note says. Where some series have them,
    those without are named with the reason.
    """
    names = [name for name in frame.columns if name not in (KEY, TIME, TARGET, PERIOD)]
    known: Known = {}
    past: Known = {}
    notes: list[str] = []
    lacking: dict[Any, str] = {}
    if not names:
        return known, past, notes, lacking
    frame = frame.filter(pl.col(KEY).is_in(list(place)))
    rows, columns = cells(frame, place, last, length)
    inside = (columns >= 0) & (columns < length + horizon)
    if future is not None:
        future = future.with_columns(pl.Series(PERIOD, periods(future[TIME]))).filter(pl.col(KEY).is_in(list(place)))
        ahead = cells(future, place, last, length)
        use = (ahead[1] >= length) & (ahead[1] < length + horizon)
    for name in names:
        values = np.full((len(place), length + horizon), np.nan)
        values[rows[inside], columns[inside]] = frame[name].cast(pl.Float64).to_numpy()[inside]
        offered = future is not None and name in future.columns
        if future is not None and offered:
            values[ahead[0][use], ahead[1][use]] = future[name].cast(pl.Float64).to_numpy()[use]
        missing = ~np.isfinite(values[:, length:]).all(axis=1)
        if not missing.any():
            known[name] = carried(values)
        elif missing.all() or not offered:
            past[name] = carried(values[:, :length])
            if offered:
                notes.append(f"{name} lacks future values ({horizon} steps after each series' last date are needed): past only")
        else:
            for k in np.flatnonzero(missing):
                lacking[list(place)[int(k)]] = (
                    f"The future lacks values of {name!r} for series {list(place)[int(k)]!r}: "
                    f"{horizon} steps after its last date are needed."
                )
    return known, past, notes, lacking


def carried(values: np.ndarray) -> np.ndarray:
    """Holes take the value before them, leading ones the first value, rows without any 0."""
    index = np.where(np.isfinite(values), np.arange(values.shape[1]), 0)
    result = np.take_along_axis(values, np.maximum.accumulate(index, axis=1), axis=1)
    first = np.argmax(np.isfinite(values), axis=1)
    lead = values[np.arange(len(values)), first]
    return np.nan_to_num(np.where(np.isfinite(result), result, lead[:, None]))
