"""On which day is an item best serviced, and what does that avoid? Expected cost per day from its curve; items side by side.

An item that breaks down is mended and goes on as worn as it was: without service it costs `unplanned × expected failures`, which is
its cumulative hazard. A service lifts it to the curve of an item just serviced, `renewed`, whose lowest long-run cost a day,

    rate = min over T of [planned + unplanned × failures(T)] / T        (or unplanned × its last hazard: never serviced again)

is by renewal reward what every day after the service costs; where never again is best, its own failures are counted instead, day by
day. The best day minimises the cost over the horizon: from it on, waiting costs more a day than having been serviced.
Source: Barlow & Hunter 1960, policy II (minimal repair).

Policy I of the same paper (`age_replacement_rate`) lets a breakdown renew the item for nothing; an item sure to break down before
its day then has little left to save, and the worse of two items ranks lower: mission.md T-66 in another dress. With minimal repair
and one `renewed` curve, a hazard that is nowhere lower never gives a later day, nor a lower cost avoided (Topkis: what waiting
costs rises with the hazard). Days are as fine as the cuts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rfid3_maintenance.decisions.costs import Costs
from rfid3_maintenance.decisions.curve import at_days, cumulative_hazard, median_days, on_days

HORIZON_DAYS = 365.0
"""How far ahead costs with and without service are counted: the longest horizon of the timeline."""

Advice = Literal["service", "run to failure", "not within the horizon"]


@dataclass(frozen=True)
class Moment:
    """One row an item, arrays (rows,), in dollars over `horizon_days`.

    day_days: days from now to the best service, NaN where none pays. avoided_usd = without_usd − with_usd, 0 where none pays;
    avoided_lower_usd, avoided_upper_usd: its 80 % interval, itself where nothing is in doubt; below 0 it may cost more than it avoids.
    at_stake_usd: breakdown cost times the chance of at least one. revenue_at_risk_usd: its share in lost rentals. rate_usd_per_day:
    what an item just serviced costs a day. failure_days: median day of failure, NaN beyond the horizon.
    advice: "run to failure" where service never lowers the cost a day; "not within the horizon" where it does, yet not by its price.
    """

    day_days: np.ndarray
    avoided_usd: np.ndarray
    avoided_lower_usd: np.ndarray
    avoided_upper_usd: np.ndarray
    without_usd: np.ndarray
    with_usd: np.ndarray
    at_stake_usd: np.ndarray
    revenue_at_risk_usd: np.ndarray
    rate_usd_per_day: np.ndarray
    failure_days: np.ndarray
    advice: list[Advice]
    horizon_days: float


def best_moment(
    survival: np.ndarray, renewed: np.ndarray, cuts_days: Sequence[float], costs: Costs, *, horizon_days: float = HORIZON_DAYS
) -> Moment:  # fmt: skip
    """The best day of each item. survival: (rows, cuts) from now; renewed: the same, or (cuts,), for such an item just serviced.

    With `renewed` = `survival` it is the textbook's item, new today; compare items only with a curve of what service makes of them.
    A horizon beyond the last cut is cut to it. Raises ValueError for cuts that do not ascend or shapes that do not fit.
    """
    horizon = min(horizon_days, float(cuts_days[-1]))
    knots, failures = _until(survival, cuts_days, horizon)
    unplanned, rows = costs.unplanned_usd, np.arange(len(failures))
    rate, _ = lowest_rate_usd_per_day(renewed, cuts_days, costs)
    after = after_service_usd(renewed, cuts_days, costs, horizon - knots)
    saved = unplanned[:, None] * (failures[:, -1:] - failures) - after
    best = np.argmax(saved, axis=1)
    gross = saved[rows, best]
    pays = gross > costs.planned_usd
    avoided = np.where(pays, gross - costs.planned_usd, 0.0)
    without = unplanned * failures[:, -1]
    median = median_days(survival, cuts_days)
    chance = -np.expm1(-failures[:, -1])
    advice: list[Advice] = [
        "service" if paid else "not within the horizon" if worth else "run to failure"
        for paid, worth in zip(pays.tolist(), (gross > 1e-9 * (1 + without)).tolist(), strict=True)
    ]
    return Moment(
        np.where(pays, knots[best], np.nan), avoided, avoided, avoided, without, without - avoided,
        unplanned * chance, costs.revenue_at_risk_usd * chance, rate, np.where(median <= horizon, median, np.nan), advice, horizon,
    )  # fmt: skip


def avoided_on_day_usd(
    day_days: np.ndarray, survival: np.ndarray, renewed: np.ndarray, cuts_days: Sequence[float], costs: Costs, *,
    horizon_days: float = HORIZON_DAYS,
) -> np.ndarray:  # fmt: skip
    """(rows,) what a service of each item on its own day (rows,) avoids over the horizon, negative where it costs more."""
    horizon = min(horizon_days, float(cuts_days[-1]))
    failures = at_days(survival, cuts_days, np.stack([day_days, np.full(len(day_days), horizon)], axis=1))
    rate, never = lowest_rate_usd_per_day(renewed, cuts_days, costs)
    left = np.maximum(horizon - day_days, 0.0)
    after = np.where(never, costs.unplanned_usd * at_days(renewed, cuts_days, left), rate * left)
    avoided: np.ndarray = costs.unplanned_usd * (failures[:, 1] - failures[:, 0]) - after - costs.planned_usd
    return avoided


def avoided_by_day_usd(
    survival: np.ndarray, renewed: np.ndarray, cuts_days: Sequence[float], costs: Costs, days: int, *,
    horizon_days: float = HORIZON_DAYS,
) -> np.ndarray:  # fmt: skip
    """What a service on day 0, 1, … avoids over the horizon, (rows, days), negative where it costs more: the crew's input."""
    horizon = min(horizon_days, float(cuts_days[-1]))
    _, failures = _until(survival, cuts_days, horizon)
    day = np.arange(days, dtype=float)
    until = on_days(survival, cuts_days, np.minimum(day, horizon))
    after = after_service_usd(renewed, cuts_days, costs, np.maximum(horizon - day, 0.0))
    left: np.ndarray = costs.unplanned_usd[:, None] * (failures[:, -1:] - until) - after - costs.planned_usd[:, None]
    return left


def after_service_usd(renewed: np.ndarray, cuts_days: Sequence[float], costs: Costs, spans_days: np.ndarray) -> np.ndarray:
    """What an item just serviced costs in so many days, (rows, spans): its rate, or its failures where it is never serviced again."""
    rate, never = lowest_rate_usd_per_day(renewed, cuts_days, costs)
    failures = on_days(renewed, cuts_days, spans_days)
    cost: np.ndarray = np.where(never[:, None], costs.unplanned_usd[:, None] * failures, rate[:, None] * spans_days)
    return cost


def lowest_rate_usd_per_day(renewed: np.ndarray, cuts_days: Sequence[float], costs: Costs) -> tuple[np.ndarray, np.ndarray]:
    """The lowest long-run cost a day of items serviced every T days, or never; and whether it is never. Both (rows,).

    Beyond the last cut the last hazard is held.
    """
    knots, failures = cumulative_hazard(renewed, cuts_days)
    unplanned = costs.unplanned_usd
    by_day = ((costs.planned_usd[:, None] + unplanned[:, None] * failures[:, 1:]) / knots[1:]).min(axis=1)
    held = unplanned * (failures[:, -1] - failures[:, -2]) / (knots[-1] - knots[-2])
    return np.minimum(by_day, held), held <= by_day


def age_replacement_rate(survival: np.ndarray, cuts_days: Sequence[float], costs: Costs) -> np.ndarray:
    """Policy I, for comparison: [planned S(T) + unplanned F(T)] / ∫₀ᵀ S at each cut, (rows, cuts), dollars a day."""
    knots, failures = cumulative_hazard(survival, cuts_days)
    alive, step = np.exp(-failures), np.diff(failures, axis=1)
    # under straight log-survival, ∫S over a piece is (S before − S after) / hazard
    mean = np.where(step > 1e-12, -np.diff(alive, axis=1) / np.where(step > 1e-12, step, 1.0), alive[:, :-1])
    lived = np.cumsum(mean * np.diff(knots), axis=1)
    cost = costs.planned_usd[:, None] * alive[:, 1:] + costs.unplanned_usd[:, None] * (1 - alive[:, 1:])
    rate: np.ndarray = cost / lived
    return rate


def _until(survival: np.ndarray, cuts_days: Sequence[float], horizon: float) -> tuple[np.ndarray, np.ndarray]:
    """Days 0, the cuts, the cuts counted back from the horizon, and the horizon; and expected failures up to each."""
    knots = np.append(0.0, np.asarray(cuts_days, float))
    # between these both curves are straight, so that the cheapest day is one of them
    kept = np.unique(np.concatenate([knots[knots < horizon], horizon - knots[knots <= horizon]]))
    return kept, on_days(survival, cuts_days, kept)
