"""Which seasons are really there? A test per series and candidate period with a stated rate of false alarms; pure, whole panels.

The power of the spectrum at a period's harmonics is held against that of its neighbours (harmonic F test, Thomson 1982), so
that noise whose neighbours correlate, whose spectrum is smooth but not flat, is not taken for a season. Harmonics are
combined by the Cauchy combination (Liu & Xie 2020), which holds although neighbouring harmonics share neighbours, and finds
one strong one.
"""

import numpy as np
from scipy.special import fdtrc

FALSE_ALARMS = 0.01
"""Share of series without a season that are said to have it, per candidate period."""
MOST_HARMONICS = 8
LEAST_CYCLES = 2
NEIGHBOURS = 4
"""Background frequencies on each side of a harmonic."""
CANDIDATES: dict[str, tuple[float, ...]] = {
    "1h": (24.0, 168.0, 8766.0),
    "1d": (7.0, 365.25),
    "1w": (365.25 / 7,),
    "1mo": (12.0,),
    "1q": (4.0,),
    "1y": (),
}
"""Steps of the periods that each frequency may have: day, week, year."""


def candidates_of(step: str, seasons: tuple[int, ...] = ()) -> tuple[float, ...]:
    """Periods worth a test at this step (`1h` … `1y`): the calendar's and those named, short first; near ones once."""
    found: list[float] = []
    for period in sorted({*CANDIDATES.get(step, ()), *map(float, seasons)}):
        if period > 1 and not any(abs(period / known - 1.0) < 0.02 for known in found):
            found.append(period)
    return tuple(found)


def chances(y: np.ndarray, periods: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """p-values and shares of the variance, (n, periods) each; NaN and 0 where fewer than LEAST_CYCLES cycles were seen.

    y: (n, T), NaN before a series began and where nothing is known. A season whose longer candidate is tested counts only for
    the harmonics that the shorter ones do not explain.
    """
    chance, share = np.full((len(y), len(periods)), np.nan), np.zeros((len(y), len(periods)))
    seen = np.isfinite(y)
    length = np.where(seen.any(axis=1), y.shape[1] - np.argmax(seen, axis=1), 0)
    for k, period in enumerate(periods):
        cycles = (length / period).astype(int)
        for count in np.unique(cycles[cycles >= LEAST_CYCLES]):
            rows = np.flatnonzero(cycles == count)
            steps = round(count * period)
            chance[rows, k], share[rows, k] = _whole_cycles(_straightened(y[rows, -steps:]), int(count), period, periods[:k])
    return chance, share


def _straightened(y: np.ndarray) -> np.ndarray:
    """Series less their straight line, holes at zero."""
    seen = np.isfinite(y)
    count = np.maximum(seen.sum(axis=1, keepdims=True), 1)
    time = np.arange(y.shape[1], dtype=float)
    t = np.where(seen, time - (seen * time).sum(axis=1, keepdims=True) / count, 0.0)
    x = np.where(seen, y - np.where(seen, y, 0.0).sum(axis=1, keepdims=True) / count, 0.0)
    spread = np.maximum((t * t).sum(axis=1, keepdims=True), 1e-12)
    return np.asarray(x - t * (t * x).sum(axis=1, keepdims=True) / spread)


def _whole_cycles(x: np.ndarray, cycles: int, period: float, shorter: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """p-value and share of variance of one period in series that hold a whole number of its cycles, (n,) each."""
    steps = x.shape[1]
    power = np.abs(np.fft.rfft(x, axis=1)) ** 2
    half = power.shape[1] - 1
    explained = [round(j * steps / p) for p in shorter for j in range(1, int(p / 2) + 1)]
    every = [j * cycles for j in range(1, int(period / 2) + 1) if j * cycles <= half]
    harmonics = [at for at in every if at not in explained][:MOST_HARMONICS]
    taken = np.zeros(half + 1, dtype=bool)
    taken[[0, *every, *(at for at in explained if at <= half)]] = True
    evidence, excess, used = np.zeros(len(x)), np.zeros(len(x)), 0
    for at in harmonics:
        below = [b for b in range(at - 1, 0, -1) if not taken[b]][:NEIGHBOURS]
        above = [b for b in range(at + 1, half) if not taken[b]][:NEIGHBOURS]
        if len(below) + len(above) < 2:
            continue
        background = np.maximum(power[:, [*below, *above]].mean(axis=1), 1e-9 * power.mean(axis=1) + 1e-300)
        freedom = 1 if 2 * at == steps else 2
        chance = fdtrc(freedom, 2 * (len(below) + len(above)), power[:, at] / background)
        evidence += np.tan((0.5 - np.clip(chance, 1e-12, 1.0 - 1e-9)) * np.pi)
        excess += np.maximum(power[:, at] - background, 0.0) * (0.5 if freedom == 1 else 1.0)
        used += 1
    total = (power[:, 1:half].sum(axis=1)) + power[:, half] * (0.5 if steps % 2 == 0 else 1.0)
    if not used:
        return np.full(len(x), np.nan), np.zeros(len(x))
    joint = np.where(total > 0, 0.5 - np.arctan(evidence / used) / np.pi, 1.0)
    return joint, np.clip(np.divide(excess, total, out=np.zeros(len(x)), where=total > 0), 0.0, 1.0)
