"""How good is the crew's plan, how sure is that, and how long does it take?

Shops drawn at random: services of two skills worth more or less, worth less the longer they wait, some out on rental, some booked,
some needing a part, with hands for about half of the work. Peer: earliest-first (each in the order of its best day, on the first day
with hours). Small shops are also tried in every possible way. Cost = dollars a plan leaves of what is proven possible at most.
"""

import itertools
import time

import numpy as np

from rfid3_maintenance.decisions.crew import schedule, schedule_earliest_first
from rfid3_maintenance.decisions.jobs import Away, Crew, Job, days_of

SEED, DAYS, SIZES, SMALL_SHOPS = 20, 14, (50, 200, 1000), 30
SKILLS = ("sewing", "wash")


def shop(rng: np.random.Generator, count: int, days: int) -> tuple[list[Job], Crew]:
    """Services and a crew with hours for about half of them, full days on weekdays, none on the last of seven."""
    jobs = [_job(rng, at, days) for at in range(count)]
    working = [day for day in range(days) if day % 7 != 6]
    hours = {}
    for skill in SKILLS:
        need = sum(job.hours_h for job in jobs if job.skill == skill)
        hours[skill] = [max(round(need / 2 / len(working) * 4) / 4, 1.0) if day in working else 0.0 for day in range(days)]
    return jobs, Crew(days, hours, {"grommet": max(count // 12, 1), "rope": max(count // 15, 1)})


def _job(rng: np.random.Generator, at: int, days: int) -> Job:
    worth, falls = rng.lognormal(4.5, 0.9), rng.uniform(0.0, 0.08)
    away = []
    if rng.random() < 0.3:
        away.append(Away(-1, int(rng.integers(1, max(days // 2, 2)))))
    if rng.random() < 0.4:
        leaves = int(rng.integers(days // 2, days))
        away.append(Away(leaves, leaves + int(rng.integers(2, 6))))
    parts = [{}, {}, {}, {}, {"grommet": 1}, {"rope": 1}][int(rng.integers(6))]
    return Job(
        f"T{at}", float(rng.choice([0.25, 0.5, 0.75, 1.0, 1.5, 2.5])), SKILLS[int(rng.integers(2))],
        [float(worth * (1 - falls * day)) for day in range(days)], float(rng.uniform(0, 20)), float(rng.integers(1, 3)), parts, away,
        float(rng.uniform(0, days)),
    )  # fmt: skip


def every_way(jobs: list[Job], crew: Crew) -> int:
    """Cents of the best plan of a small shop, every one tried."""
    best = 0
    ways = [[None, *days_of(job, crew.days)[0]] for job in jobs]
    for days in itertools.product(*ways):
        used: dict[tuple[str, int], int] = {}
        parts: dict[str, int] = {}
        cents = 0
        for job, day in zip(jobs, days, strict=True):
            if day is not None:
                used[job.skill, day] = used.get((job.skill, day), 0) + job.minutes
                for part, need in job.parts.items():
                    parts[part] = parts.get(part, 0) + need
                cents += job.cents(day)
        within = all(minutes <= crew.minutes(*key) for key, minutes in used.items())
        if cents > best and within and all(need <= crew.stock(part) for part, need in parts.items()):
            best = cents
    return best


def main() -> None:
    """Small shops against every plan; larger ones against their bound; both beside earliest-first."""
    rng = np.random.default_rng(SEED)
    small = [shop(rng, 7, 3) for _ in range(SMALL_SHOPS)]
    optimum = sum(every_way(*one) for one in small) / 100
    plans = [schedule(*one, target_gap_ratio=0.0) for one in small]
    ours, peers = sum(one.benefit_usd for one in plans), sum(schedule_earliest_first(*one).benefit_usd for one in small)
    proven = sum(one.gap_ratio < 1e-9 for one in plans)
    print(f"{SMALL_SHOPS} shops of 7 services and 3 days, every plan tried: best ${optimum:,.2f}")
    print(f"  programme       ${ours:,.2f}, cost {max(1 - ours / optimum, 0):.2%}; proven best in {proven} of them")
    print(f"  earliest-first  ${peers:,.2f}, cost {1 - peers / optimum:.2%}")
    print(f"\n{DAYS} days; cost = 1 − dollars / bound")
    print(f"{'services':>9}{'programme':>14}{'gap':>9}{'seconds':>9}{'earliest-first':>16}{'cost':>8}{'planned':>9}")
    for size in SIZES:
        jobs, crew = shop(rng, size, DAYS)
        started = time.perf_counter()
        plan = schedule(jobs, crew)
        seconds = time.perf_counter() - started
        peer = schedule_earliest_first(jobs, crew).benefit_usd
        found = f"{size:>9}{plan.benefit_usd:>14,.2f}{plan.gap_ratio:>9.3%}{seconds:>9.2f}"
        print(f"{found}{peer:>16,.2f}{1 - peer / plan.bound_usd:>8.1%}{len(plan.scheduled):>9}")


if __name__ == "__main__":
    main()
