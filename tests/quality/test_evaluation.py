"""Evaluation from shares of a life: nothing after an origin is seen, scores are what they say, and public goals hold."""

import os
from pathlib import Path

import numpy as np
import pytest

from rfid3_quality.evaluation import scores
from rfid3_quality.evaluation.foretellers import FORETELLERS, Foretold, linear
from rfid3_quality.evaluation.origins import Origin, origins
from rfid3_quality.model.degradation import Record

DATA = Path(os.environ.get("RFID3_TEST_DATA", Path(__file__).parents[3] / "shared" / "data"))


def falling(seed: int, units: int = 4) -> list[Record]:
    """Noisy straight lives that cross 8 around day 20."""
    draw = np.random.default_rng(seed)
    t = np.arange(30.0)
    return [Record(f"u{k}", t, 10 - 0.1 * t * draw.normal(1, 0.1) + draw.normal(0, 0.02, 30)) for k in range(units)]


class TestOrigins:
    def test_nothing_later_is_seen(self) -> None:
        """Readings after the origin may become anything: what each contender foretells does not move."""
        records = falling(1)
        asked = origins(records, 8.0, "falls", (0.5,), of="record")[:1]
        changed = [Record(one.unit, one.t, np.where(one.t > asked[0].at_t, one.y - 1.0, one.y)) for one in records]
        again = origins(changed, 8.0, "falls", (0.5,), of="record")[:1]

        assert again[0].truth_t != asked[0].truth_t
        for tell in FORETELLERS.values():
            assert tell(asked, 8.0, "falls", lambda: None) == tell(again, 8.0, "falls", lambda: None)

    def test_half_of_a_life(self) -> None:
        """A unit is cut halfway to its first reading beyond the threshold; others at the same time, or not at all."""
        records = falling(2)
        one, whole = (origins(records, 8.0, "falls", (0.5,), others=others)[0] for others in ("cut", "complete"))

        assert one.truth_t is not None
        assert one.at_t == pytest.approx(one.truth_t / 2)
        assert all(record.t[-1] <= one.at_t for record in one.known)
        assert [len(record.t) for record in whole.known[1:]] == [30, 30, 30]

    def test_units_that_crossed_or_are_hardly_known_are_left_out(self) -> None:
        """Fewer than three readings, or a crossing before the origin: nothing to foretell."""
        early = Record("early", np.arange(4.0), np.array([10.0, 7.0, 7.0, 7.0]))

        assert origins([early], 8.0, "falls", (0.5,)) == []
        assert origins([Record("flat", np.arange(4.0), np.full(4, 10.0))], 8.0, "falls", (0.1,)) == []


class TestScores:
    def test_by_hand(self) -> None:
        """Two crossings and a unit still good: error, coverage and openness as counted on paper."""
        own = Record("a", np.arange(3.0), np.ones(3))
        asked = [
            Origin("a", 0.5, 10.0, 20.0, 19.0, 20.0, (own,)),
            Origin("b", 0.5, 10.0, 30.0, 29.0, 30.0, (own,)),
            Origin("c", 0.5, 10.0, None, 50.0, 50.0, (own,)),
        ]
        told = [Foretold(15.0, 22.0, 19.5), Foretold(10.0, 24.0, 28.0), Foretold(30.0, 60.0, float("inf"))]
        row = scores.table(scores.rows(asked, {"one": told})).row(0, named=True)

        assert (row["origins"], row["crossed"], row["answered"], row["open_ended"]) == (3, 2, 2, 1)
        assert row["mean_error_t"] == pytest.approx(4.0)
        assert row["mean_error_life_ratio"] == pytest.approx((0.1 + 0.2) / 2)
        assert row["coverage_80"] == pytest.approx(2 / 3)

    def test_a_straight_line_is_foretold_by_the_straight_peer(self) -> None:
        """Without noise the peer hits the crossing, so that it is a fair one."""
        t = np.arange(12.0)
        asked = [Origin("a", 0.5, 11.0, 20.0, 19.0, 20.0, (Record("a", t, 10 - 0.1 * t + 1e-6 * (-1.0) ** t),))]

        assert linear(asked, 8.0, "falls", lambda: None)[0].median_t == pytest.approx(20.0, abs=0.05)


@pytest.mark.skipif(not (DATA / "nasa_battery" / "B0005.csv").is_file(), reason="nasa_battery is absent")
def test_battery_end_of_life_from_the_first_half() -> None:
    """Within a tenth of life, the interval holding, where a straight line is further off."""
    records = []
    for name in ("B0005", "B0006"):
        table = np.genfromtxt(DATA / "nasa_battery" / f"{name}.csv", delimiter=",", names=True)
        records.append(Record(name, table["discharge"], table["capacity"]))
    asked = origins(records, 1.4, "falls", (0.5,))
    each = scores.rows(asked, {name: tell(asked, 1.4, "falls", lambda: None) for name, tell in FORETELLERS.items()})
    found = {row["contender"]: row for row in scores.table(each).iter_rows(named=True)}

    assert [origin.truth_t for origin in asked] == [125, 109]
    assert found["rfid3"]["worst_error_life_ratio"] <= 0.10
    assert found["rfid3"]["coverage_80"] == 1.0
    assert found["rfid3"]["mean_error_t"] < found["linear"]["mean_error_t"]
