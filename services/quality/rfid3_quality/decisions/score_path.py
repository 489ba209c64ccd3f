"""What will an item's score be on any day of the years ahead, when the projection says it for a few days only? Pure."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class ScorePath:
    """A projection without repair: scores 0–1 on `days`, (n, H) each, or (1, H) for all items alike."""

    days: np.ndarray
    """(H,) rising, from 0 or later; the first known score holds until then."""
    mean: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    def take(self, rows: slice) -> "ScorePath":
        """The same of some items."""
        one = self.mean.shape[0] == 1
        return self if one else ScorePath(self.days, self.mean[rows], self.lower[rows], self.upper[rows])


def pace_a_day(days: np.ndarray, score: np.ndarray) -> np.ndarray:
    """Score lost a day (n, 1) on average over a projection; a single known day says nothing of a pace: 0."""
    span = days[-1] - days[0]
    return np.asarray(np.maximum(score[:, :1] - score[:, -1:], 0.0) / span if span > 0 else np.zeros((len(score), 1)))


def scores_on(days: np.ndarray, score: np.ndarray, asked_days: np.ndarray, pace: np.ndarray) -> np.ndarray:
    """Scores (n, T) on the asked days, never rising: straight between known days, then falling at the given pace, down to 0.

    pace: (n, 1) a day. It must not be an item's own: of two items the one that is nowhere better would look better in the end,
    only because it had fallen before.
    """
    score = np.minimum.accumulate(np.clip(score, 0.0, 1.0), axis=1)
    after = np.clip(np.searchsorted(days, asked_days, side="right"), 1, max(len(days) - 1, 1)) - 1
    upto = np.minimum(after + 1, len(days) - 1)
    width = np.maximum(days[upto] - days[after], 1e-9)
    share = np.clip((asked_days - days[after]) / width, 0.0, 1.0)
    within = score[:, after] + (score[:, upto] - score[:, after]) * share
    return np.asarray(np.maximum(within - pace * np.maximum(asked_days - days[-1], 0.0), 0.0))
