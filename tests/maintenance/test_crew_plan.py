"""Is the crew's plan the best there is, within hours, parts and bookings, and does it say why something waits?"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_maintenance.decisions.crew import earliest_first, schedule, schedule_earliest_first
from rfid3_maintenance.decisions.exchange import bettered
from rfid3_maintenance.decisions.jobs import Away, Crew, Job, days_of
from rfid3_maintenance.decisions.plan import Plan, value_cents

DAYS = 3
SKILLS = ("sewing", "wash")


def brute_force(jobs: Sequence[Job], crew: Crew) -> int:
    """Cents of the best plan, every one tried."""
    best = 0
    for days in itertools.product([None, *range(crew.days)], repeat=len(jobs)):
        done = [(job, day) for job, day in zip(jobs, days, strict=True) if day is not None]
        if allowed(done, crew):
            best = max(best, sum(job.cents(day) for job, day in done))
    return best


def allowed(done: Sequence[tuple[Job, int]], crew: Crew) -> bool:
    """Whether hours, parts and bookings are kept, counted by hand."""
    for skill, day in itertools.product({job.skill for job, _ in done}, range(crew.days)):
        hours = crew.hours_h.get(skill, [0.0] * crew.days)[day]
        if sum(job.hours_h for job, at in done if (job.skill, at) == (skill, day)) > hours + 1e-9:
            return False
    for part in {part for job, _ in done for part in job.parts}:
        if sum(job.parts.get(part, 0) for job, _ in done) > crew.parts.get(part, 0):
            return False
    away = [(job, day, one) for job, day in done for one in job.away]
    return all(
        day + job.shop_days <= one.leaves_day or day >= (math.inf if one.back_day is None else one.back_day)
        for job, day, one in away
    )


@st.composite
def jobs(draw: st.DrawFn, most: int = 5) -> list[Job]:
    """A few services with hours, parts, bookings and a benefit that may fall below 0."""
    found = []
    for at in range(draw(st.integers(0, most))):
        leaves = draw(st.integers(0, DAYS))
        back = draw(st.one_of(st.none(), st.integers(leaves, DAYS)))
        found.append(Job(
            f"T{at}", draw(st.sampled_from([0.5, 1.0, 1.5, 2.0, 2.25])), draw(st.sampled_from([*SKILLS, "welding"])),
            draw(st.lists(st.floats(-50, 500), min_size=DAYS, max_size=DAYS)), draw(st.sampled_from([0.0, 12.5])),
            draw(st.sampled_from([1.0, 2.0])), draw(st.sampled_from([{}, {"grommet": 1}, {"rope": 2, "grommet": 1}])),
            draw(st.sampled_from([(), (Away(leaves, back),)])), draw(st.floats(0, 3)),
        ))  # fmt: skip
    return found


@st.composite
def crews(draw: st.DrawFn) -> Crew:
    """Two skills, few hours, few parts."""
    hours = st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.5]), min_size=DAYS, max_size=DAYS)
    return Crew(DAYS, {skill: draw(hours) for skill in SKILLS}, {"grommet": draw(st.integers(0, 2)), "rope": 2})


def sums_hold(plan: Plan, given_jobs: Sequence[Job], crew: Crew) -> None:
    """Every job is in the plan or not, once; totals are the sums of the rows; nothing is used twice."""
    by_item = {job.item: job for job in given_jobs}
    assert sorted([one.item for one in plan.scheduled] + [one.item for one in plan.unscheduled]) == sorted(by_item)
    assert round(sum(round(one.benefit_usd * 100) for one in plan.scheduled)) == round(plan.benefit_usd * 100)
    assert sum(round(one.hours_h * 60) for one in plan.scheduled) == round(plan.total_hours_h * 60)
    assert sum(round(hours * 60) for hours in plan.hours_h.values()) == round(plan.total_hours_h * 60)
    assert allowed([(by_item[one.item], one.day) for one in plan.scheduled], crew)
    assert plan.bound_usd >= plan.benefit_usd
    assert 0 <= plan.gap_ratio <= 1


class TestSchedule:
    @given(jobs(), crews())
    def test_equals_every_plan_tried(self, given_jobs: list[Job], crew: Crew) -> None:
        """No plan is better, and the programme knows it: the gap is 0."""
        best = brute_force(given_jobs, crew)

        plan = schedule(given_jobs, crew, target_gap_ratio=0.0)

        sums_hold(plan, given_jobs, crew)
        assert round(plan.benefit_usd * 100) == best
        assert plan.gap_ratio == pytest.approx(0.0, abs=1e-6)

    @given(jobs(), crews(), st.integers(1, 16))
    def test_a_bound_on_a_cut_programme_is_true(self, given_jobs: list[Job], crew: Crew, columns: int) -> None:
        """With choices left out, the plan may be worse, and the bound still lies above the best there is."""
        best = brute_force(given_jobs, crew)

        plan = schedule(given_jobs, crew, target_gap_ratio=0.0, columns=columns)

        sums_hold(plan, given_jobs, crew)
        assert round(plan.benefit_usd * 100) <= best <= round(plan.bound_usd * 100)

    @given(jobs(12), crews(), st.sampled_from([1, 6, 1000]))
    def test_is_never_worse_than_earliest_first(self, given_jobs: list[Job], crew: Crew, columns: int) -> None:
        """Also when the programme was cut: hours, parts and bookings are kept by both."""
        peer = schedule_earliest_first(given_jobs, crew)

        plan = schedule(given_jobs, crew, columns=columns)

        sums_hold(plan, given_jobs, crew)
        sums_hold(peer, given_jobs, crew)
        assert plan.benefit_usd >= peer.benefit_usd - 1e-9

    @given(jobs(12), crews())
    def test_exchanges_never_lose(self, given_jobs: list[Job], crew: Crew) -> None:
        """What exchanges make of any plan is at least as good and as allowed, and exchanging again changes nothing more."""
        open_days = [days_of(job, crew.days)[0] for job in given_jobs]
        first = earliest_first(given_jobs, crew, open_days)

        better = bettered(given_jobs, crew, open_days, first)

        assert value_cents(given_jobs, better) >= value_cents(given_jobs, first)
        assert allowed([(given_jobs[at], day) for at, day in better.items()], crew)
        assert bettered(given_jobs, crew, open_days, better) == better

    def test_no_time_gives_a_plan_all_the_same(self) -> None:
        """A time limit of nothing leaves earliest-first, filled up, and a gap that says so."""
        many = [Job(f"T{k}", 1.0, "sewing", [100.0 - k] * DAYS, best_day=k) for k in range(30)]
        crew = Crew(DAYS, {"sewing": [4.0] * DAYS})

        plan = schedule(many, crew, time_limit_s=0.0)

        assert len(plan.scheduled) == 12
        assert plan.bound_usd >= plan.benefit_usd == sum(100.0 - k for k in range(12))

    def test_the_same_question_has_the_same_plan(self) -> None:
        """No chance enters."""
        many = [Job(f"T{k}", 1.0 + k % 3 / 4, SKILLS[k % 2], [100.0 + 7 * (k % 5)] * DAYS, best_day=k) for k in range(25)]
        crew = Crew(DAYS, {skill: [4.0] * DAYS for skill in SKILLS})

        assert schedule(many, crew) == schedule(many, crew)


class TestReasons:
    CREW = Crew(DAYS, {"sewing": [2.0, 2.0, 2.0], "wash": [0.0, 0.0, 0.0]}, {"grommet": 1})
    JOB = Job("T1", 1.0, "sewing", [90.0, 60.0, 30.0])

    @pytest.mark.parametrize(
        ("change", "reason", "says"),
        [
            ({"skill": "welding"}, "no skill", "nobody in the crew does welding"),
            ({"skill": "wash"}, "no hours", "more than there are on any of its days"),
            ({"hours_h": 2.5}, "no hours", "2.5 h of sewing"),
            ({"parts": {"grommet": 2}}, "no part", "2 of grommet needed, 1 in stock"),
            ({"away": (Away(-2, None),)}, "no window before its booking", "away"),
            ({"away": (Away(1, 9),), "shop_days": 2.0}, "no window before its booking", "not be ready"),
            ({"avoided_usd": [0.0, -3.0, 0.0]}, "not worth it", "revenue lost"),
            ({"revenue_usd_per_day": 95.0}, "not worth it", "revenue lost"),
            ({"revenue_usd_per_day": 45.0, "away": (Away(-1, 2),)}, "not worth it", "bookings leave open"),
            ({"hours_h": math.nan}, "unusable", "not a number"),
            ({"avoided_usd": [math.nan] * 3}, "not worth it", "revenue lost"),
        ],
    )
    def test_every_one_is_named(self, change: dict[str, object], reason: str, says: str) -> None:
        """A service that cannot be done waits with its reason, in words."""
        plan = schedule([replace(self.JOB, **change)], self.CREW)

        (waits,) = plan.unscheduled
        assert waits.reason == reason
        assert says in waits.why
        assert plan.benefit_usd == plan.bound_usd == 0

    def test_the_better_ones_take_hours_and_parts(self) -> None:
        """What is crowded out says by what: the hours, or the last part."""
        crowd = [replace(self.JOB, item=f"T{k}", avoided_usd=[100.0 + k] * 3) for k in range(7)]
        last = [replace(self.JOB, item=f"P{k}", avoided_usd=[900.0 + k] * 3, parts={"grommet": 1}) for k in range(2)]

        hours, part = schedule(crowd, self.CREW), schedule(last, self.CREW)

        assert [(one.item, one.reason) for one in hours.unscheduled] == [("T0", "no hours")]
        assert [(one.item, one.reason) for one in part.unscheduled] == [("P0", "no part")]
        assert part.parts == {"grommet": 1}

    def test_no_hours_at_all_are_said_in_words(self) -> None:
        """Zero crew hours: an empty plan that adds up, no exception."""
        plan = schedule([self.JOB], Crew(DAYS, {"sewing": [0.0] * DAYS}))

        assert plan.scheduled == ()
        assert plan.benefit_usd == plan.total_hours_h == plan.gap_ratio == 0
        assert "no hours in these 3 days" in plan.words
        assert schedule([], Crew(0, {})).words.startswith("The crew has no hours")


class TestBookings:
    def test_infeasible_ones_are_named(self) -> None:
        """Back before it leaves, unknown days, two at once, asked for twice: each by its name; the plan goes on."""
        away = (
            Away(2, 1, "C1"), Away(math.nan, 1, "C2"), Away(5, 8, "C3"), Away(6, 9, "C4"),
        )  # fmt: skip
        job = Job("T1", 1.0, "sewing", [9.0, 5.0, 3.0], away=away)

        plan = schedule([job, job], Crew(DAYS, {"sewing": [8.0] * DAYS}))

        assert [(one.booking, one.why) for one in plan.conflicts] == [
            ("C2", "its days are not known"), ("C1", "it is back before it leaves"),
            ("C4", "the item is not back from C3 when it leaves"), ("service", "the item is asked for twice; the first is planned"),
        ]  # fmt: skip
        assert [one.day for one in plan.scheduled] == [0]

    def test_what_cannot_be_ready_before_is_planned_after(self) -> None:
        """Two days in the shop do not fit before a booking on day 1; it is named, and the service follows its return."""
        job = Job("T1", 1.0, "sewing", [90.0, 80.0, 70.0, 60.0, 50.0], shop_days=2, away=(Away(1, 3, "C7"),))

        plan = schedule([job], Crew(5, {"sewing": [8.0] * 5}))

        assert [(one.day, one.ready_day, one.benefit_usd) for one in plan.scheduled] == [(3, 5, 60.0)]
        assert [(one.booking, one.why) for one in plan.conflicts] == [
            ("C7", "a service of 2 days cannot be ready before it leaves")
        ]

    def test_the_shop_and_the_days_away_may_touch(self) -> None:
        """Ready on the morning it leaves and begun on the day it is back."""
        job = Job("T1", 1.0, "sewing", [1.0] * 6, shop_days=2, away=(Away(2, 4),))

        assert days_of(job, 6) == ([0, 4, 5], [])
