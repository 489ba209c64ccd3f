"""What follows for an item if everything were as one belief says: today's options, the day to replace it, what that gains? Pure."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from rfid3_quality.decisions.economic_life import (
    equivalent_annual_cost,
    exceeding_moment,
    flow_at_year_end,
    flows_at_ends,
    present_values,
)
from rfid3_quality.decisions.once import Once
from rfid3_quality.decisions.worth import Point, earning_ratio, repaired, resale_usd, running_usd_a_year

HORIZON_YEARS = 5.0
"""Options are compared over it, and a replacement is dated within it."""
_DAYS = 365.25
OLD_YEARS = np.concatenate([np.arange(12) / 12, np.arange(1.0, HORIZON_YEARS + 0.01, 0.25)])
"""Moments at which an item in use is looked at: monthly in its first year, quarterly later; straight between them."""
OLD_DAYS = OLD_YEARS * _DAYS
NEW_YEARS = np.concatenate([np.arange(0, 2, 0.25), np.arange(2, 6, 0.5), np.arange(6.0, 16.0)])
"""Moments at which a new one may go again, up to 15 years: longer lives cost hardly less a year."""


def new_days() -> np.ndarray:
    """The days at which a new one's score is needed."""
    return NEW_YEARS * _DAYS


@dataclass(frozen=True)
class Outcome:
    """What follows from one belief, (n, …): each part is computed when it is asked for, and once with `once`."""

    point: Point
    old: np.ndarray
    """Scores (n, T) of the item at OLD_YEARS; NaN where the belief has gaps."""
    new: np.ndarray
    """Scores (n or 1, L) of a new one at NEW_YEARS."""
    discount: float
    once: Once

    @property
    def options(self) -> np.ndarray:
        """(n, 4) net present value of keep, repair, retire, resell."""
        market, refill = self.market_usd, self._refill
        kept = self._best_kept(self.old)
        mended = self._best_kept(repaired(self.point, self.old, self.once)) - self.point.repair_usd[:, 0]
        gone = refill[:, 0]
        return np.column_stack([kept, mended, np.where(np.isnan(market), np.nan, gone), gone + market])

    @cached_property
    def market_usd(self) -> np.ndarray:
        """(n,) what the item brings today."""
        return resale_usd(self.point, self.old, self.once)[:, 0]

    @property
    def revenue_impact_usd(self) -> np.ndarray:
        """(n,) revenue of the first year gained by having a new one instead."""
        new, old = (
            self.once(_first_year, earning_ratio(self.point, score, self.once), years)
            for score, years in ((self.new, NEW_YEARS), (self.old, OLD_YEARS))
        )
        return np.asarray(self.point.revenue_a_year_usd[:, 0] * (new - old))

    @property
    def date_days(self) -> np.ndarray:
        """(n,) inf: not within the horizon, or a new one does not earn its price."""
        return np.where(self.new_gain_usd <= 0, np.inf, exceeding_moment(self._running, self._limit, OLD_DAYS))

    @cached_property
    def new_gain_usd(self) -> np.ndarray:
        """(n,) what a new one earns a year beyond its equivalent annual cost."""
        return self.once(_beyond, self.point.revenue_a_year_usd, self._limit)

    def row(self, then_days: np.ndarray) -> np.ndarray:
        """Everything that has an interval, (n, 8): options, market, revenue impact, gain by replacing then, a new one's gain."""
        gain = self.once(_gain_after, self._running, self._limit, then_days, self.discount)
        return np.column_stack([self.options, self.market_usd, self.revenue_impact_usd, gain, self.new_gain_usd])

    @cached_property
    def _running(self) -> np.ndarray:
        """(n, T) what a year of the item costs at each moment."""
        return running_usd_a_year(self.point, self.old, self.once)

    @cached_property
    def _limit(self) -> np.ndarray:
        """(n,) what a new one costs a year, flowing evenly as the old one's costs do."""
        running, resale = (value(self.point, self.new, self.once) for value in (running_usd_a_year, resale_usd))
        return self.once(_cost_a_year, self.point.price_usd, running, resale, self.discount)

    @cached_property
    def _refill(self) -> np.ndarray:
        """(n, T) what a new one earns from each moment to the horizon."""
        return self.once(_earned_from, self.new_gain_usd, self.discount)

    def _best_kept(self, score: np.ndarray) -> np.ndarray:
        running, resale = (value(self.point, score, self.once) for value in (running_usd_a_year, resale_usd))
        return self.once(_best_kept, self.point.revenue_a_year_usd, running, resale, self._refill, self.discount)


def follow(point: Point, old: np.ndarray, new: np.ndarray, discount: float, once: Once | None = None) -> Outcome:
    """The outcome of a belief. once: shared by beliefs that differ in a few inputs only."""
    return Outcome(point, old, new, discount, once or Once())


def _cost_a_year(price: np.ndarray, running: np.ndarray, resale: np.ndarray, discount: float) -> np.ndarray:
    paid = flows_at_ends((running[:, 1:] + running[:, :-1]) / 2, NEW_YEARS[:-1], NEW_YEARS[1:], discount)
    yearly = equivalent_annual_cost(price[:, 0], paid, resale[:, 1:], NEW_YEARS[1:], discount)
    # the old one's costs flow through the year: so does the new one's yearly cost, for comparing
    return np.asarray(yearly.min(axis=1) / flow_at_year_end(discount))


def _beyond(revenue: np.ndarray, limit: np.ndarray) -> np.ndarray:
    return np.asarray(revenue[:, 0] - limit)


def _earned_from(gain: np.ndarray, discount: float) -> np.ndarray:
    upto = _accumulated(np.ones((1, len(OLD_YEARS))), discount)[0]
    return np.asarray(np.maximum(gain, 0.0)[:, None] * (upto[-1] - upto))


def _best_kept(revenue: np.ndarray, running: np.ndarray, resale: np.ndarray, refill: np.ndarray, discount: float) -> np.ndarray:
    """Present value (n,) of keeping until the best of the moments after today, then selling and filling the place."""
    value = _accumulated(revenue - running, discount)
    value += resale * present_values(OLD_YEARS, discount)
    value += refill
    return np.asarray(value[:, 1:].max(axis=1))


def _gain_after(running: np.ndarray, limit: np.ndarray, then_days: np.ndarray, discount: float) -> np.ndarray:
    """Present value (n,), from then to the horizon, of running the old one beyond what a new one costs."""
    excess = _accumulated(running - limit[:, None], discount)
    return np.asarray(excess[:, -1] - _between(excess, then_days))


def _accumulated(rate: np.ndarray, discount: float) -> np.ndarray:
    """Present value (n, T) of a yearly rate from today to each moment.

    Added up row by row, not by a matrix product: an item's sums must not depend on how many others are judged with it.
    """
    upto, flows = np.zeros(rate.shape), rate[:, 1:] + rate[:, :-1]
    flows *= _half_flows(discount)
    np.cumsum(flows, axis=1, out=upto[:, 1:])
    return upto


@lru_cache(maxsize=8)
def _half_flows(discount: float) -> np.ndarray:
    """Half the present value (T − 1,) of a dollar a year that flows from each moment to the next."""
    flow = flows_at_ends(np.ones(len(OLD_YEARS) - 1), OLD_YEARS[:-1], OLD_YEARS[1:], discount)
    return np.asarray(flow * present_values(OLD_YEARS[1:], discount) / 2)


def _first_year(earned: np.ndarray, years: np.ndarray) -> np.ndarray:
    """Mean share of a perfect article's revenue that is earned in the first year."""
    upto = int(np.searchsorted(years, 1.0, side="right"))
    return np.asarray(((earned[:, 1:upto] + earned[:, : upto - 1]) / 2 * np.diff(years[:upto])).sum(axis=1))


def _between(values: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Values (n, T) at OLD_DAYS, read at one day each, straight between."""
    k = np.clip(np.searchsorted(OLD_DAYS, np.nan_to_num(days), side="right") - 1, 0, len(OLD_DAYS) - 2)
    rows = np.arange(len(values))
    share = (days - OLD_DAYS[k]) / (OLD_DAYS[k + 1] - OLD_DAYS[k])
    return np.asarray(values[rows, k] + (values[rows, k + 1] - values[rows, k]) * share)
