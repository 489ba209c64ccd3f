"""Does a day's attention go to the most dollars, to no item twice, and do alerts stay calm?"""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_maintenance.decisions.attention import Candidate, Rules, State, attend

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
RULES = Rules(per_day=3)
EMPTY = State({}, {})
candidates = st.lists(
    st.builds(Candidate, st.sampled_from("ABCDEFGH"), st.floats(0, 3000), st.floats(0, 1)), max_size=12
)  # fmt: skip
opened = st.dictionaries(st.sampled_from("ABCDEFGH"), st.sampled_from(["warning", "high", "critical"]), max_size=4)
snoozes = st.dictionaries(
    st.sampled_from("ABCDEFGH"), st.sampled_from([NOW - timedelta(hours=1), NOW, NOW + timedelta(hours=1)]), max_size=4
)


class TestAttend:
    @given(candidates, opened, snoozes, st.integers(0, 5))
    def test_keeps_to_its_rules(
        self, given_items: list[Candidate], opened_now: dict, until: dict, raised_today: int
    ) -> None:  # fmt: skip
        """Budget kept, nothing twice, nothing snoozed; every candidate is somewhere, once; the dearest are raised."""
        found = attend(given_items, State(opened_now, until, raised_today), NOW, RULES)
        raised = [one.item for one in found.raised]

        assert len(raised) <= max(RULES.per_day - raised_today, 0)
        assert len(set(raised)) == len(raised)
        assert not set(raised) & set(opened_now)
        touched = {*raised, *(one.item for one in found.changed), *found.closed}
        assert not touched & {item for item, time in until.items() if time > NOW}
        assert touched | set(found.left) == {one.item for one in given_items}
        assert not touched & set(found.left)
        assert all(a.at_stake_usd >= b.at_stake_usd for a, b in pairwise(found.raised))
        crowded = [item for item, why in found.left.items() if why == "no attention left today"]
        stakes = {one.item: max(other.at_stake_usd for other in given_items if other.item == one.item) for one in given_items}
        assert not crowded or not raised or min(stakes[item] for item in raised) >= max(stakes[item] for item in crowded)
        assert set(found.open) == (set(opened_now) | set(raised)) - set(found.closed)

    @given(candidates, opened, snoozes)
    def test_asking_again_changes_nothing(self, given_items: list[Candidate], opened_now: dict, until: dict) -> None:
        """The same items a second time on the same day: nothing new, nothing closed, nothing changed."""
        first = attend(given_items, State(opened_now, until), NOW, RULES)

        again = attend(given_items, State(first.open, until, RULES.per_day), NOW, RULES)

        assert (again.raised, again.changed, again.closed) == ((), (), ())

    @given(st.floats(0.9, 1.1), st.lists(st.floats(0.91, 1.09), min_size=1, max_size=12), st.floats(0.9, 1))
    def test_does_not_flap(self, start: float, wobbles: list[float], chance: float) -> None:
        """Dollars that wander a tenth around a bound raise one alert at most, and never close it."""
        state, raised, closed = EMPTY, 0, 0
        for wobble in [start, *wobbles]:
            found = attend([Candidate("A", 250.0 * wobble, chance)], state, NOW)
            state, raised, closed = State(found.open, {}), raised + len(found.raised), closed + len(found.closed)
            assert len(found.changed) <= 1

        assert (raised, closed) == (1, 0)
        assert state.open["A"] == ("high" if max(start, *wobbles) >= 1 else "warning")

    @pytest.mark.parametrize(
        ("usd", "chance", "held", "level"),
        [
            (1000, 0.7, None, "critical"), (999, 0.9, None, "high"), (5000, 0.3, None, "warning"), (49, 1.0, None, None),
            (820, 0.6, "critical", "critical"), (790, 0.6, "critical", "high"), (41, 0.17, "warning", "warning"),
            (39, 0.9, "warning", None), (41, 0.17, None, None), (float("nan"), 1.0, None, None),
        ],
    )  # fmt: skip
    def test_levels_by_dollars_and_chance(self, usd: float, chance: float, held: str | None, level: str | None) -> None:
        """Both bounds must be met; what is held is let go a fifth below."""
        found = attend([Candidate("A", usd, chance)], State({"A": held} if held else {}, {}), NOW)  # type: ignore[dict-item]

        assert found.open.get("A") == level

    def test_a_snooze_ends(self) -> None:
        """Silent until its time, raised from then on."""
        item, state = [Candidate("A", 400, 0.9)], State({}, {"A": NOW + timedelta(hours=1)})

        assert attend(item, state, NOW).left == {"A": "snoozed"}
        assert [one.item for one in attend(item, state, NOW + timedelta(hours=1)).raised] == ["A"]

    def test_tomorrow_brings_what_today_left(self) -> None:
        """Nothing is lost to the budget: the next ones come when there is attention again."""
        items = [Candidate(name, 100.0 + at, 0.9) for at, name in enumerate("ABCDE")]
        today = attend(items, EMPTY, NOW, RULES)

        tomorrow = attend(items, State(today.open, {}), NOW + timedelta(days=1), RULES)

        assert [one.item for one in today.raised] == ["E", "D", "C"]
        assert [one.item for one in tomorrow.raised] == ["B", "A"]
