"""What does a rental of one unit cost by the rate card? Dollars per unit leaving. Pure."""

from typing import Any

WEEK_HOURS = 168
"""Half of all rentals last four to seven days (4.6 at the median of a real export), so a rental is priced at the weekly rate."""


def rate_card_usd(rates: dict[str, Any]) -> float | None:
    """Price of a rental by the card: for one week, else for the longest period up to a week, else for the shortest one.

    rates: period hours → price, both as text. None when nothing in it is a positive price.
    """
    priced: dict[float, float] = {}
    for hours, price in rates.items():
        try:
            priced[float(hours)] = float(price)
        except (TypeError, ValueError):
            continue
    priced = {hours: price for hours, price in priced.items() if hours > 0 and price > 0}
    if not priced:
        return None
    upto = [hours for hours in priced if hours <= WEEK_HOURS]
    return priced[max(upto)] if upto else priced[min(priced)]
