"""Which services wait for the crew, on which days could each be begun, and what is it worth on each?

Days are whole, from 0, the plan's first. An item is away from the day it leaves to the day it is back, and in the shop from the day
its service begins for `shop_days`; the two must not meet. A service that cannot be ready before a booking is planned after it, and
the booking is named.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Away:
    """A time the item is not in the shop: out now, or booked. back_day None: nobody knows when it is back."""

    leaves_day: float
    back_day: float | None
    name: str = "booking"


@dataclass(frozen=True)
class Job:
    """One item's service.

    avoided_usd: what it avoids when begun on each day of the plan (`service_moment.avoided_by_day_usd`). revenue_usd_per_day: what the item
    would earn while in the shop, times the chance that it is booked; 0 when demand is not known. parts: part → pieces.
    best_day: its own best day, for whoever plans earliest first.
    """

    item: str
    hours_h: float
    skill: str
    avoided_usd: Sequence[float]
    revenue_usd_per_day: float = 0.0
    shop_days: float = 1.0
    parts: Mapping[str, int] = field(default_factory=dict)
    away: Sequence[Away] = ()
    best_day: float = 0.0

    @property
    def revenue_lost_usd(self) -> float:
        """What standing in the shop costs."""
        return self.shop_days * self.revenue_usd_per_day

    @property
    def minutes(self) -> int:
        """Work, in whole minutes, rounded up; 0 where the hours are no number above 0."""
        return math.ceil(self.hours_h * 60 - 1e-6) if math.isfinite(self.hours_h) and self.hours_h > 0 else 0

    def cents(self, day: int) -> int:
        """Benefit of beginning on that day: what is avoided, less the revenue lost; 0 where it is not a number."""
        worth = self.avoided_usd[day] - self.revenue_lost_usd
        return math.floor(worth * 100 + 0.5) if math.isfinite(worth) else 0


@dataclass(frozen=True)
class Crew:
    """Hands and parts: skill → hours on each of `days` days (missing days count as none), part → pieces in stock."""

    days: int
    hours_h: Mapping[str, Sequence[float]]
    parts: Mapping[str, int] = field(default_factory=dict)

    def minutes(self, skill: str, day: int) -> int:
        """Whole minutes of a skill on a day, rounded down."""
        given = self.hours_h.get(skill, ())
        hours = given[day] if day < len(given) else 0.0
        return math.floor(hours * 60 + 1e-6) if math.isfinite(hours) and hours > 0 else 0

    def stock(self, part: str) -> int:
        """Pieces of a part."""
        return max(self.parts.get(part, 0), 0)


@dataclass(frozen=True)
class Conflict:
    """A booking that cannot be kept as it stands, or that the service cannot be ready for; in words."""

    item: str
    booking: str
    why: str


def days_of(job: Job, days: int) -> tuple[list[int], list[Conflict]]:
    """The days on which it can be begun, and the bookings that stand in the way.

    A booking whose days are no numbers, or that is back before it leaves, is named and not kept to; one that overlaps another is named.
    """
    conflicts: list[Conflict] = []
    kept: list[tuple[float, float, str]] = []
    for one in sorted(job.away, key=lambda away: (not math.isnan(away.leaves_day), away.leaves_day, away.name)):
        back = math.inf if one.back_day is None else one.back_day
        if math.isnan(one.leaves_day) or math.isnan(back):
            conflicts.append(Conflict(job.item, one.name, "its days are not known"))
        elif back < one.leaves_day:
            conflicts.append(Conflict(job.item, one.name, "it is back before it leaves"))
        else:
            if kept and one.leaves_day < kept[-1][1]:
                conflicts.append(Conflict(job.item, one.name, f"the item is not back from {kept[-1][2]} when it leaves"))
            kept.append((one.leaves_day, back, one.name))
    open_days = [day for day in range(min(days, len(job.avoided_usd))) if all(_apart(day, job.shop_days, *one) for one in kept)]
    for leaves, _, name in kept:
        if leaves > 0 and not any(day + job.shop_days <= leaves for day in open_days):
            conflicts.append(Conflict(job.item, name, f"a service of {job.shop_days:g} days cannot be ready before it leaves"))
    return open_days, conflicts


def _apart(day: int, shop_days: float, leaves: float, back: float, _: str) -> bool:
    """Whether the shop's days and the days away do not meet."""
    return day + shop_days <= leaves or day >= back
