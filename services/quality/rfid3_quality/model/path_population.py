"""How do the paths of a population hang together? Random coefficients, a wandering residual and noise; all normal, all exact.

y_u(s) = a_u + b_u·φ(s) + σ_w·W_u(s) + σ_e·ε: (a_u, b_u) around a common mean (empirical Bayes), b's moving with what else is known
of the unit where columns are used (z, `path_columns`), W Brownian motion from the unit's
beginning, so that an error of shape grows and is not taken for noise. The four deviations maximise the marginal likelihood with
wide log-normal beliefs about them; time and score are scaled to 1 beforehand.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rfid3_quality.model.path_forms import Form

MOST_UNITS, MOST_POINTS, MOST_OWN_POINTS = 60, 32, 160
BELIEFS = np.log([0.03, 0.1, 0.2, 0.5, 0.05, 0.1])
"""Medians of the noise, the wandering, the spread of a and of b and the ripple, as shares of the scores' range; of the ripple's
length, as a share of the longest record."""
WIDTHS = np.array([1.5, 1.0, 1.5, 1.0, 1.5, 0.7])
REACH_SDS, SLOPES = 3.5, 25
BROAD = 0.04
"""Precision of the belief about the mean path: next to nothing, so that one unit alone can be told."""
TELLING = 4.0
"""Precision of the belief about what one standard deviation of a column does to b: some 0.5 of the scores' range over a record."""
NOTHING = np.zeros(0)


@dataclass(frozen=True)
class Population:
    """One form fitted to all records: deviations (noise, wandering, a, b) and what the records say of the mean (a, b, columns)."""

    form: Form
    deviations: np.ndarray
    information: np.ndarray
    pull: np.ndarray

    def ahead(self, s: np.ndarray, y: np.ndarray, at: np.ndarray, z: np.ndarray = NOTHING) -> "Ahead":
        """A unit's path at `at`, noise apart, given its record, which must be among those fitted; z: its columns, standardised."""
        s, y = _thinned(s, y, MOST_OWN_POINTS)
        left, right = _told(self.form, self.deviations, s, y, z)
        others = np.linalg.inv(self.information - left + _belief(len(z)))
        centre = others @ (self.pull - right)
        spread = others + np.diag([*self.deviations[2:4] ** 2, *np.zeros(len(z))])
        design, ahead, pace = _design(self.form, s, z), _design(self.form, at, z), np.concatenate([[0.0, 1.0], z])
        cross = np.concatenate([ahead, pace[None]]) @ spread @ design.T
        cross[:-1] += _residual(self.deviations, at[:, None], s[None, :])
        seen = design @ spread @ design.T + _residual(self.deviations, s[:, None], s[None, :])
        seen += self.deviations[0] ** 2 * np.eye(len(s))
        off = y - design @ centre
        gain = np.linalg.solve(seen, cross.T).T
        shift = gain @ off
        variance = np.einsum("ij,jk,ik->i", ahead, spread, ahead) + _residual(self.deviations, at, at)
        return Ahead(
            mean=ahead @ centre + shift[:-1],
            sd=np.sqrt(np.maximum(variance - np.einsum("ij,ij->i", gain[:-1], cross[:-1]), 1e-12)),
            slope=float(pace @ centre + shift[-1]),
            slope_sd=float(np.sqrt(max(pace @ spread @ pace - gain[-1] @ cross[-1], 1e-12))),
            covariance=ahead @ spread @ pace - gain[:-1] @ cross[-1],
            log_evidence=float(-0.5 * (off @ np.linalg.solve(seen, off) + np.linalg.slogdet(seen)[1])),
        )

    @property
    def pace_ratios(self) -> list[float]:
        """What one standard deviation more of each column adds to the pace, as a share of the mean pace."""
        centre = np.linalg.solve(self.information + _belief(len(self.pull) - 2), self.pull)
        return [float(effect / centre[1]) for effect in centre[2:]]


@dataclass(frozen=True)
class Ahead:
    """A path to come: mean and standard deviation at each time, those of its b, and the covariance of the path with b.

    log_evidence: how likely the record so far is to one who knows the other units' alone; up to a constant.
    """

    mean: np.ndarray
    sd: np.ndarray
    slope: float
    slope_sd: float
    covariance: np.ndarray
    log_evidence: float

    def widened(self, factor: float) -> "Ahead":
        """The same with every deviation times a factor."""
        slope_sd, covariance = self.slope_sd * factor, self.covariance * factor**2
        return Ahead(self.mean, self.sd * factor, self.slope, slope_sd, covariance, self.log_evidence)

    def by_slope(self, sign: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The same as a mixture over values of b of one sign (0: any): weights (K,), means and deviations (K, times).

        Wear does not heal by itself: what a record leaves open of the slope is open on one side only.
        """
        low, high = self.slope - REACH_SDS * self.slope_sd, self.slope + REACH_SDS * self.slope_sd
        if sign > 0:
            low, high = max(low, 0.0), max(high, self.slope_sd)
        if sign < 0:
            low, high = min(low, -self.slope_sd), min(high, 0.0)
        b = np.linspace(low, high, SLOPES)
        log_weight = -(((b - self.slope) / self.slope_sd) ** 2) / 2
        weight = np.exp(log_weight - log_weight.max())
        pull = self.covariance / self.slope_sd**2
        left = np.sqrt(np.maximum(self.sd**2 - pull * self.covariance, 1e-12))
        return weight / weight.sum(), self.mean + (b - self.slope)[:, None] * pull, np.broadcast_to(left, (SLOPES, len(left)))


def fit(form: Form, s: Sequence[np.ndarray], y: Sequence[np.ndarray], z: Sequence[np.ndarray] | None = None) -> Population:
    """The population of one form; s and y scaled; z: columns of each unit, standardised."""
    from scipy.optimize import minimize

    z = [NOTHING] * len(s) if z is None else z
    picked = np.unique(np.linspace(0, len(s) - 1, min(len(s), MOST_UNITS)).round().astype(int))
    batch = _batch([_thinned(s[k], y[k], MOST_POINTS) for k in picked], [z[k] for k in picked], form)
    bounds = [(-9.0, 3.0)] * len(BELIEFS)
    found = minimize(_loss, BELIEFS, args=(batch,), jac=True, method="L-BFGS-B", options={"maxiter": 30}, bounds=bounds)
    deviations = np.exp(found.x)
    told = [_told(form, deviations, *_thinned(at, seen, MOST_OWN_POINTS), own) for at, seen, own in zip(s, y, z, strict=True)]
    size = 2 + len(z[0])
    return Population(
        form,
        deviations,
        sum((left for left, _ in told), np.zeros((size, size))),
        sum((right for _, right in told), np.zeros(size)),
    )


@dataclass(frozen=True)
class _Batch:
    """Records of equal length, short ones filled up: design (units, points, 2 + columns), s, y, seen (units, points)."""

    design: np.ndarray
    s: np.ndarray
    y: np.ndarray
    seen: np.ndarray


def _batch(records: Sequence[tuple[np.ndarray, np.ndarray]], z: Sequence[np.ndarray], form: Form) -> _Batch:
    longest = max(len(at) for at, _ in records)
    s, y, seen = (np.zeros((len(records), longest)) for _ in range(3))
    for row, (at, values) in enumerate(records):
        s[row, : len(at)], y[row, : len(at)], seen[row, : len(at)] = at, values, 1.0
    design = np.stack([_design(form, part, own) for part, own in zip(s, z, strict=True)]) * seen[:, :, None]
    return _Batch(design, s * seen, y, seen)


def _loss(logs: np.ndarray, batch: _Batch) -> tuple[float, np.ndarray]:
    """Negative log of the marginal likelihood, the mean path integrated out, times the beliefs; with its slope by each logarithm."""
    deviations = np.exp(logs)
    noise, wander, of_a, of_b, ripple, _ = deviations**2
    one, other = batch.s[:, :, None], batch.s[:, None, :]
    both = batch.seen[:, :, None] * batch.seen[:, None, :]
    phi = batch.design[:, :, 1]
    apart = np.abs(one - other)
    fading = ripple * np.exp(-apart / deviations[5]) * both
    parts = [
        noise * np.eye(batch.s.shape[1]) * both,
        wander * np.minimum(one, other) * both,
        of_a * both,
        of_b * phi[:, :, None] * phi[:, None, :],
        fading,
    ]
    # A point that is not there is noise of size one, read as zero: it adds nothing that depends on the deviations.
    inverse = np.linalg.inv(sum(parts) + np.eye(batch.s.shape[1]) * (1.0 - batch.seen)[:, :, None])
    solved = inverse @ batch.design
    left = np.einsum("uni,unj->ij", batch.design, solved) + _belief(batch.design.shape[2] - 2)
    right = np.einsum("uni,un->i", solved, batch.y)
    centre = np.linalg.solve(left, right)
    weights = np.einsum("unm,um->un", inverse, batch.y) - solved @ centre
    fit = float((weights * batch.y).sum())
    volume = -np.linalg.slogdet(inverse)[1].sum() + np.linalg.slogdet(left)[1]
    off = (logs - BELIEFS) / WIDTHS
    # The slope of both terms is half the trace of this with the derivative of the covariance.
    pull = inverse - solved @ np.linalg.inv(left) @ solved.transpose(0, 2, 1) - weights[:, :, None] * weights[:, None, :]
    slope = [float((pull * part).sum()) for part in parts] + [float((pull * fading * apart).sum()) / (2 * deviations[5])]
    return float(0.5 * (fit + volume + off @ off)), np.array(slope) + off / WIDTHS


def _told(form: Form, deviations: np.ndarray, s: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What one record says of the mean (a, b, columns), p numbers: its information, (p, p), and its pull, (p,)."""
    noise, _, of_a, of_b = deviations[:4] ** 2
    design = _design(form, s, z)
    own = design[:, :2]
    cover = (own * [of_a, of_b]) @ own.T + _residual(deviations, s[:, None], s[None, :]) + noise * np.eye(len(s))
    solved = np.linalg.solve(cover, np.column_stack([design, y]))
    return design.T @ solved[:, :-1], design.T @ solved[:, -1]


def _belief(columns: int) -> np.ndarray:
    """Precision of the belief about the mean (a, b) and what each column does to b."""
    return np.diag([BROAD, BROAD, *[TELLING] * columns])


def _residual(deviations: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Covariance of what the form leaves over, noise apart, between times: wandering that grows, and a ripple that fades."""
    _, wander, _, _, ripple, length = deviations
    return np.asarray(wander**2 * np.minimum(one, other) + ripple**2 * np.exp(-np.abs(one - other) / length))


def _design(form: Form, s: np.ndarray, z: np.ndarray) -> np.ndarray:
    phi = form.phi(s)
    return np.stack([np.ones(len(s)), phi, *(each * phi for each in z)], axis=1)


def _thinned(s: np.ndarray, y: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """At most so many points, evenly picked, first and last among them."""
    if len(s) <= most:
        return s, y
    picked = np.unique(np.linspace(0, len(s) - 1, most).round().astype(int))
    return s[picked], y[picked]
