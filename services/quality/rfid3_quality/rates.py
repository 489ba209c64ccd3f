"""How many turns, or repairs, does each unit have a day, when most have too few to tell? Gamma pooling of units over class and category.

A unit's rate is a gamma belief around its class's, that one around its category's, that one around all. How far rates differ at each
level is estimated from counts (moments of the negative binomial). Pure; numpy alone.
"""

from dataclasses import dataclass

import numpy as np

from rfid3_shared.normal import Z_80

LEAST_SHAPE, MOST_SHAPE = 0.5, 200.0


@dataclass(frozen=True)
class Rates:
    """Events a day of each unit, (n,): mean, standard deviation over mean, share of the unit's own record in it."""

    mean: np.ndarray
    cv: np.ndarray
    own_share: np.ndarray

    @property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """80 % interval, of a lognormal with this mean and deviation."""
        spread = np.log1p(self.cv**2)
        middle = self.mean * np.exp(-spread / 2)
        return middle * np.exp(-Z_80 * np.sqrt(spread)), middle * np.exp(Z_80 * np.sqrt(spread))


def pooled(events: np.ndarray, days: np.ndarray, group: np.ndarray, material: np.ndarray, groups: int, materials: int) -> Rates:
    """Rates of units with so many events in so many days; group, material: positions, all known. Without any day every rate is 0."""
    of_group = np.zeros(groups, dtype=np.int64)
    of_group[group] = material
    all_rate = events.sum() / days.sum() if days.sum() > 0 else 0.0
    top = np.full(materials, all_rate)
    mean_m, cv_m = _level(
        np.bincount(material, events, materials), np.bincount(material, days, materials), top, np.zeros(materials)
    )
    totals = np.bincount(group, events, groups), np.bincount(group, days, groups)
    mean_g, cv_g = _level(*totals, mean_m[of_group], cv_m[of_group])
    mean, cv = _level(events, days, mean_g[group], cv_g[group])
    shape = _shape(events, days, mean_g[group])
    prior_days = np.divide(shape, mean_g[group], out=np.full(len(events), np.inf), where=mean_g[group] > 0)
    return Rates(mean, cv, np.where(np.isfinite(prior_days), days / (days + prior_days), 0.0))


def _level(events: np.ndarray, days: np.ndarray, prior: np.ndarray, prior_cv: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Posterior means and their deviations over them, from a prior mean of each with its own deviation."""
    shape = _shape(events, days, prior)
    expected = np.divide(shape, prior, out=np.full(len(prior), np.inf), where=prior > 0)
    mean = np.where(np.isfinite(expected), (shape + events) / np.where(np.isfinite(expected), expected + days, 1.0), 0.0)
    left = np.where(np.isfinite(expected), shape / (shape + prior * days), 1.0)
    return mean, np.sqrt(1.0 / (shape + events) + (left * prior_cv) ** 2)


def _shape(events: np.ndarray, days: np.ndarray, prior: np.ndarray) -> float:
    """Shape of the gamma that rates are drawn from: small where they differ much."""
    expected = prior * days
    excess = float(((events - expected) ** 2 - expected).sum())
    squared = float((expected**2).sum())
    return float(np.clip(squared / excess, LEAST_SHAPE, MOST_SHAPE)) if excess > 0 else MOST_SHAPE
