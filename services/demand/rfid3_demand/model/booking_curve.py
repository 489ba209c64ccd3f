"""What share of a week's final units is already on contracts so many steps before? The booking curve, shrunk; pure.

Each node's curve counts as far as its own units go; the rest comes from its relatives (category), and theirs from all nodes
together. Source: pickup methods of revenue management (Weatherford & Kimes 2003; Talluri & van Ryzin 2004, ch. 9).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

PRIOR_UNITS = 150.0
"""A curve is its relatives' as if that had been seen on so many units: units come in contracts of a dozen, so these are few."""
WINDOW = 52
"""Steps looked back: customers' habits of a year."""


@dataclass(frozen=True)
class Bookings:
    """Units on contracts per bottom series; lead k (from 0) is what is known k + 1 steps ahead."""

    past: np.ndarray
    """(n, T, K): units that stood on contracts for step t at lead k."""
    ahead: np.ndarray
    """(n, H): units that stand on contracts now for each step ahead, H >= K."""
    begun: int = 0
    """Steps ahead that have begun already: what has left is counted elsewhere."""
    lost_share: float = 0.0
    """Share of booked units that never left."""
    undated_share: float = 0.0
    """Share of booked units that were cancelled without saying when, and so are missing from `past`."""

    @property
    def leads(self) -> int:
        """Leads that the past tells of."""
        return int(self.past.shape[2])


def curve(booked: np.ndarray, final: np.ndarray, parents: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Share of final units booked at each lead, (nodes, K) in [0, 1], never rising with the lead.

    booked, final (nodes, K): sums over past steps of the units booked at lead k and of those that left in the end. parents
    (nodes,): codes of relatives, -1 = none. most (2, K): the sums over everything, booked and final.
    """
    whole = np.divide(most[0], most[1], out=np.zeros(most.shape[1]), where=most[1] > 0)
    prior = np.repeat(whole[None], len(booked), axis=0)
    for code in np.unique(parents[parents >= 0]):
        rows = parents == code
        prior[rows] = (booked[rows].sum(axis=0) + PRIOR_UNITS * whole) / (final[rows].sum(axis=0) + PRIOR_UNITS)
    share = (booked + PRIOR_UNITS * prior) / (final + PRIOR_UNITS)
    return np.asarray(np.minimum.accumulate(np.clip(share, 0.0, 1.0), axis=1))


def sums_before(booked: np.ndarray, final: np.ndarray, cut: int) -> tuple[np.ndarray, np.ndarray]:
    """Booked and final units over the WINDOW steps before `cut`, (nodes, K) each; only steps whose end is known enter.

    booked (nodes, T, K), final (nodes, T) with NaN before a series began.
    """
    low = max(0, cut - WINDOW)
    known = np.isfinite(final[:, low:cut])
    units = np.where(known, final[:, low:cut], 0.0)
    on_hand = np.where(known[:, :, None], booked[:, low:cut], 0.0)
    return on_hand.sum(axis=1, dtype=float), np.repeat(units.sum(axis=1)[:, None], booked.shape[2], axis=1)
