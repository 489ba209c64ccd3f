"""`rfid3 quality project` and `evaluate` on CSVs of one's own: what comes out, and what is refused in plain words."""

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from rfid3_quality.commands import app


def falling(units: int = 3, points: int = 12, slope: float = 0.1) -> str:
    """A CSV of straight lives with a little ripple."""
    rows = [f"u{k},{t},{10 - slope * (1 + k / 10) * t + 0.01 * (-1) ** t:.4f}" for k in range(units) for t in range(points)]
    return "unit,t,score\n" + "\n".join(rows) + "\n"


def project(folder: Path, text: str, *options: str, threshold: float = 8.0) -> tuple[Result, Path]:
    """Run the command on a CSV with this text."""
    source, target = folder / "in.csv", folder / "out.csv"
    source.write_text(text)
    arguments = ["project", "--history", str(source), "--threshold", str(threshold), "--output", str(target), *options]
    return CliRunner().invoke(app, arguments), target


class TestProject:
    def test_writes_crossings_and_paths(self, tmp_path: Path) -> None:
        """One row a unit in the order of the file; the path starts at the last reading."""
        result, target = project(tmp_path, falling(), "--path", str(tmp_path / "path.csv"))
        found, path = pl.read_csv(target), pl.read_csv(tmp_path / "path.csv")

        assert result.exit_code == 0, result.output
        assert found.columns == ["unit", "t_cross_median", "t_cross_lower", "t_cross_upper"]
        assert found["unit"].to_list() == ["u0", "u1", "u2"]
        assert found["t_cross_median"].to_list() == pytest.approx([20, 18.2, 16.7], rel=0.1)
        assert (found["t_cross_lower"] <= found["t_cross_median"]).all()
        assert path.columns == ["unit", "t", "median", "lower", "upper"]
        assert path.filter(pl.col("unit") == "u0")["t"][0] == 11.0

    def test_dates_come_back_as_dates(self, tmp_path: Path) -> None:
        """What was written as a date is answered as one."""
        rows = [f"a,{date(2025, 1, 1) + timedelta(days=30 * k)},{10 - 0.3 * k}" for k in range(8)]
        result, target = project(tmp_path, "unit,t,score\n" + "\n".join(rows) + "\n", threshold=7.0)

        assert result.exit_code == 0, result.output
        assert abs(date.fromisoformat(pl.read_csv(target)["t_cross_median"][0]) - date(2025, 10, 28)) < timedelta(days=40)

    def test_says_what_it_noticed(self, tmp_path: Path) -> None:
        """Crossed units, further columns and rows without a score are named."""
        text = "unit,t,score,heat\n" + "".join(f"a,{t},{10 - t},1\nb,{t},{10 - 0.2 * t},\n" for t in range(8)) + "b,9,,1\n"
        result, target = project(tmp_path, text, threshold=7.5)

        assert result.exit_code == 0, result.output
        for said in ("crossed already", "heat not used", "1 rows have no score"):
            assert said in result.output
        assert pl.read_csv(target).row(0) == ("a", 3.0, 3.0, 3.0)

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("unit,t,scores\na,1,2\n", "Did you mean scores?"),
            ("unit,t,score\n", "no rows"),
            ("unit,t,score\na,1,good\n", "line 2, column score: 'good' is not a number"),
            ("unit,t,score\na,soon,1\na,2,1\n", "line 2, column t: 'soon'"),
            ("unit,t,score\n,1,1\n", "line 2, column unit: the field is empty"),
            ("unit,t,score\na,1,1\na,1,2\n", "two readings at one time"),
            ("unit,t,score\na,1,5\nb,1,5\n", "--direction"),
            ("unit,t,score\na,1,5\na,2,5\n", "--direction"),
        ],
    )
    def test_refuses_in_plain_words(self, tmp_path: Path, text: str, said: str) -> None:
        """Exit code 2, the fault with its place, and nothing written."""
        result, target = project(tmp_path, text)

        assert result.exit_code == 2
        assert said in " ".join(result.output.split())
        assert not target.exists()

    def test_one_reading_each_is_too_little(self, tmp_path: Path) -> None:
        """Even with the direction said."""
        result, _ = project(tmp_path, "unit,t,score\na,1,5\nb,1,6\n", "--direction", "falls", threshold=1.0)

        assert result.exit_code == 2
        assert "two readings" in result.output

    def test_help_teaches(self) -> None:
        """An example to copy."""
        assert "Example: rfid3 quality project" in " ".join(CliRunner().invoke(app, ["project", "--help"]).output.split())


class TestEvaluate:
    def test_holds_ours_against_lines(self, tmp_path: Path) -> None:
        """A row per contender with error and coverage; every crossing as a CSV; a picture."""
        source = tmp_path / "in.csv"
        source.write_text(falling(units=2, points=26))
        arguments = ["--history", str(source), "--threshold", "8", "--json", "--output", str(tmp_path / "each.csv")]
        result = CliRunner().invoke(app, ["evaluate", *arguments, "--plot", str(tmp_path / "p.png")])
        found = {row["contender"]: row for row in json.loads(result.stdout)["scores"]}

        assert result.exit_code == 0, result.output
        assert set(found) == {"rfid3", "linear", "exponential"}
        assert found["rfid3"]["mean_error_life_ratio"] < 0.1
        assert len(pl.read_csv(tmp_path / "each.csv")) == 6
        assert (tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")

    @pytest.mark.parametrize(
        ("options", "said"),
        [
            (("--shares", "2"), "between 0 and 1"),
            (("--of", "death"), "life or record"),
            (("--threshold", "20"), "nothing to foretell"),
        ],
    )
    def test_refuses_in_plain_words(self, tmp_path: Path, options: tuple[str, ...], said: str) -> None:
        """Exit code 2 and what to change."""
        source = tmp_path / "in.csv"
        source.write_text(falling())
        result = CliRunner().invoke(app, ["evaluate", "--history", str(source), "--threshold", "8", *options])

        assert result.exit_code == 2
        assert said in " ".join(result.output.split())
