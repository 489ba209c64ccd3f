"""How does money stay exact? Whole cents inside, two decimal places outside; pure."""

import math
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from rfid3_shared.errors import InvalidParameters

CENT = Decimal("0.01")
MOST_CENTS = 10**12
"""Ten thousand million dollars: beyond it sums of many amounts might leave 64-bit whole numbers."""


def cents_of(usd: Decimal | float | int | str) -> int:
    """An amount in dollars as whole cents, half a cent up; a float is read as it is printed.

    Raises InvalidParameters when it is no number, negative, or above ten thousand million dollars.
    """
    try:
        amount = Decimal(str(usd))
        cents = int((amount / CENT).to_integral_value(ROUND_HALF_UP))
    except (InvalidOperation, ValueError, OverflowError) as fault:
        raise InvalidParameters("An amount of money must be a number.", value=str(usd)) from fault
    if not 0 <= cents <= MOST_CENTS:
        raise InvalidParameters("An amount of money must lie between 0 and 10,000,000,000 dollars.", value=str(usd))
    return cents


def usd_of(cents: int) -> Decimal:
    """Whole cents as dollars with two decimal places."""
    return (Decimal(int(cents)) * CENT).quantize(CENT)


def rounded_usd(usd: float) -> Decimal | None:
    """A computed amount with two decimal places, of either sign; None when it is unknown (NaN)."""
    return Decimal(repr(float(usd))).quantize(CENT, ROUND_HALF_UP) if math.isfinite(usd) else None
