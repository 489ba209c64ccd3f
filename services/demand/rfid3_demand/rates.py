"""What does a rental of one unit bring? Dollars per unit leaving, from what contracts charged, else from the rate card. Pure."""

from typing import Any

from rfid3_shared.source.rate_card import WEEK_HOURS, rate_card_usd

__all__ = ["WEEK_HOURS", "rate_card_usd", "unit_rates"]


def unit_rates(line_prices: dict[str, float], cards: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Dollars per unit leaving for each class: the mean line price of its contracts, else its rate card."""
    found = {number: usd for number, rates in cards.items() if (usd := rate_card_usd(rates)) is not None}
    return {**found, **line_prices}
