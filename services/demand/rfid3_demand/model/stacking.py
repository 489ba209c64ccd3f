"""Which mixture of methods would have erred least? Stacked regression on rolling-origin errors, shrunk where data are few.

Weights on the simplex that minimise the squared error of the mixture, so that two methods which err alike share one part and
methods which err oppositely help each other, which weights by size of error alone cannot see. A series' own errors count by
how many it has, the rest is its kind's; and the less a kind has shown, the closer all weights stay to equal ones.
Sources: Breiman 1996; Bates & Granger 1969; Kivinen & Warmuth 1997 (exponentiated gradient).
"""

import numpy as np

PRIOR_ERRORS = 200.0
"""The kind's errors count as if they had been seen this often for each series."""
EQUAL_UNTIL = 200.0
"""Equal weights and stacked ones share the say evenly when a kind has shown so many errors."""
LARGEST_ERROR = 8.0
"""Errors beyond so many units count as this: one broken series must not choose for its kind."""
STEPS, RATE = 300, 0.5
LEAST_COVER = 0.9
"""A method that is silent for more of a kind's series than this leaves is not stacked for it."""


def weights(errors: dict[str, np.ndarray], scale: np.ndarray, kind: np.ndarray) -> dict[str, np.ndarray]:
    """Share of each method per node, (n,), summing to 1, or to 0 where no method has errors.

    errors: method -> (n, observations) signed errors, NaN where it gave no forecast or the outcome is unknown. scale: (n,) units.
    kind: (n,) codes of nodes judged together.
    """
    names = list(errors)
    share = np.zeros((len(scale), len(names)))
    if not names:
        return {}
    relative = np.stack([errors[name] / scale[:, None] for name in names], axis=1)
    for code in np.unique(kind):
        rows = np.flatnonzero(kind == code)
        share[rows] = _of_kind(np.clip(relative[rows], -LARGEST_ERROR, LARGEST_ERROR))
    return {name: share[:, k] for k, name in enumerate(names)}


def _of_kind(error: np.ndarray) -> np.ndarray:
    """Shares (n, methods) of one kind's nodes from its errors (n, methods, observations)."""
    speaks = np.isfinite(error).any(axis=2)
    anyone = speaks.any(axis=1)
    use = speaks[anyone].mean(axis=0) >= LEAST_COVER if anyone.any() else np.zeros(error.shape[1], dtype=bool)
    share = np.zeros(speaks.shape)
    if not use.any():
        return share
    chosen = error[:, use]
    common = np.isfinite(chosen).all(axis=1)
    count = common.sum(axis=1)
    e = np.where(common[:, None, :], chosen, 0.0)
    gram = (e @ e.transpose(0, 2, 1)) / np.maximum(count, 1)[:, None, None]
    size = np.maximum(np.einsum("nmm->n", gram)[:, None, None], 1e-12)
    gram = gram / size  # each series in units of its own difficulty, or the hardest would choose for all
    seen = count > 0
    pooled = (gram * count[:, None, None]).sum(axis=0) / max(count.sum(), 1)
    own = (count / (count + PRIOR_ERRORS))[:, None, None]
    stacked = on_simplex(own * gram + (1.0 - own) * pooled[None])
    equal = EQUAL_UNTIL / (EQUAL_UNTIL + count.sum())
    part = (equal / use.sum() + (1.0 - equal) * stacked) * speaks[:, use]
    total = part.sum(axis=1, keepdims=True)
    share[:, use] = np.divide(part, total, out=np.zeros_like(part), where=(total > 0) & seen[:, None])
    return share


def on_simplex(gram: np.ndarray) -> np.ndarray:
    """Weights (n, methods) >= 0 with sum 1 that bring w' gram w near its least, from equal weights; gram: (n, methods, methods)."""
    w = np.full(gram.shape[:2], 1.0 / gram.shape[1])
    for _ in range(STEPS):
        slope = np.matmul(gram, w[:, :, None])[:, :, 0]
        level = np.maximum((w * slope).sum(axis=1, keepdims=True), 1e-12)
        w = w * np.exp(np.clip(-RATE * (slope / level - 1.0), -5.0, 5.0))
        w /= w.sum(axis=1, keepdims=True)
    return w
