"""Who foretells the crossing? Ours, and the two lines one would draw by hand: straight, and exponential, per unit."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from rfid3_quality.evaluation.origins import Origin
from rfid3_quality.model.degradation import REACH, Degradation, Record, fit_degradation
from rfid3_quality.model.first_passage import Direction, crossing
from rfid3_shared.normal import Z_80

STEPS = 4000


class Foretold(NamedTuple):
    """Quantiles 10, 50, 90 % of the time of crossing; inf beyond the reach."""

    lower_t: float
    median_t: float
    upper_t: float


Foreteller = Callable[[Sequence[Origin], float, Direction, Callable[[], None]], list[Foretold]]


def ours(given: Sequence[Origin], threshold: float, direction: Direction, tick: Callable[[], None]) -> list[Foretold]:
    """`rfid3 quality project` as it would have answered at each origin; one fit serves origins that know the same records."""
    found: list[Foretold] = []
    fitted: dict[tuple[tuple[str, int], ...], Degradation] = {}
    for origin in given:
        known = tuple(sorted((record.unit, len(record.t)) for record in origin.known))
        if known not in fitted:
            records = sorted(origin.known, key=lambda record: record.unit)
            fitted[known] = fit_degradation(records, -1.0 if direction == "falls" else 1.0)
        one = crossing(fitted[known], origin.known[0], threshold, direction)
        found.append(Foretold(one.lower_t, one.median_t, one.upper_t))
        tick()
    return found


def linear(given: Sequence[Origin], threshold: float, direction: Direction, tick: Callable[[], None]) -> list[Foretold]:
    """Least squares of the score on time, per unit; interval from the line's and the residuals' variance."""
    return [_line(origin.known[0], threshold, direction, False, tick) for origin in given]


def exponential(given: Sequence[Origin], threshold: float, direction: Direction, tick: Callable[[], None]) -> list[Foretold]:
    """Least squares of the logarithm of the score on time, per unit; scores of zero or less are left out."""
    return [_line(origin.known[0], threshold, direction, True, tick) for origin in given]


FORETELLERS: dict[str, Foreteller] = {"rfid3": ours, "linear": linear, "exponential": exponential}


def _line(record: Record, threshold: float, direction: Direction, logs: bool, tick: Callable[[], None]) -> Foretold:
    tick()
    keep = record.y > 0 if logs else np.ones(len(record.y), dtype=bool)
    t, y = record.t[keep], np.log(record.y[keep]) if logs else record.y
    never = Foretold(np.inf, np.inf, np.inf)
    if len(t) < 3 or (logs and threshold <= 0):
        return never
    goal = np.log(threshold) if logs else threshold
    design = np.stack([np.ones(len(t)), t - t.mean()], axis=1)
    centre, *_ = np.linalg.lstsq(design, y, rcond=None)
    left = y - design @ centre
    noise = float(left @ left) / (len(t) - 2)
    spread = np.linalg.inv(design.T @ design) * noise
    ahead = record.t[-1] + (record.t[-1] - record.t[0]) * REACH * np.linspace(0, 1, STEPS)
    at = np.stack([np.ones(STEPS), ahead - t.mean()], axis=1)
    mean, sd = at @ centre, np.sqrt(np.einsum("ij,jk,ik->i", at, spread, at) + noise)
    side = 1.0 if direction == "falls" else -1.0
    return Foretold(*(_first(ahead, side * (goal - mean) >= z * sd) for z in (-Z_80, 0.0, Z_80)))


def _first(t: np.ndarray, beyond: np.ndarray) -> float:
    return float(t[np.argmax(beyond)]) if beyond.any() else float("inf")
