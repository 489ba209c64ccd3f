"""How wide must the intervals be so that they hold? Calibration on out-of-sample errors of the reconciled forecast.

Two steps, learned from rolling origins: a spread per node (its own errors, shrunk to its kind; never narrower further ahead),
then a correction of every quantile level so that, among nodes of its kind and size, outcomes fall below it as often as it
says (probability integral transform; Mondrian split-conformal prediction). The distribution itself is a room of its own:
count_intervals for whole numbers, size_intervals for the rest.
"""

from dataclasses import dataclass

import numpy as np

from rfid3_demand.model import count_intervals, size_intervals
from rfid3_demand.model.corrected_levels import GRID, Buckets
from rfid3_demand.model.count_intervals import Spread, Typed
from rfid3_demand.model.count_types import Seen


@dataclass(frozen=True)
class Calibration:
    """Spread per node, its growth with the step, and corrected levels per bucket."""

    spread: Spread | np.ndarray
    """Of counts, or (n, 3) as size_intervals gives it."""
    growth: np.ndarray
    """(H,) factor of the squared spread per step, never falling."""
    bucket: Buckets | np.ndarray
    """Of counts, or (n,) index into corrected."""
    corrected: np.ndarray
    """(buckets, grid) share of outcomes at or below each point of the probability grid."""
    kind: np.ndarray
    """(n,) codes it was calibrated with."""


def calibrate(
    y: np.ndarray,
    mean: np.ndarray,
    kind: np.ndarray,
    scale: np.ndarray,
    horizon: int,
    counts: bool,
    independent: float = np.inf,
    first_season: bool = False,
    seen: Seen | None = None,
    apart: np.ndarray | None = None,
    typed: Typed | None = None,
) -> Calibration:
    """Learn from outcomes y and forecasts mean, both (n, origins, steps), NaN where unknown; kind: (n,) codes; scale: (n,)
    units.

    independent: how many origins do not overlap; widens sizes, while for counts a node's own noise outweighs that.
    first_season: no season has been seen twice, so growth cannot be told from season and its skew is half believed for counts too.
    seen: of counts, what they looked like from each origin; without it the same kind at all, and no types.
    apart: of sizes, (origins, origins) True where two origins share no outcome and may judge each other; None: any two.
    typed: of counts, what `count_intervals.typed` says of the same, where it is known already.
    """
    spread: Spread | np.ndarray
    bucket: Buckets | np.ndarray
    if counts:
        seen = seen or _unseen(kind, y.shape[1])
        spread, bucket, corrected = count_intervals.calibrate(y, mean, seen, horizon, first_season, typed)
        growth = spread.growth
    else:
        spread, growth, bucket, corrected = size_intervals.calibrate(y, mean, kind, scale, horizon, independent, apart)
    if not counts or first_season:
        # half of the skew is believed: a common shift in a few past periods says little about the next one
        corrected = 0.75 * corrected + 0.25 * (1.0 - corrected[:, ::-1])
    return Calibration(spread, growth, bucket, corrected, kind)


def quantiles(calibration: Calibration, mean: np.ndarray, levels: np.ndarray, seen: Seen | None = None) -> np.ndarray:
    """Calibrated quantiles (n, H, levels) float32 around mean (n, H); never crossing, never negative for counts.

    seen: of counts, what they looked like from where the mean was made.
    """
    result = np.full((*mean.shape, len(levels)), np.nan, dtype=np.float32)
    spread, growth = calibration.spread, calibration.growth[: mean.shape[1]]
    seen = seen or _unseen(calibration.kind, 1)
    bucket = calibration.bucket.of(seen.kind[:, -1], mean) if isinstance(calibration.bucket, Buckets) else calibration.bucket
    for b in range(len(calibration.corrected)):
        rows = np.flatnonzero((bucket == b) & np.isfinite(mean).all(axis=1))
        if not len(rows):
            continue
        wanted = np.clip(np.interp(levels, calibration.corrected[b], GRID), 1e-6, 1 - 1e-6)
        if isinstance(spread, Spread):
            width = spread.dispersion[rows, None] * growth
            result[rows] = count_intervals.quantiles(mean[rows], width, spread.share[b], wanted, seen.chances[-1][rows])
        else:
            result[rows] = size_intervals.quantiles(mean[rows], spread[rows], growth, wanted)
    return np.sort(result, axis=2)


def _unseen(kind: np.ndarray, points: int) -> Seen:
    nothing = np.full((len(kind), 1), np.nan, dtype=np.float32)
    return Seen((nothing,) * points, np.repeat(kind[:, None], points, axis=1))
