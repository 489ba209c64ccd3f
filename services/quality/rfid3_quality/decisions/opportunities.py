"""What is there to spend a quality budget on: which worn items would a repair, or a new one in their place, do good? Pure."""

from dataclasses import dataclass

import numpy as np

from rfid3_quality.decisions import priors
from rfid3_quality.decisions.outcome import HORIZON_YEARS
from rfid3_quality.decisions.replacement import Items, Verdicts, dates_days, repair_costs_usd, repair_lifts
from rfid3_quality.decisions.score_path import scores_on

MONTHS = 12.0
DAYS_A_MONTH = 365.25 / MONTHS
HORIZON_DAYS = HORIZON_YEARS * 365.25
REMEDIES = ("repair", "replace")
"""What may be done about a worn item."""


@dataclass(frozen=True)
class Opportunities:
    """What would be done about each of n items, whichever is worth more, (n,) each; zeros and NaN where no dollars are known."""

    remedy: np.ndarray
    """Place in REMEDIES; −1 where no dollars are known."""
    cost_cents: np.ndarray
    """The repair; or a new one less what the old one brings, at least 0."""
    benefit_cents: np.ndarray
    """What the item's place is then worth beyond keeping the item as it is, before that cost, over HORIZON_YEARS; less than the cost
    where nothing pays."""
    score_gain: np.ndarray
    score: np.ndarray
    """Now."""
    life_months: np.ndarray
    """How much later it is best replaced, counted to the horizon."""


def opportunities(items: Items, verdicts: Verdicts, discount: float = priors.DISCOUNT_A_YEAR) -> Opportunities:
    """What there is to spend money on; verdicts: those on the same items at the same discount."""
    score = np.minimum.accumulate(np.clip(items.score.mean, 0.0, 1.0), axis=1)
    now, lift = score[:, 0], repair_lifts(items, score[:, 0])
    new = np.broadcast_to(items.new.mean[:, :1], (len(score), 1))[:, 0]
    value = {name: worth.value for name, worth in verdicts.values_usd.items()}
    repair_cost, new_cost = repair_costs_usd(items), verdicts.replacement_cost_usd - verdicts.market_value_usd.value
    gain = {"repair": value["repair"] - value["keep"], "replace": value["resell"] - value["keep"]}
    # without a new one that pays there is nothing to replace by
    replaced = verdicts.new_pays & (gain["replace"] > gain["repair"])
    cost = np.where(replaced, new_cost, repair_cost)
    benefit = np.where(replaced, gain["replace"], gain["repair"]) + cost
    # a new one lasts to the horizon or to its own date
    mended, fresh = np.minimum(
        dates_days(items, np.stack([score + lift[:, None], _as_new(items)], axis=1), discount), HORIZON_DAYS
    ).T
    before = np.minimum(verdicts.replace_after_days.value, HORIZON_DAYS)
    known = verdicts.best >= 0
    return Opportunities(
        np.where(known, replaced.astype(np.int8), -1).astype(np.int8),
        np.maximum(_cents(cost, known), 0),
        _cents(benefit, known),
        np.where(known, np.maximum(np.where(replaced, new - now, lift), 0.0), np.nan),
        np.where(known, now, np.nan),
        np.where(known, np.maximum(np.where(replaced, fresh, mended) - before, 0.0) / DAYS_A_MONTH, np.nan),
    )


def _as_new(items: Items) -> np.ndarray:
    """(n, H) scores of new ones on the days of the items' own."""
    days, path = items.new.days, items.new.mean
    if not np.array_equal(days, items.score.days):
        path = scores_on(days, path, items.score.days, np.zeros((len(path), 1)))
    return np.broadcast_to(path, items.score.mean.shape)


def _cents(usd: np.ndarray, known: np.ndarray) -> np.ndarray:
    return np.asarray(np.rint(np.where(known, usd, 0.0) * 100), np.int64)
