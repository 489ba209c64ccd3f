"""Is looking at an item worth what it saves, and are those looked at first worth most?"""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rfid3_quality.decisions import inspection, replacement
from rfid3_quality.decisions.amounts import amount
from rfid3_quality.decisions.replacement import Items
from rfid3_quality.decisions.score_path import ScorePath

money = st.floats(-500, 500)
some_payoffs = arrays(float, (4, 3, 5), elements=money)
some_chances = arrays(float, (4, 5), elements=st.floats(0.01, 1)).map(lambda a: a / a.sum(axis=1, keepdims=True))


class TestValueOfLooking:
    @given(some_chances, some_payoffs)
    def test_equals_every_way_of_deciding(self, chances: np.ndarray, payoffs: np.ndarray) -> None:
        """Brute force: of all 3⁵ rules that answer each grade with an option, the best, less the best that never looks."""
        looks = inspection.value_of_looking(chances, payoffs)
        for k in range(4):
            worth = [
                sum(chances[k, g] * payoffs[k, a, g] for g, a in enumerate(rule)) for rule in product(range(3), repeat=5)
            ]  # fmt: skip
            blind = max(float(payoffs[k, a] @ chances[k]) for a in range(3))
            assert looks.value_usd[k] == pytest.approx(max(worth) - blind, abs=1e-8)

    @given(some_chances, some_payoffs)
    def test_is_never_negative_nor_above_the_worst_regret(self, chances: np.ndarray, payoffs: np.ndarray) -> None:
        """Knowing more never costs, and brings at most the largest difference between options."""
        looks = inspection.value_of_looking(chances, payoffs)
        assert (looks.value_usd >= 0).all()
        assert (looks.value_usd <= (payoffs.max(axis=1) - payoffs.min(axis=1)).max(axis=1) + 1e-9).all()
        assert ((looks.value_usd > 0) <= (looks.change_chance > 0)).all()

    @given(some_chances, arrays(float, (4, 1, 5), elements=money))
    def test_is_nothing_when_no_grade_changes_the_decision(self, chances: np.ndarray, best: np.ndarray) -> None:
        """One option ahead at every grade: exactly 0, not nearly."""
        payoffs = np.concatenate([best - 7.3, best, best - 0.1], axis=1)
        looks = inspection.value_of_looking(chances, payoffs)
        assert (looks.value_usd == 0).all()
        assert (looks.change_chance == 0).all()
        assert (looks.without == 1).all()

    def test_is_nothing_when_the_grade_is_known(self) -> None:
        """A distribution on one grade leaves nothing to find."""
        payoffs = np.random.default_rng(0).normal(size=(11, 4, 11))
        assert inspection.value_of_looking(np.eye(11), payoffs).value_usd == pytest.approx(np.zeros(11), abs=0)

    def test_missing_dollars_say_nothing(self) -> None:
        """No price: worth 0 and no option named; an option that cannot be priced is not open, the others are compared."""
        payoffs = np.zeros((2, 2, 2))
        payoffs[0] = np.nan
        payoffs[1, 0] = np.nan
        looks = inspection.value_of_looking(np.full((2, 2), 0.5), payoffs)
        assert list(looks.without) == [-1, 1]
        assert list(looks.value_usd) == [0.0, 0.0]


class TestPayoffs:
    def test_of_a_table_whose_grade_is_unknown(self) -> None:
        """Good tables are kept, bad ones go: a table that may be either is worth a look, one that is surely good is not."""
        days = np.array([0.0, 365.0])
        grades = np.arange(11) / 10
        by_grade = np.stack([grades, np.maximum(grades - 0.1, 0)], axis=1)[None]
        n = 2
        path = ScorePath(days, *(np.full((n, 2), 0.5),) * 3)
        new = ScorePath(days, *(np.array([[1.0, 0.9]]),) * 3)
        given = {
            "price": 100.0,
            "rate": 8.0,
            "turns": 0.1,
            "repair": 30.0,
            "repairs": 0.2,
            "lift": 0.2,
            "resale": 0.5,
            "effect": 0.25,
        }
        items = Items(path, new, *(amount(np.full(n, value)) for value in given.values()))
        payoffs = inspection.payoffs(items, by_grade)
        assert payoffs.shape == (n, len(replacement.OPTIONS), 11)
        chances = np.zeros((n, 11))
        chances[0, [1, 9]] = 0.5
        chances[1, [9, 10]] = 0.5
        looks = inspection.value_of_looking(chances, payoffs)
        assert looks.value_usd[0] > 10
        assert looks.change_chance[0] == pytest.approx(0.5)
        assert looks.value_usd[1] < 1


class TestNextToInspect:
    def test_most_dollars_a_minute_first(self) -> None:
        """By worth per minute, only what is worth its minutes, up to the limit and the time there is."""
        looks = inspection.Looks(np.array([10.0, 30.0, 8.0, 0.0, 1.0]), np.zeros(5, int), np.zeros(5))
        minutes = np.array([5.0, 30.0, 2.0, 5.0, 5.0])
        assert list(inspection.next_to_inspect(looks, minutes, 9)) == [2, 0, 1]
        assert list(inspection.next_to_inspect(looks, minutes, 2)) == [2, 0]
        assert list(inspection.next_to_inspect(looks, minutes, 9, minutes_left=10.0)) == [2, 0]
        assert list(inspection.next_to_inspect(looks, minutes, 9, minute_usd=0.0)) == [2, 0, 1, 4]
        assert list(inspection.next_to_inspect(looks, minutes, 0)) == []
