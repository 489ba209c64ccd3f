"""Boxes are found where events gather and nowhere else, their limits lie in the gap, and trees that know them keep sharp corners sharp."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_maintenance.model import Hazard, Landmarks, fit_hazard
from rfid3_maintenance.model.box_search import Rows, Search, find
from rfid3_maintenance.model.boxes import Box, Boxes, Limit, inside

KIND = 5
LIMITS = (1.0, 1.4, 1.8)


def machines(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(x, event): six features, the last one of three kinds; events where 0 and 1 are both high, where 2 passes its kind's limit, and
    one in 300 for no reason."""
    rng = np.random.default_rng(seed)
    x = np.column_stack([rng.normal(size=(rows, 5)), rng.choice(3, rows, p=[0.5, 0.3, 0.2])])
    cornered = (x[:, 0] > 0.8) & (x[:, 1] > 0.9)
    beyond = x[:, 2] > np.take(LIMITS, x[:, KIND].astype(int))
    return x, cornered | beyond | (rng.random(rows) < 1 / 300)


def searched(x: np.ndarray, event: np.ndarray) -> list[Box]:
    """The boxes of equally weighing rows."""
    return find(x, event.astype(float), np.ones(len(x))).each()


class TestSearch:
    @given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=3, max_size=25), st.booleans())
    def test_no_other_cut_gains_more(self, drawn: list[tuple[int, bool]], above: bool) -> None:
        """Against a loop over all cuts, with the binomial likelihood written out."""
        x = np.array([[value] for value, _ in drawn], dtype=float)
        event = np.array([happened for _, happened in drawn], dtype=float)
        rows = Rows(x, event, np.ones(len(x)))

        gained, at = Search(rows, np.ones(len(x), dtype=bool)).cut(rows.orders[0], 0, above, 0.0, 0.0)

        def bits(y: np.ndarray) -> float:
            return float(sum(np.log(y.mean() if happened else 1 - y.mean()) for happened in y))

        values = np.unique(x)
        tried = []
        for cut in (values[:-1] + values[1:]) / 2:
            within = x[:, 0] > cut if above else x[:, 0] <= cut
            if event[within].mean() > event.mean():
                tried.append(bits(event[within]) + bits(event[~within]) - bits(event))
        if not tried:
            assert not np.isfinite(gained)
            return
        assert gained == pytest.approx(max(tried), abs=1e-6)
        assert at in (values[:-1] + values[1:]) / 2

    def test_finds_the_corner_and_the_limits_by_kind(self) -> None:
        """Each limit lies where the truth has it, within what 4,000 rows can tell; what has no part in it is left alone."""
        x, event = machines(4000, 1)

        boxes = searched(x, event)

        corner = next(box for box in boxes if {limit.feature for limit in box} == {0, 1})
        assert {limit.feature: limit.at for limit in corner} == pytest.approx({0: 0.8, 1: 0.9}, abs=0.08)
        probes = np.zeros((3, 6))
        probes[:, KIND] = range(3)
        for offset, holds in ((-0.05, False), (0.05, True)):
            probes[:, 2] = np.array(LIMITS) + offset
            assert np.any([inside(box, probes) for box in boxes], axis=0).tolist() == [holds] * 3
        assert {limit.feature for box in boxes for limit in box} <= {0, 1, 2, KIND}

    @pytest.mark.parametrize("seed", range(5))
    def test_chance_makes_no_box(self, seed: int) -> None:
        """Events that follow from nothing: no box is worth its limits."""
        rng = np.random.default_rng(seed)

        assert searched(rng.normal(size=(2000, 10)), rng.random(2000) < 0.05) == []

    def test_what_is_found_does_not_hang_on_the_scale(self) -> None:
        """Stretching features in order finds the same rows."""
        x, event = machines(1500, 2)
        stretched = x.copy()
        stretched[:, :KIND] = np.exp(x[:, :KIND])

        one, two = ([inside(box, rows).tolist() for box in searched(rows, event)] for rows in (x, stretched))

        assert one == two

    def test_a_row_that_stands_for_many_counts_as_many(self) -> None:
        """Weights and repeated rows come to the same boxes."""
        x, event = machines(1200, 3)
        weight = np.where(event, 1, 3)

        weighed = find(x, event.astype(float), weight.astype(float)).each()

        assert weighed == searched(np.repeat(x, weight, axis=0), np.repeat(event, weight))


class TestBoxes:
    def test_unknown_values_are_never_inside(self) -> None:
        """Whatever the limit's side."""
        unknown = np.full((1, 1), np.nan)

        assert not any(inside((Limit(0, above, 0.0),), unknown)[0] for above in (True, False))

    def test_are_the_same_after_being_columns(self) -> None:
        """Lists of limits, some by kind, come back as they were; also none."""
        boxes = [(Limit(3, True, 0.5, 1, ((2.0, 0.7), (4.0, 0.1))), Limit(0, False, 1.0)), (Limit(2, False, -1.0),)]

        assert Boxes.of(boxes).each() == boxes
        assert Boxes.of([]).each() == []

    def test_contributions_are_shared_out_whole(self) -> None:
        """What boxes were given goes to the features they limit, and nothing is lost."""
        boxes = Boxes.of([(Limit(3, True, 0.5), Limit(0, False, 1.0)), (Limit(2, False, -1.0),)])

        shared = boxes.shared_out(np.array([[2.0, 5.0, 3.0]]), 4)

        assert shared.tolist() == [[2.0, 0.0, 6.0, 2.0]]


def single(rows: int, seed: int) -> Landmarks:
    """The machines as single observations."""
    x, event = machines(rows, seed)
    return Landmarks(
        x, tuple("abcdef"), np.full(rows, -1, np.int32), np.arange(rows, dtype=np.int32), np.full(rows, np.nan), np.ones(rows), event
    )  # fmt: skip


@pytest.fixture(scope="module")
def fitted() -> Hazard:
    """A hazard of one interval that was told of boxes."""
    return fit_hazard(single(1500, 7), [1.0])


class TestHazard:
    def test_of_sharp_rules_knows_boxes_and_says_so(self, fitted: Hazard) -> None:
        """On rows never seen nearly every one is on its side of the corner and of its kind's limit."""
        x, _ = machines(4000, 5)
        truth = ((x[:, 0] > 0.8) & (x[:, 1] > 0.9)) | (x[:, 2] > np.take(LIMITS, x[:, KIND].astype(int)))

        chance = 1.0 - fitted.survival(x, np.full(len(x), -1))[:, 0]

        assert fitted.basis["boxes"] >= 2
        assert ((chance > 0.5) == truth).mean() > 0.985

    def test_contributions_name_the_features_of_a_box(self, fitted: Hazard) -> None:
        """They sum to the log-hazard's difference, and inside the corner its two features have the largest parts."""
        x = np.zeros((4, 6))
        x[:, :2] = list(product((-1.0, 1.6), repeat=2))
        none = np.full(4, -1)

        parts, survival = fitted.contributions(x, none), fitted.survival(x, none)

        assert np.diff(parts.sum(axis=1)) == pytest.approx(np.diff(np.log(-np.log(survival[:, 0]))), abs=1e-5)
        assert set(np.argsort(-parts[3])[:2].tolist()) == {0, 1}
