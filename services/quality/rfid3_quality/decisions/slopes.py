"""How are slopes of several groups pooled, when neither their spread nor their own errors are known well? Pure.

True slopes are a normal around a mean of all groups; how widely they spread is not estimated by one number, which with few groups
is often 0 and then hides all differences, but averaged over, each spread counting as much as it makes the slopes seen likely.
Errors of groups of few clusters are themselves uncertain, and are drawn towards what all groups' errors say together.
Source: Gelman et al., Bayesian Data Analysis, ch. 5 (eight schools: mean flat, spread on a grid); Smyth 2004 (errors drawn together).
"""

from dataclasses import dataclass

import numpy as np

LEVEL = 0.8
SPREAD_BELIEF = 0.3
"""Half-normal belief of the spread between groups, in log price per unit of score: as wide as the effect's own prior."""
SPREADS = np.linspace(0.0, 1.2, 121)
SHARED_FREEDOM = 4.0
"""All groups' errors together count as so many degrees of freedom in each: about one group of five clusters."""


@dataclass(frozen=True)
class Slope:
    """Change in log price per unit of score, with its standard error and 80 % interval."""

    value: float
    standard_error: float
    lower: float
    upper: float
    classes: int
    units: int
    freedom: float
    """Degrees of freedom of the error."""


@dataclass(frozen=True)
class Pooled:
    """Each group's slope drawn to the mean: (groups,) values, errors and degrees of freedom; the last is for a group of its own."""

    value: np.ndarray
    error: np.ndarray
    freedom: np.ndarray
    between: float

    def of(self, group: int) -> tuple[float, float, float]:
        """Slope, error and degrees of freedom of a group; -1: of one that has none of its own."""
        return float(self.value[group]), float(self.error[group]), float(self.freedom[group])


def pool(own: list[Slope], weight: list[float]) -> Pooled:
    """The groups' slopes pooled; weight: what each slope's squared error is inversely proportional to (its Σx²)."""
    b, v, x = np.array([s.value for s in own]), np.array([s.standard_error**2 for s in own]), np.array(weight)
    free = np.array([s.freedom for s in own])
    shared = SHARED_FREEDOM if len(own) > 1 else 0.0
    v = (free * v + shared * ((free * v * x).sum() / free.sum()) / x) / (free + shared)
    v = np.maximum(v, 1e-12)
    around = v + SPREADS[:, None] ** 2  # (spreads, groups)
    precision = (1.0 / around).sum(axis=1)
    mean = (b / around).sum(axis=1) / precision
    log_chance = -0.5 * (np.log(around) + (b - mean[:, None]) ** 2 / around).sum(axis=1) - 0.5 * np.log(precision)
    log_chance -= 0.5 * (SPREADS / SPREAD_BELIEF) ** 2
    chance = np.exp(log_chance - log_chance.max())
    chance /= chance.sum()
    drawn = SPREADS[:, None] ** 2 / around
    # a group of its own follows the mean and the whole spread
    value = np.column_stack([drawn * b + (1 - drawn) * mean[:, None], mean])
    variance = np.column_stack([drawn * v + (1 - drawn) ** 2 / precision[:, None], 1.0 / precision + SPREADS**2])
    middle = chance @ value
    total = chance @ variance + chance @ (value - middle) ** 2
    freedom = np.append(free + shared, free.sum())
    return Pooled(middle, np.sqrt(total), freedom, float(chance @ SPREADS))


def with_ends(value: float, error: float, classes: int, units: int, freedom: float) -> Slope:
    """A slope with its 80 % interval by Student's t."""
    from scipy.special import stdtrit  # loaded where it is fitted only

    half = float(stdtrit(freedom, (1 + LEVEL) / 2)) * error
    return Slope(value, error, value - half, value + half, classes, units, freedom)
