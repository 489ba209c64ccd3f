"""Has the mean of a weekly figure risen above what was promised? A test that may be looked at after every observation.

Observations lie in [0, 1], one a week: the predictions of one week share its weather and its events, so together they count as one.
The hypothesis is "given the past, each week's expected value is at most `at_most`". It asks nothing of independence or of the shape
of the distribution; it does ask that no run of bad weeks can be foreseen, so forecasts far ahead, whose errors stay alike for as
many weeks as they look ahead, fulfil it only on average. A gambler who stakes the part c of a purse on "above" gets 1 - c + c*x/at_most
for it: a fair or losing game while the hypothesis holds. Several c are played at once, from the first week and, with ever less
money, from every later one, so that a change after long health is found too. Who then ever owns 1/alpha times the first purse was
lucky with probability at most alpha (Ville's inequality), however often one looks.

Pure. Source: Waudby-Smith & Ramdas 2023, "Estimating means of bounded random variables by betting"; Shin, Ramdas & Rinaldo 2022,
"E-detectors", for the mixture over change points.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

BETS = 0.95 * 0.5 ** np.arange(3)
"""Staked parts of the purse that the test plays at once; less than all, so that one week without a miss ruins nobody."""
INTERVAL_BETS = 0.95 * 0.5 ** np.arange(6)
"""Those of the interval, down to small ones: many weeks tell a small difference."""
START_SHARE = 0.25
"""Money on "wrong from the first week"."""
CHANGE_RATE = 1 / 104
"""Part of the money left that is staked on "wrong from this week on": a change every two years."""
MOST_WEALTH = 1e12
"""Wealth above it is given away, which keeps numbers finite and helps nobody to an alarm."""
HALVINGS = 40


@dataclass(frozen=True)
class Evidence:
    """What the weeks say against the hypothesis: alarm when `highest` has reached `threshold`.

    `e_value` is the gambler's wealth after the last week, `alarm_at` the number of weeks at the first alarm.
    """

    e_value: float
    highest: float
    threshold: float
    weeks: int
    alarm_at: int | None

    @property
    def alarm(self) -> bool:
        """Whether the hypothesis was ever rejected."""
        return self.alarm_at is not None


def e_process(values: ArrayLike, at_most: ArrayLike) -> np.ndarray:
    """The gambler's wealth after each observation along the last axis; 1 before the first.

    `at_most` is one number or one a week, known before the week's outcome.
    Raises ValueError for observations outside [0, 1] and for `at_most` not above 0.
    """
    observed = _checked(values)
    limits = np.broadcast_to(np.asarray(at_most, dtype=float), observed.shape[-1:])
    if not np.all(limits > 0):
        raise ValueError("at_most must be above 0")
    stakes = BETS.reshape(-1, *(1,) * (observed.ndim - 1))
    wealth = np.empty(observed.shape)
    playing, waiting = np.zeros((len(BETS), *observed.shape[:-1])), 1.0
    for week in range(observed.shape[-1]):
        entering = waiting * (CHANGE_RATE if week else START_SHARE)
        waiting -= entering
        playing = (playing + entering) * (1 - stakes + stakes * observed[..., week] / limits[week])
        playing = np.minimum(playing, MOST_WEALTH)
        wealth[..., week] = playing.mean(axis=0) + waiting
    return wealth


def weigh(values: ArrayLike, *, at_most: ArrayLike, false_alarm_ratio: float) -> Evidence:
    """The evidence of one stream, oldest observation first; the chance that it ever alarms wrongly is at most `false_alarm_ratio`.

    Raises ValueError for observations outside [0, 1].
    """
    wealth, threshold = e_process(values, at_most), 1 / false_alarm_ratio
    over = np.flatnonzero(wealth >= threshold)
    return Evidence(
        e_value=float(wealth[-1]) if len(wealth) else 1.0, highest=float(wealth.max(initial=1.0)), threshold=threshold,
        weeks=len(wealth), alarm_at=int(over[0]) + 1 if len(over) else None,
    )  # fmt: skip


def weeks_needed(*, at_most: float, false_alarm_ratio: float, most: int = 520) -> int:
    """Weeks of the worst possible observations before there can be an alarm; `most` when it takes longer than that."""
    return weigh(np.ones(most), at_most=at_most, false_alarm_ratio=false_alarm_ratio).alarm_at or most


def mean_interval(values: ArrayLike, *, miss_ratio: float) -> tuple[float, float]:
    """A confidence sequence: the chance that any of the intervals of a growing stream misses the mean is at most `miss_ratio`.

    It holds the mean seen and is [0, 1] without data. When the expected value moves from week to week, its lower end stays below
    the largest of them and its upper end above the smallest. Raises ValueError for observations outside [0, 1].
    """
    observed = _checked(values)
    return _lower_end(observed, miss_ratio / 2), 1.0 - _lower_end(1.0 - observed, miss_ratio / 2)


def _lower_end(observed: np.ndarray, miss_ratio: float) -> float:
    """The smallest mean that a gambler on "above" has not refuted; what he wins falls as the mean grows, so halving finds it."""
    refuted, held = 0.0, 1.0
    limit = 1 / miss_ratio
    for _ in range(HALVINGS):
        mean = (refuted + held) / 2
        steps = np.log(1 - INTERVAL_BETS[:, None] + INTERVAL_BETS[:, None] * observed / mean)
        # wealth beyond e^500 is enough in any case
        if np.exp(np.minimum(steps.sum(axis=1), 500.0)).mean() >= limit:
            refuted = mean
        else:
            held = mean
    return refuted


def _checked(values: ArrayLike) -> np.ndarray:
    observed = np.asarray(values, dtype=float)
    if not np.all((observed >= 0) & (observed <= 1)):
        raise ValueError("observations lie between 0 and 1")
    return observed
