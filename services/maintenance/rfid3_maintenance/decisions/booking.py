"""Will an item survive its next booking? The chance that it is ready, does not fail before it leaves, and comes back whole.

The curve runs on the item's own clock, from now: it must get past the day it leaves, and then past the days out. Being ready in time
and not failing are taken as independent; the parts are shown so that anybody can see which one is weak.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rfid3_maintenance.decisions.curve import at_days, reach_days


@dataclass(frozen=True)
class Survival:
    """Chances, arrays (rows,): chance = ready × until_leaving × while_out.

    beyond_curve: the booking ends after the curve's last day, so its last hazard was held to the end.
    """

    chance: np.ndarray
    ready: np.ndarray
    until_leaving: np.ndarray
    while_out: np.ndarray
    beyond_curve: np.ndarray


def survives_booking(
    survival: np.ndarray, cuts_days: Sequence[float], leaves_in_days: np.ndarray, out_days: np.ndarray,
    ready: np.ndarray | None = None,
) -> Survival:  # fmt: skip
    """Chances for bookings, one a row. ready: chance to be Ready to Rent by then (`turnaround.chance_ready`); None: on the shelf now.

    leaves_in_days below 0: it is out already, and only the days still to come count. Raises ValueError where days are not numbers
    or shapes do not fit.
    """
    leaves, out = np.atleast_1d(np.asarray(leaves_in_days, float)), np.atleast_1d(np.asarray(out_days, float))
    if not (np.isfinite(leaves).all() and np.isfinite(out).all() and (out >= 0).all()):
        raise ValueError("a booking leaves on a known day and lasts a known number of days, 0 or more")
    rows = len(np.atleast_2d(survival))
    leaves, out = np.broadcast_to(leaves, rows), np.broadcast_to(out, rows)
    before = at_days(survival, cuts_days, leaves)
    after = at_days(survival, cuts_days, leaves + out)
    in_time = np.ones(rows) if ready is None else np.clip(np.broadcast_to(np.asarray(ready, float), rows), 0.0, 1.0)
    until, while_out = np.exp(-before), np.exp(before - after)
    return Survival(in_time * until * while_out, in_time, until, while_out, leaves + out > reach_days(cuts_days))
