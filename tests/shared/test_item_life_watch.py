"""Are landmarks right about who was watched when, and about what came next? Against loops over each unit's events."""

import math
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from itemlife import BACK, DAY0, INSPECT, ON_RENT, OUT, READY, REPAIR, TOUCH, day, histories, rows, scan, scans_of, sources, tag

from rfid3_shared.item_life.assemble import assemble
from rfid3_shared.item_life.life import Life
from rfid3_shared.item_life.watch import EVENT_KINDS, events_of, landmarks, observed

masters = st.lists(st.sampled_from([READY, ON_RENT, INSPECT, "Sold", "Missing", None]), min_size=3, max_size=3)
steps = st.sampled_from([0.5, 7.0, 28.0, 45.3])


def random_life(drawn: list[tuple[Any, ...]], statuses: list[str | None]) -> Life:
    return assemble(sources(scans_of(drawn), [tag(f"T{at + 1}", status) for at, status in enumerate(statuses)]))


def by_hand(life: Life, kind: str, every_days: float) -> list[tuple[str, datetime, float, bool]]:
    """Landmarks unit by unit and moment by moment."""
    found = []
    for unit, entered, left, _ in observed(life).rows():
        at = life.data_from.replace(hour=0, minute=0, second=0)
        while at < left:
            if at >= entered:
                later = [when for name, when in events_of(life, kind).rows() if name == unit and at < when <= left]
                until = min(later) if later else left
                found.append((unit, at, (until - at) / timedelta(days=1), bool(later)))
            at += timedelta(microseconds=round(every_days * 86_400_000_000))
    return found


class TestLandmarks:
    @given(histories(), masters, st.sampled_from(EVENT_KINDS), steps)
    def test_equal_a_loop_over_every_unit(self, drawn, statuses, kind: str, every_days: float) -> None:
        """Any history, any kind, any step: the same moments, the same next events, the same ends of sight."""
        life = random_life(drawn, statuses)

        found, expected = landmarks(life, kind, every_days), by_hand(life, kind, every_days)

        assert found.drop("after_days").rows() == [(unit, at, event) for unit, at, _, event in expected]
        np.testing.assert_allclose(found["after_days"], [after for _, _, after, _ in expected], atol=1e-9)

    def test_days_run_to_the_next_fault_or_to_the_end_of_sight(self) -> None:
        """A unit seen from day 0, broken on days 10 and 70, under watch to day 100."""
        scans = [scan("T1", TOUCH, 0), scan("T1", TOUCH, 10, REPAIR), scan("T1", OUT, 40), scan("T1", BACK, 50), scan("T1", TOUCH, 70,
        REPAIR),
                 scan("T1", TOUCH, 71), scan("T2", TOUCH, 100)]  # fmt: skip

        found = landmarks(assemble(sources(scans)), "repair").filter(pl.col("tag_id") == "T1")

        # landmarks are midnights, 9 hours (0.375 days) before the morning from which days are counted
        assert found["event"].to_list() == [True, True, False]
        assert found["after_days"].to_list() == pytest.approx([70.375 - 28, 70.375 - 56, 100.375 - 84])

    @pytest.mark.parametrize("step", [0.0, -1.0, math.nan])
    def test_refuses_no_step(self, step: float) -> None:
        """A step that never gets anywhere."""
        with pytest.raises(ValueError, match="step"):
            landmarks(assemble(sources()), "repair", step)

    def test_refuses_a_kind_nobody_knows(self) -> None:
        """Kinds are those of the words."""
        with pytest.raises(ValueError, match="repair, cleaning, retirement, loss"):
            landmarks(assemble(sources()), "rust")

    def test_a_source_without_scans_has_none(self) -> None:
        """Units that were never seen are under nobody's watch."""
        life = assemble(sources())

        assert landmarks(life, "loss").shape == (0, 4)
        assert len(life.units) == 3


class TestObserved:
    def test_says_until_when_a_fault_would_have_been_seen(self) -> None:
        """At home: to the end of the data. Out and not seen since: to its departure, unless RFID3 has it back. Sold: until then."""
        scans = [scan("home", TOUCH, 2), scan("out", TOUCH, 0), scan("out", OUT, 5), scan("back", OUT, 5), scan("sold", TOUCH, 1),
                 scan("sold", TOUCH, 6), scan("end", TOUCH, 30), scan("for sale", TOUCH, 3)]  # fmt: skip
        tags = [
            tag("home"),
            tag("out", ON_RENT),
            tag("back"),
            tag("sold", "Sold"),
            tag("end"),
            tag("never"),
            tag("for sale", bin_location="resale"),
        ]

        found = observed(assemble(sources(scans, tags)))

        assert rows(found, "tag_id", "entered_at", "left_at", "gone") == [
            ("back", 5, 30, None), ("end", 30, 30, None), ("home", 2, 30, None), ("out", 0, 5, None), ("sold", 1, 6, "retirement"),
        ]  # fmt: skip

    def test_a_known_creation_is_an_earlier_entry(self) -> None:
        """A unit was there before it was first seen, where RFID3 says when it was made; but nothing is seen before the data begin."""
        scans = [scan("old", TOUCH, 20), scan("new", TOUCH, 20), scan("T1", TOUCH, 0)]
        tags = [tag("old", created_at=day(-300)), tag("new", created_at=day(12)), tag("T1"), tag("unseen", created_at=day(3))]

        found = observed(assemble(sources(scans, tags)))

        assert rows(found, "tag_id", "entered_at") == [("T1", 0), ("new", 12), ("old", 0), ("unseen", 3)]

    def test_faults_do_not_end_the_watch(self) -> None:
        """Units broken once in 100 days and seen at random: the hazard comes out right, where ending at the last sighting makes it half
        as large again."""
        draw, units, days = np.random.default_rng(5), 3000, 200
        scans = []
        for unit in range(units):
            for kind, rate in ((REPAIR, 0.01), (READY, 0.005)):
                scans += [scan(f"U{unit}", TOUCH, at, kind) for at in draw.uniform(0, days, draw.poisson(rate * days))]
        life = assemble(sources(scans, [tag(f"U{unit}") for unit in range(units)]))
        # every scan of a fault is a fault of its own here
        life = replace(life, faults=pl.DataFrame(
            [(one["tag_id"], one["scan_date"], "repair") for one in scans if one["status"] == REPAIR],
            schema={"tag_id": pl.String, "at": pl.Datetime("us"), "kind": pl.String}, orient="row"))  # fmt: skip
        spans = observed(life)
        inside = events_of(life, "repair").join(spans, on="tag_id").filter(pl.col("at") > pl.col("entered_at"))
        last = spans.join(life.units.select("tag_id", "last_seen"), on="tag_id")

        exposure = (spans["left_at"] - spans["entered_at"]).dt.total_seconds().sum() / 86_400
        narrow = (last["last_seen"] - last["entered_at"]).dt.total_seconds().sum() / 86_400

        assert len(inside) / exposure == pytest.approx(0.01, rel=0.03)
        assert len(inside) / narrow > 0.0125
        assert spans["entered_at"].min() >= DAY0
