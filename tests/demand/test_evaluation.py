"""Rolling origins, contenders and scores, each against an independent route; and `rfid3 demand evaluate` from end to end."""

import json
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.tsa.seasonal import seasonal_decompose
from typer.testing import CliRunner, Result

from rfid3_demand.commands import app
from rfid3_demand.evaluation import chart, contenders, race, rolling, said, scores
from rfid3_demand.evaluation.naive_two import is_seasonal, naive_two, seasonal_indices
from rfid3_demand.evaluation.references import REFERENCES
from rfid3_shared import evaluate
from rfid3_shared.errors import AppError, InsufficientData, InvalidParameters
from rfid3_shared.series import parse_frequency

MONTHLY, DAILY = parse_frequency("MS"), parse_frequency("D")


def long(series: dict[str, list[float]], start: int = 0) -> pl.DataFrame:
    """A long frame with whole numbers as time stamps, every series from `start`."""
    rows = [(name, start + k, float(v)) for name, values in series.items() for k, v in enumerate(values)]
    return pl.DataFrame(rows, schema=["unique_id", "ds", "y"], orient="row")


def plan(horizon: int = 3, windows: int = 2, step: int = 3, season: int = 1, **more: object) -> rolling.Plan:
    """A plan with small defaults."""
    return rolling.Plan(horizon, windows, step, season, **more)  # type: ignore[arg-type]


def result_of(name: str, windows: list[rolling.Window], season: int = 1) -> race.Result:
    """What a yardstick says, without a process."""
    found = race._empty(name, "reference", windows)
    contender = next(one for one in REFERENCES if one.name == name)
    for answer in contender.answer(windows, said.Share(0, 1, season)):
        race._note(found, answer)
    return found


class TestWindows:
    def test_every_panel_ends_at_its_origin_and_the_truth_follows(self) -> None:
        """Two origins of three steps, three apart: cuts 6 and 3 steps before each series' own end."""
        early, late = rolling.windows(long({"a": list(range(20)), "b": list(range(5, 20))}), DAILY, plan())

        assert (early.back, late.back) == (6, 3)
        assert early.panel.y[0, -1] == 13
        assert early.truth.tolist() == [[14, 15, 16], [14, 15, 16]]
        assert late.truth.tolist() == [[17, 18, 19], [17, 18, 19]]

    @given(st.lists(st.floats(-50, 50), min_size=3, max_size=3))
    def test_nothing_after_the_origin_reaches_a_panel(self, future: list[float]) -> None:
        """The last horizon may be anything: the panel stays the same."""
        past = [1.5, 2.5, 4.5, 3.0] * 4
        (known,) = rolling.windows(long({"a": past + [0.5] * 3}), DAILY, plan(windows=1))
        (other,) = rolling.windows(long({"a": past + [value + 0.25 for value in future]}), DAILY, plan(windows=1))

        np.testing.assert_array_equal(known.panel.y, other.panel.y)
        assert known.panel.dates == other.panel.dates

    def test_series_are_cut_before_their_own_end(self) -> None:
        """A series that ended earlier is tested on its own last steps."""
        frame = pl.concat([long({"a": list(range(20))}), long({"b": list(range(20))}, start=-7)])

        (window,) = rolling.windows(frame, DAILY, plan(windows=1))

        assert window.truth.tolist() == [[17, 18, 19], [17, 18, 19]]

    def test_a_series_that_had_not_begun_is_left_out_of_that_window(self) -> None:
        """Four observations are all within the earlier window's horizon and behind it."""
        early, late = rolling.windows(long({"a": list(range(20)), "b": [1, 2, 3, 4]}, 0), DAILY, plan())

        assert early.panel.ids == ("a",)
        assert late.panel.ids == ("a", "b")

    def test_missing_rows_of_counts_are_zeros_on_both_sides(self) -> None:
        """No row means nothing left: the past still ends at the origin, and the outcome is 0."""
        frame = long({"a": [4] * 20}).filter(~pl.col("ds").is_in([15, 16, 18]))

        (window,) = rolling.windows(frame, DAILY, plan(windows=1))

        assert window.panel.y[0, -2:].tolist() == [0, 0]
        assert window.truth.tolist() == [[4, 0, 4]]

    def test_missing_outcomes_of_sizes_are_not_scored(self) -> None:
        """A hole in something measured is unknown, not zero; before the origin the last value is carried on."""
        frame = long({"a": [4.5] * 15 + [5.5] * 5}).filter(~pl.col("ds").is_in([16, 18]))

        (window,) = rolling.windows(frame, DAILY, plan(windows=1))

        assert window.panel.y[0, -2:].tolist() == [5.5, 5.5]
        assert np.isnan(window.truth[0]).tolist() == [False, True, False]

    def test_only_regressors_said_to_be_known_reach_the_future(self) -> None:
        """Known: past and horizon; unknown: the past alone."""
        frame = long({"a": list(range(20))}).with_columns(x=pl.col("ds") * 1.0, z=pl.col("ds") * 2.0)

        (window,) = rolling.windows(frame, DAILY, plan(windows=1, known=("x",)))

        assert window.panel.known["x"].shape == (1, 20)
        assert window.panel.past["z"].shape == (1, 17)
        assert window.panel.past["z"].max() == 32

    @pytest.mark.parametrize(
        ("frame", "cut", "words"),
        [
            (long({"a": [1, 2, 3]}), {}, "longest series has 3 observations"),
            (long({"a": [1]}), {}, "has 1 observation;"),
            (long({"a": list(range(30))}), {"horizon": 60}, "a horizon of at most 22 fits"),
            (long({"a": list(range(30))}), {"windows": 20}, "at most 7 windows fit"),
            (pl.concat([long({"a": list(range(30))})] * 2), {}, "two rows"),
            (long({"a": list(range(30))}), {"known": ("rain",)}, "no regressor 'rain'"),
            (long({"a": list(range(30))}).with_columns(x=pl.when(pl.col("ds") < 29).then(1.0)), {"known": ("x",)}, "is missing inside"),
        ],
    )  # fmt: skip
    def test_refuses_what_cannot_be_cut(self, frame: pl.DataFrame, cut: dict[str, object], words: str) -> None:
        """The message says what was found, what is needed, and what would fit."""
        with pytest.raises((InsufficientData, InvalidParameters)) as refused:
            rolling.windows(frame, DAILY, plan(**cut))  # type: ignore[arg-type]

        assert words in refused.value.message

    def test_an_even_pick_of_series(self) -> None:
        """First, last, and evenly between."""
        picked = rolling.pick(long({f"s{k}": [1, 2] for k in range(9)}), 3)

        assert picked["unique_id"].unique().sort().to_list() == ["s0", "s4", "s8"]


class TestSpread:
    @given(st.integers(1, 400))
    def test_is_an_order_of_everything(self, count: int) -> None:
        """Every index once."""
        assert sorted(said.spread(count)) == list(range(count))

    def test_every_beginning_is_an_even_pick(self) -> None:
        """Of a hundred, the first eight lie in eight different eighths of 128."""
        assert len({k // 16 for k in said.spread(128)[:8]}) == 8


class TestNaiveTwo:
    def test_indices_equal_a_classical_decomposition(self) -> None:
        """statsmodels' multiplicative decomposition, its indices scaled to average 1 as R's decompose does."""
        rng = np.random.default_rng(5)
        for season in (4, 7, 12):
            y = (50 + np.arange(season * 6)) * (1 + 0.4 * np.sin(np.arange(season * 6) * 2 * np.pi / season))
            y = y * rng.uniform(0.95, 1.05, len(y))
            expected = seasonal_decompose(y, "multiplicative", period=season).seasonal[:season]
            np.testing.assert_allclose(seasonal_indices(y, season), expected / expected.mean(), rtol=1e-9)

    def test_continues_a_pure_season(self) -> None:
        """Indices 0.5 and 1.5 around 10: 5, 15, 5, … goes on."""
        assert naive_two(np.array([5.0, 15.0] * 10), 3, 2) == pytest.approx([5.0, 15.0, 5.0])

    def test_is_the_last_value_without_a_season(self) -> None:
        """Noise, a short history, zeros and constants: nothing to adjust."""
        noise = np.random.default_rng(0).uniform(1, 2, 60)
        for history in (noise, np.array([1.0, 9.0, 1.0]), np.zeros(40), np.full(40, 3.0)):
            assert naive_two(history, 2, 12).tolist() == [history[-1]] * 2

    def test_the_limit_is_that_of_the_competition(self) -> None:
        """1.645 standard errors of the autocorrelation at the seasonal lag, summed by plain loops."""
        for seed in range(30):
            rng = np.random.default_rng(seed)
            y = rng.normal(10, 1, 48) + 0.6 * np.sin(np.arange(48) * 2 * np.pi / 12)
            mean = sum(y) / 48
            power = sum((v - mean) ** 2 for v in y)
            r = [sum((y[k] - mean) * (y[k - lag] - mean) for k in range(lag, 48)) / power for lag in range(1, 13)]
            limit = 1.645 / 48**0.5 * (1 + 2 * sum(v * v for v in r[:11])) ** 0.5
            assert is_seasonal(y, 12) == (abs(r[11]) > limit)


class TestTable:
    def test_all_zero_on_sparse_demand(self) -> None:
        """Quantile loss 1 exactly; MASE equals mean |y| over the in-sample scale, series by series."""
        rng = np.random.default_rng(2)
        series = {f"s{k}": (rng.poisson(2, 40) * (rng.random(40) < 0.3)).tolist() for k in range(6)}
        windows = rolling.windows(long(series), MONTHLY, plan(horizon=6, windows=2, step=4, season=3))

        table = scores.table(windows, [result_of("AllZero", windows)], 3)

        row = table.row(0, named=True)
        ratios = [
            np.abs(values[cut : cut + 6]).mean() / np.abs(np.array(values[3:cut]) - values[: cut - 3]).mean()
            for values in series.values() for cut in (30, 34)
        ]  # fmt: skip
        assert row["wql"] == pytest.approx(1.0, abs=1e-12)
        assert row["mase"] == pytest.approx(np.mean(ratios))

    def test_naive_two_has_an_owa_of_one(self) -> None:
        """It is its own yardstick, in every window."""
        windows = rolling.windows(long({"a": [3.5, 8.5, 4.5, 9.0] * 8}), MONTHLY, plan(season=4))

        table = scores.table(windows, [result_of("Naive", windows, 4), result_of("Naive2", windows, 4)], 4)

        naive_rows = table.filter(pl.col("contender") == "Naive2")
        assert naive_rows["owa"].drop_nulls().to_list() == pytest.approx([1.0] * naive_rows["owa"].drop_nulls().len())

    def test_ours_is_compared_on_the_series_the_other_answered(self) -> None:
        """A peer that answered one of two series is held against ours on that one."""
        windows = rolling.windows(long({"a": [1.5, 2.0] * 10, "b": [7.5, 30.0] * 10}), DAILY, plan(windows=1))
        ours, peer = result_of("Naive", windows), result_of("AllZero", windows)
        ours.name, ours.role = "rfid3", "ours"
        peer.mean[0][1] = np.nan

        table = scores.table(windows, [ours, peer], 1)

        row = table.filter((pl.col("contender") == "AllZero") & (pl.col("kind") == "all") & (pl.col("window") == "all")).row(
            0, named=True
        )
        expected = evaluate.mase(windows[0].truth[:1], ours.mean[0][:1], windows[0].panel.y[:1], 1)
        assert (row["answered"], row["of"]) == (1, 2)
        assert row["rfid3_mase"] == pytest.approx(expected)

    def test_the_other_is_compared_on_the_series_ours_answered(self) -> None:
        """When our own time ran out, theirs counts on the same series as ours."""
        windows = rolling.windows(long({"a": [1.5, 2.0] * 10, "b": [7.5, 30.0] * 10}), DAILY, plan(windows=1))
        ours, peer = result_of("Naive", windows), result_of("AllZero", windows)
        ours.name, ours.role = "rfid3", "ours"
        ours.mean[0][0] = np.nan

        table = scores.table(windows, [ours, peer], 1)

        row = table.filter((pl.col("contender") == "AllZero") & (pl.col("kind") == "all") & (pl.col("window") == "all")).row(
            0, named=True
        )
        expected = evaluate.mase(windows[0].truth[1:], peer.mean[0][1:], windows[0].panel.y[1:], 1)
        assert row["common_mase"] == pytest.approx(expected)
        assert row["mase"] != pytest.approx(expected)

    def test_coverage_and_quantile_loss_of_given_quantiles(self) -> None:
        """Nine deciles and two ends, by plain loops."""
        windows = rolling.windows(long({"a": [float(k % 7) + 0.5 for k in range(40)]}), DAILY, plan(windows=2))
        found = race._empty("x", "peer", windows)
        rng = np.random.default_rng(1)
        for mean, quantiles in zip(found.mean, found.quantiles, strict=True):
            quantiles[:] = np.sort(rng.uniform(0, 7, quantiles.shape), axis=2)
            mean[:] = quantiles[..., 5]

        row = scores.table(windows, [found], 1).row(0, named=True)

        pairs = [(w.truth[0, h], q[0, h]) for w, q in zip(windows, found.quantiles, strict=True) for h in range(3)]
        volume = sum(abs(y) for y, _ in pairs)
        losses = []
        for k, level in enumerate([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9], start=1):
            losses.append(sum(2 * max(level * (y - q[k]), (level - 1) * (y - q[k])) for y, q in pairs) / volume)
        assert row["wql"] == pytest.approx(sum(losses) / 9)
        assert row["coverage_80"] == pytest.approx(sum(q[1] <= y <= q[9] for y, q in pairs) / 6)
        assert row["coverage_95"] == pytest.approx(sum(q[0] <= y <= q[10] for y, q in pairs) / 6)

    def test_a_history_that_never_changes_has_no_mase(self) -> None:
        """Null, not a number; the quantile loss is still there."""
        windows = rolling.windows(long({"a": [3.0] * 30}), DAILY, plan())

        row = scores.table(windows, [result_of("Naive", windows)], 1).row(0, named=True)

        assert row["mase"] is None
        assert row["wql"] == 0


def alone(peer: str) -> list[said.Contender]:
    """A peer in one process: what each process imports takes longer than what these tests ask of it."""
    return [replace(contenders.chosen(peer, False)[1], processes=1)]


class TestHold:
    def test_a_peer_says_what_its_library_says(self) -> None:
        """SeasonalNaive's median is the value one season ago; its quantiles are ordered; every series is answered."""
        windows = rolling.windows(long({"a": [3, 8, 4, 9] * 6, "b": [2, 1, 5, 5] * 6}), DAILY, plan(horizon=4, windows=1))

        (result,) = race.hold(windows, alone("seasonalnaive"), 4, 120)

        assert result.mean[0].tolist() == [[3, 8, 4, 9], [2, 1, 5, 5]]
        assert (np.diff(result.quantiles[0], axis=2) >= 0).all()

    def test_who_is_too_slow_is_stopped_and_what_it_said_is_kept(self) -> None:
        """200 series × AutoARIMA do not fit into half a second: some are not answered, and it is said."""
        wave = {f"s{k}": [50 + 9.5 * ((k + t) % 12) + (t * t % 7) for t in range(120)] for k in range(200)}
        windows = rolling.windows(long(wave), MONTHLY, plan(horizon=6, windows=1))

        (result,) = race.hold(windows, alone("AutoARIMA"), 12, 0.5)

        assert result.stopped
        assert np.isnan(result.mean[0]).all(axis=1).any()

    def test_what_a_peer_stumbles_over_is_its_own_loss(self) -> None:
        """AutoTheta refuses tiny series: that one is a fault, the other is answered."""
        windows = rolling.windows(long({"long": [3.0, 8, 4, 9] * 6, "tiny": [1.0, 2, 3, 4, 5]}), DAILY, plan(windows=1))

        (result,) = race.hold(windows, alone("AutoTheta"), 1, 120)

        assert np.isfinite(result.mean[0]).all(axis=1).tolist() == [True, False]
        assert len(result.faults) == 1


class TestChosen:
    def test_suggests_the_peer_that_was_meant(self) -> None:
        """A slip of the finger is named, with all that there are."""
        with pytest.raises(AppError, match="Did you mean AutoARIMA") as refused:
            contenders.chosen("autoarma", False)

        assert "CrostonOptimized" in refused.value.message

    def test_none_leaves_ours_and_the_yardsticks(self) -> None:
        """No peer is started."""
        assert [one.name for one in contenders.chosen("none", False)] == ["rfid3", "AllZero", "Naive", "Naive2"]


HEADER = "unique_id,ds,y\n"


def daily(name: str, values: list[int]) -> str:
    """CSV rows of a daily series."""
    return "".join(f"{name},{date(2025, 1, 6) + timedelta(days=k)},{value}\n" for k, value in enumerate(values))


def run(folder: Path, text: str, *options: str, horizon: int = 7) -> Result:
    """The command on a CSV with this text."""
    source = folder / "in.csv"
    source.write_text(text)
    return CliRunner().invoke(app, ["evaluate", "--input", str(source), "--freq", "D", "--horizon", str(horizon), *options])


class TestCommand:
    def test_prints_a_table_and_a_chart_and_writes_both_files(self, tmp_path: Path) -> None:
        """Ours, a member, a peer and the yardsticks; a real PNG; scores per window."""
        text = HEADER + daily("a", [3, 1, 4, 1, 5, 9, 2] * 8) + daily("b", [2, 7, 1, 8, 2, 8, 1] * 8)
        picture, table = tmp_path / "scores.png", tmp_path / "scores.csv"

        result = run(
            tmp_path, text, "--windows", "2", "--peers", "SeasonalNaive", "--members", "--plot", str(picture), "-o", str(table)
        )

        assert result.exit_code == 0, result.output
        for word in ("rfid3", "· ets", "SeasonalNaive", "AllZero", "4 of 4", "█"):
            assert word in result.output
        assert picture.read_bytes().startswith(b"\x89PNG")
        written = pl.read_csv(table)
        assert set(written["window"]) == {"all", "7", "14"}
        assert written.filter((pl.col("contender") == "AllZero") & (pl.col("window") == "all"))["wql"][0] == pytest.approx(1.0)

    def test_all_zero_series_are_answered_and_mase_is_said_to_be_undefined(self, tmp_path: Path) -> None:
        """JSON on demand; no measure is invented."""
        result = run(tmp_path, HEADER + daily("a", [0] * 40), "--windows", "1", "--peers", "none", "--json")

        assert result.exit_code == 0, result.output
        answer = json.loads(result.stdout)
        assert any("MASE is undefined" in remark for remark in answer["remarks"])
        assert answer["scores"][0]["mase"] is None

    @pytest.mark.parametrize(
        ("text", "options", "words"),
        [
            (HEADER + daily("a", [1]), (), "1 observation"),
            (HEADER + daily("a", [1, 2] * 6), ("--windows", "9"), "at most"),
            (HEADER + daily("a", [1, 2] * 30), ("--peers", "AutoETTS"), "Did you mean AutoETS"),
            (HEADER + daily("a", [1, 2] * 30) + "a,2025-01-06,4\n", (), "two rows"),
            (HEADER + daily("a", [1, 2] * 30), ("--fill-gaps", "guess"), "--fill-gaps"),
            (HEADER + daily("a", [1, 2] * 30), ("--future-known", "rain"), "no regressor 'rain'"),
            (HEADER + daily("a", [1, 2] * 30), ("--regressors", "maybe"), "known or unknown"),
            (HEADER + daily("a", [1, 2] * 30), ("--plot", "/nowhere/at/all.png"), "no folder"),
            ("a,b\n1,2\n", (), "is missing"),
        ],
    )
    def test_refuses_in_plain_words_before_any_work(
        self, tmp_path: Path, text: str, options: tuple[str, ...], words: str
    ) -> None:
        """Exit code 2, and the message names what is wrong."""
        result = run(tmp_path, text, *options)

        assert result.exit_code == 2
        assert "Refused" in result.output
        assert words in result.output.replace("\n", " ")


class TestOverall:
    def test_best_first_and_the_silent_left_out(self) -> None:
        """Sorted by MASE; a contender without an answer has no bar."""
        windows = rolling.windows(long({"a": [1.5, 2.5, 9.5] * 10}), DAILY, plan())
        silent = race._empty("silent", "peer", windows)

        table = scores.table(windows, [result_of("AllZero", windows), result_of("Naive", windows), silent], 1)

        shown = chart.overall(table)
        assert shown["mase"].is_sorted()
        assert "silent" not in shown["contender"].to_list()
