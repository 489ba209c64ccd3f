"""What do few events say? A parametric hazard: one baseline, log-linear features under ridge, groups pooled.

With known ages the baseline is Weibull in age, from each landmark's age on (delayed entry); otherwise it runs in steps with the time
since the landmark. Overlapping rows count by the share that makes each event count once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from rfid3_maintenance.model.baseline import Steps, Weibull
from rfid3_maintenance.model.covariates import Scale
from rfid3_maintenance.model.cuts import exposure, interval_of
from rfid3_maintenance.model.landmarks import Landmarks, seen_once
from rfid3_maintenance.model.likelihood import RIDGES, Fitted, Rows, between_ridges, fitted
from rfid3_maintenance.model.pooling import Factors, pooled
from rfid3_maintenance.model.prior import DAYS_PER_YEAR, Prior

KNOWN_AGES_RATIO = 0.95
"""The share of rows with a known age from which on the baseline runs in age."""
TURNS = 4
"""How often effects, groups' factors and steps' paces are told in turn from each other."""


@dataclass(frozen=True)
class Pooled:
    """A parametric hazard; answers in cumulative hazards at the cuts."""

    cuts_days: np.ndarray
    scale: Scale
    fit: Fitted
    factors: Factors
    age_days: float
    """Age taken for a unit whose age is not given: the median of the training rows."""
    age_column: int | None
    """The feature that is the age, where there is one: it tells the age when none is given, and has no effect of its own."""
    step_log_variance: np.ndarray
    """(cuts,) what the paces of the intervals add to the variance of the log cumulative hazard."""

    def cumulative(self, x: np.ndarray, group: np.ndarray, at_days: np.ndarray | None = None) -> np.ndarray:
        """(rows, cuts) cumulative hazard from the landmark on."""
        factor, _ = self.factors.of(group)
        risk = factor * np.exp(np.clip(self.fit.level + self.scale(x) @ self.fit.effects, -50.0, 50.0))
        return np.asarray(risk[:, None] * self._clock(self._ages(x, at_days)))

    def log_spread(self, x: np.ndarray, group: np.ndarray, at_days: np.ndarray | None = None) -> np.ndarray:
        """(rows, cuts) standard deviation of the log cumulative hazard: of shape, level, effects, the group and the paces."""
        z, age = self.scale(x), self._ages(x, at_days)
        design = np.concatenate([np.ones((len(z), 1)), z], axis=1)
        covariance = self.fit.covariance[-design.shape[1] :, -design.shape[1] :]
        variance = np.einsum("ij,jk,ik->i", design, covariance, design)[:, None] + self.factors.of(group)[1][:, None]
        variance = variance + self.step_log_variance
        if isinstance(self.fit.baseline, Weibull):
            for j, cut in enumerate(self.cuts_days):
                clock, slope, _ = self.fit.baseline.slopes(age, np.full(len(age), cut))
                by_shape = slope / np.maximum(clock, 1e-300)
                variance[:, j] += by_shape**2 * self.fit.covariance[0, 0] + 2.0 * by_shape * (
                    design @ self.fit.covariance[0, 1:]
                )
        return np.asarray(np.sqrt(np.maximum(variance, 0.0)))

    def contributions(self, x: np.ndarray, group: np.ndarray) -> np.ndarray:
        """(rows, features) effect * (value - average), in log-hazard units; the age acts through the baseline."""
        return np.asarray(self.scale(x) * self.fit.effects)

    def _clock(self, age: np.ndarray) -> np.ndarray:
        return np.stack([self.fit.baseline.clock(age, np.full(len(age), cut)) for cut in self.cuts_days], axis=1)

    def _ages(self, x: np.ndarray, at_days: np.ndarray | None) -> np.ndarray:
        found = np.full(len(x), np.nan) if at_days is None else np.asarray(at_days, dtype=float)
        if self.age_column is not None:
            found = np.where(np.isfinite(found), found, x[:, self.age_column])
        return np.maximum(np.where(np.isfinite(found), found, self.age_days), 0.0)

    def words(self) -> dict[str, Any]:
        """What the basis says of it."""
        found = self.fit.baseline
        return {
            "baseline": "weibull in age" if isinstance(found, Weibull) else "steps since the landmark",
            "shape": found.shape if isinstance(found, Weibull) else None,
            "ridge": self.fit.ridge,
            "group_strength": None if np.isinf(self.factors.strength) else self.factors.strength,
        }


def fit_pooled(given: Landmarks, cuts_days: np.ndarray, groups: int, prior: Prior | None) -> Pooled:
    """The parametric hazard of these rows. ValueError when there is neither an event nor a prior."""
    aged = _ages_known(given)
    rows = given.take(np.isfinite(given.at_days) & (given.at_days >= 0)) if aged else given
    days, event = rows.within(cuts_days)
    weight = rows.weights() / seen_once(rows, cuts_days).overlap
    weight = np.where(days > 0, weight, 0.0)
    age = np.maximum(rows.at_days, 0.0) if aged else np.zeros(len(rows))
    column = _age_column(rows) if aged else None
    scale = Scale.of(rows.x, weight)
    if column is not None:
        scale = replace(scale, spread=np.where(np.arange(len(scale.spread)) == column, 0.0, scale.spread))
    sum_of_weights = float(weight.sum())
    unit_days = float((weight * (age + days)).sum()) / sum_of_weights if sum_of_weights > 0 else 1.0
    start: Weibull | Steps = Weibull(1.0, unit_days) if aged else Steps(cuts_days, np.ones(len(cuts_days)), unit_days)
    told = Rows(scale(rows.x), age, days, event.astype(float), weight, np.zeros(len(rows)))
    fit, factors, step_variance = _in_turns(told, start, rows.group, groups, cuts_days, prior)
    middle = float(np.median(age)) if len(age) else 0.0
    return Pooled(cuts_days, scale, fit, factors, middle, column, step_variance)


def _in_turns(
    rows: Rows, baseline: Weibull | Steps, group: np.ndarray, groups: int, cuts_days: np.ndarray, prior: Prior | None
) -> tuple[Fitted, Factors, np.ndarray]:
    """Effects given factors and paces, then those given effects; the ridge is chosen once, by its evidence."""
    believed = (prior.events, prior.unit_years * DAYS_PER_YEAR) if prior is not None else (0.0, 0.0)
    tried = [fitted(rows, baseline, ridge, believed) for ridge in (RIDGES if rows.z.shape[1] else RIDGES[:1])]
    fit = max(tried, key=lambda each: each.evidence)
    open_by_ridge = between_ridges(tried) - fit.covariance
    steps, member = Factors(np.ones(0), np.zeros(0), np.inf), group >= 0
    factors = steps
    for _ in range(TURNS):
        risk = rows.weight * np.exp(np.minimum(fit.level + rows.z @ fit.effects, 50.0))
        expected = risk * fit.baseline.clock(rows.age, rows.days)
        factors = pooled(*(np.bincount(group[member], w[member], groups) for w in (rows.weight * rows.event, expected)))
        rows = replace(rows, log_factor=np.log(factors.of(group)[0]))
        baseline = fit.baseline
        if isinstance(baseline, Steps):
            steps = _paces(rows, risk, cuts_days, baseline.unit_days)
            baseline = replace(baseline, pace=steps.value)
        settled = np.isinf(factors.strength) and np.isinf(steps.strength)
        if settled:
            break
        fit = fitted(rows, baseline, fit.ridge, believed)
    happened = np.cumsum(np.bincount(interval_of(rows.days, cuts_days), rows.weight * rows.event, len(cuts_days)))
    fit = replace(fit, covariance=fit.covariance + open_by_ridge)
    if np.isinf(steps.strength):
        return fit, factors, np.zeros(len(cuts_days))
    # the level's own variance already holds what all events together leave open
    return fit, factors, 1.0 / (steps.strength + happened) - 1.0 / (steps.strength + happened[-1])


def _paces(rows: Rows, risk: np.ndarray, cuts_days: np.ndarray, unit_days: float) -> Factors:
    """The pace of each interval after the landmark, pooled towards the same for all."""
    days = ((risk * np.exp(rows.log_factor))[:, None] * exposure(rows.days, cuts_days)).sum(axis=0) / unit_days
    events = np.bincount(interval_of(rows.days, cuts_days), rows.weight * rows.event, len(cuts_days))
    level = events.sum() / days.sum() if days.sum() > 0 and events.sum() > 0 else 1.0
    return pooled(events, days * level)


def _ages_known(given: Landmarks) -> bool:
    return (
        given.aged and len(given) > 0 and bool(np.mean(np.isfinite(given.at_days) & (given.at_days >= 0)) >= KNOWN_AGES_RATIO)
    )


def _age_column(given: Landmarks) -> int | None:
    """The feature that equals the age in every row; None where none does, or where ages do not differ."""
    if np.ptp(given.at_days) == 0:
        return None
    for k in range(given.x.shape[1]):
        if np.allclose(given.x[:, k], given.at_days, rtol=1e-4, atol=0.51):
            return k
    return None
