"""Which services does the crew do on which day? A small integer programme: most benefit within hours, parts and bookings.

One yes or no for each job and day, at most one day a job, hours by skill and day, parts in stock; solved by HiGHS. Beyond COLUMNS
choices, those that the relaxation's prices call worst are left out, and the bound pays for that: with any prices on hours and parts,
what all of them would cost plus each job's best price-adjusted benefit is more than any plan brings (Lagrange; Geoffrion 1974), and a
plan that uses a choice left out brings less than that by at least what the choice loses. The gap is against this bound.
The relaxation, rounded and bettered by exchanges, and earliest-first are tried as well, and the best plan kept: a time limit can never
make it worse than these.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rfid3_maintenance.decisions.exchange import bettered
from rfid3_maintenance.decisions.jobs import Conflict, Crew, Job, days_of
from rfid3_maintenance.decisions.plan import Ledger, Plan, value_cents, written

COLUMNS = 3_000
"""Choices given to the integer programme: with more, its branching takes most of the time limit."""
NARROW = 5
"""A first programme over this part of the choices finds a good plan soon; what is proven too bad beside it is then left out for good."""
AT_ONCE = 300
"""Choices up to which the programme is solved as it is: the relaxation beforehand would cost more than it saves."""
PRICED = 60_000
"""Choices given to the relaxation; of more, those with most benefit an hour."""
TIME_LIMIT_S = 5.0
"""For the integer programmes together; a plan cut off by it may differ between a busy machine and an idle one, its gap says by how much."""
TARGET_GAP_RATIO = 1e-4
"""Where the solver may stop: a cent in a hundred dollars is below what the costs are known to."""


PIECES = -1
"""The day of a part: its pieces are for the whole plan."""


@dataclass(frozen=True)
class _Choices:
    """Columns of the programme: a job (position) begun on a day brings cents; uses: (resources, columns) against limits."""

    job: np.ndarray
    day: np.ndarray
    cents: np.ndarray
    uses: Any
    limits: np.ndarray


def schedule(
    jobs: Sequence[Job], crew: Crew, *, time_limit_s: float = TIME_LIMIT_S, target_gap_ratio: float = TARGET_GAP_RATIO,
    columns: int = COLUMNS,
) -> Plan:  # fmt: skip
    """The best plan found within the time limit, with its gap; the second job of one item is named a conflict and left out.

    No hours, no jobs and bookings that cannot be kept give a plan that says so, never an exception.
    """
    once, conflicts, open_days = _readied(jobs, crew)
    choices = _choices(once, crew, open_days)
    chosen, bound = earliest_first(once, crew, open_days), 0
    if choices is not None:
        least = value_cents(once, chosen)
        better, bound = _solved(choices, once, crew, open_days, least, time_limit_s, target_gap_ratio, columns)
        # counted again: the solver's tolerance may let a little too much through
        better = _allowed(once, crew, sorted(better.items(), key=lambda pair: -once[pair[0]].cents(pair[1])))
        chosen = max((chosen, better), key=lambda one: value_cents(once, one))
        chosen = bettered(once, crew, open_days, chosen)
    return written(once, crew, open_days, conflicts, chosen, bound)


def schedule_earliest_first(jobs: Sequence[Job], crew: Crew) -> Plan:
    """The peer: each in the order of its own best day, on the first day with hours; its bound is its own value."""
    once, conflicts, open_days = _readied(jobs, crew)
    return written(once, crew, open_days, conflicts, earliest_first(once, crew, open_days), 0)


def earliest_first(jobs: Sequence[Job], crew: Crew, open_days: Sequence[Sequence[int]]) -> dict[int, int]:
    """Jobs' positions → days: by best day, on the first open day that brings anything and has hours and parts left."""
    left, chosen = Ledger(crew), {}
    for at in sorted(range(len(jobs)), key=lambda one: (jobs[one].best_day, one)):
        job = jobs[at]
        day = next((day for day in open_days[at] if job.minutes and job.cents(day) > 0 and left.fits(job, day)), None)
        if day is not None:
            left.take(job, day)
            chosen[at] = day
    return chosen


def _readied(jobs: Sequence[Job], crew: Crew) -> tuple[list[Job], list[Conflict], list[list[int]]]:
    """Each item once, with its open days and what stands in their way."""
    once, conflicts, open_days, seen = [], [], [], set()
    for job in jobs:
        if job.item in seen:
            conflicts.append(Conflict(job.item, "service", "the item is asked for twice; the first is planned"))
            continue
        seen.add(job.item)
        days, named = days_of(job, crew.days)
        once.append(job)
        open_days.append(days)
        conflicts.extend(named)
    return once, conflicts, open_days


def _choices(jobs: Sequence[Job], crew: Crew, open_days: Sequence[Sequence[int]]) -> _Choices | None:
    """Choices that bring something and could be done by the crew alone; None without any."""
    from scipy.sparse import csc_array

    free, rows = Ledger(crew), dict[tuple[str, int], tuple[int, int]]()
    found: list[tuple[int, int, int]] = []
    entries: list[tuple[int, int, int]] = []
    for at, job in enumerate(jobs):
        for day in open_days[at] if job.minutes else ():
            cents = job.cents(day)
            if cents <= 0 or not free.fits(job, day):
                continue
            needs = [((job.skill, day), job.minutes, crew.minutes(job.skill, day))]
            needs += [((part, PIECES), count, crew.stock(part)) for part, count in job.parts.items() if count > 0]
            for key, amount, limit in needs:
                row, _ = rows.setdefault(key, (len(rows), limit))
                entries.append((row, len(found), amount))
            found.append((at, day, cents))
    if not found:
        return None
    job_at, day_at, cents_at = np.array(found).T
    row, column, amount = np.array(entries).T
    uses = csc_array((amount.astype(float), (row, column)), shape=(len(rows), len(found)))
    return _Choices(job_at, day_at, cents_at.astype(float), uses, np.array([limit for _, limit in rows.values()], float))


def _solved(
    choices: _Choices, jobs: Sequence[Job], crew: Crew, open_days: Sequence[Sequence[int]], least: int,
    time_limit_s: float, gap: float, columns: int,
) -> tuple[dict[int, int], int]:  # fmt: skip
    """Chosen days and a bound in cents on any plan of all choices. least: cents of a plan known already."""
    every = np.arange(len(choices.job))
    if len(every) <= min(columns, AT_ONCE):
        return _programme(choices, every, len(jobs), time_limit_s, gap)
    whole, loss, share = _priced(choices, len(jobs))
    rounded = _allowed(jobs, crew, [(choices.job[at], choices.day[at]) for at in np.lexsort((loss, -share))])
    first = bettered(jobs, crew, open_days, rounded)
    bound = whole
    for most in (columns // NARROW, columns):
        # a plan with a choice that loses more than this is no better than one known already
        room = whole - max(least, value_cents(jobs, first))
        kept = np.sort(np.argsort(loss, kind="stable")[: max(min(most, int((loss <= room).sum())), 1)])
        found, inside = _programme(choices, kept, len(jobs), time_limit_s / 2, gap)
        bound = min(bound, max(inside, whole - int(np.delete(loss, kept).min(initial=whole))))
        found = bettered(jobs, crew, open_days, _allowed(jobs, crew, found.items()))
        first = max((first, found), key=lambda one: value_cents(jobs, one))
        if bound - value_cents(jobs, first) <= gap * bound:
            break
    return first, bound


def _programme(choices: _Choices, kept: np.ndarray, jobs: int, time_limit_s: float, gap: float) -> tuple[dict[int, int], int]:
    """The integer programme over some choices: chosen days (none when the time ended before any), and its bound in cents."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    once = _once(choices.job[kept], jobs)
    # what presolve could drop is left out by price already; with it HiGHS writes lines to the standard output when time ends
    found = milp(
        -choices.cents[kept] / 100, integrality=np.ones(len(kept)), bounds=Bounds(0, 1),
        constraints=[LinearConstraint(once, ub=1.0), LinearConstraint(choices.uses[:, kept], ub=choices.limits)],
        options={"time_limit": time_limit_s, "mip_rel_gap": gap, "presolve": False},
    )  # fmt: skip
    known = found.mip_dual_bound is not None and np.isfinite(found.mip_dual_bound)
    most = -found.mip_dual_bound * 100 if known else _best_each(choices.cents[kept], choices.job[kept])
    taken = kept[found.x > 0.5] if found.x is not None else kept[:0]
    return dict(zip(choices.job[taken].tolist(), choices.day[taken].tolist(), strict=True)), int(np.floor(most + 1e-3))


def _priced(choices: _Choices, jobs: int) -> tuple[int, np.ndarray, np.ndarray]:
    """A bound in cents on any plan, what using each choice loses against it at least, and how much of it the relaxation takes."""
    from scipy.optimize import linprog
    from scipy.sparse import vstack

    worth = choices.cents / np.maximum(choices.uses.sum(axis=0), 1.0)
    kept = np.sort(np.argsort(-worth, kind="stable")[:PRICED])
    rows = vstack([choices.uses[:, kept], _once(choices.job[kept], jobs)]).tocsr()
    many = len(choices.limits)
    found = linprog(-choices.cents[kept], A_ub=rows, b_ub=np.append(choices.limits, np.ones(rows.shape[0] - many)))
    # any prices at or above 0 give a true bound: these are only the sharpest
    prices = np.maximum(-found.ineqlin.marginals[:many], 0.0) if found.success else np.zeros(many)
    share = np.zeros(len(choices.job))
    if found.success:
        share[kept] = found.x
    adjusted = choices.cents - choices.uses.T @ prices
    best = np.zeros(jobs)
    np.maximum.at(best, choices.job, adjusted)
    return int(np.floor(prices @ choices.limits + best.sum() + 1e-3)), best[choices.job] - adjusted, share


def _once(job: np.ndarray, jobs: int) -> Any:
    """At most one day a job: (jobs with choices, choices) of ones."""
    from scipy.sparse import csr_array

    _, row = np.unique(job, return_inverse=True)
    return csr_array((np.ones(len(job)), (row, np.arange(len(job)))), shape=(min(jobs, int(row.max()) + 1), len(job)))


def _best_each(cents: np.ndarray, job: np.ndarray) -> float:
    """Each job on its best day, as if there were hours for all."""
    best = np.zeros(int(job.max()) + 1)
    np.maximum.at(best, job, cents)
    return float(best.sum())


def _allowed(jobs: Sequence[Job], crew: Crew, wanted: Iterable[tuple[int, int]]) -> dict[int, int]:
    """Choices (job's position, day) in the order wanted, as far as whole minutes and pieces go, each job once."""
    left, kept = Ledger(crew), dict[int, int]()
    for at, day in wanted:
        if int(at) not in kept and left.fits(jobs[at], int(day)):
            left.take(jobs[at], int(day))
            kept[int(at)] = int(day)
    return kept
