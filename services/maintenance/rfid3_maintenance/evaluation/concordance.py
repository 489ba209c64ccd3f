"""Of two machines, was the one said to fail first the first to fail? Harrell's C (1982), ties as in the textbook."""

from __future__ import annotations

import numpy as np

MOST_ROWS = 20_000
"""Beyond, an even pick: all pairs of 20,000 rows are 400 million."""
_BLOCK = 500


def index(remaining: np.ndarray, after: np.ndarray, event: np.ndarray) -> float:
    """Share of comparable pairs in the right order; remaining (rows,) grows with the expected time. 0.5 is chance, 1 perfect.

    A pair is comparable when the earlier time is an event's, or both times are equal and exactly one is an event's (which then is
    the earlier). Equal predictions count one half. NaN without a comparable pair.
    """
    if len(after) > MOST_ROWS:
        picked = np.linspace(0, len(after) - 1, MOST_ROWS).astype(int)
        remaining, after, event = remaining[picked], after[picked], event[picked]
    right, pairs = 0.0, 0
    first = np.flatnonzero(event)
    for block in (first[k : k + _BLOCK] for k in range(0, len(first), _BLOCK)):
        later = (after[None, :] > after[block][:, None]) | ((after[None, :] == after[block][:, None]) & ~event[None, :])
        ahead = remaining[None, :] > remaining[block][:, None]
        tied = remaining[None, :] == remaining[block][:, None]
        right += float((later & ahead).sum()) + 0.5 * float((later & tied).sum())
        pairs += int(later.sum())
    return right / pairs if pairs else float("nan")
