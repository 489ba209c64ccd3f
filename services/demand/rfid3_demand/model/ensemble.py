"""Whom to trust, and how much? Weights of candidate methods from their rolling-origin errors.

A series' own errors count by how many it has; the rest is the error its demand type shows, so that a sparse series does not
chase luck.
"""

import numpy as np

SHARPNESS = 8.0
"""Weights fall with this power of the error; chosen on held-out parts of training data (5 to 12 differ by under 1 %)."""
COUNT_SHARPNESS = 24.0
"""The same for the deviance of counts, most of which is noise common to all methods."""
BRIEF_SHARPNESS = 6.0
"""The same while there is less than a year of a few series."""
PRIOR_ERRORS = 30.0
"""The type's error counts as if it had been seen this often for each series."""
COUNT_PRIOR_ERRORS = 1000.0
"""The same for counts: which method missed a few whole numbers least is luck."""
LEAST_MEAN = 0.005
LEAST_WEIGHT = 0.03


def weights(
    errors: dict[str, np.ndarray],
    scale: np.ndarray,
    kind: np.ndarray,
    power: float = SHARPNESS,
    prior_errors: float = PRIOR_ERRORS,
) -> dict[str, np.ndarray]:
    """Share of each method per node, (n,), summing to 1; a method without errors for a node has none there.

    errors: method -> (n, observations) absolute errors, NaN where it gave no forecast. scale: (n,). kind: (n,) codes of
    demand types.
    """
    return weights_of({name: summed(each, scale) for name, each in errors.items()}, kind, power, prior_errors)


def summed(errors: np.ndarray, scale: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many errors are known, and their sum in units of scale with the largest cut off, (n,) each."""
    relative = errors / scale[:, None]
    known = np.isfinite(relative)
    return known.sum(axis=1), np.where(known, np.minimum(relative, 50.0), 0.0).sum(axis=1)


def weights_of(
    sums: dict[str, tuple[np.ndarray, np.ndarray]],
    kind: np.ndarray,
    power: float = SHARPNESS,
    prior_errors: float = PRIOR_ERRORS,
) -> dict[str, np.ndarray]:
    """The same from each method's `summed` errors: all errors of all methods at once need not fit into memory."""
    names = list(sums)
    if not names:
        return {}
    # methods are compared on the same targets; a hole in one must not make it look better
    count, total = (np.stack(parts) for parts in zip(*sums.values(), strict=True))
    pooled = np.ones_like(total)
    for code in np.unique(kind):
        rows = kind == code
        common = rows & (count == count.max(axis=0)).all(axis=0) & (count.max(axis=0) > 0)
        use = common if common.any() else rows
        mean = total[:, use].sum(axis=1) / np.maximum(count[:, use].sum(axis=1), 1)
        pooled[:, rows] = np.where(count[:, use].sum(axis=1) > 0, mean, np.inf)[:, None]
    prior_total = np.where(np.isfinite(pooled), pooled, 0.0) * prior_errors
    mean = (total + prior_total) / (count + prior_errors)
    share = np.where((count > 0) & np.isfinite(pooled), 1.0 / np.maximum(mean, 1e-6) ** power, 0.0)
    share = _normalised(share)
    share = _normalised(np.where(share < LEAST_WEIGHT, 0.0, share))
    return {name: share[k] for k, name in enumerate(names)}


def halved(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Half of each set of shares; where one set knows nothing of a node the other has it alone."""
    known = [np.sum(list(shares.values()), axis=0) > 0 for shares in (one, other)]
    first = np.where(known[1], np.where(known[0], 0.5, 0.0), 1.0)
    return {name: first * one[name] + (1.0 - first) * other[name] for name in one}


def deviance(y: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Poisson deviance per outcome: the loss whose best answer is the mean, and which sees that 0.1 is not 0.5."""
    centre = np.maximum(mean, LEAST_MEAN)
    ratio = np.where(y > 0, y, 1.0) / centre
    return np.asarray(2.0 * (np.where(y > 0, y * np.log(ratio), 0.0) - np.where(np.isfinite(y), y, np.nan) + centre))


def combine(forecasts: dict[str, np.ndarray], share: dict[str, np.ndarray]) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Weighted mean (n, H) and the shares used: a failed method is dropped and the others take its part.

    Where no weighted method answered, whatever methods did are averaged; NaN where none did.
    """
    names = list(forecasts)
    stack = np.stack([forecasts[name] for name in names])
    ok = np.isfinite(stack).all(axis=2)
    part = np.stack([share.get(name, np.zeros(stack.shape[1])) for name in names]) * ok
    part = np.where(part.sum(axis=0) > 0, part, ok.astype(float))
    part = _normalised(part)
    mean = (np.where(ok[:, :, None], stack, 0.0) * part[:, :, None]).sum(axis=0)
    return np.where(ok.any(axis=0)[:, None], mean, np.nan), {name: part[k] for k, name in enumerate(names)}


def _normalised(part: np.ndarray) -> np.ndarray:
    total = part.sum(axis=0, keepdims=True)
    return np.asarray(np.divide(part, total, out=np.zeros_like(part), where=total > 0))
