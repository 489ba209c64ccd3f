"""Are features what a loop over the facts says, at every moment, and blind to what comes later?"""

import math
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfid3_shared.feature_store.compute import Facts, compute, values_at
from rfid3_shared.feature_store.definition import FeatureDefinition, FeatureView, Window

MONDAY = datetime(2026, 3, 2)
WEEK, SECOND = timedelta(weeks=1), timedelta(seconds=1)
WINDOWS = {
    "hour": Window.rolling(hours=1), "ten_days": Window.rolling(days=10), "week": Window.week_to_date(),
    "last_week": Window.complete_weeks(1), "four_weeks": Window.complete_weeks(4), "ever": Window.always(),
}  # fmt: skip
Fact = tuple[str, datetime, float]


def definition(measure: str, window: Window, most: float | None = None, facts: str = "scans") -> FeatureDefinition:
    return FeatureDefinition(f"{measure}_{window.kind}", "t", facts, measure, window, "units", WEEK, "", "", most=most)  # type: ignore[arg-type]


MEASURES = ("count", "sum", "latest", "weeks_since", "days_since")
CAPPED = (definition("weeks_since", Window.always(), 2), definition("sum", Window.always(), 5.5))
VIEW = FeatureView("every", (*CAPPED, *(definition(measure, window) for measure in MEASURES for window in WINDOWS.values())))
# seconds around what windows end and begin with, and any other
times = st.builds(
    lambda weeks, edge, seconds: MONDAY + weeks * WEEK + edge + timedelta(seconds=seconds),
    st.integers(-6, 6),
    st.sampled_from([timedelta(0), timedelta(hours=1), timedelta(days=1), timedelta(days=3, hours=5), 6 * timedelta(days=1)]),
    st.integers(-2, 2),
)
amounts = st.sampled_from([0.0, 1.0, 2.0, -1.5, 0.1, 1 / 3, 999_999_999.0])
fact = st.tuples(st.sampled_from("abcd"), times, amounts)
ENTITIES = ["b", "a", "c", "never"]


def as_facts(facts: list[Fact]) -> Facts:
    return Facts(
        np.array([name for name, _, _ in facts], dtype="U8"),
        np.array([at for _, at, _ in facts], dtype="datetime64[s]"),
        np.array([amount for _, _, amount in facts], dtype=float),
    )


def at_moments(facts: list[Fact], moments: list[datetime]) -> np.ndarray:
    return compute(VIEW, {"scans": as_facts(facts)}, ENTITIES, np.array(moments, dtype="datetime64[s]"))


def monday_of(at: datetime) -> datetime:
    return datetime(at.year, at.month, at.day) - timedelta(days=at.weekday())


def by_hand(each: FeatureDefinition, facts: list[Fact], entity: str, moment: datetime) -> float:
    """One value, by a loop over all facts."""
    complete_until = monday_of(moment + SECOND)
    inside = []
    for name, at, amount in facts:
        counts = name == entity and at <= moment
        if each.window.kind == "rolling":
            counts = counts and at > moment - each.window.span
        elif each.window.kind == "week_to_date":
            counts = counts and at >= monday_of(moment)
        elif each.window.kind == "complete_weeks":
            counts = counts and complete_until - each.window.span <= at < complete_until
        if counts:
            inside.append((at, amount))
    if each.measure == "count":
        value = float(len(inside))
    elif each.measure == "sum":
        value = round(math.fsum(round(amount, 6) for _, amount in inside), 6)
    elif not inside:
        return math.nan
    elif each.measure == "latest":
        value = next(round(amount, 6) for at, amount in reversed(inside) if at == max(at for at, _ in inside))
    elif each.measure == "days_since":
        value = (moment - max(at for at, _ in inside)).total_seconds() / 86_400
    else:
        value = float(max(0, ((complete_until - WEEK) - monday_of(max(at for at, _ in inside))) // WEEK))
    return value if each.most is None else min(value, each.most)


class TestCompute:
    @settings(max_examples=100)
    @given(st.lists(fact, max_size=30), st.lists(times, min_size=1, max_size=4))
    def test_equals_a_loop_over_the_facts(self, facts: list[Fact], moments: list[datetime]) -> None:
        """Every measure over every window, of every entity at every moment."""
        found = at_moments(facts, moments)

        expected = [[[by_hand(each, facts, name, at) for each in VIEW.features] for at in moments] for name in ENTITIES]
        np.testing.assert_array_equal(found, np.array(expected))

    @given(st.lists(fact, max_size=20), st.lists(fact, max_size=10), times)
    def test_no_feature_sees_the_future(self, facts: list[Fact], more: list[Fact], moment: datetime) -> None:
        """Facts after the moment change no value, wherever they are put in."""
        later = [(name, max(at, moment + SECOND), amount) for name, at, amount in more]

        np.testing.assert_array_equal(at_moments(later[::2] + facts + later[1::2], [moment]), at_moments(facts, [moment]))

    @given(
        st.lists(fact, max_size=20, unique_by=lambda one: one[:2]).flatmap(lambda f: st.tuples(st.just(f), st.permutations(f))),
        times,
    )
    def test_the_order_of_facts_says_nothing(self, both: tuple[list[Fact], list[Fact]], moment: datetime) -> None:
        """Facts that come in late or out of order end in the same numbers, to the last bit."""
        np.testing.assert_array_equal(at_moments(both[0], [moment]), at_moments(both[1], [moment]))

    @given(st.lists(fact, max_size=20), st.lists(times, min_size=1, max_size=5))
    def test_one_moment_and_many_agree(self, facts: list[Fact], moments: list[datetime]) -> None:
        """What is served at a moment is what a training frame says of it."""
        together = at_moments(facts, moments)

        for at, moment in enumerate(moments):
            np.testing.assert_array_equal(together[:, at], at_moments(facts, [moment])[:, 0])

    @given(st.lists(fact, max_size=20), times)
    def test_other_entities_say_nothing(self, facts: list[Fact], moment: datetime) -> None:
        """An entity's values are those it has alone, also beside sums that are a billion times larger."""
        alone = [one for one in facts if one[0] == "a"]

        np.testing.assert_array_equal(at_moments(facts, [moment])[1], at_moments(alone, [moment])[1])

    def test_a_week_is_complete_with_its_last_second(self) -> None:
        """At Sunday 23:59:59 the week counts as the last complete one; a second before, the week before it does."""
        sunday = MONDAY + WEEK - SECOND
        facts = {"scans": as_facts([("a", MONDAY, 3.0), ("a", MONDAY - SECOND, 5.0)])}
        view = FeatureView("v", (definition("sum", Window.complete_weeks(1)), definition("sum", Window.week_to_date())))

        found = compute(view, facts, ["a"], np.array([sunday - SECOND, sunday, sunday + SECOND], "datetime64[s]"))

        assert found[0].tolist() == [[5.0, 3.0], [3.0, 3.0], [3.0, 0.0]]

    def test_of_facts_in_one_second_the_last_given_is_the_latest(self) -> None:
        """A reader that reads often in a second: what it said last counts."""
        facts = {"scans": as_facts([("ab"[at % 2], MONDAY + at % 3 * SECOND, float(at)) for at in range(500)])}

        assert (
            compute([definition("latest", Window.always())], facts, ["a"], np.array([MONDAY + WEEK], "M8[s]")).item() == 494.0
        )

    def test_a_rolling_window_leaves_its_beginning_out(self) -> None:
        """Of the last hour at one o'clock: not midnight's fact, but the one a second later, and the one of one o'clock."""
        hour = timedelta(hours=1)
        facts = {"scans": as_facts([("a", MONDAY, 1.0), ("a", MONDAY + SECOND, 2.0), ("a", MONDAY + hour, 4.0)])}
        moments = np.array([MONDAY + hour - SECOND, MONDAY + hour, MONDAY + hour + SECOND], "M8[s]")

        found = compute([definition("sum", Window.rolling(hours=1))], facts, ["a"], moments)

        assert found[0, :, 0].tolist() == [3.0, 6.0, 4.0]

    def test_days_since_have_fractions(self) -> None:
        """A day and a half after the latest fact it is 1.5; at the fact itself 0; before any nobody knows."""
        facts = {"scans": as_facts([("a", MONDAY, 1.0), ("a", MONDAY - WEEK, 1.0)])}
        moments = np.array([MONDAY + timedelta(hours=36), MONDAY, MONDAY - WEEK - SECOND], "M8[s]")

        found = compute([definition("days_since", Window.always())], facts, ["a"], moments)

        np.testing.assert_array_equal(found[0, :, 0], [1.5, 0.0, np.nan])

    def test_nothing_asked_and_nothing_happened(self) -> None:
        """No entities, no moments or no facts give arrays of that shape."""
        none, one = as_facts([]), np.array([MONDAY], "M8[s]")
        count = [definition("count", Window.always())]

        assert compute(count, {"scans": none}, [], one).shape == (0, 1, 1)
        assert compute(count, {"scans": none}, ["a"], one[:0]).shape == (1, 0, 1)
        assert compute(count, {"scans": none}, ["a"], one).tolist() == [[[0.0]]]

    def test_a_kind_of_facts_that_is_not_given_is_no_nought(self) -> None:
        """There are no defaults: what was not looked at is not nothing."""
        with pytest.raises(KeyError, match="returns"):
            compute([definition("count", Window.always(), facts="returns")], {}, ["a"], np.array([MONDAY], "M8[s]"))

    @pytest.mark.parametrize("amount", [math.nan, math.inf, 1e9])
    def test_refuses_amounts_that_are_no_numbers(self, amount: float) -> None:
        """An amount that the store could not keep."""
        with pytest.raises(ValueError, match="amounts"):
            at_moments([("a", MONDAY, amount)], [MONDAY])

    @pytest.mark.parametrize("at", ["NaT", "1800-01-01", "2200-01-01"])
    def test_refuses_times_that_are_none(self, at: str) -> None:
        """No time, or one that no shop writes: nothing is computed from it."""
        facts = Facts(np.array(["a"]), np.array([at], "datetime64[s]"), np.ones(1))
        with pytest.raises(ValueError, match="time"):
            compute(VIEW, {"scans": facts}, ["a"], np.array([MONDAY], "M8[s]"))
        with pytest.raises(ValueError, match="time"):
            compute(VIEW, {"scans": as_facts([])}, ["a"], np.array([at], "M8[s]"))


class TestValuesAt:
    @given(st.lists(fact, max_size=20), st.lists(st.tuples(st.integers(0, 3), times), max_size=6))
    def test_gives_each_entity_at_its_own_moment(self, facts: list[Fact], asked: list[tuple[int, datetime]]) -> None:
        """Any list of entities and moments gives what each of them gives alone."""
        moments = np.array([at for _, at in asked], dtype="datetime64[s]")

        found = values_at(VIEW, {"scans": as_facts(facts)}, ENTITIES, np.array([row for row, _ in asked], np.int64), moments)

        for values, (row, at) in zip(found, asked, strict=True):
            np.testing.assert_array_equal(values, at_moments(facts, [at])[row, 0])
