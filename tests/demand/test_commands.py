"""`rfid3 demand forecast` on CSVs of one's own: what comes out, and what is refused with line and column."""

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from typer.testing import CliRunner, Result

from rfid3_demand.commands import app
from rfid3_demand.model import own_series
from rfid3_shared.series import parse_frequency


def forecast(folder: Path, text: str, *options: str, freq: str = "W-MON", horizon: int = 3) -> tuple[Result, Path]:
    """Run the command on a CSV with this text."""
    source, target = folder / "in.csv", folder / "out.csv"
    source.write_text(text)
    arguments = [
        "forecast",
        "--input",
        str(source),
        "--freq",
        freq,
        "--horizon",
        str(horizon),
        "--output",
        str(target),
        *options,
    ]
    return CliRunner().invoke(app, arguments), target


def weekly(series: str = "a", weeks: int = 30, start: date = date(2025, 1, 6), value: int | None = None) -> str:
    """CSV rows of one weekly series."""
    rows = [f"{series},{start + timedelta(weeks=k)},{(k * 7) % 5 if value is None else value}" for k in range(weeks)]
    return "\n".join(rows) + "\n"


HEADER = "unique_id,ds,y\n"


class TestForecast:
    def test_writes_means_and_quantiles_from_each_series_own_end(self, tmp_path: Path) -> None:
        """Columns as promised; a series that ended earlier is continued from its own last date."""
        text = HEADER + weekly("b", 30) + weekly("a", 20)
        result, target = forecast(tmp_path, text, "--quantiles", "0.1,0.5,0.9")
        assert result.exit_code == 0, result.output
        table = pl.read_csv(target)
        assert table.columns == ["unique_id", "ds", "mean", "q_0.1", "q_0.5", "q_0.9"]
        assert table["unique_id"].to_list() == ["a"] * 3 + ["b"] * 3
        assert table["ds"][0] == str(date(2025, 1, 6) + timedelta(weeks=20))
        assert table["ds"][3] == str(date(2025, 1, 6) + timedelta(weeks=30))

    def test_counts_get_whole_ordered_quantiles_at_the_default_levels(self, tmp_path: Path) -> None:
        """Eleven default levels; whole numbers, never negative, never crossing."""
        _, target = forecast(tmp_path, HEADER + weekly())
        table = pl.read_csv(target)
        levels = table.select(pl.col("^q_.*$"))
        assert levels.columns[0] == "q_0.025"
        assert levels.columns[-1] == "q_0.975"
        assert len(levels.columns) == 11
        assert all(kind == pl.Int64 for kind in levels.dtypes)
        assert (np.diff(levels.to_numpy(), axis=1) >= 0).all()
        assert (levels.to_numpy() >= 0).all()

    def test_tells_what_each_series_is_like(self, tmp_path: Path) -> None:
        """A shift from 20 to 8 in the 70th of 130 weeks, beside a steady series: printed in words, written with date and ratio."""
        noise = np.random.default_rng(6).integers(-2, 3, (2, 130))
        first = date(2023, 1, 2)
        rows = "".join(
            f"{name},{first + timedelta(weeks=k)},{(8 if name == 'b' and k >= 69 else 20) + noise[at, k]}\n"
            for at, name in enumerate("ab") for k in range(130)
        )  # fmt: skip
        found = tmp_path / "found.csv"
        result, _ = forecast(tmp_path, HEADER + rows, "--diagnosis", str(found), "--budget", "0.1")
        assert result.exit_code == 0, result.output
        table = pl.read_csv(found, schema_overrides={"trend_per_step": pl.Float64, "shift_ratio": pl.Float64})
        assert table["unique_id"].to_list() == ["a", "b"]
        assert table["kind"].to_list() == ["smooth", "smooth"]
        assert table["last_shift"].to_list() == [None, str(first + timedelta(weeks=69))]
        assert table["shift_ratio"][1] == pytest.approx(0.4, abs=0.03)
        assert f"b: {table['text'][1]}" in result.output
        assert "a: Smooth demand; no season that stands out from chance." in result.output

    def test_negative_values_stay_possible(self, tmp_path: Path) -> None:
        """Real-valued series around -5 are forecast around -5."""
        rows = "".join(f"a,{k},{-5 + 0.1 * (k % 3)}\n" for k in range(40))
        _, target = forecast(tmp_path, HEADER + rows, freq="D")
        table = pl.read_csv(target)
        assert table["mean"].to_numpy() == pytest.approx(-4.9, abs=0.3)
        assert table["ds"].to_list() == [40, 41, 42]

    @pytest.mark.parametrize("value", [0, 7])
    def test_one_observation_constants_and_zeros_are_answered(self, tmp_path: Path, value: int) -> None:
        """A constant is continued; a single observation is repeated."""
        text = HEADER + weekly("constant", 30, value=value) + weekly("single", 1, value=value)
        result, target = forecast(tmp_path, text)
        assert result.exit_code == 0, result.output
        assert pl.read_csv(target)["mean"].to_numpy() == pytest.approx(value, abs=0.35)

    def test_a_regressor_known_ahead_moves_the_forecast(self, tmp_path: Path) -> None:
        """With --future, steps on which the regressor is on are forecast higher, as they were in the past."""
        first = date(2024, 1, 1)
        on = [int(k % 5 == 0 or k % 7 == 3) for k in range(150)]
        noise = np.random.default_rng(0).normal(0, 1, 150)
        rows = "".join(f"a,{first + timedelta(days=k)},{20 + 30 * on[k] + noise[k]:.2f},{on[k]}\n" for k in range(140))
        ahead = tmp_path / "ahead.csv"
        ahead.write_text("unique_id,ds,promo\n" + "".join(f"a,{first + timedelta(days=k)},{on[k]}\n" for k in range(140, 150)))
        _, target = forecast(tmp_path, "unique_id,ds,y,promo\n" + rows, "--future", str(ahead), freq="D", horizon=10)
        mean = pl.read_csv(target)["mean"].to_numpy()
        lit = np.array(on[140:], dtype=bool)
        assert mean[lit].min() > mean[~lit].max()

    def test_says_when_regressors_are_used_as_lags_only(self, tmp_path: Path) -> None:
        """Without --future the regressor is named in a note."""
        rows = "\n".join(f"{line},{k % 4}" for k, line in enumerate(weekly().splitlines()))
        result, _ = forecast(tmp_path, "unique_id,ds,y,temperature\n" + rows + "\n")
        assert result.exit_code == 0
        assert "temperature" in result.output

    def test_gaps_are_filled_and_said(self, tmp_path: Path) -> None:
        """A missing week of a count is a week without demand, and the note counts it."""
        lines = weekly().splitlines()
        del lines[10]
        result, _ = forecast(tmp_path, HEADER + "\n".join(lines) + "\n")
        assert result.exit_code == 0
        assert "1 dates are missing" in result.output

    @pytest.mark.parametrize(
        ("text", "options", "said"),
        [
            ("", (), "is empty"),
            (HEADER, (), "no rows"),
            ("unique_id,ds\na,2025-01-06\n", (), "column y is missing"),
            (HEADER + "a,2025-01-06,1\na,2025-01-13,many\n", (), "line 3, column y"),
            (HEADER + "a,2025-01-06,1\na,13.1.2025,2\n", (), "line 3, column ds"),
            (HEADER + "a,2025-01-06,1\n,2025-01-13,2\n", (), "line 3, column unique_id"),
            (HEADER + "a,2025-01-06,1\na,2025-01-13,2,3\n", (), "line 3"),
            (HEADER + "a,2025-01-06,1\na,2025-01-06,2\n", (), "two rows"),
            (HEADER + weekly(), ("--quantiles", "0.1,high"), "--quantiles"),
            (HEADER + weekly(), ("--quantiles", "0,0.5"), "between 0 and 1"),
            (HEADER + weekly(), ("--fill-gaps", "guess"), "--fill-gaps"),
            (HEADER + weekly(), ("--future", "nowhere.csv"), "no file"),
        ],
    )  # fmt: skip
    def test_bad_input_is_refused_plainly(self, tmp_path: Path, text: str, options: tuple[str, ...], said: str) -> None:
        """Exit code 2, the place of the fault, and nothing written."""
        result, target = forecast(tmp_path, text, *options)
        assert result.exit_code == 2
        assert said in result.output.replace("\n", " ")
        assert not target.exists()

    def test_an_unknown_frequency_is_refused(self, tmp_path: Path) -> None:
        """Frequencies are statsforecast's."""
        result, _ = forecast(tmp_path, HEADER + weekly(), freq="fortnight")
        assert result.exit_code == 2

    def test_missing_future_values_are_named(self, tmp_path: Path) -> None:
        """A future file that stops short for every series: the regressor is used for the past only, and a note names it."""
        rows = "\n".join(f"{line},{k % 4}" for k, line in enumerate(weekly().splitlines()))
        ahead = tmp_path / "ahead.csv"
        ahead.write_text("unique_id,ds,promo\na,2025-08-04,1\n")
        result, _ = forecast(tmp_path, "unique_id,ds,y,promo\n" + rows + "\n", "--future", str(ahead))
        assert result.exit_code == 0, result.output
        assert "promo lacks future values" in result.output.replace("\n", " ")

    def test_help_shows_an_example(self) -> None:
        """The help teaches by a command that can be copied."""
        result = CliRunner().invoke(app, ["forecast", "--help"])
        assert "rfid3 demand forecast --input" in " ".join(result.output.split())


class TestNextStamps:
    @pytest.mark.parametrize("freq", ["h", "D", "W", "W-MON", "W-FRI", "MS", "QS", "YS"])
    @pytest.mark.parametrize(
        "last", [datetime(2024, 1, 1), datetime(2024, 2, 29), datetime(2025, 12, 31), datetime(2023, 6, 5)]
    )
    def test_continues_as_pandas_does(self, freq: str, last: datetime) -> None:
        """The dates equal those that statsforecast takes from pandas, on and off the anchor."""
        pandas = pytest.importorskip("pandas")
        expected = [last + k * pandas.tseries.frequencies.to_offset(freq) for k in range(1, 6)]
        assert own_series.next_stamps(last, parse_frequency(freq), 5) == [stamp.to_pydatetime() for stamp in expected]
