"""`rfid3 maintenance predict` on machines of one's own: what comes out, what it rests on, and what is refused in plain words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from rfid3_maintenance.commands import app

RUNNER = CliRunner()


def fleet(units: int = 40, seed: int = 1) -> pl.DataFrame:
    """Machines whose wear runs up to failure at 10; seen late, every third day or so, some lost from sight."""
    rng = np.random.default_rng(seed)
    rows = []
    for unit in range(units):
        life, begun, sight = 20 + 60 * rng.random(), 10 * rng.random(), 30 + 80 * rng.random()
        end = begun + min(life, sight)
        for t in [*np.arange(begun, end, 3.0)[:-1], end]:
            wear = 10 * (t - begun) / life + rng.normal(0, 0.3)
            rows.append(
                (f"m{unit}", round(t, 2), int(t == end and life <= sight), round(wear, 3), rng.normal(), "AB"[unit % 2])
            )
    return pl.DataFrame(rows, schema=["unit", "t", "event", "wear", "noise", "maker"], orient="row")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a history and machines asked about: parts of other machines' lives, the last of one row only."""
    place = tmp_path_factory.mktemp("machines")
    fleet().write_csv(place / "h.csv")
    other = fleet(12, seed=2).with_columns(pl.format("n{}", "unit").alias("unit"))
    some = other.filter(pl.int_range(pl.len()).over("unit") < 6 + pl.col("unit").str.slice(2).cast(int)).drop("event")
    snapshot = some.filter(pl.col("unit") == "nm11").tail(1).with_columns(unit=pl.lit("lone"))
    pl.concat([some, snapshot]).write_csv(place / "c.csv")
    return place


def predict(folder: Path, *options: str, history: str = "h.csv", current: str = "c.csv", output: str = "o.csv") -> Result:
    """Run the command in the folder."""
    paths = ["--history", str(folder / history), "--current", str(folder / current), "--output", str(folder / output)]
    return RUNNER.invoke(app, ["predict", *paths, *options])


@pytest.fixture(scope="module")
def answered(folder: Path) -> tuple[Result, pl.DataFrame]:
    """One run, and what it wrote."""
    result = predict(folder)
    assert result.exit_code == 0, result.output
    return result, pl.read_csv(folder / "o.csv")


class TestPredict:
    def test_one_line_a_unit_with_the_columns_promised(self, answered: tuple[Result, pl.DataFrame]) -> None:
        """unit, a chance for each horizon, remaining time, alert; in the order of the machines asked about."""
        _, table = answered

        assert table.columns == ["unit", "p_7", "p_30", "p_90", "rul_median", "rul_lower", "rul_upper", "alert"]
        assert table["unit"].to_list() == [*(f"nm{k}" for k in range(12)), "lone"]

    def test_chances_never_fall_and_the_interval_is_in_order(self, answered: tuple[Result, pl.DataFrame]) -> None:
        """p_7 ≤ p_30 ≤ p_90 within [0, 1]; rul_lower ≤ rul_median ≤ rul_upper."""
        _, table = answered

        assert table.select(((pl.col("p_7") >= 0) & (pl.col("p_7") <= pl.col("p_30"))).all()).item()
        assert table.select(((pl.col("p_30") <= pl.col("p_90")) & (pl.col("p_90") <= 1)).all()).item()
        in_order = (pl.col("rul_lower") <= pl.col("rul_median")) & (pl.col("rul_median") <= pl.col("rul_upper"))
        assert table.select(in_order.all()).item()

    def test_worn_machines_are_told_apart_from_fresh_ones(self, folder: Path, answered: tuple[Result, pl.DataFrame]) -> None:
        """The chance within 30 days follows the wear, which is what these machines fail of."""
        wear = pl.read_csv(folder / "c.csv").group_by("unit", maintain_order=True).last()["wear"]
        _, table = answered

        assert np.corrcoef(wear.rank(), table["p_30"].rank())[0, 1] > 0.7

    def test_the_summary_says_what_it_rests_on(self, answered: tuple[Result, pl.DataFrame]) -> None:
        """Form, events, units, the threshold and how it was chosen; a machine without a past is named in a note."""
        result, _ = answered

        for words in ("events of 40 units", "Form: ", "Alert from a chance of", "best F1", "that the fit had not seen"):
            assert words in result.output
        assert "of 1 units nothing but the present is told" in result.output

    def test_the_threshold_is_the_historys_alone(self, folder: Path, answered: tuple[Result, pl.DataFrame]) -> None:
        """Shuffling and cutting the machines asked about changes neither threshold nor anybody's chances."""
        result, table = answered
        pl.read_csv(folder / "c.csv").filter(pl.col("unit") != "nm3").reverse().write_csv(folder / "c2.csv")

        again = predict(folder, current="c2.csv", output="o2.csv")

        def threshold(said: str) -> list[str]:
            return [line for line in said.splitlines() if line.startswith("Alert from")]

        assert threshold(again.output) == threshold(result.output)
        other = pl.read_csv(folder / "o2.csv").sort("unit")
        assert other.equals(table.filter(pl.col("unit") != "nm3").sort("unit"))

    def test_costs_move_the_threshold(self, folder: Path) -> None:
        """A dear miss: more alerts, and the rule is said."""
        result = predict(folder, "--miss-cost", "100", "--alarm-cost", "1", output="o3.csv")

        assert result.exit_code == 0, result.output
        assert "least cost with a miss at 100" in result.output
        assert pl.read_csv(folder / "o3.csv")["alert"].sum() >= pl.read_csv(folder / "o.csv")["alert"].sum()

    def test_single_observations_are_classified(self, folder: Path) -> None:
        """One row a unit without time: the chance is the event's, there is no remaining time, and p follows the cause."""
        rng = np.random.default_rng(5)
        heat = rng.normal(0, 1, 400)
        event = (heat + rng.normal(0, 0.3, 400) > 1.3).astype(int)
        rows = pl.DataFrame({"unit": range(400), "event": event, "heat": heat, "type": rng.choice(["L", "M"], 400)})
        rows.head(300).write_csv(folder / "sh.csv")
        rows.tail(100).drop("event").write_csv(folder / "sc.csv")

        result = predict(folder, "--horizons", "1", history="sh.csv", current="sc.csv", output="so.csv")

        assert result.exit_code == 0, result.output
        table = pl.read_csv(folder / "so.csv")
        assert table["rul_median"].null_count() == 100
        right = (table["alert"].to_numpy() == 1) & (event[300:] == 1)
        assert 2 * right.sum() / (table["alert"].sum() + event[300:].sum()) > 0.6

    def test_whole_lives_are_read_as_such_and_said(self, folder: Path) -> None:
        """One row a unit, t its length: a machine that is older is asked from its age."""
        rng = np.random.default_rng(6)
        life = 50 * rng.weibull(3, 200)
        rows = pl.DataFrame(
            {"unit": range(200), "t": np.minimum(life, 60), "event": (life < 60).astype(int), "x": rng.normal(size=200)}
        )
        rows.write_csv(folder / "lh.csv")
        pl.DataFrame({"unit": ["young", "old"], "t": [0, 50], "x": [0.0, 0.0]}).write_csv(folder / "lc.csv")

        result = predict(folder, history="lh.csv", current="lc.csv", output="lo.csv")

        assert "t is read as how long each lasted" in result.output
        table = pl.read_csv(folder / "lo.csv")
        truth = 1 - np.exp(-((30 / 50) ** 3))
        assert table["p_30"][0] == pytest.approx(truth, abs=0.1)
        assert table["p_7"][1] > 3 * table["p_7"][0]

    def test_a_history_without_events_says_so_and_tells_no_alert(self, folder: Path) -> None:
        """The time under sight alone bounds the chance; the same for all; alerts are left open."""
        fleet(10).with_columns(event=pl.lit(0)).write_csv(folder / "none.csv")

        result = predict(folder, history="none.csv", output="none_o.csv")

        assert result.exit_code == 0, result.output
        assert "no event was seen" in result.output
        table = pl.read_csv(folder / "none_o.csv")
        assert table["alert"].null_count() == len(table)
        assert table["p_7"].n_unique() == 1

    @pytest.mark.parametrize(
        ("change", "options", "said"),
        [
            ({"history": "nowhere.csv"}, (), "There is no file"),
            ({"history": "empty.csv"}, (), "is empty"),
            ({"history": "head.csv"}, (), "no rows below its header"),
            ({"history": "named.csv"}, (), "is 'failure' meant for 'event'?"),
            ({"current": "short.csv"}, (), "is 'waer' meant for 'wear'?"),
            ({"current": "words.csv"}, (), "column wear: the history has numbers there, this table words"),
            ({}, ("--horizons", "7,-3"), "greater than 0"),
            ({}, ("--horizons", "soon"), "numbers separated by commas"),
            ({}, ("--miss-cost", "5"), "given together"),
            ({}, ("--reading", "lives"), "takes one row a unit"),
            ({"output": "no/where.csv"}, (), "There is no folder"),
        ],
    )  # fmt: skip
    def test_bad_input_is_refused_plainly(
        self, folder: Path, change: dict[str, str], options: tuple[str, ...], said: str
    ) -> None:
        """Exit code 2, the fault in words with what may be meant, and nothing written."""
        (folder / "empty.csv").write_text("")
        (folder / "head.csv").write_text("unit,t,event\n")
        (folder / "named.csv").write_text("unit,t,failure\na,1,0\n")
        (folder / "short.csv").write_text("unit,t,waer,noise,maker\na,1,0,0,A\n")
        (folder / "words.csv").write_text("unit,t,wear,noise,maker\na,1,much,0,A\n")

        result = predict(folder, *options, **{"output": "refused.csv", **change})

        assert result.exit_code == 2, result.output
        assert said in " ".join(result.output.replace("│", " ").split())
        assert not (folder / "refused.csv").exists()

    def test_units_seen_once_only_are_not_enough(self, folder: Path) -> None:
        """A course without anything after any row: exit code 1 and what is missing."""
        (folder / "once.csv").write_text("unit,t,event,wear\na,1,0,2\nb,2,0,3\n")
        (folder / "onec.csv").write_text("unit,t,wear\na,3,2\n")

        result = predict(folder, "--reading", "course", history="once.csv", current="onec.csv", output="refused.csv")

        assert result.exit_code == 1
        assert "no unit is seen at two moments" in result.output


class TestHelp:
    def test_help_teaches_with_an_example(self) -> None:
        """The columns are explained and a whole command line is there to copy."""
        said = " ".join(RUNNER.invoke(app, ["predict", "--help"]).output.split())

        assert "Example: rfid3 maintenance predict --history" in said
