"""Population stability index: the textbook's number, rare false alarms, and the changes it must find."""

import json
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rfid3_shared.monitor import drift
from rfid3_shared.monitor.drift import chi_square_bound, compare, compare_all, psi, reference, spend

Draw = Callable[[np.random.Generator, int], np.ndarray]
NAN = float("nan")


def rng() -> np.random.Generator:
    return np.random.default_rng(11)


def chi_square_tail(degrees: int, value: float) -> float:
    """P(chi-square of an even number of degrees > value): a Poisson sum, written out."""
    return math.exp(-value / 2) * sum((value / 2) ** k / math.factorial(k) for k in range(degrees // 2))


class TestPsi:
    def test_by_hand(self) -> None:
        """(0.3-0.2)ln(0.3/0.2) + (0.5-0.5)ln 1 + (0.2-0.3)ln(0.2/0.3) = 0.2 ln 1.5 = 0.0811."""
        assert psi([0.2, 0.5, 0.3], [0.3, 0.5, 0.2]) == pytest.approx(0.2 * math.log(1.5))
        assert psi([0.2, 0.5, 0.3], [0.3, 0.5, 0.2]) == pytest.approx(0.0811, abs=1e-4)

    def test_same_shares_have_none(self) -> None:
        """No difference, no index; and it does not matter which side is called live."""
        assert psi([0.1, 0.9], [0.1, 0.9]) == 0.0
        assert psi([0.1, 0.9], [0.4, 0.6]) == pytest.approx(psi([0.4, 0.6], [0.1, 0.9]))


class TestReference:
    def test_bins_hold_about_equal_shares(self) -> None:
        """Quantile bins of a smooth feature hold a tenth each; nothing lies outside, nothing is missing."""
        found = reference(rng().normal(size=5_000))

        assert len(found["edges"]) == 11
        assert len(found["shares"]) == len(found["edges"]) + 2
        assert found["shares"][0] == found["shares"][-2] == found["shares"][-1] == 0
        assert found["shares"][1:-2] == pytest.approx([0.1] * 10, abs=0.002)

    def test_survives_json(self) -> None:
        """The registry keeps it as JSON; what comes back judges alike."""
        values = rng().poisson(0.4, size=300)
        learned = reference(values)

        assert json.loads(json.dumps(learned)) == learned
        assert compare(json.loads(json.dumps(learned)), values, false_alarm_ratio=0.01).psi == pytest.approx(0, abs=1e-12)

    def test_a_value_that_fills_bins_gets_its_own(self) -> None:
        """95 zeros and a few sales: the share of zeros is one bin, so that more sales are seen."""
        learned = reference([0] * 95 + [1, 2, 3, 4, 5])

        assert learned["shares"][1] == 0.95
        assert compare(learned, [0] * 50 + [1, 2, 3, 4, 5] * 10, false_alarm_ratio=0.01).psi > 0.5

    def test_missing_values_are_a_share_of_their_own(self) -> None:
        """None, NaN and infinity are missing; they count."""
        learned = reference(np.array([1.0, 2.0, None, NAN, float("inf")], dtype=float))

        assert learned["count"] == 5
        assert learned["shares"][-1] == pytest.approx(0.6)

    def test_needs_a_value(self) -> None:
        """From nothing nothing can be learned."""
        with pytest.raises(ValueError, match="at least one value"):
            reference([NAN, NAN])

    @given(st.lists(st.floats(allow_nan=True, width=32), min_size=1, max_size=60))
    def test_every_value_has_its_bin(self, values: list[float]) -> None:
        """Shares add up to 1, none lies beyond the reference's own range, and a reference does not differ from itself."""
        if not np.isfinite(values).any():
            return
        learned = reference(values)

        assert sum(learned["shares"]) == pytest.approx(1)
        assert learned["shares"][0] == learned["shares"][-2] == 0
        assert learned["edges"] == sorted(set(learned["edges"]))
        assert compare(learned, values, false_alarm_ratio=0.01).psi == pytest.approx(0, abs=1e-12)


SHAPES: dict[str, Draw] = {
    "smooth": lambda random, size: random.lognormal(size=size),
    "counts, mostly zero": lambda random, size: random.poisson(0.3, size=size).astype(float),
    "one percent missing": lambda random, size: np.where(random.uniform(size=size) < 0.01, NAN, random.normal(size=size)),
}


class TestFalseAlarms:
    @pytest.mark.parametrize("shape", SHAPES)
    @pytest.mark.parametrize(("learned_from", "live"), [(30, 5), (30, 200), (500, 10), (500, 100), (500, 1000), (5_000, 50)])
    def test_by_chance_alone_are_rare(self, shape: str, learned_from: int, live: int) -> None:
        """Without any practical threshold, 10 % of false alarms allowed and 400 pairs drawn alike: at most 10 % alarm."""
        random, draw = rng(), SHAPES[shape]

        alarms = [
            compare(
                reference(draw(random, learned_from)), draw(random, live), false_alarm_ratio=0.1, practical_threshold=0
            ).drifted
            for _ in range(400)
        ]

        assert np.mean(alarms) <= 0.1

    def test_looking_every_day_keeps_the_rate(self) -> None:
        """Six features, looked at on each of 100 days with new values: of 60 such histories 5 % may alarm, and chance adds a few."""
        random = rng()
        alarmed = 0
        for _ in range(60):
            learned = {f"f{k}": reference(random.normal(size=300)) for k in range(6)}
            alarmed += any(
                found.drifted
                for day in range(1, 101)
                for found in compare_all(
                    learned, {name: random.normal(size=60) for name in learned}, look=day, false_alarm_ratio=0.05,
                    practical_threshold=0,
                ).values()
            )  # fmt: skip

        assert alarmed <= 8

    def test_a_fixed_threshold_alone_does_not(self) -> None:
        """The usual rule, PSI above 0.2, alarms for most small samples that differ by chance only: the check can fail."""
        random = rng()
        found = [compare(reference(random.normal(size=300)), random.normal(size=60), false_alarm_ratio=0.1) for _ in range(200)]

        assert np.mean([one.psi > 0.2 for one in found]) > 0.3
        assert np.mean([one.drifted for one in found]) <= 0.1

    def test_what_is_spent_over_all_looks_and_features_is_the_whole(self) -> None:
        """The parts of 100,000 looks at 3 features add up to the rate that was set."""
        spent = 3 * sum(spend(0.01, look=look, features=3) for look in range(1, 100_001))

        assert spent == pytest.approx(0.01, rel=1e-4)
        assert spent <= 0.01


class TestChiSquareBound:
    @pytest.mark.parametrize("degrees", [2, 8, 10, 20])
    @pytest.mark.parametrize("tail", [0.05, 1e-3, 1e-6, 1e-10])
    def test_is_exceeded_less_often_than_asked(self, degrees: int, tail: float) -> None:
        """The true tail at the bound (closed form for even degrees) is at most what was asked; the bound is not three times too far."""
        bound = chi_square_bound(degrees, tail)

        assert chi_square_tail(degrees, bound) <= tail
        assert chi_square_tail(degrees, bound / 2.5) > tail

    def test_grows_as_the_tail_shrinks(self) -> None:
        """More certainty needs more distance."""
        bounds = [chi_square_bound(9, tail) for tail in (0.1, 0.01, 0.001)]

        assert bounds == sorted(bounds)


class TestCompare:
    def found(self, live: np.ndarray | list[float], **changes: float) -> drift.Drift:
        """Live values against 500 of a normal feature, at the tenth look at five features."""
        learned = reference(rng().normal(size=500))
        return compare(learned, live, false_alarm_ratio=spend(0.01, look=10, features=5), **changes)

    def test_finds_a_shift(self) -> None:
        """A feature whose mean moved by one standard deviation."""
        assert self.found(rng().normal(loc=1.0, size=200)).drifted

    def test_finds_a_change_of_spread(self) -> None:
        """Same mean, three times the spread."""
        assert self.found(rng().normal(scale=3.0, size=200)).drifted

    def test_finds_values_never_seen_before(self) -> None:
        """A fifth of the values far above all that was learned from: bins end where the reference ends."""
        values = rng().normal(size=300)
        values[:60] += 1e6

        assert self.found(values).drifted

    def test_finds_values_that_went_missing(self) -> None:
        """A third of the values are gone, the rest look as before."""
        values = rng().normal(size=300)
        values[:100] = NAN

        assert self.found(values).drifted

    def test_finds_a_feature_that_has_died(self) -> None:
        """All the same, or all missing."""
        assert self.found(np.zeros(100)).drifted
        assert self.found(np.full(100, NAN)).drifted

    def test_leaves_what_is_too_small_to_matter(self) -> None:
        """Ten thousand values tell a tenth of a standard deviation for certain; the practical threshold lets it pass."""
        values = rng().normal(loc=0.1, size=10_000)

        assert not self.found(values).drifted
        assert self.found(values, practical_threshold=0.0).psi > 0.005

    def test_few_values_widen_the_threshold(self) -> None:
        """The fewer live values, the more they may differ."""
        thresholds = [self.found(rng().normal(size=size)).threshold for size in (3, 30, 300, 3_000)]

        assert thresholds == sorted(thresholds, reverse=True)
        assert thresholds[0] > 5
        assert self.found(rng().normal(size=50_000), practical_threshold=0.2).threshold == 0.2

    def test_no_values_are_no_drift(self) -> None:
        """A feature nobody has seen lately says nothing."""
        found = self.found([])

        assert (found.values, found.drifted) == (0, False)

    def test_a_constant_feature(self) -> None:
        """It does not drift while it stays, and does when it moves, up or down."""
        learned = reference([7.0] * 200)

        assert compare(learned, [7.0] * 100, false_alarm_ratio=1e-6).psi == pytest.approx(0, abs=1e-9)
        for other in (6.999, 7.001):
            assert compare(learned, [other] * 100, false_alarm_ratio=1e-6).drifted

    def test_every_referenced_feature_is_answered_for(self) -> None:
        """Features without live values have none; live values without a reference are passed over."""
        learned = {"b": reference([1.0, 2.0]), "a": reference([1.0, 2.0])}

        found = compare_all(learned, {"a": [1.0], "c": [9.0]}, look=1, false_alarm_ratio=0.01)

        assert list(found) == ["a", "b"]
        assert (found["a"].values, found["b"].values) == (1, 0)
