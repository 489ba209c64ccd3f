"""What can be known at an origin about the steps ahead? The one definition of the tree's features, for training and for
serving.

A row is (series, origin, step). An origin `c` knows columns < c of y, the calendar and known regressors of every step, and past
regressors < c; nothing else is read, which a test checks by perturbing the rest.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl

from rfid3_demand.model import seasonal

WINDOWS = (2, 4, 8, 13, 26, 52)
LAGS = 4
CAUSES = ("level", "season", "holidays", "weather", "trend", "regressors")
_CALENDAR = {"holiday": "holidays", "long_weekend": "holidays", "summer_weeks": "season", "graduation_weeks": "season"}
"""What the calendar knows by itself is no outside series."""
_WEATHER = ("temp", "rain", "precip", "snow", "wind", "hum", "weather", "sun", "cloud")


@dataclass(frozen=True)
class TreeData:
    """The panel as the tree sees it: nodes instead of bottom series."""

    y: np.ndarray
    """(nodes, T)."""
    seasons: tuple[int, ...]
    counts: bool
    multiplicative: bool
    static: dict[str, np.ndarray]
    calendar: dict[str, np.ndarray]
    """(T+H,) each."""
    known: dict[str, np.ndarray]
    """(T+H,) or (nodes, T+H)."""
    past: dict[str, np.ndarray]
    offset: np.ndarray
    """(nodes,) steps by which the node ends before the last date."""
    relatives: np.ndarray | None
    """(nodes,) codes whose pooled season is the prior."""
    yearly: np.ndarray | None = None
    """(T+H,) logarithm of the shape a year is believed to have before one was seen; None = nothing is believed."""

    def rows(self, at: np.ndarray | slice) -> TreeData:
        """The same of some nodes only."""
        return replace(
            self,
            y=self.y[at],
            static={name: codes[at] for name, codes in self.static.items()},
            known={name: values if values.ndim == 1 else values[at] for name, values in self.known.items()},
            past={name: values if values.ndim == 1 else values[at] for name, values in self.past.items()},
            offset=self.offset[at],
            relatives=None if self.relatives is None else self.relatives[at],
        )


@dataclass(frozen=True)
class Origin:
    """What is known at one origin, computed once and then gathered for any steps."""

    cut: int
    base: np.ndarray
    """(nodes,) level the tree corrects."""
    scale: np.ndarray
    """(nodes,) spread, for data that are not counts."""
    columns: dict[str, np.ndarray]
    profile: np.ndarray

    def rows(self, at: np.ndarray | slice) -> Origin:
        """The same of some nodes only."""
        columns = {name: values[at] for name, values in self.columns.items()}
        return Origin(self.cut, self.base[at], self.scale[at], columns, self.profile[at])


def calendar_of(dates: tuple[Any, ...], step: str) -> dict[str, np.ndarray]:
    """Calendar codes of each time stamp that vary within a year, week or day at this step; none for whole-number stamps."""
    if not dates or isinstance(dates[0], int | np.integer):
        return {}
    stamps = pl.Series(list(dates)).dt
    parts = {
        "1h": {"hour": "hour", "weekday": "weekday"},
        "1d": {"weekday": "weekday", "day": "day", "ordinal_day": "ordinal_day"},
        "1w": {"week": "week", "month_day": "day", "ordinal_day": "ordinal_day"},
        "1mo": {"month": "month"},
        "1q": {"month": "month"},
    }.get(step, {})
    return {f"calendar_{name}": getattr(stamps, call)().cast(pl.Float64).to_numpy() for name, call in parts.items()}


def cause_of(feature: str) -> str:
    """The cause a feature's contribution is booked to."""
    if feature.startswith(("calendar_", "season_")):
        return "season"
    if feature.startswith(("known_", "past_")):
        name = feature.split("_", 1)[1].lower()
        for own, cause in _CALENDAR.items():
            if own in name:
                return cause
        return "weather" if any(word in name for word in _WEATHER) else "regressors"
    return "trend" if feature.startswith("trend_") else "level"


def at_origin(data: TreeData, cut: int) -> Origin:
    """Everything that depends on the origin alone."""
    y = data.y[:, :cut]
    profile = seasonal.profile(y, data.seasons, data.multiplicative, data.relatives, counts=data.counts)
    laid, _ = seasonal.factors(profile, cut, 1)
    x = y / laid if data.multiplicative else y - laid
    means = {w: _tail_mean(x, w) for w in WINDOWS if w <= max(cut, 2)}
    short = means.get(8, means[max(w for w in means if w <= 8)])
    long = means[max(means)]
    base = np.where(np.isfinite(short), 0.6 * short + 0.4 * long, long)
    spread = _tail_mean(np.abs(np.diff(x[:, -53:], axis=1)), 52) if cut > 1 else np.full(len(y), np.nan)
    floor = 1e-3 if data.counts else 1e-9
    if data.counts:
        base = np.maximum(np.nan_to_num(base), 0.0) + 0.02
        scale = np.sqrt(base)
    else:
        scale = np.where(spread > 0, spread, np.maximum(np.abs(base), floor))
        base = np.nan_to_num(base)
        scale = np.where(np.isfinite(scale) & (scale > 0), scale, 1.0)
    columns: dict[str, np.ndarray] = {
        "level_log": np.log1p(np.abs(base)),
        "level_age": np.isfinite(y).sum(axis=1).astype(float),
    }
    unit = base if data.counts else scale
    centre = 0.0 if data.counts else base
    for lag in range(1, min(LAGS, cut) + 1):
        columns[f"level_lag_{lag}"] = (x[:, -lag] - centre) / unit
    for window, mean in means.items():
        columns[f"trend_mean_{window}"] = (mean - centre) / unit
    tail = x[:, -13:]
    columns["level_zero_share"] = _tail_mean((tail == 0).astype(float), 13)
    columns["level_variation"] = np.sqrt(np.maximum(_tail_mean(tail**2, 13) - _tail_mean(tail, 13) ** 2, 0.0)) / unit
    columns["level_since_demand"] = _steps_since_demand(y)
    for name, values in data.static.items():
        columns[f"static_{name}"] = values + 1.0  # LightGBM wants categories from 0; -1 says mixed
    for name, values in data.past.items():
        known = np.broadcast_to(values, (len(y), values.shape[-1]))[:, :cut]
        columns[f"past_{name}_4"] = _tail_mean(known, 4) - _tail_mean(known, 52)
    return Origin(cut, base, scale, columns, profile)


def rows(data: TreeData, origin: Origin, steps: np.ndarray) -> tuple[np.ndarray, list[str], np.ndarray, np.ndarray]:
    """Features of (node, step) pairs: (nodes*K, F), their names, the expected value before correction, and the unit of
    correction.

    steps: (nodes, K) steps ahead, 1-based.
    """
    n, k = steps.shape
    target = origin.cut - 1 + steps
    names, columns = ["season_step"], [steps.astype(float)]
    for name, values in origin.columns.items():
        names.append(name)
        columns.append(np.repeat(values[:, None], k, axis=1))
    m = origin.profile.shape[1]
    factor = (
        np.take_along_axis(origin.profile, (steps - 1) % m, axis=1)
        if m > 1
        else np.full((n, k), 1.0 if data.multiplicative else 0.0)
    )
    base = origin.base[:, None]
    expected = base * factor if data.multiplicative else base + factor
    unit = (
        expected
        if data.counts
        else origin.scale[:, None] * (np.maximum(factor, 0.1) if data.multiplicative else np.ones((n, k)))
    )
    names.append("season_factor")
    columns.append(factor if data.multiplicative else factor / origin.scale[:, None])
    for season in data.seasons:
        for years in (1, 2):
            back = target - season * (-(-steps // season) + years - 1)
            names.append(f"season_lag_{season}_{years}")
            value = np.take_along_axis(data.y, np.clip(back, 0, None), axis=1)
            ratio = (value - (0.0 if data.counts else expected)) / unit
            columns.append(np.where(back >= 0, ratio, np.nan))
    when = np.clip(target - data.offset[:, None], 0, None)
    for name, codes in data.calendar.items():
        names.append(name)
        columns.append(codes[when])
    for name, values in data.known.items():
        spread_out = np.broadcast_to(values, (n, values.shape[-1]))
        at = np.take_along_axis(spread_out, target, axis=1)
        recent = _tail_mean(spread_out[:, : origin.cut], 8)[:, None]
        names += [f"known_{name}", f"known_{name}_change"]
        columns += [at, at - recent]
    return np.stack([c.ravel() for c in columns], axis=1).astype(np.float32), names, expected.ravel(), unit.ravel()


def _tail_mean(x: np.ndarray, window: int) -> np.ndarray:
    tail = x[:, -window:]
    seen = np.isfinite(tail)
    count = seen.sum(axis=1)
    return np.asarray(np.divide(np.where(seen, tail, 0.0).sum(axis=1), count, out=np.full(len(x), np.nan), where=count > 0))


def _steps_since_demand(y: np.ndarray) -> np.ndarray:
    moved = np.nan_to_num(y) != 0
    return np.asarray(np.where(moved.any(axis=1), np.argmax(moved[:, ::-1], axis=1), y.shape[1]).astype(float))
