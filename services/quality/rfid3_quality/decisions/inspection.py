"""Whom to look at next: what is it worth to know an item's grade? Value of perfect information; pure.

Without looking, one thing is done with the item: what is best on average over the grades that it may have. With its grade known,
the best thing for that grade is done. The difference, averaged over the grades, is what an inspection is worth at most; it is
nothing when the same thing is best whatever the grade.
"""

from dataclasses import dataclass

import numpy as np

from rfid3_quality.decisions import priors
from rfid3_quality.decisions.replacement import Items, option_values

MINUTE_USD = 0.5
"""What a minute of an inspector costs, stated: $30 an hour; a parameter of the ranking."""


@dataclass(frozen=True)
class Looks:
    """What looking at each of n items is worth."""

    value_usd: np.ndarray
    """Expected gain from knowing the grade; at least 0."""
    without: np.ndarray
    """Place of the option that is best without looking; -1 when no dollars are known."""
    change_chance: np.ndarray
    """Chance that the grade found changes what is done."""


def value_of_looking(chances: np.ndarray, payoffs_usd: np.ndarray) -> Looks:
    """Value of perfect information about grades.

    chances: (n, G), each row a distribution; payoffs_usd: (n, A, G) value of each option if the grade is this one; an option that is
    NaN anywhere is not open. Items without any open option are worth 0, for nothing is known that looking could change.
    """
    open_ = np.isfinite(payoffs_usd).all(axis=2)
    payoff = np.where(open_[:, :, None], payoffs_usd, -np.inf)
    known = open_.any(axis=1) & np.isfinite(chances).all(axis=1)
    chance = np.where(known[:, None], chances, 0.0)
    payoff = np.where(known[:, None, None], payoff, 0.0)
    expected = np.einsum("nag,ng->na", np.where(np.isfinite(payoff), payoff, 0.0), chance)
    without = np.argmax(np.where(np.isfinite(payoff[:, :, 0]), expected, -np.inf), axis=1)
    # summed over grades so: each term is at least 0, and exactly 0 where the same option is best
    missed = payoff.max(axis=1) - payoff[np.arange(len(payoff)), without]
    return Looks((chance * missed).sum(axis=1), np.where(known, without, -1), (chance * (missed > 0)).sum(axis=1))


def payoffs(items: Items, by_grade: np.ndarray, discount: float = priors.DISCOUNT_A_YEAR) -> np.ndarray:
    """Value (n, options, G) of each option of `replacement` if the item's grade were each one.

    by_grade: (n or 1, G, H) projected score on `items.score.days` from each grade.
    """
    return option_values(items, np.broadcast_to(by_grade, (len(items.price_usd.value), *by_grade.shape[1:])), discount)


def next_to_inspect(
    looks: Looks, minutes: np.ndarray, limit: int, minutes_left: float = np.inf, minute_usd: float = MINUTE_USD
) -> np.ndarray:
    """Items worth a look, most dollars per minute first: those whose value exceeds what their minutes cost.

    minutes: (n,) an inspection takes, above 0. At most `limit` items; the list ends before the first that does not fit into
    minutes_left. Equal ones stay in the order given.
    """
    order = np.argsort(-looks.value_usd / minutes, kind="stable")
    order = order[looks.value_usd[order] > minutes[order] * minute_usd][:limit]
    return order[np.cumsum(minutes[order]) <= minutes_left]
