"""What is a series like: what kind of demand, which seasons, a trend, jumps of its level? Per series, for readers; pure.

Each finding comes from a test with measured false alarms: season_check for seasons, level_shifts for jumps, trend_check for a
trend. A straight line and jumps explain the same rise in two ways; the one that needs less (Bayesian information criterion) is
reported. The methods use none of it: shrunken profiles give a series without a season none, and history before a jump helps.
"""

from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import numpy as np

from rfid3_demand.model import level_shifts, season_check, trend_check
from rfid3_demand.model.deseasoned import deseasoned
from rfid3_shared import evaluate

LEAST_OBSERVATIONS = 12
"""Shorter series are only given their kind."""
BLOCK = 1000
"""Series looked at together, so that memory stays bounded."""


@dataclass(frozen=True)
class Diagnosis:
    """Findings for n series."""

    periods: tuple[float, ...]
    """Periods that were looked for, in steps."""
    length: int
    """Columns."""
    kind: np.ndarray
    """(n,) smooth | erratic | intermittent | lumpy | none."""
    chance: np.ndarray
    """(n, periods) p-values; NaN where the history is too short for a test."""
    seasonal: np.ndarray
    """(n, periods) whether the season is there."""
    strength: np.ndarray
    """(n, periods) share of the variance it explains, 0 where it is not there."""
    trend: np.ndarray
    """(n,) whether the level rises or falls steadily."""
    slope: np.ndarray
    """(n,) units per step, 0 without a trend."""
    shift_at: np.ndarray
    """(n, MOST_SHIFTS) first column on a new level, ascending, -1 where there is none."""
    shift_from: np.ndarray
    """(n, MOST_SHIFTS) level before, 0 where there is none."""
    shift_to: np.ndarray
    """(n, MOST_SHIFTS) level from then on."""


def diagnose(y: np.ndarray, step: str, seasons: tuple[int, ...] = ()) -> Diagnosis:
    """Findings for every row of y (n, T), NaN before a series began.

    step: `1h` … `1y` as in `rfid3_shared.series.Frequency.step`; seasons: periods to test besides the calendar's.
    """
    periods = season_check.candidates_of(step, seasons)
    parts = [_block(y[start : start + BLOCK], periods) for start in range(0, max(len(y), 1), BLOCK)]
    per_series = [one.name for one in fields(Diagnosis) if one.name not in ("periods", "length")]
    return Diagnosis(
        periods, y.shape[1], **{name: np.concatenate([getattr(part, name) for part in parts]) for name in per_series}
    )


def _block(y: np.ndarray, periods: tuple[float, ...]) -> Diagnosis:
    chance, strength = season_check.chances(y, periods)
    enough = np.isfinite(y).sum(axis=1) >= LEAST_OBSERVATIONS
    seasonal = (np.nan_to_num(chance, nan=1.0) < season_check.FALSE_ALARMS) & enough[:, None]
    x = deseasoned(y, periods, seasonal)
    at = _jumps(np.where(enough[:, None], x, np.nan))
    trend, slope = trend_check.trend(x, at)
    trend &= enough
    slope = np.where(trend, slope, 0.0)
    level = level_shifts.levels(x - slope[:, None] * np.arange(x.shape[1]), at)[0]
    there, moved = at >= 0, slope[:, None] * at
    return Diagnosis(
        periods=periods, length=y.shape[1], kind=evaluate.classify_all(y), chance=chance, seasonal=seasonal,
        strength=np.where(seasonal, strength, 0.0), trend=trend, slope=slope, shift_at=at,
        shift_from=np.where(there, level[:, :-1] + moved, 0.0),
        shift_to=np.where(there, level[:, 1:] + moved, 0.0),
    )  # fmt: skip


def values(found: Diagnosis, row: int, stamp: Callable[[int], date | int | str]) -> dict[str, Any]:
    """One series' findings as plain values, as `findings.told` reads them: kind, and what else was found.

    stamp: what the caller calls a column.
    """
    kept: dict[str, Any] = {"kind": str(found.kind[row])}
    if found.seasonal[row].any():
        kept["seasons"] = [
            {"steps": period, "share": round(float(share), 4)}
            for period, share, there in zip(found.periods, found.strength[row], found.seasonal[row], strict=True) if there
        ]  # fmt: skip
    if found.trend[row]:
        kept["trend"] = _short(found.slope[row])
    if (places := np.flatnonzero(found.shift_at[row] >= 0)).size:
        kept["shifts"] = [
            {
                "at": stamp(int(found.shift_at[row, k])),
                "before": _short(found.shift_from[row, k]),
                "after": _short(found.shift_to[row, k]),
            }
            for k in places
        ]
    if len(kept) > 1 and np.isnan(found.chance[row]).any():
        kept["may_be_season"] = True
    return kept


def _short(value: float) -> float:
    return float(f"{float(value):.4g}")


def _jumps(x: np.ndarray) -> np.ndarray:
    """Jumps of the level, or those around a straight line where a line explains the series with less."""
    at, _ = level_shifts.shifts(x)
    rows = np.flatnonzero(at[:, 0] >= 0)
    if not len(rows):
        return at
    y = x[rows]
    slope, _, _ = trend_check.line(y, np.full((len(rows), 1), -1))
    bent, _ = level_shifts.shifts(y - slope[:, None] * np.arange(y.shape[1]))
    steps = _criterion(y, at[rows], np.zeros(len(rows)), 0)
    line = _criterion(y, bent, slope, 1)
    straight = line < steps
    at[rows[straight]] = bent[straight]
    return at


def _criterion(x: np.ndarray, at: np.ndarray, slope: np.ndarray, extra: int) -> np.ndarray:
    """Bayesian information criterion of levels between jumps around a line, (n,), for as many observations as are independent."""
    _, residual, _ = trend_check.line(x - slope[:, None] * np.arange(x.shape[1]), at)
    n = np.isfinite(x).sum(axis=1)
    free = n / trend_check.correlation_factor(x) ** 2
    parameters = 1 + extra + 2 * (at >= 0).sum(axis=1)
    return np.asarray(
        free * np.log(np.maximum(np.nansum(residual**2, axis=1) / np.maximum(n, 1), 1e-12)) + np.log(n + 1) * parameters
    )
