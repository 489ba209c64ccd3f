"""Which level, shape and effects are most likely, given clocked exposure and events? Newton on a ridge-penalised likelihood.

Per row: events * (log hazard) - cumulative hazard, both from the moment sight began (left truncation) to the moment it ended
(right censoring). Parameters: [log shape,] level, effects. Priors are normal: log shape N(0, SHAPE_SPREAD^2), effects N(0, ridge^2).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rfid3_maintenance.model.baseline import Steps, Weibull

SHAPE_SPREAD = 0.7
"""Before events speak, shapes between 0.4 and 2.5 have 80 %."""
RIDGES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.8)
"""Spreads of effects (log-hazard per feature spread) that are weighed against each other by their evidence."""
MOST_STEPS = 60
LOG_SHAPES = (np.log(0.1), np.log(20.0))


@dataclass(frozen=True)
class Rows:
    """What the likelihood is a sum over."""

    z: np.ndarray
    """(rows, features) scaled."""
    age: np.ndarray
    days: np.ndarray
    event: np.ndarray
    """(rows,) float 0/1."""
    weight: np.ndarray
    log_factor: np.ndarray
    """(rows,) logarithm of the group's factor."""


@dataclass(frozen=True)
class Fitted:
    """The most likely parameters, and how sure they are."""

    baseline: Weibull | Steps
    level: float
    effects: np.ndarray
    covariance: np.ndarray
    """Of [log shape,] level, effects: inverse curvature of the penalised log-likelihood."""
    evidence: float
    """Laplace's approximation of the log marginal likelihood, up to a constant."""
    ridge: float

    def parameters(self) -> np.ndarray:
        """[log shape,] level, effects."""
        shape = [np.log(self.baseline.shape)] if isinstance(self.baseline, Weibull) else []
        return np.asarray(np.r_[shape, self.level, self.effects])


def fitted(rows: Rows, baseline: Weibull | Steps, ridge: float, believed: tuple[float, float]) -> Fitted:
    """Newton with halved steps from the exponential model. believed: prior (events, unit-days) of the average unit, or (0, 0)."""
    ageing = isinstance(baseline, Weibull)
    count = rows.z.shape[1]
    total = float((rows.weight * rows.event).sum()) + believed[0]
    clocked = baseline.clock(rows.age, rows.days)
    # the prior's time on the clock: at the average pace of what was seen
    seen = float((rows.weight * rows.days).sum())
    pace = float((rows.weight * clocked).sum()) / seen if seen > 0 else 1.0 / baseline.unit_days
    prior = (believed[0], believed[1] * pace)
    reach = float((rows.weight * clocked * np.exp(rows.log_factor)).sum()) + prior[1]
    if total <= 0 or reach <= 0:
        raise ValueError("no events and no prior: a level cannot be told")
    start = [np.log(baseline.shape)] if isinstance(baseline, Weibull) else []
    theta = np.r_[start, np.log(total / reach), np.zeros(count)]
    value, gradient, curvature = posterior(theta, rows, baseline, ridge, prior)
    for _ in range(MOST_STEPS):
        step = np.linalg.solve(curvature, gradient)
        step /= max(1.0, float(np.abs(step).max()))
        size = 1.0
        while size > 1e-6:
            moved = theta + size * step
            if ageing:
                moved[0] = np.clip(moved[0], *LOG_SHAPES)
            new = posterior(moved, rows, baseline, ridge, prior)
            if new[0] >= value - 1e-12 * abs(value):
                break
            size /= 2.0
        gain, theta = new[0] - value, moved
        value, gradient, curvature = new
        if gain < 1e-9 * (1.0 + abs(value)) and float(np.abs(size * step).max()) < 1e-6:
            break
    covariance = np.linalg.inv(curvature)
    _, logdet = np.linalg.slogdet(curvature)
    evidence = value - count * float(np.log(ridge)) - 0.5 * float(logdet)
    found = Weibull(float(np.exp(theta[0])), baseline.unit_days) if isinstance(baseline, Weibull) else baseline
    return Fitted(found, float(theta[int(ageing)]), theta[1 + int(ageing) :], covariance, evidence, ridge)


def between_ridges(tried: Sequence[Fitted]) -> np.ndarray:
    """Covariance of the parameters when the ridge is uncertain too: fits mixed by their evidence, around the best one."""
    evidence = np.array([each.evidence for each in tried])
    share = np.exp(evidence - evidence.max())
    best = tried[int(np.argmax(evidence))].parameters()
    apart = [each.parameters() - best for each in tried]
    parts = [each.covariance + np.outer(gap, gap) for each, gap in zip(tried, apart, strict=True)]
    return np.asarray(np.average(parts, axis=0, weights=share))


def posterior(
    theta: np.ndarray, rows: Rows, baseline: Weibull | Steps, ridge: float, prior: tuple[float, float]
) -> tuple[float, np.ndarray, np.ndarray]:
    """Log posterior, its gradient, and minus its Hessian (kept positive definite)."""
    ageing = isinstance(baseline, Weibull)
    level, effects = theta[int(ageing)], theta[1 + int(ageing) :]
    plain = np.minimum(level + rows.z @ effects + rows.log_factor, 50.0)
    if isinstance(baseline, Weibull):
        baseline = Weibull(float(np.exp(theta[0])), baseline.unit_days)
        clock, first, second = baseline.slopes(rows.age, rows.days)
        ends = np.maximum(rows.age + rows.days, 1e-12)
        log_rate = np.where(rows.event > 0, np.log(np.maximum(baseline.rate(ends), 1e-300)), 0.0)
    else:
        clock, log_rate = baseline.clock(rows.age, rows.days), np.zeros(len(rows.days))
    w = rows.weight
    hazard = w * np.exp(plain) * clock
    told = w * rows.event
    level_time = prior[1] * np.exp(level)
    value = float((told * (plain + log_rate)).sum() - hazard.sum() + prior[0] * level - level_time)
    value -= float((effects**2).sum()) / (2.0 * ridge**2)
    design = np.concatenate([np.ones((len(w), 1)), rows.z], axis=1)
    gradient = design.T @ (told - hazard)
    gradient[0] += prior[0] - level_time
    gradient[1:] -= effects / ridge**2
    curvature = design.T @ (hazard[:, None] * design)
    curvature[0, 0] += level_time
    curvature[np.arange(1, len(curvature)), np.arange(1, len(curvature))] += 1.0 / ridge**2
    if not isinstance(baseline, Weibull):
        return value, gradient, curvature
    value -= theta[0] ** 2 / (2.0 * SHAPE_SPREAD**2)
    risk = w * np.exp(plain)
    log_end = baseline.shape * np.log(ends / baseline.unit_days)
    by_shape = float((told * (1.0 + log_end)).sum() - (risk * first).sum()) - theta[0] / SHAPE_SPREAD**2
    bend = float((risk * second).sum() - (told * log_end).sum()) + 1.0 / SHAPE_SPREAD**2
    cross = design.T @ (risk * first)
    whole = np.block([[np.array([[bend]]), cross[None, :]], [cross[:, None], curvature]])
    return value, np.r_[by_shape, gradient], _positive(whole)


def _positive(curvature: np.ndarray) -> np.ndarray:
    """The matrix with its first diagonal entry raised where the shape's bend would make it indefinite."""
    inner = np.linalg.solve(curvature[1:, 1:], curvature[1:, 0])
    least = float(curvature[0, 1:] @ inner)
    floor = least + 1e-6 * max(abs(least), 1.0)
    if curvature[0, 0] < floor:
        curvature = curvature.copy()
        curvature[0, 0] = least + max(abs(curvature[0, 0] - least), 1e-3 * max(abs(least), 1.0))
    return curvature
