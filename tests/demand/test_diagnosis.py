"""Tests of the diagnosis of series: seasons, trend and jumps that were put in are found, and those that were not are not."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rfid3_demand import findings
from rfid3_demand.model import diagnosis, level_shifts, season_check
from rfid3_shared import evaluate


def noise(series: int, steps: int, correlation: float, seed: int) -> np.ndarray:
    """Normal noise of variance 1 whose neighbours correlate."""
    shocks = np.random.default_rng(seed).normal(size=(series, steps))
    x = shocks.copy()
    for t in range(1, steps):
        x[:, t] = correlation * x[:, t - 1] + np.sqrt(1 - correlation**2) * shocks[:, t]
    return x


class TestSeasons:
    @pytest.mark.parametrize(("step", "steps"), [("1mo", 120), ("1w", 260), ("1d", 400), ("1h", 900)])
    @pytest.mark.parametrize("correlation", [0.0, 0.5, 0.9])
    def test_noise_shows_a_season_in_about_one_of_a_hundred(self, step: str, steps: int, correlation: float) -> None:
        """The share of false alarms is the stated one, also where neighbours correlate."""
        x = noise(400, steps, correlation, 5)
        chance, _ = season_check.chances(x, season_check.candidates_of(step))
        assert np.nanmean(chance < 0.01) <= 0.025

    @pytest.mark.parametrize("correlation", [0.0, 0.9])
    def test_p_values_are_uniform_under_noise(self, correlation: float) -> None:
        """A p-value below u comes about in a share u of series without a season."""
        chance = season_check.chances(noise(2000, 120, correlation, 6), (12.0,))[0][:, 0]
        for level in (0.05, 0.1, 0.25):
            assert abs(np.mean(chance < level) - level) <= 0.02 + 0.2 * level

    def test_a_season_as_strong_as_the_noise_is_found(self) -> None:
        """Day and week in hours, week and year in days, year in weeks, months and quarters, and no other."""
        for step, steps, periods in [
            ("1h", 900, (24, 168)),
            ("1d", 1500, (7, 365.25)),
            ("1w", 260, (52.18,)),
            ("1mo", 120, (12,)),
            ("1q", 80, (4,)),
        ]:
            candidates = season_check.candidates_of(step)
            for k, period in enumerate(candidates[: len(periods)]):
                x = noise(100, steps, 0.3, 7) + 1.4 * np.sin(2 * np.pi * np.arange(steps) / period)
                found = season_check.chances(x, candidates)[0] < 0.01
                assert found[:, k].mean() >= 0.85, (step, period)
                assert np.delete(found, k, axis=1).mean(axis=0).max(initial=0.0) <= 0.05

    def test_a_weekly_pattern_is_not_taken_for_the_day_s(self) -> None:
        """Harmonics of the week that are the day's belong to the day; a busy day in seven is the week's."""
        hours = np.arange(1008)
        daily = np.where(hours % 24 < 12, 1.0, 0.0)
        weekly = np.where(hours // 24 % 7 == 5, 1.0, 0.0)
        x = noise(50, 1008, 0.2, 8) * 0.5
        found = season_check.chances(np.vstack([x + daily, x + weekly]), (24.0, 168.0))[0] < 0.01
        assert found[:50, 0].all()
        assert found[:50, 1].mean() <= 0.06
        assert found[50:, 1].all()
        assert found[50:, 0].mean() <= 0.06

    def test_too_short_a_history_is_not_judged(self) -> None:
        """Less than two cycles give no p-value, and nothing is called seasonal."""
        chance, share = season_check.chances(noise(3, 20, 0.0, 1), (12.0,))
        assert np.isnan(chance).all()
        assert (share == 0).all()

    def test_periods_named_besides_the_calendar_are_tested(self) -> None:
        """Data without a calendar name their own period; one that the calendar has is tested once."""
        assert season_check.candidates_of("1d", (7, 10)) == (7.0, 10.0, 365.25)
        assert season_check.candidates_of("1", (5,)) == (5.0,)


class TestLevelShifts:
    @pytest.mark.parametrize(("correlation", "most"), [(0.0, 0.01), (0.3, 0.015), (0.6, 0.03)])
    def test_noise_seldom_shows_a_jump(self, correlation: float, most: float) -> None:
        """False alarms are below 1 % in white noise and few where neighbours correlate."""
        for steps in (60, 156, 400):
            at, _ = level_shifts.shifts(noise(500, steps, correlation, steps))
            assert (at[:, 0] >= 0).mean() <= most

    @pytest.mark.parametrize("kind", ["lumpy", "clustered counts", "long-tailed"])
    def test_rare_and_long_tailed_sizes_are_no_jumps(self, kind: str) -> None:
        """Below 1 % there too, where differences alone tell too little of the noise."""
        draw = np.random.default_rng(21)
        shape = (300, 156)
        x = {
            "lumpy": np.where(draw.random(shape) < 0.1, 1.0 + draw.poisson(draw.gamma(1.0, 4.0, shape)), 0.0),
            "clustered counts": draw.poisson(draw.gamma(0.5, 2.0, shape)).astype(float),
            "long-tailed": np.exp(draw.normal(size=shape)),
        }[kind]
        assert (level_shifts.shifts(x)[0][:, 0] >= 0).mean() <= 0.01
        x[:, 80:] = 8.0 + 4.0 * draw.random((300, 76))
        found = level_shifts.shifts(x)[0]
        assert (np.abs(found - 80) <= 8).any(axis=1).mean() >= 0.7

    def test_a_jump_is_found_where_it_is(self) -> None:
        """Three standard deviations at two thirds: position within two steps, size within a fifth."""
        x = noise(200, 150, 0.2, 3)
        x[:, 100:] += 3.0
        at, size = level_shifts.shifts(x)
        assert (np.abs(at - 100) <= 2).any(axis=1).mean() >= 0.9
        assert abs(size[at[:, 0] >= 0, 0].mean() - 3.0) <= 0.6

    def test_a_closed_spring_is_seen_from_both_ends(self) -> None:
        """A level that falls for ten weeks and comes back shows two jumps, down and up."""
        x = noise(100, 156, 0.0, 4)
        x[:, 90:104] -= 6.0
        at, size = level_shifts.shifts(x)
        both = (np.abs(at[:, 0] - 90) <= 1) & (np.abs(at[:, 1] - 104) <= 1)
        assert both.mean() >= 0.9
        assert (size[both, 0] < 0).all()
        assert (size[both, 1] > 0).all()

    @given(scale=st.floats(1e-3, 1e5), shift=st.floats(-1e5, 1e5), seed=st.integers(0, 50))
    @settings(max_examples=25, deadline=None)
    def test_units_do_not_matter(self, scale: float, shift: float, seed: int) -> None:
        """Positions are the same for a series in other units, sizes scale with it, and a mirrored one jumps the other way."""
        x = noise(3, 80, 0.2, seed)
        x[:, 50:] += 5.0
        at, size = level_shifts.shifts(x)
        other, other_size = level_shifts.shifts(shift + scale * x)
        assert (at == other).all()
        assert np.allclose(other_size, scale * size, rtol=1e-4, atol=1e-6 * (abs(shift) + scale))
        mirrored, down = level_shifts.shifts(-x)
        assert (mirrored == at).all()
        assert np.allclose(down, -size)

    def test_sizes_are_differences_of_means(self) -> None:
        """Between its neighbours a jump is as large as the means on both sides differ."""
        x = noise(1, 120, 0.0, 2)
        x[:, 40:] += 8
        x[:, 80:] -= 5
        at, size = level_shifts.shifts(x)
        first, second = at[0, :2]
        assert size[0, 0] == pytest.approx(x[0, first:second].mean() - x[0, :first].mean())
        assert size[0, 1] == pytest.approx(x[0, second:].mean() - x[0, first:second].mean())


class TestDiagnose:
    def test_a_line_is_a_trend_and_a_step_is_a_jump(self) -> None:
        """Both raise the second half; each is called what it is."""
        x = noise(100, 156, 0.2, 9)
        line = diagnosis.diagnose(x + np.linspace(0, 5, 156), "1w")
        step = diagnosis.diagnose(x + np.where(np.arange(156) >= 78, 5.0, 0.0), "1w")
        assert line.trend.mean() >= 0.9
        assert (line.shift_at[:, 0] >= 0).mean() <= 0.06
        assert step.trend.mean() <= 0.05
        assert (step.shift_at[:, 0] >= 0).all()
        assert line.slope[line.trend].mean() == pytest.approx(5 / 155, rel=0.05)

    def test_white_noise_has_nothing(self) -> None:
        """About one series in a hundred shows a trend or a jump that is not there."""
        found = diagnosis.diagnose(noise(500, 156, 0.0, 10), "1w")
        assert found.trend.mean() <= 0.025
        assert (found.shift_at[:, 0] >= 0).mean() <= 0.01

    def test_a_jump_is_found_behind_a_season(self) -> None:
        """A closed spring in daily data with a strong week is found, and the week is still seen."""
        days = np.arange(600)
        x = 100 + 30 * np.sin(2 * np.pi * days / 7) + 5 * noise(20, 600, 0.3, 11)
        x[:, 300:370] -= 70
        found = diagnosis.diagnose(x, "1d")
        assert found.seasonal[:, 0].all()
        assert (np.abs(found.shift_at - 300) <= 2).any(axis=1).all()
        assert (np.abs(found.shift_at.max(axis=1) - 370) <= 2).all()

    def test_says_it_in_plain_words(self) -> None:
        """Each finding stands with its number."""
        days = np.arange(420)
        x = 50 + 10 * np.sin(2 * np.pi * days / 7) + noise(1, 420, 0.0, 12)
        x[:, 320:] -= 20
        told = findings.told(diagnosis.values(diagnosis.diagnose(x, "1d"), 0, lambda at: f"day {at}"), "1d")
        assert told["text"].startswith("Smooth demand; repeats every week (")
        assert "level 30 instead of 50 (×0.60) from day 320 on" in told["text"]
        assert "may be the time of year" in told["text"], "a year of days has not been seen twice"
        assert told["level_shifts"][0]["before"] == pytest.approx(x[0, :320].mean(), rel=0.01)
        assert told["level_shifts"][0]["after"] == pytest.approx(x[0, 320:].mean(), rel=0.01)
        assert told["level_shifts"][0]["ratio"] == pytest.approx(x[0, 320:].mean() / x[0, :320].mean(), rel=0.01)

    @pytest.mark.parametrize("hidden", [0.0, 2.0])
    @pytest.mark.parametrize("steps", [60, 156, 400])
    def test_a_random_walk_is_seldom_a_trend(self, steps: int, hidden: float) -> None:
        """A level that wanders is told to rise or fall in few series, also where as much noise hides it in a long history."""
        draw = np.random.default_rng(steps)
        walk = np.cumsum(draw.normal(size=(300, steps)), axis=1) + hidden * draw.normal(size=(300, steps))
        trend = diagnosis.diagnose(walk, "1w").trend.mean()
        assert trend <= (0.05 if hidden == 0.0 else 0.2 if steps == 60 else 0.07)

    def test_a_walk_that_drifts_is_a_trend(self) -> None:
        """A steady rise far above what the walk itself moves is told, with its slope."""
        draw = np.random.default_rng(5)
        found = diagnosis.diagnose(np.cumsum(2.0 + draw.normal(size=(100, 156)), axis=1), "1w")
        assert found.trend.mean() >= 0.9
        assert found.slope[found.trend].mean() == pytest.approx(2.0, rel=0.1)

    @pytest.mark.parametrize("steps", [120, 180])
    def test_a_year_seen_twice_is_no_jump(self, steps: int) -> None:
        """Two or three summers are no jumps of the level."""
        weeks = np.arange(steps)
        summer = 20 + 10 * np.clip(np.sin(2 * np.pi * weeks / 52.18), -0.5, 1) + noise(100, steps, 0.2, 14)
        assert (diagnosis.diagnose(summer, "1w").shift_at[:, 0] >= 0).mean() <= 0.05

    def test_a_closed_spring_is_found_among_three_years(self) -> None:
        """Sixteen weeks without demand stand out from what the other years do then."""
        weeks = np.arange(170)
        year = 10 + 5 * np.sin(2 * np.pi * weeks / 52.18) + 2 * noise(100, 170, 0.2, 14)
        year[:, 66:82] = 0.0
        found = diagnosis.diagnose(np.maximum(year, 0.0), "1w").shift_at
        assert (np.abs(found - 66) <= 3).any(axis=1).mean() >= 0.8

    def test_series_do_not_depend_on_their_neighbours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Blocks are a matter of memory: the findings are those of each series alone, and the kind is evaluation's."""
        x = noise(7, 120, 0.3, 15) + np.linspace(0, 6, 7)[:, None] * (np.arange(120) > 60)
        whole = diagnosis.diagnose(x, "1w")
        monkeypatch.setattr(diagnosis, "BLOCK", 3)
        parts = diagnosis.diagnose(x, "1w")
        assert (whole.shift_at == parts.shift_at).all()
        assert np.allclose(whole.shift_to, parts.shift_to)
        assert (whole.kind == evaluate.classify_all(x)).all()

    @pytest.mark.parametrize(
        "y",
        [
            np.zeros((2, 50)),
            np.full((2, 50), 7.0),
            np.full((2, 50), np.nan),
            np.ones((1, 1)),
            np.empty((0, 30)),
            np.arange(40.0)[None],
        ],
    )
    def test_degenerate_series_are_answered(self, y: np.ndarray) -> None:
        """Nothing but zeros, constants, nothing at all, one value, no series, a perfect line: no false season, no jump."""
        found = diagnosis.diagnose(y, "1w")
        assert not found.seasonal.any()
        assert (found.shift_at < 0).all()
        assert found.trend.tolist() == [True] if y.shape == (1, 40) else not found.trend.any()
        for row in range(len(y)):
            assert findings.told(diagnosis.values(found, row, str), "1w")["text"].endswith(".")
