"""How much will move of a thing that mostly does not? Croston–SBA, TSB, ADIDA and IMAPA for a whole panel at once.

All take seasonally adjusted x (n, T) with NaN before a series began and give a flat (n, H).
Sources: Croston 1972; Syntetos & Boylan 2005; Teunter, Syntetos & Babai 2011; Nikolopoulos et al. 2011; Petropoulos &
Kourentzes 2015.
"""

import numpy as np

SIZE_ALPHA = 0.1
CHANCE_ALPHAS = (0.02, 0.05, 0.1, 0.2)
LONGEST_BUCKET = 12


def mean_interval(y: np.ndarray) -> np.ndarray:
    """Average demand interval per series: observed steps over steps with demand, (n,); the number of steps if there is none."""
    seen = np.isfinite(y).sum(axis=1)
    demand = (np.nan_to_num(y) != 0).sum(axis=1)
    return np.asarray(np.where(demand > 0, seen / np.maximum(demand, 1), np.maximum(seen, 1)).astype(float))


def croston_sba(x: np.ndarray, horizon: int) -> np.ndarray:
    """Mean size over mean interval, both smoothed, less Syntetos and Boylan's bias correction."""
    n = len(x)
    size, interval, since, begun = np.zeros(n), np.ones(n), np.ones(n), np.zeros(n, dtype=bool)
    for t in range(x.shape[1]):
        value = np.nan_to_num(x[:, t])
        hit = value != 0
        first = hit & ~begun
        size = np.where(first, value, np.where(hit, size + SIZE_ALPHA * (value - size), size))
        interval = np.where(first, since, np.where(hit, interval + SIZE_ALPHA * (since - interval), interval))
        since = np.where(hit, 1, since + np.isfinite(x[:, t]))
        begun |= hit
    rate = np.where(begun, (1 - SIZE_ALPHA / 2) * size / interval, 0.0)
    return _flat(x, rate, horizon)


def tsb(x: np.ndarray, horizon: int) -> np.ndarray:
    """Chance of demand times size, the chance fading while nothing moves; one smoothing constant chosen for the whole panel."""
    n = len(x)
    alphas = np.array(CHANCE_ALPHAS)
    seen_any = np.isfinite(x).any(axis=1)
    demand = np.nan_to_num(x) != 0
    chance = np.repeat((1.0 / mean_interval(x))[:, None], len(alphas), axis=1)
    count = demand.sum(axis=1)
    size = np.divide(np.nansum(x, axis=1), count, out=np.zeros(n), where=count > 0)
    scale = np.maximum(np.abs(size), 1e-9)[:, None]
    errors = np.zeros(len(alphas))
    for t in range(x.shape[1]):
        seen = np.isfinite(x[:, t])
        value = np.nan_to_num(x[:, t])
        if t >= x.shape[1] // 2:
            errors += (np.where(seen[:, None], value[:, None] - chance * size[:, None], 0.0) / scale).__pow__(2).sum(axis=0)
        hit = demand[:, t]
        chance = np.where(seen[:, None], chance + alphas * (hit[:, None] - chance), chance)
        size = np.where(hit, size + SIZE_ALPHA * (value - size), size)
    rate = np.where(seen_any, chance[:, int(np.argmin(errors))] * size, 0.0)
    return _flat(x, rate, horizon)


def adida_and_imapa(x: np.ndarray, horizon: int) -> tuple[np.ndarray, np.ndarray]:
    """Smoothing of sums over buckets: of one bucket as long as the mean interval (ADIDA), and of all up to it averaged
    (IMAPA)."""
    longest = np.clip(np.round(mean_interval(x)), 1, min(LONGEST_BUCKET, max(x.shape[1] // 4, 1))).astype(int)
    rates = np.stack([_bucket_rate(x, k) for k in range(1, longest.max() + 1)], axis=1)
    upto = np.cumsum(rates, axis=1) / np.arange(1, rates.shape[1] + 1)
    rows = np.arange(len(x))
    return _flat(x, rates[rows, longest - 1], horizon), _flat(x, upto[rows, longest - 1], horizon)


def _bucket_rate(x: np.ndarray, width: int) -> np.ndarray:
    """Smoothed rate per step from non-overlapping sums of `width` steps, counted back from the end, (n,)."""
    usable = x.shape[1] // width * width
    blocks = x[:, x.shape[1] - usable :].reshape(len(x), -1, width)
    sums = np.where(np.isfinite(blocks).all(axis=2), np.nan_to_num(blocks).sum(axis=2), np.nan)
    rate = np.full(len(x), np.nan)
    for t in range(sums.shape[1]):
        value = sums[:, t]
        rate = np.where(np.isnan(rate), value, np.where(np.isfinite(value), rate + SIZE_ALPHA * 1.5 * (value - rate), rate))
    seen = np.maximum(np.isfinite(x).sum(axis=1), 1)
    return np.where(np.isfinite(rate), rate / width, np.nansum(x, axis=1) / seen)


def _flat(x: np.ndarray, rate: np.ndarray, horizon: int) -> np.ndarray:
    known = np.isfinite(x).any(axis=1)
    return np.repeat(np.where(known, rate, np.nan)[:, None], horizon, axis=1)
