"""Paths of a population: crossings beside textbook first passages, simulated drifts, and what must not matter."""

from math import erf, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from rfid3_quality.model.degradation import Record, fit_degradation
from rfid3_quality.model.first_passage import Crossing, _mixed_quantile, _normal, crossing, first_beyond, recognised
from rfid3_quality.model.path_forms import Form, forms
from rfid3_quality.model.path_population import BROAD, fit


def line(unit: str, slope: float, points: int = 12, start: float = 10.0, noise: float = 0.0, seed: int = 0) -> Record:
    """A straight path with noise."""
    t = np.arange(points, dtype=float)
    return Record(unit, t, start + slope * t + noise * np.random.default_rng(seed).normal(size=points))


def wandering(units: int, points: int, seed: int) -> list[Record]:
    """Falling drifts with Brownian wandering, slopes differing by a fifth."""
    draw = np.random.default_rng(seed)
    t = np.arange(points, dtype=float)
    return [
        Record(f"u{k:02}", t, 10 - np.cumsum(np.concatenate([[0.0], draw.normal(0.1 * draw.normal(1, 0.2), 0.1, points - 1)])))
        for k in range(units)
    ]


class TestTextbook:
    def test_a_straight_line_crosses_where_it_must(self) -> None:
        """Ten units falling at a tenth a day from 10 reach 8 on day 20; the interval is narrow."""
        records = [line(f"u{k}", -0.1, noise=1e-4, seed=k) for k in range(10)]
        found = crossing(fit_degradation(records, -1.0), records[0], 8.0, "falls")

        assert found.median_t == pytest.approx(20.0, rel=0.02)
        assert found.lower_t <= found.median_t <= found.upper_t
        assert found.upper_t - found.lower_t < 6

    def test_the_population_learned_is_the_one_simulated(self) -> None:
        """Wandering, and the spread of slopes, come back near the truth."""
        records = wandering(30, 60, 1)
        size, span = 6.0, 59.0
        s, y = [record.t / span for record in records], [(record.y - 10) / size for record in records]
        found = fit(forms(s, y)[0], s, y)

        assert found.deviations[1] * size / sqrt(span) == pytest.approx(0.1, rel=0.25)
        assert found.deviations[3] * size / span == pytest.approx(0.02, rel=0.6)

    def test_four_fifths_of_intervals_hold(self) -> None:
        """Drifts with wandering, foretold from the first half: neither far fewer nor all too narrow."""
        records = wandering(24, 130, 2)
        known = [Record(record.unit, record.t[:40], record.y[:40]) for record in records]
        model = fit_degradation(known, -1.0)
        held = 0
        for record, part in zip(records, known, strict=True):
            truth, found = first_beyond(record, 2.0, "falls"), crossing(model, part, 2.0, "falls")
            held += found.upper_t > record.t[-1] if truth is None else found.lower_t <= truth <= found.upper_t

        assert 0.62 <= held / 24 <= 1.0

    def test_normal_distribution(self) -> None:
        """The series agrees with the error function."""
        z = np.linspace(-6, 6, 49)

        assert _normal(z) == pytest.approx([(1 + erf(one / sqrt(2))) / 2 for one in z], abs=1e-7)

    def test_quantile_of_a_mixture(self) -> None:
        """Half of an even mixture of N(−1, 1) and N(1, 1) lies below zero."""
        found = _mixed_quantile(np.array([0.5, 0.5]), np.array([[-1.0], [1.0]]), np.ones((2, 1)), 0.5)

        assert found == pytest.approx([0.0], abs=1e-6)


class TestShapes:
    def test_the_shape_of_others_helps_a_short_record(self) -> None:
        """Nine whole bent lives tell a tenth, known for a third, where it bends: better than its straight line does."""
        t = np.linspace(0, 30, 31)

        def bent(scale: float) -> np.ndarray:
            return 10 - scale * (t / 30) ** 2.0 * 6

        draw = np.random.default_rng(4)
        records = [Record(f"u{k}", t, bent(float(draw.normal(1, 0.1))) + draw.normal(0, 0.02, 31)) for k in range(9)]
        own = Record("own", t[:12], bent(1.0)[:12] + draw.normal(0, 0.02, 12))
        found = crossing(fit_degradation([*records, own], -1.0), own, 6.0, "falls")
        truth = 30 * sqrt(4 / 6)
        straight = (10 - 6.0) / -np.polyfit(own.t, own.y, 1)[0]

        assert abs(found.median_t - truth) < 0.15 * truth
        assert abs(found.median_t - truth) < abs(straight - truth) / 2

    def test_weights_add_up(self) -> None:
        """What the shapes count adds up to one, and each has a name."""
        model = fit_degradation(wandering(6, 20, 5), -1.0)

        assert sum(model.weights.values()) == pytest.approx(1.0, abs=0.01)
        assert model.checked == 6


class TestInvariance:
    def test_units_of_time_and_score_do_not_matter(self) -> None:
        """Hours for days and millivolts for volts give the same crossing in the new unit."""
        records = wandering(3, 16, 6)
        other = [Record(record.unit, record.t * 24 + 1000, record.y * 1000 - 50) for record in records]
        one = crossing(fit_degradation(records, -1.0), records[2], 6.0, "falls")
        two = crossing(fit_degradation(other, -1.0), other[2], 5950.0, "falls")

        assert (np.array([two.lower_t, two.median_t, two.upper_t]) - 1000) / 24 == pytest.approx(
            [one.lower_t, one.median_t, one.upper_t], rel=1e-3
        )

    def test_rising_is_falling_upside_down(self) -> None:
        """A score that rises to a threshold crosses when its mirror image falls to the mirrored one."""
        records = wandering(3, 16, 7)
        mirrored = [Record(record.unit, record.t, -record.y) for record in records]
        one = crossing(fit_degradation(records, -1.0), records[0], 6.0, "falls")
        two = crossing(fit_degradation(mirrored, 1.0), mirrored[0], -6.0, "rises")

        assert [two.lower_t, two.median_t, two.upper_t] == pytest.approx([one.lower_t, one.median_t, one.upper_t], rel=1e-3)

    @settings(max_examples=8)
    @given(
        scores=st.lists(st.lists(st.floats(-100, 100), min_size=1, max_size=5), min_size=1, max_size=2),
        threshold=st.floats(-200, 200), falls=st.booleans(),
    )  # fmt: skip
    def test_quantiles_are_in_order_whatever_comes(self, scores: list[list[float]], threshold: float, falls: bool) -> None:
        """Any readings at all: lower ≤ median ≤ upper, in time and in score, and never before the last reading unless crossed."""
        records = [Record(str(k), np.arange(len(y), dtype=float), np.array(y)) for k, y in enumerate(scores)]
        if max(len(y) for y in scores) < 2:
            with pytest.raises(ValueError, match="two readings"):
                fit_degradation(records)
            return
        model = fit_degradation(records, -1.0 if falls else 1.0)
        for record in records:
            found = crossing(model, record, threshold, "falls" if falls else "rises")

            assert found.lower_t <= found.median_t <= found.upper_t
            assert (found.lower <= found.median).all()
            assert (found.median <= found.upper).all()
            assert found.crossed or found.lower_t >= record.t[-1]


class TestEdges:
    def test_crossed_already_is_the_time_of_that_reading(self) -> None:
        """Three times the first reading at or below the threshold."""
        records = [line("a", -1.0), line("b", -0.5)]
        found: Crossing = crossing(fit_degradation(records, -1.0), records[0], 6.0, "falls")

        assert found.crossed
        assert (found.lower_t, found.median_t, found.upper_t) == (4.0, 4.0, 4.0)

    def test_one_unit_alone(self) -> None:
        """Its own line carried on, with an interval around it."""
        own = line("a", -0.1, points=20, noise=0.02)
        found = crossing(fit_degradation([own], -1.0), own, 7.0, "falls")

        assert found.lower_t < 30 < found.upper_t
        assert found.median_t == pytest.approx(30, rel=0.25)

    def test_one_reading_follows_the_others(self) -> None:
        """A unit read once goes the way of the population, from where it stands."""
        records = [line(f"u{k}", -0.1, noise=0.01, seed=k) for k in range(8)]
        new = Record("new", np.array([0.0]), np.array([10.0]))
        found = crossing(fit_degradation([*records, new], -1.0), new, 9.0, "falls")

        assert found.median_t == pytest.approx(10, rel=0.3)

    def test_what_never_moves_is_not_foretold_to_fall_soon(self) -> None:
        """A flat record among flat records: half of the chance lies beyond any near day."""
        records = [Record(str(k), np.arange(10.0), np.full(10, 5.0)) for k in range(3)]
        found = crossing(fit_degradation(records, -1.0), records[0], 1.0, "falls")

        assert found.median_t > 18

    def test_direction_is_recognised(self) -> None:
        """By where most units move; where none moves nothing is guessed from nothing."""
        assert recognised([line("a", -0.1), line("b", -0.2), line("c", 0.1)], 5.0) == "falls"
        assert recognised([line("a", 0.1)], 15.0) == "rises"
        with pytest.raises(ValueError, match="--direction"):
            recognised([line("a", 0.0)], 5.0)


class TestOwnEvidence:
    def test_is_the_record_s_density_given_the_others(self) -> None:
        """Against the joint normal of all records, written out: log p(all) less log p(the others)."""
        luck = np.random.default_rng(3)
        s = [np.linspace(0, 1, 9), np.linspace(0, 0.7, 6), np.linspace(0, 0.5, 5)]
        y = [luck.normal(0, 0.3, len(at)).cumsum() for at in s]
        form = Form("linear", lambda at: at)
        population = fit(form, s, y)
        noise, wander, of_a, of_b, ripple, length = population.deviations

        def log_density(units: list[int]) -> float:
            at = np.concatenate([s[k] for k in units])
            unit = np.repeat(units, [len(s[k]) for k in units])
            same, design = unit[:, None] == unit[None, :], np.column_stack([np.ones(len(at)), at])
            own = design @ np.diag([of_a**2, of_b**2]) @ design.T + wander**2 * np.minimum(at[:, None], at[None, :])
            own = own + ripple**2 * np.exp(-np.abs(at[:, None] - at[None, :]) / length)
            cover = design @ design.T / BROAD + own * same + noise**2 * np.eye(len(at))
            return float(multivariate_normal(np.zeros(len(at)), cover).logpdf(np.concatenate([y[k] for k in units])))

        found = population.ahead(s[0], y[0], np.ones(1)).log_evidence - len(y[0]) / 2 * np.log(2 * np.pi)

        assert found == pytest.approx(log_density([0, 1, 2]) - log_density([1, 2]), abs=1e-6)

    def test_a_unit_is_carried_on_by_the_shape_that_its_own_record_has(self) -> None:
        """Half of the units fade ever faster, half ever slower: the first half of a record tells which, and is heard."""
        luck, t = np.random.default_rng(8), np.arange(41.0)
        shapes = (np.expm1(3 * t / 40) / np.expm1(3), np.expm1(-3 * t / 40) / np.expm1(-3))
        whole = [10 - 5 * shapes[unit % 2] + luck.normal(0, 0.05, len(t)) for unit in range(8)]
        heard, unheard = [], []
        for unit in (0, 1):
            records = [Record(str(k), t, y) if k != unit else Record(str(k), t[:21], y[:21]) for k, y in enumerate(whole)]
            fitted = fit_degradation(records, -1.0)
            weights, means, _ = fitted.ahead(records[unit], np.array([40.0]))
            s, y = t[:21] / fitted.span, (records[unit].y - fitted.level) / fitted.size
            alike = (
                sum(share * part.ahead(s, y, np.ones(1)).mean[0] for share, part in fitted.parts) * fitted.size + fitted.level
            )
            heard.append(abs(float(weights @ means[:, 0]) - whole[unit][-1]))
            unheard.append(abs(float(alike) - whole[unit][-1]))

        assert sum(heard) < 0.8 * sum(unheard)
