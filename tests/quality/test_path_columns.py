"""Do further columns of a history move a unit's pace where they help, and only there, exactly as the model says?"""

from pathlib import Path

import numpy as np
import pytest

from rfid3_quality.commands.history_csv import read_history
from rfid3_quality.commands.project import columns_told
from rfid3_quality.evaluation.origins import origins, without_columns
from rfid3_quality.model import path_columns, path_population
from rfid3_quality.model.degradation import Degradation, Record
from rfid3_quality.model.path_columns import Columns, chosen, standardised
from rfid3_quality.model.path_forms import forms

LINE = "linear"
Parts = tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]


def lives(seed: int, units: int = 12, effect: float = 0.5) -> Parts:
    """Straight falling lives whose pace rises with their first column and has nothing to do with the second."""
    draw = np.random.default_rng(seed)
    s = [np.linspace(0, 1, 8) for _ in range(units)]
    told = draw.normal(size=(units, 2))
    y = [-at * (1 + effect * own[0] + draw.normal(0, 0.05)) + draw.normal(0, 0.01, 8) for at, own in zip(s, told, strict=True)]
    return s, y, [np.tile(own, (8, 1)) for own in told]


class TestAhead:
    def test_is_the_joint_normal_conditioned(self) -> None:
        """All readings of all units and the path to come are one normal: conditioned the long way, mean and spread are the same."""
        s, y, x = lives(1, units=4)
        columns = standardised((0, 1), x)
        z = [columns.of(part) for part in x]
        population = path_population.fit(forms(s, y)[0], s, y, z)
        noise, wander, of_a, of_b, ripple, length = population.deviations
        at = np.array([1.0, 1.4])

        def mean_design(times: np.ndarray, own: np.ndarray) -> np.ndarray:
            return np.column_stack([np.ones(len(times)), times, *(each * times for each in own)])

        def shared(one: np.ndarray, other: np.ndarray) -> np.ndarray:
            apart = np.abs(one[:, None] - other[None])
            moved = wander**2 * np.minimum(one[:, None], other[None]) + ripple**2 * np.exp(-apart / length)
            return of_a**2 + of_b**2 * one[:, None] * other[None] + moved

        belief = np.diag(1 / np.array([path_population.BROAD] * 2 + [path_population.TELLING] * 2))
        designs = np.concatenate([mean_design(at, z[0]), *(mean_design(part, own) for part, own in zip(s, z, strict=True))])
        cover = designs @ belief @ designs.T
        begin = 2
        cover[:2, :2] += shared(at, at)
        for k, part in enumerate(s):
            rows = slice(begin, begin + len(part))
            cover[rows, rows] += shared(part, part) + noise**2 * np.eye(len(part))
            if k == 0:
                cover[:2, rows] += shared(at, part)
                cover[rows, :2] += shared(part, at)
            begin += len(part)
        gain = np.linalg.solve(cover[2:, 2:], cover[2:, :2]).T
        spread = cover[:2, :2] - gain @ cover[2:, :2]

        found = population.ahead(s[0], y[0], at, z[0])
        assert found.mean == pytest.approx(gain @ np.concatenate(y), rel=1e-5)
        assert found.sd == pytest.approx(np.sqrt(np.diag(spread)), rel=1e-4)

    def test_no_columns_is_what_it_was(self) -> None:
        """Columns of nothing change no number."""
        s, y, _ = lives(2, units=3)
        bare, none = path_population.fit(forms(s, y)[0], s, y), path_population.fit(forms(s, y)[0], s, y, [np.zeros(0)] * 3)

        assert (bare.deviations == none.deviations).all()
        assert (bare.ahead(s[0], y[0], s[0]).mean == none.ahead(s[0], y[0], s[0], np.zeros(0)).mean).all()


class TestChosen:
    def test_what_moves_the_pace_is_taken_and_the_rest_left(self) -> None:
        """The column that drives the pace is found, with its effect; the other is not used."""
        s, y, x = lives(3)
        columns = chosen(LINE, s, y, x)
        population = path_population.fit(forms(s, y)[0], s, y, [columns.of(part) for part in x])

        assert columns.places == (0,)
        assert columns.gain > 0
        assert population.pace_ratios[0] == pytest.approx(0.5 * np.std([part[0, 0] for part in x]), rel=0.2)

    def test_noise_and_too_few_units_are_left_out(self) -> None:
        """A column without effect is tried and not taken; below eight units nothing is tried; none given is none."""
        s, y, x = lives(4, units=8, effect=0.0)

        tried, few = chosen(LINE, s, y, [part[:, :1] for part in x]), chosen(LINE, s[:7], y[:7], x[:7])
        assert (tried.places, tried.asked) == ((), 8)
        assert few == chosen(LINE, s, y, [part[:, :0] for part in x]) == path_columns.NO_COLUMNS

    def test_a_unit_counts_by_what_is_known_of_it(self) -> None:
        """Means over known readings, in standard deviations of the units, held at three; nothing known is the mean unit."""
        columns = standardised((0,), [np.array([[1.0], [np.nan]]), np.array([[3.0], [3.0]])])

        assert columns.of(np.array([[3.0], [np.nan]])) == pytest.approx([1.0])
        assert columns.of(np.array([[99.0]])) == pytest.approx([3.0])
        assert columns.of(np.array([[np.nan]])) == pytest.approx([0.0])


class TestCsv:
    def test_numbers_and_few_words_become_columns(self, tmp_path: Path) -> None:
        """Words count by indicators of all but the commonest; a column of many words is named as not used; absent is not known."""
        rows = [f"a,{t},{10 - t},{t if t else 'NA'},{'oak' if t % 3 else 'steel'},w{t}" for t in range(8)]
        (tmp_path / "h.csv").write_text("unit,t,score,heat,wood,remark\n" + "\n".join(rows) + "\n")
        given = read_history(tmp_path / "h.csv")
        (record,) = given.records

        assert given.names == ("heat", "wood=steel")
        assert np.isnan(record.columns[0, 0])
        assert list(record.columns[1:, 0]) == [1, 2, 3, 4, 5, 6, 7]
        assert list(record.columns[:, 1]) == [1, 0, 0, 1, 0, 0, 1, 0]
        assert any("remark not used" in note for note in given.notes)

    def test_says_what_is_used_and_what_is_not(self, tmp_path: Path) -> None:
        """Each column is named once, with its effect or with why it was left out."""
        s, y, x = lives(5)
        columns = standardised((0,), x, gain=0.3, asked=12)
        population = path_population.fit(forms(s, y)[0], s, y, [columns.of(part) for part in x])
        (tmp_path / "h.csv").write_text("unit,t,score,heat,wind\na,0,1,2,3\na,1,1,2,3\n")
        given = read_history(tmp_path / "h.csv")

        def told(used: Columns) -> list[str]:
            return columns_told(given, Degradation(((1.0, population),), -1.0, 1.0, 1.0, 0.0, 1.0, 12, used))

        used, left = told(columns)
        assert "heat" in used
        assert "pace +" in used
        assert "0.30" in used
        assert left.startswith("wind not used: tried on 12 units")
        assert "too few units" in told(Columns())[0]


class TestOrigins:
    def test_nothing_later_is_seen(self) -> None:
        """What a column says after the origin is not known then, of any unit; without columns there are none."""
        s, y, x = lives(6, units=3)
        records = [Record(f"u{k}", 10 * s[k], y[k], x[k]) for k in range(3)]
        (asked, *_) = origins(records, -0.5, "falls", (0.5,), of="record")

        assert [len(record.columns) for record in asked.known] == [len(record.t) for record in asked.known]
        assert all((record.t <= asked.at_t).all() for record in asked.known)
        assert all(record.columns.shape[1] == 0 for record in without_columns(asked).known)
