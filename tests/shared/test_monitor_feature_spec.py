"""Values that move together: do they weigh as the fewer independent ones that they are, and is each held against its own season?"""

import json

import numpy as np
import pytest

from rfid3_shared.monitor import drift, feature_spec, findings
from rfid3_shared.monitor.feature_spec import LEAST_CLUSTERS, MOST_PARTS, Seen

CLASSES, UNITS = 40, 60


def shop(random: np.random.Generator, days: int) -> np.ndarray:
    """(days, units) rentals in a quarter in a shop that does not change: units of a class share its luck, which changes slowly."""
    luck = np.empty((days, CLASSES))
    luck[0] = random.normal(size=CLASSES)
    for day in range(1, days):
        luck[day] = 0.97 * luck[day - 1] + np.sqrt(1 - 0.97**2) * random.normal(size=CLASSES)
    rate = np.repeat(np.exp(luck), UNITS, axis=1)
    return random.poisson(rate).astype(float)


CLUSTER = np.repeat(np.arange(CLASSES), UNITS)


class TestDesignEffect:
    def test_by_hand(self) -> None:
        """Four clusters of five alike, two in either bin: the variance between clusters is 4/3 of 1/16, of 20 values it is 1/80."""
        bins, clusters = np.repeat([0, 0, 1, 1], 5), np.repeat([0, 1, 2, 3], 5)

        assert drift.design_effect(bins, clusters) == pytest.approx((4 / 3 / 16) / (1 / 80))

    def test_of_independent_values_is_one(self) -> None:
        """Which cluster a value belongs to does not matter then."""
        random = np.random.default_rng(5)

        assert drift.design_effect(random.integers(0, 8, 5_000), random.integers(0, 200, 5_000)) == pytest.approx(1, abs=0.15)

    @pytest.mark.parametrize(
        ("bins", "clusters", "expected"), [([0, 1, 2], [7, 7, 7], 3), ([4, 4, 4, 4], [1, 1, 2, 2], 2), ([], [], 1)]
    )
    def test_where_nothing_can_be_told(self, bins: list[int], clusters: list[int], expected: float) -> None:
        """A single cluster is one value; of a feature that never varied each cluster is one."""
        assert drift.design_effect(bins, clusters) == expected

    def test_survives_json(self) -> None:
        """The registry keeps it as JSON."""
        learned = drift.reference(np.arange(40.0), clusters=np.repeat(np.arange(4), 10))

        assert json.loads(json.dumps(learned)) == learned
        assert learned["design_effect"] > 3


class TestFalseAlarms:
    def rate(self, *, together: bool) -> float:
        """The part of 20 unchanged shops in which there ever is an alarm, looked at on each of 40 days, 10 % allowed, nothing tolerated."""
        random, alarmed = np.random.default_rng(3), 0
        for _ in range(20):
            days = shop(random, 41)
            learned = {"rentals": drift.reference(days[0], clusters=CLUSTER if together else None)}
            alarmed += any(
                drift.compare_all(learned, {"rentals": live}, look=look, false_alarm_ratio=0.1, practical_threshold=0)["rentals"].drifted
                for look, live in enumerate(days[1:], start=1)
            )  # fmt: skip
        return alarmed / 20

    def test_are_as_rare_as_set_though_units_move_together(self) -> None:
        """Units of a class share a rate that wanders from day to day."""
        assert self.rate(together=True) <= 0.1

    def test_would_be_the_rule_if_units_were_taken_for_independent(self) -> None:
        """The check can fail: the same shops, each unit counted as one."""
        assert self.rate(together=False) > 0.5

    def test_a_changed_shop_is_found(self) -> None:
        """Twice the rentals, on the first day."""
        days = shop(np.random.default_rng(8), 2)
        learned = {"rentals": drift.reference(days[0], clusters=CLUSTER)}

        found = drift.compare_all(learned, {"rentals": days[1] * 2 + 1}, look=200, false_alarm_ratio=0.01)

        assert found["rentals"].drifted


def seen(random: np.random.Generator, parts: list[str]) -> Seen:
    """Units of each part, in classes of three."""
    part = np.repeat(np.array(parts, object), 3)
    return Seen({"a": random.normal(size=len(part)), "b": np.full(len(part), np.nan)}, part, np.arange(len(part)) // 3)


class TestParts:
    def test_large_parts_are_looked_at_by_themselves(self) -> None:
        """At most MOST_PARTS of those with LEAST_CLUSTERS classes; a feature that nobody knows has no reference."""
        parts = [f"p{k}" for k in range(MOST_PARTS + 2) for _ in range(LEAST_CLUSTERS)] + ["p0", "few"]

        names = list(feature_spec.learned(seen(np.random.default_rng(1), parts)))

        assert names[:2] == ["a", "a/p0"]
        assert len(names) == 1 + MOST_PARTS
        assert "a/few" not in names

    def test_live_values_are_those_of_the_part(self) -> None:
        """A part that is no longer there has none; one finding a feature, of its worst part."""
        random = np.random.default_rng(2)
        then, now = (seen(random, ["x"] * 90 + ["y"] * 90) for _ in range(2))
        references = feature_spec.learned(then) | {"a/gone": feature_spec.learned(then)["a"]}
        now.values["a"][now.part == "y"] += 5

        live = feature_spec.live(now, references)
        (found,) = findings.inputs(references, live, look=1, false_alarm_ratio=0.01, practical_threshold=0.2)

        assert {name: len(values) for name, values in live.items()} == {"a": 540, "a/x": 270, "a/y": 270, "a/gone": 0}
        assert (found.subject, found.status, found.figures["part"], found.figures["parts"]) == ("a", "alarm", "y", 4)

    def test_seasons_are_kept_apart(self) -> None:
        """Names come back as they were, whatever they hold."""
        one, other = {"a/x@y": {"count": 1}}, {"a/x@y": {"count": 2}}
        spec = json.loads(json.dumps(feature_spec.spec_of({"06": one, "07": other})))

        assert feature_spec.seasons(spec) == ["06", "07"]
        assert (feature_spec.of_season(spec, "06"), feature_spec.of_season(spec, "07")) == (one, other)
        assert feature_spec.of_season(spec, "08") == feature_spec.of_season(None, "06") == {}
