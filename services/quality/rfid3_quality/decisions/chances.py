"""How likely is a result above nothing, when its 80 % interval reaches further to one side than to the other? Pure."""

import math

import numpy as np

from rfid3_quality.decisions.amounts import Z80


def normal_share_below(z: np.ndarray) -> np.ndarray:
    """Standard normal distribution function; NaN stays NaN."""
    return np.fromiter((0.5 * math.erfc(-each * math.sqrt(0.5)) for each in z.ravel()), float, z.size).reshape(z.shape)


def chance_above_zero(value: np.ndarray, below: np.ndarray, above: np.ndarray) -> np.ndarray:
    """Chance (n,) that a result is above 0, as a normal around the value whose 80 % half-width is `below` or `above` it.

    The side towards 0 counts. Known exactly: 1 above, 0 below, a half at 0.
    """
    reach = np.where(value > 0, below, above)
    with np.errstate(divide="ignore", invalid="ignore"):
        z = np.where(value == 0, 0.0, Z80 * value / reach)
    return normal_share_below(np.asarray(z))
