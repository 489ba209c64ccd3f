"""Is a snapshot the same after it was written, is every item found in it, and what is said of one, as arithmetic?"""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from handmade import made
from hypothesis import given
from hypothesis import strategies as st

from rfid3_maintenance.item import Item, Report, item_of
from rfid3_maintenance.kinds import CUTS_DAYS, KINDS
from rfid3_maintenance.predict import health, probability
from rfid3_maintenance.snapshot import ARRAYS, FORMAT, load, write
from rfid3_shared.item_ids import UnknownItem

SNAPSHOT = made(8, 4)


class TestFolder:
    def test_is_read_as_it_was_written(self, tmp_path: Path) -> None:
        """Spec and arrays come back, mapped and read-only; the same content gives the same bytes."""
        for name in ("one", "two"):
            (tmp_path / name).mkdir()
            write(SNAPSHOT, tmp_path / name)

        found = load(tmp_path / "one")

        assert found.spec == SNAPSHOT.spec
        for name in ARRAYS:
            there, kept = getattr(found, name), getattr(SNAPSHOT, name)
            assert np.array_equal(there, kept, equal_nan=there.dtype.kind == "f"), name
            assert not getattr(found, name).flags.writeable
        files = sorted(path.name for path in (tmp_path / "one").iterdir())
        assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in files)

    def test_another_format_is_refused(self, tmp_path: Path) -> None:
        """A folder that another version wrote is no snapshot."""
        write(SNAPSHOT, tmp_path)
        spec = tmp_path / "spec.json"
        spec.write_bytes(spec.read_bytes().replace(f'"format":{FORMAT}'.encode(), b'"format":99'))

        with pytest.raises(ValueError, match="another version"):
            load(tmp_path)


class TestFinding:
    def test_every_item_is_found_whatever_its_spelling(self) -> None:
        """By its tag, with blanks around it, in small letters."""
        for row in range(len(SNAPSHOT.ids)):
            name = SNAPSHOT.id_of(row)
            assert [SNAPSHOT.row_of(spelt) for spelt in (name, f" {name} ", name.lower())] == [row] * 3

    @given(st.text(max_size=40))
    def test_no_other_text_is_an_item(self, text: str) -> None:
        """Anything else is UnknownItem with ids that there are; an id that is too long, too."""
        known = {SNAPSHOT.id_of(row) for row in range(len(SNAPSHOT.ids))}
        for wanted in (text, text + "TAG-T001", "TAG-T001" + text):
            if wanted.strip().upper() in known or wanted.strip() in known or wanted.strip().lower() in known:
                continue
            with pytest.raises(UnknownItem) as fault:
                SNAPSHOT.row_of(wanted)
            assert set(fault.value.details["suggestion"]) <= known

    def test_a_slip_of_the_finger_finds_its_neighbours(self) -> None:
        """What begins alike comes first."""
        with pytest.raises(UnknownItem) as fault:
            SNAPSHOT.row_of("TAG-T0011")

        assert fault.value.details["suggestion"][0].startswith("TAG-T001")


class TestItem:
    @given(st.integers(0, 7), st.floats(0.5, 720), st.floats(0.5, 720))
    def test_chances_grow_with_time_and_lie_in_their_intervals(self, number: int, one: float, other: float) -> None:
        """A longer horizon is no less likely; bounds hold the chance and grow too; halves and doubles of expected failures here."""
        item, (near, far) = Item(SNAPSHOT, SNAPSHOT.row_of(f"TAG-T{number:03d}")), sorted((one, other))

        assert item.chance(near) <= item.chance(far)
        for days in (near, far):
            low, high = item.interval(days)
            assert low <= item.chance(days) <= high
            assert (low, high) == pytest.approx(
                (1 - np.exp(-item.hazard(days) / 2), 1 - np.exp(-item.hazard(days) * 2)), rel=1e-3
            )

    @given(st.integers(0, 7), st.floats(0, 300))
    def test_a_service_that_lies_back_counts_from_its_day(self, number: int, elapsed: float) -> None:
        """Constant hazards have no memory: whenever it was serviced, the curve is that of a serviced item."""
        row = SNAPSHOT.row_of(f"TAG-T{number:03d}")
        report = Report("serviced", "repair", datetime(2026, 1, 1, tzinfo=UTC), elapsed)

        found = Item(SNAPSHOT, row, report).survival[KINDS.index("repair")]

        assert found[: CUTS_DAYS.index(180.0)] == pytest.approx(SNAPSHOT.renewed[row, 0][: CUTS_DAYS.index(180.0)], rel=1e-4)

    def test_a_cleaning_mends_nothing(self) -> None:
        """Cleaned, an item is cleaner; its chance to fail is what it was."""
        row, at = SNAPSHOT.row_of("TAG-T007"), datetime(2026, 11, 1, tzinfo=UTC)
        plain, cleaned = Item(SNAPSHOT, row), Item(SNAPSHOT, row, Report("serviced", "cleaning", at))

        assert cleaned.chance(90) == plain.chance(90)
        assert cleaned.chance_of("cleaning", 90) < plain.chance_of("cleaning", 90)

    def test_health_and_probability_tell_the_same(self) -> None:
        """One curve behind both; a worse item is less healthy, and its service adds more."""
        items = [item_of(SNAPSHOT, f"TAG-T{k:03d}") for k in (2, 7)]
        told = [health(item) for item in items]

        for item, one in zip(items, told, strict=True):
            timeline = {point["days"]: point["probability"] for point in probability(item, 90)["timeline"]}
            assert one["overall_health_score"] == pytest.approx(1 - timeline[90], abs=1e-6)
            assert one["health_trend"] == "stable"
        assert told[0]["overall_health_score"] > told[1]["overall_health_score"]
        assert (
            told[0]["maintenance_recommendations"][0]["impact_on_health"]
            < told[1]["maintenance_recommendations"][0]["impact_on_health"]
        )
