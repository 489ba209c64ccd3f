"""What does a curve told from the beginning say of a unit that has already come so far? Survival given survival until now."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEAST_SURVIVAL = 1e-12
BRIEF = 0.04
"""An interval shorter than this share of the average stands for a moment (see `landmarks.cuts_for`)."""


def chances(survival: np.ndarray, cuts: Sequence[float], age: np.ndarray, horizons: Sequence[float]) -> np.ndarray:
    """(rows, horizons) chance of the event within each horizon of `age` (rows,), which the unit has reached without it.

    survival (rows, cuts) from age 0; the hazard is constant between cuts, and the last one is carried on.
    """
    edges, total = _cumulative(survival, cuts)
    now = _at(edges, total, age[:, None])
    later = _at(edges, total, age[:, None] + np.asarray(horizons, dtype=float)[None, :])
    return np.asarray(-np.expm1(-np.maximum(later - now, 0.0)))


def told_by(survival: np.ndarray, cuts: Sequence[float], after: np.ndarray) -> np.ndarray:
    """(rows,) chance told of the event within `after` (rows,), each row on its own curve."""
    edges, total = _cumulative(survival, cuts)
    return np.asarray(-np.expm1(-_at(edges, total, after[:, None])[:, 0]))


def remaining(
    survival: np.ndarray, cuts: Sequence[float], age: np.ndarray, levels: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    """(rows, levels) time after `age` by which the event has happened with each probability, and which lie beyond the last cut.

    inf where the last hazard is 0. In an interval that stands for one moment the event falls on that moment, its end.
    """
    edges, total = _cumulative(survival, cuts)
    now = _at(edges, total, age[:, None])[:, 0]
    brief = np.diff(edges) <= BRIEF * np.diff(edges).mean()
    pace = (total[:, -1] - total[:, -2]) / (edges[-1] - edges[-2])
    found, beyond = np.empty((len(total), len(levels))), np.zeros((len(total), len(levels)), dtype=bool)
    for k, level in enumerate(levels):
        wanted = now - np.log1p(-level)
        beyond[:, k] = wanted > total[:, -1]
        place = np.clip((total < wanted[:, None]).sum(axis=1), 1, len(edges) - 1)
        low, high = (np.take_along_axis(total, at[:, None], axis=1)[:, 0] for at in (place - 1, place))
        share = np.clip(np.divide(wanted - low, high - low, out=np.ones(len(low)), where=high > low), 0.0, 1.0)
        inside = np.where(brief[place - 1], edges[place], edges[place - 1] + share * (edges[place] - edges[place - 1]))
        short = np.maximum(wanted - total[:, -1], 0.0)
        outside = edges[-1] + np.divide(short, pace, out=np.full(len(pace), np.inf), where=pace > 0)
        found[:, k] = np.maximum(np.where(beyond[:, k], outside, inside) - age, 0.0)
    return np.maximum.accumulate(found, axis=1), beyond


def _cumulative(survival: np.ndarray, cuts: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """(edges, cumulative hazard at them (rows, edges))."""
    total = -np.log(np.clip(survival, LEAST_SURVIVAL, 1.0))
    return np.r_[0.0, cuts], np.concatenate([np.zeros((len(total), 1)), total], axis=1)


def _at(edges: np.ndarray, total: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Cumulative hazard at moments (rows, k), each row on its own curve."""
    place = np.clip(np.searchsorted(edges, moments, side="left"), 1, len(edges) - 1)
    low, high = np.take_along_axis(total, place - 1, axis=1), np.take_along_axis(total, place, axis=1)
    return np.asarray(low + (high - low) * (moments - edges[place - 1]) / (edges[place] - edges[place - 1]))
