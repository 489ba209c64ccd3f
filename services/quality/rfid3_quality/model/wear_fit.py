"""How fast does each class wear? Penalised likelihood of the steps between readings, spreads between classes by empirical Bayes.

log pace of a row = all + category + class + covariates; τ = pace · (turns + idle · days). Every number has a Gaussian belief
(`wear_prior`) as its penalty, so few readings give the prior and many give themselves. Same steps, same numbers.
"""

from dataclasses import dataclass

import numpy as np

from rfid3_quality.model.wear import Wear
from rfid3_quality.model.wear_likelihood import Shape, cells, given_change
from rfid3_quality.model.wear_pooling import Pool, pool, spread_between, spread_of_units
from rfid3_quality.model.wear_prior import WearPrior
from rfid3_quality.model.wear_steps import WearSteps, material_of_group

ROUNDS = 4
SHAPES = 6
COVARIATE_SPREAD = 0.3
NUDGE = 1e-5
FEW_CHANGES = 5
MOST_UNIT_VARIANCE = 1.0


def fit_wear(steps: WearSteps, prior: WearPrior | None = None) -> Wear:
    """The wear model of these steps; without any it is the prior, and says so."""
    return _Fit(steps, prior or WearPrior()).run()


@dataclass
class _Fit:
    steps: WearSteps
    prior: WearPrior

    def __post_init__(self) -> None:
        s, prior = self.steps, self.prior
        self.cell = cells(s.from_grade, s.to_grade, s.repaired)
        self.stays = cells(s.from_grade, s.from_grade, s.repaired)
        self.told = np.zeros(len(s.unit), bool) if s.told_by_change is None else s.told_by_change
        self.x, self.centre, self.scale = _standardised(s.x, len(s.unit))
        self.material_of = material_of_group(s)
        known = s.group >= 0
        self.material = s.material.astype(np.int64).copy()
        self.material[known] = self.material_of[s.group[known]] if known.any() else -1
        odds = 2 * prior.misread_ratio
        shape = Shape(0.0, 0.0, (-1.5, -3.0), float(np.log(odds / (1 - odds))), float(np.log(prior.lift_grades)))
        covariates = self.x.shape[1]
        self.centres = np.concatenate(
            [shape.as_array(), [-np.log(prior.turns_per_grade), -np.log(prior.idle_days_per_turn)], np.zeros(covariates)]
        )
        self.widths = np.concatenate([
            [0.5, 0.3, 1.0, 1.0, prior.width(prior.misread_factor), prior.width(prior.lift_factor)],
            [prior.width(prior.turns_per_grade_factor), prior.width(prior.idle_factor)],
            np.full(covariates, COVARIATE_SPREAD),
        ])  # fmt: skip
        self.spreads = (prior.spread_of_groups, prior.spread_of_groups)

    def run(self) -> Wear:
        """Spreads and effects in turn, a few rounds; then what is left unknown."""
        groups, materials = self.steps.groups, self.steps.materials
        theta = np.concatenate([self.centres, np.zeros(materials + groups)])
        pooled = self._pool(theta)
        if len(self.steps.unit):
            for _ in range(ROUNDS):
                theta = self._climb(theta)
                pooled = self._pool(theta)
                u, v = theta[-(materials + groups) :][:materials], theta[len(theta) - groups :]
                seen = np.unique(self.steps.group[self.steps.group >= 0])
                kinds = np.unique(self.material[self.material >= 0])
                # What stays unknown of an effect itself, without what is unknown above it: at most the spread.
                left_c = np.minimum(pooled.of_group[seen] * (1 - pooled.own_share[seen]), self.spreads[0] ** 2)
                left_m = np.minimum(pooled.of_material[kinds] * (1 - pooled.material_share[kinds]), self.spreads[1] ** 2)
                believed = self.prior.spread_of_groups
                self.spreads = (spread_between(v[seen], left_c, believed), spread_between(u[kinds], left_m, believed))
            theta = self._climb(theta)
            pooled = self._pool(theta)
        return self._model(theta, pooled)

    def _tau(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Wear times of the rows, and the share of each that is due to days."""
        s, tail = self.steps, theta[SHAPES + 2 :]
        covariates = self.x.shape[1]
        u = np.append(tail[covariates : covariates + s.materials], 0.0)
        v = np.append(tail[covariates + s.materials :], 0.0)
        eta = theta[SHAPES] + self.x @ tail[:covariates] + u[self.material] + v[s.group]
        idle = np.exp(theta[SHAPES + 1]) * s.days
        amount = s.turns + idle
        return np.exp(np.clip(eta, -12.0, 5.0)) * amount, np.divide(idle, amount, out=np.zeros_like(amount), where=amount > 0)

    def _likelihood(self, shape: Shape, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return given_change(shape, self.cell, self.stays, self.told, tau)

    def _penalty(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        centres = np.concatenate([self.centres, np.zeros(self.steps.materials + self.steps.groups)])
        sizes = (self.steps.materials, self.steps.groups)
        widths = np.concatenate([self.widths, np.repeat(self.spreads[::-1], sizes)])
        off = (theta - centres) / widths
        return 0.5 * float(off @ off), off / widths

    def _loss(self, theta: np.ndarray) -> tuple[float, np.ndarray]:
        """Penalised negative log likelihood with its slope: exact by pace, by differences for the six numbers of the shape."""
        s = self.steps
        tau, idle_share = self._tau(theta)
        value, by_log = self._likelihood(Shape.from_array(theta[:SHAPES]), tau)
        penalty, slope = self._penalty(theta)
        whole = value.sum()
        for k in range(SHAPES):
            moved = theta[:SHAPES].copy()
            moved[k] += NUDGE
            slope[k] -= (self._likelihood(Shape.from_array(moved), tau)[0].sum() - whole) / NUDGE
        slope[SHAPES] -= by_log.sum()
        slope[SHAPES + 1] -= (by_log * idle_share).sum()
        begin = SHAPES + 2 + self.x.shape[1]
        slope[SHAPES + 2 : begin] -= self.x.T @ by_log
        for index, size, start in ((self.material, s.materials, begin), (s.group, s.groups, begin + s.materials)):
            slope[start : start + size] -= np.bincount(index[index >= 0], by_log[index >= 0], minlength=size)[:size]
        return penalty - float(whole), slope

    def _climb(self, theta: np.ndarray) -> np.ndarray:
        from scipy.optimize import minimize

        found = minimize(self._loss, theta, jac=True, method="L-BFGS-B", options={"maxiter": 200, "maxfun": 260})
        return np.asarray(found.x)

    def _information(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Per row: the slope by log pace, and the curvature there (a misread row may curve the other way: its sum counts)."""
        shape = Shape.from_array(theta[:SHAPES])
        tau, _ = self._tau(theta)
        up = self._likelihood(shape, tau * np.exp(0.05))[1]
        down = self._likelihood(shape, tau * np.exp(-0.05))[1]
        return self._likelihood(shape, tau)[1], (down - up) / 0.1

    def _pool(self, theta: np.ndarray) -> Pool:
        s = self.steps
        _, curvature = self._information(theta) if len(s.unit) else (np.zeros(0), np.zeros(0))
        counts = (s.groups, s.materials)
        known = np.bincount(s.group[s.group >= 0], curvature[s.group >= 0], minlength=s.groups)[: s.groups]
        positive = np.where(
            s.group >= 0, np.where(known[s.group] > 0, curvature, 0.0) if s.groups else 0.0, np.maximum(curvature, 0.0)
        )
        return pool(positive, s.group, self.material_of, self.material, counts, self.spreads, float(self.widths[SHAPES] ** 2))

    def _model(self, theta: np.ndarray, pooled: Pool) -> Wear:
        s, covariates = self.steps, self.x.shape[1]
        slope, curvature = self._information(theta) if len(s.unit) else (np.zeros(0), np.zeros(0))
        tail = theta[SHAPES + 2 :]
        known = self.x.T @ (self.x * np.maximum(curvature, 0.0)[:, None]) + np.diag(1.0 / self.widths[SHAPES + 2 :] ** 2)
        changed = s.from_grade != s.to_grade
        unit_variance = (
            min(spread_of_units(slope, curvature, s.unit), MOST_UNIT_VARIANCE) if changed.sum() >= FEW_CHANGES else 0.0
        )
        return Wear(
            shape=Shape.from_array(theta[:SHAPES]),
            log_pace=float(theta[SHAPES]),
            log_idle=float(theta[SHAPES + 1]),
            names=s.names,
            centre=self.centre,
            scale=self.scale,
            weights=tail[:covariates],
            weights_variance=np.linalg.inv(known) if covariates else np.zeros((0, 0)),
            of_material=tail[covariates : covariates + s.materials],
            of_group=tail[covariates + s.materials :],
            material_of_group=self.material_of,
            pool=pooled,
            spreads=self.spreads,
            unit_variance=unit_variance,
            shared_variance=self._shared_variance(theta),
            group_names=s.group_names,
            material_names=s.material_names,
            steps_of_group=np.bincount(s.group[s.group >= 0], minlength=s.groups)[: s.groups],
            changes_of_group=np.bincount(s.group[(s.group >= 0) & changed], minlength=s.groups)[: s.groups],
            basis=self._basis(changed, theta),
        )  # fmt: skip

    def _shared_variance(self, theta: np.ndarray) -> float:
        """What the shape and idle wear, being estimates too, add to the variance of everybody's log wear time at the usual mix."""
        if not len(self.steps.unit):
            return 0.0
        size, step = SHAPES + 2, 1e-2
        curvature = np.zeros((size, size))
        for k in range(size):
            nudge = np.zeros(len(theta))
            nudge[k] = step
            curvature[k] = (self._loss(theta + nudge)[1] - self._loss(theta - nudge)[1])[:size] / (2 * step)
        curvature = (curvature + curvature.T) / 2
        mix = np.zeros(size)
        mix[SHAPES:] = 1.0, float(self._tau(theta)[1].mean())
        whole = float(mix @ np.linalg.pinv(curvature, hermitian=True) @ mix)
        return float(np.clip(whole - 1.0 / max(curvature[SHAPES, SHAPES], 1e-9), 0.0, self.widths[SHAPES] ** 2))

    def _basis(self, changed: np.ndarray, theta: np.ndarray) -> dict[str, object]:
        s, shape = self.steps, Shape.from_array(theta[:SHAPES])
        few = int(changed.sum()) < FEW_CHANGES
        return {
            "form": "prior" if few else "pooled",
            "steps": len(s.unit),
            "units": len(np.unique(s.unit)),
            "changes": int(changed.sum()),
            "falls": int((s.to_grade < s.from_grade).sum()),
            "rises": int((s.to_grade > s.from_grade).sum()),
            "repairs": int(s.repaired.sum()),
            "turns": float(s.turns.sum()),
            "why": f"{int(changed.sum())} changes of grade in {len(s.unit)} pairs of readings"
            + (f"; below {FEW_CHANGES} the stated prior decides" if few else ""),
            "prior": self.prior.as_dict(),
            "turns_per_grade": float(np.exp(-theta[SHAPES])),
            "idle_days_per_turn": float(np.exp(-theta[SHAPES + 1])),
            "misread_ratio": shape.misread_ratio,
            "lift_grades": shape.lift_grades,
        }


def _standardised(x: np.ndarray | None, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features with mean 0 and standard deviation 1, unknown ones at the mean; and that mean and deviation."""
    if x is None or not x.shape[1] or not rows:
        width = 0 if x is None else x.shape[1]
        return np.zeros((rows, width)), np.zeros(width), np.ones(width)
    values = x.astype(float)
    known = np.isfinite(values)
    count = np.maximum(known.sum(axis=0), 1)
    centre = np.where(known, values, 0.0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, values - centre, 0.0) ** 2).sum(axis=0) / count)
    scale = np.where(spread > 1e-9, spread, 1.0)
    return np.where(known, (values - centre) / scale, 0.0), centre, scale
