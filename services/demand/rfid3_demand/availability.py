"""Will there be enough? Units at hand per class, store and week, and the chance that demand exceeds them. Pure.

A unit can leave when it belongs to the fleet and is neither out, committed nor being turned around. Those that are out come
back as past rentals did; those that forecast demand sends out stay out as long. Source: design notes, "Observed rentals are
not demand: availability at each moment can be rebuilt from scans".
"""

from collections.abc import Callable

import numpy as np


def still_out(gaps_days: np.ndarray, weeks: int) -> np.ndarray:
    """Share of units still out k weeks after they left, k = 0 … weeks, (weeks + 1,).

    gaps_days: days from leaving to the next scan, of units that were seen again (being back is inferred from the next sighting,
    so the share errs on the side of being out). Without any: everything is back after a week.
    """
    if not len(gaps_days):
        return np.array([1.0] + [0.0] * weeks)
    return np.array([float(np.mean(gaps_days > 7 * k)) if k else 1.0 for k in range(weeks + 1)])


def at_hand(
    fleet: np.ndarray, unavailable: np.ndarray, mean: np.ndarray, staying: np.ndarray, days_ahead: float = 7.0
) -> np.ndarray:
    """Units that can leave in each week, (n, H), not below 0.

    fleet, unavailable (n,): units of the fleet, and those of them not available on the data's last day; NaN = no tag known.
    mean (n, H): units expected to leave. staying: as `still_out` gives it; between its weeks units come back evenly.
    days_ahead: what is left of the first week; who left this morning is not back tonight.
    """
    steps = mean.shape[1]
    out = np.zeros_like(mean)
    still = np.interp(days_ahead / 7.0 + np.arange(steps), np.arange(len(staying)), staying)
    for k in range(steps):
        out[:, k] = unavailable * still[k]
        for back in range(1, min(k, len(staying) - 1) + 1):
            out[:, k] += np.minimum(mean[:, k - back], fleet) * staying[back]
    return np.asarray(np.maximum(fleet[:, None] - out, 0.0))


def stockout_chance(units: np.ndarray, quantiles: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """P(demand > units at hand), (n, H), from the quantile grid; NaN where units or quantiles are unknown.

    units (n, H); quantiles (n, H, Q), ordered. Between stored levels by linear interpolation; beyond the outermost ones the
    outermost level's own chance stands.
    """
    lower_equal = quantiles <= units[..., None] + 1e-9
    at = lower_equal.sum(axis=-1)
    count = len(levels)
    below, above = np.clip(at - 1, 0, count - 1), np.clip(at, 0, count - 1)
    q_below = np.take_along_axis(quantiles, below[..., None], axis=-1)[..., 0]
    q_above = np.take_along_axis(quantiles, above[..., None], axis=-1)[..., 0]
    gap = q_above - q_below
    part = np.where(gap > 0, (units - q_below) / np.where(gap > 0, gap, 1.0), 0.0)
    reached = levels[below] + np.clip(part, 0, 1) * (levels[above] - levels[below])
    reached = np.where(at == 0, np.minimum(levels[0], 1.0) * 0.0, reached)
    chance = 1.0 - np.where(at >= count, levels[-1], reached)
    return np.where(np.isfinite(units) & np.isfinite(quantiles).all(axis=-1), chance, np.nan)


def outlook(
    fleet: np.ndarray, unavailable: np.ndarray, mean: np.ndarray, quantiles: np.ndarray, levels: np.ndarray, staying: np.ndarray,
    so_far: np.ndarray | float = 0.0, days_ahead: float = 7.0,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Units that can leave in each week and the chance that demand exceeds them, (n, H) each; NaN where no tag is known.

    so_far (n,): units of the first week that have left already: they are among its demand, and among those that can leave in it;
    they are unavailable now, so that only what is still ahead of it goes on to wear the shelf down. days_ahead: of the first week.
    """
    ahead = np.array(np.nan_to_num(mean), float)
    ahead[:, 0] = np.maximum(ahead[:, 0] - so_far, 0.0)
    units = at_hand(np.nan_to_num(fleet), np.nan_to_num(unavailable), ahead, staying, days_ahead)
    units[:, 0] += so_far
    units[np.isnan(fleet)] = np.nan
    return units, stockout_chance(units, quantiles, levels)


def over_nodes(total: Callable[[np.ndarray], np.ndarray], chance: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Chance that a unit asked for is of a class that runs short, per node: the bottom chances weighted by expected demand.

    total: sums (n, H) over what is below each node, (nodes, H); chance, mean (n, H). NaN where no class below has a known fleet
    and demand.
    """
    known = np.isfinite(chance) & np.isfinite(mean)
    weight = np.where(known, np.nan_to_num(mean), 0.0)
    asked = total(weight)
    risk = total(weight * np.nan_to_num(chance))
    return np.where(asked > 0, risk / np.where(asked > 0, asked, 1.0), np.nan)
