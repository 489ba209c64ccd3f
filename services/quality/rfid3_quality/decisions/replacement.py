"""Is an item best kept, repaired, resold or retired, and when is it best replaced? In dollars, with 80 % intervals; pure.

Options now are compared by net present value over HORIZON_YEARS: what the item earns less its repairs, what it brings when it
goes, and what a new one would earn in its place from then on (nothing, where a new one does not earn its price). Keeping means:
until the best later day to let it go.

The date: a new article costs its equivalent annual cost at its economic life (`economic_life`), lost revenue and repairs
included; the old one is replaced on the day when running it costs more than that. What the old one would bring is counted in
today's options, not in the date: otherwise an article that has lost all value would be cheap to keep, and the date would move
later as quality falls. So a lower score never gives a later date, a dearer new one never an earlier.

Intervals: every input is moved to each end of its 80 % interval, one at a time, and the deviations add up in squares.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace

import numpy as np

from rfid3_quality.decisions import priors
from rfid3_quality.decisions.amounts import Amount, Basis, Interval
from rfid3_quality.decisions.chances import chance_above_zero
from rfid3_quality.decisions.once import Once
from rfid3_quality.decisions.outcome import OLD_DAYS, Outcome, follow, new_days
from rfid3_quality.decisions.score_path import ScorePath, pace_a_day, scores_on
from rfid3_quality.decisions.views import View, told
from rfid3_quality.decisions.worth import Point
from rfid3_shared.errors import InvalidParameters

OPTIONS = ("keep", "repair", "retire", "resell")
"""In the order in which equal ones are preferred: nothing is offered for sale that brings nothing."""
ITEMS_AT_ONCE = 1000
"""Items of a block: few enough that what a belief says of them stays in a processor's caches."""
DAYS_A_YEAR = 365.25


@dataclass(frozen=True)
class Items:
    """What is known of n items; what is missing is filled with the stated prior, but for price, rate and turns."""

    score: ScorePath
    """As projected without repair."""
    new: ScorePath
    """The same of a new one in its place."""
    price_usd: Amount
    """Of a new one."""
    day_rate_usd: Amount
    turns_per_day: Amount
    repair_usd: Amount
    repairs_a_year: Amount
    """As good as new: see `worth.repairs_as_new`."""
    repair_lift: Amount
    resale_ratio: Amount
    price_effect: Amount
    billed_days_per_turn: float = 1.0
    """Day rates that a rental brings: one is the least."""

    def take(self, rows: slice) -> "Items":
        """The same of some items."""
        given = [f.name for f in fields(self) if f.name != "billed_days_per_turn"]
        return replace(self, **{name: getattr(self, name).take(rows) for name in given})


@dataclass(frozen=True)
class Verdicts:
    """What is best for each of n items; NaN, or -1, where price, rate or turns are missing."""

    values_usd: dict[str, Interval]
    """By option: net present value over HORIZON_YEARS."""
    best: np.ndarray
    """Place in OPTIONS."""
    replace_after_days: Interval
    """Inf: not within HORIZON_YEARS. Its ends come from the score's interval alone."""
    replacement_confidence: np.ndarray
    """Chance that replacing then (today, where there is no such day) costs less than keeping on, and that a new one pays."""
    new_pays: np.ndarray
    """Whether a new one earns its price."""
    market_value_usd: Interval
    replacement_cost_usd: np.ndarray
    revenue_impact_usd: Interval
    """Revenue of the first year gained by having a new one instead."""
    basis: dict[str, np.ndarray]
    """By input: codes of Basis."""


def judge(items: Items, discount: float = priors.DISCOUNT_A_YEAR) -> Verdicts:
    """The best option of each item, and the day to replace it; discount: a year, 0 to 1.

    Raises InvalidParameters for a discount outside.
    """
    if not 0.0 <= discount <= 1.0:
        raise InvalidParameters("The discount must lie between 0 and 1 a year.", discount=discount)
    return _joined([_judge(items.take(rows), discount) for rows in _blocks(items)])


def option_values(items: Items, score: np.ndarray, discount: float = priors.DISCOUNT_A_YEAR) -> np.ndarray:
    """Net present value (n, OPTIONS, G) if the scores on `items.score.days` were each of these, (n, G, H); all else as expected."""
    found = np.empty((len(score), len(OPTIONS), score.shape[1]))
    for rows, at, outcome in _supposed(items, score, discount):
        found[rows, :, at] = outcome.options
    return found


def dates_days(items: Items, score: np.ndarray, discount: float = priors.DISCOUNT_A_YEAR) -> np.ndarray:
    """Days to the best replacement (n, G) if the scores on `items.score.days` were each of these, (n, G, H); inf beyond the horizon."""
    found = np.empty(score.shape[:2])
    for rows, at, outcome in _supposed(items, score, discount):
        found[rows, at] = outcome.date_days
    return found


def repair_costs_usd(items: Items) -> np.ndarray:
    """What a repair of each item costs, (n,): its own, or the stated share of its price."""
    return np.asarray(_filled(items)["repair_usd"].value)


def repair_lifts(items: Items, score: np.ndarray) -> np.ndarray:
    """Score gained by repairing each item now, (n,): nothing is lifted above a perfect score."""
    return np.asarray(np.minimum(_filled(items)["repair_lift"].value, 1.0 - score))


def _judge(items: Items, discount: float) -> Verdicts:
    point, basis = _belief(items)
    n = len(items.price_usd.value)
    dates, rows = told(_views(items, point), discount)
    row, off = rows[0], (rows[1:] - rows[0]).reshape(-1, 2, n, rows.shape[2])
    # an input moves a result to one side with one end, to the other with the other; either may do nothing
    below = np.sqrt((np.minimum(off.min(axis=1), 0.0) ** 2).sum(axis=0))
    above = np.sqrt((np.maximum(off.max(axis=1), 0.0) ** 2).sum(axis=0))
    results = [Interval(row[:, k], row[:, k] - below[:, k], row[:, k] + above[:, k]) for k in range(row.shape[1])]
    market = results[4]
    chances = [chance_above_zero(row[:, k], below[:, k], above[:, k]) for k in (6, 7)]
    known = np.isfinite(row[:, 0])
    return Verdicts(
        dict(zip(OPTIONS, results[:4], strict=True)),
        np.where(known, np.argmax(np.where(known[:, None], row[:, :4], 0.0), axis=1), -1),
        Interval(dates[0], dates[1], dates[2]),
        np.minimum(*chances),
        row[:, 7] > 0,
        Interval(market.value, np.maximum(market.lower, 0.0), market.upper),
        items.price_usd.value,
        results[5],
        basis,
    )


def _belief(items: Items) -> tuple[Point, dict[str, np.ndarray]]:
    """The middle of what is believed, and where each input comes from."""
    given = _filled(items)
    revenue = given["day_rate_usd"].value * given["turns_per_day"].value * items.billed_days_per_turn * DAYS_A_YEAR
    one = np.ones_like(revenue)
    columns = (
        given["price_usd"].value, revenue, given["price_effect"].value, one * priors.REFUSAL_SCORE.value, given["repairs_a_year"].value,
        one * priors.REPAIR_GROWTH.value, given["repair_usd"].value, given["repair_lift"].value, given["resale_ratio"].value,
    )  # fmt: skip
    return Point(*(column[:, None] for column in columns)), {name: each.basis for name, each in given.items()}


def _filled(items: Items) -> dict[str, Amount]:
    """Every input with its prior where it is missing; price, rate and turns have none: no dollars are invented."""
    price, ratio = items.price_usd, priors.REPAIR_PRICE_RATIO
    gap = (items.repair_usd.basis == Basis.MISSING) & (price.basis != Basis.MISSING)
    share = (ratio.value, ratio.lower, ratio.upper)
    repair = [
        np.where(gap, part * price.value, own)
        for part, own in zip(share, (items.repair_usd.value, items.repair_usd.lower, items.repair_usd.upper), strict=True)
    ]
    basis = np.where(gap, Basis.STATED_PRIOR, items.repair_usd.basis).astype(np.int8)
    return {
        "price_usd": price,
        "day_rate_usd": items.day_rate_usd.at_least(0.0),
        "turns_per_day": items.turns_per_day.at_least(0.0),
        "repair_usd": Amount(repair[0], repair[1], repair[2], basis).at_least(0.0),
        "repairs_a_year": items.repairs_a_year.filled(priors.REPAIRS_A_YEAR).at_least(0.0),
        "repair_lift": items.repair_lift.filled(priors.REPAIR_LIFT).at_least(0.0),
        "resale_ratio": items.resale_ratio.filled(priors.RESALE_RATIO).at_least(0.0),
        # a worse grade is never dearer: an estimate below nothing counts as none
        "price_effect": items.price_effect.filled(priors.PRICE_EFFECT).at_least(0.0),
    }


def _blocks(items: Items) -> Iterator[slice]:
    """Some items at once; one block, an empty one, of none."""
    total = len(items.price_usd.value)
    return (slice(start, start + ITEMS_AT_ONCE) for start in range(0, max(total, 1), ITEMS_AT_ONCE))


def _supposed(items: Items, score: np.ndarray, discount: float) -> Iterator[tuple[slice, int, Outcome]]:
    """What follows if the scores were each of these, (n, G, H), block by block: rows, place in G, outcome."""
    for rows in _blocks(items):
        some, once = items.take(rows), Once()
        point, (new, pace) = _belief(some)[0], _new_path(some, some.new.mean)
        for at in range(score.shape[1]):
            yield rows, at, follow(point, _old_path(some, score[rows, at], pace), new, discount, once)


def _paths(items: Items, score: np.ndarray, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores of the items, and of new ones in their places, at the moments of `outcome`."""
    fresh, pace = _new_path(items, new)
    return _old_path(items, score, pace), fresh


def _old_path(items: Items, score: np.ndarray, pace: np.ndarray) -> np.ndarray:
    """After its projection's end an item wears at the pace of a new one in its place."""
    return scores_on(items.score.days, score, OLD_DAYS, pace)


def _new_path(items: Items, new: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Scores of new ones, and the pace at which they wear."""
    pace = pace_a_day(items.new.days, new)
    fresh = scores_on(items.new.days, new, new_days(), pace)
    return np.broadcast_to(fresh, (len(items.price_usd.value), fresh.shape[1])), pace


def _views(items: Items, point: Point) -> list[View]:
    """The middle of what is believed, then pairs: one input at the lower and at the upper end of its interval.

    The first pair is the score; inputs that are known exactly have none.
    """
    given = _filled(items)
    one, score, new = np.ones_like(items.price_usd.value), items.score, items.new
    paths = [_paths(items, old, new.mean) for old in (score.mean, score.lower, score.upper)]
    paths += [_paths(items, score.mean, end) for end in (new.lower, new.upper)]
    views = [View(point, *pair) for pair in paths]
    ends = {
        name: (given[name].lower, given[name].upper)
        for name in ("price_usd", "repair_usd", "repairs_a_year", "repair_lift", "resale_ratio", "price_effect")
    }
    ends["revenue_a_year_usd"] = _revenue_ends(point.revenue_a_year_usd[:, 0], given["day_rate_usd"], given["turns_per_day"])
    ends["refusal_score"] = (one * priors.REFUSAL_SCORE.lower, one * priors.REFUSAL_SCORE.upper)
    ends["repair_growth"] = (one * priors.REPAIR_GROWTH.lower, one * priors.REPAIR_GROWTH.upper)
    for name, pair in ends.items():
        if not np.array_equal(*pair, equal_nan=True):
            views += [View(replace(point, **{name: end[:, None]}), *paths[0]) for end in pair]
    return views


def _revenue_ends(revenue: np.ndarray, *factors: Amount) -> tuple[np.ndarray, np.ndarray]:
    """Ends of a product: the factors' relative deviations add up in squares."""
    with np.errstate(invalid="ignore", divide="ignore"):
        down, up = (
            np.sqrt(sum(np.nan_to_num((getattr(a, end) - a.value) / a.value, posinf=0.0, neginf=0.0) ** 2 for a in factors))
            for end in ("lower", "upper")
        )
    return revenue * np.maximum(1.0 - down, 0.0), revenue * (1.0 + up)


def _joined(parts: list[Verdicts]) -> Verdicts:
    """The verdicts of all items, from those of some each."""

    def together(found: Iterable[Interval]) -> Interval:
        every = list(found)
        return Interval(*(np.concatenate([getattr(one, end.name) for one in every]) for end in fields(Interval)))

    def column(found: Iterable[np.ndarray]) -> np.ndarray:
        return np.concatenate(list(found))

    return Verdicts(
        {name: together(p.values_usd[name] for p in parts) for name in OPTIONS},
        column(p.best for p in parts),
        together(p.replace_after_days for p in parts),
        column(p.replacement_confidence for p in parts),
        column(p.new_pays for p in parts),
        together(p.market_value_usd for p in parts),
        column(p.replacement_cost_usd for p in parts),
        together(p.revenue_impact_usd for p in parts),
        {name: column(p.basis[name] for p in parts) for name in parts[0].basis},
    )
