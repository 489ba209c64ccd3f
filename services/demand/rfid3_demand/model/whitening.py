"""Which coefficients explain a series whose errors have a memory? Penalised regression with ARMA errors; pure.

Errors n obey (1 - f B)(1 - d B) n = (1 - t B) e: with d = 1 a local level that follows at rate 1 - t, with f a quickly forgotten
deviation, with d < 1 a slow return to the mean (Hyndman & Athanasopoulos 2021, ch. 10). Both sides of the regression pass the
inverse filter, after which ordinary ridge regression is right; memory and the prior of every block maximise the marginal
likelihood, so nothing is tuned by hand.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.signal import lfilter

Memory = tuple[float, float, float]
"""(f, d, t)."""

FIRST: Memory = (0.3, 1.0, 0.9)
MEMORIES: tuple[tuple[float, ...], ...] = (
    (0.0, 0.15, 0.3, 0.45, 0.6, 0.75),
    (1.0, 0.995, 0.98),
    (0.0, 0.3, 0.5, 0.65, 0.75, 0.83, 0.9, 0.94, 0.97, 0.985),
)
SPREADS = (0.001, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
"""Prior standard deviations of a block, in units of the innovations' own."""
FREE = 1e3


@dataclass(frozen=True)
class Design:
    """The left and right side of a regression over T steps."""

    z: np.ndarray
    """(T,)."""
    x: np.ndarray
    """(T, p)."""
    block: tuple[str, ...]
    """Block per column; `free` is not shrunk."""
    relative: np.ndarray
    """(p,)."""


@dataclass
class Fit:
    """Coefficients at one choice of memory and priors."""

    memory: Memory
    spreads: dict[str, float]
    coefficients: np.ndarray = field(default_factory=lambda: np.empty(0))
    innovations: np.ndarray = field(default_factory=lambda: np.empty(0))
    sigma: float = 1.0
    likelihood: float = -np.inf


def whiten(values: np.ndarray, memory: Memory) -> np.ndarray:
    """The inverse error filter along axis 0, starting from nothing."""
    f, d, t = memory
    return np.asarray(lfilter([1.0, -(f + d), f * d], [1.0, -t], values, axis=0))


def solve(design: Design, fit: Fit) -> Fit:
    """The fit with coefficients, innovations and likelihood for its memory and spreads."""
    return _solve(design, fit, _moments(design, fit.memory))


def search(design: Design, start: Fit, sweeps: int = 2) -> Fit:
    """Memory and spreads of the largest marginal likelihood, one at a time over fixed grids."""
    moments = {start.memory: _moments(design, start.memory)}
    best = _solve(design, start, moments[start.memory])
    for _ in range(sweeps):
        before = best.likelihood
        for name in dict.fromkeys(design.block):
            if name != "free":
                for spread in SPREADS:
                    trial = Fit(best.memory, best.spreads | {name: spread})
                    best = max(best, _solve(design, trial, moments[best.memory]), key=lambda fit: fit.likelihood)
        for place, grid in enumerate(MEMORIES):
            for value in grid:
                memory: Memory = tuple(value if k == place else v for k, v in enumerate(best.memory))  # type: ignore[assignment]
                if memory not in moments:
                    moments[memory] = _moments(design, memory)
                best = max(best, _solve(design, Fit(memory, best.spreads), moments[memory]), key=lambda fit: fit.likelihood)
        if best.likelihood - before < 0.5:
            break
    return best


def extrapolate(rest: np.ndarray, innovations: np.ndarray, memory: Memory, horizon: int) -> np.ndarray:
    """The errors' expected path (H,) after the last of `rest`."""
    f, d, t = memory
    path = [float(rest[-2]) if len(rest) > 1 else 0.0, float(rest[-1])]
    for step in range(horizon):
        path.append((f + d) * path[-1] - f * d * path[-2] - (t * float(innovations[-1]) if step == 0 else 0.0))
    return np.array(path[2:])


def neighbours(memory: Memory) -> list[Memory]:
    """The memory with its level returning or not, and following faster or slower."""
    f, _, t = memory
    pace = 1.0 - t
    return [(f, d, 1.0 - min(pace * factor, 1.0)) for d in (1.0, 0.99, 0.97) for factor in (0.5, 1.0, 2.0)]


_Moments = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, float]


def _moments(design: Design, memory: Memory) -> _Moments:
    u, v = whiten(design.x, memory), whiten(design.z, memory)
    return u, v, u.T @ u, u.T @ v, float(v @ v)


def _solve(design: Design, fit: Fit, moments: _Moments) -> Fit:
    u, v, gram, cross, energy = moments
    deviation = np.array([FREE if name == "free" else fit.spreads.get(name, 1.0) for name in design.block]) * design.relative
    # in units where the prior is standard normal: well conditioned even for columns that are shrunk away
    scaled = gram * np.outer(deviation, deviation) + np.eye(len(deviation))
    factor = np.linalg.cholesky(scaled)
    half = np.linalg.solve(factor, cross * deviation)
    coefficients = np.linalg.solve(factor.T, half) * deviation
    n = len(v)
    variance = max((energy - float(half @ half)) / n, 1e-12)
    likelihood = -0.5 * n * np.log(variance) - float(np.log(np.diag(factor)).sum())
    return Fit(fit.memory, fit.spreads, coefficients, v - u @ coefficients, float(np.sqrt(variance)), likelihood)
