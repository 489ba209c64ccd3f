"""How far do the seasons of counts stray from those of their relatives? Judged by what comes again; pure, whole panels.

Twelve months of a few units each always look like a season. What tells one from luck is that it comes again: departures from
the relatives' season in one cycle are held against those of the next, over all series at once, which gives how much such
series really stray (empirical Bayes; Robbins 1956, the variance by moments as in DerSimonian & Laird 1986). How noisy a series
is follows from its mean alone: taken from its own spread, those whose months agree by chance would be believed most.
"""

import numpy as np

ROUNDS = 30
LEAST_MEAN = 1e-9


def believed(y: np.ndarray, level: np.ndarray, m: int, prior: np.ndarray) -> np.ndarray:
    """Factors (n, m): each series' own moved to its `prior` (n, m) as far as noise explains the difference between them.

    y: (n, T) counts, NaN where unknown. level: (n, T) slow level. Column k belongs to the step k + 1 after the last one.
    """
    index = np.arange(-y.shape[1], 0) % m
    ok = np.isfinite(y) & (level > 0)
    weight, value = np.where(ok, level, 0.0), np.where(ok, y, 0.0)
    onehot = np.eye(m)[index]
    mass, total, cycles = weight @ onehot, value @ onehot, ok @ onehot
    raw = np.divide(total, mass, out=prior.copy(), where=mass > 0)
    mean = weight.sum(axis=1) / np.maximum(ok.sum(axis=1), 1)
    # the spread around the raw factors: a position seen once says nothing of it, one seen twice half
    free = np.where(ok, (1.0 - 1.0 / np.maximum(cycles, 1))[:, index], 0.0)
    miss = np.where(free > 0, value - weight * raw[:, index], 0.0) ** 2 / np.maximum(weight * prior[:, index], LEAST_MEAN)
    dispersion = _dispersion(miss.sum(axis=1), free.sum(axis=1), mean)
    error = dispersion[:, None] / np.maximum(mass, LEAST_MEAN)
    signal = stray(y, m, prior, dispersion / np.maximum(mean, LEAST_MEAN))
    return np.asarray(prior + np.where(mass > 0, signal / (signal + error), 0.0) * (raw - prior))


def stray(y: np.ndarray, m: int, prior: np.ndarray, noise: np.ndarray) -> float:
    """Variance of the factors around `prior` (n, m) over the panel, 0 where it does not stand out from its standard error.

    noise: (n,) variance of one step's count over its mean. Series count by how much they can tell.
    """
    product, size, steps = _repeated(y, m, prior)
    known = size > 0
    if not known.any():
        return 0.0
    product, steps, noise = product[known] / size[known], steps[known], noise[known]
    found, error = 0.0, 0.0
    for _ in range(ROUNDS):
        weight = steps / (noise + max(found, 0.0)) ** 2
        found, error = float(weight @ product / weight.sum()), float(weight.sum() ** -0.5)
    return max(found - error, 0.0)


def _repeated(y: np.ndarray, m: int, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Products of one cycle's departures with the next one's, what they would be at departures of 1, and how many; (n,) each.

    Each cycle is held against its own mean: a level shared by both would make them alike.
    """
    short = -y.shape[1] % m
    whole = np.pad(y, ((0, 0), (short, 0)), constant_values=np.nan).reshape(len(y), -1, m)
    both = np.isfinite(whole[:, :-1]) & np.isfinite(whole[:, 1:])
    shape = np.where(both, prior[:, None], 0.0)
    shape = shape / np.maximum(shape.sum(axis=2, keepdims=True), LEAST_MEAN)
    cycles = [np.where(both, part, 0.0) for part in (whole[:, :-1], whole[:, 1:])]
    expected = [shape * part.sum(axis=2, keepdims=True) for part in cycles]
    product = (cycles[0] - expected[0]) * (cycles[1] - expected[1])
    return product.sum(axis=(1, 2)), (expected[0] * expected[1]).sum(axis=(1, 2)), both.sum(axis=(1, 2))


def _dispersion(squares: np.ndarray, free: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Variance over mean per series (n,): a line a + b x mean through the panel, a at least 1 and b at least 0.

    squares: (n,) squared misses over their means, of `free` degrees of freedom.
    """
    known = free > 0
    found, x = squares[known] / free[known], mean[known]
    a, b = 1.0, 0.0
    for _ in range(ROUNDS):
        weight = free[known] / (a + b * x) ** 2
        one, first, second = weight.sum(), weight @ x, weight @ x**2
        alone, slope = weight @ found, weight @ (found * x)
        spread = one * second - first**2
        steady = spread <= 1e-9 * one * second
        b = 0.0 if steady else max((one * slope - first * alone) / spread, 0.0)
        a = max((alone - b * first) / one, 1.0) if one > 0 else 1.0
        if a == 1.0 and not steady:
            b = max((slope - first) / second, 0.0)
    return np.asarray(a + b * mean)
