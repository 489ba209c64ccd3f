"""What do calendar, weather and other regressors say about one long series, and what does its memory add?

Dynamic regression in logarithms: weekday, a smooth year, regressors with curvature, events found on the way, and errors with a
local level (rooms calendar_terms, regressor_paths, interventions, whitening). One series at a time, so it speaks for few series
with a calendar or regressors only.
"""

from __future__ import annotations

import numpy as np

from rfid3_demand.model import calendar_terms, interventions, regressor_paths, whitening
from rfid3_demand.model.calendar_terms import Terms
from rfid3_demand.model.past import Past
from rfid3_demand.model.reach import within_reach
from rfid3_demand.model.whitening import Design, Fit

MOST_SERIES = 40
LONGEST = 2200
"""Six years of days: older ones cost time and tell little."""
LEAST_STEPS = 60
LEAST_MEAN = 5.0
"""Counts below this on average are no continuous quantity, and their logarithm is mostly the logarithm of zero."""
MOST_EVENTS = 40
MOST_YEARLY = 15
OFFSET = 0.02
"""Share of the usual size that is added before taking logarithms, so that a day without any demand has one."""
POWERS = (0.0, 0.5)
"""Scales on which effects add, logarithm and square root; their forecasts are averaged, since neither is right for long."""
START = {"week": 1.0, "year": 1.0, "mixed": 0.1, "yearly": 1.0, "linear": 0.3, "curved": 0.3, "codes": 0.3, "drift": 0.01}


def forecast(past: Past) -> np.ndarray | None:
    """(nodes, H); NaN for sparse, short and small series; None for many series, or with neither calendar nor regressors."""
    data = past.data
    if len(data.y) > MOST_SERIES or not (calendar_terms.has_year(data) or data.known or data.past):
        return None
    speaks = ~past.sparse & (past.count >= LEAST_STEPS)
    if data.counts:
        speaks &= np.nan_to_num(past.y).sum(axis=1) >= LEAST_MEAN * past.count
    result = np.full((len(data.y), past.horizon), np.nan)
    for node in np.flatnonzero(speaks):
        result[node] = _one(past, int(node))
    result[speaks] = within_reach(result[speaks], past.y[speaks])
    return result


def _one(past: Past, node: int) -> np.ndarray:
    data, cut = past.data, past.cut
    own_calendar = calendar_terms.has_year(data)
    low = max(int(np.isfinite(data.y[node, :cut]).argmax()), cut - (LONGEST if own_calendar else past.y.shape[1]))
    y = (data.y if own_calendar else _adjusted(past))[node, low:cut]
    y = _held(y)
    size = float(np.abs(y).mean())
    if size == 0 or np.ptp(y) == 0:
        return np.full(past.horizon, np.nan)
    small = OFFSET * float(np.median(y[y > 0])) if data.multiplicative else 0.0
    terms = _terms(past, node, low)
    day = calendar_terms.ordinal_days(data, node, low, cut + past.horizon) if own_calendar else None
    said = np.mean(
        [_in_units(y, size, small, power, terms, day) for power in (POWERS if data.multiplicative else (1.0,))], axis=0
    )
    if own_calendar:
        return np.asarray(said)
    return np.asarray(past.restored(np.repeat(said[None, :], len(data.y), axis=0))[node])


def _in_units(y: np.ndarray, size: float, small: float, power: float, terms: Terms, day: np.ndarray | None) -> np.ndarray:
    """The forecast made on a scale where effects add: logarithms for power 0."""
    if power == 1.0:
        return path_of(y / size, terms, len(y), day) * size
    share = (np.maximum(y, 0.0) + small) / size
    z = np.log(share) if power == 0.0 else share**power
    path = np.minimum(path_of(z, terms, len(y), day), z.max() + np.ptp(z))
    return np.asarray((np.exp(path) if power == 0.0 else np.maximum(path, 0.0) ** (1.0 / power)) * size - small)


def path_of(z: np.ndarray, terms: Terms, length: int, day: np.ndarray | None) -> np.ndarray:
    """The expected path (H,) of z (T,) given columns (T + H, p) and, where known, the day of the year of each step."""
    steps = len(terms.columns)
    x, block, relative = terms.columns, list(terms.block), list(terms.relative)
    x = np.hstack([x, np.ones((steps, 1)), ((np.arange(steps) - length) / 365.25)[:, None]])
    block, relative = [*block, "free", "drift"], [*relative, 1.0, 1.0]

    def design() -> Design:
        return Design(cleaned, x[:length], tuple(block), np.array(relative))

    cleaned = z
    fit = whitening.search(design(), Fit(whitening.FIRST, dict(START)), sweeps=1)
    for _ in range(2):
        if day is not None and "yearly" not in block:
            for number in interventions.yearly(fit.innovations, fit.memory, day[:length])[:MOST_YEARLY]:
                x = np.hstack([x, (day == number).astype(float)[:, None]])
                block, relative = [*block, "yearly"], [*relative, 1.0]
            fit = whitening.solve(design(), fit)
        for _ in range(MOST_EVENTS):
            kind, step, value = interventions.strongest(fit.innovations, fit.memory)
            if value < (interventions.SHIFT_FROM if kind == "shift" else interventions.PULSE_FROM):
                break
            x = np.hstack([x, interventions.column(kind, step, steps)[:, None]])
            block, relative = [*block, "free"], [*relative, 1.0]
            fit = whitening.solve(design(), fit)
        fit = whitening.search(design(), fit, sweeps=2)
    paths = []
    for memory in whitening.neighbours(fit.memory):
        other = whitening.solve(design(), Fit(memory, fit.spreads))
        explained = x @ other.coefficients
        ahead = whitening.extrapolate(z - explained[:length], other.innovations, memory, steps - length)
        paths.append(explained[length:] + ahead)
    return np.asarray(np.mean(paths, axis=0))


def _terms(past: Past, node: int, low: int) -> Terms:
    data, cut, high = past.data, past.cut, past.cut + past.horizon
    parts = [calendar_terms.terms(data, node, low, high)] if calendar_terms.has_year(data) else []
    season = calendar_terms.year(data, node, low, high, 2) if parts else np.empty((high - low, 0))
    for values in data.known.values():
        row = values if values.ndim == 1 else values[node]
        parts.append(regressor_paths.known_terms(row[low:high], cut - low))
    for values in data.past.values():
        row = values if values.ndim == 1 else values[node]
        parts.append(regressor_paths.forecast_terms(row[low:cut], season))
    return calendar_terms.join(parts)


def _adjusted(past: Past) -> np.ndarray:
    """The seasonally adjusted series in the columns of the whole."""
    pad = np.full((len(past.y), past.cut - past.y.shape[1]), np.nan)
    return np.hstack([pad, past.adjusted])


def _held(y: np.ndarray) -> np.ndarray:
    """Holes inside the series hold the value before them."""
    index = np.maximum.accumulate(np.where(np.isfinite(y), np.arange(len(y)), 0))
    return np.asarray(y[index])
