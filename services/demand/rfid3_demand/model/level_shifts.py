"""When did a series' level jump, and by how much? A closed spring, a new contract, a moved store; pure, whole panels at once.

Seeded binary segmentation (Kovács et al. 2022): the CUSUM statistic is maximised in overlapping intervals of dyadic lengths,
so that a level that falls and comes back is seen as well as one that stays. Noise is measured on differences, which a jump
touches once, and its first-order autocorrelation is allowed for. What was found is then held against the spread that is left
around the levels, of the values and of their ranks: rare or long-tailed sizes, of which differences tell too little, make no jump.

Measured false alarms at 60 to 400 steps (`tests/demand/test_diagnosis.py`): 1 % of series at most in white noise, counts, lumpy and
long-tailed demand, 3 % where neighbours correlate at 0.6. A level that wanders is told as jumps: one random walk in six at 156 steps
and four in ten at 400, and nine in ten where noise twice as large as its steps hides it.
"""

from itertools import pairwise

import numpy as np

MOST_SHIFTS = 4
SHORTEST_STRETCH = 8
"""Steps a level must last on both sides of a jump."""
LEAST_SIZE = 1.0
"""A jump counts from so many standard deviations of the series' noise: long series would show every trifle."""
CRITICAL_BASE, CRITICAL_GROWTH = 3.6, 0.4
"""Critical CUSUM value, base + growth * log(length / 10): set by simulation of noise without a jump so that fewer than 1 % of
series show one (white noise)."""
RANKS_SHARE = 0.8
"""Share of the critical value that ranks must reach: all of it would overlook one closed spring in five, since ranks are bounded."""


def shifts(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positions (n, MOST_SHIFTS) of the first steps on a new level, ascending, -1 where there is none; and sizes in units of x.

    x: (n, T) without season and trend, NaN before a series began.
    """
    n, steps = x.shape
    at, size = np.full((n, MOST_SHIFTS), -1), np.zeros((n, MOST_SHIFTS))
    spread, long_run = noise(x)
    intervals = _intervals(steps)
    if not intervals:
        return at, size
    seen = np.isfinite(x)
    total = np.cumsum(np.pad(np.where(seen, x, 0.0), ((0, 0), (1, 0))), axis=1)
    count = np.cumsum(np.pad(seen.astype(float), ((0, 0), (1, 0))), axis=1)
    best = [_best_split(total, count, low, high) for low, high in intervals]
    statistic = np.stack([b[0] for b in best], axis=1) / np.maximum(long_run, 1e-12)[:, None]
    split = np.stack([b[1] for b in best], axis=1)
    jump = np.stack([b[2] for b in best], axis=1)
    critical = _critical(count[:, -1])
    open_ = (statistic > critical[:, None]) & (np.abs(jump) >= LEAST_SIZE * spread[:, None]) & (spread > 0)[:, None]
    low, high = (np.array([pair[k] for pair in intervals]) for k in (0, 1))
    rows = np.arange(n)
    for k in range(MOST_SHIFTS):
        pick = np.argmax(np.where(open_, statistic, -1.0), axis=1)
        found = open_[rows, pick]
        place = np.where(found, split[rows, pick], -1)
        at[:, k] = place
        # an interval that spans a known jump can tell nothing about others
        near = (low[None, :] < place[:, None] + 1) & (high[None, :] > place[:, None] - 1)
        open_ &= ~(near & found[:, None])
    at = _in_order(at)
    alarmed = np.flatnonzero(at[:, 0] >= 0)
    least = np.stack([critical * np.maximum(long_run, 1e-12), LEAST_SIZE * spread], axis=1)
    for row in alarmed:
        at[row] = _completed(total[row : row + 1], count[row : row + 1], at[row], *least[row])
    at[alarmed] = _confirmed(x[alarmed], at[alarmed])
    return at, np.where(at >= 0, np.diff(levels(x, at)[0], axis=1), size)


def levels(x: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means of the stretches between jumps, and how many observations each has, (n, MOST_SHIFTS + 1) each; both 0 where none is."""
    seen = np.isfinite(x)
    total = np.cumsum(np.pad(np.where(seen, x, 0.0), ((0, 0), (1, 0))), axis=1)
    count = np.cumsum(np.pad(seen.astype(float), ((0, 0), (1, 0))), axis=1)
    last = x.shape[1]
    edges = np.concatenate([np.zeros((len(at), 1), int), np.where(at < 0, last, at), np.full((len(at), 1), last)], axis=1)
    sums, numbers = np.diff(np.take_along_axis(total, edges, 1), axis=1), np.diff(np.take_along_axis(count, edges, 1), axis=1)
    return np.divide(sums, numbers, out=np.zeros_like(sums), where=numbers > 0), numbers


def noise(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Standard deviation around the level and its long-run value under first-order autocorrelation, (n,) each.

    For such noise the variances of differences over one and two steps stand as 1 to 1 + rho, and a jump touches few of them.
    """
    one, two = _variance(x[:, 1:] - x[:, :-1]), _variance(x[:, 2:] - x[:, :-2])
    rho = np.clip(np.divide(two, one, out=np.ones(len(x)), where=one > 0) - 1.0, 0.0, 0.95)
    variance = one / (2.0 * (1.0 - rho))
    return np.sqrt(variance), np.sqrt(variance * (1.0 + rho) / (1.0 - rho))


def _variance(difference: np.ndarray) -> np.ndarray:
    """Variance of differences with the largest twentieth left out and allowed for, (n,)."""
    seen = np.isfinite(difference)
    count = seen.sum(axis=1)
    square = np.sort(np.where(seen, difference, np.inf) ** 2, axis=1)
    kept = np.arange(square.shape[1])[None, :] < np.ceil(0.95 * count)[:, None]
    total = np.where(kept & np.isfinite(square), square, 0.0).sum(axis=1)
    # the mean square of a normal variable below its 95 % point is 0.7590 of the whole
    return np.asarray(total / np.maximum(kept.sum(axis=1) * 0.7590, 1.0))


def _intervals(steps: int) -> list[tuple[int, int]]:
    """Overlapping intervals [low, high) of dyadic lengths down to two shortest stretches."""
    found: list[tuple[int, int]] = []
    length = float(steps)
    while length >= 2 * SHORTEST_STRETCH:
        count = 2 * int(np.ceil(steps / length)) - 1
        shift = (steps - length) / max(count - 1, 1)
        found += [(int(k * shift), int(np.ceil(k * shift + length))) for k in range(count)]
        length /= np.sqrt(2.0)
    return list(dict.fromkeys((low, min(high, steps)) for low, high in found))


def _best_split(total: np.ndarray, count: np.ndarray, low: int, high: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Largest CUSUM value inside [low, high), where it is, and the jump there, (n,) each."""
    cut = np.arange(low + SHORTEST_STRETCH, high - SHORTEST_STRETCH + 1)
    left, right = count[:, cut] - count[:, [low]], count[:, [high]] - count[:, cut]
    ok = (left >= SHORTEST_STRETCH) & (right >= SHORTEST_STRETCH)
    before = (total[:, cut] - total[:, [low]]) / np.maximum(left, 1.0)
    after = (total[:, [high]] - total[:, cut]) / np.maximum(right, 1.0)
    value = np.where(ok, np.abs(after - before) * np.sqrt(left * right / np.maximum(left + right, 1.0)), 0.0)
    best = np.argmax(value, axis=1)
    rows = np.arange(len(total))
    return value[rows, best], cut[best], (after - before)[rows, best]


def _completed(total: np.ndarray, count: np.ndarray, at: np.ndarray, least: float, size: float) -> np.ndarray:
    """One series' jumps (MOST_SHIFTS,) and those that whole stretches between them show: no dyadic interval may fit a closed spring."""
    known = [int(place) for place in at if place >= 0]
    while len(known) < MOST_SHIFTS:
        edges = [0, *known, total.shape[1] - 1]
        found = [_best_split(total, count, low, high) for low, high in pairwise(edges) if high - low >= 2 * SHORTEST_STRETCH]
        new = max(((float(b[0][0]), int(b[1][0])) for b in found if abs(b[2][0]) >= size), default=(0.0, -1))
        if new[0] <= least:
            break
        known = sorted([*known, new[1]])
    return np.array(known + [-1] * (MOST_SHIFTS - len(known)))


def _critical(count: np.ndarray) -> np.ndarray:
    return np.asarray(CRITICAL_BASE + CRITICAL_GROWTH * np.log(np.maximum(count, 10.0) / 10.0))


def _in_order(at: np.ndarray) -> np.ndarray:
    """Ascending, absent ones (-1) last."""
    return np.take_along_axis(at, np.argsort(np.where(at < 0, np.iinfo(int).max, at), axis=1, kind="stable"), axis=1)


def _confirmed(x: np.ndarray, at: np.ndarray) -> np.ndarray:
    """The jumps that values and ranks both confirm; the weakest goes first, because the others are then measured anew."""
    ranks, critical, rows = _ranks(x), _critical(np.isfinite(x).sum(axis=1)), np.arange(len(x))
    for _ in range(MOST_SHIFTS):
        strength = np.minimum(_strength(x, at), _strength(ranks, at) / RANKS_SHARE)
        weakest = np.argmin(strength, axis=1)
        at[rows, weakest] = np.where(strength[rows, weakest] > critical, at[rows, weakest], -1)
        at = _in_order(at)
    return at


def _strength(x: np.ndarray, at: np.ndarray) -> np.ndarray:
    """CUSUM statistic of each jump between its neighbours, in units of the spread left around all levels; infinite where none."""
    seen = np.isfinite(x)
    mean, number = levels(x, at)
    stretch = (np.arange(x.shape[1])[None, None, :] >= np.where(at < 0, x.shape[1], at)[:, :, None]).sum(axis=1)
    residual = np.where(seen, x - np.take_along_axis(mean, stretch, axis=1), 0.0)
    free = np.maximum(seen.sum(axis=1) - 1 - (at >= 0).sum(axis=1), 1.0)
    spread, long_run = noise(x)
    correlated = np.divide(long_run, spread, out=np.ones(len(x)), where=spread > 0)
    unit = np.maximum(np.sqrt((residual**2).sum(axis=1) / free) * correlated, 1e-12)
    weight = np.sqrt(number[:, 1:] * number[:, :-1] / np.maximum(number[:, 1:] + number[:, :-1], 1.0))
    return np.where(at >= 0, np.abs(np.diff(mean, axis=1)) * weight / unit[:, None], np.inf)


def _ranks(x: np.ndarray) -> np.ndarray:
    """Mean ranks within each row, NaN where x is."""
    ranks = np.full_like(x, np.nan)
    for row, values in enumerate(x):
        seen = np.isfinite(values)
        known = np.sort(values[seen])
        ranks[row, seen] = (np.searchsorted(known, values[seen], "left") + np.searchsorted(known, values[seen], "right")) / 2.0
    return ranks
