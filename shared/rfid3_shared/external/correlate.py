"""Which outside factor goes with demand some weeks later, beyond season, chance and the memory that both series have? Pure.

1. Logarithms of the metric; factor and metric lose season, trend and holidays by the same regression. Two years or more: three
   yearly harmonics and a line. Less: differences against the mean of the four weeks before, and one yearly wave.
2. Pre-whitening (Box and Jenkins 1976, chapter 11): both go through the AR(1) filter that makes the factor white, or two series that
   merely drift slowly would seem to go together. What autocorrelation is left shrinks the number of weeks (Bartlett 1946).
3. Fisher's z gives interval and p-value, with the regressors taken off the weeks; Benjamini and Yekutieli's q makes up for all
   factors, metrics and lags that were tried, however they depend on each other.

A correlation is not a cause, and each of these choices costs some power: what is left is worth a second look, no more.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from rfid3_shared.external.correlation import NEEDED_WEEKS, Correlation

Array = NDArray[np.float64]
Name = tuple[str, str]
LAGS = tuple(range(9))
SEASON_WEEKS = 104
HARMONICS, SHORT_HARMONICS = 3, 1
BASELINE_WEEKS = 4
YEAR_DAYS = 365.2425
MEMORY_WEEKS = 13
"""Autocorrelation beyond a quarter is not estimated: it would be noise."""
MOST_PHI = 0.98
Z_95 = 1.959963984540054
LONG_METHOD = f"season as {HARMONICS} yearly harmonics, with a line and holidays, taken out"
SHORT_METHOD = "differences from the mean of the four weeks before, one yearly wave and holidays taken out"


@dataclass(frozen=True)
class Analysis:
    """What came of it."""

    correlations: list[Correlation]
    """Every factor, metric and lag that was tried."""
    not_enough: list[tuple[str, str, int]]
    """factor_type, factor_name and its weeks beside demand, of factors with too few."""
    unvarying: list[Name]
    """Factors that are the same in every week, or nothing but season."""
    method: str
    """How season was taken out, in plain words."""


@dataclass(frozen=True)
class _Tried:
    name: Name
    metric: str
    lag: int
    r: float
    lower: float
    upper: float
    p: float
    overlap: int


def analyse(
    weeks: Sequence[date], metrics: Mapping[str, Array], factors: Mapping[Name, Array], nuisance: Array | None = None,
    lags: Sequence[int] = LAGS,
) -> Analysis:  # fmt: skip
    """Correlations of each factor with each metric `lags` weeks later.

    weeks: Mondays, equally spaced, T. metrics, factors: (T,) each, NaN where unknown; metrics are not negative. nuisance: (T, k) of
    what shall not count as a link, such as holidays. A factor with fewer than NEEDED_WEEKS weeks beside a metric is not tried with it.
    """
    other = np.empty((len(weeks), 0)) if nuisance is None else nuisance
    tried: list[_Tried] = []
    not_enough, unvarying, methods = [], [], set()
    for name, factor in sorted(factors.items()):
        overlaps = {metric: int((np.isfinite(factor) & np.isfinite(values)).sum()) for metric, values in metrics.items()}
        if max(overlaps.values(), default=0) < NEEDED_WEEKS:
            not_enough.append((*name, max(overlaps.values(), default=0)))
            continue
        found: list[_Tried] = []
        for metric in (metric for metric, overlap in overlaps.items() if overlap >= NEEDED_WEEKS):
            pair = _without_season(weeks, factor, np.log1p(metrics[metric]), other)
            if pair is not None:
                methods.add(LONG_METHOD if overlaps[metric] >= SEASON_WEEKS else SHORT_METHOD)
                found += _at_lags(name, metric, overlaps[metric], *pair, lags)
        tried += found
        if not found:
            unvarying.append(name)
    q = benjamini_yekutieli(np.array([one.p for one in tried]))
    correlations = [
        Correlation(*one.name, one.metric, one.lag, _short(one.r), _short(one.lower), _short(one.upper), one.p, float(share), one.overlap)
        for one, share in zip(tried, q, strict=True)
    ]  # fmt: skip
    return Analysis(correlations, not_enough, unvarying, "; ".join(sorted(methods)))


def benjamini_yekutieli(p: Array) -> Array:
    """q-values of p-values, (m,) each, valid under any dependence. Benjamini and Yekutieli 2001, Annals of Statistics 29."""
    m = len(p)
    if not m:
        return p
    order = np.argsort(p, kind="stable")[::-1]
    rank = np.arange(m, 0, -1)
    raw = p[order] * m * (1.0 / np.arange(1, m + 1)).sum() / rank
    q = np.empty(m)
    q[order] = np.minimum(1.0, np.minimum.accumulate(raw))
    return q


def weekly_mean(days: Mapping[date, float], weekdays: Sequence[int], weeks: Sequence[date]) -> Array:
    """A daily factor by week, (T,): the mean of its values; NaN where fewer than half of the weekdays it is told on have one."""
    total, count = dict.fromkeys(weeks, 0.0), dict.fromkeys(weeks, 0)
    for day, value in days.items():
        monday = date.fromordinal(day.toordinal() - day.weekday())
        if monday in total:
            total[monday] += value
            count[monday] += 1
    needed = max(1, math.ceil(len(weekdays) / 2))
    return np.array([total[week] / count[week] if count[week] >= needed else np.nan for week in weeks])


def _without_season(weeks: Sequence[date], factor: Array, metric: Array, nuisance: Array) -> tuple[Array, Array, int] | None:
    """Both series without season over the weeks that both have, and how many regressors that took; None when nothing is left."""
    both = np.flatnonzero(np.isfinite(factor) & np.isfinite(metric))
    inside = slice(both[0], both[-1] + 1)
    x, y, extra = factor[inside], metric[inside], nuisance[inside]
    ordinal = np.array([week.toordinal() for week in weeks[inside]], float)
    long = len(both) >= SEASON_WEEKS
    if not long:
        x, y, extra = _from_baseline(x), _from_baseline(y), _from_baseline(extra)
    angle = 2 * np.pi * ordinal / YEAR_DAYS
    waves = [wave(k * angle) for k in range(1, (HARMONICS if long else SHORT_HARMONICS) + 1) for wave in (np.sin, np.cos)]
    line = [np.ones(len(x))] + ([(ordinal - ordinal.mean()) / YEAR_DAYS] if long else [])
    design = np.column_stack([*line, *waves, extra])
    scale = float(np.nanstd(x))
    left, taken = _residuals(x, design)
    rest, _ = _residuals(y, design)
    if not scale or np.nanstd(left) < 1e-9 * max(scale, 1.0) or np.nanstd(rest) < 1e-9:
        return None
    return left, rest, taken


def _from_baseline(x: Array) -> Array:
    """Differences from the mean of the weeks before; the first weeks have none."""
    before = np.stack([np.concatenate([np.full((k, *x.shape[1:]), np.nan), x[:-k]]) for k in range(1, BASELINE_WEEKS + 1)])
    return np.asarray(x - before.mean(axis=0))


def _residuals(x: Array, design: Array) -> tuple[Array, int]:
    """What the design does not explain, NaN where x or the design is, and the design's rank."""
    known = np.isfinite(x) & np.isfinite(design).all(axis=1)
    if not known.any():
        return np.full(len(x), np.nan), 0
    coefficients, _, rank, _ = np.linalg.lstsq(design[known], x[known], rcond=None)
    left = np.full(len(x), np.nan)
    left[known] = x[known] - design[known] @ coefficients
    return left, int(rank)


def _at_lags(name: Name, metric: str, overlap: int, x: Array, y: Array, taken: int, lags: Sequence[int]) -> list[_Tried]:
    phi = _first_autocorrelation(x)
    white_x, white_y = x[1:] - phi * x[:-1], y[1:] - phi * y[:-1]
    memory = 1 + 2 * sum(weight * of_x * of_y for weight, of_x, of_y in _memory(white_x, white_y))
    tried = []
    for lag in lags:
        a, b = white_x[: len(white_x) - lag], white_y[lag:]
        known = np.isfinite(a) & np.isfinite(b)
        # the constant is one of those taken, and Fisher's three count it
        weeks = known.sum() / max(1.0, memory) - (taken - 1) - 3
        if weeks < 1 or not a[known].std() or not b[known].std():
            continue
        r = float(np.clip(np.corrcoef(a[known], b[known])[0, 1], -0.999999, 0.999999))
        z, error = math.atanh(r), 1.0 / math.sqrt(weeks)
        p = math.erfc(abs(z) / error / math.sqrt(2))
        tried.append(_Tried(name, metric, lag, r, math.tanh(z - Z_95 * error), math.tanh(z + Z_95 * error), p, overlap - lag))
    return tried


def _memory(a: Array, b: Array) -> list[tuple[float, float, float]]:
    """Per lag: its weight, and the autocorrelations of both."""
    n = len(a)
    return [
        (1 - k / n, _autocorrelation(a, k), _autocorrelation(b, k)) for k in range(1, min(MEMORY_WEEKS, n // 4) + 1)
    ]  # fmt: skip


def _autocorrelation(x: Array, lag: int) -> float:
    centred = x - np.nanmean(x)
    variance = float(np.nanmean(centred**2))
    products = centred[lag:] * centred[:-lag]
    known = np.isfinite(products)
    # divided by all weeks, so that far lags with few pairs weigh little
    return float(products[known].sum() / max(1, np.isfinite(x).sum()) / variance) if variance and known.any() else 0.0


def _first_autocorrelation(x: Array) -> float:
    """AR(1) coefficient, its bias in short series corrected (Kendall 1954)."""
    n = int(np.isfinite(x).sum())
    phi = _autocorrelation(x, 1) * n / max(1, n - 1)
    return float(np.clip(phi + (1 + 3 * phi) / n, -MOST_PHI, MOST_PHI))


def _short(value: float) -> float:
    return round(value, 6)
