"""Which quantile level really has the share of outcomes it promises? Corrections learned from where outcomes fell; pure.

Shared by counts and sizes: growth of the spread with the step, buckets of nodes judged together, and the share of outcomes
below each point of the probability grid.
"""

from dataclasses import dataclass

import numpy as np

LEAST_OUTCOMES = 150
SIZE_EDGES = (0.5, 3.0, 15.0, 60.0)
"""Units per step that part small nodes from large ones: the noise of few units and that of many have little in common."""
COUNT_EDGES = (0.05, 0.15, 0.5, 1.5, 5.0, 15.0, 60.0)
"""The same for counts, whose zeros weigh more the fewer they are."""
STEP_EDGES = (1, 3, 6, 10, 14, 20, 27, 40, 54)
GRID = np.concatenate([[0.0], 1 / (1 + np.exp(-np.linspace(-9, 9, 361))), [1.0]])


def growth_of(term: np.ndarray, weight: np.ndarray, horizon: int) -> np.ndarray:
    """Factor of the squared spread per step: pooled by ranges of steps, never falling, held beyond what was seen."""
    seen = term.shape[2]
    value = np.ones(horizon)
    whole = (np.clip(term, None, 1e4) * weight).sum() / max(weight.sum(), 1e-9)
    if whole <= 0:
        return value
    steps = np.arange(1, horizon + 1)
    for low, high in zip(STEP_EDGES, (*STEP_EDGES[1:], 10**9), strict=True):
        inside = (steps >= low) & (steps < high)
        usable = np.flatnonzero(inside[:seen])
        if len(usable):
            part = (np.clip(term[:, :, usable], None, 1e4) * weight[:, :, usable]).sum()
            value[inside] = max(part / max(weight[:, :, usable].sum(), 1e-9) / whole, 0.3)
        else:
            value[inside] = np.nan
    known = np.isfinite(value)
    value = np.maximum.accumulate(np.where(known, value, -np.inf))
    return np.clip(value, 0.3, 10.0)


def buckets_of(mean: np.ndarray, kind: np.ndarray, ok: np.ndarray, counts: bool = False) -> np.ndarray:
    """Bucket per node: its kind and size where those have enough outcomes, else its size alone, else everything together."""
    outcomes = ok.sum(axis=(1, 2))
    average = np.divide(np.nansum(mean, axis=(1, 2)), outcomes, out=np.zeros(len(mean)), where=outcomes > 0)
    size = np.digitize(average, SIZE_EDGES) if counts else np.zeros(len(mean), dtype=int)
    label = np.zeros(len(mean), dtype=int)
    for k, groups in enumerate((size, np.unique(kind, return_inverse=True)[1] * (len(SIZE_EDGES) + 1) + size)):
        for group in np.unique(groups):
            rows = groups == group
            if outcomes[rows].sum() >= LEAST_OUTCOMES:
                label[rows] = 1 + group + 1000 * k
    return np.asarray(np.unique(label, return_inverse=True)[1], dtype=int)


@dataclass(frozen=True)
class Buckets:
    """Which forecasts of counts are judged together: those of one kind and size where they have enough outcomes, else those of
    one size, else all."""

    known: np.ndarray
    """Ascending codes with enough outcomes; the first, 0, stands for all."""

    def of(self, kind: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """Index into `known` of forecasts (..., H) made for nodes of a kind (...): both known before the outcome is."""
        fine, coarse = codes_of(kind, mean)
        code = np.where(np.isin(fine, self.known), fine, np.where(np.isin(coarse, self.known), coarse, 0))
        return np.asarray(np.searchsorted(self.known, code))

    def teach(self, at: int, codes: tuple[np.ndarray, np.ndarray], outcomes: np.ndarray) -> np.ndarray:
        """Which forecasts (...) of `codes_of` teach the bucket at an index of `known`; outcomes: (...) known ones of each.

        The bucket of a size learns from the kinds that have none of their own, where those have enough outcomes: they are like
        whoever will be given it. Else from all of that size: a few outcomes of odd kinds must not speak for a kind new there.
        """
        fine, coarse = codes
        code = self.known[at]
        if code == 0:
            return np.ones(fine.shape, dtype=bool)
        described = (fine == code) | (coarse == code)
        left_over = described & ((fine == code) | ~np.isin(fine, self.known))
        return np.asarray(left_over if outcomes[left_over].sum() >= LEAST_OUTCOMES else described)


def buckets_seen(kind: np.ndarray, mean: np.ndarray, ok: np.ndarray) -> Buckets:
    """Buckets of counts by kind (n, origins) and mean (n, origins, steps), NaN where unknown."""
    outcomes = ok.sum(axis=2)
    known = [0]
    for codes in codes_of(kind, mean):
        found, place = np.unique(codes, return_inverse=True)
        known += found[np.bincount(place.ravel(), outcomes.ravel()) >= LEAST_OUTCOMES].tolist()
    return Buckets(np.unique(known))


def codes_of(kind: np.ndarray, mean: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes of kind and size, and of size alone, from 1 on, for forecasts (..., H) of nodes of a kind (...); NaN where unknown."""
    seen = np.isfinite(mean)
    average = np.where(seen, mean, 0.0).sum(axis=-1) / np.maximum(seen.sum(axis=-1), 1)
    size = np.digitize(average, COUNT_EDGES) + 1
    return 1000 * (kind + 1) + size, size


def share_below(low: np.ndarray, high: np.ndarray, ok: np.ndarray) -> np.ndarray:
    """Share of outcomes below each grid point, a discrete outcome counting in proportion (Czado et al. 2009); increasing from
    0 to 1."""
    keep = ok if ok.any() else np.isfinite(low)
    if not keep.any():
        return GRID.copy()
    # mean of clip((u - low) / (high - low), 0, 1) without an (outcomes x grid) array: five points inside each step
    low, step = low[keep], np.maximum(high[keep] - low[keep], 1e-4)
    counted = np.zeros(len(GRID) + 1, dtype=int)
    for part in (0.1, 0.3, 0.5, 0.7, 0.9):
        counted += np.bincount(np.searchsorted(GRID, low + step * part), minlength=len(counted))
    share = np.cumsum(counted[:-1]) / (5 * len(low))
    # as if twenty more outcomes had fallen as the uncorrected spread says: small buckets keep some tail
    n = ok.sum()
    share = (share * n + GRID * 20.0) / (n + 20.0)
    share[0], share[-1] = 0.0, 1.0
    return np.asarray(np.maximum.accumulate(share) + np.arange(len(GRID)) * 1e-12)
