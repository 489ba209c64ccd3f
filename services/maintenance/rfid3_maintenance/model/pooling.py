"""How far is each group's own rate believed, when groups are many and events few? Gamma pooling, its strength learned from all.

A group's factor is Gamma(strength, strength) around 1; after d events where e were expected it is Gamma(strength + d, strength + e).
The strength maximises the marginal (negative binomial) likelihood over groups: groups that differ no more than chance get factor 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

STRENGTHS = np.exp(np.linspace(math.log(0.2), math.log(1e4), 45))


@dataclass(frozen=True)
class Factors:
    """Multiplicative factors of a rate, pooled towards 1."""

    value: np.ndarray
    """(groups,) posterior mean."""
    log_variance: np.ndarray
    """(groups,) variance of the factor's logarithm (delta method: 1 / posterior shape)."""
    strength: float
    """Events' worth of belief that a group is like all others; inf: groups do not differ."""

    def of(self, group: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(factor, log variance) per row; an unknown group has factor 1 and the spread between groups."""
        known = (group >= 0) & (group < len(self.value))
        at = np.where(known, group, 0)
        if not len(self.value):
            return np.ones(len(group)), np.zeros(len(group))
        return np.where(known, self.value[at], 1.0), np.where(known, self.log_variance[at], 1.0 / self.strength)


def pooled(events: np.ndarray, expected: np.ndarray) -> Factors:
    """Factors from events and expected events by group, (groups,) each."""
    if len(events) < 2:
        return Factors(np.ones(len(events)), np.zeros(len(events)), math.inf)
    likelihood = [_marginal(strength, events, expected) for strength in STRENGTHS]
    best = int(np.argmax(likelihood))
    if best == len(STRENGTHS) - 1:
        return Factors(np.ones(len(events)), np.zeros(len(events)), math.inf)
    strength = float(STRENGTHS[best])
    return Factors((strength + events) / (strength + expected), 1.0 / (strength + events), strength)


def _marginal(strength: float, events: np.ndarray, expected: np.ndarray) -> float:
    """Log-likelihood of all groups' events, without what does not depend on the strength."""
    gammas = sum(math.lgamma(strength + d) for d in events.tolist()) - len(events) * math.lgamma(strength)
    rest = len(events) * strength * math.log(strength) - float(((strength + events) * np.log(strength + expected)).sum())
    return gammas + rest
