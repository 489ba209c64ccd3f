"""Is the comparison a fair one, and do table, files and plots say what was found? On small fleets of simulated machines."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from rfid3_maintenance.commands import app
from rfid3_maintenance.evaluation import contenders, cross_validation, km_peer, scores
from rfid3_maintenance.evaluation.contender import Contender, Question, Told
from rfid3_maintenance.evaluation.cross_validation import Race
from rfid3_maintenance.unit_history import landmarks, recipe, table


def fleet(units: int = 24) -> pl.DataFrame:
    """Machines with a strain that shortens their lives; some lost from sight, all seen from 0 on in steps of 6."""
    rng = np.random.default_rng(3)
    rows = []
    for unit in range(units):
        strain = rng.normal()
        life, sight = 40 * np.exp(-0.6 * strain) * rng.weibull(3), 60.0
        end = max(min(life, sight), 7.0)
        rows += [
            (unit, t, int(t == end and life <= sight), strain + 0.1 * rng.normal()) for t in [*np.arange(0, end, 6.0), end]
        ]
    return pl.DataFrame(rows, schema=["unit", "t", "event", "strain"], orient="row")


@pytest.fixture(scope="module")
def race() -> Race:
    """Ours, Kaplan–Meier and Cox on three folds."""
    history = table.build(fleet(), "fleet.csv")
    given = landmarks.build(history, recipe.learn(history), "course")
    return cross_validation.hold(given, "course", (7.0, 30.0), contenders.chosen("Kaplan–Meier,Cox", "course"), 3)


class TestRace:
    def test_nobody_is_judged_by_what_he_learned_from(self) -> None:
        """Every row is asked about once, by a fit that saw no row of its unit; all get the same rows."""
        seen: list[tuple[frozenset[int], frozenset[int]]] = []

        def spy(asked: Question) -> Told:
            seen.append((frozenset(asked.train.unit.tolist()), frozenset(asked.test.unit.tolist())))
            return Told(np.full((len(asked.test), len(asked.grid)), 0.5))

        history = table.build(fleet(), "fleet.csv")
        given = landmarks.build(history, recipe.learn(history), "course")

        race = cross_validation.hold(given, "course", (7.0,), [Contender("one", "peer", spy), Contender("two", "peer", spy)], 4)

        assert all(not train & test for train, test in seen)
        assert seen[:4] == seen[4:]
        assert np.isfinite(race.results[0].survival).all()

    def test_what_a_contender_stumbles_over_is_its_answer(self) -> None:
        """One that fails has seconds and a fault; the others are scored."""

        def broken(asked: Question) -> Told:
            raise ValueError("no bearings left")

        history = table.build(fleet(), "fleet.csv")
        given = landmarks.build(history, recipe.learn(history), "course")
        field = [Contender("broken", "peer", broken), km_peer.KAPLAN_MEIER]

        race = cross_validation.hold(given, "course", (7.0,), field, 3)
        found = scores.table(race)

        assert race.results[0].fault == "no bearings left"
        assert found.filter(pl.col("contender") == "broken")["measure"].to_list() == ["seconds"]
        assert scores.value(found, "Kaplan–Meier", "brier", 7.0) is not None

    def test_who_looks_at_the_strain_beats_who_looks_at_age_alone(self, race: Race) -> None:
        """Ours and Cox put moments into a better order than Kaplan–Meier, and score lower."""
        found = scores.table(race)

        for name in ("rfid3", "Cox"):
            assert (scores.value(found, name, "c_index") or 0) > (scores.value(found, "Kaplan–Meier", "c_index") or 1) + 0.05
        ours, age = (scores.value(found, name, "integrated_brier") or 1 for name in ("rfid3", "Kaplan–Meier"))
        assert ours < age

    def test_answers_are_curves(self, race: Race) -> None:
        """Survival lies in [0, 1] and never rises; intervals are in order."""
        for each in race.results:
            assert not each.fault
            assert (np.diff(each.survival, axis=1) <= 1e-12).all()
            assert ((each.survival >= 0) & (each.survival <= 1)).all()
            assert (each.rul[:, 0] <= each.rul[:, 1]).all()
            assert (each.rul[:, 1] <= each.rul[:, 2]).all()

    def test_cox_is_lifelines_where_nothing_changes_in_time(self) -> None:
        """One row a unit: our reading of CoxTimeVaryingFitter is CoxPHFitter's own survival function."""
        from lifelines import CoxPHFitter

        from rfid3_maintenance.evaluation import cox_peer

        rng = np.random.default_rng(9)
        x = rng.normal(0, 1, 80)
        life = 30 * np.exp(-0.8 * x) * rng.exponential(1, 80)
        rows = pl.DataFrame({"unit": range(80), "t": np.minimum(life, 50) + 0.01, "event": (life < 50).astype(int), "x": x})
        history = table.build(rows, "lives.csv")
        given = landmarks.build(history, recipe.learn(history), "lives")

        told = cox_peer.COX.answer(Question(given, given, "lives", (5.0, 20.0, 40.0), (5.0,), None))
        frame = rows.select("t", "event", "x").to_pandas()
        theirs = CoxPHFitter().fit(frame, "t", "event").predict_survival_function(frame, times=[5.0, 20.0, 40.0])

        assert np.abs(told.survival - theirs.to_numpy().T).max() < 0.02


def evaluate(folder: Path, *options: str, history: str = "fleet.csv") -> Result:
    """Run the command on a CSV of the folder."""
    fleet().write_csv(folder / "fleet.csv")
    return CliRunner().invoke(app, ["evaluate", "--history", str(folder / history), *options])


class TestEvaluate:
    def test_table_files_and_plots(self, tmp_path: Path) -> None:
        """Scores as CSV and JSON, three PNGs, a table and sentences that say what the numbers mean."""
        result = evaluate(
            tmp_path, "--folds", "3", "--horizons", "7,30", "--peers", "Kaplan–Meier", "--output", str(tmp_path / "o"), "--plot"
        )

        assert result.exit_code == 0, result.output
        assert {path.name for path in (tmp_path / "o").iterdir()} == {
            "scores.csv", "scores.json", "calibration.png", "survival.png", "remaining.png",
        }  # fmt: skip
        told = json.loads((tmp_path / "o" / "scores.json").read_text())
        assert len(told["scores"]) == len(pl.read_csv(tmp_path / "o" / "scores.csv"))
        for words in ("integrated Brier", "C-index", "lower is better", "inside the 80 % interval", "was told on average"):
            assert words in result.output

    def test_single_observations_are_judged_by_f1_too(self, tmp_path: Path) -> None:
        """Thresholds come from inside the training part; Cox has nothing to say and is left out."""
        rng = np.random.default_rng(1)
        heat = rng.normal(0, 1, 200)
        rows = pl.DataFrame({"unit": range(200), "event": (heat + rng.normal(0, 0.2, 200) > 1).astype(int), "heat": heat})
        rows.write_csv(tmp_path / "jobs.csv")

        result = evaluate(tmp_path, "--folds", "3", "--horizons", "1", "--peers", "Kaplan–Meier", "--json", history="jobs.csv")

        assert result.exit_code == 0, result.output
        told = json.loads(next(line for line in result.output.splitlines() if line.startswith("{")))
        f1 = {row["contender"]: row["value"] for row in told["scores"] if row["measure"] == "f1"}
        assert f1["rfid3"] > 0.6 > f1["Kaplan–Meier"]

    @pytest.mark.parametrize(
        ("options", "code", "said"),
        [
            (("--peers", "Coxx"), 2, "Did you mean Cox?"),
            (("--plot",), 2, "--plot needs --output"),
            (("--output", "no/such/folder"), 2, "There is no folder"),
            (("--horizons", "0"), 2, "greater than 0"),
            (("--reading", "single"), 2, "takes one row a unit"),
        ],
    )
    def test_bad_options_are_refused_before_any_work(
        self, tmp_path: Path, options: tuple[str, ...], code: int, said: str
    ) -> None:
        """In plain words, with what may be meant."""
        result = evaluate(tmp_path, *options)

        assert result.exit_code == code
        assert said in " ".join(result.output.split())

    def test_too_few_events_cannot_be_judged(self, tmp_path: Path) -> None:
        """Exit code 1, and how many there would have to be."""
        fleet(3).write_csv(tmp_path / "few.csv")

        result = evaluate(tmp_path, history="few.csv")

        assert result.exit_code == 1
        assert "5 are the least" in " ".join(result.output.split())
