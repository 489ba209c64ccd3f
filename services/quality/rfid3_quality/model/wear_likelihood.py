"""How likely is each step from reading to reading, and which way does it pull the pace? Vectorised over rows.

A reading may be one grade off. What was there at the first reading follows from it by Bayes with a flat prior; wear over τ and,
with a repair between, a lift follow; then the second reading is misread again. A hundredth of all steps is granted to slips
nothing here explains, so that no single row decides. Pairs of one unit count as if apart (a composite likelihood).
"""

from dataclasses import dataclass

import numpy as np

from rfid3_quality.model.grades import LEVELS
from rfid3_quality.model.wear_chain import SHORTEST, Chain, grid, hermite, hermite_slope, lift, misread, place

SLIP_RATIO = 0.01


@dataclass(frozen=True)
class Shape:
    """What all classes share: how intensity depends on the grade, depth of falls, misreading and lift."""

    tilt: float
    bend: float
    deeper: tuple[float, float]
    """Log of the share of falls by two and by three grades over the share by one."""
    log_odds_misread: float
    log_lift: float

    @property
    def chain(self) -> Chain:
        """The chain of these numbers."""
        raw = np.exp([0.0, *np.clip(self.deeper, -12.0, 6.0)])
        one, two, three = (float(share) for share in raw / raw.sum())
        return Chain(self.tilt, self.bend, (one, two, three))

    @property
    def misread_ratio(self) -> float:
        """Share of readings one grade off, below a half."""
        return float(0.5 / (1.0 + np.exp(-np.clip(self.log_odds_misread, -30.0, 30.0))))

    @property
    def lift_grades(self) -> float:
        """Grades a repair lifts by on average, before A+ stops it."""
        return float(np.exp(np.clip(self.log_lift, -5.0, 2.5)))

    def as_array(self) -> np.ndarray:
        """The six numbers in order."""
        return np.array([self.tilt, self.bend, *self.deeper, self.log_odds_misread, self.log_lift])

    @classmethod
    def from_array(cls, numbers: np.ndarray) -> "Shape":
        """The other way round."""
        tilt, bend, two, three, odds, up = (float(number) for number in numbers)
        return cls(tilt, bend, (two, three), odds, up)


def tables(shape: Shape) -> tuple[np.ndarray, np.ndarray]:
    """P(second reading | first) at every node of wear time and its slope by log τ: two (nodes, 242), cell = repaired·121 + 11·from + to."""
    chain = shape.chain
    seen = misread(shape.misread_ratio)
    there = seen.T / seen.T.sum(axis=1, keepdims=True)
    last = np.concatenate([seen, lift(shape.lift_grades) @ seen], axis=1)
    parts = np.concatenate([chain.nodes, chain.nodes @ chain.generator * grid()[:, None, None]])
    seen_so = (there @ parts @ last).reshape(-1, LEVELS, 2, LEVELS).transpose(0, 2, 1, 3).reshape(2, -1, 2 * LEVELS**2)
    value, by_log = seen_so
    return (1 - SLIP_RATIO) * value + SLIP_RATIO / LEVELS, (1 - SLIP_RATIO) * by_log


def cells(from_grade: np.ndarray, to_grade: np.ndarray, repaired: np.ndarray) -> np.ndarray:
    """The column of each row in `tables`."""
    return np.asarray(repaired.astype(np.int64) * LEVELS**2 + from_grade.astype(np.int64) * LEVELS + to_grade.astype(np.int64))


def log_likelihood(shape: Shape, cell: np.ndarray, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Per row: the log likelihood and its slope by log τ."""
    value, by_log = tables(shape)
    below, s = place(tau)
    corners = (value[below, cell], value[below + 1, cell], by_log[below, cell], by_log[below + 1, cell])
    found = sum(weight * corner for weight, corner in zip(hermite(s), corners, strict=True))
    slope = sum(weight * corner for weight, corner in zip(hermite_slope(s), corners, strict=True))
    found = np.maximum(found, 1e-12)
    return np.log(found), np.where(tau < SHORTEST, 0.0, slope / found)


def given_change(
    shape: Shape, cell: np.ndarray, stays: np.ndarray, told: np.ndarray, tau: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same where some rows (`told`) are known only because the second reading was another: their likelihood given that it was.

    stays: the column of the step that reads the same again. A look that finds the same grade leaves no trace in a record where scans
    copy grades, so how often anybody looks drops out of what is known.
    """
    known = len(cell)
    every, every_by_log = log_likelihood(shape, np.append(cell, stays[told]), np.append(tau, tau[told]))
    value, by_log = every[:known], every_by_log[:known]
    chance = np.exp(every[known:])
    other = np.maximum(1.0 - chance, 1e-9)
    value[told] -= np.log(other)
    by_log[told] += chance * every_by_log[known:] / other
    return value, by_log
