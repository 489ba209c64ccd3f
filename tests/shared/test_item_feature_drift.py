"""Does a shop that goes on as it was stay quiet, look after look, and is one that changed found?"""

from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
from itemlife import day, scan, sources

from rfid3_shared.item_life import feature_drift
from rfid3_shared.item_life.assemble import assemble
from rfid3_shared.item_life.definitions import ITEM, QUARTER, WATCHED
from rfid3_shared.item_life.life import Life
from rfid3_shared.monitor import findings
from rfid3_shared.monitor.findings import Finding

BEGUN, DAYS, CLASSES, UNITS = datetime(2024, 6, 3, 8), 760, 60, 5
TRAINED = 364 + 2 * 90 + 20
"""The first day number with a year of records and the half before it, and some."""
EVERY = 14
NOBODY = assemble(sources())
EMPTY = {
    name: pl.DataFrame(schema=getattr(NOBODY, name).schema) for name in ("units", "stays", "absences", "steps", "sightings")
}


@cache
def company(seed: int, *, washed: float = 1.0, busier: float = 1.0, since: int = DAYS) -> Life:
    """A shop with a season: contracts take several units of two classes for days, and what comes back is washed now and then.

    From day `since` on it washes and rents so many times as much.
    """
    random, stays, washes = np.random.default_rng(seed), [], []
    liked = random.gamma(1.0, 1.0, CLASSES)
    season = 2 + np.cos(2 * np.pi * (np.arange(DAYS) - 20) / 365.25)
    for number, contracts in enumerate(random.poisson(0.7 * season * np.where(np.arange(DAYS) >= since, busier, 1.0))):
        for _ in range(contracts):
            for kind in random.choice(CLASSES, 2, replace=False, p=liked / liked.sum()):
                for unit in random.choice(UNITS, random.integers(1, UNITS), replace=False):
                    out = number + 0.5 * random.uniform()
                    stays.append((f"C{kind}U{unit}", out, out + random.lognormal(1.4, 0.5)))
                    if random.uniform() < 0.4 * (washed if number >= since else 1.0):
                        washes.append((f"C{kind}U{unit}", stays[-1][2]))
    names = [f"C{kind}U{unit}" for kind in range(CLASSES) for unit in range(UNITS)]
    every = pl.DataFrame({"tag_id": names, "rental_class": [name.split("U")[0] for name in names], "for_sale": False}).with_columns(
        category=pl.lit("Linen"), created_at=pl.lit(None, pl.Datetime("us")), first_seen=pl.lit(BEGUN)
    )  # fmt: skip
    out = pl.DataFrame(stays, {"tag_id": pl.String, "out": pl.Float64, "back": pl.Float64}, orient="row")
    left, back = (
        pl.lit(BEGUN) + pl.duration(microseconds=(pl.col(name) * 86_400).cast(pl.Int64) * 1_000_000) for name in ("out", "back")
    )
    stayed = out.select("tag_id", begun_at=left, left_at=left, known_at=back, days=pl.col("back") - pl.col("out"))
    washed_at = pl.DataFrame(washes, {"tag_id": pl.String, "back": pl.Float64}, orient="row").select("tag_id", begun_at=back)
    given = {
        "units": every, "stays": stayed, "absences": stayed.filter(pl.col("known_at") <= BEGUN + timedelta(days=DAYS)),
        "steps": washed_at.with_columns(kind=pl.lit("wash")),
        "sightings": pl.concat([stayed.select("tag_id", at="begun_at"), stayed.select("tag_id", at="known_at")]),
    }  # fmt: skip
    whole = {name: pl.concat([EMPTY[name], frame], how="diagonal_relaxed") for name, frame in given.items()}
    return replace(NOBODY, **whole, data_from=BEGUN, data_to=BEGUN + timedelta(days=DAYS))


def looks(life: Life, until: int = DAYS) -> list[list[Finding]]:
    """What the monitors said on every other Friday from TRAINED on, trained anew every fourth; nothing is tolerated but chance."""
    found, spec = [], {}
    for look, number in enumerate(range(TRAINED, until, EVERY)):
        at = BEGUN + timedelta(days=number)
        if look % 2 == 0:
            spec = feature_drift.spec_of(replace(life, data_to=at))
        reference = feature_drift.references_of(spec, at.date())
        live = feature_drift.live(life, reference, at)
        found.append(findings.inputs(reference, live, look=look * EVERY + 1, false_alarm_ratio=0.01, practical_threshold=1e-9))
    return found


class TestWatch:
    def test_an_unchanged_shop_is_quiet(self) -> None:
        """A look every two weeks for half a year, every feature: no alarm, though nothing is tolerated but chance."""
        found = looks(company(1))

        assert len(found) > 12
        assert all(
            {one.subject for one in said} == {name for name in WATCHED.names if name != "grades_latest"} for said in found
        )
        assert [one.message for said in found for one in said if one.status == "alarm"] == []

    @pytest.mark.parametrize(
        ("change", "subject"), [({"washed": 0.0}, "washes_count"), ({"busier": 5.0}, "rentals_count")], ids=["no washing", "busier"]
    )  # fmt: skip
    def test_a_changed_shop_is_found(self, change: dict[str, Any], subject: str) -> None:
        """Nothing is washed any more, or five times as much is rented: found within the quarter that features look back, not before."""
        found = looks(company(1, since=TRAINED + EVERY, **change), until=TRAINED + EVERY + 98)

        alarms = [
            EVERY * at for at, said in enumerate(found) for one in said if one.status == "alarm" and one.subject == subject
        ]
        assert EVERY < alarms[0] <= EVERY + 91
        assert not any(one.status == "alarm" for said in found[:2] for one in said)


class TestReferences:
    def test_are_the_same_days_of_a_year_before(self) -> None:
        """Bins of washes: those of units seen in the quarter that ended 364 days ago, counted by hand."""
        life = company(1)
        end = life.data_to - timedelta(days=364)
        begin = end - QUARTER.span

        spec = feature_drift.spec_of(life)
        learned = feature_drift.references_of(spec, life.data_to.date())["washes_count"]

        inside = (pl.col("at") > begin) & (pl.col("at") <= end)
        seen = set(life.sightings.filter(inside)["tag_id"])
        washed = life.steps.filter((pl.col("begun_at") > begin) & (pl.col("begun_at") <= end))["tag_id"].to_list()
        counts = [washed.count(tag) for tag in sorted(seen)]
        assert learned["count"] == len(seen)
        assert learned["shares"][1] == pytest.approx(counts.count(0) / len(counts))
        near, far = (life.data_to.date() + timedelta(days=days) for days in (35, 36))
        assert feature_drift.references_of(spec, near)
        assert feature_drift.references_of(spec, far) == {}

    def test_short_records_say_nothing(self) -> None:
        """Half a year beyond a year is needed: without it there is no reference, no live value, and a finding that says why."""
        life = replace(company(1), data_from=BEGUN + timedelta(days=DAYS - 364 - 180 + 29))

        spec = feature_drift.spec_of(life)

        found = feature_drift.abstained(life)
        assert (spec, feature_drift.references_of(spec, date(2026, 9, 1)), feature_drift.live(life, {})) == (
            {"features": {}},
            {},
            {},
        )
        assert (found.status, found.figures) == ("too little data", {"found_days": 515, "needed_days": 544})

    def test_of_many_units_some_are_looked_at(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Every third unit, if a third is what may be looked at: the same ones then and now."""
        life = company(1)
        monkeypatch.setattr(feature_drift, "MOST_UNITS", CLASSES * UNITS // 3)

        reference = feature_drift.references_of(feature_drift.spec_of(life), life.data_to.date())

        assert 50 < reference["rentals_count"]["count"] <= CLASSES * UNITS // 3
        assert len(feature_drift.live(life, reference)["rentals_count"]) <= CLASSES * UNITS // 3


class TestWatched:
    def test_no_fact_is_forgotten(self) -> None:
        """Every kind of fact that a feature rests on is watched, but the weather's and the beginning of records."""
        facts = {one.facts for one in ITEM.features} - {"rain", "rain_unknown", "first_seen"}

        assert {one.facts for one in WATCHED.features} == facts
        assert len(set(WATCHED.names)) == len(WATCHED.names)

    def test_a_scanned_life_is_counted(self) -> None:
        """What a quarter brought one unit, from its scans: two rentals, one of them before the quarter."""
        told = [scan("T1", "Rental", 10), scan("T1", "Return", 14), scan("T1", "Rental", 150), scan("T1", "Return", 153)]
        life = assemble(sources(told, until=200))

        reference: dict[str, dict[str, Any]] = {name: {} for name in WATCHED.names}
        live = feature_drift.live(life, reference, day(160))

        assert {name: live[name].tolist() for name in ("rentals_count", "absences_sum", "sightings_count")} == {
            "rentals_count": [1.0], "absences_sum": [pytest.approx(3.0)], "sightings_count": [2.0],
        }  # fmt: skip
