"""Where will an item's grade stand at a horizon? Many items at once, numpy alone.

The last reading is taken as the truth of its moment. From it the item has worn by the turns and days since, and goes on wearing
by turns at a rate that is itself uncertain. Wear time at a horizon is lognormal: its mean from the pace and the rate, its width
from what is unknown of the pace, from unit to unit, from the rate and from the counting of turns. Seven quadrature points mix it.
Without repair nothing rises: a point's wear time never shrinks with the horizon, and neither does any chance to be below a grade.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from rfid3_quality.model.grades import LEVELS, TOP
from rfid3_quality.model.wear_chain import OCTAVES, PER_OCTAVE, SHORTEST, Chain, transition

if TYPE_CHECKING:
    from rfid3_quality.model.wear import Wear

POINTS = 7
FINER = 8
CHUNK = 20_000
TREND_DAYS, TREND_SCORE = 90.0, 0.02
"""A fall in score by this much within that time is a decline: the alert slope of mission.md, S4-03."""
MOST_LOG_SPREAD = 2.5


@dataclass(frozen=True)
class Standing:
    """What is known of items now: (rows,) each. grade: the last reading, 0..10 · group: class, −1 unknown · turns_per_day ≥ 0.

    x: features, (rows, features) · material: category, for classes without readings · turns_cv: standard deviation of the rate over
    the rate (of a gamma belief) · turns_since, days_since: what came after the reading.
    """

    grade: np.ndarray
    group: np.ndarray
    turns_per_day: np.ndarray
    x: np.ndarray | None = None
    material: np.ndarray | None = None
    turns_cv: np.ndarray | None = None
    turns_since: np.ndarray | None = None
    days_since: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Raises ValueError for grades off the scale and for rates that are unknown or negative."""
        if len(self.grade) and (np.min(self.grade) < 0 or np.max(self.grade) > TOP):
            raise ValueError(f"Grades lie between 0 and {TOP}.")
        rates = np.asarray(self.turns_per_day, dtype=float)
        if not np.isfinite(rates).all() or (rates < 0).any():
            raise ValueError("Turns per day must be known and not negative.")

    def take(self, rows: np.ndarray) -> Standing:
        """The same of some items."""
        given: dict[str, Any] = {name: None if value is None else value[rows] for name, value in self.__dict__.items()}
        return Standing(**given)


@dataclass(frozen=True)
class Projection:
    """Chances over grades, (rows, horizons, 11), F first; scores (0 to 1), (rows, horizons); 80 % between lower and upper."""

    horizons_days: tuple[float, ...]
    chance: np.ndarray
    mean: np.ndarray
    median: np.ndarray
    lower: np.ndarray
    upper: np.ndarray


def project(wear: Wear, standing: Standing, horizons_days: Sequence[float]) -> Projection:
    """The projection of every row; horizons in days, ascending, 0 or more."""
    horizons = np.asarray(horizons_days, dtype=float)
    if (np.diff(horizons) < 0).any() or (horizons < 0).any():
        raise ValueError("Horizons must ascend from zero.")
    rows = len(standing.grade)
    table, weights = _falls(wear.shape.chain), _points()[1]
    chance = np.empty((rows, len(horizons), LEVELS), dtype=np.float32)
    for part, tau in _wear_times(wear, standing, horizons):
        grade = np.asarray(standing.grade[part], dtype=np.int64)[:, None]
        under = np.zeros((len(grade), len(horizons), LEVELS), dtype=np.float32)
        for point in range(POINTS):
            below, s = _place(tau[:, :, point])
            share = s.astype(np.float32)[:, :, None]
            under += weights[point] * ((1 - share) * table[below, grade] + share * table[below + 1, grade])
        under = np.maximum.accumulate(np.clip(under, 0.0, 1.0), axis=1)
        under[:, :, -1] = 1.0
        chance[part] = np.diff(np.maximum.accumulate(under, axis=2), axis=2, prepend=np.float32(0.0))
    return _summed(tuple(float(day) for day in horizons), chance)


def _wear_times(wear: Wear, standing: Standing, days: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Chunks of rows with their wear times at the quadrature points, (rows, days, points), never shrinking along days."""
    eta, variance = wear.pace(standing.group, standing.x, standing.material)
    z = _points()[0]
    rows = len(standing.grade)
    nothing = np.zeros(rows)
    for begin in range(0, rows, CHUNK):
        part = slice(begin, begin + CHUNK)
        rate = np.asarray(standing.turns_per_day[part], dtype=float)[:, None]
        cv, turns, since = (
            np.asarray(nothing if given is None else given, dtype=float)[part][:, None]
            for given in (standing.turns_cv, standing.turns_since, standing.days_since)
        )
        coming = rate * days
        amount = turns + coming + wear.idle_turns_per_day * (since + days)
        spread = coming + (cv * coming) ** 2
        ratio = np.divide(spread, amount**2, out=np.zeros_like(amount), where=amount > 0)
        log_variance = np.minimum(np.log1p(ratio) + variance[part][:, None], MOST_LOG_SPREAD**2)
        # The rate's mean is kept whatever its width; the pace's median is.
        centre = np.exp(eta[part][:, None] - np.log1p(ratio) / 2) * amount
        tau = centre[:, :, None] * np.exp(np.sqrt(log_variance)[:, :, None] * z)
        yield part, np.maximum.accumulate(tau, axis=1)


def _points() -> tuple[np.ndarray, np.ndarray]:
    """Gauss–Hermite points of a standard normal and their weights, adding up to one."""
    z, weights = np.polynomial.hermite_e.hermegauss(POINTS)
    return z, (weights / weights.sum()).astype(np.float32)


@lru_cache(maxsize=8)
def _falls(chain: Chain) -> np.ndarray:
    """Cumulative chances over grades, (fine nodes, from, 11): at wear time zero first, then a logarithmic grid finer than the chain's."""
    steps = np.arange(OCTAVES * PER_OCTAVE * FINER + 1) / (PER_OCTAVE * FINER)
    whole = transition(chain, np.concatenate([[0.0], SHORTEST * 2.0**steps]))
    return np.asarray(np.maximum.accumulate(np.cumsum(whole, axis=2), axis=0), dtype=np.float32)


def _place(tau: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The fine node below and the share of the next: linear from zero to the shortest time, then linear in log τ."""
    at = 1.0 + np.log2(np.maximum(tau, SHORTEST) / SHORTEST) * (PER_OCTAVE * FINER)
    at = np.where(tau < SHORTEST, tau / SHORTEST, np.minimum(at, OCTAVES * PER_OCTAVE * FINER + 1 - 1e-6))
    below = at.astype(np.int64)
    return below, at - below


def quantiles(chance: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Scores (0 to 1) below which the condition lies with each chance: (levels, ...) of chances over grades (..., 11).

    A grade stands for the conditions half a grade around it, all as likely: of whole grades alone no interval holds just 80 %.
    """
    under = np.cumsum(np.asarray(chance, dtype=float), axis=-1)
    found = np.empty((len(levels), *under.shape[:-1]))
    for at, level in enumerate(levels):
        grade = np.minimum((under < level - 1e-6).sum(axis=-1), TOP)[..., None]
        within, upto = (np.take_along_axis(np.asarray(of, dtype=float), grade, axis=-1)[..., 0] for of in (chance, under))
        share = 1.0 - np.clip(np.divide(upto - level, within, out=np.zeros_like(within), where=within > 1e-9), 0.0, 1.0)
        found[at] = np.clip(grade[..., 0] - 0.5 + share, 0.0, TOP) / TOP
    return found


def _summed(horizons: tuple[float, ...], chance: np.ndarray) -> Projection:
    mean = np.clip(TOP - np.cumsum(chance, axis=2, dtype=np.float64)[:, :, :-1].sum(axis=2), 0, TOP) / TOP
    paths = (mean, *quantiles(chance, (0.5, 0.1, 0.9)))
    falling = [np.minimum.accumulate(part, axis=1) for part in paths]
    return Projection(horizons, chance, falling[0], falling[1], falling[2], falling[3])
