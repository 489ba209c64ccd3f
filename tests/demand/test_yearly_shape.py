"""Is a year that nobody has seen believed as far as the weeks seen bear it out, and said to be so?"""

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from rfid3_demand import yearly_prior
from rfid3_demand.model import Panel, fit_forecast, yearly_shape
from rfid3_demand.model.nodes import node_data
from rfid3_demand.model.panel import flat_hierarchy
from rfid3_demand.model.past import Past
from rfid3_shared.series import parse_frequency

FIRST = date(2025, 1, 6)
YEAR = [FIRST + timedelta(days=7 * k) for k in range(52)]
SHAPE = yearly_prior.log_shape(YEAR)


class TestLogShape:
    def test_is_a_year_of_mean_strength_one_that_peaks_in_june(self) -> None:
        """Strength averages 1 over a year; the graduation weeks are its top and deep winter its bottom."""
        strength = np.exp(SHAPE)

        assert strength.mean() == pytest.approx(1.0, abs=0.02)
        assert YEAR[int(strength.argmax())].month in (5, 6)
        assert YEAR[int(strength.argmin())].month in (1, 2, 12)


class TestFit:
    @pytest.mark.parametrize("power", [0.0, 0.5, 1.2])
    def test_finds_the_power_that_made_the_weeks(self, power: float) -> None:
        """Half a year that follows the shape to a power tells that power."""
        y = np.random.default_rng(2).poisson(200 * np.exp(power * SHAPE[:26]), (4, 26)).astype(float)

        found = yearly_shape.fit(y, SHAPE[:26], np.zeros(4))

        assert found.power == pytest.approx([power] * 4, abs=0.1)
        assert (found.learned > 0.8).all()

    def test_without_weeks_the_belief_stands(self) -> None:
        """Nothing seen, nothing learned."""
        found = yearly_shape.fit(np.full((2, 3), np.nan), SHAPE[:3], np.zeros(2))

        assert found.power.tolist() == [yearly_shape.PRIOR_POWER] * 2
        assert found.learned.tolist() == [0.0, 0.0]

    def test_a_winter_category_finds_its_own(self) -> None:
        """Relatives that go against the year of the whole are not bent to it."""
        rng = np.random.default_rng(4)
        summer = rng.poisson(100 * np.exp(SHAPE[:26]), (3, 26))
        winter = rng.poisson(100 * np.exp(-0.5 * SHAPE[:26]), (3, 26))

        found = yearly_shape.fit(np.vstack([summer, winter]).astype(float), SHAPE[:26], np.repeat([0, 1], 3))

        assert found.power[:3].min() > 0.8
        assert found.power[3:].max() < -0.2


def shop(weeks: int, seed: int = 1) -> tuple[np.ndarray, Panel]:
    """Twelve classes that follow the year, all weeks, and the panel of the first `weeks`."""
    rng = np.random.default_rng(seed)
    y = rng.poisson(np.exp(rng.normal(2.0, 0.8, (12, 1))) * np.exp(0.9 * SHAPE)).astype(float)
    groups = {"category": np.arange(12) % 3}
    return y, Panel(tuple(map(str, range(12))), tuple(YEAR[:weeks]), y[:, :weeks], parse_frequency("W-MON"), 52, groups=groups)


class TestForecastBeyondWhatWasSeen:
    def test_beats_a_flat_line_where_the_year_turns(self) -> None:
        """From 20 weeks of winter and spring the summer is foreseen better than without the shape, and said to be believed."""
        y, flat = shop(20)
        believed = replace(flat, yearly=SHAPE[: 20 + 13])

        with_shape, without = (fit_forecast(panel, 13, families=frozenset({"statistical"})) for panel in (believed, flat))

        errors = [np.abs(said.variants["ensemble"].mean - y[:, 20:33]).sum() for said in (with_shape, without)]
        assert errors[0] < 0.7 * errors[1]
        assert set(with_shape.season_source) <= {"calendar prior", "pooled from category"}
        assert with_shape.notes["yearly_shape"] in with_shape.season_source
        assert set(without.season_source) == {"none"}
        assert "yearly_shape" not in without.notes
        assert with_shape.contributions["season"].sum() > 0

    def test_no_week_after_the_origin_is_read(self) -> None:
        """What happens from the origin on changes no factor."""
        _, panel = shop(30)
        data = node_data(replace(panel, yearly=SHAPE[:40]), flat_hierarchy(panel.ids).summing, 10)
        moved = replace(data, y=np.hstack([data.y[:, :20], data.y[:, 20:] * 9]))

        assert np.array_equal(Past(data, 20, 5).adjusted, Past(moved, 20, 5).adjusted)

    def test_a_season_of_its_own_goes_before_any_belief(self) -> None:
        """From a season and a half on the shape has no say."""
        y, panel = shop(52)
        dates = tuple(FIRST - timedelta(days=7 * k) for k in range(51, -1, -1)) + tuple(YEAR)
        longer = replace(panel, dates=dates, y=np.hstack([y, y]), yearly=np.zeros(104 + 4))
        data = node_data(longer, flat_hierarchy(panel.ids).summing, 4)

        assert yearly_shape.laid(data, 104, 104, 4) is None
        assert set(yearly_shape.sources(data)) == {"own"}
