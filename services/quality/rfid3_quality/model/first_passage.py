"""From a path with its uncertainty, when is the threshold crossed? The distribution of the first passage, and its quantiles."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rfid3_quality.model.degradation import GRID, REACH, Degradation, Record

Direction = Literal["falls", "rises"]
LEVELS = (0.1, 0.5, 0.9)
EVERY, HALVINGS = 4, 28
"""The path is told at every fourth time of the grid the crossing is looked for on."""


@dataclass(frozen=True)
class Crossing:
    """When a unit crosses: quantiles in the input's time, inf beyond the horizon. crossed: it had by its last reading.

    t, median, lower, upper: its path from the last reading on, 80 % between lower and upper.
    """

    unit: str
    crossed: bool
    median_t: float
    lower_t: float
    upper_t: float
    t: np.ndarray
    median: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def crossing(model: Degradation, record: Record, threshold: float, direction: Direction, reach: float = REACH) -> Crossing:
    """The first passage of one unit; reach: how far to look, in spans of the longest record beyond the last reading."""
    last = float(record.t[-1])
    ahead = last + model.span * reach * np.linspace(0.0, 1.0, GRID) ** 2
    weights, means, sds = model.ahead(record, ahead)
    shown = slice(None, None, EVERY)
    bands = [_mixed_quantile(weights, means[:, shown], sds[:, shown], level) for level in LEVELS]
    low, middle, high = np.maximum.accumulate(np.array(bands), axis=0)
    seen = first_beyond(record, threshold, direction)
    if seen is not None:
        return Crossing(record.unit, True, seen, seen, seen, ahead[shown], middle, low, high)
    side = 1.0 if direction == "falls" else -1.0
    chance = np.maximum.accumulate(weights @ _normal(side * (threshold - means) / sds))
    early, half, late = (_reached(ahead, chance, level) for level in LEVELS)
    return Crossing(record.unit, False, half, early, late, ahead[shown], middle, low, high)


def first_beyond(record: Record, threshold: float, direction: Direction) -> float | None:
    """The time of the first reading at or beyond the threshold; None when there is none."""
    beyond = record.y <= threshold if direction == "falls" else record.y >= threshold
    return float(record.t[np.argmax(beyond)]) if beyond.any() else None


def recognised(records: list[Record], threshold: float) -> Direction:
    """Whether scores fall below or rise above, by where most units move. Raises ValueError where no unit moves at all."""
    moved = sum(float(np.sign(record.y[-1] - record.y[0])) for record in records)
    if moved == 0:
        away = sum(float(np.sign(record.y[0] - threshold)) for record in records)
        if not any(record.y[-1] != record.y[0] for record in records) or away == 0:
            raise ValueError("No score moves one way: say --direction falls or --direction rises.")
        return "falls" if away > 0 else "rises"
    return "falls" if moved < 0 else "rises"


def _reached(t: np.ndarray, chance: np.ndarray, level: float) -> float:
    if chance[-1] < level:
        return float("inf")
    after = int(np.argmax(chance >= level))
    if after == 0:
        return float(t[0])
    low, high = chance[after - 1], chance[after]
    return float(t[after - 1] + (level - low) / (high - low) * (t[after] - t[after - 1]))


def _mixed_quantile(weights: np.ndarray, means: np.ndarray, sds: np.ndarray, level: float) -> np.ndarray:
    """The quantile of a mixture of normals at each time, by halving."""
    low, high = (means - 8 * sds).min(axis=0), (means + 8 * sds).max(axis=0)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        under = weights @ _normal((middle - means) / sds) < level
        low, high = np.where(under, middle, low), np.where(under, high, middle)
    return np.asarray((low + high) / 2)


def _normal(z: np.ndarray) -> np.ndarray:
    """The standard normal distribution, by Abramowitz & Stegun 26.2.17 (off by less than 1e-7); scipy stays out of serving."""
    t = 1.0 / (1.0 + 0.2316419 * np.abs(z))
    tail = t * (0.319381530 + t * (-0.356563782 + t * (1.781477937 + t * (-1.821255978 + t * 1.330274429))))
    tail = tail * np.exp(-np.minimum(z**2, 1400.0) / 2) / np.sqrt(2 * np.pi)
    return np.asarray(np.where(z > 0, 1.0 - tail, tail))
