"""For whom is a flag on? Deterministic, monotone in the share, fair, and independent from flag to flag."""

import math
import os
import subprocess
import sys
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_shared.errors import InvalidParameters
from rfid3_shared.flags import Flag, FlagState, arm, bucket
from rfid3_shared.flags.rollout import BUCKETS, Rule

KEYS = [f"key-{number:05d}" for number in range(10_000)]
FLAGS = st.sampled_from(list(Flag))
PERCENTS = st.floats(0, 100).map(lambda share: round(share, 2))
FLAG = Flag.DEMAND_FORECASTING


def rule(percent: float = 100.0, *entities: str, enabled: bool = True, flag: Flag = FLAG) -> Rule:
    """The rule of a setting."""
    return Rule.of(FlagState(flag, enabled, percent, entities, 1, "test", None))


def within_bounds(hits: int, share: float, draws: int) -> bool:
    """Whether a binomial count lies within five standard deviations of its mean: one in two million does not."""
    return abs(hits - share * draws) <= 5 * math.sqrt(draws * share * (1 - share)) + 1e-9


class TestBucket:
    @pytest.mark.parametrize(
        ("flag", "key", "expected"),
        [
            ("DEMAND_FORECASTING_ENABLED", "a1b2c3d4e5f6", 7367),
            ("PRICING_OPTIMIZATION_ENABLED", "a1b2c3d4e5f6", 5576),
            ("DEMAND_FORECASTING_ENABLED", "", 2389),
            ("DEMAND_FORECASTING_ENABLED", "schlüssel-42", 8783),
        ],
    )
    def test_stays_where_it_always_was(self, flag: str, key: str, expected: int) -> None:
        """An update of the suite moves nobody from one side of a roll-out to the other."""
        assert bucket(flag, key) == expected

    def test_is_the_same_in_another_process(self) -> None:
        """Python's own hash differs from process to process; places do not."""
        script = "from rfid3_shared.flags import bucket; print([bucket('X', f'key-{n:05d}') for n in range(200)])"
        environment = {**os.environ, "PYTHONHASHSEED": "12345"}

        run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)

        assert run.stdout.strip() == str([bucket("X", key) for key in KEYS[:200]])

    @given(st.text(), st.text())
    def test_is_a_place_for_any_text(self, flag: str, key: str) -> None:
        """Whatever a key looks like, its place is one of ten thousand."""
        assert 0 <= bucket(flag, key) < BUCKETS

    def test_name_and_key_are_told_apart(self) -> None:
        """`AB` and `C` is not `A` and `BC`."""
        assert len({bucket("AB", "C"), bucket("A", "BC"), bucket("ABC", "")}) == 3


class TestShare:
    @given(FLAGS, st.text(min_size=1, max_size=30), PERCENTS, PERCENTS)
    def test_who_is_in_stays_in_when_it_grows(self, flag: Flag, key: str, one: float, other: float) -> None:
        """Nobody loses an ability because more people get it."""
        small, large = sorted((one, other))

        assert not rule(small, flag=flag).admits(key) or rule(large, flag=flag).admits(key)

    @pytest.mark.parametrize("percent", [0.01, 0.5, 1, 10, 33.33, 50, 90, 99.99])
    @pytest.mark.parametrize("flag", [FLAG, Flag.PRICING_OPTIMIZATION, Flag.PREDICTIVE_ANALYTICS])
    def test_is_what_was_asked_for(self, flag: Flag, percent: float) -> None:
        """Of ten thousand keys a share is in that a fair draw would give."""
        inside = sum(rule(percent, flag=flag).admits(key) for key in KEYS)

        assert within_bounds(inside, percent / 100, len(KEYS))

    @given(st.text(max_size=20))
    def test_none_and_all_are_exact(self, key: str) -> None:
        """At 0 % nobody is in, at 100 % everybody, without a key too."""
        assert not rule(0).admits(key)
        assert rule(100).admits(key)

    @given(PERCENTS.filter(lambda share: share < 100))
    def test_nobody_without_a_key_is_in_a_share(self, percent: float) -> None:
        """Otherwise all who come without one would be in or out together."""
        assert not rule(percent).admits("")

    def test_flags_are_independent(self) -> None:
        """Being in for one flag says nothing about another: both at 50 % are on together for a quarter of the keys."""
        inside = {flag: {key for key in KEYS if rule(50, flag=flag).admits(key)} for flag in Flag}

        assert all(within_bounds(len(inside[a] & inside[b]), 0.25, len(KEYS)) for a, b in combinations(Flag, 2))


class TestEntities:
    def test_are_in_whatever_the_share(self) -> None:
        """A store that is named is in at 0 %; other stores are not; letter case does not matter."""
        named = rule(0, "store:8101", "category:Round Linen", "key:abc")

        assert named.admits("", ["store:8101"])
        assert named.admits("", ["category:round linen", "store:728"])
        assert named.admits("abc")
        assert not named.admits("xyz", ["store:728"])
        assert not named.admits("", ["8101", "item:8101"])

    @given(PERCENTS, st.text(min_size=1, max_size=10), st.lists(st.sampled_from(["store:1", "store:2", "item:x"])))
    def test_only_add(self, percent: float, key: str, asked: list[str]) -> None:
        """Naming somebody takes the ability from nobody."""
        assert not rule(percent).admits(key, asked) or rule(percent, "store:1").admits(key, asked)

    @given(PERCENTS, st.text(max_size=10))
    def test_do_nothing_while_switched_off(self, percent: float, key: str) -> None:
        """Off is off, for those who are named too."""
        assert not rule(percent, "store:1", f"key:{key}", enabled=False).admits(key, ["store:1"])


class TestVerdict:
    @given(PERCENTS, st.booleans(), st.lists(st.just("store:1"), max_size=1), st.text(max_size=10), st.booleans())
    def test_agrees_with_asking(self, percent: float, enabled: bool, named: list[str], key: str, at_store: bool) -> None:
        """Where a verdict is given for everybody, it is what each of them would be told."""
        one = rule(percent, *named, enabled=enabled)
        asked = ["store:1"] if at_store else []

        assert one.verdict is None or one.verdict == one.admits(key, asked)


SHARES = st.lists(st.integers(0, 20), min_size=1, max_size=5).filter(any).map(
    lambda weights: {f"arm{number}": weight / sum(weights) for number, weight in enumerate(weights)}
)  # fmt: skip


class TestArm:
    @given(st.text(max_size=20), st.text(max_size=20), SHARES, st.randoms())
    def test_is_one_of_those_with_a_share_and_always_the_same(self, experiment: str, key: str, shares, rng) -> None:
        """The order in which arms are written does not matter; an arm without a share is seen by nobody."""
        shuffled = list(shares.items())
        rng.shuffle(shuffled)

        seen = arm(experiment, key, shares)

        assert shares[seen] > 0
        assert arm(experiment, key, dict(shuffled)) == seen

    @pytest.mark.parametrize(
        "shares", [{"a": 0.5, "b": 0.5}, {"a": 0.1, "b": 0.2, "c": 0.7}, {"a": 1.0}, {"a": 0.99, "b": 0.01}]
    )
    def test_arms_get_their_shares(self, shares: dict[str, float]) -> None:
        """Of ten thousand keys each arm sees a count that a fair draw would give."""
        seen = [arm("price test", key, shares) for key in KEYS]

        assert all(within_bounds(seen.count(name), share, len(KEYS)) for name, share in shares.items())

    def test_experiments_are_independent(self) -> None:
        """Arms of one experiment do not follow those of another, nor who is in a roll-out."""
        halves = {"a": 0.5, "b": 0.5}
        first = {key for key in KEYS if arm("one", key, halves) == "a"}
        second = {key for key in KEYS if arm("two", key, halves) == "a"}
        rolled_out = {key for key in KEYS if bucket("one", key) < BUCKETS // 2}

        assert within_bounds(len(first & second), 0.25, len(KEYS))
        assert within_bounds(len(first & rolled_out), 0.25, len(KEYS))

    def test_stays_what_it_always_was(self) -> None:
        """An update of the suite moves nobody from one arm to another in the middle of a test."""
        shares = {"control": 0.5, "dearer": 0.3, "cheaper": 0.2}

        assert [arm("price test", f"key-{number}", shares) for number in range(8)] == [
            "dearer", "control", "dearer", "control", "control", "dearer", "control", "dearer",
        ]  # fmt: skip

    @pytest.mark.parametrize("shares", [{}, {"a": 0.5}, {"a": 0.6, "b": 0.6}, {"a": 1.5, "b": -0.5}, {"a": math.nan}])
    def test_refuses_shares_that_are_none(self, shares: dict[str, float]) -> None:
        """What does not sum to 1 was not meant."""
        with pytest.raises(InvalidParameters):
            arm("x", "y", shares)
