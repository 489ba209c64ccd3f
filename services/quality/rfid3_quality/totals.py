"""Where will a category's mean score stand, and within which bounds? Pure."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from rfid3_quality.model.wear import Wear
from rfid3_quality.snapshot import HORIZONS_DAYS, SCORES, WITHIN_DAYS
from rfid3_shared.normal import Z_80

_AT = HORIZONS_DAYS.index(WITHIN_DAYS)


def expected(
    wear: Wear, score: np.ndarray, counted: np.ndarray, category: np.ndarray, group: np.ndarray, names: Sequence[str]
) -> list[dict[str, Any]]:
    """By category: mean score in WITHIN_DAYS with its 80 % interval, and units. score (units, SCORES, horizons), NaN = unknown.

    Units differ by themselves; what is not known of a class's pace they share, so it does not average out.
    """
    pace = np.append(wear.pool.of_group, wear.pool.overall)
    found = []
    for code, name in enumerate(names):
        rows = np.flatnonzero(counted & (category == code) & np.isfinite(score[:, 0, 0]))
        if not len(rows):
            continue
        mean, low, high = (score[rows, SCORES.index(part), _AT].astype(float) for part in ("mean", "lower", "upper"))
        own = ((high - low) / (2 * Z_80)) ** 2
        fall = score[rows, 0, 0].astype(float) - mean
        shared = float(fall @ np.sqrt(pace[group[rows]])) / len(rows)
        half = Z_80 * float(np.sqrt(own.sum() / len(rows) ** 2 + shared**2))
        middle = float(mean.mean())
        found.append({"category": name, "mean": round(middle, 4), "lower": round(max(middle - half, 0.0), 4),
                      "upper": round(min(middle + half, 1.0), 4), "units": len(rows)})  # fmt: skip
    return found
