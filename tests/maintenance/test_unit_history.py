"""Is anybody's table read as it is meant, do features look back only, and is the alert threshold chosen as promised?"""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_maintenance.model import Landmarks
from rfid3_maintenance.unit_history import aged, alerts, landmarks, levels, recipe, rolling, table
from rfid3_shared.errors import InvalidParameters

VALUES = st.one_of(st.integers(-3, 3).map(float), st.just(float("nan")))
LIFE = st.lists(st.tuples(st.integers(1, 4), VALUES, VALUES), min_size=1, max_size=30)


def life(drawn: list[tuple[int, float, float]]) -> tuple[np.ndarray, np.ndarray]:
    """(t, x) of one life with gaps and unknown values."""
    gaps, a, b = zip(*drawn, strict=True)
    return np.cumsum(gaps).astype(float), np.column_stack([a, b])


def frame(*rows: tuple[object, ...], columns: tuple[str, ...] = ("unit", "t", "event", "heat")) -> pl.DataFrame:
    """Rows as a CSV gives them: all words."""
    return pl.DataFrame([tuple(map(str, row)) for row in rows], schema=list(columns), orient="row")


class TestRolling:
    @given(LIFE, st.integers(1, 30))
    def test_later_rows_never_change_earlier_features(self, drawn: list[tuple[int, float, float]], kept: int) -> None:
        """What a row says is the same, to the last bit, whether or not anything follows."""
        t, x = life(drawn)
        cut = min(kept, len(t))

        whole, part = (rolling.of_life(t[:n], x[:n], 1.5, (3, 8)) for n in (len(t), cut))

        assert np.array_equal(whole[:cut], part, equal_nan=True)

    @given(LIFE)
    def test_windows_are_what_plain_loops_find(self, drawn: list[tuple[int, float, float]]) -> None:
        """Mean, slope, least and most over (t - 6, t], value by value."""
        t, x = life(drawn)
        names = rolling.names(["a", "b"], (4,))
        found = rolling.of_life(t, x, 1.5, (4,))

        for row in range(len(t)):
            inside = (t > t[row] - 6.0) & (t <= t[row]) & np.isfinite(x[:, 0])
            values = x[inside, 0]
            told = {name: found[row, names.index(f"a: {name}")] for name in ("mean_4", "slope_4", "least_4", "most_4")}
            if not len(values):
                assert all(np.isnan(value) for value in told.values())
                continue
            assert told["mean_4"] == pytest.approx(values.mean())
            assert (told["least_4"], told["most_4"]) == (values.min(), values.max())
            if len(values) >= rolling.LEAST_FOR_SLOPE:
                assert told["slope_4"] == pytest.approx(np.polyfit(t[inside] / 1.5, values, 1)[0], abs=1e-9)
            else:
                assert np.isnan(told["slope_4"])


class TestTable:
    def test_rows_are_sorted_and_a_unit_that_goes_on_begins_another_life(self) -> None:
        """An event ends a life; what follows of the same unit is a further one."""
        found = table.build(frame(("b", 5, 0, 1), ("a", 9, 0, 2), ("a", 3, 1, 3), ("a", 7, 0, 4)), "x.csv")

        assert found.names == ("b", "a")
        assert found.t.tolist() == [5, 3, 7, 9]
        assert found.life.tolist() == [0, 1, 2, 2]

    def test_words_and_numbers_are_told_apart(self) -> None:
        """A column of words stays one; blanks are unknown."""
        found = table.build(
            frame(("a", 1, 0, "hot", ""), ("a", 2, 1, "cold", "7"), columns=("unit", "t", "event", "state", "load")), "x.csv"
        )

        assert found.columns["state"].tolist() == ["hot", "cold"]
        assert np.array_equal(found.columns["load"], [np.nan, 7.0], equal_nan=True)

    @pytest.mark.parametrize(
        ("rows", "columns", "said"),
        [
            ([("a", 1, 0, 2)], ("unit", "t", "evnt", "x"), "is 'evnt' meant for 'event'?"),
            ([("a", 1, 0, 2)], ("machine", "t", "event", "x"), "is 'machine' meant for 'unit'?"),
            ([("a", 1, 0, 2)], ("unit", "cycle", "event", "x"), "is 'cycle' meant for 't'?"),
            ([("a", "monday", 0, 2)], ("unit", "t", "event", "x"), "line 2, column t: 'monday' is not a number"),
            ([("a", 1, 0, 2), ("a", 2, 2, 2)], ("unit", "t", "event", "x"), "line 3, column event: '2' is neither 0 nor 1"),
            ([("a", 1, 0, 2), ("b", 1, 0, 2), ("a", 1, 0, 3)], ("unit", "t", "event", "x"), "lines 2 and 4: two rows for unit 'a'"),
            ([("a", 1, 0, 2), ("", 1, 0, 2)], ("unit", "t", "event", "x"), "line 3, column unit: the field is empty"),
            ([("a", 1, 0, 2), ("b", 1, 0, 3), ("c", 1, 0, "x")], ("unit", "t", "event", "x"), "line 4, column x: 'x' is not a number"),
        ],
    )  # fmt: skip
    def test_faults_are_named_with_line_and_column(
        self, rows: list[tuple[object, ...]], columns: tuple[str, ...], said: str
    ) -> None:
        """And a column that is only called otherwise is pointed at."""
        with pytest.raises(InvalidParameters) as fault:
            table.build(frame(*rows, columns=columns), "x.csv")

        assert said in fault.value.message

    def test_what_is_asked_never_knows_what_comes(self) -> None:
        """Of the history only rows before the one asked about join its past."""
        past = table.build(frame(("a", 1, 0, 10), ("a", 2, 0, 20), ("a", 3, 0, 30), ("z", 1, 0, 5)), "h.csv")
        now = table.build(frame(("n", 4, 0, 1), ("a", 2.5, 0, 25)), "c.csv")

        whole, places = table.joined(past, now)

        assert whole.t[whole.unit == 1].tolist() == [1, 2, 2.5]
        assert whole.columns["heat"][places].tolist() == [1, 25]


class TestLandmarks:
    def test_after_and_event_of_failed_and_running_units(self) -> None:
        """Each row looks ahead to its unit's end; the end itself teaches nothing; late beginnings are kept as they are."""
        found = table.build(frame(("a", 5, 0, 1), ("a", 8, 0, 1), ("a", 9, 1, 2), ("b", 2, 0, 3), ("b", 6, 0, 4)), "x.csv")

        rows = landmarks.build(found, recipe.learn(found), "course")

        assert rows.at_days.tolist() == [5, 8, 2]
        assert rows.after_days.tolist() == [4, 1, 4]
        assert rows.event.tolist() == [True, True, False]

    @pytest.mark.parametrize(
        ("rows", "horizons", "reading"),
        [
            ([("a", 5, 0, 1), ("a", 8, 1, 1)], (7.0,), "course"),
            ([("a", 5, 0, 1), ("b", 8, 1, 1)], (7.0,), "lives"),
            ([("a", 5, 0, 1), ("b", 8, 1, 1)], (1.0,), "single"),
            ([("a", 0, 0, 1), ("b", 0, 1, 1)], (7.0,), "single"),
        ],
    )
    def test_the_reading_follows_from_the_rows(
        self, rows: list[tuple[object, ...]], horizons: tuple[float, ...], reading: str
    ) -> None:
        """Several rows a unit: a course; one row and different t: whole lives; no time: single observations."""
        assert landmarks.reading_of(table.build(frame(*rows), "x.csv"), horizons) == reading

    @given(st.integers(2, 20), st.integers(2, 5))
    def test_folds_keep_units_whole_and_share_events_evenly(self, units: int, folds: int) -> None:
        """No unit in two folds; the folds' numbers of failed units differ by one at most."""
        rows = [(k, t, int(t == 3 and k % 3 == 0), 0.1 * k) for k in range(units) for t in (1, 2, 3)]
        found = table.build(frame(*rows), "x.csv")
        given = landmarks.build(found, recipe.learn(found), "course")

        fold = landmarks.folds_of(given, folds)

        assert all(len(set(fold[given.unit == unit])) == 1 for unit in range(units))
        failed = [len(set(given.unit[(fold == k) & given.event])) for k in range(folds)]
        assert max(failed) - min(failed) <= 1

    def test_events_on_few_moments_get_intervals_of_their_own(self) -> None:
        """Between the moments nothing happens, and the cuts say so."""
        rows = [(k, (10, 20)[k % 2], 1, k) for k in range(20)]
        found = table.build(frame(*rows), "x.csv")

        cuts = landmarks.cuts_for(landmarks.build(found, recipe.learn(found), "lives"), (7.0,))

        assert cuts == pytest.approx((7.0, 9.8, 10.0, 19.8, 20.0))


class TestPairs:
    def test_a_difference_is_told_to_the_last_digit(self) -> None:
        """Single observations: 309.1 − 300.5 and 308.7 − 300.1 differ in the fourteenth digit, and so do their features."""
        found = table.build(
            frame((1, 0, 300.5, 309.1), (2, 1, 300.1, 308.7), columns=("unit", "event", "a", "b")), "x.csv", ("unit", "event")
        )
        plan = recipe.learn(found, rolling_past=False, paired=True)

        told = plan.features(found)[:, plan.names().index("a − b")]

        assert told.tolist() == [300.5 - 309.1, 300.1 - 308.7]
        assert told[0] != told[1]


class TestAged:
    def test_a_unit_that_came_so_far_is_asked_from_there(self) -> None:
        """S(a + h) / S(a) for a curve with two different hazards; beyond the last cut its hazard goes on."""
        cuts, survival = (10.0, 20.0), np.exp(-np.array([[0.1, 1.1]]))

        found = aged.chances(survival, cuts, np.array([5.0]), [5.0, 10.0, 25.0])
        days, beyond = aged.remaining(survival, cuts, np.array([5.0]), (0.5, 0.9))

        assert found[0] == pytest.approx(-np.expm1(-np.array([0.05, 0.55, 2.05])))
        assert days[0] == pytest.approx([5.0 + (np.log(2) - 0.05) * 10, 15.0 + (np.log(10) - 1.05) * 10])
        assert beyond[0].tolist() == [False, True]


class TestLevels:
    """Where curves are read, so that 80 % hold."""

    CUTS = tuple(np.arange(1.0, 60.0))

    def told(self, shape: float, units: int = 2000) -> tuple[np.ndarray, Landmarks]:
        """Weibull lives of shape 2, a third lost from sight before, and the same curve of another shape told of all."""
        rng = np.random.default_rng(5)
        life, sight = 20.0 * rng.weibull(2.0, units), rng.uniform(5.0, 60.0, units)
        given = Landmarks(
            np.zeros((units, 1), np.float32), ("x",), np.full(units, -1, np.int32), np.arange(units, dtype=np.int32),
            np.zeros(units), np.minimum(life, sight), life <= sight,
        )  # fmt: skip
        return np.tile(np.exp(-((np.array(self.CUTS) / 20.0) ** shape)), (units, 1)), given

    @pytest.mark.parametrize("shape", [1.0, 1.5, 2.0, 3.0])
    def test_a_tenth_ends_before_and_a_tenth_after(self, shape: float) -> None:
        """Curves too flat or too steep are read elsewhere, where the true life has its tenths; the true curve stays as it is."""
        held, given = self.told(shape)

        lower, middle, upper = levels.of_held(held, self.CUTS, given)

        read = aged.remaining(held[:1], self.CUTS, np.zeros(1), (lower, upper))[0][0]
        assert -np.expm1(-((read / 20.0) ** 2.0)) == pytest.approx([0.1, 0.9], abs=0.03)
        assert middle == 0.5

    def test_few_failures_move_nothing(self) -> None:
        """Nor does a curve nobody was held out of."""
        held, given = self.told(1.0, 20)

        assert levels.of_held(held, self.CUTS, given) == levels.RUL_LEVELS
        assert levels.of_held(None, self.CUTS, self.told(1.0)[1]) == levels.RUL_LEVELS


class TestAlerts:
    @given(st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=30))
    def test_no_other_threshold_has_a_better_f1(self, rows: list[tuple[int, bool]]) -> None:
        """The best of all cuts between two chances, found by trying each."""
        chance, failed = (np.array(column) for column in zip(*rows, strict=True))
        chance = chance / 6

        found = alerts.choose(chance, failed, 7.0)

        if not failed.any():
            assert found.threshold is None
            return
        tried = [2 * (failed & (chance >= cut)).sum() / (failed.sum() + (chance >= cut).sum()) for cut in np.unique(chance)]
        assert found.f1 == pytest.approx(max(tried))
        assert found.threshold is not None
        alert = chance >= found.threshold
        assert 2 * (failed & alert).sum() / (failed.sum() + alert.sum()) == pytest.approx(found.f1)

    def test_dear_misses_lower_the_threshold(self) -> None:
        """With calibrated chances the least cost lies near false alarm / (miss + false alarm)."""
        rng = np.random.default_rng(3)
        chance = rng.random(50_000)
        failed = rng.random(50_000) < chance

        found = alerts.choose(chance, failed, 7.0, (9.0, 1.0))

        assert found.threshold == pytest.approx(0.1, abs=0.03)
