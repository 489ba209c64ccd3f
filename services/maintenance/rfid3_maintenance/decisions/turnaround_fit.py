"""What do visits whose end is known only within bounds say about the days they take? Lognormal by EM, pooled over groups.

A visit's log days are normal around its group's centre, groups' centres are normal around the kind's, and the kind's around a stated
prior. Times within bounds enter by their expected value and spread given the bounds, which is expectation–maximisation (Dempster,
Laird & Rubin 1977); centres shrink towards the kind's by how little their visits say (Efron & Morris 1975).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from rfid3_maintenance.decisions.turnaround import PRIORS, Group, Kind, Prior, Turnaround, of_prior

LEAST_DAYS = 1 / 1440
"""A visit over within a minute was written down, not timed: it says nothing."""
RESOLUTION_DAYS = 1 / 24
"""Bounds nearer than an hour are taken as an hour apart: scans are no finer. A visit of which only the end is known took an hour at least:
without a floor the spread of such visits grows for ever, since log days reach down to minus infinity."""
PRIOR_VISITS, PRIOR_GROUPS = 3.0, 3.0
"""How many visits and groups the stated spreads count for."""
ROUNDS, SETTLED = 500, 1e-7
"""At most so many rounds; done when no centre or spread moves more than this (log days)."""


@dataclass(frozen=True)
class Visits:
    """One row a visit. lower_days, upper_days: not ready after the first, ready by the second; infinite or NaN = not ready yet."""

    kind: np.ndarray
    group: np.ndarray
    lower_days: np.ndarray
    upper_days: np.ndarray


def fit_turnaround(visits: Visits, priors: Mapping[str, Prior] = PRIORS) -> Turnaround:
    """A fit for each kind of `priors`; visits of other kinds are not looked at."""
    return Turnaround({
        name: _fit(visits.group[of], visits.lower_days[of], visits.upper_days[of], prior)
        for name, prior in priors.items() for of in [visits.kind == name]
    })  # fmt: skip


def _fit(group: np.ndarray, lower: np.ndarray, upper: np.ndarray, prior: Prior) -> Kind:
    end = np.where(np.isnan(upper), np.inf, upper)
    usable = np.isfinite(lower) & (lower >= 0) & (end >= lower)
    timed = usable & (end > LEAST_DAYS)
    says = timed & ((lower > 0) | np.isfinite(end))
    unrecorded, unusable = int((usable & ~timed).sum()), int((~usable).sum())
    start = of_prior(prior)
    if not says.any():
        return Kind(start.centre, start.centre_variance, start.visits_sd, start.groups_sd, 0, unrecorded, unusable)
    names, at = np.unique(group[says].astype(str), return_inverse=True)
    middle, half = (lower[says] + end[says]) / 2, RESOLUTION_DAYS / 2
    narrow = end[says] - lower[says] < RESOLUTION_DAYS
    with np.errstate(divide="ignore"):
        low = np.log(np.where(narrow, np.maximum(middle - half, 0.0), np.maximum(lower[says], RESOLUTION_DAYS)))
        high = np.log(np.where(narrow, np.maximum(middle + half, RESOLUTION_DAYS), end[says]))
    fitted = _pooled(low, high, at, len(names), prior)
    counts = np.bincount(at)
    each = zip(names, fitted.centres, fitted.variances, counts, strict=True)
    groups = {str(name): Group(float(centre), float(variance), int(count)) for name, centre, variance, count in each}
    return Kind(
        fitted.centre, fitted.centre_variance, fitted.visits_sd, fitted.groups_sd, int(says.sum()), unrecorded, unusable, groups
    )


@dataclass
class _Pooled:
    """One kind's numbers while they settle, log days."""

    centre: float
    centre_variance: float
    visits_sd: float
    groups_sd: float
    centres: np.ndarray
    variances: np.ndarray

    def spread(self) -> np.ndarray:
        """What must settle."""
        return np.array([self.centre, self.visits_sd, self.groups_sd, *self.centres])


def _pooled(low: np.ndarray, high: np.ndarray, at: np.ndarray, groups: int, prior: Prior) -> _Pooled:
    """EM over bounds of log days; at: each visit's group."""
    first = of_prior(prior)
    now = _Pooled(
        first.centre, first.centre_variance, prior.visits, prior.groups,
        np.full(groups, first.centre), np.full(groups, prior.groups**2),
    )  # fmt: skip
    counts = np.bincount(at, minlength=groups)
    for _ in range(ROUNDS):
        before = now.spread()
        noise, between = now.visits_sd**2, now.groups_sd**2
        mean, variance = truncated(low, high, now.centres[at], now.visits_sd)
        # what bounds leave open is not information about the centre
        known = np.bincount(at, np.maximum(1 - variance / noise, 1e-9), groups) / noise
        total = np.bincount(at, mean, groups)
        now.centres = (total / noise + now.centre / between) / (counts / noise + 1 / between)
        pull = 1 / between / (known + 1 / between)
        alone = 1 / (known + 1 / between)
        weight = 1 / (between + 1 / known)
        now.centre_variance = float(1 / (weight.sum() + 1 / prior.centre**2))
        raw = now.centres + pull / np.maximum(1 - pull, 1e-12) * (now.centres - now.centre)
        now.centre = float((weight @ raw + first.centre / prior.centre**2) * now.centre_variance)
        now.variances = alone + pull**2 * now.centre_variance
        left = np.sum((mean - now.centres[at]) ** 2 + variance + alone[at])
        now.visits_sd = float(np.sqrt((PRIOR_VISITS * prior.visits**2 + left) / (PRIOR_VISITS + len(at))))
        apart = np.sum((now.centres - now.centre) ** 2 + alone)
        now.groups_sd = float(np.sqrt((PRIOR_GROUPS * prior.groups**2 + apart) / (PRIOR_GROUPS + groups)))
        if np.abs(now.spread() - before).max() < SETTLED:
            break
    return now


def truncated(low: np.ndarray, high: np.ndarray, centre: np.ndarray, sd: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of a normal known to lie between two bounds, which may be infinite; all (rows,)."""
    from scipy.special import log_ndtr

    a, b = (low - centre) / sd, (high - centre) / sd
    # the upper tail is the lower tail of the mirror image: differences of tiny chances stay exact there
    mirrored = a > 0
    left, right = np.where(mirrored, -b, a), np.where(mirrored, -a, b)
    top = log_ndtr(right)
    log_mass = top + np.log(-np.expm1(np.minimum(log_ndtr(left) - top, -1e-15)))
    dense = [np.exp(-0.5 * edge**2 - 0.5 * np.log(2 * np.pi) - log_mass) for edge in (left, right)]
    moved = [np.where(np.isfinite(edge), edge, 0.0) * part for edge, part in zip((left, right), dense, strict=True)]
    shift = dense[0] - dense[1]
    variance = 1 + moved[0] - moved[1] - shift**2
    mean = centre + sd * np.where(mirrored, -shift, shift)
    width = np.where(np.isfinite(high - low), high - low, np.inf)
    return np.clip(mean, low, high), np.clip(variance * sd**2, 0.0, np.minimum(sd**2, width**2 / 4))
