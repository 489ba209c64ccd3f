"""How strongly does each node follow a yearly shape that it has not lived through yet? Empirical Bayes; pure.

With less than a season and a half of history no series can show its own season. A prior shape g (logarithm, one value a step)
is then laid along time to a power: units ~ level x exp(w g). The power w starts from what such shops are believed to do, is
moved by how well it explains the steps seen of everything together, and for each group of relatives (category) by its own
steps: a category that is busy in winter finds a power near or below 0. Never read: steps from the origin on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rfid3_demand.model.panel import observations
from rfid3_demand.model.tree_features import TreeData

POWERS = np.linspace(-0.75, 1.5, 46)
PRIOR_POWER, PRIOR_SPREAD = 0.9, 0.3
"""Chosen on truncated demo companies (12 to 28 weeks) and the real export's origins in March and April: 0.75 to 1.0 did best."""
GROUP_SPREAD = 0.4
"""How far a category's power strays from that of the whole, one standard deviation."""
STEPS_PER_SURPRISE = 3.0
"""Neighbouring steps share their luck: so many of them tell as much as one."""
SEASON_FROM = 40
"""Shorter seasons than this are no years of weeks."""
POOLED_FROM = 0.5
"""From this share of the prior's variance taken away by a category's own steps on, its shape is said to be pooled from them."""


@dataclass(frozen=True)
class YearlyShape:
    """Power per node, and how much of it was learned."""

    power: np.ndarray
    """(nodes,)."""
    learned: np.ndarray
    """(nodes,) in [0, 1]: share of the prior's variance that the relatives' steps took away."""

    def factors(self, log_shape: np.ndarray) -> np.ndarray:
        """The shape at each node's power, (nodes, steps)."""
        return np.asarray(np.exp(self.power[:, None] * log_shape[None]))


def fit(y: np.ndarray, log_shape: np.ndarray, groups: np.ndarray | None) -> YearlyShape:
    """Powers from the steps seen. y (nodes, T) with NaN before a node began; log_shape (T,); groups (nodes,) codes, -1 = mixed."""
    nodes = len(y)
    codes = np.full(nodes, -1) if groups is None else groups.astype(int)
    power, spread = _posterior(np.nansum(y, axis=0), log_shape, PRIOR_POWER, PRIOR_SPREAD)
    result, learned = np.full(nodes, power), np.full(nodes, 1.0 - (spread / PRIOR_SPREAD) ** 2)
    for code in np.unique(codes[codes >= 0]):
        rows = codes == code
        prior_spread = float(np.hypot(spread, GROUP_SPREAD))
        own, left = _posterior(np.nansum(y[rows], axis=0), log_shape, power, prior_spread)
        result[rows], learned[rows] = own, 1.0 - (left / prior_spread) ** 2
    return YearlyShape(result, np.clip(learned, 0.0, 1.0))


def laid(data: TreeData, cut: int, steps: int, horizon: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Factors over the `steps` known before `cut` and the `horizon` after it, (nodes, steps) and (nodes, horizon).

    None where nothing is believed beforehand, or the node has a season of its own to show.
    """
    if data.yearly is None or not _unseen(data, steps):
        return None
    shape = data.yearly[cut - steps : cut + horizon]
    factors = fit(data.y[:, cut - steps : cut], shape[:steps], data.relatives).factors(shape)
    return factors[:, :steps], factors[:, steps:]


def sources(data: TreeData) -> tuple[str, ...]:
    """Where each node's yearly shape comes from: own | pooled from category | calendar prior | none."""
    nodes, steps = data.y.shape
    season = max(data.seasons, default=1)
    none: tuple[str, ...] = ("none",) * nodes
    if season < SEASON_FROM or (data.yearly is None and _unseen(data, steps)):
        return none
    if not _unseen(data, steps) or data.yearly is None:
        # below a season and a half of its own a node has its relatives' profile
        long_enough: list[bool] = (observations(data.y) >= 1.5 * season).tolist()
        return tuple("own" if own else "pooled from category" for own in long_enough)
    learned = fit(data.y, data.yearly[:steps], data.relatives).learned
    return tuple("pooled from category" if pooled else "calendar prior" for pooled in (learned >= POOLED_FROM).tolist())


def _unseen(data: TreeData, steps: int) -> bool:
    """Whether so many steps show no season: `seasonal.profile` says nothing below a season and a half."""
    season = max(data.seasons, default=1)
    return season >= SEASON_FROM and steps < 1.5 * season


def _posterior(units: np.ndarray, log_shape: np.ndarray, centre: float, spread: float) -> tuple[float, float]:
    """Mean and standard deviation of the power given units per step: quasi-Poisson, its dispersion from the best power."""
    began = int(np.argmax(units > 0)) if (units > 0).any() else len(units)
    seen, g = units[began:], log_shape[began:]
    if len(seen) < 4:
        return centre, spread
    strength = np.exp(POWERS[:, None] * g[None])
    expected = np.maximum(strength * (seen.sum() / strength.sum(axis=1))[:, None], 1e-9)
    ratio = np.where(seen > 0, seen, 1.0)[None] / expected
    deviance = 2.0 * (np.where(seen > 0, seen * np.log(ratio), 0.0) - seen + expected).sum(axis=1)
    dispersion = max(float(deviance.min()) / max(len(seen) - 2, 1), 1.0) * STEPS_PER_SURPRISE
    log_chance = -deviance / (2.0 * dispersion) - 0.5 * ((POWERS - centre) / spread) ** 2
    chance = np.exp(log_chance - log_chance.max())
    chance /= chance.sum()
    mean = float(chance @ POWERS)
    return mean, float(np.sqrt(chance @ (POWERS - mean) ** 2))
