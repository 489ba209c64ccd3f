"""Which shapes may a degradation path have? y = a + b·φ(s): one φ for all units, a and b each unit's own.

s is time since a unit's own beginning over the longest record, φ(1) = 1. Linear, powers, saturating or accelerating exponentials,
and the mean shape of all records, piecewise straight and carried on by its last slope.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

POWERS = {0.33: 0.25, 0.5: 0.25, 0.75: 0.5, 1.5: 0.5, 2.0: 0.25}
RATES = {-2.0: 0.25, -1.0: 0.5, 1.0: 0.5, 2.0: 0.25, 3.0: 0.25}
"""Powers and rates with what each counts beforehand, a straight line being 1: the more it bends, the less."""
MOST_EXPONENT = 50.0
KNOTS = 9
ROUNDS = 4
SMOOTH = 0.3
LEAST_UNITS, LEAST_POINTS = 2, 6
Shape = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Form:
    """A named shape, values (n,) of s (n,), and what it counts before any record is seen."""

    name: str
    phi: Shape
    prior: float = 1.0


def forms(s: Sequence[np.ndarray], y: Sequence[np.ndarray]) -> list[Form]:
    """Every form to try for these records; the mean shape only where at least two records are long enough to have one."""
    found = [Form("linear", _power(1.0))]
    found += [Form(f"power {power:g}", _power(power), prior) for power, prior in POWERS.items()]
    found += [Form(f"exponential {rate:g}", _exponential(rate), prior) for rate, prior in RATES.items()]
    if sum(len(part) >= LEAST_POINTS for part in y) >= LEAST_UNITS:
        found.append(Form("mean shape", _mean_shape(s, y)))
    return found


def _power(power: float) -> Shape:
    return lambda at: np.asarray(np.maximum(at, 0.0) ** power)


def _exponential(rate: float) -> Shape:
    return lambda at: np.asarray(np.expm1(np.minimum(rate * at, MOST_EXPONENT)) / np.expm1(rate))


def _mean_shape(s: Sequence[np.ndarray], y: Sequence[np.ndarray]) -> Shape:
    """One φ fitted to all records by turns: each unit's a and b by least squares, then the knots, drawn to a straight line."""
    knots = np.linspace(0.0, 1.0, KNOTS)
    bend = np.diff(np.eye(KNOTS), n=2, axis=0)
    phi: np.ndarray = knots.copy()
    for _ in range(ROUNDS):
        left, right = SMOOTH * bend.T @ bend, np.zeros(KNOTS)
        for at, seen in zip(s, y, strict=True):
            if len(seen) < 3:
                continue
            hats = _hats(at, knots)
            design = np.stack([np.ones(len(at)), hats @ phi], axis=1)
            a, b = np.linalg.lstsq(design, seen, rcond=None)[0]
            weight = 1.0 / len(seen)
            left += weight * b**2 * hats.T @ hats
            right += weight * b * hats.T @ (seen - a)
        solved = np.linalg.solve(left + 1e-9 * np.eye(KNOTS), right)
        reach = float(solved[-1] - solved[0])
        phi = np.asarray((solved - solved[0]) / reach) if abs(reach) > 1e-6 else knots.copy()
    last = (phi[-1] - phi[-3]) / (knots[-1] - knots[-3])

    def shape(at: np.ndarray) -> np.ndarray:
        return np.asarray(np.interp(at, knots, phi) + last * np.maximum(at - 1.0, 0.0))

    return shape


def _hats(at: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Weights of each knot in a piecewise straight line, (n, knots)."""
    return np.stack([np.interp(at, knots, unit) for unit in np.eye(len(knots))], axis=1)
