"""What does a survival curve say at other moments: chances by horizon, days left, the average of what is left, any of several kinds?

Between cuts the hazard is taken as constant (log-survival is linear); beyond the last cut nothing is known, except where a
horizon is asked for: then the last interval's hazard goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rfid3_maintenance.model.cuts import checked_cuts

LEAST_SURVIVAL = 1e-12
"""Survival is not told from this; keeps logarithms finite."""


def cumulative_of(survival: np.ndarray) -> np.ndarray:
    """Cumulative hazard -log S, (rows, cuts)."""
    return np.asarray(-np.log(np.clip(survival, LEAST_SURVIVAL, 1.0)))


def timeline(
    survival: np.ndarray, cuts_days: Sequence[float] | np.ndarray, horizons_days: Sequence[float] | np.ndarray
) -> np.ndarray:
    """(rows, H) probability of the event within each horizon; never decreasing along ascending horizons.

    survival: (rows, cuts). A horizon beyond the last cut carries the last interval's hazard on. ValueError: a negative horizon.
    """
    cuts, asked = checked_cuts(cuts_days), np.asarray(horizons_days, dtype=float)
    if np.any(~(asked >= 0)):
        raise ValueError("horizons must not be negative")
    hazard = np.concatenate([np.zeros((len(survival), 1)), cumulative_of(survival)], axis=1)
    edges = np.r_[0.0, cuts]
    at = np.clip(np.searchsorted(edges, asked, side="left"), 1, len(cuts))
    share = (asked - edges[at - 1]) / (edges[at] - edges[at - 1])
    within = hazard[:, at - 1] + (hazard[:, at] - hazard[:, at - 1]) * share
    # at a cut the curve's own value, not one that went through a logarithm
    value = -np.expm1(-within)
    exact = np.isin(asked, cuts)
    value[:, exact] = 1.0 - survival[:, at[exact] - 1]
    order = np.argsort(asked, kind="stable")
    value[:, order] = np.maximum.accumulate(np.clip(value[:, order], 0.0, 1.0), axis=1)
    return np.asarray(value)


def remaining(survival: np.ndarray, cuts_days: Sequence[float], levels: Sequence[float] = (0.1, 0.5, 0.9)) -> np.ndarray:
    """(rows, levels) days by which the event has happened with each probability; inf where that lies beyond the last cut."""
    cuts = checked_cuts(cuts_days)
    edges = np.r_[0.0, cuts]
    hazard = np.concatenate([np.zeros((len(survival), 1)), cumulative_of(survival)], axis=1)
    days = np.full((len(survival), len(levels)), np.inf)
    for k, level in enumerate(levels):
        wanted = -np.log1p(-level)
        reached = hazard[:, 1:] >= wanted
        rows = np.flatnonzero(reached[:, -1])
        at = reached[rows].argmax(axis=1)
        low, high = hazard[rows, at], hazard[rows, at + 1]
        share = np.clip((wanted - low) / np.maximum(high - low, LEAST_SURVIVAL), 0.0, 1.0)
        days[rows, k] = edges[at] + share * (edges[at + 1] - edges[at])
    return days


def expected(survival: np.ndarray, cuts_days: Sequence[float], cap_days: float) -> np.ndarray:
    """(rows,) expected days to the event, counted up to `cap_days` at most: the integral of S from 0 to the cap.

    Beyond the last cut the last interval's hazard goes on.
    """
    cuts = checked_cuts(cuts_days)
    edges = np.unique(np.r_[0.0, cuts[cuts < cap_days], cap_days])
    hazard = cumulative_of(np.clip(1.0 - timeline(survival, cuts, edges), 0.0, 1.0))
    chance = np.exp(-hazard)
    step = np.diff(hazard, axis=1)
    # the integral of a piecewise exponential; the middle where the step is too small to divide by
    share = np.where(step > 1e-8, (chance[:, :-1] - chance[:, 1:]) / np.maximum(step, 1e-8), chance[:, :-1])
    return np.asarray((share * np.diff(edges)).sum(axis=1))


def joint(survivals: Mapping[str, np.ndarray]) -> np.ndarray:
    """Survival of "none of these kinds" when kinds compete: cause-specific hazards add, so survivals multiply."""
    curves = list(survivals.values())
    if not curves:
        raise ValueError("no failure kind given")
    result = np.array(curves[0], dtype=float)
    for curve in curves[1:]:
        result = result * curve
    return result
