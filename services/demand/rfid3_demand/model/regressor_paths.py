"""What will temperature be next week when nobody says? Regressors as columns, and the columns that end today forecast.

A regressor known for the past only still tells which part of the past was weather. Its future is its usual value for the time of
the year plus a deviation that dies away (AR(1)). What is forecast are the columns the regression uses (value, square, each
code), so curved effects get the expectation of the square, not the square of the expectation. Its uncertainty enters through the
rolling origins: there too only forecasts of it are used, so the errors that intervals are learned from contain it. Pure.
"""

from __future__ import annotations

import numpy as np

from rfid3_demand.model.calendar_terms import Terms

MOST_CODES = 6
"""A regressor with so few different values is a code, not a quantity."""
WIDEST = 3.0
"""Standardised values are believed this far from the mean, further out they count as this far."""
SEASON_PRIOR = 4.0


def known_terms(values: np.ndarray, past: int) -> Terms:
    """Columns (T + H, p) of one regressor, standardised on its first `past` steps: value, square and cube, or one per code."""
    seen = values[:past]
    codes, count = np.unique(seen, return_counts=True)
    if len(codes) < 2:
        return Terms(np.empty((len(values), 0)), (), np.empty(0))
    if len(codes) <= MOST_CODES:
        rest = np.delete(codes, int(count.argmax()))
        # a code never seen before counts as the usual one
        columns = (values[:, None] == rest).astype(float)
        return Terms(columns - columns[:past].mean(axis=0), ("codes",) * len(rest), np.ones(len(rest)))
    z = np.clip((values - seen.mean()) / seen.std(), -WIDEST, WIDEST)
    columns = np.stack([z, z**2, z**3], axis=1)
    return Terms(columns - columns[:past].mean(axis=0), ("linear", "curved", "curved"), np.array([1.0, 0.5, 0.15]))


def forecast_terms(values: np.ndarray, season: np.ndarray) -> Terms:
    """Columns (T + H, p) of a regressor known for T steps, the last H forecast.

    values: (T,). season: (T + H, q) columns of the time of the year (q may be 0).
    """
    past = len(values)
    known = known_terms(values, past)
    ahead = len(season) - past
    future = np.empty((ahead, len(known.block)))
    for k, column in enumerate(known.columns.T):
        future[:, k] = _path(column, season, ahead)
    return Terms(np.vstack([known.columns, future]), known.block, known.relative)


def _path(column: np.ndarray, season: np.ndarray, ahead: int) -> np.ndarray:
    """The column's usual value at each step ahead and its last deviation, dying away."""
    past = len(column)
    design = np.hstack([np.ones((len(season), 1)), season])
    penalty = np.diag([0.0, *[SEASON_PRIOR] * season.shape[1]])
    weight = np.linalg.solve(design[:past].T @ design[:past] + penalty + 1e-9 * np.eye(len(penalty)), design[:past].T @ column)
    usual = design @ weight
    off = column - usual[:past]
    energy = float(off[:-1] @ off[:-1])
    persistence = float(np.clip(off[1:] @ off[:-1] / energy, 0.0, 0.98)) if energy > 0 else 0.0
    return np.asarray(usual[past:] + off[-1] * persistence ** np.arange(1, ahead + 1))
