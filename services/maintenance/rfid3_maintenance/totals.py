"""How many failures does a category have in the coming weeks, and within which bounds? Sums of chances with an 80 % interval; pure.

Each unit fails once at most in a window; what is not known of the hazards is common to all units of a category, so it does not average
out: the count is negative binomial with the spread of the items' own bounds. Stated on the safe side: classes of a category are taken to
err together.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from rfid3_maintenance.decisions.curve import at_days
from rfid3_maintenance.kinds import CUTS_DAYS
from rfid3_shared.normal import Z_80

WEEKS = 4
MONTH_DAYS = 30.0


def expected(
    wear: np.ndarray, band: np.ndarray, category: np.ndarray, counted: np.ndarray, names: Sequence[str], as_of: date
) -> list[dict[str, Any]]:
    """By category: the next 30 days (week null), and each of the next full weeks (its Monday): mean, lower, upper, units.

    wear (units, cuts); band (units, horizons, 2), read at 30 days; category (units,) positions in names; counted (units,) bool.
    """
    monday = as_of + timedelta(days=7 - as_of.weekday())
    ahead = (monday - as_of).days - 1
    windows: list[tuple[date | None, float, float]] = [(None, 0.0, MONTH_DAYS)]
    windows += [(monday + timedelta(days=7 * week), ahead + 7.0 * week, ahead + 7.0 * (week + 1)) for week in range(WEEKS)]
    found = []
    for code, name in enumerate(names):
        rows = np.flatnonzero(counted & (category == code))
        if not len(rows):
            continue
        spread = spread_of(band[rows, 1])
        for week, begin, end in windows:
            mean, lower, upper = counts(wear[rows], begin, end, spread)
            found.append(
                {"category": name, "week": week, "mean": round(mean, 4), "lower": lower, "upper": upper, "units": len(rows)}
            )
    return found


def counts(
    wear: np.ndarray, begin_days: float, end_days: float, spread: float, *, first_only: bool = False
) -> tuple[float, float, float]:  # fmt: skip
    """Mean and 80 % interval (whole numbers) of the units that fail between two days from now.

    A unit that fails before is mended and may fail again; first_only: it does not count again.
    """
    from scipy.stats import nbinom, poisson

    asked = np.broadcast_to(np.array([begin_days, end_days]), (len(wear), 2))
    before, after = at_days(np.asarray(wear, float), CUTS_DAYS, asked).T
    chance = -np.expm1(before - after) * (np.exp(-before) if first_only else 1.0)
    mean = float(chance.sum())
    if mean <= 0:
        return 0.0, 0.0, 0.0
    if spread * spread * mean < 1e-6:
        low, high = (float(poisson.ppf(level, mean)) for level in (0.1, 0.9))
    else:
        size = 1.0 / (spread * spread)
        low, high = (float(nbinom.ppf(level, size, size / (size + mean))) for level in (0.1, 0.9))
    return mean, min(low, len(wear)), min(high, float(len(wear)))


def spread_of(band: np.ndarray) -> float:
    """Relative standard deviation of the expected failures of units with these 80 % intervals, (units, 2), weighted by them."""
    hazard = -np.log1p(-np.clip(np.asarray(band, float), 1e-9, 1 - 1e-9))
    logs = (np.log(hazard[:, 1]) - np.log(hazard[:, 0])) / (2 * Z_80)
    weight = hazard.sum(axis=1)
    return float(np.average(np.minimum(logs, 3.0), weights=weight)) if weight.sum() > 0 else 0.0
