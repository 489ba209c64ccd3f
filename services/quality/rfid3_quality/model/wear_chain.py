"""How do grades fall as wear adds up? A Markov chain over the eleven grades in wear time, tabulated once and read off by the row.

Wear time τ counts the falls expected from the middle of the scale. From grade g an item leaves at intensity
exp(tilt·z + bend·z²), z = (g − 6)/4, and lands one, two or three grades lower; F is the end. Nothing rises: without repair
every projection falls or stays. Transition matrices P(τ) = exp(Qτ) come from a Taylor series of short times and squaring;
between the nodes of a logarithmic grid they are read off by cubic Hermite interpolation with the exact derivative P·Q.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rfid3_quality.model.grades import LEVELS

MIDDLE, HALF_SCALE = 6, 4.0
SHORTEST, OCTAVES, PER_OCTAVE = 1e-4, 21, 8
TAYLOR_TERMS = 8


@dataclass(frozen=True)
class Chain:
    """Grade dependence of the intensity, and the shares of falls by one, two and three grades (adding up to one)."""

    tilt: float
    bend: float
    steps: tuple[float, float, float]

    @cached_property
    def generator(self) -> np.ndarray:
        """Q, (11, 11): rows are where from; rows add up to zero."""
        z = (np.arange(LEVELS) - MIDDLE) / HALF_SCALE
        intensity = np.exp(np.clip(self.tilt * z + self.bend * z**2, -6.0, 6.0))
        q = np.zeros((LEVELS, LEVELS))
        for grade in range(1, LEVELS):
            for down, share in enumerate(self.steps, start=1):
                q[grade, max(grade - down, 0)] += intensity[grade] * share
            q[grade, grade] -= intensity[grade]
        return q

    @cached_property
    def nodes(self) -> np.ndarray:
        """P at every node of the grid, (nodes, 11, 11)."""
        found = np.empty((OCTAVES * PER_OCTAVE + 1, LEVELS, LEVELS))
        for node in range(len(found)):
            if node < PER_OCTAVE:
                found[node] = _taylor(self.generator * (SHORTEST * 2.0 ** (node / PER_OCTAVE)))
            else:
                found[node] = found[node - PER_OCTAVE] @ found[node - PER_OCTAVE]
        return found


def grid() -> np.ndarray:
    """Wear times of the nodes, (nodes,)."""
    return np.asarray(SHORTEST * 2.0 ** (np.arange(OCTAVES * PER_OCTAVE + 1) / PER_OCTAVE))


def place(tau: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The node below each wear time and the position between it and the next, 0 to 1; times off the grid are held at its ends."""
    at = np.clip(np.log2(np.maximum(tau, SHORTEST) / SHORTEST) * PER_OCTAVE, 0.0, OCTAVES * PER_OCTAVE - 1e-9)
    below = at.astype(np.int64)
    return below, at - below


def transition(chain: Chain, tau: np.ndarray) -> np.ndarray:
    """P(τ), (rows, 11, 11), for wear times (rows,); zero or less gives the identity."""
    tau = np.asarray(tau, dtype=float)
    below, s = place(tau)
    slopes = chain.nodes @ chain.generator * grid()[:, None, None]
    corners = (chain.nodes[below], chain.nodes[below + 1], slopes[below], slopes[below + 1])
    found = np.zeros((len(tau), LEVELS, LEVELS))
    for weight, corner in zip(hermite(s), corners, strict=True):
        found += weight[:, None, None] * corner
    short = tau < SHORTEST
    if short.any():
        share = np.clip(tau[short] / SHORTEST, 0.0, 1.0)[:, None, None]
        found[short] = (1 - share) * np.eye(LEVELS) + share * chain.nodes[0]
    found = np.clip(found, 0.0, None)
    return np.asarray(found / found.sum(axis=2, keepdims=True))


def hermite(s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Weights of both values and of both slopes (per unit of log τ) at a position between two nodes."""
    width = np.log(2.0) / PER_OCTAVE
    return (
        (1 + 2 * s) * (1 - s) ** 2,
        s**2 * (3 - 2 * s),
        width * s * (1 - s) ** 2,
        width * s**2 * (s - 1),
    )


def hermite_slope(s: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Derivatives of those weights by log τ."""
    width = np.log(2.0) / PER_OCTAVE
    return (
        6 * s * (s - 1) / width,
        6 * s * (1 - s) / width,
        (1 - s) * (1 - 3 * s),
        s * (3 * s - 2),
    )


def misread(ratio: float) -> np.ndarray:
    """What is read (columns) of what is there (rows): a share of readings is one grade off, at the ends only to the one side."""
    off = ratio / 2
    found = np.eye(LEVELS) * (1 - ratio) + off * (np.eye(LEVELS, k=1) + np.eye(LEVELS, k=-1))
    found[0, 0] += off
    found[-1, -1] += off
    return np.asarray(found)


def lift(grades: float) -> np.ndarray:
    """Where a repair takes an item (columns) from each grade (rows): Poisson many grades up, A+ at most. Never down."""
    found = np.zeros((LEVELS, LEVELS))
    for grade in range(LEVELS):
        chance = np.exp(-grades)
        for up in range(LEVELS - grade - 1):
            found[grade, grade + up] = chance
            chance *= grades / (up + 1)
        found[grade, -1] = 1.0 - found[grade, :-1].sum()
    return found


def _taylor(small: np.ndarray) -> np.ndarray:
    term = found = np.eye(LEVELS)
    for k in range(1, TAYLOR_TERMS + 1):
        term = term @ small / k
        found = found + term
    return np.asarray(found)
