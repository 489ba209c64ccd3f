"""What is a series like: what kind of demand, which seasons, a trend, a jump of its level? Per series, for methods and readers.

Each finding comes from a test with a stated rate of false alarms (about 1 %): season_check for seasons, level_shifts for jumps,
and here a trend, whose error allows for neighbours that correlate. A straight line and jumps explain the same rise in two
ways; the one that needs less (Bayesian information criterion) is reported.
"""

from dataclasses import dataclass

import numpy as np

from rfid3_demand.model import level_shifts, season_check, trend_check
from rfid3_demand.model.deseasoned import deseasoned
from rfid3_shared import evaluate

LEAST_OBSERVATIONS = 12
"""Shorter series are only given their kind."""
_UNITS = {"1h": "hour", "1d": "day", "1w": "week", "1mo": "month", "1q": "quarter", "1y": "year"}
_NAMED = {("1h", 24): "day", ("1h", 168): "week", ("1d", 7): "week"}


@dataclass(frozen=True)
class Diagnosis:
    """Findings for n series."""

    step: str
    kind: np.ndarray
    """(n,) smooth | erratic | intermittent | lumpy | none."""
    periods: tuple[float, ...]
    """Candidate periods in steps."""
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
    shift_size: np.ndarray
    """(n, MOST_SHIFTS) new level less old one."""
    length: int
    """Columns that were looked at."""

    @property
    def last_shift(self) -> np.ndarray:
        """(n,) column where the present level began; 0 without a jump."""
        return np.asarray(np.maximum(self.shift_at.max(axis=1, initial=-1), 0))


def diagnose(y: np.ndarray, step: str, seasons: tuple[int, ...] = ()) -> Diagnosis:
    """Findings for every row of y (n, T), NaN before a series began.

    step: `1h` … `1y` as in `rfid3_shared.series.Frequency.step`; seasons: periods to test besides the calendar's.
    """
    periods = season_check.candidates_of(step, seasons)
    chance, strength = season_check.chances(y, periods)
    seen = np.isfinite(y)
    enough = seen.sum(axis=1) >= LEAST_OBSERVATIONS
    seasonal = (np.nan_to_num(chance, nan=1.0) < season_check.FALSE_ALARMS) & enough[:, None]
    x = deseasoned(y, periods, seasonal)
    at, size = _jumps(np.where(enough[:, None], x, np.nan))
    trend, slope = trend_check.trend(x, at)
    return Diagnosis(
        step=step,
        kind=evaluate.classify_all(y),
        periods=periods,
        chance=chance,
        seasonal=seasonal,
        strength=np.where(seasonal, strength, 0.0),
        trend=trend & enough,
        slope=np.where(trend & enough, slope, 0.0),
        shift_at=at,
        shift_size=size,
        length=y.shape[1],
    )


def describe(found: Diagnosis, row: int) -> str:
    """One series' findings in plain words, each with its number."""
    unit = _UNITS.get(found.step, "step")
    kind = str(found.kind[row])
    said = ["No demand yet" if kind == "none" else f"{kind.capitalize()} demand"]
    cycles = [
        f"{_period_name(found.step, period, unit)} ({found.strength[row, k]:.0%} of its variation)"
        for k, period in enumerate(found.periods)
        if found.seasonal[row, k]
    ]
    said.append(f"repeats every {' and every '.join(cycles)}" if cycles else "no season that stands out from chance")
    if found.trend[row]:
        way = "rising" if found.slope[row] > 0 else "falling"
        said.append(f"{way} by {abs(found.slope[row]):.3g} a {unit}")
    for at, size in zip(found.shift_at[row], found.shift_size[row], strict=True):
        if at >= 0:
            back = found.length - int(at)
            said.append(
                f"its level {'rose' if size > 0 else 'fell'} by {abs(size):.3g} {back} {unit}{'s' * (back != 1)} before the end"
            )
    return "; ".join(said) + "."


def since_last_shift(y: np.ndarray, found: Diagnosis) -> np.ndarray:
    """y (n, T) with NaN before the present level began."""
    return np.where(np.arange(y.shape[1])[None, :] >= found.last_shift[:, None], y, np.nan)


def _period_name(step: str, period: float, unit: str) -> str:
    named = _NAMED.get((step, round(period)))
    if (
        named is None
        and abs(period * {"1h": 1 / 24, "1d": 1, "1w": 7, "1mo": 30.4375, "1q": 91.3125}.get(step, 0) - 365.25) < 2
    ):
        named = "year"
    return named or f"{period:g} {unit}s"


def _jumps(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Jumps of the level, or those around a straight line where a line explains the series with less."""
    at, size = level_shifts.shifts(x)
    rows = np.flatnonzero(at[:, 0] >= 0)
    if not len(rows):
        return at, size
    y = x[rows]
    slope, _, _ = trend_check.line(y, np.full((len(rows), 1), -1))
    bent, bent_size = level_shifts.shifts(y - slope[:, None] * np.arange(y.shape[1]))
    steps = _criterion(y, at[rows], np.zeros(len(rows)), 0)
    line = _criterion(y, bent, slope, 1)
    straight = line < steps
    at[rows[straight]], size[rows[straight]] = bent[straight], bent_size[straight]
    return at, size


def _criterion(x: np.ndarray, at: np.ndarray, slope: np.ndarray, extra: int) -> np.ndarray:
    """Bayesian information criterion of levels between jumps around a line, (n,), for as many observations as are independent."""
    _, residual, _ = trend_check.line(x - slope[:, None] * np.arange(x.shape[1]), at)
    n = np.isfinite(x).sum(axis=1)
    free = n / trend_check.correlation_factor(x) ** 2
    parameters = 1 + extra + 2 * (at >= 0).sum(axis=1)
    return np.asarray(
        free * np.log(np.maximum(np.nansum(residual**2, axis=1) / np.maximum(n, 1), 1e-12)) + np.log(n + 1) * parameters
    )
