"""What does an article's score mean in dollars: what it earns, what its repairs cost, what it brings when sold? Pure.

Every function takes scores (n, T) and what is known of n items as columns (n, 1), and falls or rises with the score one way
only: the better an article, the more it earns and brings, and the fewer repairs it needs.
"""

from dataclasses import dataclass

import numpy as np

from rfid3_quality.decisions import priors
from rfid3_quality.decisions.once import Once


@dataclass(frozen=True)
class Point:
    """One belief about everything that turns scores into dollars, (n, 1) each."""

    price_usd: np.ndarray
    """Of a new one."""
    revenue_a_year_usd: np.ndarray
    """What an article as good as new earns."""
    price_effect: np.ndarray
    """Log price per unit of score, at least 0."""
    refusal_score: np.ndarray
    """Score at which every second customer refuses."""
    repairs_a_year: np.ndarray
    """Of an article as good as new."""
    repair_growth: np.ndarray
    """Log repair rate per unit of score lost."""
    repair_usd: np.ndarray
    repair_lift: np.ndarray
    resale_ratio: np.ndarray
    """What a used article at A+ brings, as share of a new one's price."""


def earning_ratio(point: Point, score: np.ndarray, once: Once | None = None) -> np.ndarray:
    """Share of a perfect article's revenue that is earned at a score: a lower price, and customers who refuse."""
    return (once or Once())(_earning_ratio, point.refusal_score, point.price_effect, score)


def running_usd_a_year(point: Point, score: np.ndarray, once: Once | None = None) -> np.ndarray:
    """What a year at that score costs: revenue that a perfect article would earn and this one does not, and repairs."""
    once = once or Once()
    earned, times = earning_ratio(point, score, once), once(_times_as_many_repairs, point.repair_growth, score)
    return once(_running, point.revenue_a_year_usd, earned, point.repair_usd, point.repairs_a_year, times)


def resale_usd(point: Point, score: np.ndarray, once: Once | None = None) -> np.ndarray:
    """What an article brings when sold: its share of the price at A+, nothing at D and below, straight between."""
    once = once or Once()
    return once(_resale, point.price_usd, point.resale_ratio, once(_saleable_share, score))


def repaired(point: Point, score: np.ndarray, once: Once) -> np.ndarray:
    """The scores after a repair today: nothing is lifted above a perfect score, and what is lifted wears on as it would have."""
    return once(_lifted, score, point.repair_lift)


def repairs_as_new(repairs_a_year: np.ndarray, score: np.ndarray) -> np.ndarray:
    """The rate an article would have as good as new, from the rate seen at a score."""
    return np.asarray(repairs_a_year * np.exp(-priors.REPAIR_GROWTH.value * (1.0 - score)))


def _earning_ratio(refusal_score: np.ndarray, price_effect: np.ndarray, score: np.ndarray) -> np.ndarray:
    # in place: fresh memory for every step costs as much as the step
    taken = refusal_score - score
    taken /= priors.SCORE_OF_PRIOR_REFUSALS
    np.exp(taken, out=taken)
    taken += 1.0
    np.divide(1.0, taken, out=taken)
    price = -price_effect * (1.0 - score)
    taken *= np.exp(price, out=price)
    return np.asarray(taken)


def _times_as_many_repairs(repair_growth: np.ndarray, score: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(repair_growth * (1.0 - score)))


def _running(
    revenue: np.ndarray, earned: np.ndarray, repair_usd: np.ndarray, repairs_a_year: np.ndarray, times: np.ndarray
) -> np.ndarray:
    lost = 1.0 - earned
    lost *= revenue
    lost += repair_usd * repairs_a_year * times
    return np.asarray(lost)


def _saleable_share(score: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(score - priors.UNSALEABLE_SCORE, 0.0) / (1.0 - priors.UNSALEABLE_SCORE))


def _resale(price: np.ndarray, ratio: np.ndarray, share: np.ndarray) -> np.ndarray:
    return np.asarray(price * ratio * share)


def _lifted(score: np.ndarray, lift: np.ndarray) -> np.ndarray:
    return np.asarray(score + np.minimum(lift, 1.0 - score[:, :1]))
