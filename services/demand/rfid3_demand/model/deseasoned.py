"""What is left of a series without its seasons? Phase means where a season was seen often, a few waves where it was not; pure.

A season seen fewer than OFTEN times would carry every closed spring into its phase means, and one that is left in is told as
jumps twice a year. Such a season is taken out as WAVES sines and cosines beside level and line, of every series: a test that sees
two cycles overlooks seasons that matter here.
"""

import numpy as np

OFTEN = 4
LEAST_CYCLES = 2
WAVES = 3
SHORTEST_IN_WAVES = 20
"""Shorter periods are seen often soon enough."""
HUBER, TUKEY, ROUNDS = 1.345, 4.685, 8
"""The usual constants: 95 % efficient under normal noise."""


def deseasoned(y: np.ndarray, periods: tuple[float, ...], seasonal: np.ndarray) -> np.ndarray:
    """y (n, T) without the seasons it has, short ones first; the level stays. seasonal: (n, periods) whether each is there."""
    x = y.copy()
    for k, period in enumerate(periods):
        begun = np.isfinite(y)
        length = np.where(begun.any(axis=1), y.shape[1] - np.argmax(begun, axis=1), 0)
        often = length >= OFTEN * period
        rows = np.flatnonzero(seasonal[:, k] & often)
        x[rows] -= _phase_means(x[rows], period)
        rows = np.flatnonzero(~often & (length >= LEAST_CYCLES * period))
        if period >= SHORTEST_IN_WAVES:
            x[rows] -= _waves(x[rows], period)
    return x


def _phase_means(x: np.ndarray, period: float) -> np.ndarray:
    """Mean of each phase less the whole mean, at every step, (n, T)."""
    count = round(period)
    phase = (np.mod(np.arange(x.shape[1]), period) * count / period).astype(int)
    onehot = np.eye(count)[np.minimum(phase, count - 1)]
    seen = np.isfinite(x)
    mean = np.where(seen, x, 0.0).sum(axis=1, keepdims=True) / np.maximum(seen.sum(axis=1, keepdims=True), 1)
    total, number = np.where(seen, x - mean, 0.0) @ onehot, seen.astype(float) @ onehot
    return np.asarray(np.divide(total, number, out=np.zeros_like(total), where=number > 0) @ onehot.T)


def _waves(x: np.ndarray, period: float) -> np.ndarray:
    """Sines and cosines of the first harmonics at every step, (n, T), fitted beside a level and a line.

    Robustly (Tukey's biweight, from Huber's start): least squares would spread a spring when the shop was closed over all years.
    """
    time = np.arange(x.shape[1])
    angle = 2.0 * np.pi * np.outer(time / period, np.arange(1, WAVES + 1))
    straight = np.stack([np.ones(len(time)), (time - time.mean()) / len(time)], axis=1)
    basis = np.concatenate([straight, np.sin(angle), np.cos(angle)], axis=1)
    products = (basis[:, :, None] * basis[:, None, :]).reshape(len(time), -1)
    seen = np.isfinite(x)
    weight = seen.astype(float)
    for turn in range(ROUNDS + 1):
        gram = (weight @ products).reshape(len(x), basis.shape[1], basis.shape[1])
        gram += 1e-9 * len(time) * np.eye(basis.shape[1])
        found = np.linalg.solve(gram, ((weight * np.nan_to_num(x)) @ basis)[..., None])[..., 0]
        rest = np.abs(np.where(seen, x - found @ basis.T, np.nan))
        unit = np.maximum(np.nanmedian(rest, axis=1, keepdims=True) / 0.6745, 1e-12)
        off = np.nan_to_num(rest / unit)
        robust = (
            np.minimum(1.0, HUBER / np.maximum(off, HUBER))
            if turn < ROUNDS // 2
            else np.clip(1 - (off / TUKEY) ** 2, 0, 1) ** 2
        )
        # where most values are equal nothing tells which of the others are out of line
        weight = np.where(seen & (unit > 1e-9), robust, seen)
    return np.asarray(found[:, 2:] @ basis[:, 2:].T)
