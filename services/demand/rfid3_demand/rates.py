"""What does a rental of one unit bring? Dollars per unit leaving, from what contracts charged, else from the rate card. Pure."""

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


def unit_rates(line_prices: dict[str, float], cards: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Dollars per unit leaving for each class: the mean line price of its contracts, else its rate card."""
    found = {number: usd for number, rates in cards.items() if (usd := rate_card_usd(rates)) is not None}
    return {**found, **line_prices}
