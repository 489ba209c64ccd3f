"""What does the crew do on which day, what is left undone and why, and do the sums add up? The plan, read from chosen days.

Dollars are whole cents and hours whole minutes inside, so that totals are exactly the sum of their rows.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rfid3_maintenance.decisions.jobs import Conflict, Crew, Job

Reason = Literal["no hours", "no skill", "no part", "no window before its booking", "not worth it", "unusable"]


@dataclass(frozen=True)
class Scheduled:
    """One service: begun on `day`, in the shop until `ready_day`."""

    item: str
    day: int
    ready_day: float
    skill: str
    hours_h: float
    benefit_usd: float


@dataclass(frozen=True)
class Unscheduled:
    """One service left undone; benefit_usd is what its best open day would have brought."""

    item: str
    reason: Reason
    why: str
    benefit_usd: float


@dataclass(frozen=True)
class Plan:
    """The crew's plan. gap_ratio: no plan whatever is better by more than this share of bound_usd (0 = proven best).

    hours_h: (skill, day) → hours used, only where any are. words: the plan in a sentence.
    """

    scheduled: tuple[Scheduled, ...]
    unscheduled: tuple[Unscheduled, ...]
    conflicts: tuple[Conflict, ...]
    benefit_usd: float
    total_hours_h: float
    hours_h: Mapping[tuple[str, int], float]
    parts: Mapping[str, int]
    bound_usd: float
    gap_ratio: float
    words: str


class Ledger:
    """What is still free while days are given out."""

    def __init__(self, crew: Crew) -> None:
        """An empty plan of this crew."""
        self.crew = crew
        self.minutes: Counter[tuple[str, int]] = Counter()
        self.parts: Counter[str] = Counter()

    def lacks(self, job: Job) -> str | None:
        """The first part that is not there any more."""
        return next((part for part in sorted(job.parts) if self.parts[part] + job.parts[part] > self.crew.stock(part)), None)

    def has_time(self, job: Job, day: int) -> bool:
        """Whether the skill has the minutes left on that day."""
        return self.minutes[job.skill, day] + job.minutes <= self.crew.minutes(job.skill, day)

    def fits(self, job: Job, day: int) -> bool:
        """Whether hours and parts allow it."""
        return self.has_time(job, day) and self.lacks(job) is None

    def take(self, job: Job, day: int) -> None:
        """Give it the day."""
        self.minutes[job.skill, day] += job.minutes
        self.parts.update(job.parts)


def value_cents(jobs: Sequence[Job], chosen: Mapping[int, int]) -> int:
    """What chosen days (job's position → day) bring."""
    return sum(jobs[at].cents(day) for at, day in chosen.items())


def reason_of(job: Job, open_days: Sequence[int], left: Ledger) -> tuple[Reason, str]:
    """Why a service is not in the plan whose remaining hands and parts are `left`: the first of these that holds."""
    crew = left.crew
    worth = [day for day in open_days if job.cents(day) > 0]
    short = next((part for part in sorted(job.parts) if job.parts[part] > crew.stock(part)), None)
    if not job.minutes:
        return "unusable", "its hours are not a number above 0"
    if not any(job.cents(day) > 0 for day in range(min(crew.days, len(job.avoided_usd)))):
        return "not worth it", "on no day does it avoid more than the revenue lost in the shop"
    if not open_days:
        return "no window before its booking", "on every day of the plan it is away, or would not be ready before it leaves"
    if not worth:
        return "not worth it", "on the days its bookings leave open it does not avoid more than the revenue lost in the shop"
    if job.skill not in crew.hours_h:
        return "no skill", f"nobody in the crew does {job.skill}"
    if short:
        return "no part", f"{job.parts[short]} of {short} needed, {crew.stock(short)} in stock"
    if all(job.minutes > crew.minutes(job.skill, day) for day in worth):
        return "no hours", f"it takes {job.minutes / 60:g} h of {job.skill}, more than there are on any of its days"
    part = left.lacks(job)
    if part and any(left.has_time(job, day) for day in worth):
        return "no part", f"what there is of {part} goes to services worth more"
    return "no hours", f"the hours of {job.skill} on its days go to services worth more"


def written(
    jobs: Sequence[Job], crew: Crew, open_days: Sequence[Sequence[int]], conflicts: Sequence[Conflict], chosen: Mapping[int, int],
    bound_cents: int,
) -> Plan:  # fmt: skip
    """The plan of chosen days, with its sums. bound_cents: no plan brings more."""
    left = Ledger(crew)
    for at, day in chosen.items():
        left.take(jobs[at], day)
    done = [
        Scheduled(job.item, day, day + job.shop_days, job.skill, job.minutes / 60, job.cents(day) / 100)
        for at, day in sorted(chosen.items(), key=lambda pair: (pair[1], -jobs[pair[0]].cents(pair[1]), pair[0]))
        for job in [jobs[at]]
    ]
    undone = [
        Unscheduled(job.item, *reason_of(job, open_days[at], left), max((job.cents(day) for day in open_days[at]), default=0) / 100)
        for at, job in enumerate(jobs) if at not in chosen
    ]  # fmt: skip
    cents = value_cents(jobs, chosen)
    bound = max(bound_cents, cents)
    return Plan(
        tuple(done), tuple(undone), tuple(conflicts), cents / 100, sum(left.minutes.values()) / 60,
        {key: used / 60 for key, used in sorted(left.minutes.items()) if used}, dict(sorted(left.parts.items())), bound / 100,
        (bound - cents) / bound if bound else 0.0, _words(crew, done, undone, cents),
    )  # fmt: skip


def _words(crew: Crew, done: Sequence[Scheduled], undone: Sequence[Unscheduled], cents: int) -> str:
    if not any(crew.minutes(skill, day) for skill in crew.hours_h for day in range(crew.days)):
        return f"The crew has no hours in these {crew.days} days: nothing is planned, {len(undone)} services wait."
    reasons = Counter(one.reason for one in undone)
    waiting = ", ".join(f"{count} for {reason}" for reason, count in sorted(reasons.items()))
    rest = f"{len(undone)} not: {waiting}." if undone else "none left."
    return f"{len(done)} services planned, worth ${cents / 100:,.2f}; {rest}"
