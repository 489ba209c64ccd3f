"""What will a step bring, given what is on contracts for it already? Pickup joined with the model's forecast; pure.

Of a forecast M a share s is on contracts at this lead, so (1 - s) M is still to come: additive pickup. Where more is booked than
sM the season is busier than forecast, and what is still to come grows with it: multiplicative pickup, B (1 - s) / s. A
gamma-Poisson rate lies between the two: B + (1 - s) M (k + B) / (k + s M), additive for small nodes and multiplicative for large
ones; k is learned from past origins. Its weight beside the model's own forecast is the one with the least error variance
at those origins, per peers and lead (Bates & Granger 1969), shrunk to that of all nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rfid3_demand.model.booking_curve import Bookings, curve, sums_before
from rfid3_demand.model.summing import bottom_rows

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

CERTAINTIES = (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0, 1e6)
"""Candidates for k: units' worth of belief in the model's forecast against what is booked."""
PRIOR_OUTCOMES = 25.0
"""Peers' errors count beside those of all nodes as if these had been seen so often."""


@dataclass(frozen=True)
class OnHand:
    """Booked units and shares per node at every past origin and now."""

    past: np.ndarray
    """(nodes, origins, K) booked units; NaN beyond the known steps."""
    past_share: np.ndarray
    """(nodes, origins, K), from steps before each origin only."""
    ahead: np.ndarray
    """(nodes, K) booked units now, expected cancellations taken off."""
    ahead_share: np.ndarray
    floor: np.ndarray
    """(bottom series, H) whole units that will leave at least: booked less the share that never left."""
    begun: int

    @property
    def leads(self) -> int:
        """Steps ahead that bookings speak of."""
        return int(self.ahead.shape[1])


def on_hand(
    bookings: Bookings, summing: csr_matrix, y: np.ndarray, parents: np.ndarray | None, cutoffs: list[int], steps: int
) -> OnHand:
    """What was known of every node at each origin and is known now. y (nodes, T); cutoffs: first unknown step of each origin."""
    nodes, length = y.shape
    leads = min(bookings.leads, max(steps, 1))
    booked = np.stack([np.asarray(summing @ bookings.past[:, :, k]) for k in range(leads)], axis=2)
    groups = np.full(nodes, -1) if parents is None else parents.astype(int)
    own = np.asarray(summing.sum(axis=1)).ravel() == 1
    everything = int(np.argmax(summing.sum(axis=1)))

    def shares(cut: int) -> np.ndarray:
        on_contracts, final = sums_before(booked, y, cut)
        # relatives are bottom series, or a unit would count once a level
        return curve(on_contracts, final, np.where(own, groups, -1), np.stack([on_contracts[everything], final[everything]]))

    past = np.full((nodes, len(cutoffs), leads), np.nan)
    for j, cut in enumerate(cutoffs):
        for k in range(min(leads, length - cut)):
            past[:, j, k] = booked[:, cut + k, k]
    return OnHand(
        past=past, past_share=np.stack([shares(cut) for cut in cutoffs], axis=1) if cutoffs else past,
        ahead=np.asarray(summing @ bookings.ahead[:, :leads]) * (1.0 - bookings.undated_share), ahead_share=shares(length),
        floor=floor_of(bookings), begun=bookings.begun,
    )  # fmt: skip


def floor_of(bookings: Bookings) -> np.ndarray:
    """Whole units per bottom series and step ahead that will leave at least, (n, H)."""
    return np.asarray(np.floor(bookings.ahead * (1.0 - bookings.lost_share) + 1e-9))


def expected(booked: np.ndarray, share: np.ndarray, model: np.ndarray, certainty: np.ndarray | float) -> np.ndarray:
    """Final units given those booked; all arrays of one shape. Never below what is booked."""
    centre = np.maximum(np.nan_to_num(model), 1e-6)
    return np.asarray(booked + (1.0 - share) * centre * (certainty + booked) / (certainty + share * centre))


@dataclass(frozen=True)
class Trust:
    """How far pickup is believed: k and the weight beside the model, (nodes, K) each."""

    certainty: np.ndarray
    weight: np.ndarray


def learn(held: OnHand, outcomes: np.ndarray, model: np.ndarray, peers: np.ndarray) -> Trust:
    """Trust from past origins: outcomes and the model's forecasts (nodes, origins, steps), NaN where unknown."""
    nodes, leads = len(peers), held.leads
    certainty, weight = np.full((nodes, leads), CERTAINTIES[-1]), np.zeros((nodes, leads))
    if not held.past.shape[1]:
        return Trust(certainty, weight)
    y, said = outcomes[:, :, :leads], model[:, :, :leads]
    ok = np.isfinite(y) & np.isfinite(said) & np.isfinite(held.past)
    count = max(int(peers.max()) + 1, 1)
    # squared errors in units of what a node of that size may stray, so that no single large one decides
    size = np.divide(
        np.where(ok, y + said, 0.0).sum(axis=(1, 2)), 2.0 * ok.sum(axis=(1, 2)), out=np.ones(nodes), where=ok.any(axis=(1, 2))
    )
    unit = (size * (1.0 + 0.1 * size) + 0.1)[:, None, None]
    own = np.where(ok, y - said, 0.0)

    def pooled(values: np.ndarray) -> np.ndarray:
        """Sums per peers and lead, with those of all nodes as PRIOR_OUTCOMES more."""
        each = np.zeros((count, leads))
        np.add.at(each, peers, values.sum(axis=1))
        return each

    seen = pooled(ok.astype(float))
    all_seen = np.maximum(seen.sum(axis=0), 1.0)

    def mean(values: np.ndarray) -> np.ndarray:
        total = pooled(np.where(ok, values, 0.0))
        return np.asarray((total + PRIOR_OUTCOMES * total.sum(axis=0) / all_seen) / (seen + PRIOR_OUTCOMES))

    missed = [np.where(ok, y - expected(np.nan_to_num(held.past), held.past_share, said, k), 0.0) for k in CERTAINTIES]
    loss = np.stack([mean(miss**2 / unit) for miss in missed])
    best = loss.argmin(axis=0)
    certainty = np.array(CERTAINTIES)[best][peers]
    chosen = np.take_along_axis(np.stack(missed), best[peers][None, :, None, :], axis=0)[0]
    own_var, pick_var, shared = mean(own**2 / unit), mean(chosen**2 / unit), mean(own * chosen / unit)
    spread = own_var + pick_var - 2.0 * shared
    part = np.divide(own_var - shared, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    return Trust(certainty, np.clip(part, 0.0, 1.0)[peers])


def joined(model: np.ndarray, booked: np.ndarray, share: np.ndarray, trust: Trust, begun: int = 0) -> np.ndarray:
    """The model's means (nodes, H) with bookings taken in over the first K steps; steps that have begun stay as they are.

    A node the model says nothing of keeps its NaN.
    """
    steps = min(booked.shape[1], model.shape[1])
    result = model.copy()
    head, known = model[:, :steps], np.isfinite(booked[:, :steps])
    said = expected(np.nan_to_num(booked[:, :steps]), share[:, :steps], head, trust.certainty[:, :steps])
    part = np.where(known, trust.weight[:, :steps], 0.0)
    part[:, :begun] = 0.0
    result[:, :steps] = head + part * (said - head)
    return result


def lifted(summing: csr_matrix, mean: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Means (nodes, H) whose bottom series are nowhere below `floor` (bottom series, H), summed upwards; NaN stays."""
    bottom = mean[bottom_rows(summing)]
    missing = np.maximum(floor - np.nan_to_num(bottom), 0.0) * np.isfinite(bottom)
    return np.asarray(mean + np.asarray(summing @ missing))


def above_floor(summing: csr_matrix, quantiles: np.ndarray, floor: np.ndarray) -> np.ndarray:
    """Quantiles (nodes, H, levels) of which none lies below the node's part of `floor` (bottom series, at least H)."""
    least = np.asarray(summing @ floor[:, : quantiles.shape[1]])
    return np.asarray(np.maximum(quantiles, least[..., None]), np.float32)
