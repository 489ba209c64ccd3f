"""Whom does one believe before any error is known? Shares of a long series with calendar or regressors; pure.

Where the regression speaks there are few series, so shares are learned from a dozen origins of a series or two, and most methods
in the list look at nothing but the last weeks: learned shares spread over those near twins. Half of the say therefore goes to the
two that see calendar and regressors, the regression and the tree, and half as learned (chosen on earlier origins
of one daily set).
"""

import numpy as np

SEERS = ("regression", "lightgbm")
PRIOR = 0.5


def leaning(shares: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The shares, (n,) per method, moved half-way to the SEERS for nodes whose regression has a share."""
    seers = [name for name in SEERS if name in shares]
    if "regression" not in seers:
        return shares
    speaks = shares["regression"] > 0
    able = np.stack([(shares[name] > 0) & speaks for name in seers]).astype(float)
    prior = np.divide(able, able.sum(axis=0), out=np.zeros_like(able), where=able.sum(axis=0) > 0)
    moved = {name: np.where(speaks, (1.0 - PRIOR) * share, share) for name, share in shares.items()}
    return moved | {name: moved[name] + PRIOR * prior[k] for k, name in enumerate(seers)}
