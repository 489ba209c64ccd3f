"""What did one life look like until now? Means, slopes, least and most over windows of its own past, and how far it has moved.

Looks back only. Everything is computed within the life and from its own beginning, so that nothing after a row, and nothing of
another unit, can touch it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEAST_FOR_SLOPE = 3
BEGINNING_ROWS = 10
"""A life's beginning is the mean of so many first rows (of those until now)."""


def names(columns: Sequence[str], windows: Sequence[int]) -> list[str]:
    """The names of what `of_life` gives, in its order."""
    kinds = [kind for w in windows for kind in (f"mean_{w}", f"slope_{w}")]
    middle = [f"{kind}_{w}" for w in middle_of(windows) for kind in ("least", "most")]
    return [f"{column}: {kind}" for kind in (*kinds, *middle, "since_start", "mean_so_far") for column in columns]


def middle_of(windows: Sequence[int]) -> Sequence[int]:
    """The one window whose least and most are told: those of three windows are much alike."""
    at = len(windows) // 2
    return windows[at : at + 1]


def of_life(t: np.ndarray, x: np.ndarray, step: float, windows: Sequence[int]) -> np.ndarray:
    """(rows, len(names)) of one life: t (rows,) ascending, x (rows, columns) with NaN = unknown.

    A window of w spans the w steps of t up to and with the row: rows with t in (t - w·step, t]. Slopes are per step, by least
    squares; NaN below three known values.
    """
    known = np.isfinite(x)
    start = _first_known(x, known)
    moved = np.where(known, x - start, 0.0)
    clock = ((t - t[0]) / step)[:, None]
    sums = [_running(part) for part in (known.astype(float), moved, known * clock, moved * clock, known * clock * clock)]
    hi = np.arange(1, len(t) + 1)
    parts = []
    for w in windows:
        lo = np.searchsorted(t, t - w * step, side="right")
        count, total, ticks, cross, squares = (part[hi] - part[lo] for part in sums)
        parts.append(_ratio(total, count) + start)
        spread = count * squares - ticks**2
        parts.append(np.where(count >= LEAST_FOR_SLOPE, _ratio(count * cross - ticks * total, spread), np.nan))
    for w in middle_of(windows):
        lo = np.searchsorted(t, t - w * step, side="right")
        parts.append(_extreme(np.where(known, x, np.inf), lo, hi, np.minimum))
        parts.append(_extreme(np.where(known, x, -np.inf), lo, hi, np.maximum))
    count, total = sums[0][hi], sums[1][hi]
    first = np.minimum(hi, BEGINNING_ROWS)
    recent = parts[2 * (len(windows) // 2)] if windows else x
    parts.append(recent - start - _ratio(sums[1][first], sums[0][first]))
    parts.append(_ratio(total, count) + start)
    return np.hstack(parts)


def _first_known(x: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(1, columns): the first known value of each, 0 without any; sums of what is measured from there lose no digits."""
    at = known.argmax(axis=0)
    value = x[at, np.arange(x.shape[1])]
    return np.where(np.isfinite(value), value, 0.0)[None, :]


def _running(values: np.ndarray) -> np.ndarray:
    return np.vstack([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.asarray(np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 1e-12))


def _extreme(values: np.ndarray, lo: np.ndarray, hi: np.ndarray, pick: np.ufunc) -> np.ndarray:
    """Least or most of rows [lo, hi) of each column: a table of spans of 1, 2, 4 … rows, two of which cover any window."""
    levels = [values]
    longest = int((hi - lo).max())
    while 2 ** len(levels) <= longest:
        half = 2 ** (len(levels) - 1)
        last = levels[-1]
        levels.append(pick(last[:-half], last[half:]) if len(last) > half else last)
    depth = np.frexp(np.maximum(hi - lo, 1))[1] - 1
    found = np.empty_like(values)
    for level, table in enumerate(levels):
        rows = depth == level
        if rows.any():
            found[rows] = pick(table[lo[rows]], table[hi[rows] - 2**level])
    return np.where(np.isfinite(found), found, np.nan)
