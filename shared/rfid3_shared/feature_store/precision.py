"""How exact is a value? One rule wherever it is computed, served or kept, so that it is the same number everywhere. Pure."""

import math

DIGITS = 6
LARGEST = 1e9
"""Values lie below it: D(15,6)."""


def as_kept(value: float | None) -> float | None:
    """The value in millionths; None for None and for NaN: what nobody knows.

    Raises ValueError for a value without end, or one the table has no room for.
    """
    if value is None or value != value:
        return None
    if not math.isfinite(value) or abs(value) >= LARGEST:
        raise ValueError(f"a feature's value must be a number below {LARGEST:g}, not {value}")
    # numpy's floats become Python's; there is no minus zero in a table
    return round(float(value), DIGITS) + 0.0
